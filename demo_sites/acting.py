"""Forms that are hard to fill: traps, masks, consents, locked buttons. Each says what it got, thanks whatever it did with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import request

from demo_sites.server import Site, keep, page, site

Check = Callable[[dict[str, list[str]]], str]
SENT = {"ok": True, "submission": "confirmed"}
THANKS = "<h1>Thank you</h1><p>Your message has been sent. We will be in touch shortly.</p>"
NAMES = """<p><label>First name * <input name="first" required></label></p>
<p><label>Last name * <input name="last" required></label></p>"""
EMAIL = '<p><label>Email * <input name="email" type="email" required></label></p>'
PHONE = '<p><label>Phone <input name="phone" type="tel"></label></p>'
MESSAGE = '<p><label>Your message * <textarea name="message" required rows="4" cols="40"></textarea></label></p>'
SEND = '<p><button type="submit">Send message</button></p>'
BASIC = NAMES + EMAIL + PHONE + MESSAGE


def nothing_wrong(form: dict[str, list[str]]) -> str:
    return ""


def form_site(
    name: str,
    title: str,
    inner: str,
    *,
    expect: Mapping[str, Any] = SENT,
    check: Check = nothing_wrong,
    head: str = "",
    before: str = "",
    after: str = "",
    thanks: str = THANKS,
    attributes: str = "",
    send: str = SEND,
    headers: dict[str, str] | None = None,
) -> Site:
    """A page with one contact form; `check` says why the site drops what it got, "" when it keeps it. It thanks either way."""
    made = site(name, title, dict(expect), topic="acting", dealership=False)
    body = f'{before}<h1>Contact us</h1><form method="post" action="/send" id="contact" {attributes}>{inner}{send}</form>{after}'

    @made.get("/")
    def show() -> Any:
        return page(title, body, head=head, headers=headers)

    @made.post("/send")
    def take() -> Any:
        wrong = check({key: request.form.getlist(key) for key in request.form})
        keep(accepted=not wrong, note=wrong)
        return page("Thank you", thanks)

    return made


def must_stay_empty(*names: str) -> Check:
    def check(form: dict[str, list[str]]) -> str:
        filled = [name for name in names if any(form.get(name, []))]
        return f"filled the trap {', '.join(filled)}" if filled else ""

    return check


def must_be(**wanted: str) -> Check:
    """Each field exactly so; a phone written as digits is compared by digits."""

    def check(form: dict[str, list[str]]) -> str:
        wrong = [
            f"{name} is {form.get(name)}"
            for name, value in wanted.items()
            if value not in form.get(name, []) and not (value.isdigit() and _digits(form.get(name, [])) == value)
        ]
        return "; ".join(wrong)

    return check


def _digits(values: list[str]) -> str:
    return "".join(c for value in values for c in value if c.isdigit())


# Rows 1-3: traps. A filled one is thanked for and dropped.
TRAPS: dict[str, tuple[str, str, str]] = {
    # name: (name of the trap, its markup, head)
    "hidden-parent": ("website", '<div style="display:none"><label>Website <input name="website"></label></div>', ""),
    "off-screen": (
        "url",
        '<p style="position:absolute;left:-9999px"><label>Your URL <input name="url"></label></p>',
        "",
    ),
    "class": (
        "company_website",
        '<p class="vanish"><label>Name <input name="company_website"></label></p>',
        "<style>.vanish{display:none}</style>",
    ),
    "injected-sheet": (
        "item_meta_9",
        '<div class="frm_verify_x"><label>Email <input name="item_meta_9" type="text"></label></div>'
        "<script>document.head.appendChild(document.createElement('style')).textContent ="
        " '.frm_verify_x{visibility:hidden;overflow:hidden;width:0;height:0;position:absolute}'</script>",
        "",
    ),
    "numbered": (
        "input_8",
        '<div class="field f8"><label>Comments <input name="input_8"></label></div>',
        "<style>.f8{visibility:hidden;height:1px}</style>",
    ),
    "transparent": (
        "fax",
        '<div style="opacity:0;position:absolute;z-index:-1"><label>Fax <input name="fax"></label></div>',
        "",
    ),
    "clipped": (
        "nickname",
        '<div style="position:absolute;clip:rect(0,0,0,0);clip-path:inset(50%)"><label>Nickname <input name="nickname"></label></div>',
        "",
    ),
    "one-pixel": (
        "title",
        '<div style="width:1px;height:1px;overflow:hidden"><label>Title <input name="title"></label></div>',
        "",
    ),
    "aria-hidden": (
        "address2",
        '<div aria-hidden="true" style="position:absolute;left:-5000px"><input name="address2" tabindex="-1" autocomplete="off"></div>',
        "",
    ),
    "no-height": (
        "zip_check",
        '<div style="height:0;overflow:hidden"><label>Postal code <input name="zip_check"></label></div>',
        "",
    ),
    "no-size": (
        "phone_2",
        '<div style="transform:scale(0);position:absolute"><label>Phone <input name="phone_2" type="tel"></label></div>',
        "",
    ),
    "attribute": (
        "email_confirm_again",
        '<div hidden><label>Email <input name="email_confirm_again" type="email"></label></div>',
        "",
    ),
}
for _variant, (_trap, _markup, _head) in TRAPS.items():
    form_site(
        f"trap-{_variant}",
        f"A trap hidden by {_variant}",
        NAMES + EMAIL + _markup + PHONE + MESSAGE,
        check=must_stay_empty(_trap),
        head=_head,
    )
form_site(
    "trap-all",
    "All hidden traps at once",
    NAMES + EMAIL + "".join(markup for _, markup, _ in TRAPS.values()) + PHONE + MESSAGE,
    check=must_stay_empty(*(trap for trap, _, _ in TRAPS.values())),
    head="".join(head for _, _, head in TRAPS.values()),
)
form_site(
    "trap-unstyled",
    "A trap whose style sheet is missing",
    NAMES
    + EMAIL
    + PHONE
    + MESSAGE
    + """<div class="gfield gform_validation_container field_sublabel_below"><label for="input_1_9">Phone</label>
<input name="input_9" id="input_1_9" type="text" value="" autocomplete="new-password">
<div class="gfield_description">This field is for validation purposes and should be left unchanged.</div></div>""",
    check=must_stay_empty("input_9"),
    head='<link rel="stylesheet" href="/missing.css">',
)

# Row 4: real controls that look hidden, or lie far below.
form_site(
    "seen-opacity",
    "Real inputs at opacity 0",
    """<style>.v{position:relative;border:1px solid #888;width:20em;height:2em;margin:2em 0}
.v input,.v textarea{opacity:0;position:absolute;inset:0;width:100%}.v label{position:absolute;left:4px;top:4px;pointer-events:none}
.v:focus-within input,.v:focus-within textarea{opacity:1}</style>"""
    + "".join(
        f'<div class="v v-field"><label for="{name}" class="v-label">{label} *</label>{control}</div>'
        for name, label, control in (
            ("first", "First name", '<input id="first" name="first" required>'),
            ("last", "Last name", '<input id="last" name="last" required>'),
            ("email", "Email", '<input id="email" name="email" type="email" required>'),
            ("message", "Message", '<textarea id="message" name="message" required></textarea>'),
        )
    ),
)
form_site(
    "seen-styled",
    "Radios and boxes under their labels",
    BASIC
    + """<style>.s input{position:absolute;opacity:0;width:1px;height:1px;pointer-events:none}
.s label{display:inline-block;border:1px solid #888;padding:4px;margin:4px}.s input:checked+label{background:#cde}</style>
<fieldset class="s"><legend>How should we contact you? *</legend>
<input type="radio" name="way" id="w1" value="e" required><label for="w1">Email</label>
<input type="radio" name="way" id="w2" value="p" required><label for="w2">Phone</label></fieldset>
<div class="s"><input type="checkbox" name="agree" id="agree" value="yes" required><label for="agree">I accept the privacy policy *</label></div>""",
    check=must_be(way="e", agree="yes"),
)
form_site("seen-below", "A form far below", BASIC, before='<div style="height:4000px">Our cars.</div>')
# Row 4b: a captcha's hidden answer box is a text area.
form_site(
    "answer-box",
    "A captcha's answer box",
    NAMES + EMAIL + '<textarea name="g-recaptcha-response" style="display:none"></textarea>' + MESSAGE,
    check=must_stay_empty("g-recaptcha-response"),
)

# Row 7: forms that come late or change under the hand.
_LATE = """<script>
const inner = document.querySelector('template').innerHTML;
function show() { document.getElementById('place').innerHTML = inner; }
%s</script>"""


def _late_site(name: str, title: str, when: str, before: str = "") -> None:
    made = site(name, title, SENT, topic="acting", dealership=False)
    form = f'<h1>Contact us</h1><form method="post" action="/send">{BASIC}{SEND}</form>'
    body = f'{before}<div id="place">Loading the form</div><template>{form}</template>{_LATE % when}'

    @made.get("/")
    def show() -> Any:
        return page(title, body)

    @made.post("/send")
    def take() -> Any:
        keep()
        return page("Thank you", THANKS)


_late_site("late-form", "A form drawn after load", "setTimeout(show, 1500);")
_late_site(
    "late-scroll",
    "A form drawn on scroll",
    "new IntersectionObserver(seen => seen.some(e => e.isIntersecting) && show()).observe(document.getElementById('place'));",
    '<div style="height:3000px">Our cars.</div>',
)
form_site(
    "late-redraw",
    "A form that replaces its controls at the first input",
    BASIC,
    after="""<script>
const form = document.getElementById('contact');
form.addEventListener('input', () => {
  const kept = [...form.elements].map(e => e.value);
  form.innerHTML = form.innerHTML;
  [...form.elements].forEach((e, i) => { if (e.name) e.value = kept[i]; });
}, {once: true});</script>""",
)

# Row 12: masks, boxes, lengths.
form_site(
    "mask-phone",
    "A phone mask",
    NAMES
    + EMAIL
    + '<p><label>Phone * <input name="phone" required placeholder="(___) ___-____" pattern="\\(\\d{3}\\) \\d{3}-\\d{4}"></label></p>'
    + MESSAGE,
    after="""<script>
const box = document.querySelector('[name=phone]');
let typed = false;
box.addEventListener('keydown', () => { typed = true; });
box.addEventListener('input', () => {
  if (!typed) { box.value = ''; return; }
  const d = box.value.replace(/\\D/g, '').slice(0, 10);
  box.value = d.length > 6 ? `(${d.slice(0,3)}) ${d.slice(3,6)}-${d.slice(6)}` : d.length > 3 ? `(${d.slice(0,3)}) ${d.slice(3)}` : d;
});</script>""",
    check=must_be(phone="5125550142"),
)
form_site(
    "mask-boxes",
    "A phone in three boxes",
    NAMES
    + EMAIL
    + """<fieldset><legend>Phone *</legend>(<input name="p1" size="3" maxlength="3" required aria-label="Area code">)
<input name="p2" size="3" maxlength="3" required aria-label="Prefix"> - <input name="p3" size="4" maxlength="4" required aria-label="Line number"></fieldset>"""
    + MESSAGE,
    check=must_be(p1="512", p2="555", p3="0142"),
)
form_site(
    "mask-prefix",
    "A country code already shown",
    NAMES
    + EMAIL
    + '<p><label for="ph">Phone *</label> <span>+1</span> <input id="ph" name="phone" type="tel" required maxlength="10" pattern="\\d{10}"></p>'
    + MESSAGE,
    check=must_be(phone="5125550142"),
)
form_site(
    "mask-zip",
    "A postal code of type tel, a short message box, a state of two letters",
    NAMES
    + EMAIL
    + """<p><label>Zip code * <input name="zip" type="tel" maxlength="5" pattern="\\d{5}" required></label></p>
<p><label>State * <input name="state" maxlength="2" required></label></p>
<p><label>Confirm email * <input name="email2" type="email" required></label></p>
<p><label>Your message * <textarea name="message" maxlength="30" required></textarea></label></p>""",
    check=must_be(zip="78701", state="TX", email2="ana.lopez@example.com"),
)

# Row 13: locked buttons.
_LOCKED = SEND.replace("<button", "<button disabled")
form_site(
    "locked-acceptance",
    "A button that waits for a tick",
    BASIC + '<p><label><input type="checkbox" name="acceptance" value="1"> I have read the privacy policy</label></p>',
    send=_LOCKED,
    after="""<script>
document.querySelector('[name=acceptance]').addEventListener('change', e => {
  document.querySelector('button').disabled = !e.target.checked;
});</script>""",
    check=must_be(acceptance="1"),
)
form_site(
    "locked-forever",
    "A button that never wakes",
    BASIC,
    send=_LOCKED,
    expect={"failure": "field_disabled"},
)
form_site(
    "locked-field",
    "A wanted field that stays locked",
    BASIC.replace('name="email"', 'name="email" disabled'),
    expect={"failure": "field_disabled"},
)

# Row 14: consents.
form_site(
    "consent-terms",
    "Required terms, marketing left alone, marketing pre-ticked",
    BASIC
    + """<p><label><input type="checkbox" name="terms" value="1" required> I agree to the terms and the privacy policy *</label></p>
<p><label><input type="checkbox" name="newsletter" value="1"> Sign me up for your newsletter and special offers</label></p>
<p><label><input type="checkbox" name="offers" value="1" checked> Send me promotional offers by email</label></p>""",
    check=lambda form: must_be(terms="1")(form) or must_stay_empty("newsletter", "offers")(form),
)
form_site(
    "consent-sms",
    "Required consent to text messages",
    BASIC
    + """<p><label><input type="checkbox" name="sms" value="1" required> I consent to receive text messages (SMS) from the dealer.
Message and data rates may apply. *</label></p>""",
    expect={"failure": "field_not_found"},
)
form_site(
    "consent-sms-optional",
    "Optional consent to text messages",
    BASIC + '<p><label><input type="checkbox" name="sms" value="1"> You may send me text messages (SMS)</label></p>',
    check=must_stay_empty("sms"),
)

# Row 15: thanks that were there before.
_DONE = "<div class='done' style='display:none'>Thank you! Your submission has been received!</div>"
form_site(
    "thanks-hidden",
    "Hidden thanks that stay hidden",
    BASIC,
    after=_DONE
    + "<script>document.querySelector('form').addEventListener('submit', e => e.preventDefault());</script>",
    expect={"failure": "submission_failed", "submission": "not_sent"},
)
form_site(
    "thanks-revealed",
    "Hidden thanks that are revealed",
    BASIC,
    after=_DONE
    + """<script>const form = document.querySelector('form');
form.addEventListener('submit', async e => {
  e.preventDefault();
  await fetch('/send', {method: 'POST', body: new FormData(form)});
  form.style.display = 'none'; document.querySelector('.done').style.display = 'block';
});</script>""",
)
form_site(
    "thanks-always",
    "Thanks that stand on the page from the start",
    BASIC,
    before="<p>Thank you, your message has been sent: that is what you will read here.</p>",
    after="""<script>const form = document.querySelector('form');
form.addEventListener('submit', e => { e.preventDefault(); fetch('/send', {method: 'POST', body: new FormData(form)}); });</script>""",
    expect={"failure": "submission_failed", "submission": "unconfirmed"},
)
