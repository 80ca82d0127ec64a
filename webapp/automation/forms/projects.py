"""Forms of a project: its facts, its retries, and a copy of it."""

from __future__ import annotations

from datetime import time
from typing import Any

from wtforms import BooleanField, Form, SelectField, StringField, TimeField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length

from webapp.accounts.models import Company
from webapp.accounts.places import WEEKDAYS, zone_choices
from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.automation.models import Project
from webapp.automation.places import Place, PlaceUnknown, find_place
from webapp.automation.rules import NEVER, RetryConfig, Strategy
from webapp.automation.service.projects import MOST_NAME, Facts, place_of_project
from webapp.dialer.campaign_forms import WholeField
from webapp.leads.facts import clean_text

MOST_TRIES = 10
MOST_DELAY = 86_400


def seen_version(text: str | None) -> int:
    """A version that is no number is one that nobody ever saw."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0


def tell_place(place: Place | None) -> str:
    """As a person would type it: the postal code, else the coordinates."""
    if place is None:
        return ""
    return place.postal_code or f"{place.lat:.8f}".rstrip("0").rstrip(".") + ", " + f"{place.lng:.8f}".rstrip(
        "0"
    ).rstrip(".")


class ProjectForm(Form):
    """`day_0` to `day_6`: the weekdays of the window."""

    version = StringField()
    name = StringField(
        "Name", [DataRequired("Give the project a name."), Length(max=MOST_NAME, message=f"At most {MOST_NAME} characters.")],
        filters=[clean_text],
    )  # fmt: skip
    location = StringField("Search location", [Length(max=100)], filters=[lambda text: (text or "").strip()])
    radius_miles = WholeField("Radius", 1, 12_500)
    window_open = TimeField("From", [InputRequired("Say when it may begin.")])
    window_close = TimeField("Until", [InputRequired("Say when it must end.")])
    zone = SelectField("Time zone")
    host_gap_seconds = WholeField("Between two visits to one website", 0, 86_400)
    per_minute = WholeField("Attempts in all", 1, 120)
    parallel_pages = WholeField("Pages at once", 1, 8)
    dry_run = BooleanField("Dry run: do everything but press send")
    auto_pause = BooleanField("Pause by itself when most attempts fail")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone.choices = {group: list(zones.items()) for group, zones in zone_choices().items()}

    @classmethod
    def of(cls, project: Project | None, company: Company) -> ProjectForm:
        """The project as it is; a new one as it is shipped, on the company's clock."""
        if project is None:
            days = {f"day_{n}": n < 5 for n in range(7)}
            return cls(
                version="0", radius_miles=50, window_open=time(9), window_close=time(17), zone=company.zone, host_gap_seconds=60,
                per_minute=20, parallel_pages=2, dry_run=True, auto_pause=True, **days,
            )  # fmt: skip
        names = (
            "name",
            "radius_miles",
            "zone",
            "host_gap_seconds",
            "per_minute",
            "parallel_pages",
            "dry_run",
            "auto_pause",
        )
        return cls(
            version=str(project.version), location=tell_place(place_of_project(project)),
            window_open=time.fromisoformat(project.window_open), window_close=time.fromisoformat(project.window_close),
            **{f"day_{n}": n in project.window_days for n in range(7)}, **{name: getattr(project, name) for name in names},
        )  # fmt: skip

    def days(self) -> list[BooleanField]:
        return [self[f"day_{n}"] for n in range(7)]

    def validate_location(self, field: Any) -> None:
        try:
            self._place = find_place(field.data or "")
        except PlaceUnknown as unknown:
            raise ValidationError(str(unknown)) from unknown

    def validate(self, extra_validators: Any = None) -> bool:
        good: bool = super().validate(extra_validators)
        if not any(day.data for day in self.days()):
            self["day_0"].errors = ["Choose at least one day, or nothing could ever be sent."]
            good = False
        return good

    @property
    def seen_version(self) -> int:
        return seen_version(self.version.data)

    @property
    def facts(self) -> Facts:
        """Once the form is valid."""
        return Facts(
            name=self.name.data, place=self._place, radius_miles=self.radius_miles.data, window_open=f"{self.window_open.data:%H:%M}",
            window_close=f"{self.window_close.data:%H:%M}", window_days=[n for n, day in enumerate(self.days()) if day.data],
            zone=self.zone.data, host_gap_seconds=self.host_gap_seconds.data, per_minute=self.per_minute.data,
            parallel_pages=self.parallel_pages.data, dry_run=bool(self.dry_run.data), auto_pause=bool(self.auto_pause.data),
        )  # fmt: skip


for _number, _day in enumerate(WEEKDAYS):
    setattr(ProjectForm, f"day_{_number}", BooleanField(_day))


def describe_days(days: list[int]) -> str:
    """ "Mon to Fri", "Mon, Wed", "every day"."""
    names = [WEEKDAYS[day][:3] for day in sorted(days)]
    if len(names) == 7:
        return "every day"
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        f"{WEEKDAYS[run[0]][:3]} to {WEEKDAYS[run[-1]][:3]}" if len(run) > 2 else ", ".join(WEEKDAYS[d][:3] for d in run) for run in runs
    )  # fmt: skip


def describe_window(project: Project | Facts) -> str:
    hours = (
        "all day" if project.window_open == project.window_close else f"{project.window_open} to {project.window_close}"
    )
    return f"{describe_days(project.window_days)}, {hours}"


def describe_place(place: Place | None) -> str:
    if place is None:
        return "none"
    return f"{place.name} {place.postal_code}".strip() or f"{place.lat:.4f}, {place.lng:.4f}"


def describe_facts(facts: Facts | Project) -> dict[str, str]:
    """What a project says, in words, for people to compare."""
    place = facts.place if isinstance(facts, Facts) else place_of_project(facts)
    return {
        "Name": facts.name, "Search location": tell_place(place) or "none", "Radius": f"{facts.radius_miles:,} miles",
        "Hours": f"{describe_window(facts)}, {facts.zone}", "Between two visits": f"{facts.host_gap_seconds:,} seconds",
        "Attempts a minute": str(facts.per_minute), "Pages at once": str(facts.parallel_pages),
        "Dry run": "yes" if facts.dry_run else "no", "Pauses by itself": "yes" if facts.auto_pause else "no",
    }  # fmt: skip


# --- retries -----------------------------------------------------------------------------------------------------------

RETRIED = tuple(kind for kind in FailureType if kind not in NEVER)


class RetryForm(Form):
    """`tries_page_timeout`, `delay_page_timeout` and so on: tries again, and seconds before each; empty is as the rest."""

    version = StringField()
    max_attempts = WholeField("Tries again", 0, MOST_TRIES)
    base_delay = WholeField("First delay", 1, MOST_DELAY)
    exponential_backoff = BooleanField("Double the delay after each failure")

    @classmethod
    def of(cls, project: Project, config: RetryConfig | None = None) -> RetryForm:
        config = config or RetryConfig.from_json(project.retry)
        data: dict[str, Any] = {
            "version": str(project.version), "max_attempts": config.max_attempts, "base_delay": config.base_delay,
            "exponential_backoff": config.exponential_backoff,
        }  # fmt: skip
        for kind in RETRIED:
            one = config.retry_strategies.get(kind.value)
            alike = one is None or (one.max_attempts == config.max_attempts and one.delay is None)
            data[f"tries_{kind}"] = None if alike or one is None else one.max_attempts
            data[f"delay_{kind}"] = None if one is None else one.delay
        return cls(data=data)

    def rows(self) -> list[tuple[FailureType, Any, Any]]:
        return [(kind, self[f"tries_{kind}"], self[f"delay_{kind}"]) for kind in RETRIED]

    @property
    def seen_version(self) -> int:
        return seen_version(self.version.data)

    @property
    def config(self) -> RetryConfig:
        """Once the form is valid."""
        strategies = dict(RetryConfig().retry_strategies)
        for kind, tries, delay in self.rows():
            said = Strategy(self.max_attempts.data if tries.data is None else tries.data, delay.data)
            if kind.value in strategies or said != Strategy(self.max_attempts.data):
                strategies[kind.value] = said
        return RetryConfig(
            self.max_attempts.data, self.base_delay.data, bool(self.exponential_backoff.data), strategies
        )


for _kind in RETRIED:
    setattr(
        RetryForm, f"tries_{_kind}", WholeField(f"{FAILURES[_kind].label}: tries again", 0, MOST_TRIES, needed=False)
    )
    setattr(
        RetryForm,
        f"delay_{_kind}",
        WholeField(f"{FAILURES[_kind].label}: seconds before each", 0, MOST_DELAY, needed=False),
    )


def describe_retry(config: RetryConfig, kind: FailureType) -> str:
    """ "2 more tries, 30 s before each", "never again"."""
    if kind in NEVER:
        return "never again"
    one = config.strategy(kind.value)
    if not one.max_attempts:
        return "never again"
    tries = "1 more try" if one.max_attempts == 1 else f"{one.max_attempts} more tries"
    if one.delay is not None:
        return f"{tries}, {_seconds(one.delay)} before {'it' if one.max_attempts == 1 else 'each'}"
    delays = [config.base_delay * (2**n if config.exponential_backoff else 1) for n in range(min(one.max_attempts, 3))]
    return f"{tries}, after {', '.join(_seconds(delay) for delay in delays)}{' …' if one.max_attempts > 3 else ''}"


def _seconds(number: int) -> str:
    if number >= 3600 and number % 3600 == 0:
        return f"{number // 3600} h"
    return f"{number // 60} min" if number >= 60 and number % 60 == 0 else f"{number} s"


def describe_retries(config: RetryConfig) -> dict[str, str]:
    return {FAILURES[kind].label: describe_retry(config, kind) for kind in RETRIED}
