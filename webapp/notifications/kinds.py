"""The kinds of alerts, as forms and channels know them. A feature adds a line here for each kind it tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlertKind:
    """`personal` ones are one person's own affair: no channel of the company takes them."""

    name: str
    label: str
    hint: str
    group: str
    personal: bool = False


ALERTS: dict[str, AlertKind] = {kind.name: kind for kind in (
    AlertKind("high_failure_rate", "High failure rate", "more than half of a run's attempts fail", "Automation"),
    AlertKind("automation_stuck", "Run stuck", "a run has made no progress for 10 minutes", "Automation"),
    AlertKind("automation_paused", "Run paused itself", "nearly every attempt failed, and a run has stopped until somebody resumes it",
              "Automation"),
    AlertKind("captcha_blocking", "Captchas in the way", "captchas stop one attempt after another", "Automation"),
    AlertKind("site_changes", "Sites have changed", "contact forms are no longer as they were learned", "Automation"),
    AlertKind("completion", "Run finished", "a run has ended, with its numbers", "Automation"),
    AlertKind("problem_leads", "Many problematic leads", "a night found far more than the week's mean", "Leads and contacts"),
    AlertKind("over_cap", "Contact over the limit", "a contact was logged that the limits would not have let pass",
              "Leads and contacts"),
    AlertKind("contact_drift", "Summaries put right", "contact summaries differed from their timelines", "Leads and contacts"),
    AlertKind("channel_failing", "A channel fails", "alerts do not get through one of the channels", "Notifications"),
    AlertKind("export_done", "Export ready", "a file that took a while is ready", "My files", personal=True),
    AlertKind("export_failed", "Export failed", "a file could not be made", "My files", personal=True),
)}  # fmt: skip
PERSONAL = tuple(name for name, kind in ALERTS.items() if kind.personal)


def label_of(kind: str) -> str:
    return ALERTS[kind].label if kind in ALERTS else kind.replace("_", " ").capitalize()


def choices(*, personal: bool) -> dict[str, str]:
    """For a form: of a person's own copy, or of a company's channel."""
    return {kind.name: f"{kind.label}: {kind.hint}" for kind in ALERTS.values() if personal or not kind.personal}
