"""Contacts made and told: each passes the guard, or says that it has happened already."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.db import atomic, db
from webapp.core.once import keep_answer, take_once
from webapp.leads.models import Lead
from webapp.timeline.guard import Look, lock_people, look
from webapp.timeline.models import ContactAttempt
from webapp.timeline.queries.known import find_around
from webapp.timeline.rules import METADATA_BYTES, PAST, SKEW, Decision, breaks_cap
from webapp.timeline.service.effects import apply_effects, set_follow_up
from webapp.timeline.service.notices import check_reason, settle_overridden, show_notice, take_token
from webapp.timeline.service.outcomes import Answer, ContactRefused, Draft, over_cap_hooks
from webapp.timeline.states import DIRECTIONS, METHODS

log = structlog.get_logger(__name__)
MAX_SUBJECT = 500
MAX_BODY = 50_000
SCOPE = "timeline.contact"


@atomic(retry=5)
def log_contact(
    lead_id: int,
    draft: Draft,
    *,
    by: User,
    token: str | None = None,
    reason: str | None = None,
    form_token: str | None = None,
    request_hash: str = "",
) -> Answer:
    """Write a contact a person makes or made, or answer with the notice that stands in its way.

    A contact of now passes the guard; one of the past is recorded whatever the rules say, and marked when it broke the cap;
    in quiet hours it is planned for the next opening. `token` and `reason` override a warning. The same `form_token`
    twice is one contact. Raises LookupError, ContactRefused.
    """
    check_draft(draft)
    if form_token and (taken := take_once(by.company_id, SCOPE, form_token, request_hash)) is not None:
        if taken.request_hash != request_hash:
            raise ContactRefused("was used with another body", "Idempotency-Key")
        return _repeat(by.company_id, taken.body)
    lock_people(by.company_id, [lead_id])
    lead = find_owned(Lead, lead_id, by.company_id, lock=True)
    if lead is None:
        raise LookupError("No such lead")
    view = look(by.company_id, [lead.id], draft.method)
    check_times(draft, view.now)
    late = draft.occurred_at is not None and draft.occurred_at < view.now - PAST
    decision = view.decisions[lead.id]
    notice = None
    if draft.direction == "outbound" and not late and decision.verdict != "allowed":
        if token and decision.verdict == "warned":
            notice = take_token(token, lead.id, draft, decision, by=by)
        if notice is None:
            if form_token:
                _release(by.company_id, form_token)
            return show_notice(by.company_id, lead.id, draft, decision, by=by)
        reason = check_reason(reason)
    contact = _write(lead, draft, view, late=late, by=by)
    if notice is not None:
        settle_overridden(notice, contact, reason or "", by=by)
    apply_effects(contact, by=by.id)
    db.session.refresh(lead)
    if draft.follow_up_on is not None:
        set_follow_up(lead, draft.follow_up_on, by=by.id)
    if form_token:
        keep_answer(by.company_id, SCOPE, form_token, 201, {"id": contact.id})
    log.info("contact_logged", lead_id=lead.id, contact_id=contact.id, method=contact.method, over_cap=contact.over_cap)
    return Answer(decision, contact=contact)


def _repeat(company_id: int, body: dict[str, Any] | None) -> Answer:
    contact = find_owned(ContactAttempt, int((body or {}).get("id", 0)), company_id)
    if contact is None:
        raise LookupError("The contact of this form is gone")
    return Answer(decision=Decision(), contact=contact, repeated=True)


def _release(company_id: int, form_token: str) -> None:
    """The form may be sent again: nothing was written."""
    db.session.execute(
        sa.text("DELETE FROM idempotency_keys WHERE company_id = :c AND scope = :s AND key = :k"),
        {"c": company_id, "s": SCOPE, "k": form_token},
    )


def check_draft(draft: Draft) -> None:
    """What can be judged without looking anything up. Raises ContactRefused."""
    if draft.method not in METHODS:
        raise ContactRefused("Choose one of the methods.", "method")
    if draft.direction not in DIRECTIONS:
        raise ContactRefused("Choose a direction.", "direction")
    if len(draft.subject) > MAX_SUBJECT:
        raise ContactRefused(f"A subject has at most {MAX_SUBJECT} characters.", "subject")
    if len(draft.body) > MAX_BODY:
        raise ContactRefused(f"Notes have at most {MAX_BODY:,} characters.", "body")
    if len(json.dumps(draft.metadata, ensure_ascii=False).encode()) > METADATA_BYTES:
        raise ContactRefused(f"Metadata have at most {METADATA_BYTES // 1024} KiB.", "metadata")
    if draft.responded and draft.direction == "inbound":
        raise ContactRefused("Only a contact of ours can be answered.", "responded")
    if draft.response_at is not None and not draft.responded:
        raise ContactRefused("A time of response without a response.", "response_at")


def check_times(draft: Draft, now: datetime) -> None:
    happened = draft.occurred_at or now
    if happened > now + SKEW:
        raise ContactRefused("This lies in the future: log it when it has happened.", "occurred_at")
    if happened.year < 1970:
        raise ContactRefused("Choose a time after 1970.", "occurred_at")
    check_response(draft.response_at, happened, now)


def check_response(response_at: datetime | None, occurred_at: datetime, now: datetime) -> None:
    """A response comes after its contact and not in the future; both clocks may be five minutes off."""
    if response_at is None:
        return
    if response_at < occurred_at - SKEW:
        raise ContactRefused("The response cannot come before the contact.", "response_at")
    if response_at > now + SKEW:
        raise ContactRefused("The response lies in the future.", "response_at")


def response_time(draft_at: datetime | None, method: str, occurred_at: datetime, now: datetime) -> datetime:
    """When they responded: as told, else during the call, else now; never before the contact."""
    return max(occurred_at, draft_at or (occurred_at if method == "call" else now))


def _write(lead: Lead, draft: Draft, view: Look, *, late: bool, by: User) -> ContactAttempt:
    at = min(draft.occurred_at or view.now, view.now)
    planned = None if late or draft.direction == "inbound" else view.decisions[lead.id].scheduled_for
    over = False
    if late and draft.direction == "outbound":
        limit = view.limits.methods[draft.method]
        around = find_around(lead.company_id, lead.id, draft.method, at, limit.cap_hours)
        # A call that nobody answered fills no cap, so it breaks none.
        over = (draft.method != "call" or draft.responded) and breaks_cap(at, around, limit)
    responded = draft.responded and planned is None
    contact = ContactAttempt(
        company_id=lead.company_id, lead_id=lead.id, user_id=by.id, user_name=by.name, method=draft.method,
        direction=draft.direction, subject=draft.subject, body=draft.body, details=draft.metadata, occurred_at=at,
        responded=responded, response_at=response_time(draft.response_at, draft.method, at, view.now) if responded else None,
        state="reserved" if planned else "recorded", scheduled_for=planned, over_cap=over,
    )  # fmt: skip
    db.session.add(contact)
    db.session.flush()
    db.session.refresh(contact)
    if over:
        for hook in over_cap_hooks:
            hook(contact.id, lead.id, lead.company_id, lead.owner_id)
    return contact
