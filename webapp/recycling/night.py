"""Repairs that nobody asks for: a light pass every ten minutes, a full one each night."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from webapp.core.clock import db_now
from webapp.core.db import db
from webapp.leads.models import LeadList
from webapp.recycling.models import Repair
from webapp.recycling.queries import fixable, problem_counts
from webapp.recycling.repair import start_repair

ALERT_ABOVE = 1_000


@dataclass(frozen=True, slots=True)
class Night:
    """What the nightly check found; `alarming` when over 1,000 or over twice the week's mean."""

    repair_id: int
    found: int
    week_mean: float
    alarming: bool


def start_light_repair(company_id: int) -> list[int]:
    """Start a repair where there is something to fix; empty on a quiet pass, which leaves no trace.

    Problems planted in demo lists stay until the night: minutes after loading, nobody would find one.
    """
    lists = db.session.execute(sa.select(LeadList.id, LeadList.is_demo).where(LeadList.company_id == company_id)).all()
    scopes = [row.id for row in lists if not row.is_demo] if any(row.is_demo for row in lists) else [None]
    return [
        start_repair(company_id, by=None, list_id=scope, trigger="light").id
        for scope in scopes
        if fixable(problem_counts(company_id, scope))
    ]


def start_nightly_repair(company_id: int) -> Night:
    """Always leaves a row, so that the page can say when it was checked, and repairs whatever the number."""
    found = fixable(problem_counts(company_id))
    earlier = db.session.scalars(
        sa.select(Repair.total).where(
            Repair.company_id == company_id,
            Repair.trigger == "nightly",
            Repair.created_at > db_now() - timedelta(days=8),
        )
    ).all()
    mean = sum(total or 0 for total in earlier) / len(earlier) if earlier else 0.0
    repair = start_repair(company_id, by=None, trigger="nightly")
    alarming = found > ALERT_ABOVE or (bool(earlier) and found > 2 * mean and found > 0)
    return Night(repair.id, found, mean, alarming)
