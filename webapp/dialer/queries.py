"""Reads of calls and their events, for pages and the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import MAX_ID, owned
from webapp.core.db import db
from webapp.dialer.events import normal_phone
from webapp.dialer.models import CallEvent, CallLog, DialCampaign, HopperEntry
from webapp.leads.models import Lead, LeadSearch

PAGE = 50
# A filter without an index looks at no more calls than this for one page: the page costs the same at any
# size, and says how far back it looked.
SCAN = 10_000
Key = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class CallFilter:
    lead_ids: tuple[int, ...] | None = None
    statuses: tuple[str, ...] = ()
    dispositions: tuple[str, ...] = ()
    agent_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def needs_scan(self) -> bool:
        return self.lead_ids is None and bool(self.statuses or self.dispositions or self.agent_id)


@dataclass(slots=True)
class CallPage:
    """`next` and `previous` are the keys to go on from. `searched_to`: the filter was looked up no further back."""

    rows: list[Any] = field(default_factory=list)
    next: Key | None = None
    previous: Key | None = None
    searched_to: datetime | None = None


def _range(company_id: int, f: CallFilter) -> list[sa.ColumnElement[bool]]:
    tests = [CallLog.company_id == company_id]
    if f.since is not None:
        tests.append(CallLog.started_at >= f.since)
    if f.until is not None:
        tests.append(CallLog.started_at < f.until)
    if f.lead_ids is not None:
        tests.append(CallLog.lead_id.in_(f.lead_ids))
    return tests


def _match(columns: Any, f: CallFilter) -> list[sa.ColumnElement[bool]]:
    tests = []
    if f.statuses:
        tests.append(columns.call_status.in_(f.statuses))
    if f.dispositions:
        named = [name for name in f.dispositions if name != "none"]
        tests.append(
            sa.or_(
                columns.disposition.in_(named), *([columns.disposition.is_(None)] if "none" in f.dispositions else [])
            )
        )
    if f.agent_id is not None:
        tests.append(columns.agent_id == f.agent_id)
    return tests


def list_calls(
    company_id: int, f: CallFilter, *, after: Key | None = None, before: Key | None = None, limit: int = PAGE
) -> CallPage:
    """CallLogs, newest first: those older than `after`, or the last ones newer than `before`."""
    if f.lead_ids == ():
        return CallPage()
    back = before is not None
    tests = _range(company_id, f)
    position = sa.tuple_(CallLog.started_at, CallLog.id)
    edge = before or after
    if edge is not None:
        key = sa.tuple_(sa.literal(edge[0], sa.DateTime(timezone=True)), sa.literal(edge[1], sa.BigInteger))
        tests.append(position > key if back else position < key)
    order = (CallLog.started_at, CallLog.id) if back else (CallLog.started_at.desc(), CallLog.id.desc())
    if f.needs_scan:
        t = CallLog.__table__.c
        looked = (
            sa.select(t.id, t.started_at, t.call_status, t.disposition, t.agent_id)
            .where(*tests)
            .order_by(*order)
            .limit(SCAN)
        ).subquery()
        ordered = (looked.c.started_at, looked.c.id) if back else (looked.c.started_at.desc(), looked.c.id.desc())
        hits = sa.select(looked.c.id).where(*_match(looked.c, f)).order_by(*ordered).limit(limit + 1).subquery()
        query = sa.select(CallLog).join(hits, hits.c.id == CallLog.id).order_by(*order)
    else:
        query = sa.select(CallLog).where(*tests, *_match(CallLog, f)).order_by(*order).limit(limit + 1)
    rows = list(db.session.scalars(query))
    more = len(rows) > limit
    rows = rows[:limit]
    page = CallPage(rows[::-1] if back else rows)
    far: Key | None = (rows[-1].started_at, rows[-1].id) if more else None
    if f.needs_scan and not more:
        last = db.session.execute(
            sa.select(CallLog.started_at, CallLog.id).where(*tests).order_by(*order).offset(SCAN - 1).limit(1)
        ).first()
        if last is not None:
            far, page.searched_to = (last.started_at, last.id), last.started_at
    near: Key | None = (rows[0].started_at, rows[0].id) if rows and edge is not None else None
    page.next, page.previous = (near, far) if back else (far, near)
    if back and not rows:
        page.next = edge
    return page


def get_leads_of(calls: Sequence[CallLog]) -> dict[int, Lead]:
    ids = {call.lead_id for call in calls}
    return {lead.id: lead for lead in db.session.scalars(sa.select(Lead).where(Lead.id.in_(ids)))} if ids else {}


def list_agents(company_id: int) -> list[tuple[int, str]]:
    rows = db.session.execute(sa.select(User.id, User.name).where(User.company_id == company_id).order_by(User.name))
    return [(row.id, row.name) for row in rows]


def find_lead_ids_by_phone(company_id: int, phone: str, country: str) -> tuple[int, ...]:
    number = normal_phone(phone, country)
    if number is None:
        return ()
    query = (
        sa.select(LeadSearch.lead_id).where(LeadSearch.company_id == company_id, LeadSearch.phone == number).limit(500)
    )
    return tuple(db.session.scalars(query))


def list_events_of(call: CallLog) -> list[CallEvent]:
    """The raw deliveries of a call, as they happened; the page shows no more than 200."""
    query = (
        owned(CallEvent, call.company_id)
        .where(CallEvent.call_log_id == call.id)
        .order_by(sa.func.coalesce(CallEvent.occurred_at, CallEvent.created_at), CallEvent.id)
        .limit(200)
    )
    return list(db.session.scalars(query))


# --- events nobody could place, calls to look at ------------------------------------------------------------


def _unsettled(company_id: int) -> list[sa.ColumnElement[bool]]:
    return [CallEvent.company_id == company_id, CallEvent.outcome == "quarantined", CallEvent.settled_at.is_(None)]


def list_quarantine(
    company_id: int, *, after: int | None = None, limit: int = PAGE
) -> tuple[list[CallEvent], int | None]:
    """Events that wait for a person, newest first, and the id to go on from."""
    query = sa.select(CallEvent).where(*_unsettled(company_id)).order_by(CallEvent.id.desc()).limit(limit + 1)
    if after is not None:
        query = query.where(CallEvent.id < min(after, MAX_ID))
    rows = list(db.session.scalars(query))
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def count_quarantine(company_id: int) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(CallEvent).where(*_unsettled(company_id))) or 0


def list_review(company_id: int, *, after: int | None = None, limit: int = PAGE) -> tuple[list[CallLog], int | None]:
    query = owned(CallLog, company_id).where(CallLog.needs_review).order_by(CallLog.id.desc()).limit(limit + 1)
    if after is not None:
        query = query.where(CallLog.id < min(after, MAX_ID))
    rows = list(db.session.scalars(query))
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def count_review(company_id: int) -> int:
    query = (
        sa.select(sa.func.count()).select_from(CallLog).where(CallLog.company_id == company_id, CallLog.needs_review)
    )
    return db.session.scalar(query) or 0


def page_of_campaigns(company_id: int, *, after: int | None, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """Dial campaigns by id with what their hoppers hold, and the key to go on from."""
    query = owned(DialCampaign, company_id).order_by(DialCampaign.id).limit(limit + 1)
    if after is not None:
        query = query.where(DialCampaign.id > after)
    rows = list(db.session.scalars(query))
    shown = rows[:limit]
    held = count_held([row.id for row in shown])
    names = ("id", "name", "active", "hopper_level")
    items = [
        {name: getattr(row, name) for name in names}
        | dict(zip(("ready", "claimed"), held.get(row.id, (0, 0)), strict=True))
        for row in shown
    ]
    return items, shown[-1].id if len(rows) > limit else None


def count_held(campaign_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """By campaign what its hopper holds: (ready, claimed). Campaigns with an empty one are left out."""
    is_ready = HopperEntry.status == "ready"
    rows = db.session.execute(
        sa.select(HopperEntry.campaign_id, sa.func.count().filter(is_ready).label("ready"), sa.func.count().filter(~is_ready).label("claimed"))
        .where(HopperEntry.campaign_id.in_(campaign_ids))
        .group_by(HopperEntry.campaign_id)
    )  # fmt: skip
    return {row.campaign_id: (row.ready, row.claimed) for row in rows}
