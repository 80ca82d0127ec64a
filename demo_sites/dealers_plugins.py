"""More of WordPress: Elementor behind a cookie bar, Formidable, Ninja Forms; the page builders' way with forms."""

from __future__ import annotations

import json
from typing import Any

from flask import jsonify, request

from demo_sites.dealers import ERRORS, Lot, beside, receive
from demo_sites.dealers_wordpress import OK, ajax

# --- Elementor; a home-made cookie bar lies over the lower third of the window, the button under it -----------------------
hocking = Lot(
    "hocking-hills-jeep",
    OK,
    builder="WordPress, Elementor; cookie bar over the button",
    note="a fixed cookie bar covers the submit button until it is answered",
)
COOKIE_BAR = """<style>.cky-consent-container{position:fixed;inset:auto 0 0 0;background:#fff;color:#222;padding:26px 32px;box-shadow:0 -4px 30px #0008;z-index:9999;min-height:36vh}.cky-consent-container.cky-hide{display:none}.cky-notice-btn-wrapper{display:flex;gap:12px}.cky-btn{border:2px solid #1863dc;background:#fff;color:#1863dc;padding:8px 26px}.cky-btn-accept{background:#1863dc;color:#fff}</style>
<div class="cky-consent-container cky-box-bottom" role="region" aria-label="We value your privacy" tabindex="0"><div class="cky-consent-bar"><p class="cky-title" role="heading" aria-level="1"><b>We value your privacy</b></p><div class="cky-notice-des"><p>We use cookies to enhance your browsing experience, serve personalized ads or content, and analyze our traffic. By clicking "Accept All", you consent to our use of cookies.</p></div><div class="cky-notice-btn-wrapper"><button class="cky-btn cky-btn-customize" aria-label="Customize">Customize</button><button class="cky-btn cky-btn-reject" aria-label="Reject All">Reject All</button><button class="cky-btn cky-btn-accept" aria-label="Accept All">Accept All</button></div></div></div>
<script>document.querySelectorAll('.cky-btn-reject,.cky-btn-accept').forEach(function (button) { button.onclick = function () { document.querySelector('.cky-consent-container').classList.add('cky-hide'); document.cookie = 'cookieyes-consent=' + button.className.slice(12) + ';path=/'; }; });
if (document.cookie.includes('cookieyes-consent')) document.querySelector('.cky-consent-container').classList.add('cky-hide');</script>"""
hocking.page(
    "/contact/",
    "Contact",
    beside("""<h1>Talk to us</h1><form class="elementor-form" method="post" id="contact_form" name="Contact"><input type="hidden" name="post_id" value="212"><input type="hidden" name="form_id" value="5ae3c11"><div class="elementor-form-fields-wrapper elementor-labels-above">
<p class="elementor-field-type-text elementor-field-group elementor-column elementor-field-group-name elementor-col-100 elementor-field-required"><label for="form-field-name" class="elementor-field-label">Name</label><input size="1" type="text" name="form_fields[name]" id="form-field-name" class="elementor-field elementor-size-sm elementor-field-textual" placeholder="Name" required aria-required="true"></p>
<div class="elementor-field-type-honeypot elementor-field-group elementor-column elementor-field-group-field_72ab elementor-col-100" style="display:none!important"><input size="1" type="text" name="form_fields[field_72ab]" id="form-field-field_72ab" class="elementor-field elementor-size-sm" style="display:none!important"></div>
<p class="elementor-field-type-email elementor-field-group elementor-column elementor-field-group-email elementor-col-100 elementor-field-required"><label for="form-field-email" class="elementor-field-label">Email</label><input size="1" type="email" name="form_fields[email]" id="form-field-email" class="elementor-field elementor-size-sm elementor-field-textual" placeholder="Email" required aria-required="true"></p>
<p class="elementor-field-type-tel elementor-field-group elementor-column elementor-field-group-field_1b2c elementor-col-100 elementor-field-required"><label for="form-field-field_1b2c" class="elementor-field-label">Phone</label><input size="1" type="tel" name="form_fields[field_1b2c]" id="form-field-field_1b2c" class="elementor-field elementor-size-sm elementor-field-textual" required pattern="[0-9()#&amp;+*-=.]+" title="Only numbers and phone characters (#, -, *, etc) are accepted."></p>
<p class="elementor-field-type-textarea elementor-field-group elementor-column elementor-field-group-message elementor-col-100"><label for="form-field-message" class="elementor-field-label">Message</label><textarea class="elementor-field-textual elementor-field elementor-size-sm" name="form_fields[message]" id="form-field-message" rows="4" placeholder="Message"></textarea></p>
<div class="elementor-field-group elementor-column elementor-field-type-submit elementor-col-100 e-form__buttons"><button type="submit" class="elementor-button elementor-size-sm"><span><span class="elementor-button-text">Send</span></span></button></div></div></form>""")
    + COOKIE_BAR
    + ajax(
        "#contact_form",
        "elementor_pro_forms_send_form",
        "form.querySelectorAll('.elementor-message').forEach(function (old) { old.remove(); }); form.insertAdjacentHTML('beforeend', '<div class=\"elementor-message elementor-message-' + (answer.success ? 'success' : 'danger') + '\" role=\"alert\">' + answer.data.message + '</div>'); if (answer.success) form.reset();",
    ),
    head="<style>.elementor-message{margin:12px 0}.elementor-message-success{color:#7ad67a}.elementor-message-danger{color:#ff8a80}.elementor-message:before{content:'\\2713  '}</style>",
)


@hocking.post("/wp-admin/admin-ajax.php")
def _() -> Any:
    wrong = receive(
        need="form_fields[name] form_fields[email] form_fields[field_1b2c]",
        email="form_fields[email]",
        phone="form_fields[field_1b2c]",
        empty="form_fields[field_72ab]",
    )
    if wrong:
        return jsonify(success=False, data={"message": "Your submission failed because of an error.", "errors": wrong})
    return jsonify(success=True, data={"message": "Your submission was successful.", "data": {}})


# --- Formidable: the rule that hides its honeypot is written by script; the page is drawn again with the message ---------------
marion = Lot("marion-subaru", OK, builder="WordPress, Formidable", contact="/contact-marion-subaru/", link="Contact Us")
FORMIDABLE = (
    """<div class="frm_forms with_frm_style frm_style_formidable-style" id="frm_form_2_container"><h1>Contact Marion Subaru</h1>"""
    + ERRORS
    + """<form enctype="multipart/form-data" method="post" class="frm-show-form" id="form_contact-form2" action="/contact-marion-subaru/"><div class="frm_form_fields"><fieldset><legend class="frm_screen_reader hide">Contact Us</legend><div class="frm_fields_container"><input type="hidden" name="frm_action" value="create"><input type="hidden" name="form_id" value="2"><input type="hidden" name="item_key" value="">
<div class="pair"><p id="frm_field_6_container" class="frm_form_field form-field frm_required_field frm_top_container frm_first frm_half"><label for="field_qh4icy2" id="field_qh4icy2_label" class="frm_primary_label">Name <span class="frm_required" aria-hidden="true">*</span></label><input type="text" id="field_qh4icy2" name="item_meta[6]" value="{{ f['item_meta[6]'] }}" data-reqmsg="Name cannot be blank." aria-required="true" aria-describedby="frm_desc_field_qh4icy2"><span class="frm_description small" id="frm_desc_field_qh4icy2">First</span></p>
<p id="frm_field_7_container" class="frm_form_field form-field frm_required_field frm_hidden_container frm_half"><label for="field_ocfup12" id="field_ocfup12_label" class="frm_primary_label">Last <span class="frm_required" aria-hidden="true">*</span></label><input type="text" id="field_ocfup12" name="item_meta[7]" value="{{ f['item_meta[7]'] }}" data-reqmsg="Last name cannot be blank." aria-required="true"></p></div>
<p id="frm_field_8_container" class="frm_form_field form-field frm_required_field"><label for="field_29yf4d2" class="frm_primary_label">Email <span class="frm_required" aria-hidden="true">*</span></label><input type="email" id="field_29yf4d2" name="item_meta[8]" value="{{ f['item_meta[8]'] }}" aria-required="true"></p>
<p id="frm_field_9_container" class="frm_form_field form-field"><label for="field_zip1" class="frm_primary_label">ZIP</label><input type="tel" id="field_zip1" name="item_meta[9]" value="{{ f['item_meta[9]'] }}" inputmode="numeric" maxlength="5" style="max-width:9em"></p>
<p id="frm_field_10_container" class="frm_form_field form-field frm_required_field"><label for="field_9jv0r12" class="frm_primary_label">Message <span class="frm_required" aria-hidden="true">*</span></label><textarea name="item_meta[10]" id="field_9jv0r12" rows="5" aria-required="true">{{ f['item_meta[10]'] }}</textarea></p>
<div class="frm_form_field frm_verify_wrap frm__68a1b2"><label for="frm_email_2">If you are human, leave this field blank.</label><input type="text" class="frm_verify" id="frm_email_2" name="frm_verify_2" value=""></div>
<div class="frm_submit"><button class="frm_button_submit frm_final_submit" type="submit">Submit</button></div></div></fieldset></div></form></div>
<script>document.head.insertAdjacentHTML('beforeend', '<style>.frm__68a1b2{visibility:hidden;overflow:hidden;width:0;height:0;position:absolute}</style>');</script>"""
)
marion.page("/contact-marion-subaru/", "Contact Us", beside(FORMIDABLE))


@marion.post("/contact-marion-subaru/")
def _() -> Any:
    wrong = receive(
        need="item_meta[6] item_meta[7] item_meta[8] item_meta[10]",
        email="item_meta[8]",
        zip="item_meta[9]",
        empty="frm_verify_2",
    )
    if wrong:
        return marion.again("Contact Us", beside(FORMIDABLE), wrong)
    return marion.draw(
        "Contact Us",
        beside(
            '<h1>Contact Marion Subaru</h1><div class="frm_forms with_frm_style" id="frm_form_2_container"><div class="frm_message good" role="status"><p>Your responses were successfully submitted. Thank you!</p></div></div>'
        ),
    )


# --- Ninja Forms: drawn by script from JSON in the page, sent as one JSON value ----------------------------------------------
union = Lot("union-county-kia", OK, builder="WordPress, Ninja Forms", note="the form is drawn by script after the page")
NINJA_FIELDS = [
    {"id": 1, "type": "textbox", "label": "Name", "required": 1},
    {"id": 2, "type": "email", "label": "Email", "required": 1},
    {"id": 5, "type": "phone", "label": "Phone", "required": 0},
    {"id": 3, "type": "textarea", "label": "Message", "required": 1},
]
union.page(
    "/contact/",
    "Contact",
    beside("""<h1>Contact us</h1><noscript class="ninja-forms-noscript-message">Notice: JavaScript is required for this content.</noscript><div id="nf-form-1-cont" class="nf-form-cont" aria-live="polite" aria-labelledby="nf-form-title-1"><div class="nf-loading-spinner">Loading&hellip;</div></div>
<script>var nfFields = {{ fields | safe }};
window.addEventListener('load', function () { setTimeout(function () {
  var cont = document.getElementById('nf-form-1-cont'), html = '<span id="nf-form-title-1" class="nf-form-title"><h3>We answer today</h3></span><div class="nf-form-wrap ninja-forms-form-wrap"><div class="nf-response-msg"></div><div class="nf-debug-msg"></div><div class="nf-before-form"></div><form><div class="nf-form-content"><nf-fields-wrap>';
  nfFields.forEach(function (field) {
    var facts = 'name="nf-field-' + field.id + '" id="nf-field-' + field.id + '" class="ninja-forms-field nf-element" aria-labelledby="nf-label-field-' + field.id + '"' + (field.required ? ' aria-required="true" required' : '');
    var kind = { textbox: 'text', email: 'email', phone: 'tel' }[field.type];
    html += '<nf-field><div id="nf-field-' + field.id + '-container" class="nf-field-container ' + field.type + '-container label-above field"><div class="nf-field-label"><label for="nf-field-' + field.id + '" id="nf-label-field-' + field.id + '">' + field.label + (field.required ? ' <span class="ninja-forms-req-symbol">*</span>' : '') + '</label></div><div class="nf-field-element">' + (kind ? '<input type="' + kind + '" value="" ' + facts + '>' : '<textarea ' + facts + '></textarea>') + '</div></div></nf-field>';
  });
  html += '<nf-field><div class="nf-field-container hp-wrap" style="position:absolute;left:-9999px" aria-hidden="true"><label for="nf-field-hp">Website</label><input id="nf-field-hp" type="text" name="nf-field-hp" tabindex="-1" autocomplete="off"></div></nf-field>';
  cont.innerHTML = html + '<nf-field><div class="submit-container"><input id="nf-field-4" class="ninja-forms-field nf-element" type="submit" value="Submit"></div></nf-field></nf-fields-wrap></div></form></div>';
  var form = cont.querySelector('form');
  form.addEventListener('submit', function (event) {
    event.preventDefault();
    var fields = {}; form.querySelectorAll('.nf-element[name], [name=nf-field-hp]').forEach(function (one) { if (one.type !== 'submit') fields[one.name.slice(9)] = { value: one.value, id: one.name.slice(9) }; });
    fetch('/wp-admin/admin-ajax.php', { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8' }, body: new URLSearchParams({ action: 'nf_ajax_submit', formData: JSON.stringify({ id: '1', fields: fields, settings: {} }) }) })
      .then(function (answer) { return answer.json(); }).then(function (answer) {
        if (Object.keys(answer.errors).length) { cont.querySelector('.nf-debug-msg').innerHTML = '<div class="errors nf-error-msg" role="alert">Please correct errors before submitting this form.</div>'; return; }
        cont.querySelector('.nf-form-content').style.display = 'none';
        cont.querySelector('.nf-response-msg').innerHTML = answer.data.actions.success_message;
      });
  });
}, 400); });</script>"""),
    fields=json.dumps(NINJA_FIELDS),
)


@union.post("/wp-admin/admin-ajax.php")
def _() -> Any:
    sent = json.loads(request.form["formData"])["fields"]
    form = {number: [str(one["value"])] for number, one in sent.items()}
    wrong = receive(form, need="1 2 3", email="2", phone="5", empty="hp")
    message = "<p>Form submitted successfully. A confirmation is on its way.</p>"
    return jsonify(data={"actions": {"success_message": message}}, errors={"fields": wrong} if wrong else {})
