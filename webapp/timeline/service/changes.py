"""A contact after the fact: answered, corrected, edited, taken off the count, or, when planned, made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from webapp.accounts.models import User
from webapp.core.access import find_owned, role_at_least
from webapp.core.clock import read_now
from webapp.core.db import atomic
from webapp.core.states import advance
from webapp.leads.models import Lead
from webapp.timeline.guard import lock_people, look
from webapp.timeline.models import ContactAttempt
from webapp.timeline.rules import EDIT_FOR, SKEW
from webapp.timeline.service.contacts import check_draft, check_response, response_time
from webapp.timeline.service.effects import apply_effects, revise, set_follow_up, take_back
from webapp.timeline.service.notices import check_reason, settle_overridden, show_notice, take_token
from webapp.timeline.service.outcomes import Answer, ContactRefused, Draft, StaleContact
from webapp.timeline.states import CONTACT


def _get(contact_id: int, company_id: int, version: int | None = None) -> tuple[ContactAttempt, datetime]:
    """The contact, its lead's people locked first. Raises LookupError, StaleContact."""
    found = find_owned(ContactAttempt, contact_id, company_id)
    if found is None:
        raise LookupError("No such contact")
    lock_people(company_id, [found.lead_id])
    contact = find_owned(ContactAttempt, contact_id, company_id, lock=True)
    if contact is None:
        raise LookupError("No such contact")
    if version is not None and version != contact.version:
        raise StaleContact("Somebody changed this contact meanwhile.")
    now = read_now()
    return contact, now


@atomic(retry=3)
def set_responded(
    contact_id: int, responded: bool, *, by: User, response_at: datetime | None = None, version: int | None = None
) -> ContactAttempt:
    """Note that they answered, or take it back; the same twice changes nothing.

    Without `response_at` a first answer is of now, and a known one keeps its time. Raises LookupError, ContactRefused, StaleContact.
    """
    contact, now = _get(contact_id, by.company_id, version)
    if not responded and response_at is not None:
        raise ContactRefused("A time of response without a response.", "response_at")
    if responded:
        if contact.direction != "outbound":
            raise ContactRefused("Only a contact of ours can be answered.", "responded")
        if contact.hidden_at is not None or contact.state == "failed" or contact.scheduled_for is not None:
            raise ContactRefused("This contact has not reached them, so it cannot be answered.", "responded")
        check_response(response_at, contact.occurred_at, now)
        if response_at is None and contact.responded:
            return contact
        at: datetime | None = response_time(response_at, contact.method, contact.occurred_at, now)
    else:
        at = None
    if not revise(contact, "response", {"responded": responded, "response_at": at}, by=by.id):
        return contact
    if not responded:
        take_back(contact, "response", by=by.id)
    apply_effects(contact, by=by.id)
    return contact


@atomic(retry=3)
def edit_text(contact_id: int, subject: str, body: str, *, by: User, version: int | None = None) -> ContactAttempt:
    """Their author, or a manager, may reword subject and notes for seven days. Raises as `set_responded`."""
    contact, now = _get(contact_id, by.company_id, version)
    if contact.user_id != by.id and not role_at_least(by.role, "manager"):
        raise ContactRefused("Only its author or a manager may change the text.")
    if now > contact.created_at + EDIT_FOR:
        raise ContactRefused("The text can be changed for 7 days; log a new note instead.")
    check_draft(Draft(contact.method, contact.direction, subject, body))
    revise(contact, "text", {"subject": subject, "body": body}, by=by.id)
    return contact


@atomic(retry=3)
def correct(
    contact_id: int,
    *,
    by: User,
    reason: str,
    method: str,
    direction: str,
    occurred_at: datetime,
    version: int | None = None,
) -> ContactAttempt:
    """Put method, direction or time right, with a reason; everything derived follows. Raises as `set_responded`."""
    contact, now = _get(contact_id, by.company_id, version)
    _check_author(contact, by)
    reason = check_reason(reason)
    check_draft(Draft(method, direction, contact.subject, contact.body))
    if occurred_at > now + SKEW:
        raise ContactRefused("This lies in the future.", "occurred_at")
    if contact.responded and (
        direction == "inbound" or (contact.response_at and contact.response_at < occurred_at - SKEW)
    ):
        raise ContactRefused(
            "It was answered: take the answer back first.", "direction" if direction == "inbound" else "occurred_at"
        )
    changes: dict[str, Any] = {"method": method, "direction": direction, "occurred_at": min(occurred_at, now)}
    if contact.response_at is not None and contact.response_at < changes["occurred_at"]:
        changes["response_at"] = changes["occurred_at"]
    if revise(contact, "correction", changes, by=by.id, reason=reason):
        take_back(contact, "contact", by=by.id)
        apply_effects(contact, by=by.id)
    return contact


@atomic(retry=3)
def hide(contact_id: int, *, by: User, reason: str, version: int | None = None) -> ContactAttempt:
    """Logged by mistake: it stays readable, with who and why, and counts nowhere. Raises as `set_responded`."""
    contact, _now = _get(contact_id, by.company_id, version)
    _check_author(contact, by)
    if contact.hidden_at is not None:
        return contact
    reason = check_reason(reason)
    at = read_now()
    revise(
        contact, "hidden", {"hidden_at": at, "hidden_by_id": by.id, "hidden_reason": reason}, by=by.id, reason=reason
    )
    take_back(contact, "response", by=by.id)
    take_back(contact, "contact", by=by.id)
    apply_effects(contact, by=by.id)
    return contact


@atomic(retry=3)
def unhide(contact_id: int, *, by: User) -> ContactAttempt:
    """It was no mistake after all."""
    contact, _now = _get(contact_id, by.company_id)
    _check_author(contact, by)
    revise(contact, "hidden", {"hidden_at": None, "hidden_by_id": None, "hidden_reason": ""}, by=by.id)
    apply_effects(contact, by=by.id)
    return contact


def _check_author(contact: ContactAttempt, by: User) -> None:
    if contact.user_id != by.id and not role_at_least(by.role, "manager"):
        raise ContactRefused("Only its author or a manager may correct it.")


@atomic(retry=5)
def make_planned(contact_id: int, *, by: User, token: str | None = None, reason: str | None = None) -> Answer:
    """A planned contact is made now: the guard is asked again. Raises LookupError, MoveRefused."""
    contact, now = _get(contact_id, by.company_id)
    draft = Draft(contact.method, contact.direction, contact.subject, contact.body)
    view = look(by.company_id, [contact.lead_id], contact.method, without=f"contact-{contact.id}")
    decision = view.decisions[contact.lead_id]
    notice = None
    if decision.verdict != "allowed":
        if token and decision.verdict == "warned":
            notice = take_token(token, contact.lead_id, draft, decision, by=by)
        if notice is None:
            return show_notice(by.company_id, contact.lead_id, draft, decision, by=by)
        reason = check_reason(reason)
    advance(contact, "sent", machine=CONTACT, by=by.id, cause="contact",
            values={"scheduled_for": None, "occurred_at": now, "user_id": by.id, "user_name": by.name,
                    "version": contact.version + 1})  # fmt: skip
    if notice is not None:
        settle_overridden(notice, contact, reason or "", by=by)
    apply_effects(contact, by=by.id)
    return Answer(decision, contact=contact)


@atomic(retry=3)
def drop_planned(contact_id: int, *, by: User) -> ContactAttempt:
    """A planned contact will not be made. Raises LookupError, MoveRefused."""
    contact, _now = _get(contact_id, by.company_id)
    if contact.scheduled_for is None:
        raise ContactRefused("This contact is not planned.")
    if contact.state != "failed":
        advance(contact, "failed", machine=CONTACT, by=by.id, cause="user", values={"version": contact.version + 1})
        apply_effects(contact, by=by.id)
    return contact


@atomic(retry=3)
def change_follow_up(lead_id: int, on: Any, *, by: User) -> Lead:
    """The day to come back to a lead, None to clear it. Raises LookupError."""
    lead = find_owned(Lead, lead_id, by.company_id, lock=True)
    if lead is None:
        raise LookupError("No such lead")
    set_follow_up(lead, on, by=by.id)
    return lead
