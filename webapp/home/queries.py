"""What Today shows, each part one cheap query whatever the company's size."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import ApiKey, User
from webapp.automation.models import Run
from webapp.automation.states import ACTIVE_RUN
from webapp.core.access import owned, role_at_least
from webapp.core.clock import db_now
from webapp.core.db import db
from webapp.core.work import KINDS, RESTING
from webapp.dialer.models import Callback, CallEvent, CallLog
from webapp.leads.models import Lead, LeadList
from webapp.leads.states import LEAD
from webapp.leads.tallies import Cell, get_cells
from webapp.recycling.models import RecycleBatch, Repair
from webapp.reports.models import Export
from webapp.reports.outreach import count_guarded, read_filter, today_of

SHOWN = 8
COUNT_TO = 1000
# How a list divides on a strip, in this order: label, tone, statuses.
GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Not reached yet", "info", LEAD.with_flag("fresh")),
    ("Trying", "neutral", ("no_answer", "busy", "failed", "dropped", "congestion")),
    ("In contact", "warn", ("contacted", "conversing", "callback")),
    ("Won", "ok", ("qualified", "sale", "converted")),
    ("Closed", "neutral", ("not_interested", "dnc", "invalid")),
)


@dataclass(slots=True)
class Callbacks:
    """`rows` are the first ones due by the end of the user's day; `next_at` is the first one after it."""

    rows: list[Any] = field(default_factory=list)
    due: int = 0
    next_at: datetime | None = None


@dataclass(slots=True)
class Team:
    """Dials and contacts of one day; `agents` are (user id, name, dials, contacts), most dials first."""

    day: date | None = None
    is_today: bool = True
    dials: int = 0
    contacts: int = 0
    agents: list[tuple[int | None, str, int, int]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.contacts / self.dials if self.dials else 0.0


@dataclass(frozen=True, slots=True)
class Running:
    """One piece of work that is not at rest; `table` names its kind."""

    table: str
    id: int
    state: str
    done: int
    total: int | None
    version: int
    created_at: datetime
    message: str

    @property
    def percent(self) -> int | None:
        return min(99, self.done * 100 // self.total) if self.total else None


def day_start(zone: str, days: int = 0) -> sa.ColumnElement[datetime]:
    """Midnight in the zone, `days` from today."""
    local = sa.func.date_trunc("day", sa.func.timezone(zone, db_now()))
    return sa.func.timezone(zone, local + sa.cast(f"{days} days", sa.Interval), type_=sa.DateTime(timezone=True))


def my_callbacks(user: User) -> Callbacks:
    """Those promised by this user and those anyone may take; never another agent's."""
    mine = sa.or_(Callback.agent_id == user.id, Callback.agent_id.is_(None), Callback.state == "handed_over")
    waiting = (Callback.company_id == user.company_id, Callback.state != "closed", mine)
    tomorrow = day_start(user.zone_name, 1)
    rows = db.session.execute(
        sa.select(
            Callback.id, Callback.due_at, Callback.notes, Callback.agent_id, Lead.id.label("lead_id"), Lead.first_name,
            Lead.last_name, Lead.business, Lead.phone, Lead.extension, Lead.city, Lead.state, Lead.zone,
            (Callback.due_at < db_now()).label("overdue"),
        )
        .join(Lead, Lead.id == Callback.lead_id)
        .where(*waiting, Callback.due_at < tomorrow)
        .order_by(Callback.due_at, Callback.id)
        .limit(SHOWN)
    ).all()  # fmt: skip
    found = Callbacks(list(rows), len(rows))
    if len(rows) == SHOWN:
        some = sa.select(Callback.id).where(*waiting, Callback.due_at < tomorrow).limit(COUNT_TO).subquery()
        found.due = db.session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
    else:
        found.next_at = db.session.scalar(
            sa.select(sa.func.min(Callback.due_at)).where(*waiting, Callback.due_at >= tomorrow)
        )
    return found


def my_follow_ups(user: User) -> tuple[list[Lead], int]:
    """The first leads that this user, as who set the day or as owner, wanted to come back to by today; and how many."""
    today = sa.cast(sa.func.timezone(user.zone_name, db_now()), sa.Date)
    mine = sa.or_(Lead.follow_up_by_id == user.id, Lead.owner_id == user.id)
    due = (Lead.company_id == user.company_id, Lead.follow_up_on <= today, mine)
    order = (Lead.follow_up_on, Lead.id)
    rows = list(db.session.scalars(sa.select(Lead).where(*due).order_by(*order).limit(SHOWN)))
    if len(rows) < SHOWN:
        return rows, len(rows)
    some = sa.select(Lead.id).where(*due).limit(COUNT_TO).subquery()
    return rows, db.session.scalar(sa.select(sa.func.count()).select_from(some)) or 0


def count_prevented(user: User) -> int:
    """Contacts in the last 30 days that the outreach guard refused, or that a warning stopped."""
    f, _ = read_filter({}, today=today_of(user.company_id))
    return count_guarded(user.company_id, f, user.company.zone).prevented


def team_numbers(company_id: int, zone: str) -> Team:
    """Of today, or of the last day with a call when there is none yet."""
    team = _team(company_id, zone, day_start(zone), day_start(zone, 1))
    if team.dials:
        return team
    last = db.session.scalar(
        sa.select(CallLog.started_at)
        .where(CallLog.company_id == company_id, CallLog.started_at < day_start(zone))
        .order_by(CallLog.started_at.desc())
        .limit(1)
    )
    if last is None:
        return team
    start = sa.func.timezone(
        zone, sa.func.date_trunc("day", sa.func.timezone(zone, sa.literal(last))), type_=sa.DateTime(timezone=True)
    )
    team = _team(company_id, zone, start, start + timedelta(days=1))
    team.is_today = False
    return team


def _team(company_id: int, zone: str, start: sa.ColumnElement[datetime], end: sa.ColumnElement[datetime]) -> Team:
    contacts = sa.func.count().filter(CallLog.human)
    rows = db.session.execute(
        sa.select(
            CallLog.agent_id, sa.func.coalesce(sa.func.max(User.name), sa.func.max(CallLog.agent_name), "").label("name"),
            sa.func.count().label("dials"), contacts.label("contacts"),
            sa.cast(sa.func.timezone(zone, sa.func.min(CallLog.started_at)), sa.Date).label("day"),
        )
        .outerjoin(User, User.id == CallLog.agent_id)
        .where(CallLog.company_id == company_id, CallLog.started_at >= start, CallLog.started_at < end)
        .group_by(CallLog.agent_id, sa.case((CallLog.agent_id.is_(None), CallLog.agent_name)))
        .order_by(sa.desc("dials"))
    ).all()  # fmt: skip
    return Team(
        rows[0].day if rows else None, True, sum(row.dials for row in rows), sum(row.contacts for row in rows),
        [(row.agent_id, row.name or "No agent named", row.dials, row.contacts) for row in rows],
    )  # fmt: skip


def _kinds() -> list[sa.Table]:
    tables = [kind.__table__ for kind in KINDS if "__table__" in kind.__dict__]  # type: ignore[attr-defined]
    return [table for table in tables if "company_id" in table.c]


def _work(user: User, *tests: Any) -> sa.Select[Any]:
    """Work of every kind in one query: a rep's own, or the whole company's."""
    everybodys = role_at_least(user.role, "manager")
    parts = []
    for table in _kinds():
        c = table.c
        query = sa.select(
            sa.literal(table.name).label("table"), c.id, c.state, (c.done + c.failed + c.skipped).label("done"), c.total, c.version,
            c.created_at, c.message, c.finished_at,
        ).where(c.company_id == user.company_id, *(test(c) for test in tests))  # fmt: skip
        parts.append(query if everybodys else query.where(c.requested_by_id == user.id))
    every = sa.union_all(*parts).subquery()
    return sa.select(every)


def running_work(user: User) -> list[Running]:
    query = _work(user, lambda c: c.state.not_in(RESTING)).order_by(sa.text("created_at DESC")).limit(10)
    names = Running.__slots__
    found = [Running(**{name: row._mapping[name] for name in names}) for row in db.session.execute(query)]
    return [*_active_runs(user.company_id), *found]


def _active_runs(company_id: int) -> list[Running]:
    rows = db.session.scalars(owned(Run, company_id).where(Run.state.in_(ACTIVE_RUN)).order_by(Run.id.desc()).limit(10))
    return [
        Running("runs", run.id, run.state, run.processed, run.total, run.version, run.created_at, run.paused_reason)
        for run in rows
    ]


def failed_work(user: User, *, days: int = 7, limit: int = 10) -> list[Any]:
    """What failed lately, newest first."""
    since = db_now() - timedelta(days=days)
    query = _work(user, lambda c: c.state == "failed", lambda c: c.finished_at > since)
    return list(db.session.execute(query.order_by(sa.text("finished_at DESC")).limit(limit)))


def find_failed(company_id: int, table: str, row_id: int) -> Any | None:
    """The company's failed row of this kind, whatever the kind."""
    for kind in KINDS:
        if "__table__" in kind.__dict__ and kind.__table__.name == table and "company_id" in kind.__table__.c:  # type: ignore[attr-defined]
            query = owned(kind, company_id).where(kind.id == row_id, kind.state == "failed")  # type: ignore[attr-defined]
            return db.session.scalars(query.with_for_update()).one_or_none()
    return None


def lists_at_a_glance(company_id: int, cells: list[Cell], *, limit: int = 6) -> list[dict[str, Any]]:
    """The biggest active lists, each with the parts of its strip; the parts sum to the list."""
    rows = db.session.execute(
        owned(LeadList, company_id)
        .where(LeadList.archived_at.is_(None), LeadList.active)
        .with_only_columns(LeadList.id, LeadList.name, LeadList.is_demo)
    ).all()
    statuses: dict[int, dict[str | None, int]] = {}
    for cell in cells:
        counts = statuses.setdefault(cell.list_id, {})
        counts[cell.status] = counts.get(cell.status, 0) + cell.leads
    sized = sorted(rows, key=lambda row: (-sum(statuses.get(row.id, {}).values()), row.name))[:limit]
    return [
        {"id": row.id, "name": row.name, "is_demo": row.is_demo, "leads": sum(statuses.get(row.id, {}).values()),
         "parts": strip_parts(statuses.get(row.id, {}))}
        for row in sized
    ]  # fmt: skip


def strip_parts(counts: dict[str | None, int]) -> list[dict[str, Any]]:
    parts = [
        {"label": label, "tone": tone, "count": sum(counts.get(name, 0) for name in names)}
        for label, tone, names in GROUPS
    ]
    missing = sum(count for status, count in counts.items() if status not in LEAD.states)
    return [*parts, {"label": "(none)", "tone": "bad", "count": missing}] if missing else parts


def company_cells(company_id: int) -> list[Cell]:
    return get_cells(company_id)


def first_steps(company_id: int, has_leads: bool) -> dict[str, bool]:
    """Which of the five first steps are done; exists-queries only."""

    def exists(model: Any, *tests: Any) -> sa.ColumnElement[bool]:
        return sa.select(model.id).where(model.company_id == company_id, *tests).exists()

    row = db.session.execute(
        sa.select(
            exists(Repair, Repair.trigger == "user").label("repaired"),
            sa.or_(exists(ApiKey), exists(CallEvent)).label("connected"),
            sa.or_(exists(RecycleBatch), exists(Export)).label("used"),
        )
    ).one()
    return {
        "workspace": True,
        "leads": has_leads,
        "problems": row.repaired,
        "calls": row.connected,
        "recycle": row.used,
    }
