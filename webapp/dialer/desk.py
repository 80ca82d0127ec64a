"""The agent's desk: one lead in hand, its result by one key, the last one taken back, nothing lost when the tab closes.

What an agent has in hand stands in the hopper, not in the browser. A desk call is told by the same events as a dialer's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import read_now
from webapp.core.db import atomic, db
from webapp.core.states import advance
from webapp.dialer.callbacks import hours_for
from webapp.dialer.claims import LEASE, Claim, claim_next, find_claim, find_claim_of, finish, hold
from webapp.dialer.events import parse_event
from webapp.dialer.handback import count_ends, find_call, hand_back, tell
from webapp.dialer.hours import hours_of, parse_callback
from webapp.dialer.in_hand import why_blocked
from webapp.dialer.models import CALLBACK, HOPPER, Callback, CallEvent, CallLog, DialCampaign, HopperEntry
from webapp.dialer.service import record_events
from webapp.leads.models import Lead, LeadList
from webapp.timeline.rules import Quiet

log = structlog.get_logger(__name__)
PROVIDER = "desk"
_HAND = 0x6465736B  # the namespace of the agents' advisory locks


@dataclass(frozen=True, slots=True)
class Result:
    """What an agent may say of a call, by the key on its button."""

    key: str
    label: str
    call_status: str
    disposition: str | None
    icon: str
    tone: str = ""


RESULTS: dict[str, Result] = {
    "no_answer": Result("1", "No answer", "no_answer", None, "phone-missed"),
    "machine": Result("2", "Answering machine", "machine", None, "voicemail"),
    "busy": Result("3", "Busy", "busy", None, "phone-call"),
    "failed": Result("4", "Did not connect", "failed", None, "phone-off"),
    "invalid": Result("5", "Wrong number", "invalid_number", "invalid", "phone-x"),
    "contacted": Result("6", "Spoke with them", "answered", "contacted", "message-circle"),
    "not_interested": Result("7", "Not interested", "answered", "not_interested", "circle-minus"),
    "callback": Result("8", "Call back…", "answered", "callback", "calendar-clock"),
    "qualified": Result("9", "Qualified", "answered", "qualified", "badge-check"),
    "sale": Result("s", "Sale", "answered", "sale", "handshake", "primary"),
    "dnc": Result("0", "Do not call", "answered", "dnc", "shield-ban", "danger"),
}


class DeskRefused(Exception):
    """What was asked cannot be; the text says why."""


@atomic(retry=3)
def take_next(campaign_id: int, *, by: User) -> Claim | HopperEntry | None:
    """What the agent has in hand already, else the next lead; None when there is none to dial now. Raises LookupError."""
    db.session.execute(  # two tabs that ask at once get the same lead
        sa.text("SELECT pg_advisory_xact_lock(:space, CAST(:id % 2147483647 AS int))"), {"space": _HAND, "id": by.id}
    )
    held = find_claim_of(by)
    if held is not None:
        return held
    return claim_next(by.company_id, campaign_id, by=by)


@atomic(retry=3)
def start_dial(token: str, *, by: User) -> None:
    """The agent presses the phone link: the dial counts from here, once. Raises ClaimLost, DeskRefused when they may not be
    dialed any more.
    """
    entry = hold(by.company_id, token, by=by)
    blocked = why_blocked(entry)
    if blocked is not None:
        raise DeskRefused(f"Do not dial now. {blocked.label}: {blocked.sentence}")
    now = read_now()
    tell(entry, {"provider": PROVIDER, "started_at": now.isoformat()}, "dialing", name="dial")
    if entry.status == "locked":
        advance(
            entry, "dialing", machine=HOPPER, by=by.id, cause="user", ledger=False, values={"lease_until": now + LEASE}
        )


@atomic(retry=3)
def give_result(
    token: str, result: str, *, by: User, notes: str = "", callback_local: datetime | None = None, own: bool = False
) -> int:
    """Write the call's result and let the lead go; its call log's id. The callback's time is on the lead's own clock, `own`
    keeps it for this agent. Raises ClaimLost, DeskRefused, CallbackRefused.
    """
    if result not in RESULTS:
        raise DeskRefused("Choose one of the results.")
    said = RESULTS[result]
    entry = hold(by.company_id, token, by=by)
    lead = db.session.get_one(Lead, entry.lead_id, populate_existing=True)
    now = read_now()
    due = None
    if result == "callback":
        campaign = db.session.get_one(DialCampaign, entry.campaign_id)
        due = _promised(callback_local, lead, hours_of(campaign.windows, campaign.holidays))
    call = find_call(by.company_id, PROVIDER, token)
    started = call.started_at if call is not None else now
    ended = (_first_end(call) if call is not None else None) or now
    if call is not None and call.notes:  # those of a result that was taken back: what is said now stands alone
        call.notes = ""
        db.session.flush()
    facts = {"provider": PROVIDER} | _facts(said, started, ended, notes, due)
    if said.call_status == "answered":
        facts |= {"answered_at": started.isoformat()}
        if call is not None:  # who did not press the number has measured nothing
            facts |= {"duration": max(0, int((ended - started).total_seconds()))}
    handed = hand_back(by.company_id, token, facts, by=by)
    if due is not None:
        _keep_for(lead, by.id if own else None, by)
    return handed.call_id


def _facts(said: Result, started: datetime, ended: datetime, notes: str, due: datetime | None) -> dict[str, Any]:
    """Of the call that ended so, as an event tells them."""
    return {
        "call_status": said.call_status, "disposition": said.disposition, "notes": notes, "started_at": started.isoformat(),
        "ended_at": ended.isoformat(), "callback_at": due.isoformat() if due else None,
    }  # fmt: skip


def _promised(local: datetime | None, lead: Lead, hours: Quiet) -> datetime:
    if local is None:
        raise DeskRefused("Say when to call back.")
    return parse_callback(local, lead.zone, hours, read_now())


def _first_end(call: CallLog) -> datetime | None:
    """When its result was said for the first time, of a call whose result was taken back: correcting it later is no talk."""
    first = db.session.scalar(
        sa.select(CallEvent.payload["ended_at"].astext)
        .where(CallEvent.call_log_id == call.id, CallEvent.type == "ended")
        .order_by(CallEvent.id)
        .limit(1)
    )  # fmt: skip
    return datetime.fromisoformat(first) if first else None


def _keep_for(lead: Lead, agent_id: int | None, by: User) -> bool:
    """The new promise is that agent's own or anyone's, whatever the one before it was; False when there is none."""
    callback = db.session.scalars(
        sa.select(Callback).where(Callback.lead_id == lead.id, Callback.state != "closed")
    ).one_or_none()
    if callback is None:
        return False
    if callback.state != "open":
        advance(callback, "open", machine=CALLBACK, by=by.id, cause="user")
    callback.agent_id = agent_id
    db.session.flush()
    return True


@atomic(retry=3)
def give_late(
    token: str, lead_id: int, result: str, *, by: User, notes: str = "", callback_local: datetime | None = None, own: bool = False
) -> None:  # fmt: skip
    """A result for a lead that is no longer in hand: its lease ran out while the agent was talking.

    Raises LookupError, DeskRefused, CallbackRefused.
    """
    lead = find_owned(Lead, lead_id, by.company_id, lock=True)
    call = find_call(by.company_id, PROVIDER, token)
    if lead is None or not token or (call is not None and call.lead_id != lead.id):
        raise LookupError("No such lead or call")
    if call is not None:
        say_result(call.id, result, by=by, notes=notes, callback_local=callback_local, own=own)
        return
    if result not in RESULTS:
        raise DeskRefused("Choose one of the results.")
    if find_claim(by.company_id, token) is not None:
        raise DeskRefused("The lead is in somebody's hand still: its result is given there.")
    now = read_now()
    due = _promised(callback_local, lead, hours_for(lead)) if result == "callback" else None
    event = _facts(RESULTS[result], now, now, notes, due) | {
        "provider": PROVIDER, "event_id": f"claim:{token}:late", "call_id": token, "type": "ended", "lead_id": lead.id,
        "phone": lead.phone, "campaign_id": db.session.get_one(LeadList, lead.list_id).dial_campaign_id, "agent": by.name,
    }  # fmt: skip
    record_events(by.company_id, [parse_event(event)], source=PROVIDER)
    call = find_call(by.company_id, PROVIDER, token)
    assert call is not None  # its lead is known
    call.agent_id = by.id
    if due is not None:
        _keep_for(lead, by.id if own else None, by)


@atomic(retry=3)
def skip(token: str, *, by: User) -> None:
    """Give the lead back uncounted, behind all the others. Raises ClaimLost, DeskRefused while its call is open."""
    entry = hold(by.company_id, token, by=by)
    if entry.status == "dialing":
        raise DeskRefused("It was dialed: say what came of it.")
    facts = {
        name: getattr(entry, name) for name in ("company_id", "lead_id", "campaign_id", "source", "phone", "agent_id")
    }
    finish(by.company_id, token)
    db.session.add(HopperEntry(**facts, priority=0))


# --- needs a result ---------------------------------------------------------------------------------------------------


def list_unsaid(user: User, *, limit: int = 50) -> list[Any]:
    """This agent's calls that were closed without a result, newest first: (call, lead)."""
    query = sa.select(CallLog, Lead).join(Lead, Lead.id == CallLog.lead_id).where(
        CallLog.company_id == user.company_id, CallLog.needs_review, CallLog.call_status == "unknown", CallLog.agent_id == user.id
    )  # fmt: skip
    return list(db.session.execute(query.order_by(CallLog.id.desc()).limit(limit)))


@atomic(retry=3)
def say_result(
    call_id: int, result: str, *, by: User, notes: str = "", everybody: bool = False, callback_local: datetime | None = None,
    own: bool = False,
) -> CallLog:  # fmt: skip
    """What came of a call that was left without a result; `own` keeps a callback for its agent.

    Raises LookupError, DeskRefused, CallbackRefused.
    """
    call = find_owned(CallLog, call_id, by.company_id)
    if call is None or (call.agent_id != by.id and not everybody):
        raise LookupError("No such call")
    if result not in RESULTS:
        raise DeskRefused("Choose one of the results.")
    lead = db.session.get_one(Lead, call.lead_id, populate_existing=True, with_for_update=True)
    db.session.refresh(call)
    if not call.needs_review:
        raise DeskRefused("It has a result already.")
    due = _promised(callback_local, lead, hours_for(lead)) if result == "callback" else None
    said = RESULTS[result]
    turn = count_ends(call)
    event = _facts(said, call.started_at, call.ended_at or call.started_at, notes, due) | {
        "provider": call.provider, "event_id": f"{call.provider_call_id}:said:{turn}", "call_id": call.provider_call_id,
        "type": "ended", "lead_id": call.lead_id, "agent": by.name if call.agent_id in (None, by.id) else "",
    }  # fmt: skip
    record_events(by.company_id, [parse_event(event)], source=PROVIDER)
    agent_id = call.agent_id or by.id
    db.session.execute(sa.update(CallLog).where(CallLog.id == call.id).values(needs_review=False, agent_id=agent_id))
    if due is not None:
        made = sa.select(Callback.id).where(Callback.call_log_id == call.id, Callback.state != "closed")
        if db.session.scalar(made) is None or not _keep_for(lead, agent_id if own else None, by):
            raise DeskRefused("The lead has moved on since this call: choose another result.")
    record_event("result_said", f"Said what came of a call: {said.label}", by=by, subject=call, lead_id=call.lead_id)
    db.session.refresh(call)
    return call


SCRIPT_FIELDS = ("first_name", "last_name", "business", "title", "city", "agent")


def build_script(script: str, lead: Lead, agent: str) -> str:
    """The campaign's script with the lead's words in it; a field that is empty leaves a gap of dots, any other brace stays."""
    text = script
    for name in SCRIPT_FIELDS:
        value = agent if name == "agent" else getattr(lead, name)
        text = text.replace("{" + name + "}", value or "…")
    return text
