"""Dealerships on the platforms made for them: lead forms with a vehicle of interest, consent to be called, and many other forms around."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request

from demo_sites.dealers import ERRORS, Lot, beside, receive, seen_elsewhere
from demo_sites.dealers_banners import ONETRUST
from demo_sites.looks import CATALOG
from demo_sites.server import keep, page

OK = {"ok": True}
TCPA = 'By submitting this form, I consent to {{ d.title }} contacting me about my inquiry by phone, email or text at the details given, including by automated means. Consent is not a condition of purchase. Message and data rates may apply. See our <a href="/privacy.htm">privacy policy</a>.'
MODELS = sorted(f"{make} {model}" for make, models in CATALOG.items() for model, _ in models)

# --- Dealer.com: dotted names, radios for the way back, OneTrust over the page ------------------------------------------------------------
scioto = Lot(
    "scioto-valley-ford", OK, builder="Dealer.com; OneTrust over it", style="htm", contact="/contact.htm", link="Contact Us",
    note="scroll lock and a dark filter until the banner is answered",
)  # fmt: skip
DEALERCOM = (
    """<h1>Contact Us</h1><div class="ddc-content form contact-form" data-widget-name="contact-form" data-form-id="contact">"""
    + ERRORS
    + """<form class="ddc-form form validate" method="post" action="/contact-submit" data-form-tracking-id="CONTACT" name="contact-form"><input type="hidden" name="formId" value="CONTACT"><input type="hidden" name="leadSource" value="website">
<fieldset><legend>Contact Information</legend><div class="pair"><p class="form-group"><label for="contact_firstName">First Name<span class="required">*</span></label><input class="form-control text required" type="text" name="contact.firstName" id="contact_firstName" value="{{ f['contact.firstName'] }}" data-required="true" required></p><p class="form-group"><label for="contact_lastName">Last Name<span class="required">*</span></label><input class="form-control text required" type="text" name="contact.lastName" id="contact_lastName" value="{{ f['contact.lastName'] }}" required></p></div>
<div class="form-group row"><span class="label">Preferred Contact</span><br><label class="radio-inline"><input type="radio" name="contact.preferredContact" value="EMAIL" checked> Email</label> &nbsp; <label class="radio-inline"><input type="radio" name="contact.preferredContact" value="PHONE"> Phone</label> &nbsp; <label class="radio-inline"><input type="radio" name="contact.preferredContact" value="TEXT"> Text</label></div>
<p class="form-group"><label for="contact_email">Email<span class="required">*</span></label><input class="form-control email required" type="email" name="contact.email" id="contact_email" value="{{ f['contact.email'] }}" required></p><div class="pair"><p class="form-group"><label for="contact_phone">Phone</label><input class="form-control tel" type="tel" name="contact.phone" id="contact_phone" value="{{ f['contact.phone'] }}"></p><p class="form-group"><label for="contact_postalCode">ZIP Code<span class="required">*</span></label><input class="form-control" type="text" inputmode="numeric" maxlength="5" name="contact.address.postalCode" id="contact_postalCode" value="{{ f['contact.address.postalCode'] }}" required></p></div></fieldset>
<fieldset><legend>Comments</legend><p class="form-group"><label for="contact_comments">How may we help?<span class="required">*</span></label><textarea class="form-control required" name="comments" id="contact_comments" rows="4" required>{{ f['comments'] }}</textarea></p></fieldset><p class="legal small">"""
    + TCPA
    + """</p><button class="btn btn-primary submit" type="submit">Send</button></form></div>"""
)
scioto.page("/contact.htm", "Contact Us", beside(DEALERCOM) + ONETRUST)
scioto.page(
    "/contact-confirm.htm",
    "Thank You",
    "<h1>Thank you for contacting us</h1><p>A member of our team will respond shortly. Your reference is 20-4471.</p>",
)


@scioto.post("/contact-submit")
def _() -> Any:
    wrong = receive(
        need="contact.firstName contact.lastName contact.email contact.address.postalCode comments",
        email="contact.email",
        phone="contact.phone",
        zip="contact.address.postalCode",
        among={"contact.preferredContact": ("EMAIL", "PHONE", "TEXT")},
    )
    return scioto.again("Contact Us", beside(DEALERCOM), wrong) if wrong else seen_elsewhere("/contact-confirm.htm")


# --- DealerOn: year, make and model, each list fetched when the one before was chosen; a trade-in that unfolds ----------------------------------
miami = Lot(
    "miami-valley-nissan", OK, builder="DealerOn; dependent lists", style="aspx", contact="/contactus.aspx", link="Contact",
    note="make and model arrive by fetch after year; model is locked until then",
)  # fmt: skip
DEALERON = """<h1>Contact Miami Valley Nissan</h1><div class="lead-form"><div class="lead-form__response" aria-live="polite"></div><form class="lead-form__form" id="contactform" novalidate><div class="pair"><p><input type="text" name="FirstName" class="form-control" placeholder="First Name*" aria-label="First Name" aria-required="true"></p><p><input type="text" name="LastName" class="form-control" placeholder="Last Name*" aria-label="Last Name" aria-required="true"></p><p><input type="email" name="Email" class="form-control" placeholder="Email*" aria-label="Email" aria-required="true"></p><p><input type="tel" name="Phone" class="form-control" placeholder="Phone" aria-label="Phone"></p></div>
<fieldset><legend>Vehicle of interest</legend><div class="pair"><p><label for="voiYear">Year</label><select id="voiYear" name="Year"><option value="">Any year</option>{% for year in years %}<option>{{ year }}</option>{% endfor %}</select></p><p><label for="voiMake">Make</label><select id="voiMake" name="Make" disabled><option value="">Choose a year first</option></select></p></div><p><label for="voiModel">Model</label><select id="voiModel" name="Model" disabled><option value="">Choose a make first</option></select></p></fieldset>
<p><label class="check"><input type="checkbox" name="HasTradeIn" id="tradeToggle" value="1"> I have a trade-in</label></p><div id="tradeFields" hidden><p><label for="tradeVehicle">Your vehicle</label><input id="tradeVehicle" name="TradeVehicle"></p><p><label for="tradeMiles">Mileage</label><input id="tradeMiles" name="TradeMileage" inputmode="numeric"></p></div>
<p><label for="msg">Comments</label><textarea id="msg" name="Comments" placeholder="Anything we should know?"></textarea></p><p class="disclaimer small">TCPATEXT</p><button type="submit" class="btn btn-cta">Submit</button></form></div>
<script>(function () { var form = document.getElementById('contactform'), year = form.Year, make = form.Make, model = form.Model;
function load(select, address, hint) { select.disabled = true; fetch(address).then(function (answer) { return answer.json(); }).then(function (names) { select.innerHTML = '<option value="">' + hint + '</option>' + names.map(function (name) { return '<option>' + name + '</option>'; }).join(''); select.disabled = false; }); }
year.addEventListener('change', function () { model.disabled = true; load(make, '/api/makes?year=' + year.value, 'Any make'); });
make.addEventListener('change', function () { load(model, '/api/models?make=' + encodeURIComponent(make.value), 'Any model'); });
document.getElementById('tradeToggle').addEventListener('change', function (event) { document.getElementById('tradeFields').hidden = !event.target.checked; });
form.addEventListener('submit', function (event) { event.preventDefault(); fetch('/api/lead', { method: 'POST', body: new FormData(form) }).then(function (answer) { return answer.json(); }).then(function (told) { var out = document.querySelector('.lead-form__response'); if (told.success) { form.remove(); out.innerHTML = '<div class="good"><h2>Thank you, ' + told.name + '</h2><p>Your request has been received. We will contact you shortly.</p></div>'; } else out.innerHTML = '<div class="errors">Please check: ' + told.fields.join(', ') + '</div>'; }); }); })();</script>""".replace(
    "TCPATEXT", TCPA
)
miami.page("/contactus.aspx", "Contact", beside(DEALERON), years=range(2026, 2014, -1))
miami.get("/api/makes")(lambda: jsonify(sorted(CATALOG)))
miami.get("/api/models")(lambda: jsonify([model for model, _ in CATALOG.get(request.args.get("make", ""), ())]))


@miami.post("/api/lead")
def _() -> Any:
    models = tuple(model for model, _ in CATALOG.get(request.form.get("Make", ""), ()))
    wrong = receive(
        need="FirstName LastName Email",
        email="Email",
        phone="Phone",
        among={"Make": tuple(CATALOG), "Model": models},
    )
    if wrong:
        return jsonify(success=False, fields=sorted(wrong))
    return jsonify(success=True, name=request.form["FirstName"])


# --- DealerInspire: a required vehicle of interest, marketing ticked in advance, and the inventory's search above --------------------------------
queen = Lot(
    "queen-city-honda", OK, builder="Dealer Inspire; marketing pre-ticked", contact="/contact-us/", link="Contact Us",
    note="the opt-in for offers is ticked in advance; the log tells if it was left so",
)  # fmt: skip
INSPIRE = (
    """<form class="search-form panel" role="search" action="/inventory/" method="get" style="margin-bottom:28px"><input type="search" name="q" placeholder="Search 312 vehicles" aria-label="Search vehicles"></form><h1>Contact Queen City Honda</h1>"""
    + ERRORS
    + """<form id="gform_5" class="di-form" method="post" action="/contact-us/"><p><label for="di_interest">Vehicle of interest *</label><select id="di_interest" name="vehicle_interest" required><option value="">Select one</option>{% for model in models %}<option>{{ model }}</option>{% endfor %}<option value="other">Other / not sure yet</option></select></p>
<p><label for="di_stock">Stock # or VIN</label><input id="di_stock" name="stock_number"></p><p><label for="di_name">Full name *</label><input id="di_name" name="full_name" autocomplete="name" value="{{ f['full_name'] }}" required></p><div class="pair"><p><label for="di_email">Email *</label><input id="di_email" type="email" name="email_address" autocomplete="email" value="{{ f['email_address'] }}" required></p><p><label for="di_phone">Phone *</label><input id="di_phone" type="tel" name="phone_number" autocomplete="tel" value="{{ f['phone_number'] }}" required></p></div><p><label for="di_msg">Message</label><textarea id="di_msg" name="message">{{ f['message'] }}</textarea></p>
<p><label class="check"><input type="checkbox" name="offers_optin" value="yes" checked> Yes, send me offers, news and events from Queen City Honda</label></p><p><label class="check"><input type="checkbox" name="sms_optin" value="yes"> Text me about offers. Reply STOP to end (optional)</label></p><button type="submit">Contact me</button></form>"""
)
queen.page("/contact-us/", "Contact Us", beside(INSPIRE), models=MODELS)
queen.page(
    "/thank-you/", "Thank You", "<h1>Thank you!</h1><p>Your message is on its way to our product specialists.</p>"
)


@queen.post("/contact-us/")
def _() -> Any:
    wrong = receive(
        need="vehicle_interest full_name email_address phone_number",
        email="email_address",
        phone="phone_number",
        among={"vehicle_interest": (*MODELS, "other")},
        marketing="offers_optin sms_optin",
    )
    return queen.again("Contact Us", beside(INSPIRE), wrong, models=MODELS) if wrong else seen_elsewhere("/thank-you/")


# --- CDK: seven forms on one page, the contact form the fifth of them -----------------------------------------------------------------------------
gem = Lot(
    "gem-city-chevrolet", OK, builder="CDK; seven forms on a page", style="htm", contact="/contact/index.htm", link="Contact & Hours",
    note="search, newsletter, login, finance, trade-in and service forms stand beside the contact form",
)  # fmt: skip
CDK = """<h1>Contact &amp; Hours</h1><div class="two"><div>
<form action="/login" method="post" class="panel cdk-login"><h3>My Garage</h3><div class="pair"><p><label>Email<input type="email" name="username"></label></p><p><label>Password<input type="password" name="password"></label></p></div><button>Sign in</button></form><br>
<form action="/finance/apply" method="post" class="panel cdk-finance"><h3>Get pre-approved</h3><div class="pair"><p><label>First name<input name="fin_first" required></label></p><p><label>Last name<input name="fin_last" required></label></p><p><label>Email<input type="email" name="fin_email" required></label></p><p><label>Phone<input type="tel" name="fin_phone"></label></p><p><label>Date of birth<input name="fin_dob" placeholder="MM/DD/YYYY" required></label></p><p><label>Social security number<input name="fin_ssn" required></label></p><p><label>Monthly income<input name="fin_income" required></label></p><p><label>Employer<input name="fin_employer"></label></p></div><button>Apply now</button></form><br>
<form action="/leads/contact" method="post" class="cdk-contact" id="contact-us-form"><h2>Send us a message</h2>ERRORBOX<div class="pair"><p><label for="cu_first">First Name *</label><input id="cu_first" name="firstName" required></p><p><label for="cu_last">Last Name *</label><input id="cu_last" name="lastName" required></p><p><label for="cu_email">Email *</label><input id="cu_email" name="email" type="email" required></p><p><label for="cu_phone">Phone</label><input id="cu_phone" name="phone" type="tel"></p></div><p><label for="cu_dept">Department</label><select id="cu_dept" name="department"><option>Sales</option><option>Service</option><option>Parts</option><option>Finance</option></select></p><p><label for="cu_msg">Comments *</label><textarea id="cu_msg" name="comments" required></textarea></p><p class="small">TCPATEXT</p><button type="submit">Send message</button></form></div>
<div><form action="/trade/value" method="post" class="panel cdk-trade"><h3>Value your trade</h3><p><label>Year<input name="trade_year" required></label></p><p><label>Make<input name="trade_make" required></label></p><p><label>Model<input name="trade_model" required></label></p><p><label>Mileage<input name="trade_miles" required></label></p><p><label>Email<input type="email" name="trade_email" required></label></p><button>What is it worth?</button></form><br>
<form action="/service/schedule" method="post" class="panel cdk-service"><h3>Schedule service</h3><p><label>Name<input name="svc_name" required></label></p><p><label>Email<input type="email" name="svc_email" required></label></p><p><label>Date<input type="date" name="svc_date" required></label></p><p><label>Service needed<textarea name="svc_what" required></textarea></label></p><button>Book appointment</button></form></div></div>""".replace(
    "TCPATEXT", TCPA
).replace("ERRORBOX", ERRORS)
gem.page("/contact/index.htm", "Contact & Hours", CDK)
gem.page(
    "/contact/thanks.htm",
    "Message sent",
    "<h1>Message sent</h1><p>Thank you for contacting Gem City Chevrolet. We reply during business hours.</p>",
)
for _path in ("/login", "/finance/apply", "/trade/value", "/service/schedule"):
    gem.post(_path)(
        lambda: (keep(accepted=False, note="not the contact form"), page("Thank you", "<p>Thank you.</p>"))[1]
    )


@gem.post("/leads/contact")
def _() -> Any:
    wrong = receive(need="firstName lastName email comments", email="email", phone="phone")
    return gem.again("Contact & Hours", CDK, wrong) if wrong else seen_elsewhere("/contact/thanks.htm")


# --- fort-wayne-kia: five honeypots of five kinds, and a time trap ------------------------------------------------------------------------------------
fort = Lot(
    "fort-wayne-kia", OK, builder="own system; honeypots of five kinds", style="bare", contact="/contact-us", link="Contact Us",
    note="hidden by place, opacity, clip, an outer box of no height, and by words alone",
)  # fmt: skip
TRAPS = (
    """<h1>Contact Fort Wayne Kia</h1>"""
    + ERRORS
    + """<form action="/contact-us" method="post" id="ctc"><p><label for="n">Full Name*</label><input id="n" name="name" value="{{ f['name'] }}" required></p><p class="xtra"><label for="u">Website</label><input id="u" name="website" tabindex="-1" autocomplete="off"></p><p><label for="e">Email*</label><input id="e" name="email" type="email" value="{{ f['email'] }}" required></p><p style="opacity:0;position:absolute;pointer-events:none"><label for="e2">Email address</label><input id="e2" name="email2" tabindex="-1" autocomplete="nope"></p>
<p><label for="p">Phone</label><input id="p" name="phone" type="tel" value="{{ f['phone'] }}"></p><div style="height:0;overflow:hidden"><label for="fx">Fax</label><input id="fx" name="fax"></div><p class="clip"><label for="ct">City</label><input id="ct" name="city2"></p><p><label for="m">Message*</label><textarea id="m" name="message" required>{{ f['message'] }}</textarea></p><p><label for="cf" class="small">Please leave this field empty</label><input id="cf" name="confirm_human" autocomplete="off" style="height:26px"></p><button>Send</button></form>"""
)
fort.page(
    "/contact-us",
    "Contact Us",
    beside(TRAPS),
    head="<style>.xtra{position:absolute;left:-5000px}.clip{position:absolute;clip:rect(0 0 0 0);width:1px;height:1px;overflow:hidden}</style>",
)


@fort.post("/contact-us")
def _() -> Any:
    wrong = receive(
        need="name email message", email="email", phone="phone", empty="website email2 fax city2 confirm_human"
    )
    if wrong:
        return fort.again("Contact Us", beside(TRAPS), wrong)
    return fort.again(
        "Contact Us",
        beside(
            '<h1>Contact Fort Wayne Kia</h1><div class="good" role="status">Thank you {{ f["name"] }}, your message was sent to our sales team.</div>'
        ),
        {},
    )


# --- adrian-toyota: many optional fields, the address block in full, a date and a time ------------------------------------------------------------------
adrian = Lot(
    "adrian-toyota",
    OK,
    builder="own system; long lead form",
    style="htm",
    contact="/contact/form.htm",
    link="Contact a Specialist",
)
LONG = (
    """<h1>Contact a specialist</h1>"""
    + ERRORS
    + """<form method="post" action="/contact/form.htm" enctype="multipart/form-data"><fieldset><legend>About you</legend><div class="pair"><p><label for="a1">First name *</label><input id="a1" name="first" autocomplete="given-name" required></p><p><label for="a2">Last name *</label><input id="a2" name="last" autocomplete="family-name" required></p><p><label for="a3">Company</label><input id="a3" name="company" autocomplete="organization"></p><p><label for="a4">E-mail *</label><input id="a4" type="email" name="email" autocomplete="email" required></p><p><label for="a5">Phone</label><input id="a5" type="tel" name="phone" autocomplete="tel"></p><p><label for="a6">Street address</label><input id="a6" name="street" autocomplete="street-address"></p><p><label for="a7">City</label><input id="a7" name="city" autocomplete="address-level2"></p><p><label for="a8">State</label><select id="a8" name="state" autocomplete="address-level1"><option value=""></option><option value="IN">Indiana</option><option value="MI">Michigan</option><option value="OH">Ohio</option></select></p><p><label for="a9">ZIP *</label><input id="a9" name="zip" autocomplete="postal-code" required></p></div></fieldset>
<fieldset><legend>About the vehicle</legend><div class="pair"><p><label for="b1">Stock number</label><input id="b1" name="stock"></p><p><label for="b2">Trim</label><input id="b2" name="trim"></p><p><label for="b3">Preferred date</label><input id="b3" type="date" name="when_date"></p><p><label for="b4">Preferred time</label><input id="b4" type="time" name="when_time"></p></div><p><label for="b5">Driver's license (optional)</label><input id="b5" type="file" name="license"></p></fieldset><p><label for="c1">Your message *</label><textarea id="c1" name="message" required></textarea></p><p><label class="check"><input type="checkbox" name="contact_ok" value="1" required> You may contact me about this inquiry. *</label></p><button>Send to a specialist</button></form>"""
)
adrian.page("/contact/form.htm", "Contact a Specialist", beside(LONG))


@adrian.post("/contact/form.htm")
def _() -> Any:
    wrong = receive(need="first last email zip message", email="email", phone="phone", zip="zip", ticked="contact_ok")
    if request.files.get("license"):
        wrong["license"] = "Nobody asked for it."
    if wrong:
        return adrian.again("Contact a Specialist", beside(LONG), wrong)
    return adrian.draw(
        "Contact a Specialist",
        '<h1>We have your message</h1><p role="status">A specialist will contact you within 24 hours.</p>',
    )


PRIVACY = (
    "<h1>Privacy policy</h1><p>{{ d.title }} uses what you send to answer your inquiry and sells it to nobody.</p>"
)
for _lot in (scioto, miami, gem):
    _lot.page("/privacy.htm", "Privacy", PRIVACY)
