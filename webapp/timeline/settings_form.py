"""What an admin types into the page of outreach rules."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from wtforms import BooleanField, Form, IntegerField, StringField, TextAreaField, TimeField, ValidationError
from wtforms.validators import Optional

from webapp.accounts.places import WEEKDAYS
from webapp.timeline.rules import Limits, MethodLimit, Quiet
from webapp.timeline.settings import Rules
from webapp.timeline.states import METHODS

MAX_HOLIDAYS = 400


class NumberField(IntegerField):
    """A whole number from 1 to `most`, or None for empty; 0 is refused with `zero`, which says what empty means."""

    def __init__(self, label: str, most: int, zero: str, **kwargs: Any) -> None:
        super().__init__(label, [self._check], render_kw={"inputmode": "numeric", "autocomplete": "off"}, **kwargs)
        self.most, self.zero = most, zero

    def process_formdata(self, valuelist: list[str]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if text:
            if not (text.isascii() and text.lstrip("-").isdecimal() and len(text) < 10):
                raise ValueError("Enter a whole number, or leave it empty.")
            self.data = int(text)

    def _check(self, form: Form, field: Any) -> None:
        if self.data == 0:
            raise ValidationError(self.zero)
        if self.data is not None and not 0 < self.data <= self.most:
            raise ValidationError(f"Enter a number from 1 to {self.most:,}.")


def parse_days(text: str) -> frozenset[str]:
    """Days as people list them, on lines or between commas, as ISO days. Raises ValidationError."""
    days = [_parse_day(part.strip()) for part in text.replace(",", "\n").splitlines() if part.strip()]
    if len(days) > MAX_HOLIDAYS:
        raise ValidationError(f"At most {MAX_HOLIDAYS} days; there are {len(days)}.")
    return frozenset(days)


def _parse_day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValidationError(f"“{text[:40]}” is no day. Write each as 2026-12-25.") from None
    if not 2000 <= day.year < 2100:
        raise ValidationError(f"“{text[:40]}” is too far away.")
    return day.isoformat()


CAP_ZERO = "0 would forbid every contact. Leave it empty for no cap, or use Do not contact."
HOURS_ZERO = "A cap needs at least 1 hour."
WARN_ZERO = "0 days would never warn. Leave it empty to turn the warning off."
OTHER_ZERO = "0 days would never show a line. Leave it empty to turn it off."
REPLY_ZERO = "0 hours would let no answer pass. Leave it empty to turn the allowance off."


class OutreachForm(Form):
    """`cap_email`, `hours_email`, `warn_email` and so on; `open_0` to `close_6`: a weekday with neither is closed."""

    version = StringField()
    other_method_days = NumberField("Mention other methods for", 365, OTHER_ZERO)
    reply_hours = NumberField("Answers pass for", 720, REPLY_ZERO)
    quiet_for_campaigns = BooleanField("Campaigns and automation keep to these hours")
    quiet_for_people = BooleanField("People keep to these hours too")
    holidays = TextAreaField("Holidays")
    show_presence = BooleanField("Show who else has a lead open or is writing to it")

    @classmethod
    def of(cls, rules: Rules) -> OutreachForm:
        limits, quiet = rules.limits, rules.limits.quiet
        facts: dict[str, Any] = {}
        for name, limit in limits.methods.items():
            facts |= {f"cap_{name}": limit.cap_count, f"hours_{name}": limit.cap_hours, f"warn_{name}": limit.warn_days}
        for day in range(7):
            window = quiet.windows.get(day) or (None, None)
            facts[f"open_{day}"], facts[f"close_{day}"] = (time.fromisoformat(at) if at else None for at in window)
        return cls(
            version=str(rules.version), other_method_days=limits.other_method_days,
            reply_hours=limits.reply_hours or None, quiet_for_campaigns=quiet.for_campaigns,
            quiet_for_people=quiet.for_people, holidays="\n".join(sorted(quiet.holidays)),
            show_presence=rules.show_presence, **facts,
        )  # fmt: skip

    def methods(self) -> list[tuple[str, Any, Any, Any]]:
        return [
            (m.label, self[f"cap_{name}"], self[f"hours_{name}"], self[f"warn_{name}"]) for name, m in METHODS.items()
        ]

    def weekdays(self) -> list[tuple[str, TimeField, TimeField]]:
        return [(day, self[f"open_{n}"], self[f"close_{n}"]) for n, day in enumerate(WEEKDAYS)]

    def validate(self, extra_validators: Any = None) -> bool:
        good = super().validate(extra_validators)
        for label, cap, hours, _ in self.methods():
            if cap.data and hours.data is None and not hours.errors:
                hours.errors = [f"Say in how many hours the cap of {label} counts."]
                good = False
        for day, opens, closes in self.weekdays():
            if (opens.data is None) != (closes.data is None) and not opens.errors and not closes.errors:
                closes.errors = [f"Give both times of {day}, or neither when it is closed."]
                good = False
        quiet = self.quiet_for_campaigns.data or self.quiet_for_people.data
        if good and quiet and not any(self._windows().values()):
            self.form_errors = [
                "With every day closed nothing could ever be sent. Give one day its hours, or turn quiet hours off."
            ]
            good = False
        return good

    def validate_holidays(self, field: Any) -> None:
        self._holidays = parse_days(field.data or "")

    def _windows(self) -> dict[int, tuple[str, str] | None]:
        return {
            n: (f"{opens.data:%H:%M}", f"{closes.data:%H:%M}") if opens.data and closes.data else None
            for n, (_, opens, closes) in enumerate(self.weekdays())
        }

    @property
    def rules(self) -> Rules:
        """Once the form is valid. A version that is no number is one that nobody ever saw."""
        methods = {
            name: MethodLimit(cap.data, hours.data or MethodLimit().cap_hours, warn.data)
            for name, (_, cap, hours, warn) in zip(METHODS, self.methods(), strict=True)
        }
        quiet = Quiet(
            bool(self.quiet_for_people.data), bool(self.quiet_for_campaigns.data), self._windows(), self._holidays
        )
        limits = Limits(methods, self.other_method_days.data, self.reply_hours.data or 0, quiet)
        version = self.version.data or ""
        return Rules(
            limits, bool(self.show_presence.data), int(version) if version.isdecimal() and len(version) < 10 else 0
        )


for _name, _method in METHODS.items():
    setattr(OutreachForm, f"cap_{_name}", NumberField(f"{_method.label}: contacts", 100, CAP_ZERO))
    setattr(OutreachForm, f"hours_{_name}", NumberField(f"{_method.label}: hours", 8760, HOURS_ZERO))
    setattr(OutreachForm, f"warn_{_name}", NumberField(f"{_method.label}: days of warning", 365, WARN_ZERO))
for _number, _day in enumerate(WEEKDAYS):
    setattr(OutreachForm, f"open_{_number}", TimeField(f"{_day} opens", [Optional()]))
    setattr(OutreachForm, f"close_{_number}", TimeField(f"{_day} closes", [Optional()]))
