"""Calls over the API: events in, calls out."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from flask import Response, request
from pydantic import AwareDatetime, Field, RootModel, ValidationError

from webapp.core.access import MAX_ID, get_owned_or_404
from webapp.core.api import ApiProblem, problem
from webapp.core.apikit import (
    Caller,
    In,
    Out,
    PageQuery,
    api_blueprint,
    clean_name,
    endpoint,
    field_errors,
    json_answer,
    read_cursor,
    write_cursor,
)  # fmt: skip
from webapp.core.jsonbody import find_poison
from webapp.dialer.events import CallEventIn, parse_event
from webapp.dialer.gather import gatherer
from webapp.dialer.models import CallLog
from webapp.dialer.queries import CallFilter, list_calls, list_events_of
from webapp.dialer.results import CALL
from webapp.dialer.service import MAX_BATCH, Outcome, record_events

bp = api_blueprint("dialer_api", __name__)
TAG = "Calls"
EVENTS_BYTES = 2 * 1024 * 1024
EVENTS_PER_MINUTE = 120_000
Error = dict[str, str]

EXAMPLE = {
    "provider": "acme-dialer", "event_id": "e-1001", "call_id": "c-77", "phone": "+12125550123", "type": "ended",
    "call_status": "no_answer", "started_at": "2026-06-01T14:00:00Z", "ended_at": "2026-06-01T14:00:25Z", "duration": 25,
}  # fmt: skip
_EVENT = {"$ref": "#/components/schemas/CallEventIn"}
_MANY = {"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": _EVENT}
EVENTS_SCHEMA = {
    "oneOf": [_EVENT, {"type": "object", "required": ["events"], "properties": {"events": _MANY}}, _MANY],
}


class OutcomeOut(Out):
    """What became of one delivery."""

    event_id: str | None
    outcome: Literal["applied", "duplicate", "stale", "quarantined", "refused"]
    reason: str = ""
    call_id: Annotated[int | None, Field(description="The call's id in Rebound.")] = None
    lead_id: int | None = None
    index: Annotated[int | None, Field(description="Place in the batch, from 0.")] = None
    errors: Annotated[list[Error] | None, Field(description="Why it was refused, by field.")] = None


class BatchOut(Out):
    received: int
    applied: int
    duplicate: int
    stale: int
    quarantined: int
    refused: int
    outcomes: list[OutcomeOut]


class EventsOut(RootModel[OutcomeOut | BatchOut]):
    """One outcome for one event; counts and a list for a batch."""


@endpoint(
    bp, "POST", "/calls/events", scope="calls:write", tag=TAG, summary="Send call events", body=CallEventIn,
    body_schema=EVENTS_SCHEMA, answer=EventsOut, also={202: "The event was kept, but nobody could place it: it waits in quarantine."},
    once=True, max_bytes=EVENTS_BYTES, per_minute=EVENTS_PER_MINUTE, example=EXAMPLE,
)  # fmt: skip
def post_call_events(caller: Caller, body: Any) -> Response:
    """One event, {"events": [...]}, or a bare list of up to 1,000.

    Events may come twice, late and out of order: the call ends as if each had come once and in order. Each
    item of a batch has its own outcome; one that is refused does not hold up the others.
    """
    if isinstance(body, dict) and not isinstance(body.get("events"), list):
        return _single(caller, body)
    items = body["events"] if isinstance(body, dict) else body
    if not isinstance(items, list):
        raise ApiProblem(
            422, errors=[{"field": "(body)", "message": 'must be an event, a list of events, or {"events": [...]}'}]
        )
    if not 0 < len(items) <= MAX_BATCH:
        message = f"must hold 1 to {MAX_BATCH} events, not {len(items)}"
        raise ApiProblem(422, errors=[{"field": "events", "message": message}])
    return _batch(caller, items)


def _read(item: Any) -> tuple[dict[str, Any] | None, list[Error]]:
    if not isinstance(item, dict):
        return None, [{"field": "(event)", "message": "must be a JSON object"}]
    if (poison := find_poison(item)) is not None:
        return None, [{"field": clean_name(poison[0]), "message": poison[1]}]
    try:
        return parse_event(item), []
    except ValidationError as error:
        return None, field_errors(error)


def _single(caller: Caller, item: Any) -> Response:
    event, errors = _read(item)
    if event is None:
        return problem(422, detail="The event was refused; nothing was stored.", errors=errors)
    if "Idempotency-Key" in request.headers:  # its answer must be kept in the same transaction
        (outcome,) = record_events(caller.company_id, [event], source="api")
    else:
        outcome = gatherer.record(caller.company_id, event)
    return json_answer(json.dumps(_facts(outcome)), 202 if outcome.outcome == "quarantined" else 200)


def _batch(caller: Caller, items: list[Any]) -> Response:
    good: list[dict[str, Any]] = []
    answers: list[dict[str, Any] | None] = []
    for index, item in enumerate(items):
        event, errors = _read(item)
        if event is not None:
            good.append(event)
            answers.append(None)
            continue
        named = item.get("event_id") if isinstance(item, dict) else None
        answers.append({
            "index": index, "event_id": clean_name(str(named))[:200] if named is not None else None, "outcome": "refused",
            "reason": "; ".join(f"{error['field']}: {error['message']}" for error in errors[:3]), "call_id": None, "lead_id": None,
            "errors": errors,
        })  # fmt: skip
    recorded = iter(record_events(caller.company_id, good, source="api"))
    outcomes = [
        answer if answer is not None else {"index": index, **_facts(next(recorded))}
        for index, answer in enumerate(answers)
    ]
    counts = dict.fromkeys(("applied", "duplicate", "stale", "quarantined", "refused"), 0)
    for each in outcomes:
        counts[each["outcome"]] += 1
    return json_answer(json.dumps({"received": len(items), **counts, "outcomes": outcomes}))


def _facts(outcome: Outcome) -> dict[str, Any]:
    return {
        "event_id": outcome.event_id, "outcome": outcome.outcome, "reason": outcome.reason,
        "call_id": outcome.call_log_id, "lead_id": outcome.lead_id,
    }  # fmt: skip


# --- reading -------------------------------------------------------------------------------------------------


class CallOut(Out):
    id: int
    lead_id: int
    campaign_id: int | None
    agent_id: int | None
    agent: Annotated[str, Field(validation_alias="agent_name")]
    provider: str
    call_id: Annotated[
        str, Field(validation_alias="provider_call_id", description="The provider's own id of the call.")
    ]
    phone: str | None
    call_status: Literal[CALL.names]
    disposition: str | None
    result: Annotated[str | None, Field(description="The lead status this call speaks for; null while it is open.")]
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration: Annotated[int | None, Field(description="Seconds.")]
    recording_filename: str
    notes: str
    is_open: bool
    needs_review: bool


class EventOut(Out):
    id: int
    event_id: str
    type: str | None
    occurred_at: datetime | None
    received_at: Annotated[datetime, Field(validation_alias="created_at")]
    outcome: str
    reason: str
    duplicates: int
    payload: dict[str, Any]


class CallDetail(CallOut):
    events: list[EventOut]


class CallsOut(Out):
    items: list[CallOut]
    next: str | None


class CallsQuery(PageQuery):
    lead_id: Annotated[int | None, Field(gt=0, le=MAX_ID, description="Only this lead's calls.")] = None
    since: Annotated[
        AwareDatetime | None, Field(alias="from", description="Started at or after, as 2026-06-01T00:00:00Z.")
    ] = None
    until: Annotated[AwareDatetime | None, Field(alias="to", description="Started before.")] = None
    status: Annotated[Literal[CALL.names] | None, Field(description="The call's status.")] = None


class CallCursor(In):
    started_at: AwareDatetime
    id: Annotated[int, Field(gt=0, le=MAX_ID)]


@endpoint(bp, "GET", "/calls", scope="calls:read", tag=TAG, summary="List calls", query=CallsQuery, answer=CallsOut)
def list_calls_api(caller: Caller, query: CallsQuery) -> Any:
    """Newest first. With `status` a page may hold fewer than `limit`, or none, and still have a `next`: go on until it is null."""
    after = None
    if query.cursor is not None:
        cursor = read_cursor(CallCursor, query.cursor)
        after = (cursor.started_at, cursor.id)
    page = list_calls(
        caller.company_id,
        CallFilter(
            lead_ids=(query.lead_id,) if query.lead_id else None, statuses=(query.status,) if query.status else (),
            since=query.since, until=query.until,
        ),
        after=after, limit=query.limit,
    )  # fmt: skip
    return {"items": page.rows, "next": write_cursor(page.next[0].isoformat(), page.next[1]) if page.next else None}


@endpoint(bp, "GET", "/calls/<int:call_id>", scope="calls:read", tag=TAG, summary="One call", answer=CallDetail)
def get_call_api(caller: Caller, call_id: int) -> Any:
    """The call with the deliveries it was made of."""
    call = get_owned_or_404(CallLog, call_id, caller.company_id)
    facts = CallOut.model_validate(call).model_dump(by_alias=False)
    return CallDetail.model_construct(
        **facts, events=[EventOut.model_validate(event) for event in list_events_of(call)]
    )


from webapp.dialer import hopper_api as _hopper_api  # noqa: E402, F401 - its operations are this blueprint's too
