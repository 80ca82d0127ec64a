"""What people type to say where alerts go."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, Form, RadioField, StringField, ValidationError
from wtforms.validators import Length

from webapp.accounts.forms import MultiCheckboxField, name_field, no_controls, strip, valid_email
from webapp.core.addresses import AddressRefused, parse_url
from webapp.notifications.kinds import choices
from webapp.notifications.models import Channel
from webapp.notifications.rules import mask_target

TARGET_LABELS = {"email": "Email address", "slack": "Webhook URL", "teams": "Webhook URL", "webhook": "URL"}
TARGET_HINTS = {
    "email": "A person's or a team's. Each alert is one plain message.",
    "slack": "In Slack: Apps, Incoming Webhooks, Add to Slack. It begins with https://hooks.slack.com/.",
    "teams": "In Teams: the channel's Workflows, “Post to a channel when a webhook request is received”.",
    "webhook": "Each alert is posted there as signed JSON. Answer with a status of 2xx within ten seconds.",
}
NAME_HINTS = {"email": "Office", "slack": "Slack #sales", "teams": "Teams Sales", "webhook": "Our own dashboard"}
TAKES = {"all": "Every kind of alert", "chosen": "Only these"}


class _TakesForm(Form):
    takes = RadioField("It takes", choices=TAKES, default="all")
    alert_kinds = MultiCheckboxField("Kinds of alerts", choices=lambda: choices(personal=False))

    def validate_alert_kinds(self, field: Any) -> None:
        if self.takes.data == "chosen" and not field.data:
            raise ValidationError("Choose at least one, or every kind.")

    @property
    def chosen(self) -> list[str] | None:
        """None for every kind."""
        return sorted(self.alert_kinds.data) if self.takes.data == "chosen" else None


class ChannelForm(_TakesForm):
    """`row` is the channel that is changed: an empty target then keeps the one it has."""

    name = name_field("Name", "Enter a name.")
    target = StringField("Target", [Length(max=2_048), no_controls], [strip])

    def __init__(self, kind: str, *args: Any, row: Channel | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.row = kind, row
        self.target.label.text = TARGET_LABELS[kind]
        self.target.flags.required = row is None
        self.name.description = f"Such as “{NAME_HINTS[kind]}”."
        self.target.description = TARGET_HINTS[kind]
        if row is not None and kind != "email":
            self.target.description = f"It is {mask_target(kind, row.target)} now. Leave this empty to keep it."

    @classmethod
    def of(cls, row: Channel) -> ChannelForm:
        return cls(
            row.kind, row=row, name=row.name, target=row.target if row.kind == "email" else "",
            takes="all" if row.alert_kinds is None else "chosen", alert_kinds=row.alert_kinds or [],
        )  # fmt: skip

    def validate_target(self, field: Any) -> None:
        if not field.data:
            if self.row is None or self.kind == "email":
                raise ValidationError(f"Enter {'an email address' if self.kind == 'email' else 'the URL'}.")
            field.data = self.row.target
        elif self.kind == "email":
            valid_email(self, field)
        else:
            try:
                parse_url(field.data)
            except AddressRefused as refusal:
                raise ValidationError(f"{refusal.reason}.") from None


class OwnCopyForm(_TakesForm):
    wanted = BooleanField("Send me a copy by email")
    takes = RadioField("Which", choices=TAKES, default="all")
    alert_kinds = MultiCheckboxField("Kinds of alerts", choices=lambda: choices(personal=True))

    @classmethod
    def of(cls, row: Channel | None) -> OwnCopyForm:
        if row is None:
            return cls()
        return cls(
            wanted=row.active, takes="all" if row.alert_kinds is None else "chosen", alert_kinds=row.alert_kinds or []
        )
