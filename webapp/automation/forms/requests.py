"""The form of a contact request."""

from __future__ import annotations

import re
from typing import Any

from email_validator import EmailNotValidError, validate_email
from wtforms import BooleanField, Form, SelectField, StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, Length

from webapp.accounts.places import country_choices
from webapp.automation.engine.outcome import CONSENTS
from webapp.automation.models import ContactRequest
from webapp.automation.service.requests import RequestFacts
from webapp.dialer.campaign_forms import no_other_controls, tidy_lines
from webapp.imports.places import normal_postal_code, normal_state
from webapp.imports.tables import US_STATES
from webapp.leads.facts import clean_text, parse_phone

MOST_MESSAGE = 5_000
PREFERRED = {"": "No preference", "email": "Email", "phone": "Phone", "sms": "Text message"}
PROVINCES = frozenset("AB BC MB NB NL NS NT NU ON PE QC SK YT".split())
CONSENT_HINTS = {
    "terms": "Boxes such as “I agree to the privacy policy”.",
    "contact": "Boxes such as “You may contact me about this enquiry by phone or email”.",
    "sms": "Boxes such as “I agree to receive text messages”. Left out, a form that requires it is not sent.",
}
# What other programs fill in. Nothing is filled in here, so a dealership would read it as it stands.
_PLACEHOLDER = re.compile(
    r"\{\{?[^{}\n]{1,60}\}\}?|\[\[[^\[\]\n]{1,60}\]\]|<<[^<>\n]{1,60}>>|%%?[A-Z][A-Z_]{1,40}%%?|\*\|[A-Z_:]{1,40}\|\*"
    r"|\[(?:your |the )?(?:dealer|dealership|company|business|first|last|full|sender|city|car|vehicle)[a-z _-]{0,20}\]"
    r"|<(?:dealer|dealership|company|name|first|last)[a-z _-]{0,20}>",
    re.IGNORECASE,
)


def no_placeholder(form: Form, field: Any) -> None:
    found = _PLACEHOLDER.search(field.data or "")
    if found:
        raise ValidationError(f"{found[0]} would be sent as it stands: every dealership gets the same words.")


def _text(label: str, most: int = 100, *more: Any) -> StringField:
    limits = [Length(max=most, message=f"At most {most} characters."), no_placeholder]
    return StringField(label, [*more, *limits], filters=[clean_text])


class RequestForm(Form):
    """`consent_terms` and so on: what the sender agrees to; `seen` tells what the page showed."""

    seen = StringField()
    first_name = _text("First name", 100, DataRequired("Give a first name."))
    last_name = _text("Last name", 100, DataRequired("Give a last name."))
    email = _text("Email", 254, DataRequired("Give the email that dealerships answer to."))
    phone = _text("Phone", 60)
    company = _text("Company")
    street = _text("Street", 200)
    city = _text("City")
    state = _text("State", 40)
    postal_code = _text("Postal code", 20)
    country = SelectField("Country")
    subject = _text("Subject", 200)
    message = TextAreaField(
        "Message", [DataRequired("Write the message."), Length(max=MOST_MESSAGE, message=f"At most {MOST_MESSAGE:,} characters."),
                    no_other_controls, no_placeholder], filters=[tidy_lines],
    )  # fmt: skip
    vehicle_year = _text("Year", 4)
    vehicle_make = _text("Make")
    vehicle_model = _text("Model")
    vehicle_trim = _text("Trim")
    stock_number = _text("Stock number", 40)
    vin = _text("VIN", 40)
    preferred_contact = SelectField("Preferred contact", choices=PREFERRED)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country.choices = list(country_choices().items())

    @classmethod
    def of(cls, row: ContactRequest | None, *, seen: str, country: str) -> RequestForm:
        """The newest version; nothing but usual consents where there is none."""
        if row is None:
            return cls(seen="", country=country, consent_terms=True, consent_contact=True)
        names = [name for name in cls()._fields if hasattr(row, name)]
        return cls(
            seen=seen,
            **{name: getattr(row, name) for name in names},
            **{f"consent_{name}": name in row.consents for name in CONSENTS},
        )

    def consents(self) -> list[tuple[BooleanField, str]]:
        return [(self[f"consent_{name}"], CONSENT_HINTS[name]) for name in CONSENTS]

    def validate_email(self, field: Any) -> None:
        try:
            field.data = validate_email(field.data, check_deliverability=False, test_environment=True).normalized
        except EmailNotValidError as error:
            raise ValidationError(str(error)) from error

    def validate_phone(self, field: Any) -> None:
        if field.data:
            found = parse_phone(field.data, self.country.data or "US")
            if found is None:
                raise ValidationError(
                    "This cannot be a phone number. Write it with its area code, for example (212) 555-0123."
                )
            field.data = found

    def validate_state(self, field: Any) -> None:
        field.data = normal_state(field.data or "", self.country.data or "US")
        known = {"US": frozenset(US_STATES.values()), "CA": PROVINCES}.get(self.country.data or "")
        if field.data and known is not None and field.data not in known:
            raise ValidationError("Give the state or province by its two letters, such as OH.")

    def validate_postal_code(self, field: Any) -> None:
        field.data = normal_postal_code(field.data or "", self.country.data or "US")
        if field.data and self.country.data == "US" and not re.fullmatch(r"\d{5}(-\d{4})?", field.data, re.ASCII):
            raise ValidationError("A US postal code has five digits, such as 43215.")

    def validate_vehicle_year(self, field: Any) -> None:
        if field.data and not (re.fullmatch(r"\d{4}", field.data, re.ASCII) and 1900 <= int(field.data) <= 2100):
            raise ValidationError("Give the year by its four digits, such as 2024.")

    def validate_vin(self, field: Any) -> None:
        field.data = (field.data or "").upper().replace(" ", "")
        if field.data and not re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", field.data):
            raise ValidationError("A VIN has 17 letters and digits, without I, O and Q.")

    def validate(self, extra_validators: Any = None) -> bool:
        good: bool = super().validate(extra_validators)
        if self.preferred_contact.data in ("phone", "sms") and not self.phone.data and not self.phone.errors:
            self.phone.errors = [
                f"{PREFERRED[self.preferred_contact.data]} is preferred: give the phone to reach you by."
            ]
            good = False
        if self.preferred_contact.data == "sms" and not self["consent_sms"].data:
            self["consent_sms"].errors = ["Text messages are preferred: agree to them, or prefer another way."]
            good = False
        return good

    @property
    def facts(self) -> RequestFacts:
        """Once the form is valid."""
        names = [name for name in self._fields if name != "seen" and not name.startswith("consent_")]
        agreed = sorted(name for name in CONSENTS if self[f"consent_{name}"].data)
        return RequestFacts(**{name: self[name].data or "" for name in names}, consents=agreed)


for _name, _label in CONSENTS.items():
    setattr(RequestForm, f"consent_{_name}", BooleanField(_label))


def describe_request(facts: RequestFacts) -> dict[str, str]:
    """What a dealership gets, by label, without what is not given."""
    vehicle = " ".join(
        part for part in (facts.vehicle_year, facts.vehicle_make, facts.vehicle_model, facts.vehicle_trim) if part
    )
    place = ", ".join(part for part in (facts.street, facts.city, f"{facts.state} {facts.postal_code}".strip()) if part)
    found = {
        "Name": f"{facts.first_name} {facts.last_name}".strip(), "Email": facts.email, "Phone": facts.phone, "Company": facts.company,
        "Address": place, "Country": facts.country if place else "", "Subject": facts.subject, "Vehicle": vehicle,
        "Stock number": facts.stock_number, "VIN": facts.vin, "Message": facts.message,
        "Preferred contact": PREFERRED[facts.preferred_contact] if facts.preferred_contact else "",
        "Agrees to": "; ".join(CONSENTS[name] for name in CONSENTS if name in facts.consents) or "nothing",
    }  # fmt: skip
    return {label: value for label, value in found.items() if value}
