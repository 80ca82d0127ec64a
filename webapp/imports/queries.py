"""Reads of imports, their rows and the mappings that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import owned
from webapp.core.db import db
from webapp.imports.models import Import, ImportMapping, ImportRow
from webapp.imports.tables import normal_header
from webapp.leads.models import LeadList

PAGE = 25
ADDED = frozenset(("rebound line", "rebound outcome", "rebound reason"))  # by our file of refused rows
ROWS_PAGE = 50


@dataclass(frozen=True, slots=True)
class Entry:
    work: Import
    list_name: str | None
    by: str | None


def list_imports(company_id: int, *, before: int | None = None) -> tuple[list[Entry], int | None]:
    """Newest first, and the id to go on before."""
    query = (
        owned(Import, company_id).add_columns(LeadList.name, User.name)
        .outerjoin(LeadList, LeadList.id == Import.list_id).outerjoin(User, User.id == Import.requested_by_id)
        .order_by(Import.id.desc()).limit(PAGE + 1)
    )  # fmt: skip
    if before is not None:
        query = query.where(Import.id < before)
    found = [Entry(*row) for row in db.session.execute(query)]
    return found[:PAGE], found[PAGE - 1].work.id if len(found) > PAGE else None


def count_imports(company_id: int) -> int:
    return db.session.scalar(sa.select(sa.func.count()).where(Import.company_id == company_id)) or 0


def find_mapping(company_id: int, kind: str, headers: list[str]) -> ImportMapping | None:
    """The newest kept mapping that was made for exactly these headers."""
    names = {normal_header(header) for header in headers} - ADDED
    kept = db.session.scalars(
        owned(ImportMapping, company_id).where(ImportMapping.kind == kind).order_by(ImportMapping.id.desc())
    )
    return next((mapping for mapping in kept if set(mapping.columns) == names), None)


def list_mappings(company_id: int, kind: str) -> list[ImportMapping]:
    return list(
        db.session.scalars(
            owned(ImportMapping, company_id)
            .where(ImportMapping.kind == kind)
            .order_by(sa.func.lower(ImportMapping.name))
        )
    )


def list_choices(company_id: int) -> list[tuple[int, str]]:
    rows = db.session.execute(
        sa.select(LeadList.id, LeadList.name)
        .where(LeadList.company_id == company_id, LeadList.archived_at.is_(None))
        .order_by(sa.func.lower(LeadList.name))
    )
    return [(row.id, row.name) for row in rows]


def find_list_by_name(company_id: int, name: str) -> int | None:
    return db.session.scalar(
        sa.select(LeadList.id).where(LeadList.company_id == company_id, sa.func.lower(LeadList.name) == name.lower())
    )


def get_list_name(list_id: int | None) -> str | None:
    return db.session.scalar(sa.select(LeadList.name).where(LeadList.id == list_id)) if list_id else None


def list_rows(row: Import, outcome: str, *, after: int = 0, kept: bool = False) -> tuple[list[ImportRow], int | None]:
    """Lines of one outcome in order, and the line to go on after. With `kept`, those an undo left."""
    query = sa.select(ImportRow).where(ImportRow.import_id == row.id, ImportRow.number > after)
    query = query.where(ImportRow.reason.like("kept:%")) if kept else query.where(ImportRow.outcome == outcome)
    found = list(db.session.scalars(query.order_by(ImportRow.number).limit(ROWS_PAGE + 1)))
    return found[:ROWS_PAGE], found[ROWS_PAGE - 1].number if len(found) > ROWS_PAGE else None


def iter_refused(row: Import) -> Iterator[tuple[Any, ...]]:
    """(number, outcome, reason, raw) of every row that has its cells kept: the refused ones."""
    query = (
        sa.select(ImportRow.number, ImportRow.outcome, ImportRow.reason, ImportRow.raw)
        .where(ImportRow.import_id == row.id, ImportRow.raw.is_not(None))
        .order_by(ImportRow.number)
        .execution_options(yield_per=2_000)
    )
    for found in db.session.execute(query):
        yield tuple(found)
