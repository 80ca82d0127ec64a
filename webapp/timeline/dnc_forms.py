"""What people type into the pages of the do-not-contact list."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, Form, StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, Length, Optional

from webapp.timeline.dnc import parse_value


def strip(value: str | None) -> str:
    return " ".join((value or "").split())


def no_controls(form: Form, field: Any) -> None:
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) <= 0xDFFF for char in field.data or ""):
        raise ValidationError("Leave out control characters.")


REASON = [DataRequired("Say why."), Length(max=500, message="At most 500 characters."), no_controls]


class DncForm(Form):
    """`values` are (kind, normal form) once the form is valid; `country` reads numbers without a prefix."""

    value = StringField(
        "Phone, email or domain", [DataRequired("Enter a phone, an email or a domain.")], filters=[strip]
    )
    reason = StringField("Reason", REASON, filters=[strip])

    def __init__(self, *args: Any, country: str = "US", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country = country
        self.values: list[tuple[str, str]] = []

    def validate_value(self, field: Any) -> None:
        found = parse_value(field.data or "", self.country)
        if found is None:
            raise ValidationError("Enter a phone such as (212) 555-0123, an email, or a domain such as example.com.")
        self.values = [found]


class DncManyForm(Form):
    lines = TextAreaField(
        "Phones, emails or domains",
        [Optional()],
        description="One on each line. A list with more columns works too: the first cell that can be read counts.",
    )
    reason = StringField("Reason for all of them", REASON, filters=[strip])


class LiftForm(Form):
    reason = StringField("Why may they be contacted again?", REASON, filters=[strip])
    release = BooleanField("Set the leads with this phone back to New")
