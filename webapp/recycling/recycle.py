"""Recycling: a new pass for the leads of chosen statuses, previewed, logged row by row, undoable."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql as pg

from webapp.core.audit import record_event
from webapp.core.clock import read_now
from webapp.core.db import atomic, db
from webapp.core.states import advance_many
from webapp.core.work import rest, running, start_work, step
from webapp.leads.models import Lead, LeadList
from webapp.leads.states import LEAD, RECYCLABLE
from webapp.recycling.models import RecycleBatch
from webapp.recycling.recycle_sql import (
    BEFORE,
    COUNTS_SQL,
    EXAMPLES_SQL,
    PICK_COLUMNS,
    PICKS_SQL,
    SET,
    SKIPPED_SQL,
    SKIPS,
)

log = structlog.get_logger(__name__)
CHUNK = 5_000
AT_ONCE = 500
NONE = "(none)"  # the status name that stands for a missing status in forms and URLs
TARGETS = ("new", "enriched", "contacted", "no_answer")


class CannotRecycle(Exception):
    """The choice itself makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class Preview:
    """`recycled` by status, `skipped` by reason (keys of SKIPS), `first_at`: when the first of a reason is free again."""

    recycled: dict[str, int]
    skipped: dict[str, int]
    first_at: dict[str, Any]

    @property
    def count(self) -> int:
        return sum(self.recycled.values())

    @property
    def total(self) -> int:
        return self.count + sum(self.skipped.values())


def check_choice(statuses: list[str], target: str) -> None:
    """Raises CannotRecycle for an empty or unknown choice, or a target that recycling may not set."""
    unknown = [name for name in statuses if name != NONE and name not in LEAD.states]
    if unknown:
        raise CannotRecycle(f"There is no status {unknown[0]}.")
    if not statuses:
        raise CannotRecycle("Choose at least one status to recycle.")
    if target not in TARGETS:
        raise CannotRecycle("Recycled leads can become " + ", ".join(LEAD[name].label for name in TARGETS) + ".")


def _params(lead_list: LeadList, statuses: list[str], target: str, reset: bool, as_of: Any) -> dict[str, Any]:
    return {
        "company": lead_list.company_id, "list": lead_list.id, "statuses": [s for s in statuses if s != NONE],
        "none": NONE in statuses, "target": target, "reset": reset, "as_of": as_of,
    }  # fmt: skip


def preview_recycle(lead_list: LeadList, statuses: list[str], target: str, *, reset_dial_count: bool) -> Preview:
    """What a recycling would do now, by the run's own query."""
    check_choice(statuses, target)
    as_of = read_now()
    return _count(_params(lead_list, statuses, target, reset_dial_count, as_of))


def _count(params: dict[str, Any]) -> Preview:
    recycled: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    first_at: dict[str, Any] = {}
    for row in db.session.execute(sa.text(COUNTS_SQL), params):
        if row.skipped is None:
            recycled[row.seen] += row.leads
        else:
            skipped[row.skipped] += row.leads
            if row.skipped in ("cooling", "phone_gap"):
                first_at[row.skipped] = min(first_at.get(row.skipped, row.first_at), row.first_at)
    return Preview(dict(recycled), {name: skipped[name] for name in SKIPS if skipped[name]}, first_at)


def preview_examples(
    lead_list: LeadList, statuses: list[str], target: str, *, reset_dial_count: bool, each: int = 3
) -> list[Any]:
    """A few leads of each outcome: id, seen, skipped (None: recycled), free_at and the lead's names."""
    params = _params(lead_list, statuses, target, reset_dial_count, read_now())
    return list(db.session.execute(sa.text(EXAMPLES_SQL), params | {"each": each}))


@atomic
def start_recycle(
    lead_list: LeadList, statuses: list[str], target: str, *, reset_dial_count: bool, by: Any
) -> RecycleBatch:  # fmt: skip
    """A batch and its job, with the preview it must agree with. Raises CannotRecycle."""
    check_choice(statuses, target)
    as_of = read_now()
    preview = _count(_params(lead_list, statuses, target, reset_dial_count, as_of))
    # Those that have the target already are walked first: later they could not be told from the recycled ones.
    statuses = sorted(statuses, key=lambda name: name != target)
    batch = RecycleBatch(
        company_id=lead_list.company_id, list_id=lead_list.id, statuses=statuses, target_status=target,
        reset_dial_count=reset_dial_count, preview={"recycled": preview.count, "skipped": preview.skipped},
        total=preview.total, batch_id=uuid4(), requested_by_id=by.id, job="recycle", created_at=as_of,
        up_to_id=db.session.scalar(sa.select(sa.func.max(Lead.id)).where(Lead.list_id == lead_list.id)) or 0,
    )  # fmt: skip
    start_work(batch)
    record_event(
        "recycled", f"Recycled {preview.count} leads of {lead_list.name} to {LEAD[target].label}", by=by, subject=batch,
        batch_id=batch.batch_id, list_id=lead_list.id, statuses=statuses, reset_dial_count=reset_dial_count,
        undo_url=f"/recycle-batches/{batch.id}/undo",
    )  # fmt: skip
    return batch


def is_small(batch: RecycleBatch) -> bool:
    return (batch.total or 0) <= AT_ONCE


def perform_recycle(batch_id: int) -> None:
    """The job's half. Walks the chosen statuses one after the other, each by id."""
    with running(RecycleBatch, batch_id) as batch:
        if batch is None:
            return
        for index in range(batch.position_status, len(batch.statuses)):
            while _recycle_chunk(batch, index):
                pass
        _finish(batch)


@atomic(retry=3)
def _recycle_chunk(batch: RecycleBatch, index: int) -> bool:
    after = batch.position if index == batch.position_status else 0
    t = Lead.__table__.c
    status = batch.statuses[index]
    chosen = t.status.is_(None) if status == NONE else t.status == status
    ids = list(
        db.session.scalars(
            sa.select(t.id)
            .where(t.list_id == batch.list_id, chosen, t.id > after, t.id <= batch.up_to_id)
            .order_by(t.id)
            .limit(CHUNK)
            .with_for_update()
        )
    )
    if not ids:
        return False
    params = {
        "company": batch.company_id, "target": batch.target_status, "reset": batch.reset_dial_count, "as_of": batch.created_at,
    }  # fmt: skip
    bound = sa.bindparam("ids", ids, pg.ARRAY(sa.BigInteger))
    picks = (
        sa.text(PICKS_SQL)
        .bindparams(bound, **params)
        .columns(*(sa.column(name, kind) for name, kind in PICK_COLUMNS.items()))
    )
    moved = advance_many(
        picks, machine=LEAD, table=Lead.__table__, by=batch.requested_by_id, cause="recycle", batch_id=batch.batch_id,
        values=dict(SET), before=BEFORE, same_status=True,
    ).subquery()  # fmt: skip
    by_status: dict[str, int] = {
        row[0]: row[1]
        for row in db.session.execute(sa.select(moved.c.old_status, sa.func.count()).group_by(moved.c.old_status))
    }
    done = sum(by_status.values())
    skipped: dict[str, int] = {}
    if done < len(ids):
        left = sa.text(SKIPPED_SQL).bindparams(bound)
        skipped = {row[0]: row[1] for row in db.session.execute(left, params | {"batch": str(batch.batch_id)})}
    result = {
        "recycled": Counter(batch.result.get("recycled", {})),
        "skipped": Counter(batch.result.get("skipped", {})),
    }
    result["recycled"].update(by_status)
    result["skipped"].update(skipped)
    step(
        batch, done=done, skipped=len(ids) - done, position=ids[-1], position_status=index,
        result={name: dict(counter) for name, counter in result.items()},
    )  # fmt: skip
    return True


def _finish(batch: RecycleBatch) -> None:
    recycled = sum(batch.result.get("recycled", {}).values())
    skipped = batch.result.get("skipped", {})
    differences = differs_from_preview(batch)
    message = f"Recycled {recycled} leads, skipped {sum(skipped.values())}."
    if differences:
        message += " Facts changed since the preview: " + "; ".join(differences) + "."
    rest(batch, "done", message)
    log.info("leads_recycled", recycle_batch_id=batch.id, recycled=recycled, skipped=sum(skipped.values()))


def differs_from_preview(batch: RecycleBatch) -> list[str]:
    """Where the run ended otherwise than its preview said, in words."""
    said = {"recycled": batch.preview.get("recycled", 0), **batch.preview.get("skipped", {})}
    ended = {"recycled": sum(batch.result.get("recycled", {}).values()), **batch.result.get("skipped", {})}
    return [
        f"{name.replace('_', ' ')} {ended.get(name, 0)} instead of {said.get(name, 0)}"
        for name in ("recycled", *SKIPS)
        if ended.get(name, 0) != said.get(name, 0)
    ]


__all__ = [
    "NONE", "RECYCLABLE", "SKIPS", "TARGETS", "CannotRecycle", "Preview", "check_choice", "differs_from_preview", "is_small",
    "perform_recycle", "preview_examples", "preview_recycle", "start_recycle",
]  # fmt: skip
