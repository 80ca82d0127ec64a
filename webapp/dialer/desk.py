"""The agent's desk: one lead in hand, its result by one key, the last one taken back, nothing lost when the tab closes.

What an agent has in hand stands in the hopper, not in the browser. A desk call is told by the same events as a dialer's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import db_now, read_now
from webapp.core.db import atomic, db
from webapp.core.states import advance, advance_many
from webapp.dialer.aftermath import settle_leads
from webapp.dialer.callbacks import hours_for
from webapp.dialer.claims import LEASE, Claim, claim_next, find_claim_of, finish, hold, release
from webapp.dialer.events import parse_event
from webapp.dialer.fold import apply_calls
from webapp.dialer.handback import count_ends, find_call, hand_back, tell
from webapp.dialer.hours import hours_of, parse_callback
from webapp.dialer.models import HOPPER, Callback, CallLog, DialCampaign, HopperEntry
from webapp.dialer.service import record_events
from webapp.leads.models import Lead, LeadList
from webapp.leads.states import LEAD

log = structlog.get_logger(__name__)
PROVIDER = "desk"
UNDO_FOR = timedelta(minutes=15)


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


def take_next(campaign_id: int, *, by: User) -> Claim | HopperEntry | None:
    """What the agent has in hand already, else the next lead; None when there is none to dial now. Raises LookupError."""
    held = find_claim_of(by)
    if held is not None:
        return held
    return claim_next(by.company_id, campaign_id, by=by)


@atomic(retry=3)
def start_dial(token: str, *, by: User) -> None:
    """The agent presses the phone link: the dial counts from here, once. Raises ClaimLost."""
    entry = hold(by.company_id, token, by=by)
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
        if callback_local is None:
            raise DeskRefused("Say when to call back.")
        campaign = db.session.get_one(DialCampaign, entry.campaign_id)
        due = parse_callback(callback_local, lead.zone, hours_of(campaign.windows, campaign.holidays), now)
    call = find_call(by.company_id, PROVIDER, token)
    started = call.started_at if call is not None else now
    facts: dict[str, Any] = {
        "provider": PROVIDER, "call_status": said.call_status, "disposition": said.disposition, "notes": notes,
        "started_at": started.isoformat(), "ended_at": now.isoformat(), "callback_at": due.isoformat() if due else None,
    }  # fmt: skip
    if said.call_status == "answered":
        facts |= {"answered_at": started.isoformat(), "duration": int((now - started).total_seconds())}
    handed = hand_back(by.company_id, token, facts, by=by)
    if due is not None and own:
        db.session.execute(
            sa.update(Callback).where(Callback.lead_id == lead.id, Callback.state == "open").values(agent_id=by.id)
        )
    return handed.call_id


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


@atomic(retry=3)
def undo_last(*, by: User) -> str:
    """Take the agent's last result back: the call is open again, the lead as it was and in hand. Its token.

    Raises DeskRefused when there is none of the last quarter of an hour, or the lead has moved on.
    """
    call = db.session.scalars(
        sa.select(CallLog)
        .where(CallLog.company_id == by.company_id, CallLog.agent_id == by.id, CallLog.provider == PROVIDER,
               CallLog.ended_at > db_now() - UNDO_FOR, CallLog.call_status != "unknown")
        .order_by(CallLog.ended_at.desc(), CallLog.id.desc())
        .limit(1)
    ).first()  # fmt: skip
    if call is None:
        raise DeskRefused("There is no result of yours in the last 15 minutes.")
    db.session.execute(sa.select(Lead.id).where(Lead.id == call.lead_id).with_for_update())
    db.session.refresh(call)
    if call.ended_at is None:
        raise DeskRefused("It is taken back already.")
    newer = sa.select(CallLog.id).where(CallLog.lead_id == call.lead_id, CallLog.started_at > call.started_at).limit(1)
    held = sa.select(HopperEntry).where(HopperEntry.lead_id == call.lead_id)
    entry = db.session.scalars(held).one_or_none()
    if db.session.scalar(newer) or (entry is not None and entry.status != "ready"):
        raise DeskRefused("The lead was dialed again since, or is in somebody's hand.")
    _put_down(by)
    if entry is not None:
        db.session.delete(entry)
        db.session.flush()
    human = call.human
    _move_back(call, by)
    _reopen(call)
    apply_calls({call.lead_id: (0, -1 if human else 0)})
    settle_leads(by.company_id, [call.lead_id])
    db.session.execute(sa.text("SELECT set_config('rebound.calls_counted', '', true)"))
    now = read_now()
    db.session.add(
        HopperEntry(
            company_id=by.company_id, lead_id=call.lead_id, campaign_id=_campaign_of(call), status="dialing", source="manual",
            phone=call.phone, locked_at=now, locked_by_id=by.id, lease_until=now + LEASE, claim_token=call.provider_call_id,
        )
    )  # fmt: skip
    record_event("desk_undo", "Took the last result back", by=by, subject=call, lead_id=call.lead_id)
    return call.provider_call_id


def _put_down(by: User) -> None:
    """What else the agent has in hand goes back first. Raises DeskRefused while it is being dialed."""
    other = find_claim_of(by)
    if other is None:
        return
    if other.status == "dialing":
        raise DeskRefused("Finish the call in hand first.")
    release(by.company_id, other.claim_token or "")


def _campaign_of(call: CallLog) -> int:
    if call.campaign_id is not None:
        return call.campaign_id
    found = db.session.scalar(
        sa.select(LeadList.dial_campaign_id).join(Lead, Lead.list_id == LeadList.id).where(Lead.id == call.lead_id)
    )
    if found is None:
        raise DeskRefused("The lead belongs to no campaign any more.")
    return found


def _move_back(call: CallLog, by: User) -> None:
    """The status before the call, where the call was the last to change it; what it closed or forbade is open again."""
    last = db.session.execute(
        sa.text(
            "SELECT old_status, new_status, evidence_id FROM status_changes WHERE machine = 'lead' AND subject_id = :lead"
            " ORDER BY id DESC LIMIT 1"
        ),
        {"lead": call.lead_id},
    ).first()
    if call.disposition == "dnc":
        db.session.execute(
            sa.text(
                "UPDATE dnc_entries SET lifted_at = rebound_now(), lifted_by_id = :by, lifted_reason = 'The result was taken back'"
                " WHERE company_id = :company AND lead_id = :lead AND source = 'call' AND lifted_at IS NULL AND created_at >= :since"
            ),
            {"by": by.id, "company": call.company_id, "lead": call.lead_id, "since": call.ended_at},
        )
    if last is None or last.evidence_id != call.id or last.old_status is None:
        return
    t = Lead.__table__.c
    picks = sa.select(t.id, t.company_id, t.status.label("seen"), sa.literal(last.old_status).label("to_status")).where(
        t.id == call.lead_id
    )
    db.session.execute(
        advance_many(picks, machine=LEAD, table=Lead.__table__, by=by.id, cause="undo", batch_id=None,
                     values={"last_status_change": db_now(), "version": t.version + 1})
    ).all()  # fmt: skip
    if last.old_status == "callback":
        db.session.execute(
            sa.text(
                "INSERT INTO callbacks (company_id, lead_id, due_at, agent_id, notes, call_log_id)"
                " SELECT company_id, lead_id, due_at, agent_id, notes, call_log_id FROM callbacks"
                " WHERE lead_id = :lead AND closed_at >= :since ORDER BY closed_at DESC, id DESC LIMIT 1 ON CONFLICT DO NOTHING"
            ),
            {"lead": call.lead_id, "since": call.ended_at},
        )


def _reopen(call: CallLog) -> None:
    db.session.execute(sa.text("SELECT set_config('rebound.calls_counted', 'on', true)"))
    db.session.execute(
        sa.update(CallLog)
        .where(CallLog.id == call.id)
        .values(call_status="dialing", answered_at=None, ended_at=None, duration=None, disposition=None, disposition_at=None,
                callback_at=None, needs_review=False)
    )  # fmt: skip


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
    due = None
    if result == "callback":
        if callback_local is None:
            raise DeskRefused("Say when to call back.")
        due = parse_callback(callback_local, lead.zone, hours_for(lead), read_now())
    said = RESULTS[result]
    turn = count_ends(by.company_id, call.provider_call_id)
    event = {
        "provider": call.provider, "event_id": f"{call.provider_call_id}:said:{turn}", "call_id": call.provider_call_id,
        "type": "ended", "lead_id": call.lead_id, "call_status": said.call_status, "started_at": call.started_at.isoformat(),
        "ended_at": (call.ended_at or call.started_at).isoformat(), "notes": notes,
        "agent": by.name if call.agent_id in (None, by.id) else "", "callback_at": due.isoformat() if due else None,
        **({"disposition": said.disposition} if said.disposition else {}),
    }  # fmt: skip
    record_events(by.company_id, [parse_event(event)], source=PROVIDER)
    agent_id = call.agent_id or by.id
    db.session.execute(sa.update(CallLog).where(CallLog.id == call.id).values(needs_review=False, agent_id=agent_id))
    if due is not None:
        promise = sa.update(Callback).where(Callback.call_log_id == call.id, Callback.state != "closed")
        kept = promise.values(agent_id=agent_id if own else None).returning(Callback.id)
        if db.session.execute(kept).first() is None:
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
