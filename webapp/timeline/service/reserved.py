"""Contacts by machines, and many at once: reserved under the lock, then made, then settled.

A machine cannot answer a warning: it skips with the code. Between `reserve` and `settle` the row fills the cap, so
an outcome that nobody knows keeps everybody else away.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.states import advance
from webapp.leads.models import Lead
from webapp.timeline.guard import MOST_AT_ONCE, Look, lock_people, look
from webapp.timeline.models import ContactAttempt
from webapp.timeline.queries.known import TWINS_SQL
from webapp.timeline.rules import Decision
from webapp.timeline.service.contacts import check_draft
from webapp.timeline.service.effects import apply_effects, apply_to_many
from webapp.timeline.service.notices import check_reason
from webapp.timeline.service.outcomes import Answer, ContactRefused, Draft
from webapp.timeline.states import CONTACT
from webapp.timeline.summary import recount

JUDGED = 1_000  # leads looked at in one go


@atomic(retry=5)
def reserve_contact(
    company_id: int, lead_id: int, draft: Draft, *, source: str, source_key: str, source_id: int | None = None, by: User | None = None
) -> Answer:  # fmt: skip
    """Take the right to contact a lead for a campaign or an automation; commit, act, then `settle_contact`.

    `source_key` names the effect: asked again, the same row comes back as `repeated` and nothing may be sent. When the
    guard says no, `contact` is None and `decision` says why; quiet hours are a no with `scheduled_for`. Raises LookupError, ContactRefused.
    """
    check_draft(draft)
    lock_people(company_id, [lead_id])
    known = db.session.scalars(
        sa.select(ContactAttempt).where(
            ContactAttempt.company_id == company_id, ContactAttempt.source == source, ContactAttempt.source_key == source_key
        )
    ).one_or_none()  # fmt: skip
    if known is not None:
        return Answer(Decision(), contact=known, repeated=True)
    lead = find_owned(Lead, lead_id, company_id)
    if lead is None:
        raise LookupError("No such lead")
    view = look(company_id, [lead_id], draft.method, automatic=True)
    decision = view.decisions[lead_id]
    if decision.verdict != "allowed" or decision.scheduled_for is not None:
        return Answer(decision)
    contact = ContactAttempt(
        company_id=company_id, lead_id=lead_id, user_id=by.id if by else None, user_name=by.name if by else "",
        method=draft.method, direction="outbound", subject=draft.subject, body=draft.body, details=draft.metadata,
        occurred_at=view.now, state="reserved", source=source, source_id=source_id, source_key=source_key,
    )  # fmt: skip
    db.session.add(contact)
    db.session.flush()
    db.session.refresh(contact)
    recount([lead_id])
    return Answer(decision, contact=contact)


@atomic(retry=3)
def settle_contact(contact_id: int, company_id: int, to: str, *, by: User | None = None, cause: str = "system") -> ContactAttempt:  # fmt: skip
    """What became of a reserved contact: sent, failed or unknown; a person may settle an unknown one.

    Raises LookupError, MoveRefused.
    """
    found = find_owned(ContactAttempt, contact_id, company_id)
    if found is None:
        raise LookupError("No such contact")
    lock_people(company_id, [found.lead_id])
    contact = find_owned(ContactAttempt, contact_id, company_id, lock=True)
    assert contact is not None  # never deleted
    values = {"occurred_at": db_now()} if to == "sent" and contact.state == "reserved" else {}
    advance(contact, to, machine=CONTACT, by=by.id if by else None, cause="user" if by else cause,
            values={**values, "version": contact.version + 1})  # fmt: skip
    apply_effects(contact, by=by.id if by else None)
    return contact


@atomic(retry=5)
def log_many(
    lead_ids: Sequence[int],
    draft: Draft,
    *,
    by: User,
    batch_id: uuid.UUID,
    include_warned: bool = False,
    reason: str = "",
) -> dict[int, str]:
    """The same contact of now with each of these leads, at most MOST_AT_ONCE; "" or why it was skipped, by lead.

    Codes: those of the guard, `quiet_hours`, `done` (this batch has been here), `missing`, and `twin` for the second of two
    leads of one person. With `include_warned` one reason overrides every warning; each is kept on the audit trail.
    """
    if len(lead_ids) > MOST_AT_ONCE:
        raise ValueError(f"at most {MOST_AT_ONCE} leads at once")
    check_draft(draft)
    if draft.responded or draft.occurred_at is not None:
        raise ContactRefused("Many at once are logged as of now, and unanswered.")
    reason = check_reason(reason) if include_warned else ""
    lock_people(by.company_id, lead_ids)
    view = look(by.company_id, lead_ids, draft.method)
    done, people = _find_done(lead_ids, batch_id, by.company_id)
    codes = _judge(lead_ids, view, draft, people, include_warned, done)
    chosen = [lead_id for lead_id, code in codes.items() if not code]
    _write_many(chosen, draft, view.now, batch_id, by=by)
    warned = [lead_id for lead_id in chosen if view.decisions[lead_id].verdict == "warned"]
    if warned:
        record_event(
            "outreach_override", f"Contacted {len(warned)} leads by {draft.method} in spite of warnings", by=by, batch_id=batch_id,
            reason=reason, lead_ids=warned, shown={str(i): view.decisions[i].newest for i in warned},
        )  # fmt: skip
    return codes


def judge_many(lead_ids: Sequence[int], draft: Draft, *, by: User, include_warned: bool = False) -> dict[int, str]:
    """What `log_many` would say of these leads, in batches by rising id; nothing is locked or written."""
    people: set[tuple[str, str]] = set()
    codes: dict[int, str] = {}
    ids = sorted(lead_ids)
    for start in range(0, len(ids), JUDGED):
        part = ids[start : start + JUDGED]
        codes |= _judge(part, look(by.company_id, part, draft.method), draft, people, include_warned)
    return codes


def _find_done(lead_ids: Sequence[int], batch_id: uuid.UUID, company_id: int) -> tuple[set[int], set[tuple[str, str]]]:
    """Of these leads those that this batch has reached; and the phones and emails it has reached, as far as they share them."""
    rows = db.session.execute(
        sa.text(
            f"""
            WITH {TWINS_SQL}
            SELECT DISTINCT l.id, l.phone, lower(l.email) AS email FROM twins t JOIN leads l ON l.id = t.lead_id
            JOIN contact_attempts a ON a.lead_id = l.id AND a.company_id = :company AND a.source = 'person'
             AND a.source_key = :batch || l.id
            """
        ),
        {"company": company_id, "ids": list(lead_ids), "batch": _batch_key(batch_id, "")},
    ).all()
    people = {("phone", row.phone) for row in rows if row.phone} | {("email", row.email) for row in rows if row.email}
    return {row.id for row in rows} & set(lead_ids), people


def _judge(
    lead_ids: Sequence[int], view: Look, draft: Draft, people: set[tuple[str, str]], include_warned: bool, done: Collection[int] = ()
) -> dict[int, str]:  # fmt: skip
    """By lead: "" or why not. `people`, already reached, grows by those who will be."""
    codes: dict[int, str] = dict.fromkeys(lead_ids, "missing")
    facts = db.session.execute(
        sa.select(Lead.id, Lead.phone, sa.func.lower(Lead.email).label("email")).where(Lead.id.in_(view.leads)).order_by(Lead.id)
    )  # fmt: skip
    for row in facts:
        decision = view.decisions[row.id]
        keys = {("phone", row.phone)} if row.phone else set()
        keys |= {("email", row.email)} if row.email else set()
        if row.id in done:
            codes[row.id] = "done"
        elif draft.direction == "outbound" and people & keys:
            codes[row.id] = "twin"
        elif decision.verdict == "refused" or (decision.verdict == "warned" and not include_warned):
            codes[row.id] = decision.code
        elif decision.scheduled_for is not None:
            codes[row.id] = "quiet_hours"
        else:
            codes[row.id] = ""
            people |= keys
    return codes


def _batch_key(batch_id: uuid.UUID, lead_id: int | str) -> str:
    return f"{batch_id}:{lead_id}"


def _write_many(lead_ids: Sequence[int], draft: Draft, now: datetime, batch_id: uuid.UUID, *, by: User) -> None:
    if not lead_ids:
        return
    rows = [
        {
            "company_id": by.company_id, "lead_id": lead_id, "user_id": by.id, "user_name": by.name, "method": draft.method,
            "direction": draft.direction, "subject": draft.subject, "body": draft.body, "metadata": draft.metadata,
            "occurred_at": now, "state": "recorded", "source": "person", "source_key": _batch_key(batch_id, lead_id),
        }
        for lead_id in lead_ids
    ]  # fmt: skip
    t = ContactAttempt.__table__
    made = db.session.execute(insert(t).values(rows).returning(t.c.lead_id, t.c.id)).all()
    apply_to_many({row.lead_id: row.id for row in made}, draft.direction, by=by.id)
