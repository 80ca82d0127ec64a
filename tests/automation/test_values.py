"""What an enquiry puts into a control: formats, lengths, options. Without a browser."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.automation.acting_support import ENQUIRY
from webapp.automation.engine.buttons import choose_button, role_of
from webapp.automation.engine.consents import refused
from webapp.automation.engine.outcome import Enquiry
from webapp.automation.engine.seen import Control, FormSeen, Kind, Option
from webapp.automation.engine.values import choose_option, shape, value_for


def box(type: str = "text", *, tag: str = "input", **facts: object) -> Control:
    return Control("1.1", "x", tag, type, **facts)  # type: ignore[arg-type]


def button(label: str, type: str = "submit", **facts: object) -> Control:
    return Control(f"1.{label}", label, "button", type, texts={"label": label}, **facts)  # type: ignore[arg-type]


def choices(*labels: str) -> list[Option]:
    return [Option("" if label.startswith(("Select", "--")) else label.lower(), label) for label in labels]


def chosen(kind: Kind, *labels: str, enquiry: Enquiry = ENQUIRY) -> str | None:
    option = choose_option(kind, choices(*labels), enquiry)
    return option.label if option else None


def phone(control: Control, number: str = "+15125550142") -> str | None:
    return value_for(Kind.PHONE, control, replace(ENQUIRY, phone=number))


@pytest.mark.parametrize(
    ("control", "typed"),
    [
        (box("tel"), "5125550142"),
        (box("tel", texts={"placeholder": "(555) 555-5555"}), "(512) 555-0142"),
        (box("tel", texts={"placeholder": "XXX-XXX-XXXX"}), "512-555-0142"),
        (box("tel", texts={"placeholder": "(___) ___-____"}), "5125550142"),
        (box("tel", texts={"placeholder": "+1 555 555 5555"}), "+1 512 555 0142"),
        (box("tel", pattern=r"\d{3}-\d{3}-\d{4}"), "512-555-0142"),
        (box("tel", pattern=r"\(\d{3}\) \d{3}-\d{4}", texts={"placeholder": "(___) ___-____"}), "(512) 555-0142"),
        (box("tel", pattern=r"\+1\d{10}"), "+15125550142"),
        (box("tel", texts={"label": "Phone (with country code)"}), "+15125550142"),
        (box("tel", texts={"label": "Phone", "before": "+1"}, max_length=10), "5125550142"),
        (box("tel", autocomplete="tel-national"), "5125550142"),
        (box("tel", max_length=12, texts={"placeholder": "(555) 555-5555"}), "5125550142"),
        (box("number"), "5125550142"),
    ],
)
def test_a_phone_is_written_as_its_box_wants_it(control: Control, typed: str) -> None:
    assert phone(control) == typed


def test_a_phone_of_another_country_keeps_its_code() -> None:
    assert phone(box("tel"), "+4930123456") == "+4930123456"


def test_a_phone_in_three_boxes_or_two() -> None:
    parts = (Kind.PHONE_AREA, Kind.PHONE_PREFIX, Kind.PHONE_LINE)
    assert [value_for(kind, box(max_length=n), ENQUIRY) for kind, n in zip(parts, (3, 3, 4), strict=True)] == [
        "512",
        "555",
        "0142",
    ]
    assert value_for(Kind.PHONE_LINE, box(max_length=7), ENQUIRY) == "5550142"


def test_a_message_is_cut_at_a_word_and_keeps_its_lines_only_in_a_text_area() -> None:
    area = box("textarea", tag="textarea", max_length=30)
    assert value_for(Kind.MESSAGE, area, ENQUIRY) == "I would like to know more"
    assert "\n" in (value_for(Kind.MESSAGE, box("textarea", tag="textarea"), ENQUIRY) or "")
    assert "\n" not in (value_for(Kind.MESSAGE, box(), ENQUIRY) or "")


def test_states_go_by_letters_or_by_name() -> None:
    assert value_for(Kind.STATE, box(max_length=2), ENQUIRY) == "TX"
    assert value_for(Kind.STATE, box(texts={"placeholder": "California"}), ENQUIRY) == "Texas"
    assert chosen(Kind.STATE, "State", "Kansas", "Texas") == "Texas"
    assert chosen(Kind.STATE, "KS", "TX") == "TX"
    assert chosen(Kind.STATE, "KS - Kansas", "TX - Texas") == "TX - Texas"
    assert chosen(Kind.STATE, "West Virginia", "Virginia", enquiry=replace(ENQUIRY, state="VA")) == "Virginia"


def test_countries_are_known_by_their_many_names() -> None:
    assert value_for(Kind.COUNTRY, box(), ENQUIRY) == "United States"
    assert value_for(Kind.COUNTRY, box(max_length=2), ENQUIRY) == "US"
    for name in ("USA", "United States of America", "Estados Unidos", "Vereinigte Staaten"):
        assert chosen(Kind.COUNTRY, "Select", "Canada", name) == name
    assert chosen(Kind.PHONE_COUNTRY, "Canada (+1)", "Germany (+49)", "United States (+1)") == "United States (+1)"


def test_a_subject_is_made_of_the_vehicle_when_there_is_none() -> None:
    assert value_for(Kind.SUBJECT, box(), ENQUIRY) == "Question about the 2024 Honda Civic"
    assert value_for(Kind.SUBJECT, box(), replace(ENQUIRY, subject="A test drive")) == "A test drive"
    bare = Enquiry("Ana", "Lopez", "a@example.com")
    assert value_for(Kind.SUBJECT, box(), bare) == "Question from Ana Lopez"


def test_dates_and_times_come_in_the_form_of_their_control() -> None:
    assert shape(box("date"), "2026-12-01") == "2026-12-01"
    assert shape(box("month"), "2026-12-01") == "2026-12"
    assert shape(box("time"), "10:30") == "10:30"
    assert shape(box("datetime-local"), "2026-12-01T10:30") == "2026-12-01T10:30"
    assert shape(box("date"), "next week") is None
    assert shape(box(), "2026-12-01") == "12/01/2026"
    assert shape(box(texts={"placeholder": "TT.MM.JJJJ"}), "2026-12-01") == "01.12.2026"
    assert shape(box(texts={"placeholder": "YYYY-MM-DD"}), "2026-12-01") == "2026-12-01"


def test_what_the_enquiry_does_not_say_is_not_made_up() -> None:
    for kind in (Kind.COMPANY, Kind.MIDDLE_NAME, Kind.DATE, Kind.TIME, Kind.STREET, Kind.VIN, Kind.UNKNOWN):
        assert value_for(kind, box(), ENQUIRY) is None


def test_a_placeholder_is_never_chosen() -> None:
    assert chosen(Kind.VEHICLE_MAKE, "Select a make", "Acura") is None
    assert chosen(Kind.UNKNOWN, "Please select", "--", "Choose one") is None
    assert chosen(Kind.SUBJECT, "Bitte wählen", "Allgemeine Anfrage", "Anfrage") in ("Allgemeine Anfrage", "Anfrage")


def test_a_disabled_option_is_never_chosen() -> None:
    options = [Option("h", "Honda", disabled=True), Option("o", "Other")]
    found = choose_option(Kind.VEHICLE_MAKE, options, ENQUIRY)
    assert found is not None
    assert found.label == "Other"


def test_makes_and_models_are_found_by_name_or_left_to_an_honest_other() -> None:
    assert chosen(Kind.VEHICLE_MAKE, "Select", "HONDA", "Ford") == "HONDA"
    assert chosen(Kind.VEHICLE_MODEL, "Accord", "Civic Sedan") == "Civic Sedan"
    assert chosen(Kind.VEHICLE_MODEL, "Civic Sedan", "Civic Coupe") is None
    assert chosen(Kind.VEHICLE_MODEL, "F150", enquiry=replace(ENQUIRY, vehicle_model="F-150")) == "F150"
    assert chosen(Kind.VEHICLE_MAKE, "Acura", "Other") == "Other"
    assert chosen(Kind.VEHICLE_MAKE, "Acura", "Ford") is None
    assert chosen(Kind.VEHICLE_YEAR, "Year", "2023", "2024") == "2024"


def test_the_way_of_contact_follows_the_wish() -> None:
    ways = ("Phone call", "Text message", "E-mail")
    assert chosen(Kind.PREFERRED_CONTACT, *ways) == "E-mail"
    for wish, way in (("phone", "Phone call"), ("sms", "Text message"), ("email", "E-mail")):
        assert chosen(Kind.PREFERRED_CONTACT, *ways, enquiry=replace(ENQUIRY, preferred_contact=wish)) == way
    assert chosen(Kind.PREFERRED_CONTACT, "Text message", enquiry=replace(ENQUIRY, preferred_contact="phone")) is None


def test_a_topic_is_the_enquiry_s_own_or_sales_or_general() -> None:
    topics = ("Service", "Parts", "Sell your car", "New vehicle sales", "Careers", "General inquiry", "Other")
    assert chosen(Kind.SUBJECT, *topics) == "New vehicle sales"
    bare = Enquiry("Ana", "Lopez", "a@example.com", message="Hello")
    assert chosen(Kind.SUBJECT, *topics, enquiry=bare) == "General inquiry"
    assert chosen(Kind.SUBJECT, *topics, enquiry=replace(bare, subject="Question about parts")) == "Parts"
    assert chosen(Kind.SUBJECT, "Service", "Parts", enquiry=bare) is None


def test_new_or_used_is_answered_only_in_the_enquiry_s_words() -> None:
    assert chosen(Kind.VEHICLE_CONDITION, "New", "Used") == "New"
    assert chosen(Kind.VEHICLE_CONDITION, "New", "Used", enquiry=replace(ENQUIRY, message="Hello")) is None


@pytest.mark.parametrize(
    ("label", "kind", "allowed", "ticked"),
    [
        ("I agree to the terms and conditions", Kind.CONSENT, {"terms"}, True),
        ("I agree to be contacted about my enquiry", Kind.CONSENT, {"terms"}, False),
        ("I agree to be contacted and accept the privacy policy", Kind.CONSENT, {"terms", "contact"}, True),
        ("I consent to receive calls and text messages", Kind.CONSENT, {"terms", "contact"}, False),
        ("Text me updates", Kind.SMS_CONSENT, {"terms", "contact", "sms"}, True),
        ("Text me updates", Kind.SMS_CONSENT, {"terms", "contact"}, False),
        ("Ich habe die Datenschutzerklärung gelesen", Kind.CONSENT, {"terms"}, True),
        ("Send me offers", Kind.MARKETING, {"terms", "contact", "sms"}, False),
    ],
)
def test_a_consent_is_given_only_where_the_enquiry_gives_it(
    label: str, kind: Kind, allowed: set[str], ticked: bool
) -> None:
    why = refused(kind, box("checkbox", texts={"label": label}), frozenset(allowed))
    assert (why == "") is ticked
    assert ticked or label in why


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("Send message", "submit"),
        ("Next", "next"),
        ("Continue", "next"),
        ("Next step", "next"),
        ("Weiter", "next"),
        ("Étape suivante", "next"),
        ("Siguiente", "next"),
        ("التالي", "next"),
        ("Back", "back"),
        ("Previous", "back"),
        ("Zurück", "back"),
        ("Clear form", "clear"),
        ("Cancel", "clear"),
        ("Absenden", "submit"),
        ("إرسال", "submit"),
        ("Search", "other"),
    ],
)
def test_buttons_are_told_apart(label: str, role: str) -> None:
    assert role_of(button(label)) == role


def test_a_button_of_another_use_is_never_chosen() -> None:
    def pressed(*controls: Control) -> str | None:
        found = choose_button(FormSeen("1.0", 0, 0, controls))
        return found[0].key if found else None

    later = box("text", name="x", visible=False, why_hidden="later_step")
    assert pressed(button("Back", "button"), button("Clear", "reset"), button("Send")) == "Send"
    assert pressed(button("Back", "button"), button("Next", "button"), button("Send", visible=False), later) == "Next"
    assert pressed(button("Next", "button"), button("Send"), later) == "Next"
    assert pressed(button("Next", "button"), button("Send")) == "Send"
    assert pressed(button("Back", "button"), button("Clear", "reset")) is None
    assert pressed(button("Upload", "button"), button("Back", "button")) is None
    assert pressed(button("Los", "button")) == "Los"
