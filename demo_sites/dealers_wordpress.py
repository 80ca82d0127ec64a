"""Dealerships on WordPress, each with another form plugin, in the markup these really print."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from demo_sites.dealers import ERRORS, Lot, beside, receive

OK = {"ok": True}

# --- Contact Form 7: the form carries its status, the REST route answers JSON --------------------------------------
CF7_CSS = """<style>.wpcf7 .screen-reader-response{position:absolute;overflow:hidden;clip:rect(1px,1px,1px,1px);height:1px;width:1px;margin:-1px;border:0}
.wpcf7-response-output{margin:2em 0;padding:.6em 1em;border:2px solid #00a0d2}.wpcf7 form.init .wpcf7-response-output,.wpcf7 form.resetting .wpcf7-response-output,.wpcf7 form.submitting .wpcf7-response-output{display:none}
.wpcf7 form.sent .wpcf7-response-output{border-color:#46b450}.wpcf7 form.spam .wpcf7-response-output,.wpcf7 form.failed .wpcf7-response-output{border-color:#dc3232}.wpcf7-not-valid-tip{color:#dc3232;font-size:.9em;display:block}
.wpcf7-spinner{visibility:hidden;display:inline-block}.wpcf7-form-control-wrap{display:block}.wpcf7-list-item-label{font-weight:400}</style>"""
CF7_JS = """<script>
document.querySelectorAll('.wpcf7-form').forEach(function (form) {
  var box = form.querySelector('.wpcf7-acceptance input'), button = form.querySelector('.wpcf7-submit');
  if (box) { button.disabled = !box.checked; box.addEventListener('change', function () { button.disabled = !box.checked; }); }
  function setStatus(status) { form.dataset.status = status; form.className = 'wpcf7-form ' + status; }
  form.addEventListener('submit', function (event) {
    event.preventDefault();
    form.querySelectorAll('.wpcf7-not-valid-tip').forEach(function (tip) { tip.remove(); });
    setStatus('submitting');
    fetch('/wp-json/contact-form-7/v1/contact-forms/11/feedback', { method: 'POST', body: new FormData(form), headers: { Accept: 'application/json, */*;q=0.1' } })
      .then(function (answer) { return answer.json(); })
      .then(function (answer) {
        (answer.invalid_fields || []).forEach(function (wrong) {
          var tip = document.createElement('span');
          tip.className = 'wpcf7-not-valid-tip'; tip.setAttribute('aria-hidden', 'true'); tip.textContent = wrong.message;
          var wrap = form.querySelector('[data-name="' + wrong.field + '"]');
          if (wrap) { wrap.append(tip); wrap.querySelector('input,textarea,select').setAttribute('aria-invalid', 'true'); }
        });
        setStatus({ mail_sent: 'sent', validation_failed: 'invalid', spam: 'spam', mail_failed: 'failed', acceptance_missing: 'unaccepted' }[answer.status]);
        form.querySelector('.wpcf7-response-output').textContent = answer.message;
        form.parentElement.querySelector('.screen-reader-response p').textContent = answer.message;
        if (answer.status === 'mail_sent') form.reset();
      });
  });
});</script>"""


def cf7(fields: str) -> str:
    return (
        """<div class="wpcf7 js" id="wpcf7-f11-p7-o1" lang="en-US" dir="ltr" data-wpcf7-id="11"><div class="screen-reader-response"><p role="status" aria-live="polite" aria-atomic="true"></p><ul></ul></div>
<form action="/contact/#wpcf7-f11-p7-o1" method="post" class="wpcf7-form init" aria-label="Contact form" novalidate="novalidate" data-status="init">
<fieldset class="hidden-fields-container hide"><input type="hidden" name="_wpcf7" value="11"><input type="hidden" name="_wpcf7_version" value="6.1"><input type="hidden" name="_wpcf7_unit_tag" value="wpcf7-f11-p7-o1"></fieldset>
"""
        + fields
        + """<div class="wpcf7-response-output" aria-hidden="true"></div></form></div>"""
        + CF7_JS
    )


def cf7_field(name: str, label: str, kind: str = "text", required: bool = True) -> str:
    facts = f'name="{name}" class="wpcf7-form-control{" wpcf7-validates-as-required" if required else ""}"'
    if required:
        facts += ' aria-required="true" aria-invalid="false"'
    inner = (
        f'<textarea cols="40" rows="8" {facts}></textarea>'
        if kind == "textarea"
        else f'<input size="40" type="{kind}" {facts} value="">'
    )
    return f'<p><label> {label}{" *" if required else ""}<br><span class="wpcf7-form-control-wrap" data-name="{name}">{inner}</span> </label></p>\n'


def cf7_answer(wrong: dict[str, str], spam: bool = False) -> Response:
    """The reply of the plugin's REST route."""
    if spam or "" in wrong:
        status, message = "spam", "There was an error trying to send your message. Please try again later."
    elif wrong:
        status, message = "validation_failed", "One or more fields have an error. Please check and try again."
    else:
        status, message = "mail_sent", "Thank you for your message. It has been sent."
    fields = [
        {"field": name, "message": text, "idref": None, "error_id": f"-ve-{name}"} for name, text in wrong.items()
    ]
    return jsonify(contact_form_id=11, status=status, message=message, invalid_fields=fields, into="#wpcf7-f11-p7-o1")


NAME_EMAIL = cf7_field("your-name", "Your name") + cf7_field("your-email", "Your email", "email")
BODY = cf7_field("your-message", "Your message (optional)", "textarea", required=False)
SEND = '<p><input class="wpcf7-form-control wpcf7-submit has-spinner" type="submit" value="Submit"><span class="wpcf7-spinner"></span></p>'

maple = Lot("maple-street-motors", OK, builder="WordPress, Contact Form 7")
maple.page(
    "/contact/",
    "Contact",
    beside(
        "<h1>Contact us</h1><p>Questions about a car on our lot? We answer within a business day.</p>"
        + cf7(NAME_EMAIL + cf7_field("your-subject", "Subject") + BODY + SEND)
    ),
    head=CF7_CSS,
)


@maple.post("/wp-json/contact-form-7/v1/contact-forms/11/feedback")
def _() -> Any:
    return cf7_answer(receive(need="your-name your-email your-subject", email="your-email"))


lakeview = Lot(
    "lakeview-auto",
    OK,
    builder="WordPress, Contact Form 7 with acceptance",
    contact="/get-in-touch/",
    link="Get in touch",
    note="the submit button is disabled until the acceptance box is ticked",
)
lakeview.page(
    "/get-in-touch/",
    "Get in touch",
    beside(
        "<h1>Get in touch</h1>"
        + cf7(
            '<div class="pair">'
            + cf7_field("first-name", "First name")
            + cf7_field("last-name", "Last name")
            + "</div>"
            + cf7_field("your-email", "Email", "email")
            + cf7_field("your-tel", "Telephone", "tel", required=False)
            + cf7_field("your-message", "How can we help?", "textarea")
            + '<p><span class="wpcf7-form-control-wrap" data-name="acceptance-1"><span class="wpcf7-form-control wpcf7-acceptance"><span class="wpcf7-list-item"><label class="check"><input type="checkbox" name="acceptance-1" value="1" aria-invalid="false"><span class="wpcf7-list-item-label">I agree that my details are stored to answer my inquiry, as the <a href="/privacy-policy/">privacy policy</a> says.</span></label></span></span></span></p>'
            + SEND
        )
    ),
    head=CF7_CSS,
)
lakeview.page("/privacy-policy/", "Privacy policy", "<h1>Privacy policy</h1><p>We keep your inquiry for a year.</p>")


@lakeview.post("/wp-json/contact-form-7/v1/contact-forms/11/feedback")
def _() -> Any:
    wrong = receive(
        need="first-name last-name your-email your-message", email="your-email", phone="your-tel", ticked="acceptance-1"
    )
    return cf7_answer(wrong)


# --- Gravity Forms: posts into a hidden frame, whose page hands the confirmation up ----------------------------------
buckeye = Lot("buckeye-valley-honda", OK, builder="WordPress, Gravity Forms", contact="/contact-us/", link="Contact Us")
GRAVITY_CSS = """<style>.gform_validation_container{position:absolute!important;left:-9000px}.gform_required_legend,.gfield_required{color:#c02b0a;font-size:.85em}
.ginput_container_name{display:grid;grid-template-columns:1fr 1fr;gap:16px}.gform_fields{display:grid;gap:18px}.gform_fields label{display:block}.ginput_container_name label{font-weight:400;font-size:.85em}.gfield_radio{display:flex;gap:20px}.gfield_radio label{display:inline;font-weight:400}.gform_ajax_spinner{margin-left:8px}</style>"""
GRAVITY = (
    """<div class="gf_browser_chrome gform_wrapper gravity-theme" id="gform_wrapper_1"><div id="gf_1" class="gform_anchor" tabindex="-1"></div>
<div class="gform_heading"><h2 class="gform_title">Contact Buckeye Valley Honda</h2><p class="gform_required_legend">&quot;<span class="gfield_required">*</span>&quot; indicates required fields</p></div>"""
    + ERRORS
    + """<form method="post" enctype="multipart/form-data" target="gform_ajax_frame_1" id="gform_1" action="/contact-us/#gf_1" novalidate>
<div class="gform-body gform_body"><div id="gform_fields_1" class="gform_fields top_label">
<fieldset id="field_1_1" class="gfield gfield--type-name gfield_contains_required"><legend class="gfield_label gform-field-label gfield_label_before_complex">Name<span class="gfield_required">*</span></legend>
<div class="ginput_complex ginput_container ginput_container_name" id="input_1_1"><span id="input_1_1_3_container" class="name_first"><input type="text" name="input_1.3" id="input_1_1_3" value="{{ f['input_1.3'] }}" aria-required="true"><label for="input_1_1_3">First</label></span>
<span id="input_1_1_6_container" class="name_last"><input type="text" name="input_1.6" id="input_1_1_6" value="{{ f['input_1.6'] }}" aria-required="true"><label for="input_1_1_6">Last</label></span></div></fieldset>
<div id="field_1_2" class="gfield gfield--type-email gfield_contains_required"><label class="gfield_label" for="input_1_2">Email<span class="gfield_required">*</span></label><div class="ginput_container"><input name="input_2" id="input_1_2" type="email" value="{{ f['input_2'] }}" class="large" aria-required="true" aria-invalid="false"></div></div>
<div id="field_1_3" class="gfield gfield--type-phone"><label class="gfield_label" for="input_1_3">Phone</label><div class="ginput_container"><input name="input_3" id="input_1_3" type="tel" value="{{ f['input_3'] }}" class="large"></div></div>
<fieldset id="field_1_5" class="gfield gfield--type-radio"><legend class="gfield_label">How should we reach you?</legend><div class="gfield_radio" id="input_1_5"><div class="gchoice"><input class="gfield-choice-input" name="input_5" type="radio" value="Email" id="choice_1_5_0"> <label for="choice_1_5_0">Email</label></div><div class="gchoice"><input class="gfield-choice-input" name="input_5" type="radio" value="Phone" id="choice_1_5_1"> <label for="choice_1_5_1">Phone</label></div><div class="gchoice"><input class="gfield-choice-input" name="input_5" type="radio" value="Text" id="choice_1_5_2"> <label for="choice_1_5_2">Text</label></div></div></fieldset>
<div id="field_1_4" class="gfield gfield--type-textarea gfield_contains_required"><label class="gfield_label" for="input_1_4">Comments<span class="gfield_required">*</span></label><div class="ginput_container"><textarea name="input_4" id="input_1_4" class="textarea medium" aria-required="true" rows="10" cols="50">{{ f['input_4'] }}</textarea></div></div>
<div id="field_1_6" class="gfield gform_validation_container field_sublabel_below"><label class="gfield_label" for="input_1_6">Name</label><div class="ginput_container"><input name="input_6" id="input_1_6" type="text" value="" autocomplete="new-password"></div><div class="gfield_description" id="gfield_description_1_6">This field is for validation purposes and should be left unchanged.</div></div>
</div></div><div class="gform-footer gform_footer top_label"><input type="submit" id="gform_submit_button_1" class="gform_button button" value="Send message"><input type="hidden" name="gform_ajax" value="form_id=1"><input type="hidden" class="gform_hidden" name="is_submit_1" value="1"><input type="hidden" class="gform_hidden" name="gform_submit" value="1"></div></form></div>"""
)
FRAME = """<iframe style="display:none;width:0;height:0" src="about:blank" name="gform_ajax_frame_1" id="gform_ajax_frame_1" title="This iframe contains the logic required to handle Ajax powered Gravity Forms."></iframe>
<script>document.getElementById('gform_ajax_frame_1').addEventListener('load', function () {
  var inner = this.contentDocument.querySelector('#gform_wrapper_1, #gform_confirmation_wrapper_1');
  if (inner) document.getElementById('gform_wrapper_1').replaceWith(document.importNode(inner, true));
});</script>"""
buckeye.page("/contact-us/", "Contact Us", beside(GRAVITY + FRAME), head=GRAVITY_CSS)


@buckeye.post("/contact-us/")
def _() -> Any:
    wrong = receive(need="input_1.3 input_1.6 input_2 input_4", email="input_2", phone="input_3", empty="input_6")
    if wrong:
        return buckeye.again("Contact Us", GRAVITY, wrong)
    return buckeye.draw(
        "Contact Us",
        '<div id="gform_confirmation_wrapper_1" class="gform_confirmation_wrapper"><div id="gform_confirmation_message_1" class="gform_confirmation_message_1 gform_confirmation_message" role="alert">Thanks for contacting us! We will get in touch with you shortly.</div></div>',
    )


# --- WPForms -----------------------------------------------------------------------------------------------------------
granville = Lot("granville-chevrolet", OK, builder="WordPress, WPForms", contact="/contact-us/", link="Contact Us")
AJAX = """<script>(function () {
  var form = document.querySelector('FORM');
  form.addEventListener('submit', function (event) {
    event.preventDefault();
    if (!form.checkValidity()) { form.reportValidity(); return; }
    var body = new FormData(form); body.append('action', 'ACTION');
    fetch('/wp-admin/admin-ajax.php', { method: 'POST', body: body }).then(function (answer) { return answer.json(); }).then(function (answer) { SHOW });
  });
})();</script>"""


def ajax(form: str, action: str, show: str) -> str:
    """A form sent by its own script to WordPress' address for such things; `show` deals with `answer`."""
    return AJAX.replace("FORM", form).replace("ACTION", action).replace("SHOW", show)


granville.page(
    "/contact-us/",
    "Contact Us",
    beside("""<h1>Contact our sales team</h1><div class="wpforms-container wpforms-container-full" id="wpforms-48"><form id="wpforms-form-48" class="wpforms-validate wpforms-form wpforms-ajax-form" data-formid="48" method="post" enctype="multipart/form-data" action="/contact-us/">
<noscript class="wpforms-error-noscript">Please enable JavaScript in your browser to complete this form.</noscript><div class="wpforms-field-container">
<div id="wpforms-48-field_0-container" class="wpforms-field wpforms-field-name" data-field-id="0"><fieldset><legend class="wpforms-field-label">Name <span class="wpforms-required-label">*</span></legend><div class="wpforms-field-row pair"><div class="wpforms-field-row-block wpforms-first"><input type="text" id="wpforms-48-field_0" class="wpforms-field-name-first wpforms-field-required" name="wpforms[fields][0][first]" required><label for="wpforms-48-field_0" class="wpforms-field-sublabel after small">First</label></div><div class="wpforms-field-row-block"><input type="text" id="wpforms-48-field_0-last" class="wpforms-field-name-last wpforms-field-required" name="wpforms[fields][0][last]" required><label for="wpforms-48-field_0-last" class="wpforms-field-sublabel after small">Last</label></div></div></fieldset></div>
<p class="wpforms-field wpforms-field-email" data-field-id="1"><label class="wpforms-field-label" for="wpforms-48-field_1">E-mail <span class="wpforms-required-label">*</span></label><input type="email" id="wpforms-48-field_1" class="wpforms-field-large wpforms-field-required" name="wpforms[fields][1]" required></p>
<div class="wpforms-field wpforms-field-text wpforms-field-hp" style="position:absolute!important;overflow:hidden!important;display:inline!important;height:1px!important;width:1px!important;z-index:-1000!important;padding:0!important"><label for="wpforms-48-field_3" class="wpforms-field-label" aria-hidden="true">E-mail Phone Message</label><input type="text" id="wpforms-48-field_3" name="wpforms[fields][3]" tabindex="-1" aria-hidden="true" style="height:1px!important;width:1px!important;padding:0!important;border:0!important"></div>
<p class="wpforms-field wpforms-field-phone" data-field-id="4"><label class="wpforms-field-label" for="wpforms-48-field_4">Phone</label><input type="tel" id="wpforms-48-field_4" name="wpforms[fields][4]"></p>
<p class="wpforms-field wpforms-field-select" data-field-id="5"><label class="wpforms-field-label" for="wpforms-48-field_5">Department <span class="wpforms-required-label">*</span></label><select id="wpforms-48-field_5" name="wpforms[fields][5]" required><option value="" class="placeholder" disabled selected>Choose a department</option><option>Sales</option><option>Service</option><option>Parts</option></select></p>
<p class="wpforms-field wpforms-field-textarea" data-field-id="2"><label class="wpforms-field-label" for="wpforms-48-field_2">Comment or Message <span class="wpforms-required-label">*</span></label><textarea id="wpforms-48-field_2" name="wpforms[fields][2]" required></textarea></p></div>
<div class="wpforms-field wpforms-field-hp hide"><label for="wpforms-48-field-hp" class="wpforms-field-label">Website</label><input type="text" name="wpforms[hp]" id="wpforms-48-field-hp" class="wpforms-field-medium"></div>
<div class="wpforms-submit-container"><input type="hidden" name="wpforms[id]" value="48"><button type="submit" name="wpforms[submit]" id="wpforms-submit-48" class="wpforms-submit" data-alt-text="Sending...">Submit</button></div></form></div>""")
    + ajax(
        "#wpforms-form-48",
        "wpforms_submit",
        "if (answer.success) document.getElementById('wpforms-48').outerHTML = answer.data.confirmation; else form.insertAdjacentHTML('afterbegin', answer.data.errors);",
    ),
)


@granville.post("/wp-admin/admin-ajax.php")
def _() -> Any:
    names = {number: f"wpforms[fields][{number}]" for number in range(6)}
    wrong = receive(
        need=f"{names[0]}[first] {names[0]}[last] {names[1]} {names[2]} {names[5]}",
        email=names[1],
        phone=names[4],
        empty=f"wpforms[hp] {names[3]}",
        among={names[5]: ("Sales", "Service", "Parts")},
    )
    if wrong:
        return jsonify(
            success=False,
            data={
                "errors": '<div class="wpforms-error-container errors" role="alert">Form has not been submitted, please see the errors below.</div>'
            },
        )
    return jsonify(
        success=True,
        data={
            "confirmation": '<div class="wpforms-confirmation-container-full good" id="wpforms-confirmation-48"><p>Thanks for contacting us! We will be in touch with you shortly.</p></div>'
        },
    )


# --- Divi: placeholders only, the page comes back with the module's message --------------------------------------------
wayne = Lot("wayne-motors", OK, builder="WordPress, Divi", link="Contact Us")
DIVI = """<div id="et_pb_contact_form_0" class="et_pb_module et_pb_contact_form_0 et_pb_contact_form_container clearfix"><h1 class="et_pb_contact_main_title">Get In Touch</h1><div class="et-pb-contact-message">{% if errors %}<ul class="errors">{% for text in errors.values() %}<li>{{ text }}</li>{% endfor %}</ul>{% endif %}</div>
<div class="et_pb_contact"><form class="et_pb_contact_form clearfix" method="post" action="/contact/"><p class="et_pb_contact_field et_pb_contact_field_half" data-id="name" data-type="input"><label for="et_pb_contact_name_0" class="et_pb_contact_form_label hide">Name</label><input type="text" id="et_pb_contact_name_0" class="input" value="{{ f['et_pb_contact_name_0'] }}" name="et_pb_contact_name_0" data-required_mark="required" data-field_type="input" data-original_id="name" placeholder="Name"></p>
<p class="et_pb_contact_field et_pb_contact_field_half" data-id="email" data-type="email"><label for="et_pb_contact_email_0" class="et_pb_contact_form_label hide">Email Address</label><input type="text" id="et_pb_contact_email_0" class="input" value="{{ f['et_pb_contact_email_0'] }}" name="et_pb_contact_email_0" data-required_mark="required" data-field_type="email" data-original_id="email" placeholder="Email Address"></p>
<p class="et_pb_contact_field" data-id="message" data-type="text"><label for="et_pb_contact_message_0" class="et_pb_contact_form_label hide">Message</label><textarea name="et_pb_contact_message_0" id="et_pb_contact_message_0" class="et_pb_contact_message input" data-required_mark="required" data-field_type="text" data-original_id="message" placeholder="Message">{{ f['et_pb_contact_message_0'] }}</textarea></p>
<input type="hidden" value="et_contact_proccess" name="et_pb_contactform_submit_0"><input type="text" value="" name="et_pb_contactform_validate_0" class="et_pb_contactform_validate_field" style="display:none"><div class="et_contact_bottom_container"><button type="submit" name="et_builder_submit_button" class="et_pb_contact_submit et_pb_button">Submit</button></div><input type="hidden" name="_wpnonce-et-pb-contact-form-submitted-0" value="9d8a01c55e"></form></div></div>"""
wayne.page("/contact/", "Contact", beside(DIVI))


@wayne.post("/contact/")
def _() -> Any:
    names = "et_pb_contact_name_0 et_pb_contact_email_0 et_pb_contact_message_0"
    wrong = receive(need=names, email="et_pb_contact_email_0", empty="et_pb_contactform_validate_0")
    if wrong:
        return wayne.again("Contact", beside(DIVI), wrong)
    return wayne.draw(
        "Contact",
        beside(
            '<div id="et_pb_contact_form_0" class="et_pb_contact_form_container"><h1 class="et_pb_contact_main_title">Get In Touch</h1><div class="et-pb-contact-message good"><p>Thanks for contacting us</p></div></div>'
        ),
    )
