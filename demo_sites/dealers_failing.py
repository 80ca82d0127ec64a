"""Dealerships that open their door, and then something is in the way: no form, two forms, a field nobody can fill, a post that ends in silence."""

from __future__ import annotations

from typing import Any

from flask import Response

from demo_sites.dealers import ERRORS, Lot, beside, receive
from demo_sites.dealers_wordpress import BODY, CF7_CSS, NAME_EMAIL, SEND, cf7, cf7_answer, cf7_field
from demo_sites.server import keep, page, server

STYLE = {"style": "bare", "contact": "/contact", "link": "Contact"}
THREE = """<p><label for="n">Name *</label><input id="n" name="name" required></p><p><label for="e">Email *</label><input id="e" name="email" type="email" required></p><p><label for="m">Message *</label><textarea id="m" name="message" required></textarea></p>"""


def failing(name: str, builder: str, **expect: Any) -> Lot:
    return Lot(name, expect, builder=builder, **STYLE)  # type: ignore[arg-type]


# --- No contact form ---------------------------------------------------------------------------------------------------------------------------
kenton = failing("kenton-sales", "an email address only", failure="form_not_found")
kenton.page(
    "/contact",
    "Contact",
    beside(
        '<h1>Contact us</h1><p>Write to us at <a href="mailto:sales@hardincountysales.example">sales@hardincountysales.example</a> or call <a href="tel:{{ d.dial }}">{{ d.phone }}</a>. We read mail twice a day.</p>'
    ),
)

ashland = failing("ashland-credit-cars", "finance application and newsletter only", failure="form_not_found")
CREDIT = """<h1>Get pre-approved</h1><form action="/apply" method="post"><div class="pair"><p><label>First name *<input name="first" required></label></p><p><label>Last name *<input name="last" required></label></p><p><label>Email *<input type="email" name="email" required></label></p><p><label>Phone *<input type="tel" name="phone" required></label></p><p><label>Social security number *<input name="ssn" required></label></p><p><label>Date of birth *<input name="dob" placeholder="MM/DD/YYYY" required></label></p><p><label>Employer *<input name="employer" required></label></p><p><label>Monthly income *<input name="income" required></label></p><p><label>Rent or mortgage *<input name="rent" required></label></p><p><label>Time at address<input name="years"></label></p></div><p><label class="check"><input type="checkbox" name="authorize" required> I authorize {{ d.title }} to obtain my credit report. *</label></p><button>Submit credit application</button></form>"""
ashland.page("/finance", "Finance", CREDIT)
ashland.page(
    "/contact",
    "Contact",
    beside(
        "<h1>Visit us</h1><p>Come in, or call <a href='tel:{{ d.dial }}'>{{ d.phone }}</a>. To save time, <a href='/finance'>apply for credit</a> first.</p>"
    ),
)
ashland.post("/apply")(lambda: (keep(accepted=False, note="a credit application"), page("Thanks", "Thank you."))[1])

# --- Two contact forms, alike in all but the lot they write to -------------------------------------------------------------------------------------
twin = failing("twin-city-auto", "two equal contact forms", failure="multiple_forms")
TWIN = """<h1>Contact our lots</h1><div class="pair">{% for town, key in (('Massillon', 'east'), ('Canal Fulton', 'west')) %}<form action="/contact/{{ key }}" method="post" class="panel"><h2>{{ town }}</h2><p><label for="n{{ key }}">Name *</label><input id="n{{ key }}" name="name" required></p><p><label for="e{{ key }}">Email *</label><input id="e{{ key }}" name="email" type="email" required></p><p><label for="m{{ key }}">Message *</label><textarea id="m{{ key }}" name="message" required></textarea></p><button>Send</button></form>{% endfor %}</div>"""
twin.page("/contact", "Contact", TWIN)
for _path in ("/contact/east", "/contact/west"):
    twin.post(_path)(
        lambda: (receive(note="a guess", need="name email message"), page("Thank you", "Message sent."))[1]
    )

# --- A required field that no enquiry has ------------------------------------------------------------------------------------------------------------
club = failing("club-auto", "required member number", failure="field_not_found")
CLUB = ERRORS + '<h1>Members\' desk</h1><form action="/contact" method="post">' + THREE + '<p><label for="mid">Membership number *</label><input id="mid" name="membership_no" required pattern="[A-Z]\\d{6}"></p><button>Send</button></form>'  # fmt: skip
club.page("/contact", "Contact", beside(CLUB))


@club.post("/contact")
def _() -> Any:
    wrong = receive(need="name email message membership_no", among={"membership_no": ("M100417",)})
    return club.again("Contact", beside(CLUB), wrong or {"": "Unknown."})


# --- A required list without a fitting entry ----------------------------------------------------------------------------------------------------------
MAKES = ("BMW Motorrad", "Ducati", "Harley-Davidson", "Indian", "KTM", "Triumph")
thunder = failing("thunder-cycles", "required make, motorcycles only", failure="dropdown_option_missing")
THUNDER = ERRORS + '<h1>Contact Thunder Cycles</h1><form action="/contact" method="post">' + THREE + '<p><label for="mk">Make *</label><select id="mk" name="make" required><option value="">Select make</option>{% for make in makes %}<option>{{ make }}</option>{% endfor %}</select></p><button>Send</button></form>'  # fmt: skip
thunder.page("/contact", "Contact", beside(THUNDER), makes=MAKES)


@thunder.post("/contact")
def _() -> Any:
    wrong = receive(need="name email message make", email="email", among={"make": MAKES})
    if wrong:
        return thunder.again("Contact", beside(THUNDER), wrong, makes=MAKES)
    return thunder.draw("Contact", "<h1>Thank you</h1><p>Message sent.</p>")


# --- A button that is never unlocked --------------------------------------------------------------------------------------------------------------------
zane = failing("zanesville-trucks", "submit never enabled", failure="field_disabled")
zane.page(
    "/contact",
    "Contact",
    beside('<h1>Contact the truck desk</h1><form action="/contact" method="post" id="z">' + THREE + "<button disabled>Send</button></form><script>document.getElementById('z').addEventListener('input', function (event) { var key = window.truckDeskKey; if (key) event.currentTarget.querySelector('button').disabled = false; });</script>"),
)  # fmt: skip
zane.post("/contact")(lambda: (keep(accepted=False, note="the button was locked"), page("?", "How?"))[1])

# --- A script that stops before it sends ------------------------------------------------------------------------------------------------------------------
glitch = failing("glitch-garage", "script error in the submit", failure="javascript_error")
glitch.page(
    "/contact",
    "Contact",
    '<h1>Contact</h1><form action="/contact" method="post" id="g">' + THREE + "<button>Send</button><p class='reply' role='status'></p></form><script>document.getElementById('g').addEventListener('submit', function (event) { event.preventDefault(); var payload = window.dealerConfig.forms.contact.serialize(event.target); fetch('/contact', { method: 'POST', body: payload }); });</script>",
)  # fmt: skip
glitch.post("/contact")(lambda: (keep(accepted=False, note="its script cannot send"), page("?", "How?"))[1])

# --- Taken, and then: an error page; nothing at all; a verdict ------------------------------------------------------------------------------------------------
middle = failing("middletown-motors", "answers 500", failure="submission_failed", submission="unconfirmed")
middle.page(
    "/contact",
    "Contact",
    beside('<h1>Contact us</h1><form action="/contact" method="post">' + THREE + "<button>Send</button></form>"),
)


@middle.post("/contact")
def _() -> Any:
    receive(note="answered with 500", need="name email message", email="email")
    return page(
        "500 Internal Server Error",
        "<h1>Internal Server Error</h1><p>The server encountered an internal error and was unable to complete your request.</p>",
        status=500,
    )


quiet = failing("quiet-lane-autos", "takes it and says nothing", failure="submission_failed", submission="unconfirmed")
quiet.page(
    "/contact",
    "Contact",
    beside('<h1>Contact us</h1><form action="/contact" method="post" id="q">' + THREE + "<button>Send</button></form><script>document.getElementById('q').addEventListener('submit', function (event) { event.preventDefault(); navigator.sendBeacon('/contact', new URLSearchParams(new FormData(event.target))); });</script>"),
)  # fmt: skip


@quiet.post("/contact")
def _() -> Any:
    receive(need="name email message", email="email")
    return Response(status=204)


parkway = Lot(
    "parkway-autos", {"failure": "submission_failed", "submission": "rejected"}, builder="Contact Form 7; everything is spam",
    note="the reply is a spam verdict",
)  # fmt: skip
parkway.page(
    "/contact/",
    "Contact",
    beside("<h1>Contact us</h1>" + cf7(NAME_EMAIL + cf7_field("your-subject", "Subject") + BODY + SEND)),
    head=CF7_CSS,
)


@parkway.post("/wp-json/contact-form-7/v1/contact-forms/11/feedback")
def _() -> Any:
    keep(accepted=False, note="judged to be spam")
    return cf7_answer({}, spam=True)


# --- A form that is another after the first message -----------------------------------------------------------------------------------------------------------
shift = Lot(
    "shifting-gears", {"ok": True}, builder="form changes after the first message", later={"failure": "form_changed"},
    note="after the first message the fields have other names and a letter code is required", **STYLE,
)  # fmt: skip
FIRST = (
    ERRORS
    + '<h1>Contact us</h1><form action="/contact" method="post" id="contact-v1">'
    + THREE
    + "<button>Send</button></form>"
)
SECOND = ERRORS + """<h1>Contact us</h1><form action="/contact/v2" method="post" id="enquiry-v2"><p><label for="v1">Who are you? *</label><input id="v1" name="person" required></p><p><label for="v2">Email *</label><input id="v2" name="reply_to" type="email" required></p><p><label for="v3">Code from our letter *</label><input id="v3" name="letter_code" required></p><p><label for="v4">Your enquiry *</label><textarea id="v4" name="enquiry" required></textarea></p><button>Submit</button></form>"""  # fmt: skip


@shift.get("/contact")
def _() -> Any:
    return shift.draw("Contact", beside(SECOND if server().state.get("shifting-gears") else FIRST))


@shift.post("/contact")
def _() -> Any:
    if server().state.get("shifting-gears"):
        keep(accepted=False, note="the old form")
        return shift.draw("Contact", beside(SECOND), errors={"": "This form is no longer in use."})
    wrong = receive(need="name email message", email="email")
    if wrong:
        return shift.again("Contact", beside(FIRST), wrong)
    server().state["shifting-gears"] = True
    return shift.draw(
        "Contact", beside('<h1>Contact us</h1><p class="good" role="status">Thank you, your message was sent.</p>')
    )


@shift.post("/contact/v2")
def _() -> Any:
    wrong = receive(need="person reply_to letter_code enquiry", email="reply_to", among={"letter_code": ("GEAR-7",)})
    return shift.again("Contact", beside(SECOND), wrong)
