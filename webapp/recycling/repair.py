"""Repair of problematic leads: row by row on the ledger, in chunks, resumable, and undoable."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql as pg

from webapp.core.audit import record_event
from webapp.core.db import atomic, db
from webapp.core.states import advance_many
from webapp.core.work import rest, running, start_work, step
from webapp.dialer.aftermath import CONSEQUENTIAL, settle_leads
from webapp.dialer.claims import sweep_claims
from webapp.dialer.models import HopperEntry
from webapp.dialer.open_calls import close_forgotten_calls
from webapp.leads.models import Lead
from webapp.leads.problems import PROBLEMS, REPAIRABLE
from webapp.leads.states import LEAD
from webapp.recycling.models import Repair
from webapp.recycling.queries import fixable, hopper_mismatch_leads, list_ids_of, problem_counts
from webapp.recycling.repair_sql import BEFORE, PICK_COLUMNS, PICKS_SQL, SET

log = structlog.get_logger(__name__)
CHUNK = 5_000


@atomic
def start_repair(
    company_id: int, *, by: Any, list_id: int | None = None, campaign_id: int | None = None,
    classes: tuple[str, ...] | None = None, trigger: str = "user",
) -> Repair:  # fmt: skip
    """A repair row and its job. Where one of the same scope waits or runs already, that one is given back."""
    # One at a time per company: whoever comes second sees the first.
    db.session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('repair'), :company)"), {"company": company_id})
    same = db.session.scalars(
        sa.select(Repair).where(
            Repair.company_id == company_id,
            Repair.state.in_(("queued", "running")),
            Repair.list_id.is_not_distinct_from(list_id),
            Repair.campaign_id.is_not_distinct_from(campaign_id),
        )
    ).first()
    if same is not None:
        return same
    chosen = [name for name in (classes or tuple(PROBLEMS)) if PROBLEMS[name].repairable]
    before = problem_counts(company_id, list_id, campaign_id=campaign_id)
    total = sum(before[name] for name in chosen)
    repair = Repair(
        company_id=company_id, list_id=list_id, campaign_id=campaign_id, trigger=trigger, classes=chosen, before=before,
        total=total, batch_id=uuid4(), requested_by_id=getattr(by, "id", None), job="repair",
    )  # fmt: skip
    start_work(repair)
    if by is not None:
        record_event(
            "repair_started",
            f"Started the repair of {total} problematic leads",
            by=by,
            subject=repair,
            batch_id=repair.batch_id,
        )
    return repair


def perform_repair(repair_id: int) -> None:
    """The job's half: every chunk is one transaction with its ledger rows and its progress."""
    with running(Repair, repair_id) as repair:
        if repair is None:
            return
        lists = list_ids_of(repair.company_id, list_id=repair.list_id, campaign_id=repair.campaign_id)
        if "open_call" in repair.classes:
            while _close_calls(repair, lists):
                pass
        if "stuck_claim" in repair.classes:
            _sweep_hopper(repair, sum(sweep_claims(repair.company_id).values()), "claims")
        if "hopper_mismatch" in repair.classes:
            _sweep_hopper(repair, remove_mismatched(repair.company_id, lists), "removed")
        for list_id in lists:
            while list_id >= repair.position_list_id and _repair_chunk(repair, list_id):
                pass
        _finish(repair)


@atomic(retry=3)
def _close_calls(repair: Repair, list_ids: list[int]) -> int:
    closed = close_forgotten_calls(repair.company_id, list_ids=list_ids)
    if closed:
        result = Counter(repair.result)
        result["calls_closed"] += closed
        step(repair, done=closed, result=dict(result))
    return closed


@atomic(retry=3)
def _sweep_hopper(repair: Repair, number: int, word: str) -> None:
    if number:
        result = Counter(repair.result)
        result[word] += number
        step(repair, done=number, result=dict(result))


@atomic(retry=3)
def remove_mismatched(company_id: int, list_ids: list[int]) -> int:
    """Take what may not be dialed out of the hopper; how many."""
    wrong = hopper_mismatch_leads(company_id, list_ids).subquery()
    gone = sa.delete(HopperEntry).where(HopperEntry.lead_id.in_(sa.select(wrong.c.id)), HopperEntry.status == "ready")
    return len(db.session.execute(gone.returning(HopperEntry.id).execution_options(synchronize_session=False)).all())


@atomic(retry=3)
def _repair_chunk(repair: Repair, list_id: int) -> bool:
    """One chunk of one list; False when the list has no more."""
    after = repair.position if list_id == repair.position_list_id else 0
    ids = _lock_problematic(list_id, after, tuple(c for c in repair.classes if c in REPAIRABLE))
    if not ids:
        return False
    counted, consequential = _repair_ids(ids, by=repair.requested_by_id, batch_id=repair.batch_id)
    settle_leads(repair.company_id, consequential)
    fixed = sum(counted.values())
    result = Counter(repair.result)
    result["fixed"] += fixed
    result["in_call"] += len(ids) - fixed
    for (old, new), number in counted.items():
        result[f"to:{new}" if old != new else "counters"] += number
    step(repair, done=fixed, skipped=len(ids) - fixed, position=ids[-1], position_list_id=list_id, result=dict(result))
    return True


def _lock_problematic(list_id: int, after: int, classes: tuple[str, ...]) -> list[int]:
    t = Lead.__table__.c
    return list(
        db.session.scalars(
            sa.select(t.id)
            .where(t.list_id == list_id, t.id > after, t.problem.is_not(None), t.problem.in_(classes))
            .order_by(t.id)
            .limit(CHUNK)
            .with_for_update()
        )
    )


def _repair_ids(
    ids: list[int], *, by: int | None, batch_id: Any
) -> tuple[Counter[tuple[str | None, str | None]], list[int]]:
    """Repair locked leads; how many went from which status to which, and those that got a status with consequences."""
    picks = (
        sa.text(PICKS_SQL)
        .bindparams(sa.bindparam("ids", ids, pg.ARRAY(sa.BigInteger)))
        .columns(*(sa.column(name, kind) for name, kind in PICK_COLUMNS.items()))
    )
    moved = advance_many(
        picks, machine=LEAD, table=Lead.__table__, by=by, cause="repair", batch_id=batch_id, values=dict(SET),
        before=BEFORE, same_status=True,
    )  # fmt: skip
    rows = db.session.execute(moved).all()
    counted = Counter((row.old_status, row.new_status) for row in rows)
    return counted, sorted(r.subject_id for r in rows if r.new_status in CONSEQUENTIAL and r.new_status != r.old_status)


def _finish(repair: Repair) -> None:
    after = problem_counts(repair.company_id, repair.list_id, campaign_id=repair.campaign_id)
    left = fixable(after)
    result = repair.result
    fixed = result.get("fixed", 0)
    message = f"Fixed {fixed} leads." if fixed else "Nothing needed fixing."
    if result.get("calls_closed"):
        message += f" Closed {result['calls_closed']} calls without an end."
    if result.get("claims"):
        message += f" Settled {result['claims']} claims past their lease."
    if result.get("removed"):
        message += f" Took {result['removed']} leads out of the hopper."
    if result.get("in_call"):
        message += f" Left {result['in_call']} alone: they are in a call."
    rest(repair, "done", message, after=after)
    log.info("repair_finished", repair_id=repair.id, trigger=repair.trigger, fixed=fixed, left=left)
