"""What people type into the pages of calls."""

from __future__ import annotations

from typing import Any

from wtforms import Form, IntegerField, StringField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from webapp.core.access import MAX_ID


def strip(value: str | None) -> str:
    return " ".join((value or "").split())


def no_controls(form: Form, field: Any) -> None:
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) <= 0xDFFF for char in field.data or ""):
        raise ValidationError("Leave out control characters.")


REASON = [DataRequired("Say why."), Length(max=500, message="At most 500 characters."), no_controls]


class AssignForm(Form):
    lead_id = IntegerField(
        "Lead number", [InputRequired("Enter the number of the lead."), NumberRange(1, MAX_ID, "There is no such lead.")],
        description="The number at the end of the lead's address.",
    )  # fmt: skip


class DismissForm(Form):
    reason = StringField("Reason", REASON, filters=[strip])
