"""What a person does with events nobody could place, and with calls that closed as unknown."""

from __future__ import annotations

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import find_owned, owned
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.dialer.models import CallEvent
from webapp.dialer.service import place_events
from webapp.leads.models import Lead

ALL_AT_ONCE = 1000


@atomic(retry=3)
def replay(event: CallEvent, *, by: User) -> bool:
    """Try one event again, with all that waits for the same call; False when its lead is still unknown."""
    placed = place_events(event.company_id, [event])
    db.session.refresh(event)
    if placed:
        record_event("event_replayed", f"Placed the waiting event {event.event_id}", by=by, subject=event)
    return bool(placed)


@atomic(retry=3)
def replay_all(*, by: User) -> tuple[int, int]:
    """Try up to 1,000 waiting events again, oldest first; returns (tried, placed)."""
    rows = list(
        db.session.scalars(
            owned(CallEvent, by.company_id)
            .where(CallEvent.outcome == "quarantined", CallEvent.settled_at.is_(None))
            .order_by(CallEvent.id)
            .limit(ALL_AT_ONCE)
        )
    )
    if not rows:
        return 0, 0
    place_events(by.company_id, rows)
    left = db.session.scalar(
        sa.select(sa.func.count()).where(
            CallEvent.id.in_([row.id for row in rows]),
            CallEvent.outcome == "quarantined",
            CallEvent.settled_at.is_(None),
        )
    )
    placed = len(rows) - int(left or 0)
    record_event(
        "events_replayed",
        f"Tried {len(rows)} waiting events again, {placed} placed",
        by=by,
        tried=len(rows),
        placed=placed,
    )
    return len(rows), placed


_PLACEABLE = sa.text(
    """
    SELECT e.id FROM call_events e
    WHERE e.company_id = :company AND e.outcome = 'quarantined' AND e.settled_at IS NULL AND e.reason LIKE 'unknown%'
      AND (EXISTS (SELECT 1 FROM call_logs c WHERE c.company_id = e.company_id AND c.provider = e.provider
                   AND c.provider_call_id = e.provider_call_id)
        OR EXISTS (SELECT 1 FROM leads l WHERE l.company_id = e.company_id AND l.id = (e.payload ->> 'lead_id')::bigint)
        OR EXISTS (SELECT 1 FROM lead_search s WHERE s.company_id = e.company_id AND s.phone = e.payload ->> 'phone'))
    ORDER BY e.id LIMIT :most
    """
)


@atomic(retry=3)
def place_waiting(company_id: int) -> int:
    """Place the waiting events whose call or lead has come since; how many of up to 1,000 were tried.

    Two deliveries of one call can miss each other by a moment, and a lead may be imported after its calls.
    """
    ids = list(db.session.scalars(_PLACEABLE, {"company": company_id, "most": ALL_AT_ONCE}))
    if ids:
        place_events(
            company_id,
            list(db.session.scalars(owned(CallEvent, company_id).where(CallEvent.id.in_(ids)).order_by(CallEvent.id))),
        )
    return len(ids)


@atomic(retry=3)
def assign(event: CallEvent, lead_id: int, *, by: User) -> Lead:
    """Give the event's call, with all that waits for it, to a lead. Raises LookupError when it is not theirs."""
    lead = find_owned(Lead, lead_id, by.company_id)
    if lead is None:
        raise LookupError("No such lead")
    place_events(event.company_id, [event], lead_id=lead.id)
    db.session.refresh(event)
    record_event(
        "event_assigned", f"Gave the event {event.event_id} to {lead.name}", by=by, subject=event, lead_id=lead.id
    )
    return lead


@atomic(retry=3)
def dismiss(event: CallEvent, reason: str, *, by: User) -> bool:
    """Settle the event without effect; it stays to be read. False when it was settled before."""
    changed = db.session.execute(
        sa.update(CallEvent.__table__)
        .where(CallEvent.id == event.id, CallEvent.outcome == "quarantined", CallEvent.settled_at.is_(None))
        .values(settled_at=db_now())
        .returning(CallEvent.id)
    ).first()
    if changed is not None:
        record_event(
            "event_dismissed", f"Dismissed the waiting event {event.event_id}", by=by, subject=event, reason=reason
        )
        db.session.refresh(event)
    return changed is not None
