"""How the usual form builders say what became of a form: by classes, attributes and JSON, in words that say little."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request

from demo_sites.acting import BASIC, SEND, SENT
from demo_sites.outcomes import EXPECT
from demo_sites.server import keep, page, site

REFUSED = EXPECT["spam"]
POST = """<script>
const form = document.querySelector('form');
form.addEventListener('submit', async e => {
  e.preventDefault();
  const reply = await fetch('/send', {method: 'POST', body: new FormData(form)});
  const said = await reply.json();
  %s
});</script>"""
# Contact Form 7: its JSON status, the form's status attribute, what must come of it.
CF7 = {
    "mail_sent": ("sent", SENT),
    "mail_failed": ("failed", REFUSED),
    "spam": ("spam", REFUSED),
    "validation_failed": ("invalid", REFUSED),
    "acceptance_missing": ("unaccepted", REFUSED),
    "aborted": ("aborted", REFUSED),
    "payment_required": ("payment-required", {**REFUSED, "submission": "unconfirmed"}),
}
CF7_SCRIPT = (
    POST
    % """form.className = `wpcf7-form ${said.state}`; form.dataset.status = said.state;
  form.querySelector('.wpcf7-response-output').textContent = said.message;
  if (said.status === 'mail_sent') form.reset();"""
)


def _cf7(status: str, state: str, expect: dict[str, Any]) -> None:
    made = site(f"cf7-{state}", f"Contact Form 7: {status}", expect, topic="outcome", dealership=False)

    @made.get("/")
    def show() -> Any:
        return page(
            "Contact",
            f"""<h1>Contact us</h1><div class="wpcf7" id="wpcf7-f5-p9-o1"><form class="wpcf7-form init" data-status="init" method="post"
action="/send">{BASIC}{SEND}<div class="wpcf7-response-output" aria-hidden="true"></div></form></div>{CF7_SCRIPT}""",
        )

    @made.post("/send")
    def take() -> Any:
        keep(accepted=status == "mail_sent", note=status)
        return jsonify(
            contact_form_id=5,
            status=status,
            state=state,
            message="Thank you for your interest.",
            into="#wpcf7-f5-p9-o1",
        )


for _status, (_state, _expect) in CF7.items():
    _cf7(_status, _state, _expect)

# The others: wrapper around the form, what their script does with a good answer and with a bad one.
BUILDERS: dict[str, tuple[str, str, str]] = {
    "wpforms": (
        '<div class="wpforms-container">%s</div>',
        "form.outerHTML = '<div class=\"wpforms-confirmation-container-full\"><p>Got it.</p></div>'",
        "form.insertAdjacentHTML('afterbegin', '<div class=\"wpforms-error-container\" role=\"alert\">Not this time.</div>')",
    ),
    "elementor": (
        '<div class="elementor-form-wrap">%s</div>',
        "form.reset(); form.insertAdjacentHTML('beforeend', '<div class=\"elementor-message elementor-message-success\" role=\"alert\">Got it.</div>')",
        "form.insertAdjacentHTML('beforeend', '<div class=\"elementor-message elementor-message-danger\" role=\"alert\">Not this time.</div>')",
    ),
    "formidable": (
        '<div class="frm_forms">%s</div>',
        'form.outerHTML = \'<div class="frm_message" role="status"><p>Got it.</p></div>\'',
        "form.insertAdjacentHTML('afterbegin', '<div class=\"frm_error_style\" role=\"status\">Not this time.</div>')",
    ),
    "ninja": (
        '<div class="nf-form-cont"><div class="nf-response-msg"></div>%s</div>',
        "document.querySelector('.nf-response-msg').innerHTML = '<p>Got it.</p>'; form.style.display = 'none'",
        "form.insertAdjacentHTML('beforeend', '<div class=\"nf-error-msg nf-error-field-errors\" role=\"alert\">Not this time.</div>')",
    ),
    "hubspot": (
        '<div class="hbspt-form">%s</div>',
        "form.outerHTML = '<div class=\"submitted-message hs-main-font-element\"><p>Got it.</p></div>'",
        "form.insertAdjacentHTML('beforeend', '<ul class=\"hs-error-msgs\" role=\"alert\"><li>Not this time.</li></ul>')",
    ),
    "webflow": (
        '<div class="w-form">%s<div class="w-form-done" style="display:none"><div>Got it.</div></div>'
        '<div class="w-form-fail" style="display:none"><div>Not this time.</div></div></div>',
        "form.style.display = 'none'; document.querySelector('.w-form-done').style.display = 'block'",
        "document.querySelector('.w-form-fail').style.display = 'block'",
    ),
}


def _builder(name: str, wrapper: str, good: str, bad: str, *, sent: bool) -> None:
    made = site(
        f"{name}-{'sent' if sent else 'refused'}", name, SENT if sent else REFUSED, topic="outcome", dealership=False
    )

    @made.get("/")
    def show() -> Any:
        form = f'<form method="post" action="/send">{BASIC}{SEND}</form>'
        return page("Contact", f"<h1>Contact us</h1>{wrapper % form}{POST % (good if sent else bad)}")

    @made.post("/send")
    def take() -> Any:
        keep(accepted=sent)
        return jsonify(received=len(request.form))


for _name, (_wrapper, _good, _bad) in BUILDERS.items():
    for _sent in (True, False):
        _builder(_name, _wrapper, _good, _bad, sent=_sent)


def _gravity(*, sent: bool) -> None:
    """Gravity sends into a hidden frame, whose page then replaces the form's wrapper."""
    name = "gravity-sent" if sent else "gravity-refused"
    made = site(name, "Gravity Forms", SENT if sent else REFUSED, topic="outcome", dealership=False)
    wrapper = '<div class="gform_wrapper{more}" id="gform_wrapper_1">{said}<form method="post" action="/send" target="gform_ajax_frame_1">{inner}</form></div>'

    @made.get("/")
    def show() -> Any:
        return page(
            "Contact",
            "<h1>Contact us</h1>"
            + wrapper.format(more="", said="", inner=BASIC + SEND)
            + """<iframe style="display:none;width:0;height:0" name="gform_ajax_frame_1" id="gform_ajax_frame_1" src="about:blank"></iframe>
<script>document.getElementById('gform_ajax_frame_1').addEventListener('load', e => {
  const found = e.target.contentDocument.querySelector('#gform_wrapper_1, #gform_confirmation_wrapper_1');
  if (found) document.getElementById('gform_wrapper_1').replaceWith(document.importNode(found, true));
});</script>""",
        )

    @made.post("/send")
    def take() -> Any:
        keep(accepted=sent)
        if sent:
            return page(
                "",
                '<div id="gform_confirmation_wrapper_1" class="gform_confirmation_wrapper"><div id="gform_confirmation_message_1"'
                ' class="gform_confirmation_message_1 gform_confirmation_message">Got it.</div></div>',
            )
        inner = BASIC
        for key, value in request.form.items():
            inner = inner.replace(f'name="{key}"', f'name="{key}" value="{value}"')
        said = '<div class="gform_validation_errors"><h2 class="gform_submission_error">There was a problem with your submission.</h2></div>'
        return page("", wrapper.format(more=" gform_validation_error", said=said, inner=inner + SEND))


_gravity(sent=True)
_gravity(sent=False)
