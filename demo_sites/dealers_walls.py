"""Dealerships that let nobody in: walls, silence, closed doors, and a robots.txt that says no."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flask import Response, redirect, stream_with_context

from demo_sites.dealers import DEALERS, ERRORS, Lot, beside, receive
from demo_sites.looks import fill
from demo_sites.server import Site, keep, page, server, site


def wall(name: str, expect: dict[str, Any], answer: Callable[[], Any], *, robots: bool = True, **facts: Any) -> Site:
    """A site that gives every request the same answer; with `robots`, robots.txt alone is simply not there."""
    it = site(name, DEALERS[name].title, expect, topic="dealership", **facts)
    it.get("*")(answer)
    it.post("*")(lambda: (keep(accepted=False, note="nobody should get this far"), answer())[1])
    if robots:
        it.get("/robots.txt")(lambda: Response("Not found\n", 404, mimetype="text/plain"))
    return it


PLAIN = "<style>body{font:16px/1.5 'Segoe UI',Arial,sans-serif;color:#222;max-width:760px;margin:12vh auto;padding:0 24px}h1{font-weight:500}code{color:#666}</style>"

wall(
    "cardinal-auto",
    {"failure": "bot_detection"},
    lambda: page(
        "Just a moment...",
        '<div class="main-wrapper" role="main"><div class="main-content"><h1 class="zone-name-title h1">cardinal-auto.localhost</h1><h2 class="h2" id="challenge-running">Verifying you are human. This may take a few seconds.</h2><noscript><div class="h2"><span id="challenge-error-text">Enable JavaScript and cookies to continue</span></div></noscript><div id="challenge-stage"></div><div class="core-msg spacer">cardinal-auto.localhost needs to review the security of your connection before proceeding.</div></div></div><div class="footer" role="contentinfo"><p>Ray ID: <code>8f2a91c0de44b1ff</code><br>Performance &amp; security by Cloudflare</p></div><script>window._cf_chl_opt = { cType: "managed" };</script>',
        status=403,
        head=PLAIN,
        headers={"cf-mitigated": "challenge", "cf-ray": "8f2a91c0de44b1ff-CMH", "Server": "cloudflare"},
    ),
    builder="Cloudflare challenge",
    note="403 with cf-mitigated: challenge on every page",
)
wall(
    "speedway-cars",
    {"failure": "rate_limited"},
    lambda: page(
        "429 Too Many Requests",
        "<h1>Too Many Requests</h1><p>You have made too many requests in a short time. Please come back later.</p><hr><code>nginx</code>",
        status=429,
        head=PLAIN,
        headers={"Retry-After": "3600"},
    ),
    builder="429 with Retry-After",
    note="Retry-After: 3600",
)
wall(
    "fortress-motors",
    {"failure": "ip_blocked"},
    lambda: page(
        "Access Denied",
        "<h1>Access Denied</h1><p>Your IP address has been blocked by the security policy of this website. If you think this is a mistake, please contact the site owner by phone.</p><p><code>Reference #18.5d2e1202.1764171000.9c1</code></p>",
        status=403,
        head=PLAIN,
    ),
    robots=False,
    builder="403 on every path",
)


def never() -> str:
    server().hold()
    return ""


wall("sleepy-hollow-auto", {"failure": "page_timeout"}, never, builder="takes the connection, never answers")


def half() -> Response:
    """The head of a page and a little of its body, and then nothing more."""
    here = server()
    start = fill(
        '<!doctype html><html><head><title>{{ d.title }}</title><link rel="stylesheet" href="/assets/base.css"><link rel="stylesheet" href="/assets/chrome.css"></head><body><div class="page"><header class="site"><a class="brand" href="/">{{ d.title }}</a></header><main><p>Loading our inventory&hellip;</p>',
        d=DEALERS["slowpoke-auto"],
    )

    def pieces() -> Iterator[str]:
        yield str(start)
        here.hold()

    return Response(stream_with_context(pieces()), mimetype="text/html")


wall("slowpoke-auto", {"failure": "page_timeout"}, half, builder="half a page, then nothing")
site(
    "last-chance-cars",
    DEALERS["last-chance-cars"].title,
    {"failure": "network_error"},
    topic="dealership",
    builder="closed port",
    closed=True,
    note="its address has a port on which nobody listens",
)
parked = site(
    "motor-domains",
    "Motor Domains",
    {"failure": "form_not_found"},
    topic="dealership",
    builder="parking",
    dealership=False,
    hosts=("premium-auto-names.test",),
)
parked.get("*")(
    lambda: page(
        "This domain is for sale",
        '<h1>oldtownmotors is for sale</h1><p>Make an offer for this premium automotive domain.</p><form method="post" action="/offer"><p><input name="name" placeholder="Name"></p><p><input name="email" placeholder="Email"></p><p><textarea name="message" placeholder="Your offer"></textarea></p><button>Make offer</button></form>',
        head=PLAIN,
    )
)
parked.post("/offer")(lambda: (keep(accepted=False, note="an offer for a domain"), page("Thanks", "Thanks."))[1])
wall(
    "old-town-motors",
    {"failure": "unexpected_redirect"},
    lambda: redirect(server().url_of("motor-domains", "/?from=oldtownmotors"), 301),
    builder="redirect to another domain",
    note="301 to motor-domains.localhost",
)

# --- Robots says no; behind it stands a fine form, so that a visit would show -------------------------------------------------------------
private = Lot(
    "private-reserve-motors",
    {"skipped": True},
    builder="robots.txt disallows all",
    style="bare",
    contact="/contact",
    link="Contact",
)
private.get("/robots.txt")(
    lambda: Response("# By appointment only\nUser-agent: *\nDisallow: /\n", mimetype="text/plain")
)
private.page(
    "/contact",
    "Contact",
    '<h1>Contact</h1><form method="post" action="/contact"><p><label for="a">Name</label><input id="a" name="name"></p><p><label for="b">Email</label><input id="b" name="email"></p><p><label for="c">Message</label><textarea id="c" name="message"></textarea></p><button>Send</button></form>',
)


@private.post("/contact")
def _() -> Any:
    keep(accepted=False, note="robots.txt forbids this page")
    return private.draw("Contact", "<h1>Contact</h1><p>Thank you.</p>")


# --- Captchas: the box of reCAPTCHA in its frame, and letters in a picture -----------------------------------------------------------------
tick = site("captcha-anchor", "Captcha frames", {}, topic="dealership", builder="captcha", dealership=False)
tick.get("/recaptcha/api2/anchor")(
    lambda: page(
        "reCAPTCHA",
        '<div class="rc-anchor rc-anchor-normal rc-anchor-light" id="rc-anchor-container"><div class="rc-anchor-content"><span class="recaptcha-checkbox" id="recaptcha-anchor" role="checkbox" aria-checked="false" tabindex="0" aria-labelledby="recaptcha-anchor-label"></span> <label id="recaptcha-anchor-label">I\'m not a robot</label></div><div class="rc-anchor-logo-text">reCAPTCHA<br>Privacy - Terms</div></div>',
        head="<style>body{margin:0;font:14px Roboto,Arial,sans-serif}.rc-anchor{width:300px;height:74px;border:1px solid #d3d3d3;background:#f9f9f9;border-radius:3px;display:flex;align-items:center;justify-content:space-between;padding:0 12px;box-sizing:border-box}.recaptcha-checkbox{display:inline-block;width:24px;height:24px;border:2px solid #c1c1c1;border-radius:2px;background:#fff;vertical-align:middle}.rc-anchor-logo-text{font-size:9px;color:#555;text-align:center}</style>",
    )
)
capital = Lot(
    "capital-imports",
    {"failure": "captcha_detected"},
    builder="reCAPTCHA v2 box",
    contact="/contact/",
    link="Contact Us",
)
CAPITAL = (
    """<h1>Contact Capital Imports</h1>"""
    + ERRORS
    + """<form method="post" action="/contact/"><p><label for="n">Name *</label><input id="n" name="your_name" required></p><p><label for="e">Email *</label><input id="e" name="your_email" type="email" required></p><p><label for="m">Message *</label><textarea id="m" name="your_message" required></textarea></p>
<div class="g-recaptcha" data-sitekey="6LeIxAcT-local"><div style="width:304px;height:78px"><div><iframe title="reCAPTCHA" width="304" height="78" role="presentation" name="a-1" frameborder="0" scrolling="no" sandbox="allow-forms allow-scripts allow-same-origin" src="{{ captcha }}"></iframe></div><textarea id="g-recaptcha-response" name="g-recaptcha-response" class="g-recaptcha-response" style="width:250px;height:40px;display:none"></textarea></div></div><br><button>Send</button></form>"""
)


def capital_page(errors: dict[str, str]) -> Response:
    address = server().url_of("captcha-anchor", "/recaptcha/api2/anchor?ar=1&k=6LeIxAcT-local&hl=en&size=normal")
    return capital.draw("Contact Us", beside(CAPITAL), captcha=address, errors=errors)


capital.get("/contact/")(lambda: capital_page({}))
capital.post("/contact/")(lambda: capital_page(receive(need="your_name your_email your_message g-recaptcha-response")))

lima = Lot(
    "lima-auto",
    {"failure": "captcha_detected"},
    builder="letters in a picture",
    style="php",
    contact="/contact.php",
    link="Contact",
)
LETTERS = (
    """<h1>Contact Lima Auto Center</h1>"""
    + ERRORS
    + """<form method="post" action="/contact.php"><p><label>Name *<input name="name" required></label></p><p><label>E-mail *<input name="email" required></label></p><p><label>Message *<textarea name="message" required></textarea></label></p><p><img src="/captcha.php?sid=4411" id="siimage" alt="CAPTCHA Image" width="180" height="60" style="border:1px solid #999"><br><label for="captcha_code">Enter the code shown in the picture *</label><input id="captcha_code" name="captcha_code" size="10" maxlength="6" required style="width:10em"></p><input type="submit" value="Send"></form>"""
)
lima.page("/contact.php", "Contact", beside(LETTERS))
lima.get("/captcha.php")(
    lambda: Response(
        '<svg xmlns="http://www.w3.org/2000/svg" width="180" height="60"><rect width="180" height="60" fill="#eef"/><path d="M0 20q45 40 90 0t90 20M0 50q60-50 180-10" stroke="#88a" fill="none"/><g font-family="serif" font-size="34" fill="#335"><text x="16" y="40" transform="rotate(-8 16 40)">K</text><text x="48" y="44" transform="rotate(9 48 44)">7</text><text x="82" y="38">w</text><text x="116" y="46" transform="rotate(-12 116 46)">R</text><text x="146" y="40" transform="rotate(6 146 40)">3</text></g></svg>',
        mimetype="image/svg+xml",
    )
)


@lima.post("/contact.php")
def _() -> Any:
    wrong = receive(need="name email message captcha_code", email="email", among={"captcha_code": ("K7wR3",)})
    if wrong:
        return lima.again("Contact", beside(LETTERS), wrong)
    return lima.draw("Contact", "<h1>Thank you</h1>")
