"""Which leads of a list a recycling takes, and why it leaves the others: preview and run share the query."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from webapp.dialer.fold import DEFAULT_DELAYS
from webapp.leads.states import PROTECTED

_PROTECTED = ", ".join(f"'{name}'" for name in PROTECTED)

# In this order; a lead is skipped for the first that holds.
SKIPS: dict[str, str] = {
    "protected": "Protected: a sale, a conversion, a qualified lead or Do Not Call",
    "needs_repair": "Needs repair first",
    "in_call": "In a call, or claimed by an agent",
    "callback": "Has an open callback",
    "exhausted": "Exhausted: all its redials or dials are used up",
    "cooling": "Cooling: its result's delay has not passed",
    "phone_gap": "Phone gap: the same phone was dialed a moment ago",
    "unchanged": "Has the target status already",
}

# Expects a CTE touched(id). Parameters: company, target, reset, as_of.
JUDGED_SQL = f"""
recent AS MATERIALIZED (
  SELECT c.phone, max(c.started_at) AS dialed_at, min(c.lead_id) AS one_lead, max(c.lead_id) AS other_lead
  FROM call_logs c WHERE c.company_id = :company AND c.started_at <= CAST(:as_of AS timestamptz) AND c.phone IS NOT NULL
    AND c.started_at > CAST(:as_of AS timestamptz) - (
      SELECT make_interval(mins => coalesce(max(phone_gap_minutes), 60)) FROM dial_campaigns WHERE company_id = :company)
  GROUP BY c.phone
), judged AS (
  SELECT l.id, l.company_id, l.status AS seen, l.pass_number, l.pass_dials, l.dials_reset_at, l.next_eligible_at,
         l.last_status_change, l.anchor_status, l.anchor_at, l.call_count, l.last_result_at,
         CASE WHEN l.next_eligible_at IS NOT NULL THEN l.next_eligible_at
              ELSE l.last_dial_attempt + make_interval(secs => coalesce(rule.delay_seconds, shipped.seconds)) END AS eligible_at,
         gap.dialed_at + make_interval(mins => coalesce(dc.phone_gap_minutes, 60)) AS gap_ends_at,
         CASE
           WHEN l.status IN ({_PROTECTED}) THEN 'protected'
           WHEN l.status IS NULL OR coalesce(l.problem = 'dialed_but_new', false) THEN 'needs_repair'
           WHEN EXISTS (SELECT 1 FROM call_logs c WHERE c.lead_id = l.id AND c.is_open)
             OR EXISTS (SELECT 1 FROM hopper_entries h WHERE h.lead_id = l.id AND h.status <> 'ready') THEN 'in_call'
           WHEN EXISTS (SELECT 1 FROM callbacks b WHERE b.lead_id = l.id AND b.state <> 'closed') THEN 'callback'
           WHEN dc.lifetime_dials IS NOT NULL AND l.dial_attempts >= dc.lifetime_dials THEN 'exhausted'
           WHEN NOT CAST(:reset AS boolean) AND dc.dials_per_pass IS NOT NULL AND l.pass_dials >= dc.dials_per_pass THEN 'exhausted'
           WHEN NOT CAST(:reset AS boolean) AND l.call_count > coalesce(rule.redials, shipped.redials) AND (
             SELECT count(*) - 1 FROM call_logs c WHERE c.lead_id = l.id AND c.result = l.status
               AND c.started_at > coalesce(l.dials_reset_at, '-infinity')
           ) >= coalesce(rule.redials, shipped.redials) THEN 'exhausted'
           WHEN CASE WHEN l.next_eligible_at IS NOT NULL THEN l.next_eligible_at
                ELSE l.last_dial_attempt + make_interval(secs => coalesce(rule.delay_seconds, shipped.seconds)) END > CAST(:as_of AS timestamptz)
             THEN 'cooling'
           WHEN gap.phone IS NOT NULL AND gap.dialed_at > CAST(:as_of AS timestamptz)
                  - make_interval(mins => coalesce(dc.phone_gap_minutes, 60))
             AND (gap.one_lead <> l.id OR gap.other_lead <> l.id) THEN 'phone_gap'
           WHEN l.status = CAST(:target AS text) AND NOT (CAST(:reset AS boolean) AND l.pass_dials > 0) THEN 'unchanged'
         END AS skipped
  FROM touched t JOIN leads l ON l.id = t.id
  JOIN lead_lists ll ON ll.id = l.list_id
  LEFT JOIN dial_campaigns dc ON dc.id = ll.dial_campaign_id
  LEFT JOIN recycle_rules rule ON rule.campaign_id = dc.id AND rule.status = l.status AND rule.active
  LEFT JOIN (VALUES {DEFAULT_DELAYS}) AS shipped(status, seconds, redials) ON shipped.status = l.status
  LEFT JOIN recent gap ON gap.phone = l.phone
)"""

_TOUCHED_ALL = """touched AS (
  SELECT id FROM leads WHERE list_id = :list AND (status = ANY(CAST(:statuses AS text[])) OR (CAST(:none AS boolean) AND status IS NULL))
)"""
COUNTS_SQL = f"""
WITH {_TOUCHED_ALL}, {JUDGED_SQL}
SELECT seen, skipped, count(*) AS leads, min(CASE WHEN skipped = 'phone_gap' THEN gap_ends_at ELSE eligible_at END) AS first_at
FROM judged GROUP BY seen, skipped
"""
EXAMPLES_SQL = f"""
WITH {_TOUCHED_ALL}, {JUDGED_SQL}, numbered AS (
  SELECT judged.*, row_number() OVER (PARTITION BY skipped ORDER BY id) AS number FROM judged
)
SELECT n.id, n.seen, n.skipped, CASE WHEN n.skipped = 'phone_gap' THEN n.gap_ends_at ELSE n.eligible_at END AS free_at,
       l.first_name, l.last_name, l.business, l.phone, l.email
FROM numbered n JOIN leads l ON l.id = n.id WHERE n.number <= :each ORDER BY n.skipped NULLS FIRST, n.id
"""
BEFORE = ("pass_number", "pass_dials", "dials_reset_at", "next_eligible_at", "last_status_change", "anchor_status", "anchor_at",
          "call_count")  # fmt: skip
# A call that ended while this waited for the lead counts as heard: its result is not newer than the recycling.
PICKS_SQL = f"""
WITH touched AS (SELECT unnest(CAST(:ids AS bigint[])) AS id), {JUDGED_SQL}
SELECT id, company_id, seen, CAST(:target AS text) AS to_status, {", ".join(f"{name} AS old_{name}" for name in BEFORE)},
       greatest(rebound_now(), last_result_at) AS new_last_status_change, CAST(:target AS text) AS new_anchor_status,
       greatest(rebound_now(), last_result_at) AS new_anchor_at,
       pass_number + 1 AS new_pass_number, CASE WHEN CAST(:reset AS boolean) THEN 0 ELSE pass_dials END AS new_pass_dials,
       CASE WHEN CAST(:reset AS boolean) THEN rebound_now() ELSE dials_reset_at END AS new_dials_reset_at,
       CAST(NULL AS timestamptz) AS new_next_eligible_at
FROM judged WHERE skipped IS NULL
"""
# Asked after the leads of the chunk have moved, and only when some did not: those have no row of the batch.
SKIPPED_SQL = f"""
WITH touched AS (
  SELECT id FROM unnest(CAST(:ids AS bigint[])) AS given(id) WHERE NOT EXISTS (
    SELECT 1 FROM status_changes c WHERE c.batch_id = CAST(:batch AS uuid) AND c.subject_id = given.id)
), {JUDGED_SQL}
SELECT coalesce(skipped, 'unchanged') AS skipped, count(*) FROM judged GROUP BY 1
"""
_I, _T, _S, _B = sa.Integer, sa.DateTime(timezone=True), sa.Text, sa.BigInteger
PICK_COLUMNS: dict[str, Any] = {
    "id": _B, "company_id": _B, "seen": _S, "to_status": _S, "old_pass_number": _I, "old_pass_dials": _I,
    "old_dials_reset_at": _T, "old_next_eligible_at": _T, "old_last_status_change": _T, "old_anchor_status": _S,
    "old_anchor_at": _T, "old_call_count": _I, "new_last_status_change": _T, "new_anchor_status": _S, "new_anchor_at": _T,
    "new_pass_number": _I, "new_pass_dials": _I, "new_dials_reset_at": _T, "new_next_eligible_at": _T,
}  # fmt: skip
SET = {name.removeprefix("new_"): name for name in PICK_COLUMNS if name.startswith("new_")}
