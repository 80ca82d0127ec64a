"""What a contact does beside being written: the lead's status, its summary, its revisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from webapp.core.clock import db_now
from webapp.core.db import db
from webapp.core.sets import as_table
from webapp.core.states import advance_many
from webapp.leads.models import Lead, LeadChange
from webapp.leads.states import LEAD
from webapp.timeline.models import ContactAttempt, ContactRevision
from webapp.timeline.rules import status_after
from webapp.timeline.summary import recount

_KEPT = ("anchor_status", "anchor_at", "last_status_change")


def _move(
    evidence: Mapping[int, int],
    to: str,
    *,
    cause: str,
    by: int | None,
    values: dict[str, Any],
    among: Sequence[str | None] = (),
) -> None:
    """Leads (id -> the contact behind the move) to one status, in one statement; with `among` only from those statuses."""
    t = Lead.__table__.c
    given = as_table(evidence.items(), "given", lead_id="id", contact_id="id")
    picks = (
        sa.select(t.id, t.company_id, t.status.label("seen"), sa.literal(to).label("to_status"),
                  given.c.contact_id.label("evidence_id"), *(t[name].label(f"old_{name}") for name in _KEPT))
        .join_from(Lead.__table__, given, t.id == given.c.lead_id)
        .where(t.status.in_([name for name in among if name]) if among else sa.true())
        .order_by(t.id)
        .with_for_update(of=Lead.__table__)
    )  # fmt: skip
    moved = advance_many(picks, machine=LEAD, table=Lead.__table__, by=by, cause=cause, batch_id=None, values=values,
                         before=_KEPT)  # fmt: skip
    db.session.execute(moved).all()


def _said_now(to: str) -> dict[str, Any]:
    """What a contact sets beside the status: the last word until a call that ends after it."""
    moment = sa.func.greatest(db_now(), Lead.__table__.c.last_result_at)
    return {
        "last_status_change": moment,
        "anchor_at": moment,
        "anchor_status": "to_status",
        "version": Lead.__table__.c.version + 1,
    }


def apply_to_many(contacts: Mapping[int, int], direction: str, *, by: int | None) -> None:
    """`apply_effects` of one new contact each, by lead id, none answered yet."""
    from_states = [name for name in LEAD.names if status_after(name, direction, responded=False)]
    to = status_after(from_states[0], direction, responded=False)
    assert to is not None
    _move(contacts, to, cause="contact", by=by, values=_said_now(to), among=from_states)
    recount(contacts)


def apply_effects(contact: ContactAttempt, *, by: int | None) -> None:
    """Move the lead's status as the contact says and recount its summary. The lead is locked."""
    if contact.hidden_at is None and contact.scheduled_for is None and contact.state in ("recorded", "sent"):
        status = db.session.scalar(sa.select(Lead.status).where(Lead.id == contact.lead_id))
        to = status_after(status, contact.direction, responded=contact.responded)
        if to is not None:
            cause = "response" if contact.responded else "contact"
            _move({contact.lead_id: contact.id}, to, cause=cause, by=by, values=_said_now(to))
    recount([contact.lead_id])


_LAST = sa.text(
    """
    SELECT id, old_status, new_status, cause, evidence_id, before, created_at FROM status_changes
    WHERE machine = 'lead' AND subject_id = :lead ORDER BY id DESC LIMIT 1
    """
)
# Contacts and answers that were written down since, and would have moved the lead by themselves.
_OTHERS = sa.text(
    """
    SELECT a.id FROM contact_attempts a
    WHERE a.lead_id = :lead AND a.id <> :contact AND a.hidden_at IS NULL AND a.scheduled_for IS NULL
      AND a.state IN ('recorded', 'sent')
      AND (a.created_at >= :since OR EXISTS (SELECT FROM contact_revisions r
                                            WHERE r.contact_id = a.id AND r.kind = 'response' AND r.created_at >= :since))
    ORDER BY (a.direction = 'inbound' OR a.responded) DESC, a.id
    """
)


def take_back(contact: ContactAttempt, cause: str, *, by: int | None) -> None:
    """Undo what this contact (cause contact) or its answer (cause response) did to the status, when nothing has moved it
    since; another contact written down meanwhile then has its say. The summary is recounted by the caller's effects.
    """
    last = db.session.execute(_LAST, {"lead": contact.lead_id}).first()
    if last is None or (last.cause, last.evidence_id) != (cause, contact.id) or last.old_status is None:
        return
    kept = last.before or {}
    _move(
        {contact.lead_id: contact.id}, last.old_status, cause="undo", by=by,
        values={
            "anchor_status": sa.literal(kept.get("anchor_status"), sa.Text),
            "anchor_at": sa.cast(sa.literal(kept.get("anchor_at"), sa.Text), sa.DateTime(timezone=True)),
            "last_status_change": db_now(), "version": Lead.__table__.c.version + 1,
        },
    )  # fmt: skip
    ids = db.session.scalars(
        _OTHERS, {"lead": contact.lead_id, "contact": contact.id, "since": last.created_at}
    )  # fmt: skip
    for other in ids.all():
        apply_effects(db.session.get_one(ContactAttempt, other), by=by)


def revise(contact: ContactAttempt, kind: str, changes: dict[str, Any], *, by: int | None, reason: str = "") -> bool:
    """Write the changes over the contact with a revision that keeps what was; False when nothing differs."""
    before = {name: getattr(contact, name) for name in changes}
    changed = [name for name, value in changes.items() if before[name] != value]
    if not changed:
        return False
    for name in changed:
        setattr(contact, name, changes[name])
    contact.version += 1
    db.session.add(
        ContactRevision(
            company_id=contact.company_id, contact_id=contact.id, user_id=by, kind=kind, reason=reason,
            before={name: _plain(before[name]) for name in changed}, after={name: _plain(changes[name]) for name in changed},
        )
    )  # fmt: skip
    db.session.flush()
    db.session.refresh(contact)
    return True


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def set_follow_up(lead: Lead, on: Any, *, by: int | None) -> None:
    """The day to come back to this lead, None to clear it; kept in the lead's edits."""
    if lead.follow_up_on == on:
        return
    before, after = {"follow_up_on": _plain(lead.follow_up_on)}, {"follow_up_on": _plain(on)}
    lead.follow_up_on, lead.follow_up_by_id = on, by if on else None
    lead.version += 1
    db.session.add(
        LeadChange(company_id=lead.company_id, lead_id=lead.id, user_id=by, cause="user", before=before, after=after)
    )
    db.session.flush()
