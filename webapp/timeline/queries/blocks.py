"""Who may not be contacted, and why: everything that blocks a lead, for any number of leads in one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from webapp.core.db import db
from webapp.leads.states import LEAD
from webapp.timeline.rules import Block

# The host of a website as people write it: "https://www.example.com:8080/contact" is www.example.com.
HOST_SQL = r"nullif(lower(substring(l.website FROM '^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/?#@]*@)?([^/?#:]+)')), '')"
# A domain reaches a lead by its email and by its website. Where the lead has only one of them, that one stands for
# both; where the domain is only one's, the other may be used. Parents count: example.com holds mail.example.com.
_FIND = sa.text(
    rf"""
    WITH asked AS (
      SELECT l.id, l.status, l.last_status_change, l.phone, lower(l.email) AS email,
             nullif(split_part(lower(l.email), '@', 2), '') AS email_host, {HOST_SQL} AS web_host
      FROM leads l WHERE l.company_id = :company AND l.id = ANY(:ids)
    ), hosts AS (
      SELECT id, 'email' AS method, coalesce(email_host, web_host) AS host FROM asked
      UNION ALL SELECT id, 'web_form', coalesce(web_host, email_host) FROM asked
    ), domains AS (
      SELECT h.id, h.method, array_to_string(cut.parts[n:], '.') AS domain
      FROM hosts h CROSS JOIN LATERAL (SELECT string_to_array(h.host, '.') AS parts) cut
      CROSS JOIN LATERAL generate_series(1, cardinality(cut.parts) - 1) n
    ), hits AS (
      SELECT a.id, d.id AS entry_id, d.method FROM asked a JOIN dnc_entries d
        ON d.company_id = :company AND d.kind = 'lead' AND d.value = a.id::text AND d.lifted_at IS NULL
      UNION ALL
      SELECT a.id, d.id, d.method FROM asked a JOIN dnc_entries d
        ON d.company_id = :company AND d.kind = 'phone' AND d.value = a.phone AND d.lifted_at IS NULL
      UNION ALL
      SELECT a.id, d.id, d.method FROM asked a JOIN dnc_entries d
        ON d.company_id = :company AND d.kind = 'email' AND d.value = a.email AND d.lifted_at IS NULL
      UNION ALL
      SELECT o.id, d.id, CASE count(DISTINCT o.method) WHEN 2 THEN NULL ELSE min(o.method) END
        FROM domains o JOIN dnc_entries d
        ON d.company_id = :company AND d.kind = 'domain' AND d.value = o.domain AND d.lifted_at IS NULL
       AND coalesce(d.method, o.method) = o.method
        GROUP BY o.id, d.id
    )
    SELECT h.id AS lead_id, d.kind, d.value, h.method, d.reason, d.created_at AS at, coalesce(u.name, '') AS who, d.id AS entry_id
    FROM hits h JOIN dnc_entries d ON d.id = h.entry_id LEFT JOIN users u ON u.id = d.added_by_id
    UNION ALL
    SELECT a.id, 'status', a.status, NULL, coalesce(c.reason, ''), coalesce(c.created_at, a.last_status_change),
           coalesce(u.name, ''), NULL
    FROM asked a LEFT JOIN LATERAL (
      SELECT reason, created_at, user_id FROM status_changes s
      WHERE s.company_id = :company AND s.machine = :machine AND s.subject_id = a.id AND s.new_status = 'dnc'
      ORDER BY s.id DESC LIMIT 1
    ) c ON true LEFT JOIN users u ON u.id = c.user_id
    WHERE a.status = 'dnc'
    """
)
_ORDER = ("lead", "phone", "email", "domain", "status")


def find_blocks(company_id: int, lead_ids: Sequence[int]) -> dict[int, list[Block]]:
    """By lead: the blocks in force; leads without any are left out. Entries stand before the status, which cannot be
    lifted by itself. `method` is what the entry means for this lead: a domain that is only its website's blocks web_form.
    """
    rows = db.session.execute(_FIND, {"company": company_id, "ids": list(lead_ids), "machine": LEAD.name})
    found: dict[int, list[Block]] = defaultdict(list)
    for row in rows:
        found[row.lead_id].append(Block(row.kind, row.value, row.method, row.reason, row.at, row.who, row.entry_id))
    for blocks in found.values():
        blocks.sort(key=lambda block: (_ORDER.index(block.kind), block.method or "", block.entry_id or 0))
    return dict(found)
