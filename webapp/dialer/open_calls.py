"""Calls without an end: closed as unknown once nobody can still be talking, and listed for review."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from webapp.core.db import db
from webapp.dialer.aftermath import settle_leads
from webapp.dialer.fold import apply_calls
from webapp.dialer.models import CallLog
from webapp.dialer.rules import OPEN_FOR_TOO_LONG
from webapp.leads.models import Lead


def forgotten_calls(company_id: int, *, list_ids: list[int] | None = None) -> sa.Select[int, int]:
    """SELECT of (call id, lead id) of calls that have been open for over two hours."""
    query = sa.select(CallLog.id, CallLog.lead_id).where(
        CallLog.company_id == company_id,
        CallLog.is_open,
        CallLog.started_at < sa.func.rebound_now() - OPEN_FOR_TOO_LONG,
    )
    if list_ids is not None:
        query = query.join(Lead, Lead.id == CallLog.lead_id).where(Lead.list_id.in_(list_ids))
    return query


def close_forgotten_calls(company_id: int, *, list_ids: list[int] | None = None, limit: int = 1000) -> int:
    """Close up to `limit` of them in the transaction in hand; returns how many.

    The end is set to the start: an unknown end must not outweigh what a person has said of the lead since.
    """
    found = db.session.execute(
        forgotten_calls(company_id, list_ids=list_ids).order_by(CallLog.lead_id).limit(limit)
    ).all()
    if not found:
        return 0
    lead_ids = sorted({row.lead_id for row in found})
    db.session.execute(sa.select(Lead.id).where(Lead.id.in_(lead_ids)).order_by(Lead.id).with_for_update())
    db.session.execute(sa.text("SELECT set_config('rebound.calls_counted', 'on', true)"))
    # What was answered and never ended is no answer any more; should its end come yet, it counts again.
    human = set(
        db.session.scalars(sa.select(CallLog.id).where(CallLog.id.in_([row.id for row in found]), CallLog.human))
    )
    closed = db.session.execute(
        sa.update(CallLog)
        .where(CallLog.id.in_([row.id for row in found]), CallLog.is_open)
        .values(call_status="unknown", ended_at=CallLog.started_at, needs_review=True)
        .returning(CallLog.id, CallLog.lead_id)
        .execution_options(synchronize_session=False)
    ).all()
    answers = Counter(row.lead_id for row in closed if row.id in human)
    apply_calls({row.lead_id: (0, -answers[row.lead_id]) for row in closed})
    settle_leads(company_id, lead_ids)
    db.session.execute(sa.text("SELECT set_config('rebound.calls_counted', '', true)"))
    return len(closed)
