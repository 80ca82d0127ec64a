"""What an outside dialer says of a claimed lead: its call and the end of the claim in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from webapp.accounts.models import User
from webapp.core.clock import read_now
from webapp.core.db import atomic, db
from webapp.dialer.claims import ClaimLost, find_claim, finish
from webapp.dialer.events import parse_event
from webapp.dialer.models import CallLog, HopperEntry
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
def hand_back(company_id: int, token: str, facts: dict[str, Any]) -> Handed:
    """Write the ended call of the claimed lead and let the lead go; `facts` as in `CallEventIn`, for JSON.

    Raises ClaimLost, ResultRefused, and pydantic's ValidationError for facts that contradict each other; nothing is written then.
    """
    entry = _lock(company_id, token)
    agent = db.session.get(User, entry.locked_by_id) if entry.locked_by_id else None
    event = {
        "call_id": token, **facts, "event_id": f"claim:{token}", "type": "ended", "lead_id": entry.lead_id,
        "phone": entry.phone, "campaign_id": entry.campaign_id, "agent": agent.name if agent else "",
    }  # fmt: skip
    parsed = parse_event(event)
    if parsed["ended_at"] is None:
        now = read_now()
        known = (parsed["started_at"], parsed["answered_at"], now)
        event["ended_at"] = max(at for at in known if at is not None).isoformat()
        parsed = parse_event(event)
    (outcome,) = record_events(company_id, [parsed])
    if outcome.outcome == "quarantined":
        raise ResultRefused("(body)", outcome.reason)
    call = _find_call(company_id, parsed["provider"], parsed["call_id"])
    if call is None or call.lead_id != entry.lead_id or call.is_open:
        raise ResultRefused("call_id", "names a call of another lead; give each call an id of its own")
    if agent is not None and call.agent_id is None:
        db.session.execute(sa.update(CallLog).where(CallLog.id == call.id).values(agent_id=agent.id))
    finish(company_id, token)
    lead = db.session.execute(sa.select(Lead.status, Lead.next_eligible_at).where(Lead.id == entry.lead_id)).one()
    log.info("hopper_result", lead_id=entry.lead_id, call_log_id=call.id, lead_status=lead.status)
    return Handed(call.id, entry.lead_id, lead.status, lead.next_eligible_at)


def _lock(company_id: int, token: str) -> HopperEntry:
    """The lead first, then its entry: as the sweep does."""
    entry = find_claim(company_id, token)
    if entry is None:
        raise ClaimLost
    db.session.execute(sa.select(Lead.id).where(Lead.id == entry.lead_id).with_for_update())
    entry = find_claim(company_id, token)
    if entry is None:
        raise ClaimLost
    return entry


def _find_call(company_id: int, provider: str, call_id: str) -> Any:
    query = sa.select(CallLog.id, CallLog.lead_id, CallLog.agent_id, CallLog.is_open).where(
        CallLog.company_id == company_id, CallLog.provider == provider, CallLog.provider_call_id == call_id
    )
    return db.session.execute(query).one_or_none()
