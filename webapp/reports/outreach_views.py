"""The outreach analytics page, its files, and the rows behind each number."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from flask import abort, request, url_for
from flask_login import current_user

from webapp.core.access import requires
from webapp.core.web import go, is_fragment, render
from webapp.leads.queries.lists import user_names
from webapp.reports import service
from webapp.reports.builders import FORMAT_LABELS, KINDS
from webapp.reports.outreach import (
    RANKED_FROM,
    WEEKDAYS,
    OutreachFilter,
    get_outreach,
    page_of_rows,
    read_filter,
    today_of,
)
from webapp.reports.views import bp
from webapp.timeline.states import METHODS


@bp.app_template_global("heat_rows")
def heat_rows(grid: Any, labels: Any) -> list[list[Any]]:
    """The numbers behind a heat chart as table rows."""
    return [[label, *row] for label, row in zip(labels, grid, strict=True)]


def _asked(values: Any) -> tuple[OutreachFilter, list[str]]:
    return read_filter(values, today=today_of(current_user.company_id))


@bp.get("/analytics/outreach")
@requires("rep")
def outreach() -> Any:
    f, notes = _asked(request.args)
    report = get_outreach(current_user.company_id, f)
    return render(
        "reports/outreach.html", "numbers", report=report, filter=f, notes=notes, METHODS=METHODS, weekdays=WEEKDAYS,
        people=user_names(current_user.company_id), ranked_from=RANKED_FROM, labels=FORMAT_LABELS, oob=is_fragment(), rows_url=_rows_url(f),
    )  # fmt: skip


def _rows_url(f: OutreachFilter) -> Any:
    """rows_url(method="email", answered=1): the contacts behind a number of this page."""

    def make(**changes: Any) -> str:
        return url_for("reports.outreach_rows", **(f.params() | changes))

    return make


@bp.get("/analytics/outreach/contacts")
@requires("rep")
def outreach_rows() -> Any:
    f, notes = _asked(request.args)
    answered = request.args.get("answered") == "1"
    rows, last = page_of_rows(
        current_user.company_id, f, answered=answered, after=_read_place(request.args.get("after", ""))
    )
    following = f"{last.occurred_at.isoformat()}~{last.rank}~{last.id}" if last is not None else None
    return render(
        "reports/outreach_rows.html", "rows", rows=rows, following=following, filter=f, notes=notes, answered=answered, METHODS=METHODS,
        people=user_names(current_user.company_id), back=url_for("reports.outreach", **f.params()),
    )  # fmt: skip


def _read_place(text: str) -> tuple[datetime, int, int] | None:
    at, _, rest = text.partition("~")
    if not re.fullmatch(r"[12]~[0-9]{1,18}", rest):
        return None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    rank, _, row_id = rest.partition("~")
    return (moment, int(rank), int(row_id)) if moment.tzinfo else None


@bp.post("/analytics/outreach/files")
@requires("rep")
def create_outreach_export() -> Any:
    f, _notes = _asked(request.form)
    format = request.form.get("format", "")
    if format not in KINDS["outreach"].build:
        abort(422, "Choose PDF or CSV.")
    export = service.request_export(
        "outreach", format, by=current_user, params=f.params(), subject=f"{f.from_date} to {f.to_date}",
        token=request.form.get("token", "")[:64],
    )  # fmt: skip
    return go(url_for("reports.export", export_id=export.id))
