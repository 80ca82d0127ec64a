"""The dry run and the run of a lead file: the same rows by the same rules, in chunks that can be killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import Company, User
from webapp.core.audit import record_event
from webapp.core.db import atomic, db
from webapp.core.work import WorkError, keep_alive, rest, step
from webapp.imports import reading, staging
from webapp.imports.models import Import, ImportRow
from webapp.imports.rules import FirstSeen, ParsedLead, Plan, parse_lead, parse_tags
from webapp.imports.staging import Target
from webapp.leads.models import LeadList

CHUNK = 5_000
SAMPLES = 20
ALIVE_EVERY = 10.0  # seconds


def build_plan(row: Import) -> Plan:
    company = db.session.get_one(Company, row.company_id)
    headers = row.preview["headers"]
    owners: dict[str, int] = {}
    if "owner" in row.columns.values():
        for user in db.session.scalars(
            sa.select(User).where(User.company_id == row.company_id, User.deactivated_at.is_(None))
        ):
            owners |= {user.name.lower(): user.id, user.email.lower(): user.id}
    return Plan(
        columns=tuple((int(index), headers[int(index)], field) for index, field in sorted(row.columns.items(), key=lambda c: int(c[0]))),
        width=len(headers), country=row.options.get("country") or company.country, need_phone=not row.options.get("without_phone"),
        owners=owners, source=row.options.get("source", ""), tags=tuple(parse_tags(row.options.get("tags", ""))),
    )  # fmt: skip


def build_target(row: Import) -> Target:
    """Raises WorkError when the list is gone."""
    campaign_id = None
    if row.list_id is not None:
        lead_list = db.session.get(LeadList, row.list_id, populate_existing=True)
        if lead_list is None or lead_list.company_id != row.company_id or lead_list.archived_at is not None:
            raise WorkError("The list has been removed. Upload the file again and choose another.")
        campaign_id = lead_list.dial_campaign_id
    return Target(
        row.company_id, row.list_id, campaign_id, row.options.get("scope", "list"), row.options.get("duplicates", "skip"),
        row.id, frozenset(row.columns.values()), row.batch_id, row.requested_by_id, bool(row.options.get("without_phone")),
    )  # fmt: skip


def perform(row: Import, *, write: bool) -> None:
    """Raises FileRefused before anything is written when the file is not sound from end to end."""
    plan, target = build_plan(row), build_target(row)
    if row.total is None:
        keep_alive(row, total=sum(1 for _ in reading.read_data(row)))
    if not row.total:
        raise WorkError("The file has no rows below its header.")
    touched = _touched(row) if write else set()
    alive = time.monotonic()
    for rows in _chunks(row, plan):
        if rows[-1].number <= row.position:  # done before a restart; read again only to know its keys
            if time.monotonic() - alive > ALIVE_EVERY:
                keep_alive(row)
                alive = time.monotonic()
            continue
        _perform_chunk(row, rows, target, touched, write=write)
        alive = time.monotonic()
    _finish(row, write=write)


def _chunks(row: Import, plan: Plan) -> Iterator[list[ParsedLead]]:
    seen = FirstSeen(emails=not plan.need_phone)

    def parsed() -> Iterator[ParsedLead]:
        for number, cells in reading.read_data(row):
            lead = parse_lead(number, cells, plan)
            seen.judge(lead)
            yield lead

    rows = parsed()
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _touched(row: Import) -> set[int]:
    return set(
        db.session.scalars(
            sa.select(ImportRow.lead_id).where(ImportRow.import_id == row.id, ImportRow.outcome == "update")
        )
    )


@atomic
def _perform_chunk(row: Import, rows: list[ParsedLead], target: Target, touched: set[int], *, write: bool) -> None:
    if write:
        # One import of a company at a time looks and writes, or two would both find no duplicate.
        db.session.execute(
            sa.text("SELECT pg_advisory_xact_lock(hashtext('imports'), :company)"), {"company": row.company_id % 2**31}
        )
    staging.stage(rows, keep_raw=write)
    staging.judge(target, touched)
    found = staging.count_outcomes()
    kept = dict(row.result if write else row.checked)
    kept["counts"] = add_counts(kept.get("counts", {}), found)
    if write:
        staging.write_new(target)
        staging.write_updates(target)
        staging.write_rows(target)
    else:
        kept["samples"] = _more_samples(kept.get("samples", {}), found)
    step(
        row, done=found.get("new", 0) + found.get("update", 0), failed=found.get("invalid", 0) + found.get("missing", 0),
        skipped=sum(n for name, n in found.items() if name.startswith(("duplicate", "dnc"))), position=rows[-1].number,
        **kept_as(write, kept),
    )  # fmt: skip


def kept_as(write: bool, value: dict[str, Any]) -> dict[str, Any]:
    return {"result" if write else "checked": value}


def add_counts(counts: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    return {name: counts.get(name, 0) + more.get(name, 0) for name in {**counts, **more}}


def _more_samples(samples: dict[str, Any], found: dict[str, int]) -> dict[str, Any]:
    if all(len(samples.get(name, [])) >= SAMPLES for name in found):
        return samples
    picked = staging.pick_samples(SAMPLES)
    return {name: (samples.get(name, []) + picked.get(name, []))[:SAMPLES] for name in {**samples, **picked}}


@atomic
def _finish(row: Import, *, write: bool) -> None:
    counts = (row.result if write else row.checked).get("counts", {})
    message = f"{counts.get('new', 0):,} new, {counts.get('update', 0):,} updated." if write else ""
    if rest(row, "done", message, stage="imported" if write else "checked") and write:
        user = db.session.get(User, row.requested_by_id) if row.requested_by_id else None
        record_event(
            "imported", f"Imported {row.filename}: {message}", by=user, company_id=row.company_id, subject=row,
            batch_id=row.batch_id, counts=counts, list_id=row.list_id,
        )  # fmt: skip
