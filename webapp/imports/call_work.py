"""The dry run and the run of a dialer's call log: each row is one delivery, taken by the same path as the API's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from webapp.accounts.models import Company, User
from webapp.core.audit import record_event
from webapp.core.db import atomic, db
from webapp.core.work import WorkError, keep_alive, rest, step
from webapp.dialer.events import parse_event
from webapp.dialer.models import CallEvent
from webapp.dialer.service import record_events
from webapp.imports import reading
from webapp.imports.call_rules import PROVIDER, CallPlan, ParsedCall, order_hint, parse_call
from webapp.imports.cells import storable
from webapp.imports.lead_work import SAMPLES, add_counts, kept_as
from webapp.imports.models import Import, ImportRow
from webapp.leads.models import Lead, LeadSearch

CHUNK = 1_000
REFUSED = ("invalid", "quarantined")
SOURCE = "import"


def build_plan(row: Import) -> CallPlan:
    company = db.session.get_one(Company, row.company_id)
    country = row.options.get("country") or company.country
    rows = [cells for _, cells in islice(reading.read_data(row), 2_000)]
    order = row.options.get("order") or order_hint(rows, row.columns, country)[0]
    columns = tuple(
        (int(i), row.preview["headers"][int(i)], field)
        for i, field in sorted(row.columns.items(), key=lambda c: int(c[0]))
    )
    return CallPlan(columns, country, row.options.get("zone") or company.zone, order)


def perform(row: Import, *, write: bool) -> None:
    """Raises FileRefused before anything is written when the file is not sound from end to end."""
    plan = build_plan(row)
    if row.total is None:
        keep_alive(row, total=sum(1 for _ in reading.read_data(row)))
    if not row.total:
        raise WorkError("The file has no rows below its header.")
    for rows in _chunks(row, plan):
        if rows[-1].number > row.position:
            _perform_chunk(row, rows, write=write)
    _finish(row, write=write)


def _chunks(row: Import, plan: CallPlan) -> Iterator[list[ParsedCall]]:
    rows = (_checked(parse_call(number, cells, plan)) for number, cells in reading.read_data(row))
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _checked(row: ParsedCall) -> ParsedCall:
    if row.event is not None:
        try:
            row.event = parse_event(row.event)
        except ValidationError as error:
            first = error.errors()[0]
            row.event, row.reason = None, f"{'.'.join(str(part) for part in first['loc']) or 'row'}: {first['msg']}"
    return row


@atomic
def _perform_chunk(row: Import, rows: list[ParsedCall], *, write: bool) -> None:
    outcomes = _record(row, rows) if write else _foresee(row, rows)
    counts = Counter(outcome for outcome, _, _ in outcomes)
    kept = dict(row.result if write else row.checked)
    kept["counts"] = add_counts(kept.get("counts", {}), counts)
    if write:
        db.session.execute(
            sa.insert(ImportRow),
            [
                {"import_id": row.id, "number": parsed.number, "outcome": outcome, "reason": reason, "lead_id": lead_id,
                 "raw": [storable(cell) for cell in parsed.cells] if outcome in REFUSED else None}
                for parsed, (outcome, reason, lead_id) in zip(rows, outcomes, strict=True)
            ],
        )  # fmt: skip
    else:
        kept["samples"] = _more_samples(kept.get("samples", {}), rows, outcomes)
    applied = counts["new"] + counts["applied"]
    step(
        row, done=applied, failed=counts["invalid"], skipped=len(rows) - applied - counts["invalid"], position=rows[-1].number,
        **kept_as(write, kept),
    )  # fmt: skip


Result = tuple[str, str, int | None]  # outcome, reason, lead id


def _record(row: Import, rows: list[ParsedCall]) -> list[Result]:
    taken = [parsed.event for parsed in rows if parsed.event is not None]
    answers = iter(record_events(row.company_id, taken, source=SOURCE, import_id=row.id))
    found: list[Result] = []
    for parsed in rows:
        if parsed.event is None:
            found.append(("invalid", parsed.reason, None))
        else:
            answer = next(answers)
            found.append((answer.outcome, answer.reason, answer.lead_id))
    return found


def _foresee(row: Import, rows: list[ParsedCall]) -> list[Result]:
    """What the run would say: known by their ids, or without a lead of ours."""
    events = [parsed.event for parsed in rows if parsed.event is not None]
    known = set(
        db.session.scalars(
            sa.select(CallEvent.event_id).where(
                CallEvent.company_id == row.company_id, CallEvent.provider == PROVIDER,
                CallEvent.event_id.in_([event["event_id"] for event in events]),
            )
        )
    )  # fmt: skip
    phones = {event["phone"] for event in events if event["phone"] and not event["lead_id"]}
    found_leads = db.session.execute(
        sa.select(LeadSearch.phone, sa.func.max(LeadSearch.lead_id))
        .where(LeadSearch.company_id == row.company_id, LeadSearch.phone.in_(phones))
        .group_by(LeadSearch.phone)
    )
    by_phone: dict[str | None, int] = {phone: lead_id for phone, lead_id in found_leads}  # noqa: C416
    wanted = {event["lead_id"] for event in events if event["lead_id"]}
    ids = set(db.session.scalars(sa.select(Lead.id).where(Lead.company_id == row.company_id, Lead.id.in_(wanted))))
    found: list[Result] = []
    for parsed in rows:
        event = parsed.event
        if event is None:
            found.append(("invalid", parsed.reason, None))
            continue
        lead_id = (
            (event["lead_id"] if event["lead_id"] in ids else None)
            if event["lead_id"]
            else by_phone.get(event["phone"])
        )
        if event["event_id"] in known:
            found.append(("duplicate", "this very row was taken before", lead_id))
        elif lead_id is None:
            found.append(("quarantined", "no lead of yours has this number", None))
        else:
            found.append(("new", "", lead_id))
        known.add(event["event_id"])
    return found


def _more_samples(samples: dict[str, Any], rows: list[ParsedCall], outcomes: list[Result]) -> dict[str, Any]:
    found = {name: list(some) for name, some in samples.items()}
    for parsed, (outcome, reason, lead_id) in zip(rows, outcomes, strict=True):
        some = found.setdefault(outcome, [])
        if len(some) < SAMPLES:
            event = parsed.event or {}
            times = {name: event[name].isoformat() if event.get(name) else None for name in ("started_at", "ended_at")}
            some.append({
                "line": parsed.number, "reason": reason, "lead_id": lead_id, "phone": event.get("phone"), **times,
                "call_status": event.get("call_status"), "disposition": event.get("disposition"), "agent": event.get("agent", ""),
                "duration": event.get("duration"), "cells": None if event else [storable(cell)[:60] for cell in parsed.cells[:8]],
            })  # fmt: skip
    return found


@atomic
def _finish(row: Import, *, write: bool) -> None:
    counts = (row.result if write else row.checked).get("counts", {})
    message = f"{counts.get('applied', 0):,} calls taken." if write else ""
    if rest(row, "done", message, stage="imported" if write else "checked") and write:
        user = db.session.get(User, row.requested_by_id) if row.requested_by_id else None
        record_event("calls_imported", f"Imported the call log {row.filename}: {message}", by=user, company_id=row.company_id,
                     subject=row, counts=counts)  # fmt: skip
