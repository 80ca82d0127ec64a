-- Whether a dial reached a telephone: what failed on the way is no contact.
CREATE FUNCTION call_reached(call_status text, disposition text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT call_status NOT IN ('failed', 'network', 'congestion', 'invalid_number') OR coalesce(disposition, 'invalid') <> 'invalid'
$$;

-- Contacts by calls are kept on the lead beside the count of its calls, by the same writers.
CREATE OR REPLACE FUNCTION call_logs_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('rebound.calls_counted', true) = 'on' THEN RETURN NULL; END IF;
  UPDATE leads l SET call_count = l.call_count + c.calls, last_result_at = greatest(l.last_result_at, c.result_at),
    call_contacts = l.call_contacts + c.reached, last_call_contact_at = greatest(l.last_call_contact_at, c.reached_at)
  FROM (SELECT lead_id, count(*) AS calls, max(result_at) AS result_at,
               count(*) FILTER (WHERE call_reached(call_status, disposition)) AS reached,
               max(started_at) FILTER (WHERE call_reached(call_status, disposition)) AS reached_at
        FROM new_rows GROUP BY lead_id) AS c
  WHERE l.id = c.lead_id;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION call_logs_recount(ids bigint[]) RETURNS void LANGUAGE sql AS $$
  UPDATE leads l SET call_count = coalesce(c.calls, 0), last_result_at = c.result_at,
    call_contacts = coalesce(c.reached, 0), last_call_contact_at = c.reached_at
  FROM unnest(ids) AS wanted(id)
  LEFT JOIN LATERAL (
    SELECT count(*) AS calls, max(result_at) AS result_at,
           count(*) FILTER (WHERE call_reached(call_status, disposition)) AS reached,
           max(started_at) FILTER (WHERE call_reached(call_status, disposition)) AS reached_at
    FROM call_logs WHERE lead_id = wanted.id
  ) AS c ON true
  WHERE l.id = wanted.id
    AND (l.call_count, l.last_result_at, l.call_contacts, l.last_call_contact_at)
        IS DISTINCT FROM (coalesce(c.calls, 0)::int, c.result_at, coalesce(c.reached, 0)::int, c.reached_at)
$$;
CREATE OR REPLACE FUNCTION call_logs_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('rebound.calls_counted', true) = 'on' THEN RETURN NULL; END IF;
  PERFORM call_logs_recount(array(
    SELECT lead_id FROM (
      SELECT o.lead_id AS was, n.lead_id AS now FROM old_rows o JOIN new_rows n USING (id)
      WHERE (o.lead_id, o.result_at, o.started_at, o.call_status, o.disposition)
            IS DISTINCT FROM (n.lead_id, n.result_at, n.started_at, n.call_status, n.disposition)
    ) AS moved, unnest(ARRAY[was, now]) AS lead_id GROUP BY lead_id));
  RETURN NULL;
END $$;

-- The summary of what was logged, from the rows; never by adding one. Only rows that differ are written.
CREATE FUNCTION contact_summary(ids bigint[]) RETURNS TABLE (
  lead_id bigint, contacts int, last_at timestamptz, last_method text, response_at timestamptz
) LANGUAGE sql STABLE AS $$
  SELECT wanted.id, coalesce(c.contacts, 0)::int, c.last_at, last.method, c.response_at
  FROM unnest(ids) AS wanted(id)
  LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE counts) AS contacts,
           max(occurred_at) FILTER (WHERE counts) AS last_at,
           greatest(max(response_at) FILTER (WHERE direction = 'outbound' AND state <> 'failed'),
                    max(occurred_at) FILTER (WHERE direction = 'inbound')) AS response_at
    FROM contact_attempts a WHERE a.lead_id = wanted.id AND a.hidden_at IS NULL
  ) AS c ON true
  LEFT JOIN LATERAL (
    SELECT method FROM contact_attempts a WHERE a.lead_id = wanted.id AND a.counts ORDER BY occurred_at DESC, id DESC LIMIT 1
  ) AS last ON true
$$;
CREATE FUNCTION contact_recount(ids bigint[]) RETURNS SETOF bigint LANGUAGE sql AS $$
  UPDATE leads l SET logged_contacts = s.contacts, last_logged_at = s.last_at, last_logged_method = s.last_method,
                     last_response_at = s.response_at
  FROM contact_summary(ids) AS s
  WHERE l.id = s.lead_id
    AND (l.logged_contacts, l.last_logged_at, l.last_logged_method, l.last_response_at)
        IS DISTINCT FROM (s.contacts, s.last_at, s.last_method, s.response_at)
  RETURNING l.id
$$;

-- Every contact that stands: what was logged or sent, and the dialer's calls. A call's answer is no reply to wait for,
-- so it has no response_at. Names are the snapshot or the dialer's; join users for today's.
CREATE VIEW contacts AS
SELECT 'contact'::text AS kind, a.id, a.company_id, a.lead_id, a.user_id, a.user_name AS who, a.method, a.direction, a.subject, a.body,
       a.responded, a.response_at, a.state, a.source, a.source_id, a.over_cap, a.occurred_at, a.created_at, a.scheduled_for,
       a.version, a.metadata, a.counts, a.caps
FROM contact_attempts a WHERE a.hidden_at IS NULL
UNION ALL
SELECT 'call', c.id, c.company_id, c.lead_id, c.agent_id, c.agent_name, 'call', 'outbound', '', c.notes,
       c.human, NULL, 'sent', 'call', c.id, false, c.started_at, c.created_at, NULL,
       1, '{}'::jsonb, call_reached(c.call_status, c.disposition), c.human
FROM call_logs c;

CREATE TRIGGER contact_revisions_append_only BEFORE UPDATE OR TRUNCATE ON contact_revisions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE lead_viewers SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 500);
