"""Dealerships whose forms are made or moved by script: re-rendered, in steps, folded away, in shadow roots, without a form element."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from demo_sites.dealers import ERRORS, Lot, beside, receive, seen_elsewhere

OK = {"ok": True}

# --- React: controls are owned by state; the first input makes the whole form anew, with new ids ----------------------------------------
north = Lot(
    "north-coast-cars", OK, builder="React-like", style="bare", contact="/contact", link="Contact",
    note="all nodes are replaced after the first input; a value set without input events is lost",
)  # fmt: skip
north.page(
    "/contact",
    "Contact",
    """<div id="root"></div><script>(function () {
  var state = { fullName: '', email: '', phone: '', message: '' }, errors = {}, sent = false, touched = false, generation = 0, root = document.getElementById('root');
  var fields = [['fullName', 'Full name', 'text'], ['email', 'Email', 'email'], ['phone', 'Phone (optional)', 'tel'], ['message', 'Message', 'textarea']];
  function render() {
    generation += 1;
    if (sent) { root.innerHTML = '<h1>Contact</h1><div class="good" role="status" data-state="success"><h2>Message received</h2><p>Thanks, ' + state.fullName.split(' ')[0] + '. We will reply to ' + state.email + '.</p></div>'; return; }
    root.innerHTML = '<h1>Contact</h1><form novalidate>' + fields.map(function (field) { var id = ':r' + generation + field[0] + ':'; return '<div class="field"><label for="' + id + '">' + field[1] + '</label>' + (field[2] === 'textarea' ? '<textarea id="' + id + '" data-key="' + field[0] + '"></textarea>' : '<input id="' + id + '" type="' + field[2] + '" data-key="' + field[0] + '">') + (errors[field[0]] ? '<p class="error" role="alert">' + errors[field[0]] + '</p>' : '') + '</div>'; }).join('') + '<button type="submit">Send message</button></form>';
    root.querySelectorAll('[data-key]').forEach(function (one) { one.value = state[one.dataset.key]; one.addEventListener('input', function () { state[one.dataset.key] = one.value; if (touched) return; touched = true; setTimeout(function () { var key = one.dataset.key; render(); root.querySelector('[data-key=' + key + ']').focus(); }, 0); }); });
    root.querySelector('form').addEventListener('submit', function (event) { event.preventDefault(); fetch('/api/contact', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(state) }).then(function (answer) { return answer.json(); }).then(function (told) { errors = told.errors || {}; sent = !!told.ok; render(); }); });
  }
  render(); })();</script>""",
)


@north.post("/api/contact")
def _() -> Any:
    wrong = receive(need="fullName email message", email="email", phone="phone")
    return (jsonify(errors=wrong), 422) if wrong else jsonify(ok=True)


# --- Three steps, each checked before the next --------------------------------------------------------------------------------------------
erie = Lot(
    "lake-erie-auto", OK, builder="own system; three-step wizard", style="bare", contact="/start", link="Contact Us",
    note="fields of later steps are hidden until the step before is right",
)  # fmt: skip
WIZARD = """<h1>Find your car in three steps</h1><ol class="steps"><li class="on">Vehicle</li><li>You</li><li>Message</li></ol><form id="wizard" action="/start" method="post" novalidate>
<div class="step" data-step="1"><p><label for="w1">New or pre-owned? *</label><select id="w1" name="condition" required><option value="">Choose</option><option value="new">New</option><option value="used">Pre-owned</option><option value="any">No preference</option></select></p><p><label for="w2">Make</label><select id="w2" name="make"><option value="">Any</option><option>Toyota</option><option>Nissan</option><option>Honda</option></select></p><button type="button" class="next">Next</button></div>
<div class="step" data-step="2" style="display:none"><div class="pair"><p><label for="w3">First name *</label><input id="w3" name="first_name" required></p><p><label for="w4">Last name *</label><input id="w4" name="last_name" required></p><p><label for="w5">Email *</label><input id="w5" name="email" type="email" required></p><p><label for="w6">Phone</label><input id="w6" name="phone" type="tel"></p></div><button type="button" class="back">Back</button> <button type="button" class="next">Next</button></div>
<div class="step" data-step="3" style="display:none"><p><label for="w7">Tell us more *</label><textarea id="w7" name="details" required></textarea></p><p><label class="check"><input type="checkbox" name="agree" value="1" required> I agree to be contacted about my inquiry. *</label></p><button type="button" class="back">Back</button> <button type="submit">Finish</button></div><p class="error" role="alert" id="werr"></p></form>
<script>(function () { var form = document.getElementById('wizard'), steps = form.querySelectorAll('.step'), marks = document.querySelectorAll('.steps li'), err = document.getElementById('werr');
function show(number) { steps.forEach(function (step, index) { step.style.display = index === number ? '' : 'none'; marks[index].className = index === number ? 'on' : ''; }); err.textContent = ''; }
function fine(step) { var bad = [].filter.call(step.querySelectorAll('input,select,textarea'), function (one) { return !one.checkValidity(); }); if (bad.length) { err.textContent = 'Please complete this step.'; bad[0].focus(); } return !bad.length; }
form.addEventListener('click', function (event) { var step = event.target.closest('.step'), at = [].indexOf.call(steps, step); if (event.target.className === 'next' && fine(step)) show(at + 1); if (event.target.className === 'back') show(at - 1); });
form.addEventListener('submit', function (event) { if (!fine(steps[2])) event.preventDefault(); }); })();</script>"""
WIZARD_CSS = "<style>.steps{display:flex;gap:10px;list-style:none;padding:0}.steps li{flex:1;padding:10px;border-top:4px solid #d5dde3;color:#7a8792}.steps .on{border-color:var(--accent);color:inherit;font-weight:700}</style>"
erie.page("/start", "Contact Us", WIZARD, head=WIZARD_CSS)


@erie.post("/start")
def _() -> Any:
    wrong = receive(
        need="condition first_name last_name email details",
        email="email",
        phone="phone",
        ticked="agree",
        among={"condition": ("new", "used", "any"), "make": ("Toyota", "Nissan", "Honda")},
    )
    if wrong:
        return erie.again("Contact Us", ERRORS + WIZARD, wrong, head=WIZARD_CSS)
    return erie.draw(
        "All done", '<h1>All done!</h1><p class="good">We have your request and will send matching cars today.</p>'
    )


# --- An accordion: the form is folded into the third of four headings --------------------------------------------------------------------------
fire = Lot(
    "firelands-jeep",
    OK,
    builder="accordion",
    style="html",
    contact="/reach-us.html",
    link="Reach us",
    note="the form is folded away",
)
FOLDS = """<h1>Reach us</h1><div class="accordion" id="acc">
<div class="item"><h3><button class="toggle" aria-expanded="false" aria-controls="p1">Directions</button></h3><div id="p1" hidden><p>{{ d.street }}, {{ d.town }}. Look for the Jeep on the rock.</p></div></div>
<div class="item"><h3><button class="toggle" aria-expanded="false" aria-controls="p2">Hours</button></h3><div id="p2" hidden><p>Mon to Fri 9-7, Sat 9-5.</p></div></div>
<div class="item"><h3><button class="toggle" aria-expanded="false" aria-controls="p3">Send us a message</button></h3><div id="p3" hidden><form id="fold" method="post" action="/send"><p><label>Your name *<input name="visitor_name" required></label></p><p><label>Your e-mail *<input name="visitor_email" type="email" required></label></p><p><label>Your phone<input name="visitor_phone" type="tel"></label></p><p><label>Message *<textarea name="visitor_message" required></textarea></label></p><button type="submit">Send</button><p role="status" class="reply"></p></form></div></div>
<div class="item"><h3><button class="toggle" aria-expanded="false" aria-controls="p4">Careers</button></h3><div id="p4" hidden><p>Technicians: ask for Dale.</p></div></div></div>
<script>document.querySelectorAll('.toggle').forEach(function (button) { button.addEventListener('click', function () { var panel = document.getElementById(button.getAttribute('aria-controls')); panel.hidden = !panel.hidden; button.setAttribute('aria-expanded', !panel.hidden); }); });
document.getElementById('fold').addEventListener('submit', function (event) { event.preventDefault(); var form = event.target; fetch('/send', { method: 'POST', body: new FormData(form) }).then(function (answer) { form.querySelector('.reply').textContent = answer.ok ? 'Thanks! Your message is in our inbox.' : 'Please complete all fields marked with *.'; if (answer.ok) form.reset(); }); });</script>"""
fire.page(
    "/reach-us.html",
    "Reach us",
    FOLDS,
    head="<style>.toggle{width:100%;text-align:left;background:#2a2f35;color:#fff}.item>div{padding:16px 0}.item h3{margin:0 0 4px}.reply{min-height:1.6em}</style>",
)


@fire.post("/send")
def _() -> Any:
    wrong = receive(need="visitor_name visitor_email visitor_message", email="visitor_email", phone="visitor_phone")
    return (jsonify(wrong), 400) if wrong else jsonify(ok=True)


# --- Web components: one with an open, one with a closed shadow root -----------------------------------------------------------------------------
COMPONENT = """<h1>HEADING</h1><TAG endpoint="/component/send"></TAG>
<script>customElements.define('TAG', class extends HTMLElement {
  connectedCallback() {
    var root = this.attachShadow({ mode: 'MODE' }), endpoint = this.getAttribute('endpoint');
    root.innerHTML = '<style>:host{display:block;max-width:620px}label{display:block;font-weight:600;margin-bottom:16px}input,textarea{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.55em .7em;border:1px solid #b9b39b;border-radius:10px;margin-top:4px}button{font:inherit;font-weight:650;padding:.65em 1.6em;border:0;border-radius:99px;background:var(--accent);color:#fff}.ok{background:#e7f6ec;padding:18px}.no{color:#a3211b}</style><form novalidate><label>First name<input name="first" autocomplete="given-name" required></label><label>Last name<input name="last" autocomplete="family-name" required></label><label>Email<input type="email" name="email" autocomplete="email" required></label><label>Message<textarea name="message" rows="5" required></textarea></label><button type="submit">Send message</button><p class="no" role="alert"></p></form>';
    var form = root.querySelector('form');
    form.addEventListener('submit', function (event) {
      event.preventDefault();
      fetch(endpoint, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(Object.fromEntries(new FormData(form))) }).then(function (answer) { if (answer.ok) form.outerHTML = '<div class="ok" role="status"><h2>Thank you</h2><p>Your message has been sent.</p></div>'; else root.querySelector('.no').textContent = 'Please fill in every field.'; });
    });
  }
});</script>"""


def component(lot: Lot, path: str, tag: str, mode: str) -> None:
    lot.page(path, "Contact", COMPONENT.replace("TAG", tag).replace("MODE", mode).replace("HEADING", "Write to us"))

    @lot.post("/component/send")
    def _() -> Any:
        wrong = receive(need="first last email message", email="email")
        return (jsonify(wrong), 400) if wrong else jsonify(ok=True)


amish = Lot(
    "amish-country-auto",
    OK,
    builder="web component, open shadow root",
    style="bare",
    contact="/contact",
    link="Contact",
)
component(amish, "/contact", "dealer-contact", "open")
tusc = Lot(
    "tusc-motors", OK, builder="web component, closed shadow root", style="bare", contact="/contact", link="Contact"
)
component(tusc, "/contact", "lead-widget", "closed")

# --- A dialog on the home page, opened by the menu's button ------------------------------------------------------------------------------------------
river = Lot(
    "riverbend-ford", OK, builder="Bootstrap modal", style="html", contact="/#contact", link="",
    extra="""<button type="button" class="btn btn-primary" data-bs-toggle="modal" data-bs-target="#contactModal">Contact us</button>
<div class="modal fade" id="contactModal" tabindex="-1" aria-labelledby="contactModalLabel" aria-hidden="true"><div class="modal-dialog"><div class="modal-content"><div class="modal-header"><h2 class="modal-title" id="contactModalLabel">Contact Riverbend Ford</h2><button type="button" class="btn-close" data-bs-dismiss="modal" aria-label="Close">&times;</button></div>
<div class="modal-body"><form id="modalForm"><p><label for="mName" class="form-label">Name</label><input class="form-control" id="mName" name="name" required></p><p><label for="mEmail" class="form-label">Email</label><input type="email" class="form-control" id="mEmail" name="email" required></p><p><label for="mPhone" class="form-label">Phone</label><input type="tel" class="form-control" id="mPhone" name="phone"></p><p><label for="mMsg" class="form-label">Message</label><textarea class="form-control" id="mMsg" name="message" required></textarea></p><button type="submit" class="btn btn-primary">Send</button></form><div class="alert alert-success good" role="alert" hidden>Your message has been sent. Thank you!</div></div></div></div></div>
<script>(function () { var modal = document.getElementById('contactModal');
document.querySelector('[data-bs-toggle=modal]').addEventListener('click', function () { modal.classList.add('show'); modal.removeAttribute('aria-hidden'); modal.setAttribute('aria-modal', 'true'); });
document.querySelector('.btn-close').addEventListener('click', function () { modal.classList.remove('show'); });
document.getElementById('modalForm').addEventListener('submit', function (event) { event.preventDefault(); var form = event.target; fetch('/message', { method: 'POST', body: new FormData(form) }).then(function (answer) { if (!answer.ok) return; form.hidden = true; modal.querySelector('.alert-success').hidden = false; }); }); })();</script>""",
    home_head="<style>.modal{display:none;position:fixed;inset:0;background:#000a;z-index:1050;overflow:auto}.modal.show{display:block}.modal-dialog{max-width:540px;margin:50px auto}.modal-content{background:#fff;border-radius:10px;padding:24px}.modal-header{display:flex;justify-content:space-between}.btn-close{background:none;color:#333;font-size:1.5em;padding:0 8px}</style>",
    note="the form is in a dialog of the home page",
)  # fmt: skip


@river.post("/message")
def _() -> Any:
    wrong = receive(need="name email message", email="email", phone="phone")
    return (jsonify(wrong), 400) if wrong else jsonify(ok=True)


# --- No form element at all: boxes and a button that is a link ------------------------------------------------------------------------------------------
blue = Lot(
    "bluegrass-auto",
    OK,
    builder="no form element",
    style="bare",
    contact="/contact",
    link="Contact",
    note="inputs in a div, a scripted button",
)
blue.page(
    "/contact",
    "Contact",
    beside("""<h1>Drop us a note</h1><div id="note" class="note-box"><div class="field"><div class="label">Your name</div><input type="text" id="nb-name"></div><div class="field"><div class="label">Your email</div><input type="email" id="nb-email"></div><div class="field"><div class="label">Phone</div><input type="tel" id="nb-phone"></div><div class="field"><div class="label">Your message</div><textarea id="nb-text"></textarea></div><div role="button" tabindex="0" class="button" id="nb-send">Send note</div><p id="nb-told" aria-live="polite"></p></div>
<script>document.getElementById('nb-send').addEventListener('click', function () { var get = function (id) { return document.getElementById('nb-' + id); }, told = get('told');
var request = new XMLHttpRequest(); request.open('POST', '/note'); request.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded'); request.onload = function () { if (request.status === 200) { told.textContent = 'Thanks for your note, we will be in touch.'; ['name', 'email', 'phone', 'text'].forEach(function (id) { get(id).value = ''; }); } else told.innerHTML = '<span class="error">Name, email and message are needed.</span>'; };
request.send(new URLSearchParams({ name: get('name').value, email: get('email').value, phone: get('phone').value, text: get('text').value }).toString()); });</script>"""),
)


@blue.post("/note")
def _() -> Any:
    wrong = receive(need="name email text", email="email", phone="phone")
    return (jsonify(wrong), 400) if wrong else jsonify(ok=True)


# --- A listbox of its own instead of a select, its options in a portal at the end of the body ------------------------------------------------------------
wolf = Lot(
    "wolverine-imports",
    OK,
    builder="Radix-like listbox",
    style="bare",
    contact="/contact",
    link="Contact",
    note="the required topic is a button with a listbox that is made on click",
)
LISTBOX = (
    """<h1>Contact Wolverine Imports</h1>"""
    + ERRORS
    + """<form action="/contact" method="post"><div class="pair"><p><label for="fn">First name *</label><input id="fn" name="firstName" required></p><p><label for="ln">Last name *</label><input id="ln" name="lastName" required></p></div><p><label for="em">Email *</label><input id="em" name="email" type="email" required></p><div class="field"><span class="label" id="topic-label">Topic *</span><button type="button" role="combobox" aria-labelledby="topic-label topic-value" aria-required="true" aria-expanded="false" aria-haspopup="listbox" data-placeholder id="topic" class="select-trigger"><span id="topic-value">Select a topic</span><span aria-hidden="true">&#9662;</span></button><input type="hidden" name="topic" id="topic-input"></div><p><label for="ms">Message *</label><textarea id="ms" name="message" required></textarea></p><button type="submit">Send</button></form>
<script>(function () { var trigger = document.getElementById('topic'), list = null, topics = ['Sales', 'Service', 'Parts', 'General question'];
function close() { if (list) list.remove(); list = null; trigger.setAttribute('aria-expanded', 'false'); }
trigger.addEventListener('click', function () { if (list) return close(); var box = trigger.getBoundingClientRect(); list = document.createElement('div'); list.setAttribute('role', 'listbox'); list.id = 'radix-1'; list.className = 'select-content'; list.style.cssText = 'left:' + (box.left + scrollX) + 'px;top:' + (box.bottom + scrollY + 4) + 'px;width:' + box.width + 'px'; trigger.setAttribute('aria-controls', list.id); trigger.setAttribute('aria-expanded', 'true');
topics.forEach(function (topic) { var option = document.createElement('div'); option.setAttribute('role', 'option'); option.setAttribute('aria-selected', 'false'); option.textContent = topic; option.addEventListener('click', function () { document.getElementById('topic-value').textContent = topic; document.getElementById('topic-input').value = topic; close(); }); list.append(option); }); document.body.append(list); }); })();</script>"""
)
LISTBOX_CSS = "<style>.select-trigger{width:100%;display:flex;justify-content:space-between;background:#fff;color:inherit;border:1px solid #c3ccd5;font-weight:400;padding:.58em .75em}.select-content{position:absolute;background:#fff;border:1px solid #c3ccd5;border-radius:8px;box-shadow:0 10px 30px #0002;padding:6px;z-index:50}.select-content div{padding:8px 12px;border-radius:5px;cursor:pointer}.select-content div:hover{background:#f0f3f6}</style>"
wolf.page("/contact", "Contact", beside(LISTBOX), head=LISTBOX_CSS)
wolf.page("/contact/sent", "Message sent", "<h1>Message sent</h1><p>Thank you, we read every message the same day.</p>")


@wolf.post("/contact")
def _() -> Any:
    topics = ("Sales", "Service", "Parts", "General question")
    wrong = receive(need="firstName lastName email topic message", email="email", among={"topic": topics})
    return wolf.again("Contact", beside(LISTBOX), wrong, head=LISTBOX_CSS) if wrong else seen_elsewhere("/contact/sent")


# --- One page whose views are swapped by script; addresses change without a load --------------------------------------------------------------------------
hoosier = Lot(
    "hoosier-motors",
    OK,
    builder="single-page application",
    style="bare",
    contact="/contact",
    link="Contact",
    note="links swap the view by script; the form's HTML is fetched",
)
PARTIAL = """<h1>Contact</h1><form id="spa-form" novalidate><p><label for="s-name">Name</label><input id="s-name" name="name" required></p><p><label for="s-email">Email</label><input id="s-email" name="email" type="email" required></p><p><label for="s-zip">ZIP code</label><input id="s-zip" name="zip" type="tel" maxlength="5"></p><p><label for="s-msg">Message</label><textarea id="s-msg" name="message" required></textarea></p><button type="submit">Send</button></form>"""
ROUTER = """<div id="view"><p>Loading&hellip;</p></div><script>(function () { var view = document.getElementById('view');
function wire() { var form = document.getElementById('spa-form'); form.addEventListener('submit', function (event) { event.preventDefault(); fetch('/graphql', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(Object.fromEntries(new FormData(form))) }).then(function (answer) { return answer.json(); }).then(function (told) { if (told.errors) { view.querySelectorAll('.error').forEach(function (old) { old.remove(); }); form.insertAdjacentHTML('afterbegin', '<p class="error" role="alert">' + told.errors[0].message + '</p>'); return; } history.pushState({}, '', '/contact/success'); view.innerHTML = '<h1>Thanks!</h1><p role="status">Your message was delivered to the Hoosier Motors team.</p>'; }); }); }
fetch('/partials/contact').then(function (answer) { return answer.text(); }).then(function (html) { view.innerHTML = html; wire(); }); })();</script>"""
hoosier.page("/contact", "Contact", ROUTER)
hoosier.get("/partials/contact")(lambda: PARTIAL)


@hoosier.post("/graphql")
def _() -> Any:
    wrong = receive(need="name email message", email="email", zip="zip")
    told = [{"message": "Please complete the form.", "path": [name]} for name in wrong]
    return jsonify(errors=told) if wrong else jsonify(data={"createLead": {"id": "81"}})
