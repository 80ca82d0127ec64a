"""What follows from a call's result beside the lead's status: do-not-contact entries and callbacks."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.db import db
from webapp.core.states import advance_many
from webapp.dialer.models import CALLBACK, Callback
from webapp.dialer.rules import CALLBACK_LATER
from webapp.leads.models import Lead
from webapp.leads.service import move_hooks

CONSEQUENTIAL = {"callback", "dnc"}  # statuses with a callback or a do-not-contact entry to keep in step
_DNC = sa.text(
    """
    INSERT INTO dnc_entries (company_id, kind, value, reason, source, lead_id)
    SELECT DISTINCT ON (phone) c.company_id, 'phone', coalesce(c.phone, l.phone) AS phone, 'Asked during a call', 'call', l.id
    FROM call_logs c JOIN leads l ON l.id = c.lead_id
    WHERE c.lead_id = ANY(:ids) AND c.disposition = 'dnc' AND l.status = 'dnc' AND coalesce(c.phone, l.phone) IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM dnc_entries x WHERE x.company_id = c.company_id AND x.kind = 'phone'
                      AND x.value = coalesce(c.phone, l.phone) AND x.method IS NULL AND x.lifted_at > c.disposition_at)
    ORDER BY phone, l.id
    ON CONFLICT DO NOTHING
    """
)
# A time that was past when it was promised says nothing of when; one that passed on its way to us was missed, and is due.
_CALLBACKS = sa.text(
    """
    INSERT INTO callbacks (company_id, lead_id, due_at, call_log_id, notes)
    SELECT DISTINCT ON (l.id) l.company_id, l.id, CASE WHEN c.callback_at > c.disposition_at THEN c.callback_at ELSE c.disposition_at + :later END, c.id, c.notes
    FROM leads l JOIN call_logs c ON c.lead_id = l.id AND c.disposition = 'callback'
    WHERE l.id = ANY(:ids) AND l.status = 'callback'
    ORDER BY l.id, c.disposition_at DESC
    ON CONFLICT (lead_id) WHERE state <> 'closed'
    DO UPDATE SET due_at = excluded.due_at, call_log_id = excluded.call_log_id, notes = excluded.notes, moved_at = NULL
    WHERE callbacks.call_log_id IS DISTINCT FROM excluded.call_log_id OR (callbacks.moved_at IS NULL AND callbacks.due_at <> excluded.due_at)
    """
)


def settle_leads(company_id: int, lead_ids: list[int]) -> None:
    """Open the callback of a lead that became `callback`, close those of leads that moved on, list the numbers that said no."""
    if not lead_ids:
        return
    statuses = set(
        db.session.scalars(sa.text("SELECT DISTINCT status FROM leads WHERE id = ANY(:ids)"), {"ids": lead_ids})
    )
    if "dnc" in statuses:
        db.session.execute(_DNC, {"ids": lead_ids})
    if "callback" in statuses:
        db.session.execute(_CALLBACKS, {"ids": lead_ids, "later": CALLBACK_LATER})
    close_callbacks(company_id, lead_ids)


def close_callbacks(company_id: int, lead_ids: list[int], *, by: int | None = None) -> int:
    """Close what is open for leads whose status is no longer `callback`."""
    picks = (
        sa.select(
            Callback.id, Callback.company_id, Callback.state.label("seen"), sa.literal("closed").label("to_status")
        )
        .join(Lead, Lead.id == Callback.lead_id)
        .where(
            Callback.company_id == company_id,
            Callback.lead_id.in_(lead_ids),
            Callback.state != "closed",
            Lead.status.is_distinct_from("callback"),
        )
        .with_for_update(of=Callback)
    )
    moved = advance_many(
        picks, machine=CALLBACK, table=Callback.__table__, by=by, cause="call", batch_id=None,
        values={"closed_at": sa.func.rebound_now()},
    )  # fmt: skip
    return len(db.session.execute(moved).all())


def _close_callbacks(lead_ids: Sequence[int], to: str, by: User, reason: str | None) -> None:
    if to != "callback":
        close_callbacks(by.company_id, list(lead_ids), by=by.id)


move_hooks.append(_close_callbacks)
