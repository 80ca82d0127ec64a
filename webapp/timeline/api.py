"""Contacts and the guard over the API, with the paths and bodies of their design (seed 004)."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from flask import Response, abort, request
from pydantic import AwareDatetime, Field, StringConstraints

from webapp.accounts.models import User
from webapp.core.access import MAX_ID, find_owned, get_owned_or_404
from webapp.core.api import ApiProblem
from webapp.core.apikit import (
    Caller,
    In,
    Out,
    PageQuery,
    api_blueprint,
    endpoint,
    json_answer,
    read_cursor,
    write_cursor,
)
from webapp.core.clock import read_now
from webapp.core.db import db
from webapp.core.once import hash_request
from webapp.leads.api import successors
from webapp.leads.models import Lead
from webapp.timeline import service
from webapp.timeline.guard import look
from webapp.timeline.models import ContactAttempt
from webapp.timeline.queries.contacts import count_contacts, find_survivor, page_of_contacts
from webapp.timeline.rules import STATUS_OF_CODE, Decision
from webapp.timeline.service import Answer, ContactRefused, Draft
from webapp.timeline.service.contacts import MAX_BODY, MAX_SUBJECT
from webapp.timeline.service.notices import shown_of
from webapp.timeline.states import METHODS

bp = api_blueprint("timeline_api", __name__)

Method = Literal[tuple(METHODS)]  # type: ignore[valid-type]
Direction = Literal["outbound", "inbound"]
TITLES = {
    "do_not_contact": "This lead may not be contacted",
    "contact_cap": "This lead was contacted too recently",
    "recent_contact": "This lead was contacted in the last days",
    "queued_contact": "A message to this lead is queued",
}


class UserOut(Out):
    id: int | None
    name: str | None


class ContactOut(Out):
    id: Annotated[int | None, Field(description="Null for a dialer's call, which call_id names.")]
    call_id: int | None = None
    lead_id: int
    user_id: int | None
    user: UserOut
    method: str
    direction: str
    subject: str
    body: str
    responded: bool
    response_at: datetime | None
    metadata: dict[str, Any]
    occurred_at: Annotated[datetime, Field(description="When it happened.")]
    created_at: Annotated[datetime, Field(description="When it was written down.")]
    scheduled_for: Annotated[datetime | None, Field(description="Planned for then: quiet hours in the lead's zone.")]
    state: str
    source: str
    over_cap: bool
    version: int


class LoggedOut(ContactOut):
    lead_status: str | None


class ContactsOut(Out):
    data: list[ContactOut]
    total: int
    next: str | None


class NewContact(In):
    method: Method  # type: ignore[valid-type]
    direction: Direction = "outbound"
    subject: Annotated[str, StringConstraints(max_length=MAX_SUBJECT)] = ""
    body: Annotated[str, StringConstraints(max_length=MAX_BODY)] = ""
    metadata: Annotated[dict[str, Any], Field(description="Any JSON object up to 16 KiB.")] = {}
    occurred_at: Annotated[
        AwareDatetime | None,
        Field(description="When it happened, if not now. The past is recorded whatever the limits say."),
    ] = None
    responded: bool = False
    response_at: AwareDatetime | None = None
    follow_up_on: Annotated[date | None, Field(description="The day to come back to this lead.")] = None
    override_token: Annotated[
        str | None, Field(max_length=100, description="Of the warning that was answered 409.")
    ] = None
    reason: Annotated[str, StringConstraints(max_length=500)] = ""


class RespondedIn(In):
    responded: bool
    response_at: AwareDatetime | None = None


class ContactsQuery(PageQuery):
    method: Method | None = None  # type: ignore[valid-type]
    direction: Direction | None = None


class ContactCursor(In):
    at: AwareDatetime
    rank: Annotated[int, Field(ge=1, le=2)]
    id: Annotated[int, Field(gt=0, le=MAX_ID)]


class GuardQuery(In):
    method: Method = "email"  # type: ignore[valid-type]


class GuardOut(Out):
    verdict: Literal["allowed", "warned", "refused"]
    code: str | None
    next_allowed_at: datetime | None
    scheduled_for: datetime | None
    contacts: list[dict[str, Any]]
    lines: Annotated[list[dict[str, Any]], Field(description="Contacts by other methods in the last days.")]


def _user(caller: Caller) -> User:
    user = find_owned(User, caller.user_id or 0, caller.company_id)
    if user is None or not user.is_active:
        detail = "Contacts are put down to the user who made the key, and this key has none who is active."
        raise ApiProblem(403, "key_without_user", detail=detail)
    return user


def _lead(caller: Caller, lead_id: int) -> Lead:
    """The lead, or the one that a merged-away id lives on in; 404 otherwise."""
    lead = find_owned(Lead, lead_id, caller.company_id)
    if lead is None and (survivor := find_survivor(caller.company_id, lead_id)) is not None:
        lead = find_owned(Lead, survivor, caller.company_id)
    if lead is None:
        abort(404)
    return lead


def _show(contact: ContactAttempt) -> dict[str, Any]:
    user = db.session.get(User, contact.user_id) if contact.user_id else None
    facts = {
        name: getattr(contact, name) for name in ContactOut.model_fields if name not in ("call_id", "user", "metadata")
    }
    return facts | {
        "metadata": contact.details,
        "user": {"id": contact.user_id, "name": user.name if user else contact.user_name},
    }


def _show_row(row: Any) -> dict[str, Any]:
    facts = dict(row._mapping) | {"user": {"id": row.user_id, "name": row.user_name}}
    if row.kind == "call":
        facts |= {"id": None, "call_id": row.id}
    return facts


def _refuse(answer: Answer) -> ApiProblem:
    decision, notice = answer.decision, answer.notice
    headers, extra = {}, dict[str, Any]()
    if decision.allowed_at is not None:
        extra["next_allowed_at"] = decision.allowed_at.isoformat()
        now = read_now()
        headers["Retry-After"] = str(max(1, math.ceil((decision.allowed_at - now).total_seconds())))
    if answer.token:
        extra |= {
            "override_token": answer.token,
            "expires_at": notice.expires_at.isoformat() if notice and notice.expires_at else "",
        }
    if answer.similarity is not None:
        extra["similarity"] = answer.similarity
    contacts = [shown_of(k) for k in decision.contacts[:20]]
    return ApiProblem(
        STATUS_OF_CODE[decision.code], decision.code, title=TITLES[decision.code], detail=_say(decision), headers=headers,
        contacts=contacts, **extra,
    )  # fmt: skip


def _say(decision: Decision) -> str:
    if decision.block is not None:
        return (
            f"Its {decision.block.kind} is on the do-not-contact list."
            if decision.block.kind != "status"
            else "It is on Do Not Call."
        )
    first = decision.contacts[0]
    who, what = first.who or "Rebound", METHODS[first.method].said
    said = f"{who} {what} them at {first.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if first.scheduled_for is not None:
        said = f"{who} has a message planned for {first.scheduled_for.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    replied = "" if first.scheduled_for else (", and they replied" if first.responded else ", without a reply")
    free = f" Free from {decision.allowed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC." if decision.allowed_at else ""
    return f"{said}{f': {first.subject}' if first.subject else ''}{replied}.{free}"


def _invalid(refused: ContactRefused) -> ApiProblem:
    return ApiProblem(422, errors=[{"field": refused.field or "(body)", "message": str(refused)}])


@endpoint(
    bp, "POST", "/leads/<int:lead_id>/contacts", scope="contacts:write", tag="Contacts", summary="Log a contact", body=NewContact,
    answer=LoggedOut, status=201, max_bytes=512 * 1024, problems=tuple(TITLES),
    also={403: "do_not_contact", 409: "recent_contact or queued_contact, with an override_token", 429: "contact_cap, with Retry-After"},
    example={"method": "email", "direction": "outbound", "subject": "Quick question about your tech stack",
             "body": "Hi John, I noticed you're using...", "metadata": {"email_id": "msg_123", "thread_id": "thread_456"}},
)  # fmt: skip
def log_contact_api(caller: Caller, lead_id: int, body: NewContact) -> Any:
    """A contact of now passes the outreach guard; one that happened already is recorded. Send an Idempotency-Key (1 to 200
    visible characters) and a repeat answers with the same contact; an attempt that was stopped leaves the key free."""
    lead, user = _lead(caller, lead_id), _user(caller)
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= 200 and key.isascii() and key.isprintable() and " " not in key):
        raise ApiProblem(
            422, errors=[{"field": "Idempotency-Key", "message": "must be 1 to 200 visible ASCII characters"}]
        )
    draft = Draft(
        body.method, body.direction, body.subject, body.body, body.occurred_at, body.responded, body.response_at, body.metadata,
        body.follow_up_on,
    )  # fmt: skip
    try:
        answer = service.log_contact(
            lead.id, draft, by=user, token=body.override_token, reason=body.reason, form_token=f"api:{key}" if key else None,
            request_hash=hash_request(json.dumps([lead.id, body.model_dump(mode="json", exclude={"override_token", "reason"})]).encode()),
        )  # fmt: skip
    except LookupError:
        abort(404)
    except ContactRefused as refused:
        raise _invalid(refused) from None
    if answer.contact is None:
        raise _refuse(answer)
    db.session.refresh(lead)
    made = LoggedOut.model_validate(_show(answer.contact) | {"lead_status": lead.status})
    response = json_answer(made.model_dump_json(), 201)
    response.headers["Location"] = f"/api/v1/contacts/{answer.contact.id}"
    if answer.repeated:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@endpoint(
    bp, "GET", "/leads/<int:lead_id>/contacts", scope="contacts:read", tag="Contacts", summary="A lead's contact history",
    query=ContactsQuery, answer=ContactsOut,
)  # fmt: skip
def list_contacts_api(caller: Caller, lead_id: int, query: ContactsQuery) -> Any:
    """Newest first: what was logged or sent, and the dialer's calls. `total` counts all that match."""
    lead = _lead(caller, lead_id)
    after = None
    if query.cursor is not None:
        cursor = read_cursor(ContactCursor, query.cursor)
        after = (cursor.at, cursor.rank, cursor.id)
    wanted = {"method": query.method, "direction": query.direction}
    rows, place = page_of_contacts(caller.company_id, lead.id, **wanted, after=after, limit=query.limit)
    total = count_contacts(caller.company_id, lead.id, **wanted)
    return {"data": [_show_row(row) for row in rows], "total": total, "next": write_cursor(*place) if place else None}


@endpoint(bp, "GET", "/contacts/<int:contact_id>", scope="contacts:read", tag="Contacts", summary="One contact", answer=ContactOut)  # fmt: skip
def get_contact_api(caller: Caller, contact_id: int) -> Any:
    contact = get_owned_or_404(ContactAttempt, contact_id, caller.company_id)
    return _with_tag(contact)


@endpoint(
    bp, "PATCH", "/contacts/<int:contact_id>/responded", scope="contacts:write", tag="Contacts", summary="Mark a response", body=RespondedIn,
    answer=ContactOut, also={412: "If-Match names an older version"}, example={"responded": True, "response_at": "2026-02-10T14:30:00Z"},
)  # fmt: skip
def set_responded_api(caller: Caller, contact_id: int, body: RespondedIn) -> Any:
    """They replied: the lead becomes conversing unless it is qualified, converted, sale or dnc. `false` takes all of it back;
    the same twice changes nothing. With If-Match (the ETag of the contact) a version that moved on is answered 412."""
    get_owned_or_404(ContactAttempt, contact_id, caller.company_id)
    try:
        contact = service.set_responded(
            contact_id, body.responded, by=_user(caller), response_at=body.response_at, version=_version()
        )
    except LookupError:
        abort(404)
    except service.StaleContact as stale:
        raise ApiProblem(412, "stale", title="It changed meanwhile", detail=str(stale)) from None
    except ContactRefused as refused:
        raise _invalid(refused) from None
    return _with_tag(contact)


def _version() -> int | None:
    given = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if given in ("", "*"):
        return None
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else -1


def _with_tag(contact: ContactAttempt) -> Response:
    response = json_answer(ContactOut.model_validate(_show(contact)).model_dump_json())
    response.set_etag(str(contact.version))
    return response


@endpoint(
    bp, "GET", "/leads/<int:lead_id>/guard", scope="contacts:read", tag="Contacts", summary="May this lead be contacted now?",
    query=GuardQuery, answer=GuardOut,
)  # fmt: skip
def get_guard_api(caller: Caller, lead_id: int, query: GuardQuery) -> Any:
    """A preview: only logging a contact decides, under a lock."""
    lead = _lead(caller, lead_id)
    decision = look(caller.company_id, [lead.id], query.method).decisions[lead.id]
    return {
        "verdict": decision.verdict, "code": decision.code or None, "next_allowed_at": decision.allowed_at,
        "scheduled_for": decision.scheduled_for, "contacts": [shown_of(k) for k in decision.contacts[:20]],
        "lines": [shown_of(k) for k in decision.lines[:20]],
    }  # fmt: skip


successors.append(find_survivor)
