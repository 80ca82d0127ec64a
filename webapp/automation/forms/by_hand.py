"""Marked by hand: how, when, and what comes next."""

from __future__ import annotations

from wtforms import DateField, DateTimeLocalField, Form, RadioField, SelectField, TextAreaField
from wtforms.validators import AnyOf, Length, Optional

from webapp.automation.service.manual import MAX_NOTES
from webapp.automation.states import METHODS_BY_HAND

WHAT = {"manual_override": "Contacted by hand", "skipped": "Skipped on purpose"}


class OverrideForm(Form):
    """Times are on the user's own clock."""

    new_status = RadioField("What is it?", choices=WHAT, default="manual_override")
    contact_method = SelectField("How", choices=METHODS_BY_HAND, default="phone", validators=[AnyOf(METHODS_BY_HAND)])
    contacted_at = DateTimeLocalField("When", format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], validators=[Optional()])
    notes = TextAreaField(
        "Notes", [Length(max=MAX_NOTES)], filters=[lambda text: (text or "").replace("\x00", "").strip()]
    )
    follow_up_on = DateField("Follow up on", validators=[Optional()])
