"""Dealerships with other ways: masked and divided phones, other languages, odd places for the contact page, other ways to say thanks."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from demo_sites.dealers import ERRORS, Lot, beside, receive, seen_elsewhere
from demo_sites.dealers_banners import SOURCEPOINT
from demo_sites.looks import Sent
from demo_sites.server import given, page, server

OK = {"ok": True}

# --- A phone in three boxes, each with room for its own digits -------------------------------------------------------------------------------
stark = Lot(
    "stark-auto-mall",
    OK,
    builder="own system; phone in three boxes",
    style="php",
    contact="/contact.php",
    link="Contact",
)
BOXES = (
    """<h1>Contact Stark Auto Mall</h1>"""
    + ERRORS
    + """<form method="post" action="/contact.php"><p><label for="nm">Name *</label><input id="nm" name="name" value="{{ f['name'] }}" required></p><p><label for="em">E-mail *</label><input id="em" name="email" value="{{ f['email'] }}" required></p><div class="field"><span class="label">Phone *</span><div class="tel">( <input name="phone1" maxlength="3" size="3" aria-label="Area code" required> ) <input name="phone2" maxlength="3" size="3" aria-label="Phone prefix" required> - <input name="phone3" maxlength="4" size="4" aria-label="Phone line number" required></div></div><p><label for="qs">Question *</label><textarea id="qs" name="question" required>{{ f['question'] }}</textarea></p><input type="submit" value="Send"></form>
<script>document.querySelectorAll('.tel input').forEach(function (box, index, all) { box.addEventListener('keyup', function () { if (box.value.length === box.maxLength && all[index + 1]) all[index + 1].focus(); }); });</script>"""
)
BOXES_CSS = "<style>.tel{display:flex;gap:6px;align-items:center}.tel input{width:5em!important}</style>"
stark.page("/contact.php", "Contact", beside(BOXES), head=BOXES_CSS)


@stark.post("/contact.php")
def _() -> Any:
    form = given()
    digits = "".join((form.get(f"phone{part}") or [""])[0] for part in (1, 2, 3))
    wrong = receive(
        form | {"phone": [digits]}, need="name email question phone1 phone2 phone3", email="email", phone="phone"
    )
    if wrong:
        return stark.again("Contact", beside(BOXES), wrong, head=BOXES_CSS)
    return stark.draw(
        "Contact", beside('<h1>Contact Stark Auto Mall</h1><p class="good">Thank you. Your question has been sent.</p>')
    )


# --- A mask that writes the phone its own way while it is typed ---------------------------------------------------------------------------------
rose = Lot(
    "rose-city-motors",
    OK,
    builder="own system; phone mask",
    style="bare",
    contact="/contact",
    link="Contact",
    note="the phone is rewritten while typed; what does not look like (000) 000-0000 is refused",
)
MASK = (
    """<h1>Contact</h1>"""
    + ERRORS
    + """<form method="post" action="/contact" id="masked"><div class="pair"><p><label for="f">First name *</label><input id="f" name="first" required></p><p><label for="l">Last name *</label><input id="l" name="last" required></p></div><p><label for="e">Email *</label><input id="e" name="email" type="email" required></p><p><label for="t">Mobile phone *</label><input id="t" name="mobile" type="tel" placeholder="(___) ___-____" pattern="\\(\\d{3}\\) \\d{3}-\\d{4}" required></p><p><label for="m">Message *</label><textarea id="m" name="message" required></textarea></p><button>Send</button></form>
<script>document.getElementById('t').addEventListener('input', function (event) { var d = event.target.value.replace(/\\D/g, '').slice(0, 10); event.target.value = d.length > 6 ? '(' + d.slice(0, 3) + ') ' + d.slice(3, 6) + '-' + d.slice(6) : d.length > 3 ? '(' + d.slice(0, 3) + ') ' + d.slice(3) : d.length ? '(' + d : ''; });</script>"""
)
rose.page("/contact", "Contact", beside(MASK))


@rose.post("/contact")
def _() -> Any:
    wrong = receive(need="first last email mobile message", email="email", phone="mobile")
    if wrong:
        return rose.again("Contact", beside(MASK), wrong)
    return rose.draw("Thank you", "<h1>Thank you for your message</h1><p>A rose is waiting for you at the desk.</p>")


# --- Spanish first, English beside it -----------------------------------------------------------------------------------------------------------------
casa = Lot(
    "casa-de-autos",
    OK,
    builder="own system; Spanish",
    style="php",
    contact="/contacto.php",
    link="Contáctenos",
    lang="es",
)
SPANISH = (
    """<p class="small"><a href="/contacto.php" lang="es">Español</a> | <a href="/contacto.php?lang=en" lang="en">English</a></p><h1>Contáctenos</h1>"""
    + ERRORS
    + """<form method="post" action="/contacto.php"><p><label for="nombre">Nombre *</label><input id="nombre" name="nombre" value="{{ f['nombre'] }}" required></p><p><label for="apellido">Apellido *</label><input id="apellido" name="apellido" value="{{ f['apellido'] }}" required></p><p><label for="correo">Correo electrónico *</label><input id="correo" name="correo" type="email" value="{{ f['correo'] }}" required></p><p><label for="telefono">Teléfono</label><input id="telefono" name="telefono" type="tel" value="{{ f['telefono'] }}"></p><p><label for="cp">Código postal</label><input id="cp" name="cp" value="{{ f['cp'] }}"></p><p><label for="mensaje">Mensaje *</label><textarea id="mensaje" name="mensaje" required>{{ f['mensaje'] }}</textarea></p><p><label class="check"><input type="checkbox" name="acepto" value="si" required> Acepto la política de privacidad *</label></p><button>Enviar mensaje</button></form>"""
)
casa.page("/contacto.php", "Contáctenos", beside(SPANISH))


@casa.post("/contacto.php")
def _() -> Any:
    wrong = receive(need="nombre apellido correo mensaje", email="correo", phone="telefono", zip="cp", ticked="acepto")
    if wrong:
        return casa.again("Contáctenos", beside(SPANISH), wrong)
    return casa.draw(
        "Gracias",
        beside(
            '<h1>¡Gracias!</h1><p class="good" role="status">Su mensaje ha sido enviado. Le responderemos pronto.</p>'
        ),
    )


# --- French and English in each label --------------------------------------------------------------------------------------------------------------------
monroe = Lot(
    "monroe-gate-autos",
    OK,
    builder="own system; French and English",
    style="bare",
    contact="/nous-joindre",
    link="Nous joindre / Contact",
    lang="fr",
)
FRENCH = (
    """<h1>Nous joindre <span lang="en" class="small">/ Contact us</span></h1>"""
    + ERRORS
    + """<form method="post" action="/nous-joindre"><div class="pair"><p><label for="prenom">Prénom / First name *</label><input id="prenom" name="prenom" required></p><p><label for="nom">Nom / Last name *</label><input id="nom" name="nom" required></p></div><p><label for="courriel">Courriel / Email *</label><input id="courriel" name="courriel" type="email" required></p><p><label for="tel">Téléphone</label><input id="tel" name="tel" type="tel"></p><p><label for="objet">Objet / Subject *</label><input id="objet" name="objet" required></p><p><label for="message">Votre message *</label><textarea id="message" name="votre_message" required></textarea></p><button>Envoyer</button></form>"""
)
monroe.page("/nous-joindre", "Nous joindre", FRENCH)
monroe.page(
    "/merci", "Merci", "<h1>Merci !</h1><p>Votre message a bien été envoyé. Thank you, your message was sent.</p>"
)


@monroe.post("/nous-joindre")
def _() -> Any:
    wrong = receive(need="prenom nom courriel objet votre_message", email="courriel", phone="tel")
    return monroe.again("Nous joindre", FRENCH, wrong) if wrong else seen_elsewhere("/merci")


# --- Only the sitemap knows the contact page ---------------------------------------------------------------------------------------------------------------
wooster = Lot(
    "wooster-wheels",
    OK,
    builder="own system; contact page in the sitemap only",
    style="bare",
    contact="/office/contact-the-lot",
    link="",
    note="no link leads to the contact page",
)
wooster.get("/sitemap.xml")(
    lambda: Response(
        '<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        + "".join(
            f"<url><loc>{server().url_of('wooster-wheels', path)}</loc></url>"
            for path in ("/", *wooster.paths.values(), "/office/contact-the-lot", "/inventory/2019-outback")
        )
        + "</urlset>",
        mimetype="application/xml",
    )
)
wooster.get("/robots.txt")(
    lambda: Response(
        f"User-agent: *\nAllow: /\nSitemap: {server().url_of('wooster-wheels', '/sitemap.xml')}\n",
        mimetype="text/plain",
    )
)
SIMPLE = (
    """<h1>Write to us</h1>"""
    + ERRORS
    + """<form method="post" action="/write"><p><label for="who">Name</label><input id="who" name="who" required></p><p><label for="mail">Email</label><input id="mail" name="mail" type="email" required></p><p><label for="text">Message</label><textarea id="text" name="text" required></textarea></p><button>Send</button></form>"""
)
wooster.page("/office/contact-the-lot", "Write to us", SIMPLE)


@wooster.post("/write")
def _() -> Any:
    wrong = receive(need="who mail text", email="mail")
    if wrong:
        return wooster.again("Write to us", SIMPLE, wrong)
    return wooster.draw(
        "Sent", '<h1>Sent</h1><p role="status">Your message was sent. Somebody at the lot will write back.</p>'
    )


# --- A consent message in another host's frame over the page ------------------------------------------------------------------------------------------------------
kokosing = Lot(
    "kokosing-auto",
    OK,
    builder="own system; Sourcepoint frame over it",
    style="bare",
    contact="/about/contact",
    link="",
    extra='<p class="panel">Looking for something that is not here? <a href="/about/contact">Contact our team</a>.</p>',
    note="not in the menu; a frame of consentbox.localhost lies over it",
)
KOKOSING = (
    """<h1>Contact Kokosing Auto</h1>"""
    + ERRORS
    + """<form method="post" action="/about/contact"><p><label for="k1">Name *</label><input id="k1" name="contact_name" value="{{ f['contact_name'] }}" required></p><p><label for="k2">Email *</label><input id="k2" type="email" name="contact_email" value="{{ f['contact_email'] }}" required></p><p><label for="k3">Phone</label><input id="k3" type="tel" name="contact_phone"></p><p><label for="k4">Message *</label><textarea id="k4" name="contact_message" required>{{ f['contact_message'] }}</textarea></p><button>Send message</button></form>"""
)
kokosing.page(
    "/about",
    "About Us",
    '<h1>About Us</h1><p>{{ d.welcome }}</p><p>Questions? <a href="/about/contact">Contact our team</a>.</p>',
)
kokosing.get("/about/contact")(
    lambda: kokosing.draw("Contact", beside(KOKOSING) + SOURCEPOINT, consent=server().url_of("consentbox", "/"))
)


@kokosing.post("/about/contact")
def _() -> Any:
    wrong = receive(need="contact_name contact_email contact_message", email="contact_email", phone="contact_phone")
    if wrong:
        return kokosing.again("Contact", beside(KOKOSING), wrong)
    return kokosing.draw(
        "Contact", beside('<h1>Contact Kokosing Auto</h1><div class="good" role="alert">Message sent. Thank you!</div>')
    )


# --- Required terms under a styled box, the real one hidden; an optional one beside it ------------------------------------------------------------------------------------
home = Lot(
    "hometown-cars",
    OK,
    builder="own system; styled check boxes",
    style="bare",
    contact="/contact",
    link="Contact",
    note="the required terms box is hidden under its label",
)
STYLED = (
    """<h1>Contact us</h1>"""
    + ERRORS
    + """<form method="post" action="/contact"><p><label for="h1">Full name *</label><input id="h1" name="fullname" required></p><p><label for="h2">Email *</label><input id="h2" name="email" type="email" required></p><p><label for="h3">Phone</label><input id="h3" name="phone" type="tel"></p><p><label for="h4">Message *</label><textarea id="h4" name="message" required></textarea></p><p class="fancy"><input type="checkbox" id="terms" name="terms" value="1"><label for="terms">I accept the <a href="/terms">terms and conditions</a> *</label></p><p class="fancy"><input type="checkbox" id="news" name="news" value="1"><label for="news">Send me the Hometown newsletter</label></p><button>Send</button></form>"""
)
STYLED_CSS = "<style>.fancy input{position:absolute;opacity:0;width:0;height:0}.fancy label{font-weight:400;padding-left:32px;position:relative;display:inline-block}.fancy label:before{content:'';position:absolute;left:0;top:2px;width:20px;height:20px;border:2px solid #8fa3b3;border-radius:5px}.fancy input:checked+label:before{background:var(--accent);border-color:var(--accent)}</style>"
home.page("/contact", "Contact", beside(STYLED), head=STYLED_CSS)
home.page("/terms", "Terms", "<h1>Terms</h1><p>Be kind.</p>")


@home.post("/contact")
def _() -> Any:
    wrong = receive(need="fullname email message", email="email", phone="phone", ticked="terms", marketing="news")
    if wrong:
        return home.again("Contact", beside(STYLED), wrong, head=STYLED_CSS)
    return home.draw(
        "Contact",
        beside('<h1>Thank you!</h1><p class="good">We received your message and will call or write soon.</p>'),
    )


# --- Thanks in a new tab ---------------------------------------------------------------------------------------------------------------------------------------------------------
mountain = Lot(
    "mountaineer-motors",
    OK,
    builder="own system; answers in a new tab",
    style="html",
    contact="/contact.html",
    link="Contact",
)
mountain.page(
    "/contact.html",
    "Contact",
    beside(
        """<h1>Contact Mountaineer Motors</h1><form method="post" action="/cgi/contact" target="_blank"><p><label for="x1">Your name</label><input id="x1" name="name" required></p><p><label for="x2">Your email</label><input id="x2" name="email" type="email" required></p><p><label for="x3">Message</label><textarea id="x3" name="message" required></textarea></p><input type="submit" value="Send"></form>"""
    ),
)


@mountain.post("/cgi/contact")
def _() -> Any:
    wrong = receive(need="name email message", email="email")
    if wrong:
        return page("Error", "<h1>Error</h1><p>Go back and complete the form.</p>", status=400)
    return mountain.draw(
        "Thank you",
        "<h1>Thank you!</h1><p>Your message has been sent to Mountaineer Motors. You can close this window.</p>",
    )


# --- Thanks in a frame beside the form -----------------------------------------------------------------------------------------------------------------------------------------------
ohio = Lot(
    "ohio-river-auto", OK, builder="own system; answers in a frame", style="php", contact="/contact.php", link="Contact"
)
ohio.page(
    "/contact.php",
    "Contact",
    beside(
        """<h1>Contact Ohio River Auto</h1><form method="post" action="/post.php" target="answer"><p><label for="o1">Name</label><input id="o1" name="name" required></p><p><label for="o2">Email</label><input id="o2" name="email" type="email" required></p><p><label for="o3">Comments</label><textarea id="o3" name="comments" required></textarea></p><input type="submit" value="Send"></form><iframe name="answer" title="Answer" style="border:0;width:100%;height:90px" src="about:blank"></iframe>"""
    ),
)


@ohio.post("/post.php")
def _() -> Any:
    wrong = receive(need="name email comments", email="email")
    style = "<style>body{font:15px Verdana,sans-serif;color:#17643a}</style>"
    return page(
        "", "<b>Please complete all fields.</b>" if wrong else "<b>Thank you! Your comments were sent.</b>", head=style
    )


# --- No contact page: the form stands at the end of the home page ---------------------------------------------------------------------------------------------------------------------------
wheeling = Lot(
    "wheeling-auto-park", OK, builder="one page; form on the home page", style="bare", contact="/#contact", link="",
    extra="""<section id="contact" class="two"><div><h2>Get in touch</h2><form id="homeform" action="/contact-form" method="post"><div class="pair"><p><input name="name" placeholder="Your Name" required></p><p><input name="email" type="email" placeholder="Your Email" required></p></div><p><input name="subject" placeholder="Subject" required></p><p><textarea name="message" placeholder="Message" required></textarea></p><div class="my-3"><div class="loading hide">Loading</div><div class="error-message hide"></div><div class="sent-message hide good">Your message has been sent. Thank you!</div></div><button type="submit">Send Message</button></form></div><div class="panel">{{ d.street }}<br>{{ d.town }}, {{ d.state }} {{ d.zip }}<br>{{ d.phone }}</div></section>
<script>document.getElementById('homeform').addEventListener('submit', function (event) { event.preventDefault(); var form = event.target; form.querySelector('.loading').classList.remove('hide'); fetch(form.action, { method: 'POST', body: new FormData(form), headers: { 'X-Requested-With': 'XMLHttpRequest' } }).then(function (answer) { return answer.text(); }).then(function (text) { form.querySelector('.loading').classList.add('hide'); if (text.trim() === 'OK') { form.querySelector('.sent-message').classList.remove('hide'); form.reset(); } else { form.querySelector('.error-message').textContent = text; form.querySelector('.error-message').classList.remove('hide'); } }); });</script>""",
)  # fmt: skip


@wheeling.post("/contact-form")
def _() -> Any:
    wrong = receive(need="name email subject message", email="email")
    return "Please fill in all fields." if wrong else "OK"


# --- Far away, plain, and working: two beyond any radius ------------------------------------------------------------------------------------------------------------------------------------------
lakeshore = Lot(
    "lakeshore-cars",
    OK,
    builder="Tailwind; labels float over the boxes",
    style="bare",
    contact="/contact",
    link="Contact",
)
FLOATING = """<h1>Contact</h1><form id="float" action="/api/messages" method="post">{% for name, label, kind in fields %}<div class="float"><input type="{{ kind }}" id="fl-{{ name }}" name="{{ name }}" placeholder=" " required><label for="fl-{{ name }}">{{ label }}</label></div>{% endfor %}<div class="float"><textarea id="fl-body" name="body" placeholder=" " required></textarea><label for="fl-body">Message</label></div><button>Send</button></form>
<script>document.getElementById('float').addEventListener('submit', function (event) { event.preventDefault(); var form = event.target; fetch(form.action, { method: 'POST', body: new FormData(form) }).then(function (answer) { if (!answer.ok) return; var toast = document.createElement('div'); toast.className = 'toast'; toast.setAttribute('role', 'status'); toast.textContent = 'Message sent successfully'; document.body.append(toast); form.reset(); }); });</script>"""
lakeshore.page(
    "/contact",
    "Contact",
    beside(FLOATING),
    fields=[("given", "First name", "text"), ("family", "Last name", "text"), ("mail", "Email", "email")],
    head="<style>.float{position:relative;margin-bottom:18px}.float input,.float textarea{padding-top:1.5em!important;padding-bottom:.35em!important}.float label{position:absolute;left:13px;top:6px;font-size:.75em;color:#64707d;pointer-events:none}.toast{position:fixed;right:24px;bottom:24px;background:#12303a;color:#fff;padding:16px 22px;border-radius:8px;box-shadow:0 8px 30px #0005}</style>",
)


@lakeshore.post("/api/messages")
def _() -> Any:
    wrong = receive(need="given family mail body", email="mail")
    return (jsonify(wrong), 422) if wrong else (jsonify(id=1), 201)


ridge = Lot("blue-ridge-subaru", OK, builder="htmx", contact="/contact/", link="Contact")
HTMX = """<form class="partial" action="/contact/" method="post" id="cf">{% if errors %}<p class="error" role="alert">Please check the fields marked.</p>{% endif %}<p><label for="r1">Name</label><input id="r1" name="name" value="{{ f['name'] }}">{% if 'name' in errors %}<span class="error">{{ errors['name'] }}</span>{% endif %}</p><p><label for="r2">Email</label><input id="r2" name="email" value="{{ f['email'] }}">{% if 'email' in errors %}<span class="error">{{ errors['email'] }}</span>{% endif %}</p><p><label for="r3">Phone</label><input id="r3" name="phone" value="{{ f['phone'] }}"></p><p><label for="r4">Message</label><textarea id="r4" name="message">{{ f['message'] }}</textarea></p><button>Send</button></form>"""
SWAP = """<div id="slot">FORM</div><script>document.addEventListener('submit', function (event) { if (event.target.id !== 'cf') return; event.preventDefault(); fetch('/contact/', { method: 'POST', body: new FormData(event.target), headers: { 'HX-Request': 'true' } }).then(function (answer) { return answer.text(); }).then(function (html) { document.getElementById('slot').innerHTML = html; }); });</script>"""
ridge.page("/contact/", "Contact", "<h1>Contact</h1>" + SWAP.replace("FORM", HTMX))


@ridge.post("/contact/")
def _() -> Any:
    wrong = receive(need="name email message", email="email", phone="phone")
    if wrong:
        return ridge.fill(HTMX, errors=wrong, f=Sent(given()))
    return '<p class="good" role="status">Thanks, your message reached us.</p>'
