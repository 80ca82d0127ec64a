"""What fields are taken for: each trap that real forms set, in a real Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.automation.reading_support import Stage
from webapp.automation.engine.seen import LEFT_ALONE, Kind


@pytest.fixture(scope="module")
def stage(browser: Browser) -> Iterator[Stage]:
    made = Stage(browser)
    yield made
    made.context.close()


STATES = "".join(
    f"<option>{one}"
    for one in "Choose Alabama Alaska Arizona Arkansas California Colorado Florida Georgia Idaho".split()
)
COUNTRIES = "".join(
    f"<option>{one}" for one in "- Austria Belgium Brazil Canada Chile Denmark France Germany Italy Mexico".split()
)
MONTHS = "".join(f"<option>{one}" for one in "January February March April May June July August September October November December".split())  # fmt: skip
YEARS = "".join(f"<option>{year}" for year in range(2012, 2027))

# What stands in the form; the kind of the control named x (and y).
FIELDS: dict[str, tuple[str, dict[str, str]]] = {
    "autocomplete before a vague label": ("<label>Your details <input name=x autocomplete='section-a given-name'></label>", {"x": "first_name"}),
    "an email box by its type": ("<input type=email name=x>", {"x": "email"}),
    "a label before a name": ("<label>Postal code <input name=x id=phone></label>", {"x": "postal_code"}),
    "type=tel on a zip box": ("<label>ZIP <input type=tel name=x></label>", {"x": "postal_code"}),
    "type=tel without a word": ("<input type=tel name=x>", {"x": "phone"}),
    "a name beside a first name": ("<label>Vorname <input name=x></label><label>Name <input name=y></label>", {"x": "first_name", "y": "last_name"}),
    "a name beside a last name": ("<label>Nombre <input name=x></label><label>Apellidos <input name=y></label>", {"x": "first_name", "y": "last_name"}),
    "a name alone": ("<label>Name <input name=x></label>", {"x": "full_name"}),
    "first and last in one box": ("<label>First &amp; last name <input name=x></label>", {"x": "full_name"}),
    "a first name by its attribute only": ("<label>Your name <input name=first_name></label>", {"first_name": "full_name"}),
    "a group's label over its parts": ("<div>Name <input name=x placeholder=First><input name=y placeholder=Last></div>", {"x": "first_name", "y": "last_name"}),
    "a middle initial": ("<label>First name <input name=f></label><label>Middle initial <input name=x maxlength=1></label>", {"x": "middle_name"}),
    "a box for one character": ("<label>Name <input name=x maxlength=1></label>", {"x": "unknown"}),
    "two emails": ("<label>Email <input name=x></label><label>Email <input name=y></label>", {"x": "email", "y": "confirm_email"}),
    "an email to repeat": ("<label>Confirm email <input type=email name=x></label>", {"x": "confirm_email"}),
    "two address lines": ("<label>Address <input name=x></label><label>Address <input name=y></label>", {"x": "street", "y": "street_2"}),
    "somebody else's email": ("<label>Your email <input name=x></label><label>Friend's email <input name=y></label>", {"x": "email", "y": "unknown"}),
    "a user name": ("<label>User name <input name=x></label>", {"x": "unknown"}),
    "an email or a user name": ("<label>Email or username <input name=x></label>", {"x": "unknown"}),
    "the name of a thing": ("<label>Product name <input name=x></label>", {"x": "unknown"}),
    "a job's title": ("<label>Job title <input name=x></label><textarea name=m placeholder=Message></textarea>", {"x": "unknown"}),
    "a title beside a message": ("<label>Title <input name=x></label><label>Message <textarea name=y></textarea></label>", {"x": "subject", "y": "message"}),
    "a fax": ("<label>Telefax <input name=x></label>", {"x": "unknown"}),
    "a website": ("<label>Website <input name=x></label>", {"x": "unknown"}),
    "a phone in three boxes": ("<div>Phone <input name=x maxlength=3><input name=y maxlength=3><input name=z maxlength=4></div>", {"x": "phone_area", "y": "phone_prefix", "z": "phone_line"}),
    "a phone in two boxes": ("<label>Area code <input name=x></label><label>Phone <input name=y></label>", {"x": "phone_area", "y": "phone_line"}),
    "an extension": ("<label>Phone <input name=y></label><label>Ext. <input name=x></label>", {"x": "phone_extension"}),
    "the country before a phone": ("<select name=x><option>United States +1<option>France +33<option>Spain +34</select><input type=tel name=y>", {"x": "phone_country", "y": "phone"}),
    "a time zone": ("<select name=x><option>GMT -12:00<option>GMT +1:00<option>GMT +2:00</select>", {"x": "unknown"}),
    "a large box without a word": ("<input type=email name=e><textarea name=x></textarea>", {"x": "message"}),
    "a large box beside a password": ("<input type=password name=p><textarea name=x placeholder='Your message'></textarea>", {"x": "unknown", "p": "password"}),
    "an editable element": ("<input type=email name=e><div contenteditable id=x aria-label=Message></div>", {"#x": "message"}),
    "one box for three parts of an address": ("<label>City, State, Zip <input name=x></label>", {"x": "unknown"}),
    "postal address": ("<label>Postal address <input name=x></label>", {"x": "street"}),
    "a state by its options": (f"<select name=x>{STATES}</select>", {"x": "state"}),
    "a country by its options": (f"<select name=x>{COUNTRIES}</select>", {"x": "country"}),
    "a month by its options": (f"<select name=x>{MONTHS}</select>", {"x": "date"}),
    "a vehicle's year by its options": (f"<select name=x>{YEARS}</select>", {"x": "vehicle_year"}),
    "a card's year": (f"<label>Card expiry <select name=x>{YEARS}</select></label>", {"x": "date"}),
    "a vehicle": (
        "<label>Make <select name=x><option>Audi</select></label><label>Model <select name=y><option>A3</select></label><label>Trim <input name=z></label>",
        {"x": "vehicle_make", "y": "vehicle_model", "z": "vehicle_trim"},
    ),
    "a stock number and a VIN": ("<label>Stock # <input name=stock_number></label><label>VIN <input name=y></label>", {"stock_number": "stock_number", "y": "vin"}),
    "new or used": ("<label>I want <select name=x><option>New<option>Used<option>Certified</select></label>", {"x": "vehicle_condition"}),
    "the way to answer by its options": ("<select name=x><option>Email<option>Phone<option>Text</select>", {"x": "preferred_contact"}),
    "the way to answer by its question": ("<fieldset><legend>Preferred contact method</legend><label><input type=radio name=x>Email</label></fieldset>", {"x": "preferred_contact"}),
    "the best time": ("<label>Best time to call <input name=x></label>", {"x": "time"}),
    "a topic": ("<textarea name=m></textarea><input type=email name=e><label>How can we help? <select name=x><option>Sales</select></label>", {"x": "subject"}),
    "a form of address": ("<label>Title <select name=x><option>Mr<option>Mrs</select></label>", {"x": "unknown"}),
    "terms": ("<label><input type=checkbox name=x> I have read the privacy policy and accept the terms</label>", {"x": "consent"}),
    "texting": ("<label><input type=checkbox name=x> I agree to receive text messages. Msg and data rates may apply</label>", {"x": "sms_consent"}),
    "advertising": ("<label><input type=checkbox name=x checked> Yes, send me special offers and the newsletter</label>", {"x": "marketing"}),
    "a file": ("<input type=file name=x>", {"x": "file"}),
    "a captcha's answer box": ("<textarea name=g-recaptcha-response style='display:none'></textarea>", {"g-recaptcha-response": "captcha"}),
    "a captcha's picture": ("<label>Enter the characters you see <input name=x></label>", {"x": "captcha"}),
    "a sum": ("<label>7 + 5 = <input name=x></label>", {"x": "captcha"}),
    "a sum in words": ("<label>What is three plus four? <input name=x></label>", {"x": "captcha"}),
    "a later step's field": ("<input name=a><div class=step style='display:none'><label>Email <input name=x></label><label>City <input name=y></label></div>", {"x": "email", "y": "city"}),
    "a label in the table above": ("<table><tr><td>E-Mail</td><td>Telefon</td></tr><tr><td><input name=x></td><td><input name=y></td></tr></table>", {"x": "email", "y": "phone"}),
    "the next one's label": ("Age: <input name=x> Email: <input name=y>", {"x": "unknown", "y": "email"}),
    "Spanish": ("<label>Correo electrónico <input name=x></label><label>Mensaje <textarea name=y></textarea></label><label>Código postal <input name=z></label>", {"x": "email", "y": "message", "z": "postal_code"}),
    "French": ("<label>Prénom <input name=x></label><label>Nom <input name=y></label><label>Courriel <input name=z></label>", {"x": "first_name", "y": "last_name", "z": "email"}),
    "German": ("<label>Betreff <input name=x></label><label>Nachricht <textarea name=y></textarea></label><label>PLZ <input name=z></label>", {"x": "subject", "y": "message", "z": "postal_code"}),
    "Portuguese": ("<label>Assunto <input name=x></label><label>Mensagem <textarea name=y></textarea></label><label>Telefone <input name=z></label>", {"x": "subject", "y": "message", "z": "phone"}),
    "Italian": ("<label>Nome e cognome <input name=x></label><label>Azienda <input name=y></label><label>CAP <input name=z></label>", {"x": "full_name", "y": "company", "z": "postal_code"}),
    "Dutch": ("<label>Voornaam <input name=x></label><label>Achternaam <input name=y></label><label>Postcode <input name=z></label>", {"x": "first_name", "y": "last_name", "z": "postal_code"}),
    "Russian": ("<label>Ваше имя <input name=x></label><label>Электронная почта <input name=y></label><label>Сообщение <textarea name=z></textarea></label>", {"x": "full_name", "y": "email", "z": "message"}),
}  # fmt: skip


@pytest.mark.parametrize("case", FIELDS)
def test_a_field_is_taken_for_what_it_asks(stage: Stage, case: str) -> None:
    body, expected = FIELDS[case]
    found = stage.kinds(body)
    assert {key: found[key] for key in expected} == expected


REAL = "<label>Name <input name=n></label><label>Email <input type=email name=e></label><label>Message <textarea name=m></textarea></label>"
TRAPS = {
    "not displayed": "<div style='display:none'><label>Phone <input name=x></label></div>",
    "invisible": "<input name=x style='visibility:hidden'>",
    "transparent": "<div style='opacity:0'><input name=x></div>",
    "far to the left": "<div style='position:absolute;left:-5000px'><input name=x></div>",
    "cut off": "<div style='position:absolute;clip:rect(0,0,0,0)'><input name=x></div>",
    "one pixel": "<div style='position:absolute;width:1px;height:1px;overflow:hidden'><input name=x></div>",
    "no height": "<div style='height:0;overflow:hidden'><input name=x></div>",
    "shrunk": "<input name=x style='transform:scale(0)'>",
    "closed to all but machines": "<div aria-hidden=true><label>Website <input name=x tabindex=-1></label></div>",
    "out of the keyboard's and autofill's reach": "<label>Fax <input name=x tabindex=-1 autocomplete=off></label>",
    "hidden by a class": "<style>.zz{display:none}</style><p class=zz><label>Your email <input type=email name=x></label></p>",
    "hidden by a script": "<p id=late><label>Company <input name=x></label></p><script>late.style.display='none'</script>",
    "Gravity's, its style sheet lost": "<link rel=stylesheet href=/gone.css><div class='gfield gform_validation_container'><label>Phone <input name=x></label>"
    "<div>This field is for validation purposes and should be left unchanged.</div></div>",
    "Formidable's": "<div class=frm_verify><label>If you are human, leave this field blank. <input name=x></label></div>",
    "Contact Form 7's": "<span class='wpcf7-form-control-wrap honeypot-2'><label>Please leave this field empty. <input name=x></label></span>",
    "named so": "<label>Age <input name=x class=hp_field></label>",
    "said in German": "<label>Bitte dieses Feld leer lassen <input name=x></label>",
    "said in Spanish": "<label>No rellenar este campo <input name=x></label>",
    "said in French": "<label>Ne pas remplir <input name=x></label>",
    "said in its title": "<label>Site <input name=x title='This field is for validation and should not be changed'></label>",
}


@pytest.mark.parametrize("case", TRAPS)
def test_a_trap_is_left_alone_and_the_real_fields_are_not(stage: Stage, case: str) -> None:
    found = stage.kinds(REAL + TRAPS[case])
    assert found == {"n": Kind.FULL_NAME, "e": Kind.EMAIL, "m": Kind.MESSAGE, "x": Kind.HONEYPOT}
    assert Kind.HONEYPOT in LEFT_ALONE


def test_a_trap_named_like_the_forms_own_numbering_is_known_by_its_style(stage: Stage) -> None:
    found = stage.kinds(
        "<label>Name <input name=input_1></label><label>Email <input name=input_2></label>"
        "<div style='position:absolute;left:-9999px'><label>Phone <input name=input_3></label></div>"
    )
    assert found == {"input_1": Kind.FULL_NAME, "input_2": Kind.EMAIL, "input_3": Kind.HONEYPOT}


def test_leaving_a_field_blank_for_want_of_an_answer_is_no_trap(stage: Stage) -> None:
    assert stage.kinds("<label>Stock number (leave blank if unknown) <input name=x></label>")["x"] is Kind.STOCK_NUMBER


def test_the_only_box_without_a_word_among_worded_ones_is_left_alone(stage: Stage) -> None:
    assert stage.kinds(REAL + "<input name=last_name>")["last_name"] is Kind.UNKNOWN
    assert stage.kinds(REAL + "<input name=last_name required>")["last_name"] is Kind.LAST_NAME


def test_a_hidden_box_under_its_visible_label_is_real(stage: Stage) -> None:
    found = stage.kinds(
        "<input type=checkbox id=x name=x style='position:absolute;opacity:0'><label for=x>I accept the terms</label>"
    )
    assert found["x"] is Kind.CONSENT
