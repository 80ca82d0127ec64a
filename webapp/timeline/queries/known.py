"""What the guard judges by: the contacts of leads and of their twins, in one statement for any number of leads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from webapp.core.db import db
from webapp.timeline.rules import Known, Limits

MOST = 200  # contacts of one lead that are read; the newest decide
TWINS = 500  # leads that share a phone or an email with one lead

# Twins share a phone or an email, whatever their list.
TWINS_SQL = f"""
twins AS (
  SELECT a.id AS asked, t.lead_id FROM (SELECT id, phone, lower(email) AS email FROM leads
                                        WHERE company_id = :company AND id = ANY(:ids)) a
  CROSS JOIN LATERAL (
    SELECT a.id AS lead_id
    UNION (SELECT s.lead_id FROM lead_search s WHERE s.company_id = :company AND s.phone = a.phone LIMIT {TWINS})
    UNION (SELECT s.lead_id FROM lead_search s WHERE s.company_id = :company AND s.email = a.email LIMIT {TWINS})
  ) t
)"""
_KNOWN = sa.text(
    f"""
    WITH {TWINS_SQL}
    SELECT t.asked, k.kind, k.id, k.lead_id, k.method, k.direction, k.occurred_at AS at, k.subject, left(k.body, 20000) AS body,
           coalesce(u.name, k.who) AS who, k.user_id, k.responded, k.response_at, k.counts, k.caps,
           CASE WHEN k.state = 'reserved' THEN k.scheduled_for END AS scheduled_for, k.source
    FROM twins t CROSS JOIN LATERAL (
      SELECT * FROM contacts c
      WHERE c.lead_id = t.lead_id AND c.company_id = :company
        AND (c.occurred_at > rebound_now() - :horizon OR c.response_at > rebound_now() - :horizon
             OR (c.scheduled_for IS NOT NULL AND c.state = 'reserved'))
      ORDER BY c.occurred_at DESC, c.id DESC LIMIT {MOST}
    ) k LEFT JOIN users u ON u.id = k.user_id
    """
)


def find_known(company_id: int, lead_ids: Sequence[int], limits: Limits) -> dict[int, list[Known]]:
    """By lead: what was said to and by it and its twins, as far back as any rule looks, newest first."""
    rows = db.session.execute(_KNOWN, {"company": company_id, "ids": list(lead_ids), "horizon": limits.horizon})
    found: dict[int, list[Known]] = defaultdict(list)
    for row in rows:
        facts: dict[str, Any] = dict(row._mapping)
        found[facts.pop("asked")].append(Known(**facts))
    for known in found.values():
        known.sort(key=lambda k: (k.at, k.kind, k.id), reverse=True)
    return found


def find_around(company_id: int, lead_id: int, method: str, at: datetime, hours: int) -> list[Known]:
    """The contacts of one method within so many hours before and after a moment: for what is logged late."""
    statement = sa.text(
        f"""
        WITH {TWINS_SQL}
        SELECT k.kind, k.id, k.lead_id, k.method, k.direction, k.occurred_at AS at, k.caps
        FROM twins t JOIN contacts k ON k.lead_id = t.lead_id AND k.company_id = :company
        WHERE k.method = :method AND k.caps AND k.occurred_at > CAST(:at AS timestamptz) - make_interval(hours => :hours)
          AND k.occurred_at < CAST(:at AS timestamptz) + make_interval(hours => :hours)
        LIMIT 1000
        """
    )
    given = {"company": company_id, "ids": [lead_id], "method": method, "at": at, "hours": hours}
    return [Known(**row._mapping) for row in db.session.execute(statement, given)]
