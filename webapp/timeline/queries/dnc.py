"""Reads of the do-not-contact list: its pages, and which leads an entry holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import MAX_ID
from webapp.core.db import db
from webapp.leads.facts import parse_phone
from webapp.leads.models import Lead, LeadSearch
from webapp.timeline.models import DncEntry
from webapp.timeline.queries.blocks import find_blocks
from webapp.timeline.rules import Block, blocks_method
from webapp.timeline.states import METHODS

PAGE = 50
IN_FORCE = DncEntry.lifted_at.is_(None)


@dataclass(slots=True)
class DncPage:
    """`people` by user, `names` of the leads that entries are about, by lead; `total` of all pages."""

    rows: list[DncEntry]
    people: dict[int, str]
    names: dict[int, str]
    next: int | None
    total: int


@dataclass(frozen=True, slots=True)
class LeadBlock:
    block: Block
    source: str


@dataclass(frozen=True, slots=True)
class LeadDnc:
    """What blocks one lead, and the methods that are still `open`."""

    blocks: list[LeadBlock]
    open: list[str]


def list_dnc(
    company_id: int, *, q: str = "", kind: str = "", method: str = "", lifted: bool = False, after: int | None = None,
    country: str = "US", limit: int = PAGE,
) -> DncPage:  # fmt: skip
    """Entries in force, or the lifted ones, newest first. `q` is part of the value or of the lead's name, or a phone as
    people write it; `method` "all" asks for entries that block by all methods.
    """
    tests = [DncEntry.company_id == company_id, DncEntry.lifted_at.is_not(None) if lifted else IN_FORCE]
    if kind:
        tests.append(DncEntry.kind == kind)
    if method:
        tests.append(DncEntry.method.is_(None) if method == "all" else DncEntry.method == method)
    if q:
        tests.append(_matches(company_id, q.strip().lower(), parse_phone(q, country)))
    total = db.session.scalar(sa.select(sa.func.count()).select_from(DncEntry).where(*tests)) or 0
    if after is not None:
        tests.append(DncEntry.id < min(after, MAX_ID))
    rows = list(db.session.scalars(sa.select(DncEntry).where(*tests).order_by(DncEntry.id.desc()).limit(limit + 1)))
    shown = rows[:limit]
    ids = {i for row in shown for i in (row.added_by_id, row.lifted_by_id) if i is not None}
    people = dict(db.session.execute(sa.select(User.id, User.name).where(User.id.in_(ids))).all()) if ids else {}
    return DncPage(shown, people, name_leads(shown), shown[-1].id if len(rows) > limit else None, total)


def _matches(company_id: int, text: str, number: str | None) -> sa.ColumnElement[bool]:
    full = sa.func.lower(sa.func.concat_ws(" ", Lead.first_name, Lead.last_name, Lead.business))
    named = sa.exists().where(
        Lead.id == DncEntry.lead_id, Lead.company_id == company_id, sa.func.strpos(full, text) > 0
    )
    found = [
        sa.and_(DncEntry.kind != "lead", sa.func.strpos(DncEntry.value, text) > 0),
        sa.and_(DncEntry.kind == "lead", named),
    ]
    return sa.or_(*found, DncEntry.value == number) if number else sa.or_(*found)


def name_leads(entries: Sequence[DncEntry]) -> dict[int, str]:
    """Names of the leads that entries of the kind lead are about, by the lead's id; those that are gone are left out."""
    ids = {int(entry.value) for entry in entries if entry.kind == "lead"}
    if not ids:
        return {}
    return {lead.id: lead.name for lead in db.session.scalars(sa.select(Lead).where(Lead.id.in_(ids)))}


def find_blocked(company_id: int, values: Sequence[tuple[str, str]], method: str | None) -> set[tuple[str, str]]:
    """Those of the (kind, value) that are blocked already, by this method or by all."""
    wide = DncEntry.method.is_(None)
    query = sa.select(DncEntry.kind, DncEntry.value).where(
        DncEntry.company_id == company_id, IN_FORCE, sa.or_(wide, DncEntry.method == method) if method else wide,
        sa.tuple_(DncEntry.kind, DncEntry.value).in_(values),
    )  # fmt: skip
    return {(row.kind, row.value) for row in db.session.execute(query)}


def select_with_phone(company_id: int, phones: Sequence[str]) -> sa.Select[Any]:
    """The ids of the company's leads with one of these phones."""
    wanted = sa.any_(sa.cast(list(phones), sa.ARRAY(sa.Text)))
    return sa.select(LeadSearch.lead_id).where(LeadSearch.company_id == company_id, LeadSearch.phone == wanted)


def count_reachable(company_id: int, phones: Sequence[str]) -> int:
    """How many leads with these phones are not yet Do Not Call."""
    query = sa.select(sa.func.count()).where(
        Lead.id.in_(select_with_phone(company_id, phones)), Lead.company_id == company_id, Lead.status.is_distinct_from("dnc")
    )  # fmt: skip
    return db.session.scalar(query) or 0


def find_companions(entry: DncEntry) -> list[int]:
    """The entries of the lead's phone that came with the entry of a lead, and go with it."""
    if entry.kind != "lead" or entry.method is not None:
        return []
    query = sa.select(DncEntry.id).where(
        DncEntry.company_id == entry.company_id, DncEntry.kind == "phone", DncEntry.source == "lead",
        DncEntry.lead_id == int(entry.value), DncEntry.method.is_(None), IN_FORCE,
    )  # fmt: skip
    return list(db.session.scalars(query))


def select_released(entry: DncEntry, lifted: Sequence[int]) -> sa.Select[Any] | None:
    """The leads at Do Not Call that nothing else holds there once the entries `lifted` are gone; None for an entry that
    never held a lead there.
    """
    if entry.method is not None or entry.kind not in ("phone", "lead"):
        return None
    lead, other = sa.orm.aliased(Lead), sa.orm.aliased(DncEntry)
    held = sa.exists().where(
        other.company_id == entry.company_id, other.lifted_at.is_(None), other.method.is_(None), other.id.not_in(lifted),
        sa.or_(
            sa.and_(other.kind == "phone", other.value == lead.phone),
            sa.and_(other.kind == "lead", other.value == sa.cast(lead.id, sa.Text)),
        ),
    )  # fmt: skip
    own = (
        lead.id == int(entry.value)
        if entry.kind == "lead"
        else lead.id.in_(select_with_phone(entry.company_id, [entry.value]))
    )
    return sa.select(lead.id).where(lead.company_id == entry.company_id, own, lead.status == "dnc", ~held)


def count_released(entry: DncEntry) -> int:
    """How many leads would go back to New if the entry, and what came with it, were lifted."""
    query = select_released(entry, [entry.id, *find_companions(entry)])
    if query is None:
        return 0
    return db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


def get_lead_dnc(company_id: int, lead_id: int) -> LeadDnc:
    """For the lead's page: its blocks with their sources, and by what it may still be contacted."""
    blocks = find_blocks(company_id, [lead_id]).get(lead_id, [])
    ids = [block.entry_id for block in blocks if block.entry_id]
    query = sa.select(DncEntry.id, DncEntry.source).where(DncEntry.id.in_(ids))
    sources = {row.id: row.source for row in db.session.execute(query)} if ids else {}
    shown = [LeadBlock(block, sources.get(block.entry_id or 0, "lead")) for block in blocks]
    return LeadDnc(shown, [name for name in METHODS if not any(blocks_method(block, name) for block in blocks)])
