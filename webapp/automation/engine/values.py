"""What an enquiry puts into a control: text for a box, the fitting option of a list. Pure."""

from __future__ import annotations

import re

import phonenumbers

from webapp.automation.engine.options import choose_option, country_names, is_placeholder, state_name
from webapp.automation.engine.outcome import Enquiry
from webapp.automation.engine.seen import Control, Kind

__all__ = ["choose_option", "is_placeholder", "shape", "subject_of", "value_for"]

NOT_TYPED = {"checkbox", "radio", "file", "submit", "button", "image", "reset", "hidden", "range", "color"}
PLAIN: dict[Kind, str] = {
    Kind.FIRST_NAME: "first_name",
    Kind.LAST_NAME: "last_name",
    Kind.FULL_NAME: "full_name",
    Kind.EMAIL: "email",
    Kind.CONFIRM_EMAIL: "email",
    Kind.COMPANY: "company",
    Kind.STREET: "street",
    Kind.CITY: "city",
    Kind.VEHICLE_YEAR: "vehicle_year",
    Kind.VEHICLE_MAKE: "vehicle_make",
    Kind.VEHICLE_MODEL: "vehicle_model",
    Kind.VEHICLE_TRIM: "vehicle_trim",
    Kind.STOCK_NUMBER: "stock_number",
    Kind.VIN: "vin",
}
PREFERENCES = {"email": "Email", "phone": "Phone", "sms": "Text message"}


def value_for(kind: Kind, control: Control, enquiry: Enquiry) -> str | None:
    """The text for this control, cut and formatted to what the control takes; None when the enquiry has nothing for it."""
    if control.type in NOT_TYPED:
        return None
    text = _text_for(kind, control, enquiry)
    return shape(control, text) if text else None


def _text_for(kind: Kind, control: Control, enquiry: Enquiry) -> str:
    if kind in PLAIN:
        return str(getattr(enquiry, PLAIN[kind]))
    match kind:
        case Kind.PHONE:
            return phone_text(control, enquiry.phone)
        case Kind.PHONE_AREA | Kind.PHONE_PREFIX | Kind.PHONE_LINE:
            return _phone_part(kind, control, enquiry.phone)
        case Kind.PHONE_COUNTRY:
            code = _parsed(enquiry.phone)
            return (
                f"+{code.country_code}" if code and control.max_length != 1 else str(code.country_code if code else "")
            )
        case Kind.STATE:
            return _state_text(control, enquiry.state)
        case Kind.POSTAL_CODE:
            zip_code = enquiry.postal_code
            return (
                zip_code[:5] if re.fullmatch(r"\d{5}-\d{4}", zip_code) and (control.max_length or 10) < 10 else zip_code
            )
        case Kind.COUNTRY:
            return _country_text(control, enquiry.country)
        case Kind.SUBJECT:
            return subject_of(enquiry)
        case Kind.MESSAGE:
            return enquiry.message
        case Kind.PREFERRED_CONTACT:
            return PREFERENCES.get(enquiry.preferred_contact, "")
    return ""


def subject_of(enquiry: Enquiry) -> str:
    """The enquiry's own subject, else one made of the vehicle, else of the sender's name."""
    if enquiry.subject:
        return enquiry.subject
    vehicle = " ".join(filter(None, (enquiry.vehicle_year, enquiry.vehicle_make, enquiry.vehicle_model)))
    if vehicle:
        return f"Question about the {vehicle}"
    if enquiry.stock_number:
        return f"Question about stock number {enquiry.stock_number}"
    return f"Question from {enquiry.full_name}".strip()


def shape(control: Control, text: str) -> str | None:
    """`text` as the control's type takes it, cut to its length; None when its type cannot hold this text.

    A date, time or month comes in ISO form, as `2026-12-01`, `10:30`; a text box gets what its placeholder shows.
    """
    if control.type in ("date", "time", "month", "week", "datetime-local"):
        return _moment(control.type, text)
    if control.type == "number":
        digits = re.sub(r"[^\d.\-]", "", text)
        return digits or None
    if control.tag != "textarea":
        text = re.sub(r"\s*\n\s*", " ", text)
    dated = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text)
    if dated:
        text = _as_written(control, *dated.groups())
    if control.max_length is not None and 0 <= control.max_length < len(text):
        text = _cut(text, control.max_length)
    return text or None


def _cut(text: str, length: int) -> str:
    """At the end of a word where one ends in the last fifth; a box counts a line break as one character, as we do."""
    cut = text[:length]
    if text[length : length + 1].isspace() or not any(map(str.isspace, cut)):
        return cut.rstrip()
    at = max(cut.rfind(" "), cut.rfind("\n"))
    return cut[:at].rstrip() if at >= length * 0.8 else cut


def _moment(kind: str, text: str) -> str | None:
    found = re.match(r"(\d{4}-\d\d(?:-\d\d)?)?[T ]?(\d\d:\d\d)?", text)
    day, hour = found.groups() if found else (None, None)
    match kind:
        case "date":
            return day if day and len(day) == 10 else None
        case "time":
            return hour
        case "month":
            return day[:7] if day else None
        case "datetime-local":
            return f"{day}T{hour}" if day and hour and len(day) == 10 else None
    return text if re.fullmatch(r"\d{4}-W\d\d", text) else None


def _as_written(control: Control, year: str, month: str, day: str) -> str:
    """A date in the order that the box shows, American where it shows none."""
    shown = " ".join((control.texts.get("placeholder", ""), control.texts.get("title", ""), control.pattern)).lower()
    order = re.search(r"(dd|jj|tt)(\W?)mm\2(yyyy|jjjj|aaaa)|yyyy(\W?)mm\4dd|mm(\W?)dd\5yyyy", shown)
    if order is None:
        return f"{month}/{day}/{year}"
    mark = order[2] if order[1] else (order[4] if order[4] is not None else order[5])
    parts = (day, month, year) if order[1] else (year, month, day) if order[4] is not None else (month, day, year)
    return (mark or "").join(parts)


def _state_text(control: Control, letters: str) -> str:
    name = state_name(letters)
    if not name or control.max_length == 2:
        return letters
    sample = control.texts.get("placeholder", "").removeprefix("e.g.").strip(" .:")
    if fits_pattern(control, letters) and not re.fullmatch(r"[A-Z][a-z]{3,}( [A-Z][a-z]+)?", sample):
        return letters
    return name if fits_pattern(control, name) and (sample and sample.lower() not in ("state", "province")) else letters


def _country_text(control: Control, code: str) -> str:
    names = country_names(code)
    if control.max_length == 2 or not names:
        return code
    if control.max_length == 3 and code == "US":
        return "USA"
    return names[0]


def fits_pattern(control: Control, text: str) -> bool:
    """Whether the box's `pattern` takes it; one that Python cannot read counts as taking everything."""
    if not control.pattern:
        return True
    try:
        return re.fullmatch(control.pattern, text) is not None
    except re.error:
        return True


def _parsed(phone: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(phone, "US")
    except phonenumbers.NumberParseException:
        return None


def national_digits(phone: str) -> str:
    """The ten digits of a North American number; elsewhere as dialled at home, with its leading zero."""
    found = _parsed(phone)
    if found is None:
        return re.sub(r"\D", "", phone)
    if found.country_code == 1:
        return str(phonenumbers.national_significant_number(found))
    return re.sub(r"\D", "", phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.NATIONAL))


def same_phone(one: str, other: str) -> bool:
    """By digits, a country code or a leading zero on one side only being no difference."""
    a, b = (re.sub(r"\D", "", text).lstrip("0") for text in (one, other))
    return bool(a) and (a == b or (min(len(a), len(b)) >= 7 and (a.endswith(b) or b.endswith(a))))


def _phone_part(kind: Kind, control: Control, phone: str) -> str:
    """A line box with room for seven digits stands beside an area box alone."""
    digits = national_digits(phone)
    if len(digits) != 10:
        return ""
    parts = {Kind.PHONE_AREA: digits[:3], Kind.PHONE_PREFIX: digits[3:6]}
    return parts.get(kind, digits[3:] if (control.max_length or 0) >= 7 else digits[6:])


def phone_text(control: Control, phone: str) -> str:
    """The number as this box wants it: by its pattern, its placeholder, its length, a country code shown beside it.

    Without a hint: bare national digits in North America, which masks reformat and every check takes; E.164 elsewhere.
    """
    found = _parsed(phone)
    if found is None:
        return re.sub(r"[^\d+]", "", phone)
    home, code = national_digits(phone), str(found.country_code)
    world = phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
    if control.type == "number":
        return home
    styles = [home, world]
    if len(home) == 10:
        a, b, c = home[:3], home[3:6], home[6:]
        styles += [f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"{a}.{b}.{c}", f"{a} {b} {c}", f"({a}){b}-{c}"]
        styles += [f"+{code} {a}-{b}-{c}", f"+{code} ({a}) {b}-{c}", f"+{code} {a} {b} {c}", f"{code}-{a}-{b}-{c}"]
    styles += [code + home.lstrip("0"), f"+{code} {home.lstrip('0')}"]
    wanted = _phone_hint(control, home, world, code)
    fitting = [
        text
        for text in (wanted, *styles)
        if fits_pattern(control, text) and (control.max_length is None or len(text) <= control.max_length)
    ]
    return fitting[0] if fitting else wanted


def _phone_hint(control: Control, home: str, world: str, code: str) -> str:
    shown = control.texts.get("placeholder", "")
    beside = " ".join(control.texts.get(source, "") for source in ("before", "label", "aria"))
    if (
        control.value.strip().startswith("+")
        or re.search(rf"(^|\s)\+{code}\s*$", beside)
        or "national" in (control.autocomplete.removeprefix("tel-"))
    ):
        return home
    sample = re.sub(r"^[^\d+(xX#_]*", "", shown)
    slots = re.findall(r"[\dxX#]", sample.removeprefix("+" + code))
    if "_" not in shown and len(slots) == len(home) and len(sample) > len(home):
        digits = iter(home)
        prefix = "+" + code if sample.startswith("+" + code) else ""
        return prefix + re.sub(r"[\dxX#]", lambda _: next(digits), sample.removeprefix(prefix))
    if sample.startswith("+") or re.search(r"country code|international|e\.?164|\+\d", beside + " " + shown, re.I):
        return world
    return home if code == "1" else world
