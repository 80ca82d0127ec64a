"""Reads for the pages of dial campaigns, their hopper and callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import owned
from webapp.core.audit import AuditEvent
from webapp.core.clock import read_now
from webapp.core.db import db
from webapp.core.text import plural
from webapp.dialer.campaigns import Forecast, Rule, forecast
from webapp.dialer.eligible import spent_promises
from webapp.dialer.hours import hours_of, known_zones
from webapp.dialer.models import Callback, DialCampaign, HopperEntry
from webapp.dialer.queries import count_held
from webapp.dialer.rules import DEFAULT_RULES
from webapp.leads.models import Lead, LeadList
from webapp.leads.tallies import by_status, count, get_cells
from webapp.timeline.rules import Quiet

MOST = 200  # rows of one page
FORECAST_AT_ONCE = 50_000  # leads that a page looks at without being asked


@dataclass(frozen=True, slots=True)
class CampaignRow:
    campaign: DialCampaign
    hours: Quiet
    lists: int
    leads: int
    ready: int
    claimed: int


def list_campaigns(company_id: int) -> list[CampaignRow]:
    campaigns = list(db.session.scalars(owned(DialCampaign, company_id).order_by(sa.func.lower(DialCampaign.name))))
    return [
        _row(campaign, *numbers) for campaign, numbers in zip(campaigns, _numbers(company_id, campaigns), strict=True)
    ]


def get_row(campaign: DialCampaign) -> CampaignRow:
    return _row(campaign, *_numbers(campaign.company_id, [campaign])[0])


def _row(campaign: DialCampaign, *numbers: int) -> CampaignRow:
    return CampaignRow(campaign, hours_of(campaign.windows, campaign.holidays), *numbers)


def _numbers(company_id: int, campaigns: Sequence[DialCampaign]) -> list[tuple[int, int, int, int]]:
    """Lists, leads, ready and claimed of each."""
    lists: dict[int, list[int]] = {}
    query = sa.select(LeadList.id, LeadList.dial_campaign_id).where(
        LeadList.company_id == company_id, LeadList.dial_campaign_id.in_([campaign.id for campaign in campaigns])
    )
    for row in db.session.execute(query):
        lists.setdefault(row.dial_campaign_id, []).append(row.id)
    leads: dict[int, int] = {}
    for cell in get_cells(company_id, list_ids=[list_id for ids in lists.values() for list_id in ids]):
        leads[cell.list_id] = leads.get(cell.list_id, 0) + cell.leads
    held = count_held([campaign.id for campaign in campaigns])
    return [
        (len(lists.get(c.id, [])), sum(leads.get(list_id, 0) for list_id in lists.get(c.id, [])),
         *held.get(c.id, (0, 0)))
        for c in campaigns
    ]  # fmt: skip


def find_last_change(campaign: DialCampaign) -> tuple[str, datetime]:
    """Who changed it last, and when."""
    query = (
        sa.select(User.name, AuditEvent.created_at)
        .join(User, User.id == AuditEvent.user_id)
        .where(AuditEvent.subject_type == "dial_campaigns", AuditEvent.subject_id == campaign.id)
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    row = db.session.execute(query).first()
    return (row.name, row.created_at) if row else ("somebody", read_now())


# --- lists -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListChoice:
    """A list that the campaign has or could have. `share`: of what it dials, 0 to 1; None where it takes no part."""

    list: LeadList
    leads: int
    chosen: bool
    share: float | None
    elsewhere: str | None
    off: str  # why it takes no part


def list_choices(campaign: DialCampaign) -> list[ListChoice]:
    """The campaign's own first."""
    query = owned(LeadList, campaign.company_id).where(
        sa.or_(LeadList.archived_at.is_(None), LeadList.dial_campaign_id == campaign.id)
    )
    lists = list(db.session.scalars(query.order_by(sa.func.lower(LeadList.name), LeadList.id)))
    campaigns = sa.select(DialCampaign.id, DialCampaign.name).where(DialCampaign.company_id == campaign.company_id)
    names = {row.id: row.name for row in db.session.execute(campaigns)}
    leads: dict[int, int] = {}
    for cell in get_cells(campaign.company_id):
        leads[cell.list_id] = leads.get(cell.list_id, 0) + cell.leads
    now = read_now()
    off = {row.id: _why_off(row, now) for row in lists}
    weights = sum(row.weight for row in lists if row.dial_campaign_id == campaign.id and not off[row.id])
    found = [
        ListChoice(
            row, leads.get(row.id, 0), row.dial_campaign_id == campaign.id,
            row.weight / weights if row.dial_campaign_id == campaign.id and not off[row.id] and weights else None,
            names.get(row.dial_campaign_id or 0) if row.dial_campaign_id != campaign.id else None, off[row.id],
        )
        for row in lists
    ]  # fmt: skip
    return sorted(found, key=lambda choice: not choice.chosen)


def _why_off(row: LeadList, now: datetime) -> str:
    if row.archived_at is not None:
        return "Archived"
    if not row.active:
        return "Switched off"
    return "Past its day" if row.expires_on is not None and row.expires_on <= now else ""


def tell_lists(choices: Sequence[ListChoice]) -> str:
    """What a page showed, to tell whether it is still so."""
    return ",".join(f"{choice.list.id}:{choice.list.weight}" for choice in choices if choice.chosen)


# --- rules -----------------------------------------------------------------------------------------------------------


def forecast_all(campaign: DialCampaign, rules: dict[str, Rule], *, asked: bool) -> dict[str, Forecast | None]:
    """By status, what the rule means for the leads there are; None for more of them than a page counts unasked."""
    ids = list(db.session.scalars(sa.select(LeadList.id).where(LeadList.dial_campaign_id == campaign.id)))
    leads = by_status(get_cells(campaign.company_id, list_ids=ids))
    waiting = sum(leads.get(status, 0) for status in DEFAULT_RULES)
    if not asked and waiting > FORECAST_AT_ONCE:
        return {status: None if leads.get(status) else Forecast() for status in DEFAULT_RULES}
    meant = [
        rules[status] if rules[status].active else Rule(status, delay, redials)
        for status, (delay, redials) in DEFAULT_RULES.items()
    ]
    found = forecast(campaign.id, meant)
    return {status: found.get(status, Forecast()) for status in DEFAULT_RULES}


def forecast_words(found: Forecast, now: datetime, zone: str) -> str:
    """ "1 204 leads: 310 may be dialed now, 12 more at 14:05, 40 later until 17:20, 88 exhausted"."""
    if not found.leads:
        return "No leads wait by this rule."
    parts = []
    if found.now:
        parts.append(f"{found.now:,} may be dialed now")
    if found.soon and found.next_at:
        parts.append(f"{found.soon:,}{' more' if found.now else ''} {_moment(found.next_at, now, zone)}")
    if found.later and found.last_at:
        parts.append(f"{found.later:,} later until {_moment(found.last_at, now, zone).removeprefix('at ')}")
    if found.exhausted:
        parts.append(f"{found.exhausted:,} exhausted")
    return f"{plural(found.leads, 'lead')}: {', '.join(parts)}."


def _moment(at: datetime, now: datetime, zone: str) -> str:
    local, today = at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    if local.date() == today.date():
        return f"at {local:%H:%M}"
    return f"on {local.day} {local:%b} at {local:%H:%M}"


# --- the hopper ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HopperRow:
    """`place` is None for what somebody has in hand."""

    entry: HopperEntry
    lead: Lead
    place: int | None
    why: str
    local: datetime | None
    holder: str | None
    kept_for: str | None


def list_hopper(campaign: DialCampaign, order: str) -> tuple[list[HopperRow], int]:
    """What is in hand, then what is ready as it will be taken, at most MOST rows; and how many there are."""
    holder, keeper = sa.orm.aliased(User), sa.orm.aliased(User)
    ready = HopperEntry.status == "ready"
    query = (
        sa.select(HopperEntry, Lead, Callback.due_at, holder.name.label("holder"), keeper.name.label("keeper"))
        .join(Lead, Lead.id == HopperEntry.lead_id)
        .outerjoin(Callback, sa.and_(Callback.lead_id == Lead.id, Callback.state != "closed"))
        .outerjoin(holder, holder.id == HopperEntry.locked_by_id)
        .outerjoin(keeper, keeper.id == HopperEntry.agent_id)
        .where(HopperEntry.company_id == campaign.company_id, HopperEntry.campaign_id == campaign.id)
        .order_by(ready, HopperEntry.priority.desc(), HopperEntry.id)
        .limit(MOST)
    )
    now, rows, place = read_now(), [], 0
    for row in db.session.execute(query):
        entry, lead = row.HopperEntry, row.Lead
        place += entry.status == "ready"
        zone = lead.zone if lead.zone in known_zones() else None
        rows.append(
            HopperRow(
                entry, lead, place if entry.status == "ready" else None, _why(entry, lead, row.due_at, zone, order),
                now.astimezone(ZoneInfo(zone)) if zone else None, row.holder, row.keeper,
            )
        )  # fmt: skip
    total = sa.select(sa.func.count()).where(
        HopperEntry.company_id == campaign.company_id, HopperEntry.campaign_id == campaign.id
    )
    return rows, db.session.scalar(total) or 0


def _why(entry: HopperEntry, lead: Lead, due_at: datetime | None, zone: str | None, order: str) -> str:
    if entry.source == "callback":
        return f"Callback due {due_at.astimezone(ZoneInfo(zone)):%H:%M} their time" if due_at and zone else "Callback"
    if entry.source == "manual":
        return "Put on top by hand" if entry.priority > 0 else "Put back by an agent"
    if entry.source == "recycled":
        return f"Recycled, pass {lead.pass_number}"
    return order


def count_leads(campaign: DialCampaign) -> int:
    ids = list(db.session.scalars(sa.select(LeadList.id).where(LeadList.dial_campaign_id == campaign.id)))
    return count(get_cells(campaign.company_id, list_ids=ids)) if ids else 0


def find_entry(lead: Lead) -> HopperEntry | None:
    return db.session.scalars(sa.select(HopperEntry).where(HopperEntry.lead_id == lead.id)).one_or_none()


# --- callbacks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallbackRow:
    callback: Callback
    lead: Lead
    agent: str | None  # None: anyone
    local: datetime | None
    overdue: bool
    mine: bool
    spent: bool  # its redials are used up


def _who(who: str, user: User) -> list[sa.ColumnElement[bool]]:
    anyone = sa.or_(Callback.agent_id.is_(None), Callback.state == "handed_over")
    if who == "mine":
        return [Callback.agent_id == user.id, Callback.state == "open"]
    return [anyone] if who == "anyone" else []


def _due(due: str, user: User, now: datetime) -> list[sa.ColumnElement[bool]]:
    zone = ZoneInfo(user.zone_name)
    midnight = datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time.min, zone)
    if due == "today":
        return [Callback.due_at < midnight]
    return [Callback.due_at >= midnight] if due == "later" else []


def list_callbacks(user: User, who: str, due: str) -> list[CallbackRow]:
    """Open ones, the longest overdue first, at most MOST."""
    now = read_now()
    query = (
        sa.select(Callback, Lead, User.name)
        .join(Lead, Lead.id == Callback.lead_id)
        .outerjoin(User, User.id == Callback.agent_id)
        .where(
            Callback.company_id == user.company_id, Callback.state != "closed", *_who(who, user), *_due(due, user, now)
        )
        .order_by(Callback.due_at, Callback.id)
        .limit(MOST)
    )
    rows = db.session.execute(query).all()
    spent = spent_promises([row.Callback.id for row in rows])
    return [_callback(row.Callback, row.Lead, row.name, user, now, row.Callback.id in spent) for row in rows]


def _callback(callback: Callback, lead: Lead, name: str | None, user: User, now: datetime, spent: bool) -> CallbackRow:
    zone = lead.zone if lead.zone in known_zones() else None
    own = callback.state == "open" and callback.agent_id is not None
    return CallbackRow(
        callback, lead, name if own else None, callback.due_at.astimezone(ZoneInfo(zone)) if zone else None,
        callback.due_at <= now, not own or callback.agent_id == user.id, spent,
    )  # fmt: skip


def count_callbacks(user: User, due: str) -> dict[str, int]:
    """Open ones: all, mine, anyone's."""
    now = read_now()
    numbers = [sa.func.count().filter(*(_who(who, user) or [sa.true()])) for who in ("all", "mine", "anyone")]
    row = db.session.execute(
        sa.select(*numbers)
        .select_from(Callback)
        .where(Callback.company_id == user.company_id, Callback.state != "closed", *_due(due, user, now))
    ).one()
    return dict(zip(("all", "mine", "anyone"), row, strict=True))


def list_callers(user: User, *, everybody: bool) -> list[tuple[int, str]]:
    query = sa.select(User.id, User.name).where(User.company_id == user.company_id, User.deactivated_at.is_(None))
    if not everybody:
        query = query.where(User.id == user.id)
    return [(row.id, row.name) for row in db.session.execute(query.order_by(sa.func.lower(User.name), User.id))]


def find_agent_name(callback: Callback) -> str | None:
    """Whose it is; None for anyone's."""
    if callback.state != "open" or callback.agent_id is None:
        return None
    return db.session.scalar(sa.select(User.name).where(User.id == callback.agent_id))


def describe_callback(callback: Callback) -> dict[str, Any]:
    """Its facts for the audit."""
    return {
        "due_at": callback.due_at.isoformat(),
        "agent_id": callback.agent_id,
        "state": callback.state,
        "notes": callback.notes,
    }
