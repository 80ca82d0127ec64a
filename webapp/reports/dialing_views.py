"""The dialing report's page and its files. Its numbers open the call log where that can filter for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, request, url_for
from flask_login import current_user

from webapp.core.access import requires
from webapp.core.web import go, is_fragment, render
from webapp.dialer.results import CALL
from webapp.leads.queries.lists import campaign_choices, user_names
from webapp.reports import service
from webapp.reports.builders import FORMAT_LABELS, KINDS
from webapp.reports.dialing import SHOWN, DialingFilter, DialingReport, get_dialing, read_filter
from webapp.reports.outreach import WEEKDAYS, today_of
from webapp.reports.views import bp


def _asked(values: Any) -> tuple[DialingFilter, list[str]]:
    return read_filter(values, today=today_of(current_user.company_id))


@bp.get("/analytics/dialing")
@requires("rep")
def dialing() -> Any:
    f, notes = _asked(request.args)
    report = get_dialing(current_user.company_id, f)
    for given, name, what in ((f.campaign_id, report.campaign, "campaign"), (f.user_id, report.agent, "agent")):
        if given is not None and name is None:
            notes.append(f"There is no such {what} in your company, so nothing is counted.")
    return render(
        "reports/dialing.html", "numbers", report=report, filter=f, notes=notes, weekdays=WEEKDAYS, labels=FORMAT_LABELS, CALL=CALL,
        campaigns=campaign_choices(current_user.company_id), people=user_names(current_user.company_id), shown=SHOWN, oob=is_fragment(),
        **_links(report),
    )  # fmt: skip


def _links(report: DialingReport) -> dict[str, Any]:
    """What the numbers of each part open, by the row's key."""
    calls_url, params = _calls_url(report), report.filter.params()
    return {
        "calls_url": calls_url,
        "agent_url": lambda key: url_for("reports.dialing", **(params | {"user_id": key})),
        "agent_calls": lambda key, **more: calls_url(agent=key, **more) if key else None,
        "campaign_url": lambda key: url_for("reports.dialing", **(params | {"campaign_id": key})),
        "campaign_calls": lambda key, **more: None,
        "status_calls": lambda key: calls_url(status=key),
        "disposition_calls": lambda key: calls_url(disposition=key or "none"),
    }


def _calls_url(report: DialingReport) -> Callable[..., str | None]:
    """calls_url(status="busy"): the calls behind a number, or None where the call log has no filter for them.

    It knows no campaign, and its days are the reader's own.
    """
    f = report.filter
    given: dict[str, Any] = {"from": f.from_date.isoformat(), "to": f.to_date.isoformat()}
    if f.user_id is not None:
        given["agent"] = f.user_id
    known = f.campaign_id is None and current_user.zone_name == report.zone
    known = known and f.from_date.year > 1970 and f.to_date.year < 2100

    def make(**changes: Any) -> str | None:
        return url_for("dialer.calls", **(given | changes)) if known else None

    return make


@bp.post("/analytics/dialing/files")
@requires("rep")
def create_dialing_export() -> Any:
    f, _notes = _asked(request.form)
    format = request.form.get("format", "")
    if format not in KINDS["dialing"].build:
        abort(422, "Choose PDF or CSV.")
    export = service.request_export(
        "dialing", format, by=current_user, params=f.params(), subject=f"{f.from_date} to {f.to_date}",
        token=request.form.get("token", "")[:64],
    )  # fmt: skip
    return go(url_for("reports.export", export_id=export.id))
