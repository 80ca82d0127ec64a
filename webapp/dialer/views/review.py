"""Calls without a result: the list of them, and what came of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, abort, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.core.access import get_owned_or_404, requires
from webapp.core.clock import read_now
from webapp.core.web import go, render, toast
from webapp.dialer import desk, queries, reviews
from webapp.dialer.desk import RESULTS, DeskRefused
from webapp.dialer.hours import CallbackRefused, known_zones
from webapp.dialer.models import CallLog
from webapp.dialer.results import CALL
from webapp.dialer.views import bp
from webapp.dialer.views.calls import show_call, tabs
from webapp.dialer.views.typed import read_said
from webapp.dialer.views.waiting import after_id
from webapp.leads.models import Lead


@bp.get("/calls/review")
@requires("rep")
def review() -> Response:
    rows, following = queries.list_review(current_user.company_id, after=after_id())
    return render(
        "dialer/review.html", "region", rows=rows, next=following, first_page=after_id() is None,
        leads=queries.get_leads_of(rows), agents=dict(queries.list_agents(current_user.company_id)), tabs=tabs("review"),
        CALL=CALL, results=RESULTS, reviews=reviews,
    )  # fmt: skip


@bp.get("/calls/<int:call_id>")
@requires("rep")
def call(call_id: int) -> Response:
    return _page(_find(call_id))


def _find(call_id: int) -> CallLog:
    return get_owned_or_404(CallLog, call_id, current_user.company_id)


def _page(
    row: CallLog, status: int = 200, *, error: str = "", times: tuple[datetime, ...] = (), typed: dict[str, str] | None = None
) -> Response:  # fmt: skip
    lead = get_owned_or_404(Lead, row.lead_id, current_user.company_id)
    known = lead.zone is not None and lead.zone in known_zones()
    context: dict[str, Any] = {
        "error": error, "times": times, "typed": typed or {}, "results": RESULTS, "reviews": reviews,
        "local_now": read_now().astimezone(ZoneInfo(lead.zone)) if lead.zone and known else None,
    }  # fmt: skip
    return show_call(row, lead, status, **context)


@bp.post("/calls/<int:call_id>/result")
@requires("rep")
def say_result(call_id: int) -> AnyResponse:
    """What came of a call that was left without a result; its agent or a manager says it."""
    row = _find(call_id)
    if not reviews.may_settle(row, current_user):
        abort(403)
    result, typed, when = read_said()
    try:
        desk.say_result(
            call_id, result, by=current_user, notes=typed["notes"], everybody=True,
            callback_local=when, own=typed["own"] == "1",
        )  # fmt: skip
    except CallbackRefused as refused:
        return _page(_find(call_id), 422, error=str(refused), times=refused.times, typed=typed)
    except DeskRefused as refused:
        return _page(_find(call_id), 422, error=str(refused), typed=typed)
    toast(f"{RESULTS[result].label.rstrip('…')} noted")
    return go(url_for("dialer.review"))


@bp.post("/calls/<int:call_id>/review")
@requires("rep")
def mark_reviewed(call_id: int) -> AnyResponse:
    row = _find(call_id)
    try:
        if reviews.mark_reviewed(row, by=current_user):
            toast("Marked as reviewed.")
        else:
            toast("Somebody had looked at it before.", tone="warn")
    except reviews.NotYours:
        abort(403)
    except reviews.ResultMissing:
        toast("It has no result yet: say what came of it. That settles it.", tone="bad")
        return go(url_for("dialer.call", call_id=call_id, _anchor="say"))
    return go(url_for("dialer.review"))
