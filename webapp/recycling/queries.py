"""How many leads are a problem and why, and what a repair would make of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from webapp.core.access import owned
from webapp.core.db import db
from webapp.dialer.models import Callback
from webapp.dialer.open_calls import forgotten_calls
from webapp.leads.models import Lead, LeadList
from webapp.leads.problems import PROBLEMS, REPAIRABLE
from webapp.leads.tallies import get_cells
from webapp.recycling.models import RecycleBatch, Repair
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
    counts["open_call"] = db.session.scalar(sa.select(sa.func.count()).select_from(open_call_leads(company_id, scope).subquery())) or 0
    counts["callback_mismatch"] = (
        db.session.scalar(sa.select(sa.func.count()).select_from(callback_mismatch_leads(company_id, scope).subquery())) or 0
    )
    return counts


def count_problems(company_id: int) -> int:
    """The number in the sidebar."""
    return sum(problem_counts(company_id).values())


def fixable(counts: dict[str, int]) -> int:
    return sum(number for name, number in counts.items() if PROBLEMS[name].repairable)


def open_call_leads(company_id: int, list_ids: list[int] | None = None) -> sa.Select[tuple[int]]:
    """Leads with a call that has had no end for too long and no problem of their own row."""
    calls = forgotten_calls(company_id, list_ids=list_ids).subquery()
    return sa.select(Lead.id).where(Lead.id.in_(sa.select(calls.c.lead_id)), Lead.problem.is_(None))


def callback_mismatch_leads(company_id: int, list_ids: list[int] | None = None) -> sa.Select[tuple[int]]:
    """Leads that say callback without an open one, or have an open one and say something else."""
    lists = owned(LeadList, company_id).with_only_columns(LeadList.id)
    if list_ids is not None:
        lists = lists.where(LeadList.id.in_(list_ids))
    is_open = sa.select(Callback.id).where(Callback.lead_id == Lead.id, Callback.state != "closed").exists()
    without = sa.select(Lead.id).where(Lead.list_id.in_(lists), Lead.status == "callback", ~is_open)
    reverse = (
        sa.select(Lead.id)
        .join(Callback, Callback.lead_id == Lead.id)
        .where(Callback.company_id == company_id, Callback.state != "closed", Lead.status.is_distinct_from("callback"),
               Lead.list_id.in_(lists))
    )  # fmt: skip
    both = without.union(reverse).subquery()
    elsewhere = open_call_leads(company_id, list_ids)
    return sa.select(Lead.id).where(Lead.id.in_(sa.select(both.c.id)), Lead.problem.is_(None), Lead.id.not_in(elsewhere))


def example_leads(company_id: int, name: str, *, list_id: int | None = None, limit: int = 3) -> list[Lead]:
    """A few leads of one class."""
    list_ids = list_ids_of(company_id, list_id=list_id)
    if name == "open_call":
        query = open_call_leads(company_id, list_ids)
    elif name == "callback_mismatch":
        query = callback_mismatch_leads(company_id, list_ids)
    else:
        query = sa.select(Lead.id).where(Lead.list_id.in_(list_ids), Lead.problem.is_not(None), Lead.problem == name)
    ids = list(db.session.scalars(query.limit(limit)))
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
            {"lists": list_ids_of(company_id, list_id=list_id, campaign_id=campaign_id), "classes": list(classes), "limit": limit},
        )
    )


def list_repairs(company_id: int, *, list_id: int | None = None, limit: int = 20) -> list[Repair]:
    query = owned(Repair, company_id).order_by(Repair.id.desc()).limit(limit)
    return list(db.session.scalars(query.where(Repair.list_id == list_id) if list_id is not None else query))


def list_batches(company_id: int, list_id: int, *, limit: int = 20) -> list[RecycleBatch]:
    return list(
        db.session.scalars(
            owned(RecycleBatch, company_id).where(RecycleBatch.list_id == list_id).order_by(RecycleBatch.id.desc()).limit(limit)
        )
    )


def last_check(company_id: int) -> Repair | None:
    """The latest finished repair of the whole company, whoever asked for it."""
    return db.session.scalars(
        owned(Repair, company_id).where(Repair.list_id.is_(None), Repair.state == "done").order_by(Repair.id.desc()).limit(1)
    ).first()
