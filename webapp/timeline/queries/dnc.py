"""Reads of the do-not-contact list."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import MAX_ID
from webapp.core.db import db
from webapp.leads.facts import parse_phone
from webapp.leads.models import Lead, LeadSearch
from webapp.timeline.models import DncEntry

PAGE = 50


@dataclass(slots=True)
class DncPage:
    rows: list[DncEntry]
    people: dict[int, str]
    next: int | None
    total: int


def list_dnc(
    company_id: int, *, q: str = "", kind: str = "", lifted: bool = False, after: int | None = None,
    country: str = "US", limit: int = PAGE,
) -> DncPage:  # fmt: skip
    """Entries in force, or the lifted ones, newest first. `q` is part of the value, or a phone as people write it."""
    tests = [
        DncEntry.company_id == company_id,
        DncEntry.lifted_at.is_not(None) if lifted else DncEntry.lifted_at.is_(None),
    ]
    if kind:
        tests.append(DncEntry.kind == kind)
    if q:
        part = sa.func.strpos(DncEntry.value, q.strip().lower()) > 0
        number = parse_phone(q, country)
        tests.append(sa.or_(part, DncEntry.value == number) if number else part)
    total = db.session.scalar(sa.select(sa.func.count()).select_from(DncEntry).where(*tests)) or 0
    if after is not None:
        tests.append(DncEntry.id < min(after, MAX_ID))
    rows = list(db.session.scalars(sa.select(DncEntry).where(*tests).order_by(DncEntry.id.desc()).limit(limit + 1)))
    shown = rows[:limit]
    ids = {i for row in shown for i in (row.added_by_id, row.lifted_by_id) if i is not None}
    people = dict(db.session.execute(sa.select(User.id, User.name).where(User.id.in_(ids))).all()) if ids else {}
    return DncPage(shown, people, shown[-1].id if len(rows) > limit else None, total)


def count_dnc_leads(entry: DncEntry) -> int:
    """Leads at Do Not Call with the entry's phone."""
    if entry.kind != "phone":
        return 0
    query = (
        sa.select(sa.func.count())
        .select_from(LeadSearch)
        .join(Lead, Lead.id == LeadSearch.lead_id)
        .where(LeadSearch.company_id == entry.company_id, LeadSearch.phone == entry.value, Lead.status == "dnc")
    )
    return db.session.scalar(query) or 0
