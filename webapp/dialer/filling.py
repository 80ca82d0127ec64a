"""The hopper's filler: due callbacks first, then leads by the lists' weights; one filler a campaign at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import sqlalchemy as sa
import structlog

from webapp.core.access import find_owned
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.states import advance_many
from webapp.dialer import eligible
from webapp.dialer.aftermath import close_callbacks
from webapp.dialer.eligible import DIALABLE, FREE_SQL, JOINS_SQL, MANY_SQL, RECENT_SQL, facts_of, run
from webapp.dialer.in_hand import find_holder
from webapp.dialer.models import CALLBACK, Callback, DialCampaign
from webapp.leads.models import Lead, LeadList
from webapp.leads.states import LEAD

log = structlog.get_logger(__name__)
PRIORITIES = {"manual": 70, "callback": 50, "recycled": 0, "standard": 0}
STRETCH = 500  # candidates that the whole judgement is asked of at first; ten times more each time they do not do
ORDER_SQL = {
    "oldest_first": "l.id", "newest_first": "l.id DESC", "longest_ago": "l.last_dial_attempt NULLS FIRST, l.id",
    "fewest_dials": "l.dial_attempts, l.id",
}  # fmt: skip
_LOCK = 0x68707072  # the namespace of the fillers' advisory locks


@atomic(retry=3)
def fill_hopper(company_id: int, campaign_id: int) -> int | None:
    """Bring the campaign's ready entries up to its level: how many were added, None while another filler is at it.

    Entries whose lead may no longer be dialed go first; those that only wait for an hour stay. Raises LookupError.
    """
    campaign = find_owned(DialCampaign, campaign_id, company_id)
    if campaign is None:
        raise LookupError("No such campaign")
    taken = db.session.scalar(
        sa.text("SELECT pg_try_advisory_xact_lock(:space, CAST(:id % 2147483647 AS int))"), {"space": _LOCK, "id": campaign.id}
    )  # fmt: skip
    if not taken:
        return None
    facts = facts_of(campaign)
    removed = prune(campaign, facts)
    if not campaign.active:
        return 0
    hand_over(campaign)
    cancel_forbidden(campaign)
    ready = _count_ready(campaign, facts)
    added = _add_callbacks(campaign, facts)
    missing = campaign.hopper_level - ready - added
    if missing > 0:
        added += _add_leads(campaign, facts, missing)
    if added or removed:
        log.info("hopper_filled", campaign_id=campaign.id, added=added, removed=removed, ready=ready + added)
    return added


def fill_all(company_id: int) -> None:
    """Each minute: every campaign of the company."""
    for campaign_id in db.session.scalars(
        sa.select(DialCampaign.id).where(DialCampaign.company_id == company_id)
    ).all():
        fill_hopper(company_id, campaign_id)


_READY = f"""
WITH {RECENT_SQL}
SELECT count(*) FROM hopper_entries h JOIN leads l ON l.id = h.lead_id {JOINS_SQL}
WHERE h.campaign_id = %(campaign)s AND h.status = 'ready' AND dc.id = h.campaign_id AND ({MANY_SQL}) IS NULL
"""


def _count_ready(campaign: DialCampaign, facts: Mapping[str, Any]) -> int:
    """Those that may be dialed now: what stands there for its hour keeps no place from them."""
    return int(run(_READY, dict(facts))[0].count)


_TEMPORARY = [name for name, reason in eligible.REASONS.items() if reason.temporary]
# What stands ready and may not stay: the lead moved on, or belongs to another campaign, or the campaign is off.
_PRUNE = f"""
WITH {RECENT_SQL}, judged AS (
  SELECT h.id, {MANY_SQL} AS reason FROM hopper_entries h JOIN leads l ON l.id = h.lead_id {JOINS_SQL}
  WHERE h.campaign_id = %(campaign)s AND h.status = 'ready' AND dc.id = h.campaign_id
)
DELETE FROM hopper_entries e WHERE e.campaign_id = %(campaign)s AND e.status = 'ready'
  AND (NOT %(active)s OR NOT EXISTS (
    SELECT FROM judged j WHERE j.id = e.id AND (j.reason IS NULL OR j.reason = ANY(%(temporary)s::text[])
      OR (j.reason = 'callback_later' AND e.agent_id IS NOT NULL))))
RETURNING e.lead_id
"""


def prune(campaign: DialCampaign, facts: Mapping[str, Any]) -> int:
    """Take out what is ready and may not be dialed any more; how many. In the transaction in hand."""
    return len(run(_PRUNE, {**facts, "active": campaign.active, "temporary": _TEMPORARY}))


def hand_over(campaign: DialCampaign) -> int:
    """Agents' own callbacks that waited too long, or whose agent is gone, are anyone's: how many."""
    picks = sa.text(
        """
        SELECT b.id, b.company_id, b.state AS seen, 'handed_over' AS to_status FROM callbacks b
        JOIN leads l ON l.id = b.lead_id JOIN lead_lists ll ON ll.id = l.list_id JOIN users u ON u.id = b.agent_id
        WHERE b.company_id = :company AND ll.dial_campaign_id = :campaign AND b.state = 'open' AND b.due_at <= rebound_now()
          AND (u.deactivated_at IS NOT NULL OR (:minutes > 0 AND b.due_at <= rebound_now() - make_interval(mins => :minutes)))
        ORDER BY b.id FOR UPDATE OF b
        """
    ).bindparams(company=campaign.company_id, campaign=campaign.id, minutes=campaign.handover_minutes)
    moved = db.session.execute(
        advance_many(
            picks.columns(id=sa.BigInteger, company_id=sa.BigInteger, seen=sa.Text, to_status=sa.Text),
            machine=CALLBACK, table=Callback.__table__, by=None, cause="system", batch_id=None, values={},
        )
    ).all()  # fmt: skip
    if moved:
        db.session.execute(
            sa.text(
                "UPDATE hopper_entries h SET agent_id = NULL FROM callbacks b WHERE b.id = ANY(:ids) AND h.lead_id = b.lead_id"
                " AND h.status = 'ready'"
            ),
            {"ids": [row.subject_id for row in moved]},
        )
    return len(moved)


def cancel_forbidden(campaign: DialCampaign) -> int:
    """Due callbacks whose phone or lead has said no since: the lead is Do Not Call, its callback closed. How many."""
    picks = sa.text(
        f"""
        SELECT l.id, l.company_id, l.status AS seen, 'dnc' AS to_status FROM callbacks b
        JOIN leads l ON l.id = b.lead_id JOIN lead_lists ll ON ll.id = l.list_id
        WHERE b.company_id = :company AND ll.dial_campaign_id = :campaign AND b.state <> 'closed' AND b.due_at <= rebound_now()
          AND l.status = 'callback' AND {eligible.DNC_SQL}
        ORDER BY l.id FOR UPDATE OF l
        """
    ).bindparams(company=campaign.company_id, campaign=campaign.id)
    t = Lead.__table__.c
    moved = db.session.execute(
        advance_many(
            picks.columns(id=sa.BigInteger, company_id=sa.BigInteger, seen=sa.Text, to_status=sa.Text),
            machine=LEAD, table=Lead.__table__, by=None, cause="system", batch_id=None, reason="On the do-not-contact list",
            values={"last_status_change": db_now(), "anchor_status": "to_status", "anchor_at": db_now(), "version": t.version + 1},
        )
    ).all()  # fmt: skip
    if moved:
        close_callbacks(campaign.company_id, [row.subject_id for row in moved])
    return len(moved)


_CALLBACKS = f"""
WITH {RECENT_SQL}, due AS (
  SELECT l.id, l.company_id, l.phone, cb.due_at, CASE WHEN cb.state = 'open' THEN cb.agent_id END AS agent_id, {FREE_SQL} AS reason
  FROM callbacks b JOIN leads l ON l.id = b.lead_id {JOINS_SQL}
  WHERE b.company_id = %(company)s AND b.state <> 'closed' AND b.due_at <= rebound_now() AND dc.id = %(campaign)s
    AND NOT EXISTS (SELECT FROM hopper_entries h WHERE h.lead_id = l.id)
)
INSERT INTO hopper_entries (company_id, lead_id, campaign_id, status, source, priority, phone, agent_id)
SELECT company_id, id, %(campaign)s, 'ready', 'callback', %(priority)s, phone, agent_id FROM due
WHERE reason IS NULL OR (reason = 'callback_later' AND agent_id IS NOT NULL)
ORDER BY due_at, id
ON CONFLICT (lead_id) DO NOTHING RETURNING lead_id
"""


def _add_callbacks(campaign: DialCampaign, facts: Mapping[str, Any]) -> int:
    """Beyond the level, if so many are due: what was promised does not wait for what was not."""
    return len(run(_CALLBACKS, {**facts, "priority": PRIORITIES["callback"]}))


# The cheap rules pick candidates in the campaign's order, by an index where there is one; they alone are judged in full.
_CHEAP = """l.list_id = %(list)s AND l.phone IS NOT NULL AND l.zone = ANY(%(open_zones)s::text[])
    AND (l.next_eligible_at IS NULL OR l.next_eligible_at <= rebound_now())
    AND NOT EXISTS (SELECT FROM hopper_entries e WHERE e.lead_id = l.id)"""
_BY_STATUS = f"""
  SELECT l.id FROM unnest(%(statuses)s::text[]) AS w(wanted) CROSS JOIN LATERAL (
    SELECT l.id FROM leads l WHERE l.status = w.wanted AND {_CHEAP} ORDER BY {{order}} LIMIT %(stretch)s) AS l
  ORDER BY {{order}} LIMIT %(stretch)s"""
_BY_ORDER = f"""
  SELECT l.id FROM leads l WHERE l.status = ANY(%(statuses)s::text[]) AND {_CHEAP} ORDER BY {{order}} LIMIT %(stretch)s"""
_CHOOSE = f"""
WITH candidates AS MATERIALIZED ({{candidates}}), {RECENT_SQL}, judged AS (
  SELECT l.id, l.phone, l.last_dial_attempt, l.dial_attempts, {FREE_SQL} AS reason
  FROM candidates c JOIN leads l ON l.id = c.id {JOINS_SQL}
), chosen AS (
  SELECT l.id, l.phone FROM judged l WHERE l.reason IS NULL ORDER BY {{order}} LIMIT %(most)s
)
SELECT (SELECT count(*) FROM candidates) AS looked, array(SELECT id FROM chosen) AS ids, array(SELECT phone FROM chosen) AS phones
"""


def _choose(campaign: DialCampaign, facts: Mapping[str, Any], list_id: int, most: int) -> list[tuple[int, str]]:
    """(id, phone) of the first `most` leads of the list, in the campaign's order, that may be dialed now."""
    order = ORDER_SQL[campaign.lead_order]
    walk = _BY_STATUS if campaign.lead_order in ("oldest_first", "newest_first") else _BY_ORDER
    sql = _CHOOSE.format(candidates=walk.format(order=order), order=order)
    stretch = max(STRETCH, 2 * most)
    while True:
        given = {**facts, "list": list_id, "statuses": list(DIALABLE), "most": most, "stretch": stretch}
        (row,) = run(sql, given)
        if len(row.ids) == most or row.looked < stretch:
            return list(zip(row.ids, row.phones, strict=True))
        stretch *= 10


def _add_leads(campaign: DialCampaign, facts: Mapping[str, Any], missing: int) -> int:
    lists = db.session.execute(
        sa.select(LeadList.id, LeadList.weight)
        .where(
            LeadList.dial_campaign_id == campaign.id, LeadList.active, LeadList.archived_at.is_(None),
            sa.or_(LeadList.expires_on.is_(None), LeadList.expires_on > db_now()),
        )
        .order_by(LeadList.id)
    ).all()  # fmt: skip
    found: dict[int, list[int]] = {}
    phones: set[str] = set()
    for row in lists:
        found[row.id] = []
        for lead_id, phone in _choose(campaign, facts, row.id, missing):
            if phone not in phones:  # of those who share a phone one at a time takes a place
                found[row.id].append(lead_id)
                phones.add(phone)
    shares = share_out(missing, {row.id: (row.weight, len(found[row.id])) for row in lists})
    ids = [lead_id for list_id, share in shares.items() for lead_id in found[list_id][:share]]
    if not ids:
        return 0
    return len(
        run(
            """
            INSERT INTO hopper_entries (company_id, lead_id, campaign_id, status, source, priority, phone)
            SELECT %(company)s, l.id, %(campaign)s, 'ready', CASE WHEN l.pass_number > 1 THEN 'recycled' ELSE 'standard' END, 0, l.phone
            FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS given(id, place) JOIN leads l ON l.id = given.id
            ORDER BY given.place ON CONFLICT (lead_id) DO NOTHING RETURNING lead_id
            """,
            {**facts, "ids": ids},
        )
    )


def share_out(total: int, lists: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """`total` places over lists of (weight, leads there are): by weight, and what a list cannot use goes to the others."""
    given = dict.fromkeys(lists, 0)
    left = total
    open_lists = {key for key, (weight, there) in lists.items() if weight > 0 and there > 0}
    while left > 0 and open_lists:
        weights = sum(lists[key][0] for key in open_lists)
        wanted = {key: left * lists[key][0] / weights for key in open_lists}
        full = {key for key in open_lists if wanted[key] >= lists[key][1] - given[key]}
        if full:
            for key in full:
                left -= lists[key][1] - given[key]
                given[key] = lists[key][1]
            open_lists -= full
            continue
        for key, want in wanted.items():
            given[key] += int(want)
        left -= sum(int(want) for want in wanted.values())
        for key in sorted(open_lists, key=lambda key: (int(wanted[key]) - wanted[key], key))[:left]:
            given[key] += 1
        left = 0
    return given


_ABOVE = """SELECT greatest(%(manual)s, max(e.priority) + 1) FROM hopper_entries e
WHERE e.campaign_id = %(campaign)s AND e.status = 'ready' AND e.lead_id <> %(id)s"""
_ON_TOP = f"""
INSERT INTO hopper_entries (company_id, lead_id, campaign_id, status, source, priority, phone)
VALUES (%(company)s, %(id)s, %(campaign)s, 'ready', 'manual', ({_ABOVE}), %(phone)s)
ON CONFLICT (lead_id) DO UPDATE SET campaign_id = excluded.campaign_id, priority = excluded.priority, phone = excluded.phone,
  source = CASE WHEN hopper_entries.source = 'callback' THEN 'callback' ELSE 'manual' END
WHERE hopper_entries.status = 'ready'
  AND (hopper_entries.priority < excluded.priority OR hopper_entries.campaign_id <> excluded.campaign_id)
RETURNING xmax = 0 AS made
"""


@atomic(retry=3)
def add_manually(
    company_id: int, campaign_id: int, lead_id: int, *, by_id: int
) -> Literal["added", "raised", "on_top"]:
    """A person puts one lead above all that stand ready, within the rules: what that took. Raises LookupError, ValueError."""
    campaign, lead = find_owned(DialCampaign, campaign_id, company_id), find_owned(Lead, lead_id, company_id, lock=True)
    if campaign is None or lead is None:
        raise LookupError("No such campaign or lead")
    judged = eligible.judge(campaign, [lead.id], agent_id=by_id)
    if lead.id not in judged:
        raise ValueError("The lead's list belongs to another campaign.")
    _refuse_held(lead)
    reason = judged[lead.id]
    if reason is not None and reason not in _TEMPORARY:
        raise ValueError(eligible.REASONS[reason].sentence)
    given = {
        "company": company_id, "id": lead.id, "campaign": campaign.id, "manual": PRIORITIES["manual"], "phone": lead.phone,
    }  # fmt: skip
    rows = run(_ON_TOP, given)
    if rows:
        return "added" if rows[0].made else "raised"
    _refuse_held(lead)  # taken since we looked
    return "on_top"


def _refuse_held(lead: Lead) -> None:
    """Raises ValueError for a lead in somebody's hand."""
    holder = find_holder(lead.id)
    if holder is not None:
        raise ValueError(f"{holder} has it in hand now.")
