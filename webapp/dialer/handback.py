"""What an agent or an outside dialer says of a claimed lead: its call, and the end of the claim, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from webapp.accounts.models import User
from webapp.core.clock import read_now
from webapp.core.db import atomic, db
from webapp.dialer.claims import finish, hold
from webapp.dialer.events import parse_event
from webapp.dialer.models import CallEvent, CallLog, HopperEntry
from webapp.dialer.service import record_events
from webapp.leads.models import Lead

log = structlog.get_logger(__name__)


class ResultRefused(Exception):
    """The result cannot be the claimed lead's; `field` names what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Handed:
    """The call that was written, and its lead as it stands now."""

    call_id: int
    lead_id: int
    lead_status: str | None
    next_eligible_at: datetime | None


@atomic(retry=3)
def hand_back(company_id: int, token: str, facts: dict[str, Any], *, by: User | None = None) -> Handed:
    """Write the ended call of the claimed lead and let the lead go; `facts` as in `CallEventIn`, for JSON.

    Raises ClaimLost, ResultRefused, and pydantic's ValidationError for facts that contradict each other; nothing is written then.
    """
    entry = hold(company_id, token, by=by)
    turn = count_ends(find_call(company_id, facts["provider"], facts.get("call_id") or token))
    call = tell(entry, {"ended_at": None, **facts}, "ended", name=f"end:{turn}")
    if call.is_open:
        raise ResultRefused("call_id", "names a call that has no end")
    finish(company_id, token)
    lead = db.session.execute(sa.select(Lead.status, Lead.next_eligible_at).where(Lead.id == entry.lead_id)).one()
    log.info("claim_handed_back", lead_id=entry.lead_id, call_log_id=call.id, lead_status=lead.status)
    return Handed(call.id, entry.lead_id, lead.status, lead.next_eligible_at)


def tell(entry: HopperEntry, facts: dict[str, Any], kind: str, *, name: str) -> CallLog:
    """Record what came of the claimed lead's call as an event of its own name, in the transaction in hand; the call.

    Lead, phone, campaign and agent are the claim's. An end without a time is now. Raises ResultRefused, ValidationError.
    """
    agent = db.session.get(User, entry.locked_by_id) if entry.locked_by_id else None
    event = {
        "call_id": entry.claim_token, **facts, "event_id": f"claim:{entry.claim_token}:{name}", "type": kind,
        "lead_id": entry.lead_id, "phone": entry.phone, "campaign_id": entry.campaign_id, "agent": agent.name if agent else "",
    }  # fmt: skip
    parsed = parse_event(event)
    if kind == "ended" and parsed["ended_at"] is None:
        known = (parsed["started_at"], parsed["answered_at"], read_now())
        event["ended_at"] = max(at for at in known if at is not None).isoformat()
        parsed = parse_event(event)
    (outcome,) = record_events(entry.company_id, [parsed])
    if outcome.outcome == "quarantined":
        raise ResultRefused("(body)", outcome.reason)
    call = find_call(entry.company_id, parsed["provider"], parsed["call_id"])
    if call is None or call.lead_id != entry.lead_id:
        raise ResultRefused("call_id", "names a call of another lead; give each call an id of its own")
    if agent is not None and call.agent_id is None:
        call.agent_id = agent.id
        db.session.flush()
    return call


def find_call(company_id: int, provider: str, call_id: str) -> CallLog | None:
    query = sa.select(CallLog).where(
        CallLog.company_id == company_id, CallLog.provider == provider, CallLog.provider_call_id == call_id
    )
    return db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def count_ends(call: CallLog | None) -> int:
    """How often this call had an end already: one that was taken back comes again under another name."""
    if call is None:
        return 0
    query = sa.select(sa.func.count()).where(CallEvent.call_log_id == call.id, CallEvent.type == "ended")
    return int(db.session.scalar(query) or 0)
