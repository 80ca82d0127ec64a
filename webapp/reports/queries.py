from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import find_owned, owned, role_at_least
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.dialer.models import DialCampaign
from webapp.leads.models import LeadList
from webapp.leads.tallies import count, get_cells
from webapp.reports.models import Export
from webapp.reports.status import is_contacted

PAGE = 50


@dataclass(frozen=True, slots=True)
class ExportRow:
    """`expired`: its week is over, whether or not the file has been removed yet."""

    export: Export
    expired: bool
    asked_by: str | None

    @property
    def ready(self) -> bool:
        return self.export.state == "done" and not self.expired


@dataclass(frozen=True, slots=True)
class ListRow:
    id: int
    name: str
    campaign: str | None
    leads: int
    new: int
    attempted: int
    contacted: int


def _visible(user: Any) -> sa.Select[Any]:
    """Managers see the company's exports, others their own."""
    query = owned(Export, user.company_id)
    return query if role_at_least(user.role, "manager") else query.where(Export.requested_by_id == user.id)


def _with_facts(query: sa.Select[Any]) -> sa.Select[Any]:
    gone = sa.or_(Export.removed_at.is_not(None), sa.func.coalesce(Export.expires_at <= db_now(), False))
    return query.outerjoin(User, User.id == Export.requested_by_id).add_columns(gone.label("expired"), User.name)


def list_exports(user: Any, *, before: int | None = None, limit: int = PAGE) -> tuple[list[ExportRow], int | None]:
    """The newest first, and the id after which the next page begins."""
    query = _with_facts(_visible(user)).order_by(Export.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(Export.id < before)
    rows = [ExportRow(*row) for row in db.session.execute(query)]
    return rows[:limit], rows[limit - 1].export.id if len(rows) > limit else None


def get_export(user: Any, export_id: int) -> ExportRow | None:
    row = (
        db.session.execute(_with_facts(_visible(user)).where(Export.id == export_id)).first()
        if 0 < export_id < 2**63
        else None
    )
    return ExportRow(*row) if row else None


@atomic
def who_asked(export: Export) -> str:
    user = db.session.get(User, export.requested_by_id) if export.requested_by_id else None
    return user.name if user else "Rebound"


def get_list(company_id: int, list_id: int) -> LeadList | None:
    return find_owned(LeadList, list_id, company_id)


def list_choices(company_id: int, limit: int = 1000) -> list[tuple[int, str]]:
    query = sa.select(LeadList.id, LeadList.name).where(
        LeadList.company_id == company_id, LeadList.archived_at.is_(None)
    )
    return [
        (row.id, row.name)
        for row in db.session.execute(query.order_by(sa.func.lower(LeadList.name), LeadList.id).limit(limit))
    ]


def list_rows(company_id: int, q: str = "", page: int = 1) -> tuple[list[ListRow], int]:
    """Lists by name with what a reader looks for first, and how many lists there are."""
    tests = [LeadList.company_id == company_id, LeadList.archived_at.is_(None)]
    if q:
        tests.append(LeadList.name.icontains(q, autoescape=True))
    total = db.session.scalars(sa.select(sa.func.count()).select_from(LeadList).where(*tests)).one()
    found = db.session.execute(
        sa.select(LeadList.id, LeadList.name, DialCampaign.name.label("campaign"))
        .outerjoin(DialCampaign, DialCampaign.id == LeadList.dial_campaign_id)
        .where(*tests)
        .order_by(sa.func.lower(LeadList.name), LeadList.id)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    ).all()
    cells = get_cells(company_id, list_ids=[row.id for row in found])
    rows = []
    for row in found:
        own = [c for c in cells if c.list_id == row.id]
        rows.append(
            ListRow(
                id=row.id, name=row.name, campaign=row.campaign, leads=count(own), new=count(own, lambda c: c.status == "new"),
                attempted=count(own, lambda c: c.dials > 0), contacted=count(own, is_contacted),
            )
        )  # fmt: skip
    return rows, total
