"""Lists with their numbers, and the choices of the leads' forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import owned
from webapp.core.db import db
from webapp.core.states import MISSING, State
from webapp.leads.filters import NO_STATUS, LeadFilter
from webapp.leads.models import BulkAction, LeadList, SavedView
from webapp.leads.queries.matching import Scope, count_matches
from webapp.leads.states import LEAD
from webapp.leads.tallies import Cell, get_cells

VIEW_CAP = 1_000
# Problems that the leads' own rows do not show, by list: features to the right count them. company_id -> list id -> leads
MORE_PROBLEMS: list[Callable[[int], dict[int, int]]] = []


@dataclass(slots=True)
class Numbers:
    """What the tallies say of some leads."""

    total: int = 0
    problems: int = 0
    by_status: dict[str | None, int] = field(default_factory=dict)

    def add(self, cell: Cell) -> None:
        self.total += cell.leads
        self.problems += cell.leads if cell.problem else 0
        self.by_status[cell.status] = self.by_status.get(cell.status, 0) + cell.leads

    def breakdown(self) -> list[tuple[State, int]]:
        """Every status that occurs, in the machine's order; what has none comes first, as it needs a person."""
        found = [(MISSING, self.by_status[None])] if self.by_status.get(None) else []
        return found + [(state, self.by_status[state.name]) for state in LEAD if self.by_status.get(state.name)]


@dataclass(frozen=True, slots=True)
class ListRow:
    list: LeadList
    numbers: Numbers
    campaign: str | None


def get_numbers(company_id: int, list_id: int | None = None) -> Numbers:
    numbers = Numbers()
    for cell in get_cells(company_id, list_id=list_id):
        numbers.add(cell)
    return numbers


def more_problems(company_id: int) -> dict[int, int]:
    """Leads by list, of those that only MORE_PROBLEMS knows."""
    return dict(sum((Counter(count(company_id)) for count in MORE_PROBLEMS), Counter[int]()))


def list_rows(company_id: int, *, archived: bool) -> list[ListRow]:
    query = owned(LeadList, company_id).order_by(sa.func.lower(LeadList.name), LeadList.id)
    query = query.where(LeadList.archived_at.is_not(None) if archived else LeadList.archived_at.is_(None))
    found = list(db.session.scalars(query))
    numbers: dict[int, Numbers] = {lead_list.id: Numbers() for lead_list in found}
    for cell in get_cells(company_id):
        if cell.list_id in numbers:
            numbers[cell.list_id].add(cell)
    for list_id, more in more_problems(company_id).items():
        if list_id in numbers:
            numbers[list_id].problems += more
    names = dict(campaign_choices(company_id))
    return [ListRow(row, numbers[row.id], names.get(row.dial_campaign_id or 0)) for row in found]


def count_archived(company_id: int) -> int:
    query = sa.select(sa.func.count()).select_from(LeadList)
    return db.session.scalar(query.where(LeadList.company_id == company_id, LeadList.archived_at.is_not(None))) or 0


def list_choices(company_id: int) -> list[tuple[int, str]]:
    """Lists that are not archived."""
    query = sa.select(LeadList.id, LeadList.name).where(
        LeadList.company_id == company_id, LeadList.archived_at.is_(None)
    )
    return [(row.id, row.name) for row in db.session.execute(query.order_by(sa.func.lower(LeadList.name)))]


def list_names(company_id: int) -> dict[int, str]:
    query = sa.select(LeadList.id, LeadList.name).where(LeadList.company_id == company_id)
    return {row.id: row.name for row in db.session.execute(query)}


def owner_choices(company_id: int) -> list[tuple[int, str]]:
    query = sa.select(User.id, User.name).where(User.company_id == company_id, User.deactivated_at.is_(None))
    return [(row.id, row.name) for row in db.session.execute(query.order_by(sa.func.lower(User.name), User.id))]


def user_names(company_id: int) -> dict[int, str]:
    return {
        row.id: row.name
        for row in db.session.execute(sa.select(User.id, User.name).where(User.company_id == company_id))
    }


def campaign_choices(company_id: int) -> list[tuple[int, str]]:
    """By the table's name: the dialer stands to the right of leads."""
    t = sa.table("dial_campaigns", sa.column("id"), sa.column("company_id"), sa.column("name"))
    query = sa.select(t.c.id, t.c.name).where(t.c.company_id == company_id).order_by(sa.func.lower(t.c.name))
    return [(row.id, row.name) for row in db.session.execute(query)]


def list_tags(company_id: int) -> list[str]:
    """The commonest tags, as the planner's statistics know them: suggestions, at no cost whatever the number of leads."""
    found = db.session.scalars(
        sa.text(
            "SELECT unnest(most_common_elems::text::text[]) FROM pg_stats"
            " WHERE schemaname = current_schema() AND tablename = 'leads' AND attname = 'tags'"
        )
    )
    names = sorted(set(found), key=str.lower)[:30]
    return [
        name
        for name in names
        if db.session.scalar(
            sa.text("SELECT true FROM leads WHERE company_id = :company AND tags @> ARRAY[:tag]::text[] LIMIT 1"),
            {"company": company_id, "tag": name},
        )
    ]


def list_imports(company_id: int, list_id: int) -> list[Any]:
    """The newest 50 imports into a list, by the table's name."""
    return list(
        db.session.execute(
            sa.text(
                "SELECT id, filename, state, stage, created_at, size, coalesce((result->>'new')::bigint, 0) AS added,"
                " undone_at FROM imports WHERE company_id = :company AND list_id = :list ORDER BY id DESC LIMIT 50"
            ),
            {"company": company_id, "list": list_id},
        )
    )


def list_bulk_actions(company_id: int, limit: int = 20) -> list[BulkAction]:
    return list(db.session.scalars(owned(BulkAction, company_id).order_by(BulkAction.id.desc()).limit(limit)))


# --- saved views -------------------------------------------------------------------------------------


def list_views(user: User, list_id: int | None = None, *, everywhere: bool = False) -> list[SavedView]:
    """Mine and the shared ones; of one list, of /leads, or all."""
    query = owned(SavedView, user.company_id).where(sa.or_(SavedView.user_id == user.id, SavedView.shared))
    if not everywhere:
        query = query.where(SavedView.list_id.is_not_distinct_from(list_id))
    return list(db.session.scalars(query.order_by(sa.func.lower(SavedView.name), SavedView.id).limit(30)))


def view_filter(view: SavedView) -> LeadFilter:
    return LeadFilter.from_query(view.query + (f"&list={view.list_id}" if view.list_id else ""))


def count_view(scope: Scope, view: SavedView) -> int:
    """Up to a thousand: it stands on every page."""
    found = count_matches(scope, view_filter(view), cap=VIEW_CAP)
    return found.number


__all__ = ["NO_STATUS", "ListRow", "Numbers"]
