"""Promised calls: moved to another time or person, given to anyone, closed without a call."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import find_owned, role_at_least
from webapp.core.audit import record_event
from webapp.core.clock import db_now, read_now
from webapp.core.db import atomic, db
from webapp.core.states import advance
from webapp.dialer.campaign_queries import describe_callback
from webapp.dialer.hours import hours_of, known_zones, parse_callback
from webapp.dialer.in_hand import find_holder
from webapp.dialer.models import CALLBACK, Callback, DialCampaign, HopperEntry
from webapp.leads.models import Lead, LeadList
from webapp.leads.service import set_status
from webapp.timeline.rules import Quiet


class NotYours(Exception):
    """It is kept for another agent; a manager may change it."""


class CallbackBusy(Exception):
    """Somebody has the lead in hand, or it is closed already; the text says which."""


class StaleCallback(Exception):
    """Somebody else changed it since the form was made."""


def may_act(callback: Callback, user: User) -> bool:
    """Reps on their own and on anyone's, managers on all."""
    anyones = callback.agent_id is None or callback.state == "handed_over"
    return anyones or callback.agent_id == user.id or role_at_least(user.role, "manager")


def tell(callback: Callback) -> str:
    """What a form showed, to tell whether it is still so."""
    return f"{callback.state}|{callback.due_at.isoformat()}|{callback.agent_id or ''}"


def hours_for(lead: Lead) -> Quiet:
    """The calling hours of the lead's campaign; the shipped ones without one."""
    query = sa.select(DialCampaign).join(LeadList, LeadList.dial_campaign_id == DialCampaign.id)
    campaign = db.session.scalars(query.where(LeadList.id == lead.list_id)).one_or_none()
    return hours_of(campaign.windows, campaign.holidays) if campaign else hours_of({}, [])


def local_due(callback: Callback, lead: Lead) -> datetime | None:
    """Its time on the lead's clock, naive and to the minute; None for a lead without a zone."""
    if lead.zone not in known_zones():
        return None
    return callback.due_at.astimezone(ZoneInfo(lead.zone or "")).replace(second=0, microsecond=0, tzinfo=None)


@atomic(retry=3)
def reschedule(
    callback_id: int, local: datetime, *, agent_id: int | None, notes: str, by: User, seen: str | None = None
) -> Callback:
    """To another time on the lead's clock, another agent, or anyone. A time that stays may be past.

    Raises LookupError, NotYours, CallbackBusy, StaleCallback, CallbackRefused.
    """
    callback, lead = _lock(callback_id, by)
    if agent_id is not None and _find_agent(agent_id, by) is None:
        raise LookupError("No such agent")
    if local == local_due(callback, lead):
        due = callback.due_at
    else:
        now = read_now()
        due = parse_callback(local, lead.zone, hours_for(lead), now)
    before = describe_callback(callback)
    moved_at = callback.moved_at if due == callback.due_at else read_now()
    wanted: dict[str, Any] = {"due_at": due, "agent_id": agent_id, "notes": notes, "moved_at": moved_at}
    held = callback.agent_id if callback.state == "open" else None
    if (callback.due_at, held, callback.notes) == (due, agent_id, notes):
        return callback
    if seen is not None and seen != tell(callback):
        raise StaleCallback
    _take_out(lead.id)
    advance(callback, "open", machine=CALLBACK, by=by.id, cause="user", values=wanted)
    record_event(
        "callback_moved", f"Changed the callback of {lead.name}", by=by, subject=callback, lead_id=lead.id,
        before=before, after=describe_callback(callback),
    )  # fmt: skip
    return callback


@atomic(retry=3)
def hand_over(callback_id: int, *, by: User) -> bool:
    """From now on anyone may call; False when that is so already. Raises LookupError, NotYours, CallbackBusy."""
    callback, lead = _lock(callback_id, by)
    if callback.state == "handed_over" or callback.agent_id is None:
        return False
    advance(callback, "handed_over", machine=CALLBACK, by=by.id, cause="user")
    db.session.execute(
        sa.update(HopperEntry)
        .where(HopperEntry.lead_id == lead.id, HopperEntry.status == "ready")
        .values(agent_id=None)
    )  # fmt: skip
    record_event(
        "callback_handed_over", f"Handed the callback of {lead.name} over to anyone", by=by, subject=callback,
        lead_id=lead.id, agent_id=callback.agent_id,
    )  # fmt: skip
    return True


@atomic(retry=3)
def close(callback_id: int, reason: str, *, by: User) -> bool:
    """No call is promised any more: a lead that waited for it goes to No Answer. False when it is closed already.

    Raises LookupError, NotYours, CallbackBusy.
    """
    found = find_owned(Callback, callback_id, by.company_id)
    if found is not None and found.state == "closed":
        return False
    callback, lead = _lock(callback_id, by)
    _take_out(lead.id)
    if lead.status == "callback":
        set_status(lead.id, "no_answer", by=by, reason=reason)
        db.session.refresh(callback)
    if callback.state != "closed":
        advance(
            callback, "closed", machine=CALLBACK, by=by.id, cause="user", reason=reason, values={"closed_at": db_now()}
        )
    record_event(
        "callback_closed", f"Closed the callback of {lead.name}", by=by, subject=callback, lead_id=lead.id, reason=reason
    )  # fmt: skip
    return True


def _lock(callback_id: int, by: User) -> tuple[Callback, Lead]:
    """The lead first, then the callback: as calls and sweeps do."""
    found = find_owned(Callback, callback_id, by.company_id)
    lead = find_owned(Lead, found.lead_id, by.company_id, lock=True) if found is not None else None
    callback = find_owned(Callback, callback_id, by.company_id, lock=True)
    if lead is None or callback is None:
        raise LookupError("No such callback")
    if callback.state == "closed":
        raise CallbackBusy("The callback is closed already.")
    if not may_act(callback, by):
        raise NotYours
    holder = find_holder(lead.id)
    if holder is not None:
        raise CallbackBusy(f"{holder} has the lead in hand now: wait for the result.")
    return callback, lead


def _find_agent(agent_id: int, by: User) -> User | None:
    agent = find_owned(User, agent_id, by.company_id)
    return agent if agent is not None and agent.deactivated_at is None else None


def _take_out(lead_id: int) -> None:
    """What stands ready for the time that was promised; the filler puts it back when it is due again."""
    db.session.execute(
        sa.delete(HopperEntry).where(
            HopperEntry.lead_id == lead_id, HopperEntry.status == "ready", HopperEntry.source == "callback"
        )
    )
