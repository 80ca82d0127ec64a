"""Dial campaigns: who may be called when, by which rules; and the leads' next times, which follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.db import atomic, db
from webapp.core.once import keep_answer, take_once
from webapp.core.sets import as_document
from webapp.dialer.eligible import run
from webapp.dialer.fold import DEFAULT_DELAYS, next_sql
from webapp.dialer.models import DialCampaign, HopperEntry, RecycleRule
from webapp.dialer.rules import DEFAULT_RULES
from webapp.leads.models import LeadList
from webapp.leads.service import edit_hooks, list_hooks

log = structlog.get_logger(__name__)
CHUNK = 5_000
AT_ONCE = 20_000  # leads recomputed by the request that changed the rules; the rest follows within minutes


class NameTaken(Exception):
    """Another campaign of the company has this name."""


class StaleCampaign(Exception):
    """Somebody else changed the campaign since the form was made."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the form holds. `windows` and `holidays` as in `hours`; the limits may be None: no limit."""

    name: str
    windows: dict[str, Any]
    holidays: list[str]
    dials_per_pass: int | None
    lifetime_dials: int | None
    lead_order: str
    hopper_level: int
    phone_gap_minutes: int
    handover_minutes: int
    script: str


@dataclass(frozen=True, slots=True)
class Rule:
    """After a result: `delay` from the dial, in `clock` time or in `calling` hours; `redials` of it in one pass."""

    status: str
    delay: timedelta
    redials: int
    clock: str = "clock"
    active: bool = True


def rules_of(campaign_id: int) -> dict[str, Rule]:
    """The campaign's rules by status, the shipped ones where it has none of its own."""
    found = {status: Rule(status, delay, redials) for status, (delay, redials) in DEFAULT_RULES.items()}
    for row in db.session.scalars(sa.select(RecycleRule).where(RecycleRule.campaign_id == campaign_id)):
        found[row.status] = Rule(row.status, timedelta(seconds=row.delay_seconds), row.redials, row.clock, row.active)
    return found


@atomic
def create_campaign(facts: Facts, *, by: User, form_token: str) -> DialCampaign:
    """Raises NameTaken. The same form twice is one campaign."""
    taken = take_once(by.company_id, "dialer.campaign", form_token)
    if taken is not None:
        made = find_owned(DialCampaign, int((taken.body or {}).get("id", 0)), by.company_id)
        if made is None:
            raise LookupError("The campaign of this form is gone")
        return made
    campaign = DialCampaign(company_id=by.company_id, **asdict(facts))
    db.session.add(campaign)
    _flush(facts.name)
    record_event("campaign_created", f"Created the dial campaign {campaign.name}", by=by, subject=campaign)
    keep_answer(by.company_id, "dialer.campaign", form_token, 201, {"id": campaign.id})
    return campaign


@atomic
def update_campaign(campaign_id: int, facts: Facts, *, version: int, by: User) -> DialCampaign:
    """Raises LookupError, NameTaken, StaleCampaign."""
    campaign = _get(campaign_id, by)
    if campaign.version != version:
        raise StaleCampaign
    wanted = asdict(facts)
    before = {name: getattr(campaign, name) for name, value in wanted.items() if getattr(campaign, name) != value}
    if not before:
        return campaign
    for name in before:
        setattr(campaign, name, wanted[name])
    campaign.version += 1
    if {"windows", "holidays"} & before.keys():
        campaign.recompute_after = 0
    _flush(facts.name)
    record_event("campaign_changed", f"Changed the dial campaign {campaign.name}", by=by, subject=campaign,
                 before=before, after={name: wanted[name] for name in before})  # fmt: skip
    return campaign


@atomic
def switch_campaign(campaign_id: int, active: bool, *, by: User) -> DialCampaign:
    """Off: nothing of it is dialed; what agents have in hand, they may finish. Raises LookupError."""
    campaign = _get(campaign_id, by)
    if campaign.active != active:
        campaign.active = active
        campaign.version += 1
        if not active:
            db.session.execute(
                sa.delete(HopperEntry).where(HopperEntry.campaign_id == campaign.id, HopperEntry.status == "ready")
            )
        verb = "on" if active else "off"
        record_event("campaign_switched", f"Switched the dial campaign {campaign.name} {verb}", by=by, subject=campaign)
    return campaign


@atomic
def save_rules(campaign_id: int, rules: Mapping[str, Rule], *, by: User) -> DialCampaign:
    """Raises LookupError. The leads that wait follow at once or within minutes."""
    campaign = _get(campaign_id, by)
    before = rules_of(campaign.id)
    changed = {status: rule for status, rule in rules.items() if before.get(status) != rule}
    if not changed:
        return campaign
    for rule in changed.values():
        row = insert(RecycleRule).values(
            company_id=campaign.company_id, campaign_id=campaign.id, status=rule.status, delay_seconds=int(rule.delay.total_seconds()),
            redials=rule.redials, clock=rule.clock, active=rule.active,
        )  # fmt: skip
        kept = ("delay_seconds", "redials", "clock", "active")
        db.session.execute(
            row.on_conflict_do_update(index_elements=["campaign_id", "status"], set_={name: row.excluded[name] for name in kept})
        )  # fmt: skip
    campaign.recompute_after = 0
    record_event(
        "recycle_rules", f"Changed the recycle rules of {campaign.name}", by=by, subject=campaign,
        before={status: _told(before.get(status)) for status in changed}, after={status: _told(rule) for status, rule in changed.items()},
    )  # fmt: skip
    return campaign


def _told(rule: Rule | None) -> dict[str, Any] | None:
    return None if rule is None else asdict(rule) | {"delay": int(rule.delay.total_seconds())}


@atomic
def save_lists(campaign_id: int, weights: Mapping[int, int], *, by: User) -> DialCampaign:
    """Exactly these lists, by weight, belong to the campaign from now on. Raises LookupError."""
    campaign = _get(campaign_id, by)
    lists = db.session.scalars(sa.select(LeadList).where(LeadList.company_id == by.company_id).with_for_update()).all()
    if set(weights) - {row.id for row in lists}:
        raise LookupError("No such list")
    changed = []
    for row in lists:
        to = campaign.id if row.id in weights else None
        if row.id not in weights and row.dial_campaign_id != campaign.id:
            continue
        weight = weights.get(row.id, row.weight)
        if (row.dial_campaign_id, row.weight) != (to, weight):
            row.dial_campaign_id, row.weight = to, weight
            row.version += 1
            changed.append(row.name)
    if changed:
        campaign.recompute_after = 0
        record_event("campaign_lists", f"Changed the lists of {campaign.name}", by=by, subject=campaign, lists=changed)
    return campaign


def _get(campaign_id: int, by: User) -> DialCampaign:
    campaign = find_owned(DialCampaign, campaign_id, by.company_id, lock=True)
    if campaign is None:
        raise LookupError("No such campaign")
    return campaign


def _flush(name: str) -> None:
    try:
        db.session.flush()
    except IntegrityError as error:
        if "uq_dial_campaigns_name" in str(error.orig):
            raise NameTaken(name) from error
        raise


# --- the leads' next times -----------------------------------------------------------------------------------------

_NEXT = next_sql("l.last_dial_attempt", "l.zone")
_JOINS = f"""JOIN lead_lists ll ON ll.id = l.list_id JOIN dial_campaigns dc ON dc.id = ll.dial_campaign_id
  LEFT JOIN recycle_rules rule ON rule.campaign_id = dc.id AND rule.status = l.status AND rule.active
  LEFT JOIN (VALUES {DEFAULT_DELAYS}) AS shipped(status, seconds, redials) ON shipped.status = l.status"""
# A lead that was recycled since its last dial waits for nothing.
_RECOMPUTE = f"""
WITH part AS MATERIALIZED (
  SELECT l.id FROM leads l JOIN lead_lists ll ON ll.id = l.list_id
  WHERE ll.dial_campaign_id = %(campaign)s AND l.id > %(after)s ORDER BY l.id LIMIT %(chunk)s
), due AS (
  SELECT l.id, {_NEXT} AS next_at FROM leads l {_JOINS}
  WHERE l.id IN (SELECT id FROM part) AND l.last_dial_attempt IS NOT NULL AND shipped.status IS NOT NULL
    AND (l.last_status_change IS NULL OR l.last_status_change <= coalesce(l.last_result_at, l.last_dial_attempt))
  ORDER BY l.id FOR NO KEY UPDATE OF l
), done AS (
  UPDATE leads l SET next_eligible_at = d.next_at FROM due d WHERE l.id = d.id AND l.next_eligible_at IS DISTINCT FROM d.next_at
  RETURNING l.id
)
SELECT (SELECT count(*) FROM part) AS seen, (SELECT max(id) FROM part) AS last, (SELECT count(*) FROM done) AS changed
"""


def recompute(company_id: int, campaign_id: int, *, most: int | None = None) -> int:
    """Bring `next_eligible_at` up to the campaign's rules, in chunks, from where it stands; how many leads were looked at."""
    seen = 0
    while most is None or seen < most:
        part = _recompute_chunk(company_id, campaign_id)
        if not part:
            break
        seen += part
    return seen


@atomic(retry=3)
def _recompute_chunk(company_id: int, campaign_id: int) -> int:
    campaign = find_owned(DialCampaign, campaign_id, company_id, lock=True)
    if campaign is None or campaign.recompute_after is None:
        return 0
    (row,) = run(_RECOMPUTE, {"campaign": campaign.id, "after": campaign.recompute_after, "chunk": CHUNK})
    campaign.recompute_after = row.last if row.seen == CHUNK else None
    return int(row.seen)


def recompute_waiting(company_id: int) -> None:
    """Each minute: what a change of rules left to do."""
    waiting = sa.select(DialCampaign.id).where(
        DialCampaign.company_id == company_id, DialCampaign.recompute_after.is_not(None)
    )
    for campaign_id in db.session.scalars(waiting).all():
        recompute(company_id, campaign_id)


def _list_changed(list_id: int) -> None:
    """In the transaction in hand: a list came to another campaign, with other rules."""
    db.session.execute(
        sa.update(DialCampaign)
        .where(DialCampaign.id == sa.select(LeadList.dial_campaign_id).where(LeadList.id == list_id).scalar_subquery())
        .values(recompute_after=0)
    )


def _leads_changed(lead_ids: Sequence[int], changed: frozenset[str]) -> None:
    """Leads that moved to another zone or list wait by that one's clock."""
    if changed & {"zone", "list_id"}:
        run(
            f"UPDATE leads SET next_eligible_at = due.next_at FROM (SELECT l.id, {_NEXT} AS next_at FROM leads l {_JOINS}"
            " WHERE l.id = ANY(%(ids)s::bigint[]) AND l.last_dial_attempt IS NOT NULL AND shipped.status IS NOT NULL AND l.next_eligible_at IS NOT NULL"
            ") due WHERE leads.id = due.id RETURNING leads.id",
            {"ids": list(lead_ids)},
        )


list_hooks.append(_list_changed)
edit_hooks.append(_leads_changed)


# --- what a rule would do, in numbers ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of the leads of one status: how many there are, are exhausted, may be dialed by delay now, come at `next_at`, later."""

    leads: int = 0
    exhausted: int = 0
    now: int = 0
    soon: int = 0
    next_at: datetime | None = None
    later: int = 0
    last_at: datetime | None = None


_FORECAST = """
WITH rule AS (
  SELECT * FROM json_to_recordset(%(rules)s::json) AS r(status text, seconds float, redials int, clock text)
), waiting AS (
  SELECT rule.status, CASE WHEN l.pass_dials > rule.redials AND (
           SELECT count(*) - 1 FROM call_logs c WHERE c.lead_id = l.id AND c.result = l.status
             AND c.started_at > coalesce(l.dials_reset_at, '-infinity')) >= rule.redials THEN 'infinity'::timestamptz
         WHEN rule.clock = 'calling' AND l.zone IS NOT NULL
           THEN add_calling_time(l.last_dial_attempt, rule.seconds, l.zone, dc.windows, dc.holidays)
         ELSE l.last_dial_attempt + make_interval(secs => rule.seconds) END AS at
  FROM rule JOIN dial_campaigns dc ON dc.id = %(campaign)s JOIN lead_lists ll ON ll.dial_campaign_id = dc.id
  JOIN leads l ON l.list_id = ll.id AND l.status = rule.status
), next AS (
  SELECT status, date_trunc('minute', min(at) FILTER (WHERE at > rebound_now() AND at < 'infinity')) AS at FROM waiting GROUP BY status
)
SELECT w.status, count(*) AS leads, count(*) FILTER (WHERE w.at = 'infinity') AS exhausted,
       count(*) FILTER (WHERE w.at <= rebound_now() OR w.at IS NULL) AS now,
       count(*) FILTER (WHERE w.at > rebound_now() AND w.at < next.at + interval '1 minute') AS soon, max(next.at) AS next_at,
       count(*) FILTER (WHERE w.at >= next.at + interval '1 minute' AND w.at < 'infinity') AS later,
       max(w.at) FILTER (WHERE w.at < 'infinity' AND w.at > rebound_now()) AS last_at
FROM waiting w JOIN next USING (status) GROUP BY w.status
"""


def forecast(campaign_id: int, rules: Sequence[Rule]) -> dict[str, Forecast]:
    """By status, what the rules would mean for the leads there are; statuses without leads are left out."""
    given = [
        {
            "status": rule.status,
            "seconds": int(rule.delay.total_seconds()),
            "redials": rule.redials,
            "clock": rule.clock,
        }
        for rule in rules
    ]
    return {
        row[0]: Forecast(*row[1:]) for row in run(_FORECAST, {"campaign": campaign_id, "rules": as_document(given)})
    }
