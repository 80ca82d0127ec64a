"""The call log and one call."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request, url_for
from flask_login import current_user

from webapp.core.access import MAX_ID, requires
from webapp.core.text import exact
from webapp.core.web import render
from webapp.dialer import queries
from webapp.dialer.models import CallLog
from webapp.dialer.queries import CallFilter, Key
from webapp.dialer.results import CALL, DISPOSITIONS
from webapp.dialer.views import bp
from webapp.leads.models import Lead
from webapp.leads.states import LEAD

_KEY = re.compile(r"([0-9]{1,17})\.([0-9]{1,18})")  # microseconds since 1970, id
NO_DISPOSITION = "none"


def write_key(key: Key | None) -> str | None:
    return f"{round((key[0] - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))}.{key[1]}" if key else None


def read_key(text: str | None) -> Key | None:
    """A place in the log, or None for what is no such place: the first page then."""
    found = _KEY.fullmatch(text or "")
    if found is None or int(found[1]) > 4_102_444_800_000_000:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(found[1])), int(found[2])


def tabs(active: str) -> list[tuple[str, str, bool, int | None]]:
    company_id = current_user.company_id
    return [
        ("All calls", url_for("dialer.calls"), active == "calls", None),
        ("Waiting events", url_for("dialer.quarantine"), active == "quarantine", queries.count_quarantine(company_id)),
        ("Needs a result", url_for("dialer.review"), active == "review", queries.count_review(company_id)),
    ]


def _day(name: str) -> date | None:
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return day if 1970 < day.year < 2100 else None


def _read_filter() -> tuple[CallFilter, dict[str, Any]]:
    """The filter, and the values as the page shows them."""
    args = request.args
    zone = ZoneInfo(current_user.zone_name)
    first, last = _day("from"), _day("to")
    agent = args.get("agent", "")
    shown: dict[str, Any] = {
        "q": " ".join(args.get("q", "").replace("\x00", " ").split())[:60],
        "status": [name for name in CALL.names if name in args.getlist("status")],
        "disposition": [name for name in (*DISPOSITIONS, NO_DISPOSITION) if name in args.getlist("disposition")],
        "agent": int(agent) if re.fullmatch(r"[0-9]{1,18}", agent) else None,
        "from": first, "to": last,
    }  # fmt: skip
    lead = args.get("lead", "")
    lead_ids: tuple[int, ...] | None = None
    if re.fullmatch(r"[0-9]{1,19}", lead) and 0 < int(lead) <= MAX_ID:
        lead_ids, shown["lead"] = (int(lead),), int(lead)
    if shown["q"]:
        found = queries.find_lead_ids_by_phone(current_user.company_id, shown["q"], current_user.company.country)
        lead_ids = tuple(set(found) & set(lead_ids)) if lead_ids is not None else found
    return CallFilter(
        lead_ids=lead_ids, statuses=tuple(shown["status"]), dispositions=tuple(shown["disposition"]), agent_id=shown["agent"],
        since=datetime.combine(first, time.min, zone) if first else None,
        until=datetime.combine(last + timedelta(days=1), time.min, zone) if last else None,
    ), shown  # fmt: skip


@bp.get("/calls")
@requires("rep")
def calls() -> Response:
    wanted, shown = _read_filter()
    after, before = read_key(request.args.get("after")), read_key(request.args.get("before"))
    page = queries.list_calls(current_user.company_id, wanted, after=after, before=None if after else before)
    return render(
        "dialer/calls.html", "region", page=page, shown=shown, leads=queries.get_leads_of(page.rows), CALL=CALL, LEAD=LEAD,
        dispositions=DISPOSITIONS, agents=queries.list_agents(current_user.company_id), tabs=tabs("calls"),
        filtered=any(shown.values()), next=write_key(page.next), previous=write_key(page.previous),
        searched_to=exact(page.searched_to) if page.searched_to else "",
    )  # fmt: skip


def show_call(row: CallLog, lead: Lead, status: int = 200, **context: Any) -> Response:
    return render(
        "dialer/call.html", status=status, call=row, lead=lead, events=queries.list_events_of(row), CALL=CALL, LEAD=LEAD,
        dispositions=DISPOSITIONS, agents=dict(queries.list_agents(current_user.company_id)), **context,
    )  # fmt: skip
