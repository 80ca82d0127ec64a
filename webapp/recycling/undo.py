"""Undo of a batch by its ledger rows: each lead that has not changed since goes back, the others are listed."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql as pg

from webapp.core.audit import StatusChange, record_event
from webapp.core.clock import read_now
from webapp.core.db import atomic, db
from webapp.core.states import advance_many
from webapp.core.work import rest, running, start_work, step
from webapp.leads.models import Lead
from webapp.leads.states import LEAD
from webapp.recycling.models import RecycleBatch, Repair, Undo
from webapp.recycling.recycle_sql import BEFORE as RECYCLE_BEFORE
from webapp.recycling.repair_sql import BEFORE as REPAIR_BEFORE

log = structlog.get_logger(__name__)
CHUNK = 5_000
KEPT_FOR_CHECKS = ("problem", "call_count")
SKIPS = {
    "changed": "Its status was changed since",
    "dialed": "It was dialed since",
    "gone": "The lead is no longer there",
    "dnc": "It is Do Not Call, which only lifting its entry ends",
    "missing": "It had no status; a missing status is not put back",
}
_CASTS = {"pass_number": "int", "pass_dials": "int", "dial_attempts": "int", "answered_count": "int", "dial_result": "text",
          "anchor_status": "text"}  # fmt: skip


class CannotUndo(Exception):
    """The batch cannot be undone; the text says why."""


def _restored(before: tuple[str, ...]) -> list[str]:
    return [name for name in before if name not in KEPT_FOR_CHECKS]


def _judged_sql(before: tuple[str, ...]) -> str:
    olds = ",\n       ".join(
        f"(c.before ->> '{name}')::{_CASTS.get(name, 'timestamptz')} AS new_{name}" for name in _restored(before)
    )
    return f"""
WITH judged AS (
  SELECT c.subject_id, l.id, l.company_id, l.status AS seen, c.old_status AS to_status, c.id AS evidence_id,
       {olds},
       CASE WHEN l.id IS NULL THEN 'gone'
            WHEN c.old_status IS NULL AND c.new_status IS NOT NULL THEN 'missing'
            WHEN l.status = 'dnc' AND c.old_status IS DISTINCT FROM 'dnc' THEN 'dnc'
            WHEN l.call_count <> (c.before ->> 'call_count')::int THEN 'dialed'
            WHEN l.status IS DISTINCT FROM c.new_status OR EXISTS (
              SELECT 1 FROM status_changes later WHERE later.machine = 'lead' AND later.subject_id = c.subject_id AND later.id > c.id
            ) THEN 'changed' END AS skipped
  FROM status_changes c LEFT JOIN leads l ON l.id = c.subject_id
  WHERE c.batch_id = CAST(:batch AS uuid) AND c.subject_id = ANY(CAST(:ids AS bigint[]))
)"""


@atomic
def start_undo(row: RecycleBatch | Repair, *, by: Any) -> Undo:
    """The undoing of a finished batch, once: a second ask gives the first one back. Raises CannotUndo."""
    kind: Any = type(row)
    locked: RecycleBatch | Repair = db.session.scalars(
        sa.select(kind).where(kind.id == row.id).with_for_update().execution_options(populate_existing=True)
    ).one()
    existing = db.session.scalars(sa.select(Undo).where(Undo.batch_id == locked.batch_id)).first()
    if existing is not None:
        return existing
    if locked.state in ("queued", "running", "paused"):
        raise CannotUndo("It is still running. Cancel it first, or wait until it has ended.")
    if not locked.done:
        raise CannotUndo("It changed nothing, so there is nothing to undo.")
    undo = Undo(
        company_id=locked.company_id, batch_id=locked.batch_id, subject=kind.__tablename__, subject_id=locked.id,
        total=db.session.scalar(sa.select(sa.func.count()).where(StatusChange.batch_id == locked.batch_id)),
        requested_by_id=by.id, job="undo",
    )  # fmt: skip
    start_work(undo)
    locked.undone_at = read_now()
    locked.undone_by_id = by.id
    record_event(
        "undone", f"Undid the {_name(kind)} of {locked.done} leads", by=by, subject=locked, batch_id=locked.batch_id
    )
    db.session.flush()
    db.session.refresh(locked)
    return undo


def _name(kind: type) -> str:
    return "recycling" if kind is RecycleBatch else "repair"


def find_undo(batch_id: UUID) -> Undo | None:
    return db.session.scalars(sa.select(Undo).where(Undo.batch_id == batch_id)).first()


def perform_undo(undo_id: int) -> None:
    """The job's half."""
    with running(Undo, undo_id) as undo:
        if undo is None:
            return
        new_batch = uuid4()
        while _undo_chunk(undo, new_batch):
            pass
        skipped = undo.result
        message = f"Restored {undo.done} leads."
        if skipped:
            message += (
                " Left " + "; ".join(f"{number}: {SKIPS[name].lower()}" for name, number in skipped.items()) + "."
            )
        rest(undo, "done", message)
        log.info("batch_undone", undo_id=undo.id, restored=undo.done, skipped=undo.skipped)


@atomic(retry=3)
def _undo_chunk(undo: Undo, new_batch: UUID) -> bool:
    before = RECYCLE_BEFORE if undo.subject == RecycleBatch.__tablename__ else REPAIR_BEFORE
    ids = list(
        db.session.scalars(
            sa.select(StatusChange.subject_id)
            .where(StatusChange.batch_id == undo.batch_id, StatusChange.subject_id > undo.position)
            .order_by(StatusChange.subject_id)
            .limit(CHUNK)
        )
    )
    if not ids:
        return False
    db.session.execute(sa.select(Lead.id).where(Lead.id.in_(ids)).order_by(Lead.id).with_for_update())
    sql = _judged_sql(before)
    params = {"batch": str(undo.batch_id)}
    bound = sa.bindparam("ids", ids, pg.ARRAY(sa.BigInteger))
    skipped: dict[str, int] = {
        reason: number
        for reason, number in db.session.execute(
            sa.text(sql + " SELECT skipped, count(*) FROM judged GROUP BY skipped").bindparams(bound), params
        )
        if reason is not None
    }
    names = _restored(before)
    kinds = {"int": sa.Integer, "text": sa.Text, "timestamptz": sa.DateTime(timezone=True)}
    columns: dict[str, Any] = {
        "id": sa.BigInteger, "company_id": sa.BigInteger, "seen": sa.Text, "to_status": sa.Text, "evidence_id": sa.BigInteger,
        **{f"new_{name}": kinds[_CASTS.get(name, "timestamptz")] for name in names},
    }  # fmt: skip
    picks = (
        sa.text(f"{sql} SELECT {', '.join(columns)} FROM judged WHERE skipped IS NULL")
        .bindparams(bound, **params)
        .columns(*(sa.column(name, kind) for name, kind in columns.items()))
    )
    moved = advance_many(
        picks, machine=LEAD, table=Lead.__table__, by=undo.requested_by_id, cause="undo", batch_id=new_batch,
        values={name: f"new_{name}" for name in names}, same_status=True,
    ).subquery()  # fmt: skip
    done = db.session.scalar(sa.select(sa.func.count()).select_from(moved)) or 0
    step(
        undo, done=done, skipped=len(ids) - done, position=ids[-1], result=dict(Counter(undo.result) + Counter(skipped))
    )
    return True
