"""Leads and calls as files, by pages of their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.db import db
from webapp.dialer.models import CallLog
from webapp.leads.export import stream_csv
from webapp.leads.filters import LeadFilter
from webapp.leads.models import Lead, LeadList
from webapp.leads.queries.matching import Scope, count_matches, get_list_ids, match_sql
from webapp.reports.models import Export
from webapp.reports.pages import by_id, read_page
from webapp.reports.sheets import Book, Column, CsvFile

Progress = Callable[[int], None]

LEAD_COLUMNS = (
    Column("Lead ID", "number", 10), Column("First name", width=16), Column("Last name", width=18), Column("Business", width=26),
    Column("Title", width=18), Column("Phone", width=18), Column("Extension", width=10), Column("Email", width=28),
    Column("Website", width=26), Column("City", width=16), Column("State", width=8), Column("Postal code", width=12),
    Column("Country", width=9), Column("Time zone", width=20), Column("Status", width=16), Column("Dials", "number", 8),
    Column("Answered", "number", 10), Column("Last result", width=14), Column("Last dial", "time", 22),
    Column("Last contacted", "time", 22), Column("Source", width=14), Column("Tags", width=20),
)  # fmt: skip
CALL_COLUMNS = (
    Column("Call ID", "number", 10), Column("Lead ID", "number", 10), Column("Provider", width=12), Column("Provider call ID", width=26),
    Column("Phone", width=18), Column("Call status", width=14), Column("Disposition", width=16), Column("Started", "time", 22),
    Column("Answered", "time", 22), Column("Ended", "time", 22), Column("Seconds", "number", 9), Column("Agent", width=18),
    Column("Notes", width=40),
)  # fmt: skip


def scope_of(export: Export) -> tuple[Scope, LeadFilter]:
    """The filter as who asked meant it: "me" is that user, and a day begins in that user's zone."""
    user = db.session.get(User, export.requested_by_id) if export.requested_by_id else None
    zone = user.zone_name if user else "UTC"
    return Scope(export.company_id, export.requested_by_id, zone), LeadFilter.from_query(
        export.params.get("filter", "")
    )


def count_leads(export: Export) -> int | None:
    """None beyond what can be counted quickly."""
    found = count_matches(*scope_of(export))
    return found.number if found.exact else None


def lead_pages(export: Export) -> Iterator[list[Any]]:
    scope, f = scope_of(export)
    match, values = match_sql(scope, f, get_list_ids(scope, f), cap=None)
    matching = sa.text(match).bindparams(**values).columns(id=sa.BigInteger).subquery("matching")
    lead = Lead.__table__.c
    query = sa.select(
        lead.id, lead.first_name, lead.last_name, lead.business, lead.title, lead.phone, lead.extension, lead.email, lead.website,
        lead.city, lead.state, lead.postal_code, lead.country, lead.zone, lead.status, lead.dial_attempts, lead.answered_count,
        lead.dial_result, lead.last_dial_attempt, lead.last_contacted_at, lead.source, sa.func.array_to_string(lead.tags, ", "),
    ).where(lead.company_id == export.company_id, lead.id.in_(sa.select(matching.c.id)))  # fmt: skip
    return by_id(query, lead.id)


def write_leads_csv(export: Export, target: Path, progress: Progress) -> int:
    """The file of the leads page, in the import's own columns."""
    scope, f = scope_of(export)
    total, outside = -1, True  # the head is no lead
    with target.open("wb") as file:
        for block in stream_csv(scope.company_id, f, viewer_id=scope.viewer_id, zone=scope.zone):
            file.write(block)
            before = max(total, 0)
            for part in block.split(b'"'):  # a line break inside quotes ends no row
                total += part.count(b"\n") if outside else 0
                outside = not outside
            outside = not outside
            progress(max(total, 0) - before)
    return total


def call_pages(
    company_id: int, list_id: int | None, since: datetime | None, until: datetime | None
) -> Iterator[list[Any]]:
    """Calls that started in [since, until)."""
    call = CallLog.__table__.c
    query = sa.select(
        call.id, call.lead_id, call.provider, call.provider_call_id, call.phone, call.call_status, call.disposition, call.started_at,
        call.answered_at, call.ended_at, call.duration, call.agent_name, call.notes,
    ).where(call.company_id == company_id)  # fmt: skip
    if list_id is not None:
        query = query.join(Lead, Lead.id == call.lead_id).where(Lead.list_id == list_id)
    if since is not None:
        query = query.where(call.started_at >= since)
    if until is not None:
        query = query.where(call.started_at < until)
    return by_id(query, call.id)


def list_name(company_id: int, list_id: int | None) -> str:
    """ "All lists" for None; empty when the list is gone."""
    if list_id is None:
        return "All lists"
    query = sa.select(LeadList.name).where(LeadList.id == list_id, LeadList.company_id == company_id)
    rows = read_page(query)
    return str(rows[0][0]) if rows else ""


def write_csv(target: Path, columns: Sequence[Column], pages: Iterator[list[Any]], progress: Progress) -> int:
    total = 0
    with target.open("w", encoding="utf-8", newline="") as file:
        sheet = CsvFile(file, columns)
        for rows in pages:
            sheet.write(rows)
            total += len(rows)
            progress(len(rows))
    return total


def write_book(
    target: Path, name: str, columns: Sequence[Column], pages: Iterator[list[Any]], progress: Progress,
    *, title: str, company: str, zone: str, facts: Sequence[tuple[str, Any]],
) -> int:  # fmt: skip
    def rows() -> Iterator[Any]:
        for page in pages:
            yield from page
            progress(len(page))

    with Book(str(target), title=title, author=company, zone=zone) as book:
        book.summary(title, facts)
        return book.sheet(name, columns, rows())


def now() -> datetime:
    moment: datetime = db.session.scalars(sa.select(sa.func.rebound_now(type_=sa.DateTime(timezone=True)))).one()
    return moment
