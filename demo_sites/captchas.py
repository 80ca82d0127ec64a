"""Contact forms behind captchas: frames with the vendors' path shapes, served here; pictures, sums, questions, sliders.

`captcha-vendor` and `hcaptcha-vendor` stand in for the vendors and log what is asked of them.
"""

from __future__ import annotations

from flask import Response, request

from demo_sites.server import Site, keep, page, server, site
from demo_sites.visiting import SENT, declare, form, put

STOPS = {"failure": "captcha_detected"}
PIXEL = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='140' height='50'><text y='30'>x7Kq2</text></svg>"
)


def _vendor(name: str) -> None:
    it = site(name, "A captcha's own frame", {}, topic="captchas", dealership=False)
    it.get("*")(
        lambda: page(
            "Captcha",
            '<label><input type="checkbox"> I\'m not a robot</label>'
            if "anchor" in request.path
            else "<p>Select all images</p>",
        )
    )
    it.post("*")(lambda: Response("", 204))


_vendor("captcha-vendor")
_vendor("hcaptcha-vendor")


def _frame(path: str, *, style: str = "", vendor: str = "captcha-vendor", size: tuple[int, int] = (304, 78)) -> str:
    return (
        f'<iframe src="//{vendor}.localhost:PORT{path}" width="{size[0]}" height="{size[1]}" style="{style}"></iframe>'
    )


def _declare(name: str, kind: str, more: str, expect: dict[str, object], *, outside: str = "", note: str = "") -> Site:
    """`more` stands in the form, `outside` after it; the start of a name in the evidence is `kind`."""
    it = declare(name, f"Contact us: {kind}", {**expect, "kind": kind}, topic="captchas", note=note)

    @it.get("/")
    def view() -> Response:
        text = f"<h1>Contact us</h1>{form(more=more)}{outside}".replace("PORT", str(server().port))
        made: Response = page("Contact us", text)
        return made

    return it


BADGE = (
    '<div class="grecaptcha-badge" style="position:fixed;right:0;bottom:14px;width:256px;height:60px">'
    + _frame("/recaptcha/api2/anchor?ar=1&amp;k=6Lc&amp;size=invisible", size=(256, 60))
    + "</div>"
)
HIDDEN_CHALLENGE = (
    '<div style="visibility:hidden;position:absolute;top:-10000px">'
    + _frame("/recaptcha/api2/bframe?k=6Lc", size=(400, 580))
    + "</div>"
)
CHALLENGE = (
    '<div id="challenge" style="position:absolute;top:10px;left:10px;z-index:9">'
    + _frame("/recaptcha/api2/bframe?k=6Lc", size=(400, 400))
    + "</div>"
)
ANSWER = '<textarea name="g-recaptcha-response" style="display:none"></textarea>'

_declare(
    "captcha-v2",
    "reCAPTCHA box to tick",
    '<div class="g-recaptcha" data-sitekey="6Lc">'
    + _frame("/recaptcha/api2/anchor?ar=1&amp;k=6Lc&amp;size=normal")
    + ANSWER
    + "</div>",
    STOPS,
)
_declare("captcha-v2-open", "reCAPTCHA open challenge", ANSWER, STOPS, outside=BADGE + CHALLENGE)
_declare(
    "captcha-enterprise",
    "reCAPTCHA Enterprise box to tick",
    _frame("/recaptcha/enterprise/anchor?ar=1&amp;k=6Lc&amp;size=normal"),
    STOPS,
)
_declare(
    "captcha-hcaptcha",
    "hCaptcha box to tick",
    '<div class="h-captcha">'
    + _frame("/captcha/v1/1/static/hcaptcha.html#frame=checkbox&amp;id=0", vendor="hcaptcha-vendor")
    + "</div>",
    STOPS,
)
_declare(
    "captcha-turnstile",
    "Turnstile box to tick",
    '<div class="cf-turnstile" data-sitekey="0x4">'
    + _frame("/cdn-cgi/challenge-platform/h/b/turnstile/if/ov2/av0/rcv/abc/0x4/light/fbE/normal/auto/", size=(300, 65))
    + '<input type="hidden" name="cf-turnstile-response"></div>',
    STOPS,
)
_declare(
    "captcha-turnstile-wait",
    "Turnstile box to tick",
    '<div class="cf-turnstile" style="width:300px;height:65px" data-sitekey="0x4"><input type="hidden" name="cf-turnstile-response"></div>',
    STOPS,
    note="non-interactive and not yet through",
)
_declare(
    "captcha-picture",
    "picture with text",
    f'<p><img src="{PIXEL}" alt="CAPTCHA image" width="140" height="50"> <label>Enter the characters shown <input name="code" required></label></p>',
    STOPS,
)
_declare("captcha-sum", "sum", '<label>What is 3 + 4? <input name="math" required></label>', STOPS)
_declare(
    "captcha-quiz",
    "question",
    '<label>Anti-spam question: what colour is the sky? <input name="q1" required></label>',
    STOPS,
)
_declare(
    "captcha-slider",
    "slider",
    '<div class="slide-verify-captcha" style="width:300px;height:40px;background:#eee"><div role="slider" aria-label="Slide to verify" style="width:40px;height:40px;background:#09f"></div>Slide right to verify</div>',
    STOPS,
)
_declare(
    "captcha-robot-box",
    "box that says no robot",
    '<label><input type="checkbox" name="human" required> I am not a robot</label>',
    STOPS,
)

_declare(
    "captcha-badge",
    "reCAPTCHA score badge",
    '<input type="hidden" name="g-recaptcha-response" value="">',
    SENT,
    outside=BADGE + HIDDEN_CHALLENGE,
)
_declare(
    "captcha-passed",
    "Turnstile box to tick",
    '<div class="cf-turnstile" style="width:300px;height:65px"><input type="hidden" name="cf-turnstile-response" value="0.token"></div>',
    SENT,
    note="passed without asking anything",
)
_declare(
    "captcha-elsewhere",
    "",
    "",
    SENT,
    outside='<footer><form action="/news" method="post"><label>Newsletter email <input type="email" name="news"></label>'
    + _frame("/recaptcha/api2/anchor?ar=1&amp;k=6Lc&amp;size=normal")
    + "<button>Subscribe</button></form></footer>",
)
_declare(
    "captcha-words",
    "",
    "<p>This site is protected by reCAPTCHA and the Google Privacy Policy applies. Zip 3-5 digits. Open 9 - 5.</p>",
    SENT,
    outside='<script>window.grecaptcha = {execute() {}}; window.hcaptcha = {};</script><meta name="captcha" content="hcaptcha">',
)
_declare(
    "captcha-at-click", "reCAPTCHA open challenge", "", STOPS,
    outside=BADGE + CHALLENGE.replace("position:", "display:none;position:", 1)
    + '<script>document.forms[0].addEventListener("submit", (event) => { event.preventDefault(); document.getElementById("challenge").style.display = "block"; });</script>',
)  # fmt: skip
low = _declare("captcha-score", "reCAPTCHA score badge", "", {**STOPS, "submission": "rejected"}, outside=BADGE)
low.views.pop(("POST", "/send"))


@low.post("/send")
def send() -> Response:
    keep(accepted=False, note="score 0.1")
    text = f'<h1>Contact us</h1><div role="alert" class="error">reCAPTCHA verification failed: your score is too low. Message not sent.</div>{form()}'
    made: Response = page("Contact us", text)
    return made


frames = declare("captcha-frame", "A captcha in another frame", SENT, topic="captchas")
put(frames, "/", f'<h1>Contact us</h1>{form()}<iframe src="/news" width="500" height="300"></iframe>')
put(
    frames,
    "/news",
    '<form><label>Newsletter <input type="email" name="news"></label><label>What is 3 + 4? <input name="math"></label><button>Subscribe</button></form>',
)
