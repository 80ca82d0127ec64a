"""Why a lead of a dial campaign can or cannot be dialed now: one judgement for the hopper, the claim, "Why not?" and its lists.

Each lead is told the first rule it fails, in the order of REASONS; NULL is dialable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webapp.core.clock import read_now
from webapp.core.db import Prepared
from webapp.dialer.fold import DEFAULT_DELAYS
from webapp.dialer.hours import hours_of, known_zones, open_zones
from webapp.dialer.models import DialCampaign
from webapp.leads.states import LEAD
from webapp.timeline.queries.free import find_busy
from webapp.timeline.rules import DEFAULT, MethodLimit
from webapp.timeline.settings import get_limits

DIALABLE = LEAD.with_flag("dialable")
FINAL = tuple(name for name in LEAD.with_flag("final") if name != "dnc")


@dataclass(frozen=True, slots=True)
class Reason:
    """`cure` says what a manager can do, `endpoint` where; without one, time or nobody cures it."""

    label: str
    sentence: str
    tone: str = "neutral"
    cure: str = ""
    endpoint: str = ""
    on_leads: bool = False  # cured where its own leads are listed
    temporary: bool = False  # stays in the hopper: it may be dialed later by itself


REASONS: dict[str, Reason] = {
    "no_status": Reason("No status", "The status is missing, so no rule can take it.", "bad", "Fix problematic leads", "recycling.problems"),
    "dnc": Reason("Do not contact", "The lead, or its phone, is on the do-not-contact list.", "bad", "See the entries", "timeline.dnc"),
    "final": Reason("Final", "Sold, converted, not interested or invalid: there is nothing to dial for.", "neutral", "Recycle a list", "leads.lists"),
    "in_contact": Reason("In contact", "Somebody spoke to them: contacted, conversing or qualified.", "ok", "Recycle a list", "leads.lists"),
    "no_phone": Reason("No phone", "There is no phone that can be dialed.", "warn", "Add phones by an import", "imports.index"),
    "no_zone": Reason("No time zone", "Nobody knows what time it is for them.", "warn", "Set their time zone", "leads.bulk_preview", on_leads=True),
    "list_off": Reason("List is off", "Their list is switched off, archived or past its day.", "warn", "See the lists", "leads.lists"),
    "claimed": Reason("Claimed", "An agent or a dialer has taken the lead and holds it.", "info", "See the hopper", "dialer.hopper"),
    "in_call": Reason("In a call", "A call to them has no end yet.", "info", "See the calls", "dialer.calls"),
    "needs_repair": Reason("Needs repair", "Its calls and its status or counts disagree: it may have been dialed more than it says.", "bad", "Fix problematic leads", "recycling.problems"),
    "no_callback": Reason("Callback without a time", "The status says Callback, and none is open.", "bad", "Decide on each", "recycling.problems"),
    "exhausted": Reason("Exhausted", "All dials of this pass, of its life, or redials for its result are used up.", "warn",
                        "Recycle a list, or raise the limits", "dialer.edit_campaign"),
    "callback_later": Reason("Callback later", "A call was promised for later, or is kept for one agent.", "info", "See the callbacks", "dialer.callbacks"),
    "cooling": Reason("Cooling", "The delay after its last result has not passed.", "neutral", "Change the delays", "dialer.rules", temporary=True),
    "outside_hours": Reason("Outside hours", "It is outside the calling hours where they are.", "neutral", "Change the hours", "dialer.edit_campaign", temporary=True),
    "spoken": Reason("Spoken to lately", "The outreach guard allows no second call yet.", "neutral", "Outreach rules", "timeline.outreach", temporary=True),
    "phone_gap": Reason("Phone gap", "The same phone was dialed a moment ago for another lead.", "neutral", "Change the gap", "dialer.edit_campaign", temporary=True),
}  # fmt: skip


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


DNC_SQL = """(EXISTS (SELECT FROM dnc_entries d WHERE d.company_id = l.company_id AND d.kind = 'phone' AND d.value = l.phone
              AND d.lifted_at IS NULL AND coalesce(d.method, 'call') = 'call')
       OR EXISTS (SELECT FROM dnc_entries d WHERE d.company_id = l.company_id AND d.kind = 'lead' AND d.value = l.id::text
              AND d.lifted_at IS NULL AND coalesce(d.method, 'call') = 'call'))"""
_SHIPPED = f"(VALUES {DEFAULT_DELAYS})"
# A callback is promised when its call's result is said, or when a person gives it another time.
_PROMISED_AT = """greatest(coalesce(cb.moved_at, (SELECT p.disposition_at FROM call_logs p WHERE p.id = cb.call_log_id), cb.created_at),
             l.dials_reset_at)"""
# The redials of a promise: as its last dial's result has them, by the dials since it was made.
PROMISE_SPENT_SQL = f"""l.status = 'callback' AND l.call_count > 0 AND (
    SELECT count(*) - 1 >= coalesce(max(its.redials), max(usual.redials))
    FROM (SELECT c.result, first_value(c.result) OVER (ORDER BY c.started_at DESC, c.id DESC) AS last FROM call_logs c
          WHERE c.lead_id = l.id AND c.result IS NOT NULL AND c.started_at > {_PROMISED_AT}) tries
    LEFT JOIN recycle_rules its ON its.campaign_id = ll.dial_campaign_id AND its.status = tries.last AND its.active
    LEFT JOIN {_SHIPPED} AS usual(status, seconds, redials) ON usual.status = tries.last
    WHERE tries.result = tries.last)"""
# The redials of its result, in this pass. Where no rule is, nothing is looked up.
RESULT_SPENT_SQL = """coalesce(l.pass_dials > coalesce(rule.redials, shipped.redials), false) AND (
    SELECT count(*) - 1 FROM call_logs c WHERE c.lead_id = l.id AND c.result = l.status
      AND c.started_at > coalesce(l.dials_reset_at, '-infinity')) >= coalesce(rule.redials, shipped.redials)"""
REDIALS_SPENT_SQL = f"(({RESULT_SPENT_SQL}) OR ({PROMISE_SPENT_SQL}))"  # the status report counts by it too
# Over `leads l, lead_lists ll, dial_campaigns dc`, with the lead's open callback `cb`, its rule `rule` or the shipped one, and
# `recent`, the phones dialed within the gap, `z` the zones, `cap` the guard's; what is in braces differs with who asks.
REASON_SQL = f"""CASE
  WHEN l.status IS NULL THEN 'no_status'
  WHEN l.status = 'dnc' OR {DNC_SQL} THEN 'dnc'
  WHEN l.status IN ({_names(FINAL)}) THEN 'final'
  WHEN l.status NOT IN ({_names(DIALABLE)}, 'callback') THEN 'in_contact'
  WHEN l.phone IS NULL THEN 'no_phone'
  WHEN {{no_zone}} THEN 'no_zone'
  WHEN NOT ll.active OR ll.archived_at IS NOT NULL OR ll.expires_on <= rebound_now() THEN 'list_off'
  {{claimed}}
  WHEN l.call_count > 0 AND {{in_call}} THEN 'in_call'
  WHEN l.problem IN ('dialed_but_new', 'calls_without_tracking', 'count_mismatch') THEN 'needs_repair'
  WHEN l.status = 'callback' AND cb.id IS NULL THEN 'no_callback'
  WHEN l.dial_attempts >= dc.lifetime_dials OR l.pass_dials >= dc.dials_per_pass OR {REDIALS_SPENT_SQL} THEN 'exhausted'
  WHEN cb.due_at > rebound_now() OR (cb.state = 'open' AND cb.agent_id IS NOT NULL AND cb.agent_id IS DISTINCT FROM %(agent)s::bigint)
    THEN 'callback_later'
  WHEN l.next_eligible_at > rebound_now() AND (l.status <> 'callback' OR cb.due_at <= l.last_dial_attempt) THEN 'cooling'
  WHEN {{closed}} THEN 'outside_hours'
  WHEN cb.id IS NULL AND {{spoken}} THEN 'spoken'
  WHEN {{gap}} THEN 'phone_gap'
END"""
# For sets: what is asked of every lead is joined once.
_MANY = {
    "no_zone": "z.zone IS NULL",
    "in_call": "EXISTS (SELECT FROM call_logs c WHERE c.lead_id = l.id AND c.is_open)",
    "closed": "NOT z.is_open",
    "spoken": "l.id = ANY(%(spoken)s::bigint[])",
    "gap": "gap.phone IS NOT NULL AND (gap.one_lead <> l.id OR gap.other_lead <> l.id)",
}
# For one lead or a few: asked only where the rules before it let it through; nothing is prepared, so no EXISTS where the planner
# could take it for cheaper to hash all that there are.
_ONE = {
    "no_zone": "l.zone IS NULL", "in_call": "(SELECT true FROM call_logs c WHERE c.lead_id = l.id AND c.is_open LIMIT 1)",
    "closed": "NOT calling_now(l.zone, dc.windows, dc.holidays)",
    "gap": """EXISTS (SELECT FROM call_logs c WHERE c.company_id = l.company_id AND c.phone = l.phone AND c.lead_id <> l.id
      AND c.started_at <= rebound_now() AND c.started_at > rebound_now() - make_interval(mins => dc.phone_gap_minutes))""",
    # The guard's cap for calls, over the lead and whoever shares its phone or email.
    "spoken": """(SELECT count(*) FILTER (WHERE k.caps AND k.occurred_at > rebound_now() - make_interval(hours => cap.cap_hours)) >= cap.cap_count
        AND NOT coalesce(max(k.said_at) > rebound_now() - make_interval(hours => cap.reply_hours)
                         AND coalesce(max(k.occurred_at) FILTER (WHERE k.counts), '-infinity') <= max(k.said_at), false)
      FROM (SELECT *, CASE WHEN direction = 'inbound' THEN occurred_at WHEN response_at > occurred_at THEN response_at END AS said_at
            FROM contacts) k
      WHERE cap.cap_count IS NOT NULL AND k.company_id = l.company_id AND k.method = 'call'
      AND (k.occurred_at > rebound_now() - make_interval(hours => greatest(cap.cap_hours, cap.reply_hours)) OR k.said_at IS NOT NULL)
      AND k.lead_id IN (SELECT l.id UNION SELECT s.lead_id FROM lead_search s WHERE s.company_id = l.company_id AND s.phone = l.phone
                        UNION SELECT s.lead_id FROM lead_search s WHERE s.company_id = l.company_id AND s.email = lower(l.email)))""",
}  # fmt: skip
CLAIMED = "WHEN h.status IN ('locked', 'dialing') THEN 'claimed'"
RECENT_SQL = """recent AS MATERIALIZED (
  SELECT c.phone, min(c.lead_id) AS one_lead, max(c.lead_id) AS other_lead FROM call_logs c
  WHERE c.company_id = %(company)s AND c.phone IS NOT NULL AND c.started_at <= rebound_now()
    AND c.started_at > rebound_now() - make_interval(mins => %(gap)s)
  GROUP BY c.phone
)"""
RULES_SQL = f"""LEFT JOIN callbacks cb ON cb.lead_id = l.id AND cb.state <> 'closed'
  LEFT JOIN recycle_rules rule ON rule.campaign_id = dc.id AND rule.status = l.status AND rule.active
  LEFT JOIN {_SHIPPED} AS shipped(status, seconds, redials) ON shipped.status = l.status"""
JOINS_SQL = f"""JOIN lead_lists ll ON ll.id = l.list_id JOIN dial_campaigns dc ON dc.id = ll.dial_campaign_id
  {RULES_SQL}
  LEFT JOIN recent gap ON gap.phone = l.phone
  LEFT JOIN unnest(%(zones)s::text[], %(zones_open)s::boolean[]) AS z(zone, is_open) ON z.zone = l.zone"""
ONE_JOINS_SQL = JOINS_SQL[: JOINS_SQL.index("LEFT JOIN recent")]
MANY_SQL = REASON_SQL.format(claimed=CLAIMED, **_MANY)
FREE_SQL = REASON_SQL.format(claimed="", **_MANY)  # of leads that are in no hopper
ONE_SQL = REASON_SQL.format(claimed="", **_ONE)
_CALL = DEFAULT.methods["call"]
CAP_SQL = f"""cap AS MATERIALIZED (
  SELECT CASE WHEN r.company_id IS NULL THEN {_CALL.cap_count} ELSE r.cap_count END AS cap_count, coalesce(r.cap_hours, {_CALL.cap_hours}) AS cap_hours,
    coalesce((SELECT s.reply_hours FROM outreach_settings s WHERE s.company_id = %(company)s), {DEFAULT.reply_hours}) AS reply_hours
  FROM (SELECT 1) AS one LEFT JOIN outreach_rules r ON r.company_id = %(company)s AND r.method = 'call'
)"""
WITH_HOPPER = "LEFT JOIN hopper_entries h ON h.lead_id = l.id"


def facts_of(campaign: DialCampaign, *, agent_id: int | None = None) -> dict[str, Any]:
    """The parameters of the statements over sets at this moment."""
    now = read_now()
    limit = get_limits(campaign.company_id).methods["call"]
    zones = known_zones()
    opened = set(open_zones(now, hours_of(campaign.windows, campaign.holidays))) if campaign.active else set()
    return {
        "company": campaign.company_id, "campaign": campaign.id, "agent": agent_id, "zones": list(zones),
        "zones_open": [zone in opened for zone in zones], "open_zones": sorted(opened), "gap": campaign.phone_gap_minutes,
        "spoken": _spoken(campaign.company_id, now, limit),
    }  # fmt: skip


def _spoken(company_id: int, now: datetime, limit: MethodLimit) -> list[int]:
    return find_busy(company_id, "call", now, warn=False) if limit.cap_count is not None else []


_COUNTS = f"""
WITH {RECENT_SQL}, judged AS MATERIALIZED (
  SELECT {MANY_SQL} AS reason, h.status AS held, l.status, l.list_id, CASE WHEN l.next_eligible_at > rebound_now() THEN l.next_eligible_at END AS next_at
  FROM leads l {JOINS_SQL} {WITH_HOPPER} WHERE dc.id = %(campaign)s AND ll.dial_campaign_id = %(campaign)s
)
SELECT CASE WHEN reason IS NULL AND held = 'ready' THEN 'ready' ELSE coalesce(reason, 'dialable') END AS reason,
       count(*) AS leads, min(next_at) FILTER (WHERE reason = 'cooling') AS next_at
FROM judged GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Leads of the campaign by reason; `ready` stand in the hopper, `dialable` could. They sum to `total`."""

    counts: dict[str, int]
    next_at: datetime | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def dialable(self) -> int:
        return self.counts.get("ready", 0) + self.counts.get("dialable", 0)


def count_reasons(campaign: DialCampaign) -> WhyNot:
    """Reads every lead of the campaign: for a part of a page that is loaded by itself."""
    rows = run(_COUNTS, facts_of(campaign))
    return WhyNot(
        {row.reason: row.leads for row in rows}, min((row.next_at for row in rows if row.next_at), default=None)
    )


_LEADS = f"""
WITH {RECENT_SQL}
SELECT l.id, {MANY_SQL} AS reason, h.status AS held FROM leads l {JOINS_SQL} {WITH_HOPPER}
WHERE dc.id = %(campaign)s AND l.id = ANY(%(ids)s::bigint[])
"""


def judge(campaign: DialCampaign, lead_ids: Sequence[int], *, agent_id: int | None = None) -> dict[int, str | None]:
    """By lead of the campaign: the reason, or None for one that may be dialed now; others are left out."""
    rows = run(_LEADS, facts_of(campaign, agent_id=agent_id) | {"ids": list(lead_ids)})
    return {row.id: row.reason for row in rows}


_REASON_IDS = f"""
WITH {RECENT_SQL}, judged AS MATERIALIZED (
  SELECT l.id, {MANY_SQL} AS reason, h.status AS held FROM leads l {JOINS_SQL} {WITH_HOPPER} WHERE dc.id = %(campaign)s
)
SELECT id FROM judged
WHERE CASE WHEN reason IS NULL AND held = 'ready' THEN 'ready' ELSE coalesce(reason, 'dialable') END = %(reason)s
"""


def ids_of_reason(campaign: DialCampaign, reason: str) -> list[int]:
    """The leads behind one number of `count_reasons`."""
    return [row.id for row in run(_REASON_IDS, facts_of(campaign) | {"reason": reason})]


_SPENT = f"""
SELECT cb.id FROM callbacks cb JOIN leads l ON l.id = cb.lead_id JOIN lead_lists ll ON ll.id = l.list_id
WHERE cb.id = ANY(%(ids)s::bigint[]) AND {PROMISE_SPENT_SQL}
"""


def spent_promises(callback_ids: Sequence[int]) -> set[int]:
    """Of these open callbacks, those whose redials are used up: people see them, no dialer calls."""
    return {row.id for row in run(_SPENT, {"ids": list(callback_ids)})}


def run(sql: str, params: Mapping[str, Any]) -> Sequence[Any]:
    """All rows of the driver's own SQL (`%(name)s`)."""
    return Prepared(sql)(**params).all()
