"""What a company has of demo data."""

from __future__ import annotations

import sqlalchemy as sa

from webapp.accounts.models import Company
from webapp.core.access import find_owned, owned
from webapp.core.db import db
from webapp.demo.models import DemoLoad
from webapp.leads.models import LeadList
from webapp.leads.tallies import get_cells


def has_demo(company_id: int) -> bool:
    return db.session.scalar(sa.select(Company.demo_loaded_at).where(Company.id == company_id)) is not None


def last_work(company_id: int) -> DemoLoad | None:
    """The latest loading or removal."""
    query = owned(DemoLoad, company_id).order_by(DemoLoad.id.desc()).limit(1).execution_options(populate_existing=True)
    return db.session.scalars(query).first()


def find_work(company_id: int, row_id: int) -> DemoLoad | None:
    return find_owned(DemoLoad, row_id, company_id)


def demo_size(company_id: int) -> tuple[int, int]:
    """Leads and dials in the demo lists."""
    lists = list(db.session.scalars(owned(LeadList, company_id).where(LeadList.is_demo).with_only_columns(LeadList.id)))
    cells = get_cells(company_id, list_ids=lists) if lists else []
    return sum(cell.leads for cell in cells), sum(cell.dial_sum for cell in cells)
