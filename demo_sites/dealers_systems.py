"""Dealerships on older and larger systems: Drupal, ASP.NET, Joomla, Rails, plain PHP, and a page of 1999."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, request

from demo_sites.dealers import DEALERS, ERRORS, Lot, beside, receive, seen_elsewhere
from demo_sites.dealers_banners import COOKIEBOT
from demo_sites.looks import Sent, fill
from demo_sites.server import given, keep, site

OK = {"ok": True}

# --- Drupal webform: a time trap and a url trap, then a confirmation page of its own -------------------------------------------------
pickaway = Lot(
    "pickaway-motors", OK, builder="Drupal webform; Cookiebot over it", style="bare", contact="/form/contact", link="Contact Us",
    note="the dialog covers the page until it is answered",
)  # fmt: skip
WEBFORM = (
    """<h1 class="page-title">Contact Us</h1>"""
    + ERRORS
    + """<form class="webform-submission-form webform-submission-add-form webform-submission-contact-form js-webform-details-toggle" data-drupal-selector="webform-submission-contact-add-form" action="/form/contact" method="post" id="webform-submission-contact-add-form" accept-charset="UTF-8">
<div class="js-form-item form-item js-form-type-textfield form-item-name field"><label for="edit-name" class="js-form-required form-required">Your Name</label><input data-drupal-selector="edit-name" type="text" id="edit-name" name="name" value="{{ f['name'] }}" size="60" maxlength="255" class="form-text required" required="required" aria-required="true"></div>
<div class="js-form-item form-item js-form-type-email form-item-email field"><label for="edit-email" class="js-form-required form-required">Your Email</label><input data-drupal-selector="edit-email" type="email" id="edit-email" name="email" value="{{ f['email'] }}" size="60" maxlength="254" class="form-email required" required="required" aria-required="true"></div>
<div class="js-form-item form-item js-form-type-textfield form-item-subject field"><label for="edit-subject" class="js-form-required form-required">Subject</label><input data-drupal-selector="edit-subject" type="text" id="edit-subject" name="subject" value="{{ f['subject'] }}" size="60" maxlength="255" class="form-text required" required="required" aria-required="true"></div>
<div class="js-form-item form-item js-form-type-textarea form-item-message field"><label for="edit-message" class="js-form-required form-required">Message</label><div><textarea data-drupal-selector="edit-message" id="edit-message" name="message" rows="5" cols="60" class="form-textarea required" required="required" aria-required="true">{{ f['message'] }}</textarea></div></div>
<input autocomplete="off" data-drupal-selector="form-g7" type="hidden" name="form_build_id" value="form-g7Jk2"><input type="hidden" name="form_id" value="webform_submission_contact_add_form"><input type="hidden" name="honeypot_time" value="q9M1">
<div class="url-textfield js-form-wrapper form-wrapper" style="display: none !important;"><div class="form-item"><label for="edit-url">Leave this field blank</label><input autocomplete="off" data-drupal-selector="edit-url" type="text" id="edit-url" name="url" value="" size="20" maxlength="128" class="form-text"></div></div>
<div data-drupal-selector="edit-actions" class="form-actions webform-actions" id="edit-actions"><input class="webform-button--submit button button--primary js-form-submit form-submit" type="submit" id="edit-actions-submit" name="op" value="Send message"></div></form>"""
)
pickaway.page("/form/contact", "Contact Us", beside(WEBFORM) + COOKIEBOT)
pickaway.page(
    "/form/contact/confirmation",
    "Contact Us",
    '<h1>Contact Us</h1><div class="webform-confirmation"><div class="webform-confirmation__message">Your message has been sent.</div><div class="webform-confirmation__back"><a href="/" rel="prev">Back to Home</a></div></div>',
)


@pickaway.post("/form/contact")
def _() -> Any:
    wrong = receive(need="name email subject message form_build_id", email="email", empty="url")
    if wrong:
        return pickaway.again("Contact Us", beside(WEBFORM), wrong)
    return seen_elsewhere("/form/contact/confirmation?token=Zk81")


# --- ASP.NET: the whole page is one form, with search, newsletter and the contact fields in it -------------------------------------------
clark = Lot(
    "clark-county-toyota", OK, builder="ASP.NET Web Forms", style="aspx", contact="/ContactUs.aspx", link="Contact Us",
    note="one form around the page; the button posts back",
)  # fmt: skip
ASPX = """<form method="post" action="./ContactUs.aspx" onsubmit="return WebForm_OnSubmit();" id="aspnetForm"><div class="aspNetHidden"><input type="hidden" name="__EVENTTARGET" id="__EVENTTARGET" value=""><input type="hidden" name="__EVENTARGUMENT" id="__EVENTARGUMENT" value=""><input type="hidden" name="__VIEWSTATE" id="__VIEWSTATE" value="/wEPDwUKMTY1NDU2MTA1Mg9kFgJmD2QWAg=="><input type="hidden" name="__EVENTVALIDATION" id="__EVENTVALIDATION" value="/wEdAAkp8Zz1"></div>
<script>var theForm = document.forms['aspnetForm']; function __doPostBack(target, argument) { theForm.__EVENTTARGET.value = target; theForm.__EVENTARGUMENT.value = argument; if (WebForm_OnSubmit()) theForm.submit(); }
function WebForm_OnSubmit() { var ok = true; document.querySelectorAll('span[data-val-controltovalidate]').forEach(function (span) { var empty = !document.getElementById(span.dataset.valControltovalidate).value.trim(); span.style.visibility = empty ? 'visible' : 'hidden'; ok = ok && !empty; }); return ok; }</script>
<div style="text-align:right;margin-bottom:12px"><input name="ctl00$txtSearch" type="text" id="ctl00_txtSearch" placeholder="Search site" style="width:170px"> <input type="button" value="Go" id="ctl00_btnSearch" onclick="location='/inventory.aspx?q=' + encodeURIComponent(theForm.ctl00_txtSearch.value)"></div>
<div class="two"><div><h1>Contact Clark County Toyota</h1>{% if done %}<div id="ctl00_ContentPlaceHolder1_pnlThanks"><span id="ctl00_ContentPlaceHolder1_lblThanks" class="good" style="display:block">Thank you. Your request was sent to our Internet department.</span></div>{% else %}<div id="ctl00_ContentPlaceHolder1_pnlForm">
{% for name, label, kind, need in fields %}<p><span id="ctl00_ContentPlaceHolder1_lbl{{ name }}" class="label">{{ label }}</span><br>{% if kind == 'textarea' %}<textarea name="ctl00$ContentPlaceHolder1$txt{{ name }}" rows="5" cols="20" id="ctl00_ContentPlaceHolder1_txt{{ name }}">{{ f['ctl00$ContentPlaceHolder1$txt' + name] }}</textarea>{% else %}<input name="ctl00$ContentPlaceHolder1$txt{{ name }}" type="{{ kind }}" id="ctl00_ContentPlaceHolder1_txt{{ name }}" value="{{ f['ctl00$ContentPlaceHolder1$txt' + name] }}">{% endif %}{% if need %}<span data-val-controltovalidate="ctl00_ContentPlaceHolder1_txt{{ name }}" class="error" style="visibility:hidden">* Required</span>{% endif %}</p>{% endfor %}
{% for text in errors.values() %}<p class="error">{{ text }}</p>{% endfor %}<a id="ctl00_ContentPlaceHolder1_lnkSubmit" class="button" href="javascript:__doPostBack('ctl00$ContentPlaceHolder1$lnkSubmit','')">Submit Request</a></div>{% endif %}</div>
<div class="panel"><h3>Specials by email</h3><input name="ctl00$txtNewsletter" type="text" id="ctl00_txtNewsletter" placeholder="Your email"><br><br><input type="submit" name="ctl00$btnNewsletter" value="Subscribe" id="ctl00_btnNewsletter"></div></div></form>"""
ASPX_FIELDS = [
    ("FirstName", "First Name:", "text", True),
    ("LastName", "Last Name:", "text", True),
    ("Email", "E-Mail Address:", "text", True),
    ("Phone", "Day Phone:", "text", False),
    ("Zip", "Zip Code:", "text", False),
    ("Comments", "Comments/Questions:", "textarea", True),
]
clark.page("/ContactUs.aspx", "Contact Us", ASPX, fields=ASPX_FIELDS, done=False)


@clark.post("/ContactUs.aspx")
def _() -> Any:
    at = "ctl00$ContentPlaceHolder1$txt"
    if request.form.get("ctl00$btnNewsletter"):
        keep(accepted=False, note="the newsletter's button, not the contact form's")
        return clark.again("Contact Us", ASPX, {}, fields=ASPX_FIELDS, done=False)
    wrong = receive(
        need=f"__VIEWSTATE __EVENTTARGET {at}FirstName {at}LastName {at}Email {at}Comments",
        email=f"{at}Email",
        phone=f"{at}Phone",
        zip=f"{at}Zip",
        marketing="ctl00$txtNewsletter",
    )
    return clark.again("Contact Us", ASPX, wrong, fields=ASPX_FIELDS, done=not wrong)


# --- Joomla: a token, then the same page again with a system message ----------------------------------------------------------------------
logan = Lot("logan-auto", OK, builder="Joomla", style="html", contact="/contact-us.html", link="Contact Us")
JOOMLA = """<div id="system-message-container" aria-live="polite">{% if told %}<joomla-alert type="{{ told[0] }}" role="alert" class="{{ 'good' if told[0] == 'success' else 'errors' }}" style="display:block"><div class="alert-heading"><b>{{ 'Message' if told[0] == 'success' else 'Warning' }}</b></div><div class="alert-wrapper"><div class="alert-message">{{ told[1] }}</div></div></joomla-alert>{% endif %}</div>
<div class="com-contact contact"><h1>Contact Logan Auto Sales</h1><div class="com-contact__form contact-form"><form id="contact-form" action="/contact-us.html" method="post" class="form-validate form-horizontal well"><fieldset class="m-0"><legend>Send an Email</legend>
<div class="control-group field"><div class="control-label"><label id="jform_contact_name-lbl" for="jform_contact_name" class="required">Name<span class="star" aria-hidden="true">&#160;*</span></label></div><div class="controls"><input type="text" name="jform[contact_name]" id="jform_contact_name" value="{{ f['jform[contact_name]'] }}" class="form-control required" size="30" required></div></div>
<div class="control-group field"><div class="control-label"><label id="jform_contact_email-lbl" for="jform_contact_email" class="required">Email<span class="star">&#160;*</span></label></div><div class="controls"><input type="email" inputmode="email" name="jform[contact_email]" class="form-control validate-email required" id="jform_contact_email" value="{{ f['jform[contact_email]'] }}" size="30" autocomplete="email" required></div></div>
<div class="control-group field"><div class="control-label"><label for="jform_contact_emailmsg" class="required">Subject<span class="star">&#160;*</span></label></div><div class="controls"><input type="text" name="jform[contact_subject]" id="jform_contact_emailmsg" value="{{ f['jform[contact_subject]'] }}" class="form-control required" size="60" required></div></div>
<div class="control-group field"><div class="control-label"><label for="jform_contact_message" class="required">Message<span class="star">&#160;*</span></label></div><div class="controls"><textarea name="jform[contact_message]" id="jform_contact_message" cols="50" rows="10" class="form-control required" required>{{ f['jform[contact_message]'] }}</textarea></div></div>
<div class="control-group field"><label class="check" for="jform_contact_email_copy"><input type="checkbox" name="jform[contact_email_copy]" id="jform_contact_email_copy" value="1"> Send a copy to yourself (optional)</label></div></fieldset>
<div class="control-group"><div class="controls"><button class="btn btn-primary validate" type="submit">Send Email</button><input type="hidden" name="option" value="com_contact"><input type="hidden" name="task" value="contact.submit"><input type="hidden" name="return" value=""><input type="hidden" name="id" value="1:logan"><input type="hidden" name="b1946ac92492d2347c6235b4d2611184" value="1"></div></div></form></div></div>"""


@logan.get("/contact-us.html")
def _() -> Any:
    sent = request.cookies.get("joomla_message") == "sent"
    told = ("success", "Thank you for your email.") if sent else None
    answer = make_response(logan.draw("Contact Us", beside(JOOMLA), told=told))
    answer.delete_cookie("joomla_message")
    return answer


@logan.post("/contact-us.html")
def _() -> Any:
    names = "jform[contact_name] jform[contact_email] jform[contact_subject] jform[contact_message]"
    wrong = receive(need=f"{names} b1946ac92492d2347c6235b4d2611184", email="jform[contact_email]")
    if wrong:
        return logan.again(
            "Contact Us", beside(JOOMLA), wrong, told=("warning", "Please complete all required fields.")
        )
    answer = seen_elsewhere("/contact-us.html")
    answer.set_cookie("joomla_message", "sent")
    return answer


# --- Rails: a token that must come back, errors by field, success is a flash on another page -----------------------------------------------
rivers = Lot(
    "three-rivers-auto", OK, builder="Rails", style="bare", contact="/sales-contact", link="Ask Sales",
    note="redirects to /thank-you",
)  # fmt: skip
RAILS = (
    """<h1>Ask our sales team</h1>"""
    + ERRORS
    + """<form class="new_inquiry" id="new_inquiry" action="/inquiries" accept-charset="UTF-8" method="post"><input type="hidden" name="authenticity_token" value="m9Qx0Vb" autocomplete="off">
<div class="pair"><div class="field"><label for="inquiry_first_name">First name</label><input autofocus required type="text" name="inquiry[first_name]" id="inquiry_first_name" value="{{ f['inquiry[first_name]'] }}"></div><div class="field"><label for="inquiry_last_name">Last name</label><input required type="text" name="inquiry[last_name]" id="inquiry_last_name" value="{{ f['inquiry[last_name]'] }}"></div></div>
<div class="field"><label for="inquiry_email">Email</label><input required type="email" name="inquiry[email]" id="inquiry_email" value="{{ f['inquiry[email]'] }}"></div><div class="field"><label for="inquiry_email_confirmation">Confirm email</label><input required type="email" name="inquiry[email_confirmation]" id="inquiry_email_confirmation" autocomplete="off"></div>
<div class="field"><label for="inquiry_topic">What is it about?</label><select required name="inquiry[topic]" id="inquiry_topic"><option value="">Please select</option><option value="buy">Buying a vehicle</option><option value="sell">Selling my vehicle</option><option value="other">Something else</option></select></div>
<div class="field"><label for="inquiry_body">Your question</label><textarea required name="inquiry[body]" id="inquiry_body" rows="6">{{ f['inquiry[body]'] }}</textarea></div><div class="actions"><input type="submit" name="commit" value="Send question" data-disable-with="Sending..."></div></form>"""
)
rivers.page("/sales-contact", "Ask Sales", beside(RAILS))
rivers.page(
    "/thank-you",
    "Thank you",
    "<h1>Thank you!</h1><p>Your question is with our sales team. You will hear from us within one business day.</p>",
)


@rivers.post("/inquiries")
def _() -> Any:
    at = "inquiry[{}]".format
    needed = ("first_name", "last_name", "email", "email_confirmation", "topic", "body")
    sent = Sent(given())
    form = given()
    if sent[at("email")] != sent[at("email_confirmation")]:
        form[at("email_confirmation")] = [""]
    wrong = receive(
        form,
        need=" ".join(["authenticity_token", *map(at, needed)]),
        email=at("email"),
        among={at("topic"): ("buy", "sell", "other")},
    )
    return rivers.again("Ask Sales", beside(RAILS), wrong, status=422) if wrong else seen_elsewhere("/thank-you")


# --- Plain PHP of 2010 ---------------------------------------------------------------------------------------------------------------------
athens = Lot("athens-auto", OK, builder="plain PHP", style="php", contact="/contact-us.php", link="Contact Us")
PHP = (
    """<h1>Contact Us</h1>"""
    + ERRORS
    + """<form action="sendmail.php" method="post" name="form1"><div class="panel"><p><label>First Name: <font color="red">*</font><br><input name="fname" type="text" value="{{ f['fname'] }}" size="30"></label></p><p><label>Last Name: <font color="red">*</font><br><input name="lname" type="text" value="{{ f['lname'] }}" size="30"></label></p><p><label>E-mail: <font color="red">*</font><br><input name="mail" type="text" value="{{ f['mail'] }}" size="30"></label></p><p><label>Phone:<br><input name="tel" type="text" value="{{ f['tel'] }}" size="20"></label></p>
<p>Best way to reach you: <label class="check" style="display:inline"><input type="radio" name="reach" value="email"> E-mail</label> <label class="check" style="display:inline"><input type="radio" name="reach" value="phone"> Phone</label></p><p><label>Questions / Comments:<br><textarea name="comments" rows="6" cols="40">{{ f['comments'] }}</textarea></label></p><p><input type="submit" name="Submit" value="Send"></p><p class="small">* required</p></div></form>"""
)
athens.page("/contact-us.php", "Contact Us", beside(PHP))
athens.page(
    "/thank-you.php", "Thank You", "<h1>Thank You</h1><p>Your message was sent. We look forward to meeting you!</p>"
)


@athens.post("/sendmail.php")
def _() -> Any:
    wrong = receive(need="fname lname mail", email="mail", phone="tel", among={"reach": ("email", "phone")})
    return athens.again("Contact Us", beside(PHP), wrong) if wrong else seen_elsewhere("/thank-you.php")


# --- 1999: tables, a reset button before the submit, a mail gateway ----------------------------------------------------------------------------
bob = DEALERS["bobs-auto-ranch"]
ranch = site(
    bob.name,
    bob.title,
    OK,
    topic="dealership",
    builder="tables of 1999",
    note="labels are table cells; Reset comes first",
)
RANCH = """<HTML><HEAD><TITLE>{{ d.title }}</TITLE></HEAD><BODY BGCOLOR="#FFFFE8" TEXT="#000000" LINK="#000080" VLINK="#800080"><CENTER><TABLE WIDTH="760" BORDER="1" CELLPADDING="8" CELLSPACING="0" BGCOLOR="#FFFFFF" BORDERCOLOR="#808080">
<TR><TD COLSPAN="2" BGCOLOR="#000080" ALIGN="CENTER"><FONT FACE="Arial" SIZE="6" COLOR="#FFFF00"><B>{{ d.title }}</B></FONT><BR><FONT FACE="Arial" COLOR="#FFFFFF" SIZE="2">{{ d.street }}, {{ d.town }}, {{ d.state }} {{ d.zip }} &nbsp; * &nbsp; {{ d.phone }}</FONT></TD></TR>
<TR><TD WIDTH="140" VALIGN="TOP" BGCOLOR="#E0E0E0"><FONT FACE="Arial" SIZE="2">{% for label, href in links %}<A HREF="{{ href }}">{{ label }}</A><BR><BR>{% endfor %}<B>Hours</B><BR>Mon-Fri 8-6<BR>Sat 8-2</FONT></TD><TD VALIGN="TOP"><FONT FACE="Arial" SIZE="2">{{ main }}</FONT></TD></TR><TR><TD COLSPAN="2" ALIGN="CENTER"><FONT SIZE="1" FACE="Arial">You are visitor no. 004817. Best viewed with Netscape Navigator 4.</FONT></TD></TR></TABLE></CENTER></BODY></HTML>"""
RANCH_LINKS = [("Home", "/"), ("Inventory", "inventory.html"), ("Service", "service.html"), ("Financing", "finance.html"), ("About Bob", "about.html"), ("E-mail Us", "guest.html")]  # fmt: skip
RANCH_FORM = """<H2>Drop Bob a line</H2><FORM METHOD="POST" ACTION="/cgi-bin/formmail.pl"><INPUT TYPE="hidden" NAME="recipient" VALUE="bob@bobs-auto-ranch.example"><INPUT TYPE="hidden" NAME="subject" VALUE="Web site"><TABLE BORDER="0" CELLPADDING="4">
<TR><TD ALIGN="RIGHT"><FONT FACE="Arial" SIZE="2">Your Name:</FONT></TD><TD><INPUT TYPE="text" NAME="realname" SIZE="35"></TD></TR><TR><TD ALIGN="RIGHT"><FONT FACE="Arial" SIZE="2">E-Mail:</FONT></TD><TD><INPUT TYPE="text" NAME="email" SIZE="35"></TD></TR><TR><TD ALIGN="RIGHT"><FONT FACE="Arial" SIZE="2">Telephone:</FONT></TD><TD><INPUT TYPE="text" NAME="phone" SIZE="20"></TD></TR>
<TR><TD ALIGN="RIGHT"><FONT FACE="Arial" SIZE="2">City, State:</FONT></TD><TD><INPUT TYPE="text" NAME="city" SIZE="20"></TD></TR><TR><TD ALIGN="RIGHT" VALIGN="TOP"><FONT FACE="Arial" SIZE="2">What are you looking for?</FONT></TD><TD><TEXTAREA NAME="comments" ROWS="6" COLS="40"></TEXTAREA></TD></TR><TR><TD></TD><TD><INPUT TYPE="reset" VALUE="Clear"> <INPUT TYPE="submit" VALUE="Send It!"></TD></TR></TABLE></FORM>"""
RANCH_PAGES = {
    "/": "<H2>{{ d.tagline }}</H2><P>Clean used cars and farm trucks. We buy, sell and trade. Come see us, the coffee is on.</P><UL><LI>2019 Ford F-150, one owner, $19,900<LI>2016 Chevrolet Malibu, $8,450<LI>2018 Ford Escape, $13,200</UL>",
    "/inventory.html": "<H2>Inventory</H2><TABLE BORDER='1' CELLPADDING='4'><TR><TD>2019 Ford F-150<TD>$19,900<TR><TD>2016 Chevrolet Malibu<TD>$8,450<TR><TD>2018 Ford Escape<TD>$13,200</TABLE>",
    "/service.html": "<H2>Service</H2><P>Junior is in the shop Monday to Friday.</P>",
    "/finance.html": "<H2>Financing</H2><P>Ask at the desk.</P>",
    "/about.html": "<H2>About Bob</H2><P>Bob opened the Ranch in 1974 with two pickups and a coffee pot.</P>",
    "/guest.html": RANCH_FORM,
}


def ranch_page(text: str) -> Response:
    return Response(fill(RANCH, d=bob, links=RANCH_LINKS, main=fill(text, d=bob)), mimetype="text/html")


for _path, _text in RANCH_PAGES.items():
    ranch.get(_path)(lambda text=_text: ranch_page(text))


@ranch.post("/cgi-bin/formmail.pl")
def _() -> Any:
    wrong = receive(need="realname email comments recipient", email="email", phone="phone")
    if wrong:
        return ranch_page(
            "<H2>Error: Blank Fields</H2><P>The following fields were left blank or are not correct in your submission form. Use your browser's Back button.</P>"
        )
    return ranch_page(
        "<H2>Thank You For Filling Out This Form</H2><P>Below is what you submitted. Bob will call or write.</P>"
    )
