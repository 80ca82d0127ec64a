"""The hopper over the API: an outside dialer claims a lead, keeps it alive, and gives it back or says what came of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from flask import Response
from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from webapp.accounts.models import User
from webapp.core.access import MAX_ID, find_owned, get_owned_or_404
from webapp.core.api import ApiProblem
from webapp.core.apikit import (
    Caller,
    In,
    Out,
    PageQuery,
    endpoint,
    field_errors,
    json_answer,
    read_cursor,
    write_cursor,
)
from webapp.dialer.api import bp
from webapp.dialer.claims import LEASE, Claim, ClaimLost, claim_next, find_claim, heartbeat, release
from webapp.dialer.eligible import REASONS, count_reasons
from webapp.dialer.events import CallStatus, Disposition, Key, Moment, Text
from webapp.dialer.handback import Handed, ResultRefused, hand_back
from webapp.dialer.models import DialCampaign
from webapp.dialer.queries import page_of_campaigns
from webapp.leads.models import Lead

TAG = "Hopper"
SCOPE = "hopper:claim"
WHY_PER_MINUTE = 120  # it reads every lead of the campaign
LOST = ("conflict", "claim_lost")
LABELS = {"ready": "In the hopper", "dialable": "Dialable"} | {name: reason.label for name, reason in REASONS.items()}
EARLIEST = datetime(1970, 2, 1, tzinfo=UTC)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,100}")

Lease = Annotated[
    int,
    Field(strict=True, ge=60, le=3600, description="Seconds from now; without a heartbeat the lead goes back then."),
]


def _recent(at: datetime) -> datetime:
    if at < EARLIEST:
        raise ValueError("lies too far in the past")
    return at


When = Annotated[Moment, AfterValidator(_recent)]

# --- campaigns -------------------------------------------------------------------------------------------------


class CampaignOut(Out):
    id: int
    name: str
    active: bool
    hopper_level: Annotated[int, Field(description="Leads the hopper is filled up to.")]
    ready: Annotated[int, Field(description="Leads that stand in the hopper.")]
    claimed: Annotated[int, Field(description="Leads in the hands of agents and dialers.")]


class CampaignsOut(Out):
    items: list[CampaignOut]
    next: str | None


class CampaignCursor(In):
    id: Annotated[int, Field(gt=0, le=MAX_ID)]


class WhyOut(Out):
    total: Annotated[int, Field(description="Leads of the campaign; the counts add up to it.")]
    dialable: Annotated[int, Field(description="May be dialed now: ready and dialable together.")]
    counts: Annotated[dict[str, int], Field(description="Leads by the first rule they fail; only reasons with leads.")]
    labels: Annotated[dict[str, str], Field(description="What each reason is called.")]
    next_at: Annotated[datetime | None, Field(description="When the first cooling lead may be dialed again.")]


@endpoint(
    bp, "GET", "/campaigns", scope="calls:read", tag=TAG, summary="List dial campaigns", query=PageQuery, answer=CampaignsOut
)  # fmt: skip
def list_campaigns_api(caller: Caller, query: PageQuery) -> Any:
    """Oldest first, each with what its hopper holds."""
    after = read_cursor(CampaignCursor, query.cursor).id if query.cursor is not None else None
    rows, key = page_of_campaigns(caller.company_id, after=after, limit=query.limit)
    return {"items": rows, "next": write_cursor(key) if key else None}


@endpoint(
    bp, "GET", "/campaigns/<int:campaign_id>/why", scope="calls:read", tag=TAG, summary="Why leads are not dialed now",
    answer=WhyOut, per_minute=WHY_PER_MINUTE,
)  # fmt: skip
def get_why_api(caller: Caller, campaign_id: int) -> Any:
    """Every lead of the campaign by the first rule that keeps it from being dialed. It reads all of them: ask rarely."""
    found = count_reasons(get_owned_or_404(DialCampaign, campaign_id, caller.company_id))
    return {
        "total": found.total, "dialable": found.dialable, "counts": found.counts, "labels": LABELS, "next_at": found.next_at,
    }  # fmt: skip


# --- claims ----------------------------------------------------------------------------------------------------


class ClaimIn(In):
    agent_id: Annotated[
        int | None,
        Field(strict=True, gt=0, le=MAX_ID, description="The user who will speak; also gets their own callbacks."),
    ] = None
    lease_seconds: Lease = int(LEASE.total_seconds())


class ClaimQuery(In):
    why: Annotated[bool, Field(description="1: with nothing to dial, say why, by reason.")] = False


class ClaimedLead(Out):
    id: int
    list_id: int
    first_name: str
    last_name: str
    business: str
    title: str
    phone: Annotated[str, Field(description="E.164: the number to dial.")]
    extension: str
    email: str | None
    city: str
    state: str
    postal_code: str
    country: str
    zone: Annotated[str | None, Field(description="IANA time zone.")]
    tags: list[str]
    custom: dict[str, Any]
    status: str | None
    dial_attempts: int
    answered_count: int
    last_dial_attempt: datetime | None
    pass_number: int


class ClaimOut(Out):
    token: Annotated[str, Field(description="Whoever holds it speaks for the lead until the lease ends.")]
    lease_until: datetime
    source: Literal["standard", "recycled", "callback", "manual"]
    campaign_id: int
    lead: ClaimedLead


class ClaimAnswer(Out):
    claim: Annotated[ClaimOut | None, Field(description="Null: there is nothing to dial now.")]
    why: Annotated[
        dict[str, int] | None, Field(description="Only with why=1 and nothing to dial: leads by reason.")
    ] = None


@endpoint(
    bp, "POST", "/campaigns/<int:campaign_id>/hopper/claim", scope=SCOPE, tag=TAG, summary="Claim the next lead to dial",
    query=ClaimQuery, body=ClaimIn, body_optional=True, answer=ClaimAnswer, once=True, per_minute=12_000,
    problems=("conflict",), example={"agent_id": None, "lease_seconds": 600},
)  # fmt: skip
def claim_lead_api(caller: Caller, campaign_id: int, query: ClaimQuery, body: ClaimIn) -> Any:
    """One lead that may be dialed now, for the holder of the token alone; its phone is held too. Nobody else is given either.

    `claim` is null while the campaign is off or has nothing to dial. A repeated Idempotency-Key gets the same claim, or the same null:
    use a new key for each new claim.
    """
    campaign = get_owned_or_404(DialCampaign, campaign_id, caller.company_id)
    agent = None
    if body.agent_id is not None:
        agent = find_owned(User, body.agent_id, caller.company_id)
        if agent is None or not agent.is_active:
            raise ApiProblem(422, errors=[{"field": "agent_id", "message": "there is no such active user"}])
    claim = claim_next(caller.company_id, campaign.id, by=agent, lease=timedelta(seconds=body.lease_seconds))
    lead = find_owned(Lead, claim.lead_id, caller.company_id) if claim is not None else None
    shown: dict[str, Any] = {"claim": _show(claim, lead) if claim is not None and lead is not None else None}
    if claim is None and query.why:
        shown["why"] = count_reasons(campaign).counts
    return json_answer(ClaimAnswer.model_validate(shown).model_dump_json(exclude_unset=True))


def _show(claim: Claim, lead: Lead) -> dict[str, Any]:
    facts = {name: getattr(lead, name) for name in ClaimedLead.model_fields} | {"phone": claim.phone}
    return {
        "token": claim.token, "lease_until": claim.lease_until, "source": claim.source, "campaign_id": claim.campaign_id, "lead": facts,
    }  # fmt: skip


class LeaseIn(In):
    lease_seconds: Lease = int(LEASE.total_seconds())


class LeaseOut(Out):
    lease_until: datetime


class ReleasedOut(Out):
    released: bool


def _held(token: str) -> str:
    """The token, or the answer to one that none of ours can be."""
    if not _TOKEN.fullmatch(token):
        raise _lost()
    return token


def _lost() -> ApiProblem:
    detail = "The lease ran out, the claim was given back, or its result is said already. Claim anew; a call that was made is sent to /calls/events."
    return ApiProblem(409, "claim_lost", title="This token holds no lead", detail=detail)


@endpoint(
    bp, "POST", "/hopper/claims/<token>/heartbeat", scope=SCOPE, tag=TAG, summary="Keep a claim alive", body=LeaseIn,
    body_optional=True, answer=LeaseOut, per_minute=12_000, problems=LOST, example={"lease_seconds": 600},
)  # fmt: skip
def keep_claim_api(caller: Caller, token: str, body: LeaseIn) -> Any:
    """The lease runs anew from now. 409 `claim_lost` when the token no longer holds a lead: do not dial it then."""
    try:
        until = heartbeat(caller.company_id, _held(token), lease=timedelta(seconds=body.lease_seconds))
    except ClaimLost:
        raise _lost() from None
    return {"lease_until": until}


@endpoint(
    bp, "DELETE", "/hopper/claims/<token>", scope=SCOPE, tag=TAG, summary="Give a claimed lead back", answer=ReleasedOut,
    problems=LOST,
)  # fmt: skip
def release_claim_api(caller: Caller, token: str) -> Any:
    """For a lead that was not dialed: it stands where it stood, uncounted. 409 `claim_lost` when the token no longer holds it,
    409 `conflict` while a call to it has no end: say its result."""
    try:
        release(caller.company_id, _held(token))
    except ClaimLost:
        if find_claim(caller.company_id, token) is not None:
            raise ApiProblem(409, detail="A call to this lead has no end yet: say its result.") from None
        raise _lost() from None
    return {"released": True}


class ResultIn(In):
    call_status: CallStatus
    disposition: Annotated[Disposition | None, Field(description="What an agent said of it.")] = None
    started_at: When | None = None
    answered_at: When | None = None
    ended_at: Annotated[When | None, Field(description="Now, when left out.")] = None
    duration: Annotated[int | None, Field(strict=True, ge=0, le=604_800, description="Seconds.")] = None
    recording: Annotated[Text, StringConstraints(max_length=500)] = ""
    notes: Annotated[Text, StringConstraints(max_length=10_000)] = ""
    callback_at: Annotated[
        When | None,
        Field(
            description="With the disposition callback: when to call again; a day later when left out, or not after the result."
        ),
    ] = None
    provider: Key = "api"
    call_id: Annotated[
        Key | None, Field(description="As in the call's events, if any were sent; the token when left out.")
    ] = None


class ResultOut(Out):
    call_id: Annotated[int, Field(description="The call's id in Rebound.")]
    lead_id: int
    lead_status: str | None
    next_eligible_at: Annotated[
        datetime | None, Field(description="When the lead may be dialed again, as far as its rest goes.")
    ]


@endpoint(
    bp, "POST", "/hopper/claims/<token>/result", scope=SCOPE, tag=TAG, summary="Say what came of a claimed lead", body=ResultIn,
    answer=ResultOut, once=True, problems=LOST,
    example={"call_status": "answered", "disposition": "callback", "duration": 42, "callback_at": "2026-06-02T15:00:00Z"},
)  # fmt: skip
def give_result_api(caller: Caller, token: str, body: ResultIn) -> Handed | Response:
    """Writes the call and ends the claim, both or neither. The claim gives the lead, the phone and the campaign.

    409 `claim_lost` when the token no longer holds a lead: nothing is written, so send the call as an `ended` event to
    /calls/events instead. With an Idempotency-Key a repeat gets the first answer; without one it finds the claim ended.
    """
    facts = body.model_dump(mode="json", exclude_none=True)
    try:
        return hand_back(caller.company_id, _held(token), facts)
    except ClaimLost:
        raise _lost() from None
    except ResultRefused as refused:
        raise ApiProblem(422, errors=[{"field": refused.field, "message": str(refused)}]) from None
    except ValidationError as error:
        raise ApiProblem(422, errors=field_errors(error)) from None
