"""What may become of a form: six ways to answer by eight answers. The row tells the truth, whatever the page says."""

from __future__ import annotations

import socket
from typing import Any

from flask import Response, redirect, request

from demo_sites.acting import BASIC, SEND
from demo_sites.server import Site, keep, page, site

WAYS = ("ajax", "redraw", "redirect", "newtab", "iframe", "postmessage")
ANSWERS = ("sent", "field", "spam", "mail", "captcha", "silence", "500", "cut")
TEXTS = {
    "sent": "Thank you, your message has been sent. We will reply shortly.",
    "field": "Please enter a valid phone number.",
    "spam": "Your message could not be sent because it looks like spam.",
    "mail": "There was an error trying to send your message. Please try again later.",
    "captcha": "Please confirm that you are not a robot.",
    "silence": "",
}
CAPTCHA = (
    '<div class="g-recaptcha" style="width:304px;height:78px"><iframe title="reCAPTCHA" width="304" height="78" '
    'src="/recaptcha/api2/anchor?ar=1&size=normal"></iframe></div>'
)
FAILED = {"failure": "submission_failed"}
EXPECT: dict[str, dict[str, Any]] = {
    "sent": {"ok": True, "submission": "confirmed"},
    **{answer: {**FAILED, "submission": "rejected"} for answer in ("field", "spam", "mail")},
    "captcha": {"failure": "captcha_detected", "submission": "rejected"},
    **{answer: {**FAILED, "submission": "unconfirmed"} for answer in ("silence", "500", "cut")},
}
AJAX = """<div id="note"></div><script>
const form = document.querySelector('form'), note = document.getElementById('note');
form.addEventListener('submit', async e => {
  e.preventDefault();
  const response = await fetch('/send', {method: 'POST', body: new FormData(form)}).catch(() => null);
  if (!response || !response.ok) return;
  const said = await response.json();
  if (said.reset) form.reset();
  if (said.invalid) form.elements[said.invalid].setAttribute('aria-invalid', 'true');
  if (said.html) note.innerHTML = said.html;
});</script>"""
FRAMED = """<script>
const form = document.querySelector('form');
form.addEventListener('submit', async e => {
  e.preventDefault();
  const response = await fetch('/send', {method: 'POST', body: new FormData(form)}).catch(() => null);
  if (!response || !response.ok) return;
  const said = await response.json();
  if (said.reset) form.remove();
  if (said.invalid) form.elements[said.invalid].setAttribute('aria-invalid', 'true');
  if (said.html) parent.postMessage(said, '*');
});</script>"""
LISTENS = """<div id="note"></div><script>
addEventListener('message', e => { if (e.data.html) document.getElementById('note').innerHTML = e.data.html; });</script>"""


def form_html(values: dict[str, str] | None = None, *, action: str = "/send", target: str = "") -> str:
    inner = BASIC
    for name, value in (values or {}).items():
        inner = inner.replace(f'name="{name}"', f'name="{name}" value="{value}"')
        inner = inner.replace("</textarea>", f"{value}</textarea>") if name == "message" else inner
    return f'<form method="post" action="{action}" {target} id="contact">{inner}{SEND}</form>'


def cut() -> Response:
    """The request was read; the connection ends without a word."""
    request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return Response("")


def spoken(answer: str) -> str:
    css = "" if answer == "sent" else ' class="error"'
    text = f"<p{css}>{TEXTS[answer]}</p>" if TEXTS[answer] else ""
    return text + (CAPTCHA if answer == "captcha" else "")


def as_json(answer: str) -> Any:
    return {
        "html": spoken(answer),
        "reset": answer == "sent",
        "invalid": "phone" if answer == "field" else "",
    }


def as_page(answer: str, *, action: str = "/send") -> Any:
    """The form's page again: fresh after `sent` and `silence`, with what was typed after a refusal."""
    fresh = answer in ("sent", "silence")
    form = form_html({} if fresh else {key: request.form[key] for key in request.form}, action=action)
    if answer == "field":
        form = form.replace('name="phone"', 'name="phone" aria-invalid="true"')
    return page("Contact", f"<h1>Contact us</h1>{spoken(answer)}{form}")


def reply(way: str, answer: str) -> Any:
    if answer == "cut":
        return cut()
    if answer == "500":
        return page("Error", "<h1>Internal Server Error</h1>", status=500)
    if way in ("ajax", "postmessage"):
        return as_json(answer)
    if way == "redirect" and answer not in ("field", "captcha"):
        return redirect({"sent": "/thank-you", "silence": "/home"}.get(answer, "/failed"), 303)
    return as_page(answer)


def _cell(way: str, answer: str) -> Site:
    made = site(f"out-{way}-{answer}", f"{way}: {answer}", EXPECT[answer], topic="outcome", dealership=False)
    # A connection of its own for the form: on a used one, as the icon's, a browser sends again what was cut.
    alone = {"Connection": "close"} if answer == "cut" else None
    icon = '<link rel="icon" href="data:,">'

    @made.get("/")
    def show() -> Any:
        if way in ("iframe", "postmessage"):
            listens = LISTENS if way == "postmessage" else ""
            return page(
                "Contact",
                f'<h1>Contact us</h1><iframe src="/form" width="600" height="600"></iframe>{listens}',
                head=icon,
                headers=alone,
            )
        target = 'target="_blank"' if way == "newtab" else ""
        body = form_html(target=target) + (AJAX if way == "ajax" else "")
        return page("Contact", f"<h1>Contact us</h1>{body}", head=icon, headers=alone)

    @made.get("/form")
    def show_form() -> Any:
        return page("Form", form_html() + (FRAMED if way == "postmessage" else ""), head=icon, headers=alone)

    @made.post("/send")
    def take() -> Any:
        keep(accepted=answer == "sent", note=answer)
        return reply(way, answer)

    @made.get("/thank-you")
    def thanks() -> Any:
        return page("Thank you", f"<h1>City Motors</h1>{spoken('sent')}")

    @made.get("/failed")
    def failed() -> Any:
        return page("Contact", f"<h1>City Motors</h1>{spoken(answer)}")

    @made.get("/home")
    def home() -> Any:
        return page("City Motors", "<h1>City Motors</h1><p>Thank you for visiting our website. See our cars.</p>")

    @made.get("/recaptcha/api2/anchor")
    def anchor() -> Any:
        return page("reCAPTCHA", '<input type="checkbox" id="recaptcha-anchor"> I am not a robot')

    return made


CELLS = [_cell(way, answer) for way in WAYS for answer in ANSWERS]
