"""The statements of `record_events`, sent for every delivery and therefore ready made.

`%(doc)s` is one JSON text of rows (core.sets.as_document).
"""

from __future__ import annotations

from dataclasses import fields

from webapp.core.db import Prepared
from webapp.dialer.rules import Call

FACTS = tuple(field.name for field in fields(Call))
COLUMN = {"recording": "recording_filename", "agent": "agent_name"}
_TYPES = {
    "campaign_id": "bigint", "duration": "int", "started_at": "timestamptz", "answered_at": "timestamptz",
    "ended_at": "timestamptz", "disposition_at": "timestamptz", "callback_at": "timestamptz",
}  # fmt: skip
_columns = ", ".join(COLUMN.get(fact, fact) for fact in FACTS)
_shape = ", ".join(f"{fact} {_TYPES.get(fact, 'text')}" for fact in FACTS)

# The writer of the leads' call facts is the fold, in the same transaction: the trigger need not do it again.
OPEN = Prepared(
    "SELECT rebound_now() AS now, c.country, set_config('rebound.calls_counted', 'on', true) FROM companies c WHERE c.id = %(company)s"
)
CAMPAIGNS = Prepared("SELECT id FROM dial_campaigns WHERE company_id = %(company)s AND id = ANY(%(ids)s::bigint[])")
STORE = Prepared(
    """
    INSERT INTO call_events (company_id, provider, event_id, provider_call_id, type, occurred_at, payload, outcome)
    SELECT %(company)s, provider, event_id, call_id, type, occurred_at, payload, 'quarantined'
    FROM json_to_recordset(%(doc)s::json)
      AS given(provider text, event_id text, call_id text, type text, occurred_at timestamptz, payload jsonb)
    ON CONFLICT (company_id, provider, event_id) DO NOTHING
    RETURNING id, provider, event_id
    """
)
REPEATED = Prepared(
    """
    UPDATE call_events e SET duplicates = e.duplicates + again.times
    FROM json_to_recordset(%(doc)s::json) AS again(provider text, event_id text, times int)
    WHERE e.company_id = %(company)s AND e.provider = again.provider AND e.event_id = again.event_id
    """
)
# Whose call it is: the call's own lead when it is known, else the lead that the delivery names, or that it was merged into.
OWNERS = Prepared(
    """
    SELECT given.provider, given.call_id, c.lead_id AS call_lead, coalesce(l.id, a.lead_id) AS named_lead
    FROM json_to_recordset(%(doc)s::json) AS given(provider text, call_id text, lead_id bigint)
    LEFT JOIN call_logs c ON c.company_id = %(company)s AND c.provider = given.provider AND c.provider_call_id = given.call_id
    LEFT JOIN leads l ON l.id = given.lead_id AND l.company_id = %(company)s
    LEFT JOIN lead_aliases a ON a.gone_id = given.lead_id AND a.company_id = %(company)s
    """
)
BY_PHONE = Prepared(
    """
    SELECT s.phone, s.lead_id, ll.dial_campaign_id, ll.active
    FROM lead_search s JOIN lead_lists ll ON ll.id = s.list_id
    WHERE s.company_id = %(company)s AND s.phone = ANY(%(phones)s::text[])
    UNION ALL
    SELECT a.phone, a.lead_id, ll.dial_campaign_id, ll.active
    FROM lead_aliases a JOIN leads l ON l.id = a.lead_id JOIN lead_lists ll ON ll.id = l.list_id
    WHERE a.company_id = %(company)s AND a.phone = ANY(%(phones)s::text[])
    """
)
ASIDE = Prepared(
    """
    UPDATE call_events e SET reason = given.reason
    FROM json_to_recordset(%(doc)s::json) AS given(id bigint, reason text) WHERE e.id = given.id
    """
)
LOCK = Prepared("SELECT id FROM leads WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id FOR UPDATE")
# The calls as they stand once their leads are locked, and what waits in quarantine for each.
CALLS = Prepared(
    f"""
    SELECT given.provider, given.call_id, c.id, c.lead_id,
           {", ".join(f"c.{COLUMN.get(fact, fact)} AS {fact}" for fact in FACTS)}, waiting.events
    FROM json_to_recordset(%(doc)s::json) AS given(provider text, call_id text)
    LEFT JOIN call_logs c ON c.company_id = %(company)s AND c.provider = given.provider AND c.provider_call_id = given.call_id
    LEFT JOIN LATERAL (
      SELECT jsonb_agg(jsonb_build_object('id', e.id, 'event_id', e.event_id, 'payload', e.payload) ORDER BY e.id) AS events
      FROM call_events e
      WHERE e.company_id = %(company)s AND e.provider = given.provider AND e.provider_call_id = given.call_id
        AND e.outcome = 'quarantined' AND e.settled_at IS NULL AND e.reason LIKE 'unknown%%'
    ) AS waiting ON true
    """
)
# `made` counts new calls: another number than ours means that somebody made one of them meanwhile.
UPSERT = Prepared(
    f"""
    WITH written AS (
    INSERT INTO call_logs (company_id, lead_id, provider, provider_call_id, import_id, {_columns})
    SELECT %(company)s, lead_id, provider, provider_call_id, %(import_id)s, {", ".join(FACTS)}
    FROM json_to_recordset(%(doc)s::json) AS given(lead_id bigint, provider text, provider_call_id text, {_shape})
    ON CONFLICT (company_id, provider, provider_call_id)
    DO UPDATE SET {", ".join(f"{COLUMN.get(fact, fact)} = excluded.{COLUMN.get(fact, fact)}" for fact in FACTS)}
    RETURNING xmax = 0 AS made
    ) SELECT count(*) FILTER (WHERE made) AS made FROM written
    """
)
CLOSE = Prepared(
    """
    WITH closed AS (
      UPDATE call_events e SET outcome = given.outcome, reason = '', lead_id = given.lead_id, call_log_id = c.id,
             settled_at = CASE WHEN given.waiting THEN rebound_now() END
      FROM json_to_recordset(%(doc)s::json)
        AS given(id bigint, outcome text, lead_id bigint, provider text, call_id text, waiting boolean)
      JOIN call_logs c ON c.company_id = %(company)s AND c.provider = given.provider AND c.provider_call_id = given.call_id
      WHERE e.id = given.id RETURNING e.id, c.id AS call_log_id
    )
    SELECT closed.*, set_config('rebound.calls_counted', '', true) FROM closed
    """
)
