"""What people type into the pages of the do-not-contact list."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, Form, SelectField, StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, Length, Optional

from webapp.timeline.dnc import fits, parse_value, why_unfit
from webapp.timeline.states import METHODS


def strip(value: str | None) -> str:
    return " ".join((value or "").split())


def no_controls(form: Form, field: Any) -> None:
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) <= 0xDFFF for char in field.data or ""):
        raise ValidationError("Leave out control characters.")


REASON = [DataRequired("Say why."), Length(max=500, message="At most 500 characters."), no_controls]


def method_field(methods: dict[str, str], everything: str, **kwargs: Any) -> SelectField:
    """`data` is the method's name, or None for all of them."""
    return SelectField(
        "Not by", choices={"": everything} | methods, default="", filters=[lambda value: value or None],
        validators=[Optional()], validate_choice=False, **kwargs,
    )  # fmt: skip


def good_method(form: Form, field: Any) -> None:
    if field.data is not None and field.data not in METHODS:
        raise ValidationError("Choose one of the methods.")


# What an address can be used for; LinkedIn and the rest are blocked on the lead itself.
ADDRESSED = {name: f"{METHODS[name].label} only" for name in ("email", "call", "sms", "whatsapp", "web_form")}
EVERY = {name: f"{method.label} only" for name, method in METHODS.items()}


class DncForm(Form):
    """`values` are (kind, normal form) once the form is valid; `country` reads numbers without a prefix."""

    value = StringField(
        "Phone, email or domain", [DataRequired("Enter a phone, an email or a domain.")], filters=[strip]
    )
    method = method_field(ADDRESSED, "Everything it is used for")
    reason = StringField("Reason", REASON, filters=[strip])
    validate_method = staticmethod(good_method)

    def __init__(self, *args: Any, country: str = "US", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country = country
        self.values: list[tuple[str, str]] = []

    def validate_value(self, field: Any) -> None:
        found = parse_value(field.data or "", self.country)
        if found is None:
            raise ValidationError("Enter a phone such as (212) 555-0123, an email, or a domain such as example.com.")
        if self.method.data in METHODS and not fits(found[0], self.method.data):
            raise ValidationError(f"This {why_unfit(found[0], self.method.data)}.")
        self.values = [found]


class DncManyForm(Form):
    lines = TextAreaField(
        "Phones, emails or domains",
        [Optional()],
        description="One on each line. A list with more columns works too: the first cell that can be read counts.",
    )
    method = method_field(ADDRESSED, "Everything they are used for")
    reason = StringField("Reason for all of them", REASON, filters=[strip])
    validate_method = staticmethod(good_method)


class LeadDncForm(Form):
    """Its ids are its own: it stands on the lead's page among other forms."""

    method = method_field(EVERY, "All methods (Do Not Call)", id="lead-dnc-method")
    reason = StringField("Reason", REASON, filters=[strip], id="lead-dnc-reason")
    validate_method = staticmethod(good_method)


class LiftForm(Form):
    reason = StringField("Why may they be contacted again?", REASON, filters=[strip])
    release = BooleanField("Set back to New")
