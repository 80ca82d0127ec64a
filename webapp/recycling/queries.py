"""How many leads are a problem and why, and what a repair would make of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from webapp.core.access import owned
from webapp.core.audit import StatusChange
from webapp.core.db import db
from webapp.dialer.models import Callback, HopperEntry
from webapp.dialer.open_calls import forgotten_calls
from webapp.leads.models import Lead, LeadList, LeadTally
from webapp.leads.problems import PROBLEMS, REPAIRABLE
from webapp.leads.states import LEAD
from webapp.leads.tallies import Cell, get_cells
from webapp.recycling.models import RecycleBatch, Repair, Undo
from webapp.recycling.recycle_sql import JUDGED_SQL
from webapp.recycling.repair_sql import PREVIEW_COLUMNS, PREVIEW_SQL


def list_ids_of(company_id: int, *, list_id: int | None = None, campaign_id: int | None = None) -> list[int]:
    query = owned(LeadList, company_id).with_only_columns(LeadList.id).order_by(LeadList.id)
    if list_id is not None:
        query = query.where(LeadList.id == list_id)
    if campaign_id is not None:
        query = query.where(LeadList.dial_campaign_id == campaign_id)
    return list(db.session.scalars(query))


def problem_counts(company_id: int, list_id: int | None = None, *, campaign_id: int | None = None) -> dict[str, int]:
    """Leads by problem class, every class named, each lead counted once: the classes sum to the problematic leads."""
    list_ids = None if campaign_id is None else list_ids_of(company_id, campaign_id=campaign_id)
    counts = dict.fromkeys(PROBLEMS, 0)
    for cell in get_cells(company_id, list_id=list_id, list_ids=list_ids):
        if cell.problem:
            counts[cell.problem] += cell.leads
    scope = list_ids if list_ids is not None else [list_id] if list_id is not None else None
    names, numbers = tuple(ELSEWHERE), [_count(query(company_id, scope)) for query in ELSEWHERE.values()]
    counts |= dict(zip(names, db.session.execute(sa.select(*numbers)).one(), strict=True))
    return counts


def _count(query: sa.Select[int]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(query.subquery()).scalar_subquery()


def count_problems(company_id: int) -> int:
    """The number in the sidebar: what `problem_counts` sums to, without the cells."""
    t = LeadTally.__table__.c
    held = sa.select(sa.func.coalesce(sa.func.sum(t.leads), 0)).where(
        t.company_id == company_id, t.problem.is_not(None)
    )
    total: Any = held.scalar_subquery()
    for query in ELSEWHERE.values():
        total = total + _count(query(company_id, None))
    return int(db.session.scalar(sa.select(total)) or 0)


def problems_elsewhere(company_id: int) -> dict[int, int]:
    """Problems that the lead's own row does not show, by list."""
    first, *others = (query(company_id, None) for query in ELSEWHERE.values())
    ids = first.union_all(*others).subquery()
    query = sa.select(Lead.list_id, sa.func.count()).where(Lead.id.in_(sa.select(ids.c.id))).group_by(Lead.list_id)
    return {row[0]: row[1] for row in db.session.execute(query)}


def fixable(counts: dict[str, int]) -> int:
    return sum(number for name, number in counts.items() if PROBLEMS[name].repairable)


def open_call_leads(company_id: int, list_ids: list[int] | None = None) -> sa.Select[int]:
    """Leads with a call that has had no end for too long and no problem of their own row."""
    calls = forgotten_calls(company_id, list_ids=list_ids).subquery()
    return sa.select(Lead.id).where(Lead.id.in_(sa.select(calls.c.lead_id)), Lead.problem.is_(None))


def callback_mismatch_leads(company_id: int, list_ids: list[int] | None = None) -> sa.Select[int]:
    """Leads that say callback without an open one, or have an open one and say something else."""
    lists = owned(LeadList, company_id).with_only_columns(LeadList.id)
    if list_ids is not None:
        lists = lists.where(LeadList.id.in_(list_ids))
    is_open = sa.select(Callback.id).where(Callback.lead_id == Lead.id, Callback.state != "closed").exists()
    without = sa.select(Lead.id).where(
        Lead.list_id.in_(lists), Lead.status == "callback", Lead.problem.is_(None), ~is_open
    )
    reverse = (
        sa.select(Lead.id)
        .join(Callback, Callback.lead_id == Lead.id)
        .where(Callback.company_id == company_id, Callback.state != "closed", Lead.status.is_distinct_from("callback"),
               Lead.problem.is_(None), Lead.list_id.in_(lists))
    )  # fmt: skip
    both = without.union_all(reverse).subquery()  # a lead is in one of them at most
    return sa.select(both.c.id).where(both.c.id.not_in(open_call_leads(company_id, list_ids)))


def stuck_claim_leads(company_id: int, list_ids: list[int] | None = None) -> sa.Select[int]:
    """Leads whose claim ran out and was not swept yet, and which are no problem of another class."""
    held = _in_hopper(company_id, list_ids).where(
        HopperEntry.status != "ready", HopperEntry.lease_until < sa.func.rebound_now()
    )
    return held.where(
        Lead.id.not_in(open_call_leads(company_id, list_ids)),
        Lead.id.not_in(callback_mismatch_leads(company_id, list_ids)),
    )


def hopper_mismatch_leads(company_id: int, list_ids: list[int] | None = None) -> sa.Select[int]:
    """Leads that stand ready in the hopper and may not be dialed, whatever the hour; no problem of another class."""
    return _in_hopper(company_id, list_ids).where(
        HopperEntry.status == "ready",
        sa.or_(Lead.status.not_in((*LEAD.with_flag("dialable"), "callback")), Lead.phone.is_(None), ~LeadList.active,
               LeadList.dial_campaign_id.is_distinct_from(HopperEntry.campaign_id)),
        Lead.id.not_in(callback_mismatch_leads(company_id, list_ids)),
        Lead.id.not_in(open_call_leads(company_id, list_ids)),
    )  # fmt: skip


def _in_hopper(company_id: int, list_ids: list[int] | None) -> sa.Select[int]:
    query = (
        sa.select(Lead.id).join(HopperEntry, HopperEntry.lead_id == Lead.id).join(LeadList, LeadList.id == Lead.list_id)
        .where(HopperEntry.company_id == company_id, Lead.problem.is_(None))
    )  # fmt: skip
    return query if list_ids is None else query.where(Lead.list_id.in_(list_ids))


# Classes that the lead's own row does not show; a lead is in one of them at most.
ELSEWHERE: dict[str, Callable[[int, list[int] | None], sa.Select[int]]] = {
    "open_call": open_call_leads, "callback_mismatch": callback_mismatch_leads, "stuck_claim": stuck_claim_leads,
    "hopper_mismatch": hopper_mismatch_leads,
}  # fmt: skip


def _of_class(company_id: int, name: str, list_ids: list[int]) -> sa.Select[int]:
    if name in ELSEWHERE:
        return ELSEWHERE[name](company_id, list_ids)
    return sa.select(Lead.id).where(Lead.list_id.in_(list_ids), Lead.problem.is_not(None), Lead.problem == name)


def example_leads(company_id: int, name: str, *, list_id: int | None = None, limit: int = 3) -> list[Lead]:
    """A few leads of one class."""
    list_ids = list_ids_of(company_id, list_id=list_id)
    ids = list(db.session.scalars(_of_class(company_id, name, list_ids).limit(limit)))
    return list(db.session.scalars(owned(Lead, company_id).where(Lead.id.in_(ids)).order_by(Lead.id)))


def preview_repair(
    company_id: int, *, list_id: int | None = None, campaign_id: int | None = None, classes: tuple[str, ...] = REPAIRABLE,
    limit: int | None = 50,
) -> list[Any]:  # fmt: skip
    """What a repair would do, by the run's own query: rows of id, problem, seen, to_status, in_call, dials and calls.

    `limit` None takes all, for a dry run.
    """
    statement = sa.text(PREVIEW_SQL).columns(**PREVIEW_COLUMNS)
    return list(
        db.session.execute(
            statement,
            {
                "lists": list_ids_of(company_id, list_id=list_id, campaign_id=campaign_id),
                "classes": list(classes),
                "limit": limit,
            },
        )
    )


def list_repairs(company_id: int, *, list_id: int | None = None, limit: int = 20) -> list[Repair]:
    query = owned(Repair, company_id).order_by(Repair.id.desc()).limit(limit)
    return list(db.session.scalars(query.where(Repair.list_id == list_id) if list_id is not None else query))


def list_batches(company_id: int, list_id: int, *, limit: int = 20) -> list[RecycleBatch]:
    return list(
        db.session.scalars(
            owned(RecycleBatch, company_id)
            .where(RecycleBatch.list_id == list_id)
            .order_by(RecycleBatch.id.desc())
            .limit(limit)
        )
    )


def last_check(company_id: int) -> Repair | None:
    """The latest finished repair of the whole company, whoever asked for it."""
    return db.session.scalars(
        owned(Repair, company_id)
        .where(Repair.list_id.is_(None), Repair.state == "done")
        .order_by(Repair.id.desc())
        .limit(1)
    ).first()


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One line of a list's breakdown; `status` None is the missing one."""

    status: str | None
    leads: int
    never_dialed: int
    attempts: int
    answered: int


def breakdown(cells: Iterable[Cell]) -> list[StatusRow]:
    """Every status there is, also where no lead has it, and first the missing one: the rows sum to the list."""
    sums: dict[str | None, list[int]] = {name: [0, 0, 0, 0] for name in (None, *LEAD.names)}
    for cell in cells:
        row = sums[cell.status]
        row[0] += cell.leads
        row[1] += cell.leads if cell.dials == 0 else 0
        row[2] += cell.dial_sum
        row[3] += cell.leads if cell.answered else 0
    return [StatusRow(name, *row) for name, row in sums.items()]


def listed_leads(
    company_id: int, name: str, *, list_id: int | None = None, after: int = 0, limit: int = 50
) -> list[Lead]:
    """The leads of one class by id, `limit` of them behind the id `after`."""
    list_ids = list_ids_of(company_id, list_id=list_id)
    found = _of_class(company_id, name, list_ids).subquery()
    ids = db.session.scalars(sa.select(found.c.id).where(found.c.id > after).order_by(found.c.id).limit(limit))
    return _by_ids(company_id, list(ids))


def open_callbacks(lead_ids: Iterable[int]) -> dict[int, Callback]:
    """The callback that is not closed, by lead."""
    rows = db.session.scalars(
        sa.select(Callback).where(Callback.lead_id.in_(list(lead_ids)), Callback.state != "closed")
    )
    return {row.lead_id: row for row in rows}


def skipped_by_batch(batch: RecycleBatch, reason: str, *, after: int = 0, limit: int = 50) -> list[Lead]:
    """Leads that a recycling left for `reason`, judged as of its own moment by its own query."""
    changed = "SELECT 1 FROM status_changes c WHERE c.batch_id = CAST(:batch AS uuid) AND c.subject_id = l.id"
    statement = sa.text(
        f"""
        WITH touched AS (
          SELECT l.id FROM leads l WHERE l.list_id = :list AND l.id <= :up_to
            AND (l.status = ANY(CAST(:statuses AS text[])) OR (CAST(:none AS boolean) AND l.status IS NULL))
            AND NOT EXISTS ({changed})
        ), {JUDGED_SQL}
        SELECT id FROM judged WHERE skipped = :reason AND id > :after ORDER BY id LIMIT :limit
        """
    )
    ids = db.session.scalars(
        statement,
        {
            "list": batch.list_id, "up_to": batch.up_to_id or 0, "statuses": [s for s in batch.statuses if s != "(none)"],
            "none": "(none)" in batch.statuses, "batch": str(batch.batch_id), "company": batch.company_id,
            "target": batch.target_status, "reset": batch.reset_dial_count, "as_of": batch.created_at, "reason": reason,
            "after": after, "limit": limit,
        },
    )  # fmt: skip
    return _by_ids(batch.company_id, list(ids))


def left_by_undo(undo: Undo, *, after: int = 0, limit: int = 50) -> list[Lead]:
    """Leads of the batch that the undoing did not put back."""
    back = sa.orm.aliased(StatusChange)
    restored = sa.select(back.id).where(
        back.machine == LEAD.name, back.subject_id == StatusChange.subject_id, back.cause == "undo",
        back.evidence_id == StatusChange.id,
    )  # fmt: skip
    ids = db.session.scalars(
        sa.select(StatusChange.subject_id)
        .where(StatusChange.batch_id == undo.batch_id, StatusChange.subject_id > after, ~restored.exists())
        .order_by(StatusChange.subject_id)
        .limit(limit)
    )
    return _by_ids(undo.company_id, list(ids))


def _by_ids(company_id: int, ids: list[int]) -> list[Lead]:
    return list(db.session.scalars(owned(Lead, company_id).where(Lead.id.in_(ids)).order_by(Lead.id)))


def undos_of(batch_ids: Iterable[Any]) -> dict[Any, Undo]:
    rows = db.session.scalars(sa.select(Undo).where(Undo.batch_id.in_(list(batch_ids))))
    return {row.batch_id: row for row in rows}
