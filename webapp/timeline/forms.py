"""The forms of the lead page: log a contact, and what may be changed of one afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from wtforms import (
    BooleanField,
    DateField,
    Form,
    MultipleFileField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import InputRequired, Length, Optional

from webapp.core.text import zone_info
from webapp.timeline.service.contacts import MAX_BODY, MAX_SUBJECT
from webapp.timeline.service.notices import MAX_REASON
from webapp.timeline.service.outcomes import Draft
from webapp.timeline.states import DIRECTIONS, METHODS

METHOD_CHOICES = {method.name: method.label for method in METHODS.values()}
LOCAL = "%Y-%m-%dT%H:%M"


class LocalTime(StringField):
    """A moment as the browser writes it, in the zone given to the form; `at` is the moment, None where nothing was typed."""

    at: datetime | None = None

    def pre_validate(self, form: Any) -> None:
        text = (self.data or "").strip()
        if not text:
            return
        try:
            local = datetime.fromisoformat(text)
        except ValueError:
            raise ValidationError("Choose a day and a time.") from None
        if not 1970 <= local.year <= 2100:
            raise ValidationError("Choose a time after 1970.")
        self.at = (local if local.tzinfo else local.replace(tzinfo=zone_info(form.zone))).astimezone(UTC)

    def show(self, at: datetime | None, zone: str) -> None:
        self.data = at.astimezone(zone_info(zone)).strftime(LOCAL) if at else ""


class ZonedForm(Form):
    def __init__(self, *args: Any, zone: str = "UTC", **kwargs: Any) -> None:
        self.zone = zone
        super().__init__(*args, **kwargs)


class ComposerForm(ZonedForm):
    method = SelectField("Method", choices=METHOD_CHOICES, default="email")
    direction = SelectField("Direction", choices=DIRECTIONS, default="outbound")
    occurred_at = LocalTime("When")
    subject = StringField("Subject / Topic", [Length(max=MAX_SUBJECT)])
    body = TextAreaField("Message / Notes", [Length(max=MAX_BODY)])
    responded = BooleanField("They responded")
    follow_up_on = DateField("Follow up on", [Optional()])
    files = MultipleFileField("Attachments")

    def validate_follow_up_on(self, field: Any) -> None:
        if field.data and not 2000 <= field.data.year <= 2100:
            raise ValidationError("Choose a day of this century.")

    def draft(self) -> Draft:
        return Draft(
            self.method.data, self.direction.data, " ".join((self.subject.data or "").split()), (self.body.data or "").strip(),
            self.occurred_at.at, bool(self.responded.data), follow_up_on=self.follow_up_on.data,
        )  # fmt: skip


class TextForm(ZonedForm):
    subject = StringField("Subject / Topic", [Length(max=MAX_SUBJECT)])
    body = TextAreaField("Message / Notes", [Length(max=MAX_BODY)])


class CorrectionForm(ZonedForm):
    method = SelectField("Method", choices=METHOD_CHOICES)
    direction = RadioField("Direction", choices=DIRECTIONS)
    occurred_at = LocalTime("When", [InputRequired("Say when it happened.")])
    reason = StringField("Why", [InputRequired("Say why."), Length(max=MAX_REASON)])


class HideForm(ZonedForm):
    reason = StringField("Why", [InputRequired("Say why."), Length(max=MAX_REASON)])


class ResponseForm(ZonedForm):
    response_at = LocalTime("When they responded")


class FollowUpForm(ZonedForm):
    follow_up_on = DateField("Follow up on", [Optional()])


class FilesForm(ZonedForm):
    files = MultipleFileField("Attachments")
