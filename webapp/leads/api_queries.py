"""What the API reads of leads and lists: keyset pages in the order (list, lead)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from webapp.core.access import owned
from webapp.core.audit import StatusChange
from webapp.core.db import db
from webapp.leads.models import Lead, LeadList, LeadSearch
from webapp.leads.states import LEAD
from webapp.leads.tallies import Cell, get_cells

Key = tuple[int, int]  # list id, lead id


@dataclass(frozen=True, slots=True)
class LeadQuery:
    list_id: int | None = None
    status: str | None = None  # "none" is a missing one
    phone: str | None = None
    email: str | None = None


def page_of_leads(
    company_id: int, wanted: LeadQuery, *, after: Key | None, limit: int
) -> tuple[list[Lead], Key | None]:
    """Leads in the order (list, id) and the key to go on from."""
    lists = sa.select(LeadList.id).where(LeadList.company_id == company_id)
    if wanted.list_id is not None:
        lists = lists.where(LeadList.id == wanted.list_id)
    ids = sorted(db.session.scalars(lists))
    source: Any = Lead
    lead_id: Any = Lead.id
    tests: list[Any] = []
    if wanted.status is not None:
        tests.append(Lead.status.is_(None) if wanted.status == "none" else Lead.status == wanted.status)
        if wanted.phone is not None:
            tests.append(Lead.phone == wanted.phone)
        if wanted.email is not None:
            tests.append(sa.func.lower(Lead.email) == wanted.email.lower())
    else:
        source, lead_id = LeadSearch, LeadSearch.lead_id
        if wanted.phone is not None:
            tests += [LeadSearch.company_id == company_id, LeadSearch.phone == wanted.phone]
        if wanted.email is not None:
            tests += [LeadSearch.company_id == company_id, LeadSearch.email == wanted.email.lower()]
    if after is not None:
        ids = [list_id for list_id in ids if list_id >= after[0]]
        # Spelled out: a row comparison would hide from the planner that the list is in `ids`.
        tests.append(sa.or_(source.list_id > after[0], sa.and_(source.list_id == after[0], lead_id > after[1])))
    keys = (
        sa.select(lead_id.label("id"), source.list_id.label("list_id"))
        .where(source.list_id.in_(ids), *tests)
        .order_by(source.list_id, lead_id)
        .limit(limit + 1)
        .subquery()
    )
    rows = list(
        db.session.scalars(sa.select(Lead).join(keys, keys.c.id == Lead.id).order_by(keys.c.list_id, keys.c.id))
    )
    more = len(rows) > limit
    rows = rows[:limit]
    return rows, (rows[-1].list_id, rows[-1].id) if more else None


def history_of(lead: Lead, limit: int = 100) -> list[StatusChange]:
    """The lead's last status changes, newest first."""
    query = (
        owned(StatusChange, lead.company_id)
        .where(StatusChange.machine == LEAD.name, StatusChange.subject_id == lead.id)
        .order_by(StatusChange.id.desc())
        .limit(limit)
    )
    return list(db.session.scalars(query))


def page_of_lists(
    company_id: int, *, after: int | None, limit: int
) -> tuple[list[tuple[LeadList, list[Cell]]], int | None]:
    query = owned(LeadList, company_id).order_by(LeadList.id).limit(limit + 1)
    if after is not None:
        query = query.where(LeadList.id > after)
    rows = list(db.session.scalars(query))
    shown = rows[:limit]
    cells: dict[int, list[Cell]] = {row.id: [] for row in shown}
    for cell in get_cells(company_id, list_ids=list(cells)):
        cells[cell.list_id].append(cell)
    return [(row, cells[row.id]) for row in shown], shown[-1].id if len(rows) > limit else None
