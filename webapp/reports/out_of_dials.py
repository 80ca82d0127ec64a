"""Who waits to be dialed and has no dials left.

Counted from the list's tally cells as far as they go. Index scans more: beyond the cells' ten dials, in a second or later pass,
and of the calls of those who were dialed more often than their result's redials; of these as many as a page has time for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from webapp.core.db import db
from webapp.dialer.eligible import REDIALS_SPENT_SQL, RULES_SQL, run
from webapp.dialer.models import DialCampaign, RecycleRule
from webapp.dialer.rules import DEFAULT_RULES
from webapp.leads.models import Lead
from webapp.leads.states import LEAD
from webapp.leads.tallies import DIAL_CAP, Cell, count

READ_AT_ONCE = (
    150_000  # in the time of a page, where a lead that is read counts one, and its calls four: a microsecond each
)
# Only who still waits to be dialed can run out of dials: a qualified lead is a person's business.
WAITING = frozenset((*LEAD.with_flag("dialable"), "callback", None))


@dataclass(frozen=True, slots=True)
class OutOfDials:
    """By status: for ever, or until the next pass."""

    for_ever: Counter[str | None]
    for_now: Counter[str | None]
    redials_read: bool

    @property
    def total(self) -> int:
        return sum(self.for_ever.values()) + sum(self.for_now.values())


def count_exhausted(
    list_id: int, cells: list[Cell], campaign: DialCampaign | None, *, most: int | None = None
) -> OutOfDials:
    """Leads that wait to be dialed and have no dials left; `most` is READ_AT_ONCE where nothing is said.

    By the rule of "Why not?", where a lead may be told an earlier reason. In the first pass the dials of the pass are all
    dials, which the cells know up to ten. A list without a campaign has no limits, and the shipped redials.
    """
    lifetime = campaign.lifetime_dials if campaign else None
    per_pass = campaign.dials_per_pass if campaign else None
    live = [c for c in cells if c.status in WAITING]
    for_ever: Counter[str | None] = Counter()
    for_now: Counter[str | None] = Counter()
    for c in live:
        if lifetime is not None and lifetime <= DIAL_CAP and c.dials >= lifetime:
            for_ever[c.status] += c.leads
        elif per_pass is not None and per_pass <= DIAL_CAP and c.pass_number == 1 and c.dials >= per_pass:
            for_now[c.status] += c.leads
    heavy = any(c.dials == DIAL_CAP for c in live)
    lead = Lead.__table__.c
    if lifetime is not None and lifetime > DIAL_CAP and heavy:
        found = _count_by_status(list_id, lead.dial_attempts >= lifetime)
        if per_pass is not None and per_pass <= DIAL_CAP:  # those of the first pass were taken for resting above
            for_now -= _count_by_status(list_id, lead.dial_attempts >= lifetime, lead.pass_number == 1)
        for_ever += found
    if per_pass is not None:
        not_yet = lead.dial_attempts < lifetime if lifetime is not None else sa.true()
        if any(c.pass_number > 1 and c.dials >= min(per_pass, DIAL_CAP) for c in live):
            for_now += _count_by_status(
                list_id, lead.pass_number > 1, lead.pass_dials > 0, lead.pass_dials >= per_pass, not_yet
            )
        if per_pass > DIAL_CAP and heavy:
            for_now += _count_by_status(list_id, lead.pass_number == 1, lead.dial_attempts >= per_pass, not_yet)
    redialed = _count_redialed(list_id, live, campaign, READ_AT_ONCE if most is None else most)
    return OutOfDials(for_ever, for_now + (redialed or Counter()), redialed is not None)


_REDIALED = f"""
SELECT l.status, count(*) AS leads FROM leads l JOIN lead_lists ll ON ll.id = l.list_id
LEFT JOIN dial_campaigns dc ON dc.id = ll.dial_campaign_id {RULES_SQL}
WHERE l.list_id = %(list)s AND l.status = ANY(%(statuses)s::text[]) AND {REDIALS_SPENT_SQL}
  AND NOT coalesce(l.dial_attempts >= dc.lifetime_dials
    OR CASE WHEN l.pass_number = 1 THEN l.dial_attempts ELSE l.pass_dials END >= dc.dials_per_pass, false)
GROUP BY l.status
"""


def _count_redialed(
    list_id: int, live: list[Cell], campaign: DialCampaign | None, most: int
) -> Counter[str | None] | None:
    """Those within the limits whose redials are used up; None for too many to read. Only statuses in which some were dialed
    often enough are read."""
    redials = {status: allowed for status, (_, allowed) in DEFAULT_RULES.items()}
    if campaign is not None:
        rule = RecycleRule.__table__.c
        query = sa.select(rule.status, rule.redials).where(rule.campaign_id == campaign.id, rule.active)
        redials |= {row.status: row.redials for row in db.session.execute(query)}
    redials["callback"] = 1 + min(redials.values())  # its promise was a call too
    often = [c for c in live if c.status in redials and c.dials > min(redials[c.status], DIAL_CAP - 1)]
    statuses = {c.status for c in often}
    if not often:
        return Counter()
    if count(live, lambda c: c.status in statuses) + 4 * count(often) > most:
        return None
    rows = run(_REDIALED, {"list": list_id, "statuses": list(statuses)})
    return Counter({row.status: row.leads for row in rows})


def _count_by_status(list_id: int, *tests: Any) -> Counter[str | None]:
    lead = Lead.__table__.c
    query = (
        sa.select(lead.status, sa.func.count())
        .where(lead.list_id == list_id, sa.or_(lead.status.is_(None), lead.status.in_(WAITING - {None})), *tests)
        .group_by(lead.status)
    )
    return Counter({row[0]: row[1] for row in db.session.execute(query)})
