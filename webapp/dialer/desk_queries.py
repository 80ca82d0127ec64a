"""What the agent's desk shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.clock import db_now
from webapp.core.db import db
from webapp.dialer.claims import find_claim_of
from webapp.dialer.desk import PROVIDER, build_script
from webapp.dialer.eligible import Reason
from webapp.dialer.in_hand import why_blocked
from webapp.dialer.models import Callback, CallLog, DialCampaign, HopperEntry
from webapp.leads.models import Lead, LeadList
from webapp.timeline.guard import look
from webapp.timeline.rules import Decision


@dataclass(frozen=True, slots=True)
class Card:
    """The lead in hand. `dialed_at`: when its call of this claim began, with the `notes` of a result that was taken back;
    `callback`: what was promised; `decision`: the guard's word; `blocked`: why it may not be dialed any more.
    """

    entry: HopperEntry
    lead: Lead
    list: LeadList
    campaign: DialCampaign
    dialed_at: datetime | None
    callback: Callback | None
    script: str
    decision: Decision
    now: datetime
    notes: str
    blocked: Reason | None


def find_card(user: User) -> Card | None:
    entry = find_claim_of(user)
    if entry is None:
        return None
    lead = db.session.get_one(Lead, entry.lead_id)
    campaign = db.session.get_one(DialCampaign, entry.campaign_id)
    dialed = sa.select(CallLog.started_at, CallLog.notes).where(
        CallLog.company_id == user.company_id, CallLog.provider == PROVIDER, CallLog.provider_call_id == entry.claim_token,
        CallLog.is_open,
    )  # fmt: skip
    callback = sa.select(Callback).where(Callback.lead_id == lead.id, Callback.state != "closed")
    view = look(user.company_id, [lead.id], "call")
    call = db.session.execute(dialed).first()
    return Card(
        entry, lead, db.session.get_one(LeadList, lead.list_id), campaign, call.started_at if call else None,
        db.session.scalars(callback).one_or_none(), build_script(campaign.script, lead, user.name), view.decisions[lead.id], view.now,
        call.notes if call else "", why_blocked(entry),
    )  # fmt: skip


def list_open_campaigns(company_id: int) -> list[Any]:
    """Campaigns that are on, with what stands ready: (id, name, ready)."""
    ready = sa.select(sa.func.count()).where(HopperEntry.campaign_id == DialCampaign.id, HopperEntry.status == "ready")
    query = sa.select(DialCampaign.id, DialCampaign.name, ready.scalar_subquery().label("ready")).where(
        DialCampaign.company_id == company_id, DialCampaign.active
    )
    return list(db.session.execute(query.order_by(sa.func.lower(DialCampaign.name), DialCampaign.id)))


@dataclass(frozen=True, slots=True)
class Day:
    """The agent's own day so far, in the agent's zone."""

    dials: int
    contacts: int
    last: Sequence[Any]


def what_today(user: User) -> Day:
    start = sa.func.timezone(user.zone_name, sa.func.date_trunc("day", sa.func.timezone(user.zone_name, db_now())))
    mine = (CallLog.company_id == user.company_id, CallLog.agent_id == user.id, CallLog.started_at >= start)
    row = db.session.execute(
        sa.select(sa.func.count(), sa.func.count().filter(CallLog.human)).select_from(CallLog).where(*mine)
    ).one()
    last = db.session.execute(
        sa.select(CallLog.id, CallLog.ended_at, CallLog.result, Lead)
        .join(Lead, Lead.id == CallLog.lead_id)
        .where(*mine, CallLog.result.is_not(None))
        .order_by(CallLog.started_at.desc(), CallLog.id.desc())
        .limit(5)
    ).all()
    return Day(row[0], row[1], last)
