"""One list of N leads and 3 N calls, 58.5 % of the leads problematic, written by set-based SQL."""

from __future__ import annotations

import sqlalchemy as sa

CHUNK = 100_000
STATUSES = "ARRAY['no_answer','busy','answered','failed','dropped','no_answer']"
MAPPED = "ARRAY['no_answer','busy','contacted','failed','dropped','no_answer']"

LEADS = f"""
INSERT INTO leads (company_id, list_id, owner_id, first_name, last_name, business, phone, email, city, state, postal_code,
  country, zone, source, tags, status, last_status_change, anchor_status, last_dial_attempt, dial_result, dial_attempts,
  answered_count, pass_dials, call_count, last_result_at,
  call_contacts, last_call_contact_at)
SELECT :company, :list, NULL,
  (ARRAY['Ana','Bob','Carol','Dan','Eve','Finn','Gwen','Hugo'])[1 + i % 8], 'Name' || (i * 7919 % 99991),
  CASE WHEN i % 3 = 0 THEN 'Business ' || (i % 5003) ELSE '' END,
  '+1' || (2000000000 + i)::text, 'lead' || i || '@example.com', (ARRAY['Austin','Boston','Chicago','Denver'])[1 + i % 4],
  (ARRAY['TX','MA','IL','CO'])[1 + i % 4], lpad((i % 99999)::text, 5, '0'), 'US', 'America/Chicago', 'bench', '{{}}',
  CASE WHEN i % 1000 < 585 THEN 'new' ELSE ({MAPPED})[1 + (i + 2) % 6] END,
  CASE WHEN i % 1000 < 585 THEN NULL ELSE at END, 'new',
  CASE WHEN i % 1000 BETWEEN 458 AND 584 THEN NULL ELSE at END,
  CASE WHEN i % 1000 < 585 THEN '' ELSE ({STATUSES})[1 + (i + 2) % 6] END,
  CASE WHEN i % 1000 BETWEEN 458 AND 584 THEN 0 ELSE 3 END,
  CASE WHEN i % 1000 < 585 THEN 0 ELSE answered END,
  CASE WHEN i % 1000 BETWEEN 458 AND 584 THEN 0 ELSE 3 END, 3, at,
  3 - (i % 6 IN (1, 2, 3))::int, at - CASE WHEN i % 6 = 1 THEN interval '1 day' ELSE interval '0' END
FROM (
  SELECT i, timestamptz '2026-03-03 12:00Z' + make_interval(secs => i % 40000) AS at,
         (CASE WHEN i % 6 = 2 THEN 1 ELSE 0 END + CASE WHEN (i + 1) % 6 = 2 THEN 1 ELSE 0 END
          + CASE WHEN (i + 2) % 6 = 2 THEN 1 ELSE 0 END) AS answered
  FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS i
) AS s
"""
CALLS = f"""
INSERT INTO call_logs (company_id, lead_id, provider, provider_call_id, phone, call_status, started_at, ended_at, duration)
SELECT l.company_id, l.id, 'bench', l.id || '-' || j, l.phone, ({STATUSES})[1 + ((l.id - :base + j) % 6)::int],
       l.last_result_at - make_interval(days => 2 - j), l.last_result_at - make_interval(days => 2 - j), 30
FROM leads l CROSS JOIN generate_series(0, 2) AS j WHERE l.id > CAST(:first AS bigint) AND l.id <= CAST(:last AS bigint)
"""


def seed(connection: sa.Connection, leads: int) -> tuple[int, int]:
    """(company id, list id). Commits chunk by chunk."""
    company = connection.execute(sa.text("INSERT INTO companies (name) VALUES ('Bench') RETURNING id")).scalar_one()
    connection.execute(
        sa.text("INSERT INTO users (company_id, email, name, role) VALUES (:c, 'bench@example.com', 'Bench', 'admin')"),
        {"c": company},
    )
    campaign = connection.execute(
        sa.text("INSERT INTO dial_campaigns (company_id, name) VALUES (:c, 'Bench') RETURNING id"), {"c": company}
    ).scalar_one()
    lead_list = connection.execute(
        sa.text("INSERT INTO lead_lists (company_id, name, dial_campaign_id) VALUES (:c, 'Bench', :d) RETURNING id"),
        {"c": company, "d": campaign},
    ).scalar_one()
    base = connection.execute(sa.text("SELECT coalesce(max(id), 0) FROM leads")).scalar_one()
    connection.commit()
    for first in range(0, leads, CHUNK):
        last = min(first + CHUNK, leads)
        connection.execute(sa.text(LEADS), {"company": company, "list": lead_list, "first": first + 1, "last": last})
        connection.execute(sa.text("SELECT set_config('rebound.calls_counted', 'on', true)"))
        connection.execute(sa.text(CALLS), {"base": base, "first": base + first, "last": base + last})
        connection.commit()
    connection.exec_driver_sql("COMMIT")
    return company, lead_list
