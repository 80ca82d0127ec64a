"""What people choose when they recycle and repair."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, Form, SelectField, SelectMultipleField, StringField, ValidationError
from wtforms.validators import DataRequired, Length

from webapp.leads.states import LEAD, PROTECTED, RECYCLABLE
from webapp.recycling.recycle import NONE, TARGETS


def why_not(status: str | None) -> str | None:
    """Why leads of this status are not offered for recycling, or None where they are."""
    if status is None:
        return "Fix first: it has no status"
    if status in RECYCLABLE:
        return None
    if status == "dnc":
        return "Protected: lift the number first"
    if status in PROTECTED:
        return "Protected: only a person moves it"
    return "In conversation: somebody is talking with them"


def _trimmed(value: Any) -> Any:
    return " ".join(value.replace("\x00", " ").split()) if isinstance(value, str) else value


class RecycleForm(Form):
    statuses = SelectMultipleField(
        "Statuses", choices={name: LEAD[name].label for name in LEAD.names}, validate_choice=False
    )
    target = SelectField(
        "They become", choices={name: LEAD[name].label for name in TARGETS}, default="new", validate_choice=False,
        description="Usually New: they start a new pass.",
    )  # fmt: skip
    reset_dial_count = BooleanField(
        "Reset dial count",
        description="The new pass starts with 0 dials, so leads that used up the pass may be dialed again. "
        "All dials ever made, results and history stay.",
    )

    def validate_statuses(self, field: SelectMultipleField) -> None:
        field.data = list(dict.fromkeys(NONE if value == "none" else value for value in field.data or []))[:50]
        if not field.data:
            raise ValidationError("Choose at least one status to recycle.")
        for value in field.data:
            if value != NONE and value not in LEAD.states:
                raise ValidationError(f"There is no status {value[:40]}.")
            if value != NONE and value not in RECYCLABLE:
                raise ValidationError(f"{LEAD[value].label} is not recycled. {why_not(value)}.")

    def validate_target(self, field: SelectField) -> None:
        if field.data not in TARGETS:
            raise ValidationError("Recycled leads can become " + ", ".join(LEAD[name].label for name in TARGETS) + ".")


class AcceptForm(Form):
    reason = StringField(
        "Reason", [DataRequired("Say why the logs are right."), Length(max=300, message="At most 300 characters.")],
        filters=[_trimmed],
    )  # fmt: skip
