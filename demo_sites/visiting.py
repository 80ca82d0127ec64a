"""Sites whose contact form has to be found: by a link, a button, a map, in several languages, behind robots.txt."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, redirect

from demo_sites.server import Site, keep, page, server, site

SENT = {"ok": True, "submission": "confirmed"}
THANKS = "<main><h1>Thank you!</h1><p>Your message has been sent. We will be in touch shortly.</p></main>"
LOOKS = "<style>body{font:16px sans-serif;margin:2em}label{display:block;margin:.6em 0}nav a{margin-right:1em}</style>"
LINES = (
    '<label>Your name <input name="name" required></label><label>Email <input type="email" name="email" required></label>'
    '<label>Phone <input type="tel" name="phone"></label><label>Message <textarea name="message" required></textarea></label>'
)


def form(
    action: str = "/send", *, more: str = "", lines: str = LINES, button: str = "Send message", tags: str = ""
) -> str:
    return f'<form action="{action}" method="post" {tags}>{lines}{more}<button type="submit">{button}</button></form>'


def declare(name: str, title: str, expect: dict[str, object], *, topic: str = "visiting", **facts: object) -> Site:
    """A site that takes a form at /send and thanks for it."""
    it = site(name, title, dict(expect), topic=topic, dealership=False, **facts)

    @it.post("/send")
    def send() -> Response:
        keep()
        return page("Thank you", THANKS)

    return it


def put(it: Site, path: str, body: str, *, title: str = "", head: str = "", status: int = 200, headers: dict[str, str] | None = None) -> None:  # fmt: skip
    it.get(path)(lambda: page(title or it.title, body, head=LOOKS + head, status=status, headers=headers))


def contact(it: Site, path: str = "/contact", **parts: str) -> Site:
    put(it, path, f"<main><h1>Contact us</h1>{form(**parts)}</main>", title="Contact us")  # type: ignore[arg-type]
    return it


SHOP = (
    '<nav><a href="/">Home</a><a href="/service/schedule">Schedule Service</a><a href="/careers/contact">Contact HR about jobs</a>'
    '<a href="/parts">Contact Parts</a><a href="/finance">Finance contact</a><a href="tel:+15125550100">Contact: 512-555-0100</a>'
    '<a href="/brochure/contact.pdf">Contact sheet</a>{}</nav><main><h1>Motors</h1><p>New and used cars.</p></main>'
)


def _shop(name: str, link: str) -> Site:
    it = declare(name, "Motors", SENT)
    put(it, "/", SHOP.format(link))
    for path, words in (("/service/schedule", "Schedule service"), ("/careers/contact", "Apply for a job")):
        body = form(path, more='<label>Preferred date <input type="date" name="date"></label>', button=words)
        put(it, path, f"<h1>{words}</h1>{body}", title=words)
        it.post(path)(lambda: (keep(accepted=False, note="the wrong desk"), page("Thank you", THANKS))[1])
    return it


contact(_shop("visit-link", '<a href="/contact">Contact Us</a>'))
contact(_shop("visit-sales", '<a href="/contact-sales">Contact Sales</a>'), "/contact-sales")
contact(
    _shop("visit-footer", '</nav><footer><a href="/pages/reach.html">Get in touch</a></footer><nav>'),
    "/pages/reach.html",
)

given = declare("visit-given", "Given", SENT, start="/desk/write")
put(given, "/", "<h1>Nothing here</h1>")
contact(given, "/desk/write")

own = declare("visit-home", "Home form", SENT)
put(own, "/", f"<main><h1>Small Motors</h1><h2>Send us a message</h2>{form()}</main>")

mapped = declare("visit-sitemap", "Mapped", SENT)
put(mapped, "/", "<h1>Cars</h1><p>No links here.</p>")
contact(mapped, "/dealership/contact-form.htm")


@mapped.get("/sitemap.xml")
def sitemap() -> Response:
    base = server().url_of("visit-sitemap", "")
    places = "".join(
        f"<url><loc>{base}{path}</loc></url>"
        for path in ("/inventory/1", "/careers/contact", "/dealership/contact-form.htm", "/contact.pdf")
    )
    return Response(f"<urlset>{places}</urlset>", mimetype="application/xml")


usual = declare("visit-usual", "Usual path", SENT)
put(usual, "/", "<h1>Cars</h1><p>No links, no map.</p>")
contact(usual, "/contact-us")

dialog = declare("visit-dialog", "Dialog", SENT)
put(
    dialog, "/",
    f'<header><button type="button" id="open">Contact us</button><button type="button">Schedule service</button></header><dialog id="box"><h2>Contact us</h2>{form()}</dialog>'
    '<script>document.getElementById("open").onclick = () => document.getElementById("box").showModal();</script>',
)  # fmt: skip
tab = declare("visit-tab", "Tabs", SENT)
put(
    tab, "/",
    f'<div role="tablist"><button role="tab" aria-selected="true">Hours</button><button role="tab" aria-selected="false" id="t2">Contact</button></div>'
    f'<div id="p1">9 to 5</div><div id="p2" hidden><h2>Contact</h2>{form()}</div>'
    '<script>document.getElementById("t2").onclick = () => { p1.hidden = true; p2.hidden = false; };</script>',
)  # fmt: skip
accordion = declare("visit-accordion", "Accordion", SENT)
put(
    accordion,
    "/",
    f"<details><summary>Opening hours</summary>9 to 5</details><details><summary>Write to us</summary><h2>Contact us</h2>{form()}</details>",
)

mail = declare("visit-mailto", "Mail only", {"failure": "form_not_found", "mailto": "sales@visit-mailto.example"})
put(mail, "/", '<nav><a href="/contact">Contact</a></nav><h1>Cars</h1>')
put(
    mail,
    "/contact",
    '<h1>Contact us</h1><p>Write to <a href="mailto:sales@visit-mailto.example?subject=Hi">our desk</a> or call 512-555-0100.</p>',
)

wrong = declare("visit-wrong", "Wrong forms", {"failure": "form_not_found"})
put(
    wrong, "/",
    '<form action="/search"><input type="search" name="q" placeholder="Search cars"><button>Search</button></form>'
    '<form action="/login" method="post"><label>Email <input type="email" name="email"></label><label>Password <input type="password" name="password"></label><button>Log in</button></form>'
    '<form action="/news" method="post"><label>Newsletter: your email <input type="email" name="email"></label><button>Subscribe</button></form>'
    '<nav><a href="/careers">Careers</a></nav>',
)  # fmt: skip
put(
    wrong, "/careers",
    '<h1>Job application</h1><form action="/apply" method="post"><label>Name <input name="name" required></label><label>Email <input type="email" name="email"></label>'
    '<label>Position applied for <input name="position"></label><label>Resume <input type="file" name="resume"></label><label>Cover letter <textarea name="cover"></textarea></label><button>Apply now</button></form>',
)  # fmt: skip

pdf = declare("visit-pdf", "A download", {"failure": "form_not_found"})
put(pdf, "/", '<nav><a href="/contact">Contact us</a></nav><h1>Cars</h1>')
pdf.get("/contact")(
    lambda: Response(
        b"%PDF-1.4\n%%EOF", mimetype="application/pdf", headers={"Content-Disposition": "attachment; filename=c.pdf"}
    )
)

several = declare("visit-several", "Several forms", SENT)
put(
    several, "/",
    '<form action="/search"><input type="search" name="q"><button>Search</button></form>'
    '<form action="/login" method="post"><label>Email <input type="email" name="login"></label><label>Password <input type="password" name="password"></label><button>Log in</button></form>'
    f'<main><h1>Contact us</h1>{form()}</main>'
    '<footer><form action="/news" method="post"><label>Newsletter <input type="email" name="news"></label><button>Subscribe</button></form></footer>',
)  # fmt: skip

shut = declare("visit-robots", "Robots keep out", {"skipped": True})
put(shut, "/", '<nav><a href="/contact">Contact us</a></nav><h1>Cars</h1>')
contact(shut, "/contact")
shut.get("/robots.txt")(
    lambda: Response(
        "User-agent: *\nAllow: /\nDisallow: /con\nDisallow: /contact # people only\n", mimetype="text/plain"
    )
)

stream = declare("visit-endless", "Never done", SENT)


@stream.get("/")
def endless() -> Response:
    here = server()

    def pieces() -> Iterator[str]:
        yield f"<!doctype html><title>Contact us</title><h1>Contact us</h1>{form()}" + "<!-- -->" * 200
        here.stopping.wait(6)

    return Response(pieces(), mimetype="text/html")


late = declare("visit-late", "Drawn late", SENT)
put(
    late, "/contact",
    f'<h1>Contact us</h1><div id="here"></div><template id="form">{form()}</template>'
    '<script>setTimeout(() => here.append(document.getElementById("form").content.cloneNode(true)), 1500);</script>',
)  # fmt: skip
put(late, "/", '<a href="/contact">Contact us</a>')

LATELY = (
    f'<div id="here"></div><template id="form">{form()}</template>'
    '<script>setTimeout(() => here.append(document.getElementById("form").content.cloneNode(true)), 400);</script>'
)
passed = declare("visit-passed", "Passed by", SENT)
put(passed, "/", f'<nav><a href="/contact">Contact us</a></nav><h1>Cars</h1>{LATELY}')
put(passed, "/contact", "<h1>Contact us</h1><p>Come and see us on Main Street.</p>")

slow = declare("visit-given-late", "Given, drawn late", SENT, start="/desk/write")
put(slow, "/", "<h1>Nothing here</h1>")
put(slow, "/desk/write", f'<nav><a href="/contact">Contact us</a></nav><h1>The desk</h1>{LATELY}')
put(slow, "/contact", "<h1>Contact us</h1><p>Come and see us on Main Street.</p>")

sight = declare("visit-sight", "Drawn on sight", SENT)
put(
    sight, "/",
    f'<h1>Contact us</h1><div style="height:3000px"></div><div id="here" style="min-height:20px"></div><template id="form">{form()}</template>'
    '<script>new IntersectionObserver((seen, me) => { if (seen.some((one) => one.isIntersecting)) { me.disconnect();'
    ' here.append(document.getElementById("form").content.cloneNode(true)); } }).observe(here);</script>',
)  # fmt: skip

moved = declare("visit-moved", "Moved within", SENT)
moved.get("/")(lambda: redirect("/en/"))
put(moved, "/en/", '<a href="/old-contact">Contact us</a>')
put(moved, "/old-contact", "<p>Moved.</p>", head='<meta http-equiv="refresh" content="0;url=/en/contact">')
contact(moved, "/en/contact")

chain = declare("visit-chain", "Led on and on", SENT)
put(chain, "/", '<a href="/hop/1">Contact us</a>')
for hop in range(1, 13):
    onward = f"/hop/{hop + 1}" if hop < 12 else "/contact"
    put(chain, f"/hop/{hop}", "<p>Moved.</p>", head=f'<meta http-equiv="refresh" content="0;url={onward}">')
contact(chain)

noisy = declare("visit-noisy", "Dialogs and windows", SENT)
put(
    noisy, "/",
    f'<h1>Contact us</h1>{form()}<script>alert("Welcome!"); window.open("/offer"); addEventListener("beforeunload", (event) => event.preventDefault());'
    ' setTimeout(() => { throw new Error("a counter is missing"); }, 10); navigator.geolocation.getCurrentPosition(() => {}, () => {});</script>',
)  # fmt: skip
put(noisy, "/offer", "<h1>Offer</h1>")


def _language(name: str, lang: str, link: str, heading: str, labels: tuple[str, str, str, str], button: str, thanks: str, *, rtl: bool = False) -> None:  # fmt: skip
    it = site(name, heading, dict(SENT), topic="visiting", dealership=False)
    tags = f'<script>document.documentElement.lang = "{lang}";{"document.documentElement.dir = &quot;rtl&quot;;".replace("&quot;", chr(34)) if rtl else ""}</script>'
    full, email, phone, message = labels
    lines = (
        f'<label>{full} <input name="f1" required></label><label>{email} <input type="email" name="f2" required></label>'
        f'<label>{phone} <input type="tel" name="f3"></label><label>{message} <textarea name="f4" required></textarea></label>'
    )
    put(it, "/", f'<nav><a href="/a">{heading[:3]}</a><a href="/seite">{link}</a></nav>', head=tags)
    put(it, "/seite", f"<h1>{heading}</h1>{form(lines=lines, button=button)}", title=heading, head=tags)
    it.post("/send")(lambda: (keep(), page(heading, f"<main><h1>{thanks}</h1></main>"))[1])


_language("visit-german", "de", "Kontakt", "Kontaktformular", ("Ihr Name", "E-Mail-Adresse", "Telefon", "Ihre Nachricht"), "Absenden", "Vielen Dank! Ihre Nachricht wurde gesendet.")  # fmt: skip
_language("visit-spanish", "es", "Contáctenos", "Contáctenos", ("Nombre completo", "Correo electrónico", "Teléfono", "Mensaje"), "Enviar", "¡Gracias! Su mensaje ha sido enviado.")  # fmt: skip
_language("visit-french", "fr", "Nous contacter", "Contactez-nous", ("Nom complet", "Adresse e-mail", "Téléphone", "Votre message"), "Envoyer", "Merci ! Votre message a été envoyé.")  # fmt: skip
_language("visit-arabic", "ar", "اتصل بنا", "اتصل بنا", ("الاسم الكامل", "البريد الإلكتروني", "الهاتف", "الرسالة"), "إرسال", "شكرا لك! تم إرسال رسالتك.", rtl=True)  # fmt: skip


def _banner(name: str, banner: str, *, locked: bool = True) -> Site:
    it = declare(name, "Banner", SENT)
    style = (
        "<style>.over{position:fixed;inset:0;z-index:999;background:#0009;display:flex;align-items:end}"
        ".over>div{background:#fff;padding:2em;width:100%}body.locked{overflow:hidden}</style>"
    )
    script = (
        '<script>const choose = (how) => { fetch("/choice?" + how); document.body.classList.remove("locked");'
        ' document.querySelectorAll(".over,.bar").forEach((el) => el.remove()); };'
        'addEventListener("message", (event) => choose(event.data));</script>'
    )
    put(
        it,
        "/",
        f"<h1>Contact us</h1>{form()}{banner}{script}<script>if ({str(locked).lower()}) document.body.classList.add('locked');</script>",
        head=style,
    )
    it.get("/choice")(lambda: Response("", 204))
    return it


_banner(
    "banner-onetrust",
    '<div class="over"><div id="onetrust-banner-sdk" role="dialog" aria-label="Cookie banner"><p>We use cookies.</p><button id="onetrust-pc-btn-handler">Cookie Settings</button><button id="onetrust-reject-all-handler" onclick="choose(\'reject\')">Reject All</button><button id="onetrust-accept-btn-handler" onclick="choose(\'accept\')">Accept All Cookies</button></div></div>',
)
_banner(
    "banner-cookiebot",
    '<div class="over"><div id="CybotCookiebotDialog" role="dialog"><h2>This website uses cookies</h2><button id="CybotCookiebotDialogBodyLevelButtonLevelOptinAllowAll" onclick="choose(\'accept\')">Allow all</button><button id="CybotCookiebotDialogBodyButtonDecline" onclick="choose(\'reject\')">Deny</button></div></div>',
)
framed = _banner(
    "banner-sourcepoint",
    '<div class="over" id="sp_message_container_1"><iframe src="/consent" style="width:100%;height:240px"></iframe></div>',
)
put(
    framed,
    "/consent",
    '<div class="message-container"><p>We and our partners use cookies to track you.</p><button class="sp_choice_type_11" title="Accept" onclick="parent.postMessage(\'accept\', \'*\')">Accept</button><button class="sp_choice_type_13" title="Reject All" onclick="parent.postMessage(\'reject\', \'*\')">Reject All</button></div>',
)
_banner(
    "banner-plain",
    '<div class="over"><div><p>We value your privacy and use cookies.</p><button onclick="choose(\'accept\')">Accept all</button> <a href="#" onclick="choose(\'reject\'); return false">Only necessary cookies</a></div></div>',
)
_banner(
    "banner-known",
    '<div class="over"><div>This site uses cookies to work. <button onclick="choose(\'close\')">Got it!</button></div></div>',
)
_banner(
    "banner-accept",
    '<div class="over"><div>By browsing you agree to our cookies. <button onclick="choose(\'accept\')">I accept</button></div></div>',
)
_banner(
    "banner-settings",
    '<div class="bar" style="position:fixed;bottom:0;right:0">We use cookies. <button onclick="choose(\'settings\')">Cookie settings</button></div>',
    locked=False,
)
