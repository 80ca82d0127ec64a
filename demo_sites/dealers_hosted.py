"""Dealerships on hosted site builders: Webflow, Wix, Squarespace, and the frames of HubSpot, Jotform and Typeform."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from demo_sites.dealers import ERRORS, Lot, beside, receive
from demo_sites.server import page, server, site

OK = {"ok": True}

# --- Webflow: its thanks and its failure stand hidden in the page from the start -----------------------------------------------
olentangy = Lot("olentangy-auto", OK, builder="Webflow", style="bare", contact="/contact", link="Contact")
olentangy.page(
    "/contact",
    "Contact",
    """<h1>Say hello</h1><div class="w-form"><form id="email-form" name="email-form" data-name="Email Form" method="get" data-wf-page-id="63a1" data-wf-element-id="9b2c" aria-label="Email Form"><p><label for="name">Name</label><input class="w-input" maxlength="256" name="name" data-name="Name" placeholder="" type="text" id="name" required></p><p><label for="email">Email Address</label><input class="w-input" maxlength="256" name="email" data-name="Email" placeholder="" type="email" id="email" required></p>
<p><label for="field">Message</label><textarea id="field" name="field" maxlength="5000" data-name="Field" placeholder="Which car, and what would you like to know?" class="w-input"></textarea></p><input type="submit" data-wait="Please wait..." class="w-button" value="Submit"></form>
<div class="w-form-done" tabindex="-1" role="region" aria-label="Email Form success"><div>Thank you! Your submission has been received!</div></div><div class="w-form-fail" tabindex="-1" role="region" aria-label="Email Form failure"><div>Oops! Something went wrong while submitting the form.</div></div></div>
<script>document.querySelector('#email-form').addEventListener('submit', function (event) {
  event.preventDefault(); var form = event.target, button = form.querySelector('.w-button'); button.value = button.dataset.wait;
  fetch('/api/v1/form/63a1', { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ name: form.dataset.name, 'fields[Name]': form.elements.name.value, 'fields[Email]': form.email.value, 'fields[Field]': form.field.value }) })
    .then(function (answer) { button.value = 'Submit'; if (answer.ok) { form.style.display = 'none'; document.querySelector('.w-form-done').style.display = 'block'; } else document.querySelector('.w-form-fail').style.display = 'block'; });
});</script>""",
    head="<style>.w-form-done,.w-form-fail{display:none;padding:20px;text-align:center;background:#ddd}.w-form-fail{background:#ffdede}</style>",
)


@olentangy.post("/api/v1/form/63a1")
def _() -> Any:
    wrong = receive(need="fields[Name] fields[Email]", email="fields[Email]")
    return (jsonify(msg="error", code=400), 400) if wrong else jsonify(msg="ok", code=200)


# --- Wix: nothing has a name, classes are hashes, the form is there a second after the page --------------------------------------
linden = Lot(
    "linden-garage", OK, builder="Wix", style="bare", contact="/contact-6", link="Contact",
    note="no names on the controls, drawn late",
)  # fmt: skip
linden.page(
    "/contact-6",
    "Contact",
    """<div id="comp-kx9" class="comp-kx9"><h1>Let's talk cars</h1><div id="wix-root" data-mesh-id="ContainerkxInlineContent"></div></div>
<script>setTimeout(function () {
  function input(id, label, kind) { return '<div id="comp-' + id + '" class="MpKiNN field" data-testid="text-input"><label for="input_comp-' + id + '" class="wPeA6j">' + label + '</label><div class="XRJUI4"><input id="input_comp-' + id + '" class="KvoMHf" type="' + kind + '" placeholder="" aria-label="' + label + '" ' + (label.endsWith('*') ? 'required aria-required="true" ' : '') + 'autocomplete="off" value=""></div></div>'; }
  document.getElementById('wix-root').innerHTML = '<form id="comp-kx9form" class="JVi7i2"><div class="pair">' + input('a1', 'First name *', 'text') + input('a2', 'Last name', 'text') + '</div>' + input('a3', 'Email *', 'email') + input('a4', 'Phone', 'tel') + '<div id="comp-a5" class="snt4Te field"><label for="textarea_comp-a5" class="PSkPrR">Leave us a message...</label><textarea id="textarea_comp-a5" class="rEindN" aria-label="Leave us a message..."></textarea></div><div class="comp-a6 R6ex7N" id="comp-a6" aria-disabled="false"><button aria-disabled="false" data-testid="buttonElement" class="uDW_Qe wixui-button"><span class="l7_2fn wixui-button__label">Submit</span></button></div><div id="comp-a7" class="HcOXKn" aria-live="assertive" data-testid="richTextElement"></div></form>';
  var form = document.getElementById('comp-kx9form');
  form.noValidate = true;
  form.addEventListener('submit', function (event) {
    event.preventDefault();
    var get = function (id) { return document.getElementById(id).value; };
    fetch('/_api/form-submission-service/v4/submissions', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ first_name: get('input_comp-a1'), last_name: get('input_comp-a2'), email: get('input_comp-a3'), phone: get('input_comp-a4'), message: get('textarea_comp-a5') }) })
      .then(function (answer) { document.getElementById('comp-a7').innerHTML = answer.ok ? '<p>Thanks for submitting!</p>' : '<p class="error">Please fill in all required fields.</p>'; if (answer.ok) form.reset(); });
  });
}, 900);</script>""",
)


@linden.post("/_api/form-submission-service/v4/submissions")
def _() -> Any:
    wrong = receive(need="first_name email", email="email", phone="phone")
    return (jsonify(wrong), 400) if wrong else jsonify(submission={"id": "f3c1", "status": "CONFIRMED"})


# --- Squarespace -------------------------------------------------------------------------------------------------------------------
north = Lot("short-north-motors", OK, builder="Squarespace", style="bare", contact="/contact", link="Contact")
north.page(
    "/contact",
    "Contact",
    """<h1>Contact</h1><div class="sqs-block form-block sqs-block-form" data-block-type="9"><div class="form-wrapper"><div class="form-inner-wrapper"><form data-form-id="65f0" autocomplete="on" method="POST" class="react-form-contents" novalidate><div class="field-list clear">
<fieldset id="name-yui_1" class="form-item fields name required"><legend class="title">Name <span class="required" aria-hidden="true">*</span></legend><div class="pair"><div class="field first-name"><label class="caption"><span class="caption-text small">First Name</span><input class="field-element field-control" name="fname" x-autocompletetype="given-name" autocomplete="given-name" type="text" spellcheck="false" maxlength="30" data-title="First" aria-required="true"></label></div><div class="field last-name"><label class="caption"><span class="caption-text small">Last Name</span><input class="field-element field-control" name="lname" x-autocompletetype="surname" autocomplete="family-name" type="text" maxlength="30" data-title="Last" aria-required="true"></label></div></div></fieldset>
<div id="email-yui_2" class="form-item field email required"><label class="title" for="email-yui_2-field">Email <span class="required" aria-hidden="true">*</span></label><input class="field-element" id="email-yui_2-field" name="email" type="email" autocomplete="email" spellcheck="false" aria-required="true"></div>
<div id="text-yui_3" class="form-item field text"><label class="title" for="text-yui_3-field">Subject</label><input class="field-element text" type="text" id="text-yui_3-field" name="text-yui_3-field"></div>
<div id="textarea-yui_4" class="form-item field textarea required"><label class="title" for="textarea-yui_4-field">Message <span class="required" aria-hidden="true">*</span></label><textarea class="field-element" id="textarea-yui_4-field" name="textarea-yui_4-field" aria-required="true"></textarea></div></div>
<div class="form-button-wrapper form-button-wrapper--align-left"><button class="button sqs-system-button sqs-editable-button form-submit-button" type="submit">Send</button></div><div class="hidden form-submission-text hide">Thank you!</div></form></div></div></div>
<script>document.querySelector('.react-form-contents').addEventListener('submit', function (event) {
  event.preventDefault(); var form = event.target, values = Object.fromEntries(new FormData(form));
  form.querySelectorAll('.field-error').forEach(function (old) { old.remove(); });
  fetch('/api/form/SaveFormSubmission', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(values) }).then(function (answer) { return answer.json().then(function (told) {
    if (answer.ok) { form.parentElement.innerHTML = '<div class="form-submission-text good" tabindex="-1"><p>Thank you! We will write back before the day is over.</p></div>'; return; }
    Object.keys(told.errors).forEach(function (name) { form.elements[name] && form.elements[name].insertAdjacentHTML('beforebegin', '<p class="field-error error" role="alert">' + told.errors[name] + '</p>'); });
  }); });
});</script>""",
)


@north.post("/api/form/SaveFormSubmission")
def _() -> Any:
    wrong = receive(need="fname lname email textarea-yui_4-field", email="email")
    return (jsonify(errors=wrong), 400) if wrong else jsonify(submissionId="8831")


# --- HubSpot: a frame without an address, written a second late; it believes change events, not values ----------------------------------
findlay = Lot(
    "findlay-hyundai", OK, builder="HubSpot frame", style="bare", contact="/contact-us", link="Contact Us",
    note="drawn late into a frame of the page's own origin; only values that fired change events are sent",
)  # fmt: skip
findlay.page(
    "/contact-us",
    "Contact Us",
    beside("""<h1>Contact Findlay Hyundai</h1><div id="hbspt-form-1717" class="hbspt-form" data-hs-forms-root="true"></div>
<script>setTimeout(function () {
  var frame = document.createElement('iframe'); frame.className = 'hs-form-iframe'; frame.id = 'hs-form-iframe-0'; frame.title = 'Form 0'; frame.style.cssText = 'width:100%;min-height:620px;border:0'; frame.setAttribute('scrolling', 'no');
  document.getElementById('hbspt-form-1717').append(frame);
  var d = frame.contentDocument, values = {}; d.open(); d.write('<!doctype html><html lang="en"><head><link rel="stylesheet" href="/assets/base.css"><style>body{--accent:#0b4f9e;background:#fff}.hs-form-field{margin-bottom:18px}.hs-error-msgs{list-style:none;padding:0}</style></head><body><form id="hsForm_2f1c" class="hs-form-private hs-form stacked" novalidate></form></body></html>'); d.close();
  var form = d.getElementById('hsForm_2f1c');
  function field(name, label, kind, need) { return '<div class="hs_' + name + ' hs-' + name + ' hs-fieldtype-' + kind + ' field hs-form-field"><label id="label-' + name + '-2f1c" for="' + name + '-2f1c"><span>' + label + '</span>' + (need ? '<span class="hs-form-required">*</span>' : '') + '</label><div class="input">' + (kind === 'textarea' ? '<textarea id="' + name + '-2f1c" class="hs-input hs-fieldtype-textarea" name="' + name + '"' : '<input id="' + name + '-2f1c" class="hs-input" type="' + kind + '" name="' + name + '" inputmode="' + (kind === 'tel' ? 'tel' : 'text') + '"') + (need ? ' required' : '') + ' placeholder="">' + (kind === 'textarea' ? '</textarea>' : '') + '</div></div>'; }
  setTimeout(function () {
    form.innerHTML = field('firstname', 'First name', 'text', true) + field('lastname', 'Last name', 'text', true) + field('email', 'Email', 'email', true) + field('phone', 'Phone number', 'tel') + field('message', 'Message', 'textarea', true) + '<div class="hs_submit hs-submit"><div class="actions"><input type="submit" class="hs-button primary large" value="Submit"></div></div>';
    form.addEventListener('change', function (event) { values[event.target.name] = event.target.value; });
    form.addEventListener('submit', function (event) {
      event.preventDefault();
      form.querySelectorAll('.hs-error-msgs').forEach(function (old) { old.remove(); });
      var missing = ['firstname', 'lastname', 'email', 'message'].filter(function (name) { return !values[name]; });
      missing.forEach(function (name) { form.elements[name].classList.add('invalid', 'error'); form.elements[name].parentElement.insertAdjacentHTML('afterend', '<ul class="no-list hs-error-msgs inputs-list" role="alert"><li><label class="hs-error-msg error">Please complete this required field.</label></li></ul>'); });
      if (missing.length) return;
      fetch('/submissions/v3/public/submit/formsnext/multipart/44021/2f1c', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(values) }).then(function (answer) { if (answer.ok) form.outerHTML = '<div class="submitted-message hs-main-font-element hs-form-2f1c"><p>Thanks for submitting the form. A product specialist will be in touch.</p></div>'; });
    });
  }, 500);
}, 700);</script>"""),
)


@findlay.post("/submissions/v3/public/submit/formsnext/multipart/44021/2f1c")
def _() -> Any:
    wrong = receive(need="firstname lastname email message", email="email", phone="phone")
    return (jsonify(status="error", errors=wrong), 400) if wrong else jsonify(accepted=True)


# --- Jotform: another host's page in a frame; it keeps the form for the dealership -------------------------------------------------------
seal = Lot(
    "great-seal-auto", OK, builder="Jotform frame", style="html", contact="/contact.html", link="Contact Us",
    note="the form lives on formboard.localhost",
)  # fmt: skip
board = site("formboard", "Formboard", {}, topic="dealership", builder="Jotform", dealership=False, start="/241")
seal.get("/contact.html")(
    lambda: seal.draw(
        "Contact Us",
        beside(
            """<h1>Contact Great Seal Auto</h1><iframe id="JotFormIFrame-241" title="Contact form" allow="geolocation; microphone" src="{{ src }}" style="min-width:100%;max-width:100%;height:760px;border:0" scrolling="no"></iframe>"""
        ),
        src=server().url_of("formboard", "/241"),
    )
)
JOTFORM = (
    """<style>body{--accent:#18bd5b;padding:24px;background:#fff}.form-all{max-width:640px;margin:auto}.form-section{list-style:none;padding:0}.form-line{margin-bottom:18px}.form-sub-label{font-weight:400;font-size:.8em;color:#57647e;display:block}</style><form class="jotform-form" action="/submit/241" method="post" name="form_241" id="241" accept-charset="utf-8" autocomplete="on"><input type="hidden" name="formID" value="241"><div role="main" class="form-all">"""
    + ERRORS
    + """<ul class="form-section page-section"><li class="form-line jf-required" data-type="control_fullname" id="id_3"><label class="form-label form-label-top" id="label_3" for="first_3">Name<span class="form-required">*</span></label><div id="cid_3" class="form-input-wide jf-required pair"><span class="form-sub-label-container"><input type="text" id="first_3" name="q3_name[first]" class="form-textbox validate[required]" autocomplete="section-input_3 given-name" aria-labelledby="label_3 sublabel_3_first" required><label class="form-sub-label" for="first_3" id="sublabel_3_first">First Name</label></span><span class="form-sub-label-container"><input type="text" id="last_3" name="q3_name[last]" class="form-textbox validate[required]" autocomplete="section-input_3 family-name" aria-labelledby="label_3 sublabel_3_last" required><label class="form-sub-label" for="last_3" id="sublabel_3_last">Last Name</label></span></div></li>
<li class="form-line jf-required" data-type="control_email" id="id_4"><label class="form-label" id="label_4" for="input_4">E-mail<span class="form-required">*</span></label><div id="cid_4"><input type="email" id="input_4" name="q4_email" class="form-textbox validate[required, Email]" aria-labelledby="label_4" required></div></li>
<li class="form-line" data-type="control_phone" id="id_5"><label class="form-label" id="label_5" for="input_5_full">Phone Number</label><div id="cid_5"><input type="tel" id="input_5_full" name="q5_phone[full]" class="mask-phone-number form-textbox" placeholder="(000) 000-0000" autocomplete="section-input_5 tel-national" aria-labelledby="label_5"></div></li>
<li class="form-line jf-required" data-type="control_textarea" id="id_6"><label class="form-label" id="label_6" for="input_6">What can we do for you?<span class="form-required">*</span></label><div id="cid_6"><textarea id="input_6" class="form-textarea validate[required]" name="q6_whatCan" cols="40" rows="6" aria-labelledby="label_6" required></textarea></div></li>
<li style="display:none">Should be Empty: <input type="text" name="website" value="" type="hidden"></li>
<li class="form-line" data-type="control_button" id="id_2"><button id="input_2" type="submit" class="form-submit-button submit-button" data-component="button">Submit</button></li></ul></div></form>"""
)
BASE = '<link rel="stylesheet" href="/assets/base.css">'
board.get("/241")(lambda: page("Contact form", seal.fill(JOTFORM), head=BASE))


@board.post("/submit/241")
def _() -> Any:
    rules = {
        "need": "q3_name[first] q3_name[last] q4_email q6_whatCan", "email": "q4_email", "phone": "q5_phone[full]", "empty": "website", "site": "great-seal-auto",
    }  # fmt: skip
    wrong = receive(**rules)  # type: ignore[arg-type]
    if wrong:
        return page("Contact form", seal.fill(JOTFORM, errors=wrong), head=BASE)
    return page(
        "Thank You",
        '<div id="stage" class="form-all" style="text-align:center;padding:90px 20px"><h1 class="thankyou-main-text">Thank You!</h1><p class="thankyou-sub-text">Your submission has been received.</p></div>',
        head=BASE,
    )


# --- Typeform: one question at a time in a foreign frame, which tells the page when it is done ---------------------------------------------
flag = Lot(
    "flag-city-cars", OK, builder="Typeform frame, postMessage", style="bare", contact="/talk", link="Talk to us",
    note="four questions, one at a time, on questionpad.localhost; thanks is shown by the outer page",
)  # fmt: skip
pad = site("questionpad", "Questionpad", {}, topic="dealership", builder="Typeform", dealership=False, start="/to/Xk3")
flag.get("/talk")(
    lambda: flag.draw(
        "Talk to us",
        """<h1>Talk to us</h1><div id="tf"><iframe src="{{ src }}" title="typeform-embed" data-testid="iframe" style="border:0;width:100%;height:420px;background:#f7f7fb"></iframe></div>
<script>window.addEventListener('message', function (event) { if (event.data && event.data.type === 'form-submit') document.getElementById('tf').innerHTML = '<div class="good" role="status"><h2>Thanks, got it!</h2><p>Your answers are with our sales desk. Expect a call or an email today.</p></div>'; });</script>""",
        src=server().url_of("questionpad", "/to/Xk3"),
    )
)
QUESTIONS = [
    ("name", "Hello! What's your name?", "text", "Type your full name here..."),
    ("email", "And your email address?", "email", "name@example.com"),
    ("phone", "A phone number, in case it's urgent?", "tel", "(201) 555-0123"),
    ("message", "What would you like to know?", "textarea", "Type your answer here..."),
]
TYPEFORM = """<style>body{--accent:#1747b5;background:#f7f7fb;padding:50px 30px}section{max-width:560px;margin:auto}section[hidden]{display:none}h2{font-weight:400}</style><form id="tf-form" novalidate>
{% for name, question, kind, hint in questions %}<section {% if not loop.first %}hidden{% endif %} data-qa="block"><h2 id="q-{{ name }}">{{ loop.index }}. {{ question }}{% if name != 'phone' %} *{% endif %}</h2>{% if kind == 'textarea' %}<textarea name="{{ name }}" aria-labelledby="q-{{ name }}" placeholder="{{ hint }}"></textarea>{% else %}<input type="{{ kind }}" name="{{ name }}" aria-labelledby="q-{{ name }}" placeholder="{{ hint }}">{% endif %}<p class="error" role="alert"></p>
{% if loop.last %}<button type="submit">Submit</button>{% else %}<button type="button" class="ok">OK</button>{% endif %}</section>{% endfor %}</form>
<script>var form = document.getElementById('tf-form'), steps = form.querySelectorAll('section');
function fine(step) { var one = step.querySelector('input,textarea'), bad = (!one.value && one.name !== 'phone') || (one.type === 'email' && !one.value.includes('@')); step.querySelector('.error').textContent = bad ? 'Please fill this in' : ''; return !bad; }
form.querySelectorAll('.ok').forEach(function (button, index) { button.addEventListener('click', function () { if (!fine(steps[index])) return; steps[index].hidden = true; steps[index + 1].hidden = false; steps[index + 1].querySelector('input,textarea').focus(); }); });
form.addEventListener('submit', function (event) { event.preventDefault(); if (!fine(steps[3])) return; fetch('/forms/Xk3/complete-submission', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(Object.fromEntries(new FormData(form))) }).then(function (answer) { if (answer.ok) parent.postMessage({ type: 'form-submit', formId: 'Xk3' }, '*'); else steps[3].querySelector('.error').textContent = 'Something is missing.'; }); });</script>"""
pad.get("/to/Xk3")(lambda: page("Questions", flag.fill(TYPEFORM, questions=QUESTIONS), head=BASE))


@pad.post("/forms/Xk3/complete-submission")
def _() -> Any:
    wrong = receive(need="name email message", email="email", phone="phone", site="flag-city-cars")
    return (jsonify(wrong), 400) if wrong else jsonify(type="completed")
