"""What managers type into the pages of dial campaigns and callbacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from typing import Any

from wtforms import (
    BooleanField,
    DateTimeLocalField,
    Form,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
    TimeField,
    ValidationError,
)
from wtforms.form import BaseForm
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from webapp.accounts.places import WEEKDAYS
from webapp.dialer.campaigns import Facts, Rule
from webapp.dialer.forms import no_controls
from webapp.dialer.hours import DEFAULT_WINDOWS, describe, hours_of
from webapp.dialer.models import ORDERS, DialCampaign
from webapp.dialer.rules import DEFAULT_RULES
from webapp.leads.facts import clean_text
from webapp.leads.states import LEAD
from webapp.timeline.settings_form import parse_days

MAX_DELAY = timedelta(days=365)
MAX_WEIGHT = 1000
UNITS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1)}
CLOCKS = {"clock": "by the clock", "calling": "in calling hours"}


class WholeField(IntegerField):
    """A whole number from `least` to `most`; None for empty, where `needed` is False."""

    data: Any

    def __init__(self, label: str, least: int, most: int, *, needed: bool = True, **kwargs: Any) -> None:
        super().__init__(label, [self._check], render_kw={"inputmode": "numeric", "autocomplete": "off"}, **kwargs)
        self.least, self.most, self.needed = least, most, needed
        if needed:
            self.flags.required = True

    def process_formdata(self, valuelist: list[str]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not text and self.needed:
            raise ValueError(self._range())
        if text:
            if not (text.isascii() and text.lstrip("-").isdecimal() and len(text) < 10):
                raise ValueError(self._range())
            self.data = int(text)

    def _check(self, form: Form, field: Any) -> None:
        if self.data is not None and not self.least <= self.data <= self.most:
            raise ValidationError(self._range())

    def _range(self) -> str:
        empty = "" if self.needed else ", or leave it empty"
        return f"Enter a whole number from {self.least:,} to {self.most:,}{empty}."


def no_other_controls(form: Form, field: Any) -> None:
    if any((ord(char) < 32 and char not in "\r\n\t") or 0xD7FF < ord(char) < 0xE000 for char in field.data or ""):
        raise ValidationError("Leave out control characters.")


def tidy_lines(value: str | None) -> str:
    return "\n".join(line.rstrip() for line in (value or "").splitlines()).strip("\n")


class CampaignForm(Form):
    """`open_0` to `close_6`: a weekday with neither is closed."""

    version = StringField()
    name = StringField(
        "Name", [DataRequired("Give the campaign a name."), Length(max=120, message="At most 120 characters.")],
        filters=[clean_text],
    )  # fmt: skip
    holidays = TextAreaField("Holidays")
    dials_per_pass = WholeField("Dials in one pass", 1, 100, needed=False)
    lifetime_dials = WholeField("Dials in all", 1, 1000, needed=False)
    lead_order = SelectField("Lead order", choices=ORDERS)
    hopper_level = WholeField("Hopper level", 1, 1000)
    phone_gap_minutes = WholeField("Phone gap", 0, 10_080)
    handover_minutes = WholeField("Hand a callback over after", 0, 10_080)
    script = TextAreaField(
        "Script", [Length(max=10_000, message="At most 10,000 characters."), no_other_controls], filters=[tidy_lines]
    )  # fmt: skip

    @classmethod
    def of(cls, campaign: DialCampaign | None) -> CampaignForm:
        """The campaign as it is; a new one as it is shipped."""
        if campaign is None:
            campaign = DialCampaign(
                name="", windows=DEFAULT_WINDOWS, holidays=[], lead_order="oldest_first", hopper_level=50,
                phone_gap_minutes=60, handover_minutes=30, script="", version=0,
            )  # fmt: skip
        hours: dict[str, Any] = {}
        for day, window in hours_of(campaign.windows, campaign.holidays).windows.items():
            hours[f"open_{day}"], hours[f"close_{day}"] = (
                (time.fromisoformat(at) for at in window) if window else (None,) * 2
            )
        names = ("name", "dials_per_pass", "lifetime_dials", "lead_order", "hopper_level", "phone_gap_minutes",
                 "handover_minutes", "script")  # fmt: skip
        return cls(
            version=str(campaign.version), holidays="\n".join(sorted(campaign.holidays)), **hours,
            **{name: getattr(campaign, name) for name in names},
        )  # fmt: skip

    def weekdays(self) -> list[tuple[str, TimeField, TimeField]]:
        return [(day, self[f"open_{n}"], self[f"close_{n}"]) for n, day in enumerate(WEEKDAYS)]

    def validate_holidays(self, field: Any) -> None:
        self._holidays = parse_days(field.data or "")

    def validate(self, extra_validators: Any = None) -> bool:
        good: bool = super().validate(extra_validators)
        for day, opens, closes in self.weekdays():
            if (opens.data is None) != (closes.data is None) and not opens.errors and not closes.errors:
                (closes if closes.data is None else opens).errors = [
                    f"Give both times of {day}, or neither when it is closed."
                ]
                good = False
        if good and not any(self._windows().values()):
            self.form_errors = [
                "With every day closed nothing could ever be dialed. Give one day its hours, or switch the campaign off."
            ]
            good = False
        return good

    def _windows(self) -> dict[str, list[str] | None]:
        return {
            str(n): [f"{opens.data:%H:%M}", f"{closes.data:%H:%M}"] if opens.data and closes.data else None
            for n, (_, opens, closes) in enumerate(self.weekdays())
        }

    @property
    def seen_version(self) -> int:
        """A version that is no number is one that nobody ever saw."""
        text = self.version.data or ""
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0

    @property
    def facts(self) -> Facts:
        """Once the form is valid."""
        return Facts(
            name=self.name.data, windows=self._windows(), holidays=sorted(self._holidays),
            dials_per_pass=self.dials_per_pass.data, lifetime_dials=self.lifetime_dials.data,
            lead_order=self.lead_order.data, hopper_level=self.hopper_level.data,
            phone_gap_minutes=self.phone_gap_minutes.data, handover_minutes=self.handover_minutes.data,
            script=self.script.data or "",
        )  # fmt: skip


for _number, _day in enumerate(WEEKDAYS):
    setattr(CampaignForm, f"open_{_number}", TimeField(f"{_day} opens", [Optional()]))
    setattr(CampaignForm, f"close_{_number}", TimeField(f"{_day} closes", [Optional()]))


def describe_facts(facts: Facts | DialCampaign) -> dict[str, str]:
    """What a campaign says, in words, for people to compare."""
    hours = "; ".join(f"{days} {times}" for days, times in describe(hours_of(facts.windows, [])))
    return {
        "Name": facts.name, "Hours": hours, "Holidays": ", ".join(sorted(facts.holidays)) or "none",
        "Dials in one pass": _limit(facts.dials_per_pass), "Dials in all": _limit(facts.lifetime_dials),
        "Lead order": ORDERS[facts.lead_order], "Hopper level": str(facts.hopper_level),
        "Phone gap": minutes(facts.phone_gap_minutes), "Handover": minutes(facts.handover_minutes) if facts.handover_minutes else "never",
        "Script": facts.script[:80] + ("…" if len(facts.script) > 80 else "") or "none",
    }  # fmt: skip


def _limit(number: int | None) -> str:
    return "no limit" if number is None else f"{number:,}"


def minutes(number: int) -> str:
    """ "90 minutes", "4 hours"."""
    if number and number % 60 == 0:
        return f"{number // 60} hour{'s' if number != 60 else ''}"
    return f"{number} minute{'s' if number != 1 else ''}"


# --- recycling rules -------------------------------------------------------------------------------------------------


class RulesForm(Form):
    """`delay_busy`, `unit_busy`, `clock_busy`, `redials_busy`, `active_busy` and so on; `seen` tells what the page showed."""

    seen = StringField()

    @classmethod
    def of(cls, rules: Mapping[str, Rule]) -> RulesForm:
        data: dict[str, Any] = {"seen": tell_rules(rules)}
        for status in DEFAULT_RULES:
            rule = rules[status]
            whole = rule.delay and not rule.delay % UNITS["hours"]
            unit = "hours" if whole else "minutes"
            data |= {
                f"delay_{status}": -(-rule.delay // UNITS[unit]), f"unit_{status}": unit, f"clock_{status}": rule.clock,
                f"redials_{status}": rule.redials, f"active_{status}": rule.active,
            }  # fmt: skip
        return cls(data=data)

    def rows(self) -> list[tuple[str, dict[str, Any]]]:
        parts = ("delay", "unit", "clock", "redials", "active")
        return [(status, {part: self[f"{part}_{status}"] for part in parts}) for status in DEFAULT_RULES]

    def validate(self, extra_validators: Any = None) -> bool:
        good: bool = super().validate(extra_validators)
        for _, fields in self.rows():
            delay, unit = fields["delay"], fields["unit"]
            if not delay.errors and not unit.errors and UNITS[unit.data] * delay.data > MAX_DELAY:
                delay.errors = [f"At most 365 days: {365 * 24 * (1 if unit.data == 'hours' else 60):,} {unit.data}."]
                good = False
        return good

    @property
    def rules(self) -> dict[str, Rule]:
        """Once the form is valid."""
        return {
            status: Rule(status, UNITS[f["unit"].data] * f["delay"].data, f["redials"].data, f["clock"].data, bool(f["active"].data))
            for status, f in self.rows()
        }  # fmt: skip


for _status in DEFAULT_RULES:
    _label = LEAD[_status].label
    setattr(RulesForm, f"delay_{_status}", WholeField(f"{_label}: wait", 0, 525_600))
    setattr(RulesForm, f"unit_{_status}", SelectField(f"{_label}: unit", choices={unit: unit for unit in UNITS}))
    setattr(RulesForm, f"clock_{_status}", SelectField(f"{_label}: counted", choices=CLOCKS))
    setattr(RulesForm, f"redials_{_status}", WholeField(f"{_label}: redials in one pass", 0, 100))
    setattr(RulesForm, f"active_{_status}", BooleanField(f"{_label}: own rule"))


def tell_rules(rules: Mapping[str, Rule]) -> str:
    """What a page showed, to tell whether it is still so."""
    return ",".join(
        f"{r.status}:{int(r.delay.total_seconds())}:{r.redials}:{r.clock}:{int(r.active)}"
        for r in (rules[status] for status in DEFAULT_RULES)
    )


def delay_words(rule: Rule) -> str:
    """ "4 hours", "90 minutes in calling hours"."""
    said = minutes(-(-int(rule.delay.total_seconds()) // 60))
    return f"{said} in calling hours" if rule.clock == "calling" else said


# --- lists and weights -------------------------------------------------------------------------------------------------


class ListsForm(BaseForm):
    """One `list_7` and `weight_7` for each list on offer."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names
        fields: dict[str, Any] = {}
        for list_id, name in names.items():
            fields[f"list_{list_id}"] = BooleanField(f"Dial {name}")
            fields[f"weight_{list_id}"] = WholeField(f"Weight of {name}", 0, MAX_WEIGHT)
        super().__init__(fields)

    def weights(self) -> dict[int, int]:
        """Once it is valid: the chosen lists. Raises ValueError naming the fault; the fields carry it too."""
        chosen = {list_id for list_id in self.names if self[f"list_{list_id}"].data}
        bad = False
        for list_id in self.names:
            weight = self[f"weight_{list_id}"]
            if not weight.validate(self) and list_id in chosen:
                bad = True
            elif list_id not in chosen:
                weight.errors = []
        if bad:
            raise ValueError("weights")
        return {list_id: self[f"weight_{list_id}"].data for list_id in sorted(chosen)}


# --- callbacks ---------------------------------------------------------------------------------------------------------


def _agent(value: Any) -> int | None:
    return int(value) if value not in (None, "", "None") and str(value).isdecimal() and len(str(value)) < 19 else None


class CallbackForm(Form):
    """`due` on the lead's own clock; `seen` tells what the page showed."""

    seen = StringField()
    due = DateTimeLocalField(
        "Call at", [InputRequired("Say when to call.")], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
    )
    agent_id = SelectField("Who calls", coerce=_agent, default=None)
    notes = TextAreaField(
        "Notes", [Length(max=2000, message="At most 2,000 characters."), no_other_controls], filters=[tidy_lines]
    )  # fmt: skip

    def offer(self, agents: Sequence[tuple[int, str]]) -> CallbackForm:
        self.agent_id.choices = [("", "Anyone"), *agents]
        return self


class CloseForm(Form):
    reason = StringField(
        "Reason", [DataRequired("Say why it is closed."), Length(max=500, message="At most 500 characters."), no_controls],
        filters=[clean_text],
    )  # fmt: skip
