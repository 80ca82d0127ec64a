"""Outcomes off the beaten track: other languages, dialogs, script errors, guarded buttons, thanks that mean nothing."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, redirect

from demo_sites.acting import BASIC, SEND, SENT, form_site
from demo_sites.outcomes import EXPECT, FAILED, as_page, form_html
from demo_sites.server import SITES, keep, page, server, site

NOT_SENT = {**FAILED, "submission": "not_sent"}
UNCONFIRMED = {**FAILED, "submission": "unconfirmed"}
LANGUAGES = {
    # labels: first, last, email, message, button; what they say after it went well, and not.
    "es": (
        ("Nombre", "Apellidos", "Correo electrónico", "Mensaje", "Enviar mensaje"),
        "Gracias. Su mensaje ha sido enviado correctamente.",
        "Por favor, introduzca una dirección de correo válida.",
    ),
    "fr": (
        ("Prénom", "Nom", "Adresse e-mail", "Votre message", "Envoyer"),
        "Merci, votre message a bien été envoyé.",
        "Veuillez saisir une adresse e-mail valide.",
    ),
    "de": (
        ("Vorname", "Nachname", "E-Mail-Adresse", "Ihre Nachricht", "Absenden"),
        "Vielen Dank! Ihre Nachricht wurde erfolgreich versendet.",
        "Bitte geben Sie eine gültige E-Mail-Adresse ein.",
    ),
    "ar": (
        ("الاسم الأول", "اسم العائلة", "البريد الإلكتروني", "رسالتك", "إرسال"),
        "شكرا لك. تم إرسال رسالتك بنجاح.",
        "يرجى إدخال عنوان بريد إلكتروني صالح.",
    ),
}


def _language(code: str, *, sent: bool) -> None:
    labels, good, bad = LANGUAGES[code]
    made = site(
        f"say-{code}-{'sent' if sent else 'field'}",
        f"Answers in {code}",
        SENT if sent else EXPECT["field"],
        topic="outcome",
        dealership=False,
    )
    boxes = (
        '<input name="a" autocomplete="given-name" required>',
        '<input name="b" autocomplete="family-name" required>',
        '<input name="c" type="email" required>',
        '<textarea name="d" required></textarea>',
    )
    controls = "".join(f"<p><label>{label} * {box}</label></p>" for label, box in zip(labels, boxes, strict=False))
    script = """<div id="note"></div><script>const form = document.querySelector('form');
form.addEventListener('submit', async e => {
  e.preventDefault();
  const said = await (await fetch('/send', {method: 'POST', body: new FormData(form)})).json();
  document.getElementById('note').textContent = said.text;
  if (said.good) form.reset();
});</script>"""

    @made.get("/")
    def show() -> Any:
        direction = "rtl" if code == "ar" else "ltr"
        text = (
            f'<!doctype html><html lang="{code}" dir="{direction}"><head><meta charset="utf-8"><title>.</title></head><body>'
            f'<form method="post" action="/send">{controls}<button>{labels[4]}</button></form>{script}</body></html>'
        )
        return Response(text, mimetype="text/html")

    @made.post("/send")
    def take() -> Any:
        keep(accepted=sent)
        return jsonify(text=good if sent else bad, good=sent)


for _code in LANGUAGES:
    _language(_code, sent=True)
    _language(_code, sent=False)

_SENDS = "fetch('/send', {method: 'POST', body: new FormData(form)})"


def _scripted(name: str, title: str, script: str, expect: dict[str, Any]) -> None:
    form_site(
        name,
        title,
        BASIC,
        check=lambda form: "" if expect == SENT else "dropped",
        after=f"<div id=note></div><script>const form = document.querySelector('form'), note = document.getElementById('note');\n{script}</script>",
        expect=expect,
    )
    SITES[name].topic = "outcome"


_scripted(
    "script-breaks",
    "A script error in place of sending",
    "form.addEventListener('submit', e => { e.preventDefault(); window.tracker.send(form); });",
    {"failure": "javascript_error", "submission": "not_sent"},
)
_scripted(
    "script-harmless",
    "Script errors that do not matter",
    "setTimeout(() => { noSuchThing(); }, 0); form.addEventListener('submit', () => { setTimeout(() => noSuchThing(), 0); });",
    SENT,
)
_scripted(
    "script-nothing",
    "A button that does nothing",
    "form.addEventListener('submit', e => e.preventDefault());",
    NOT_SENT,
)
_scripted(
    "checks-itself",
    "A script that refuses before anything leaves",
    "form.addEventListener('submit', e => { e.preventDefault(); note.innerHTML = '<p class=error role=alert>Please enter a longer message.</p>'; });",
    NOT_SENT,
)
_scripted(
    "dialog-thanks",
    "Thanks in a dialog",
    f"form.addEventListener('submit', async e => {{ e.preventDefault(); await {_SENDS}; form.reset(); alert('Thank you! Your message has been sent.'); }});",
    SENT,
)
_scripted(
    "dialog-asks",
    "A dialog that asks before sending, and one that refuses",
    f"""form.addEventListener('submit', async e => {{ e.preventDefault(); if (!confirm('Send this message?')) return;
await {_SENDS}; alert('Sorry, your message could not be sent.'); }});""",
    EXPECT["spam"],
)
_scripted(
    "guarded-button",
    "A button that sends again on a second press",
    f"""document.querySelector('button').addEventListener('click', async e => {{ e.preventDefault(); e.target.textContent = 'Sending';
await {_SENDS}; await new Promise(r => setTimeout(r, 400)); note.innerHTML = '<p role=status>Thank you, we received your request.</p>'; form.remove(); }});""",
    SENT,
)
form_site(
    "covered-button",
    "Something lies over the button",
    BASIC + '<input type="hidden" name="cover" value="">',
    after="""<div id="cover" style="position:fixed;inset:0;z-index:99"></div><script>
document.getElementById('cover').addEventListener('click', () => { document.querySelector('[name=cover]').value = 'pressed'; });</script>""",
    check=lambda form: "the cover was pressed" if form.get("cover") != [""] else "",
).topic = "outcome"
_scripted(
    "thanks-visiting",
    "Thanks for visiting",
    f"form.addEventListener('submit', async e => {{ e.preventDefault(); await {_SENDS}; note.innerHTML = '<p>Thank you for visiting our website.</p>'; }});",
    UNCONFIRMED,
)
_scripted(
    "thanks-alone",
    "Thanks without a request",
    "form.addEventListener('submit', e => { e.preventDefault(); form.remove(); note.innerHTML = '<p role=status>Thank you, your message has been sent.</p>'; });",
    UNCONFIRMED,
)
_scripted(
    "tracker-only",
    "Thanks where only a tracker was told",
    """form.addEventListener('submit', e => { e.preventDefault(); navigator.sendBeacon('/g/collect', 'v=2&en=form_submit'); form.remove();
note.innerHTML = '<p role=status>Thank you, your message has been sent.</p>'; });""",
    UNCONFIRMED,
)
_scripted(
    "never-loads",
    "A page whose answer is about to come",
    "form.addEventListener('submit', async e => { e.preventDefault(); await fetch('/slow', {method: 'POST', body: new FormData(form)}); note.textContent = 'Thank you, message sent'; });",
    UNCONFIRMED,
)


@SITES["tracker-only"].post("/g/collect")
def collect() -> Any:
    return Response("", 204)


@SITES["never-loads"].post("/slow")
def slow() -> Any:
    keep(accepted=False, note="never answered")
    server().hold(20)
    return Response("", 204)


_home = site("home-redirect", "Back to the home page", UNCONFIRMED, topic="outcome", dealership=False)


@_home.get("/")
def contact() -> Any:
    return page("Contact", f"<h1>Contact us</h1>{form_html()}")


@_home.post("/send")
def take_home() -> Any:
    keep(accepted=False)
    return redirect("/home", 303)


@_home.get("/home")
def home() -> Any:
    return page("City Motors", "<h1>City Motors</h1><p role='status'>Open today until 8 pm</p>")


_idle = site("badge-refused", "An idle badge whose score refuses", EXPECT["captcha"], topic="outcome", dealership=False)


@_idle.get("/")
def show_badge() -> Any:
    badge = '<div class="grecaptcha-badge" style="width:256px;height:60px;position:fixed;bottom:14px;right:0"><iframe title="reCAPTCHA" src="/recaptcha/api2/anchor?size=invisible" width="256" height="60"></iframe></div>'
    return page("Contact", f"<h1>Contact us</h1>{form_html()}{badge}")


@_idle.get("/recaptcha/api2/anchor")
def badge_frame() -> Any:
    return page("", "<p>protected by reCAPTCHA</p>")


@_idle.post("/send")
def take_badge() -> Any:
    keep(accepted=False, note="score")
    return Response(
        as_page("spam").get_data(as_text=True).replace("because it looks like spam", "reCAPTCHA verification failed"),
        mimetype="text/html",
    )


_shown = form_site("clean-send", "A plain form", BASIC, send=SEND)
_shown.topic = "outcome"
