"""The floors: what one would write by hand for the same effect."""

from __future__ import annotations

# Status and counters from the logs, one ledger row each, in one statement.
REPAIR = """
WITH bad AS (
  SELECT l.id, l.company_id, l.status AS old, l.dial_attempts AS old_dials, l.answered_count AS old_answered,
         l.last_dial_attempt AS old_last, l.last_status_change AS old_change, coalesce(spoke.id, latest.id) AS evidence,
         coalesce(spoke.result, latest.result) AS target, coalesce(spoke.result_at, latest.result_at) AS at,
         logs.calls, logs.answered, logs.last_started
  FROM leads l
  CROSS JOIN LATERAL (SELECT count(*)::int AS calls, count(*) FILTER (WHERE human)::int AS answered, max(started_at) AS last_started
                      FROM call_logs WHERE lead_id = l.id) AS logs
  LEFT JOIN LATERAL (SELECT id, result, result_at FROM call_logs WHERE lead_id = l.id ORDER BY started_at DESC LIMIT 1)
    AS latest ON true
  LEFT JOIN LATERAL (SELECT id, result, result_at FROM call_logs WHERE lead_id = l.id AND decided ORDER BY started_at DESC LIMIT 1)
    AS spoke ON true
  WHERE l.list_id = :list AND l.problem IS NOT NULL
), upd AS (
  UPDATE leads l SET status = b.target, dial_attempts = greatest(l.dial_attempts, b.calls),
    answered_count = greatest(l.answered_count, b.answered), last_dial_attempt = b.last_started, last_status_change = b.at
  FROM bad b WHERE l.id = b.id
  RETURNING l.id, l.company_id, b.old, l.status AS new, b.evidence, b.old_dials, b.old_answered, b.old_last, b.old_change
)
INSERT INTO status_changes (company_id, machine, subject_id, old_status, new_status, cause, evidence_id, batch_id, before)
SELECT company_id, 'lead', id, old, new, 'repair', evidence, gen_random_uuid(),
       jsonb_build_object('dial_attempts', old_dials, 'answered_count', old_answered, 'last_dial_attempt', old_last,
                          'last_status_change', old_change) FROM upd
"""
RECYCLE = """
WITH upd AS (
  UPDATE leads l SET status = 'new', pass_number = l.pass_number + 1, pass_dials = 0, last_status_change = now(), next_eligible_at = NULL
  FROM (SELECT id, company_id, status, pass_number, pass_dials FROM leads WHERE list_id = :list AND status = ANY(:statuses)
        ORDER BY id LIMIT :n FOR UPDATE) o
  WHERE l.id = o.id RETURNING l.id, l.company_id, o.status AS old, o.pass_number, o.pass_dials
)
INSERT INTO status_changes (company_id, machine, subject_id, old_status, new_status, cause, batch_id, before)
SELECT company_id, 'lead', id, old, 'new', 'recycle', gen_random_uuid(),
       jsonb_build_object('pass_number', pass_number, 'pass_dials', pass_dials) FROM upd
"""
BREAKDOWN = "SELECT status, count(*) FROM leads WHERE list_id = :list GROUP BY status"
FIRST_PAGE = "SELECT * FROM leads WHERE list_id = :list ORDER BY id DESC LIMIT 50"
# The log once only and the lead's counters moved, in one statement.
EVENTS = """
WITH given AS (
  SELECT * FROM unnest(CAST(:leads AS bigint[]), CAST(:calls AS text[]), CAST(:at AS timestamptz[])) AS g(lead_id, call_id, at)
), logged AS (
  INSERT INTO call_logs (company_id, lead_id, provider, provider_call_id, call_status, started_at, ended_at)
  SELECT :company, lead_id, 'floor', call_id, 'no_answer', at, at FROM given ON CONFLICT DO NOTHING RETURNING lead_id, started_at
)
UPDATE leads l SET dial_attempts = l.dial_attempts + c.n, call_count = l.call_count + c.n, last_dial_attempt = c.at, status = 'no_answer'
FROM (SELECT lead_id, count(*) AS n, max(started_at) AS at FROM logged GROUP BY lead_id) AS c WHERE l.id = c.lead_id
"""
INSERT_ONLY = """
INSERT INTO call_logs (company_id, lead_id, provider, provider_call_id, call_status, started_at, ended_at)
VALUES (:company, :lead, 'floor', :call, 'no_answer', :at, :at)
"""
