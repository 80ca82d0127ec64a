"""Merges that were made, newest first."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from webapp.core.db import db

PAGE = 50
_LIST = """
SELECT m.id, m.survivor_id, m.gone_id, m.created_at, m.undone_at, u.name AS who, b.name AS undone_by,
       m.undone_at IS NULL AND m.created_at > rebound_now() - interval '30 days' AND l.id IS NOT NULL AS undoable,
       coalesce(nullif(trim(coalesce(l.first_name, '') || ' ' || coalesce(l.last_name, '')), ''), l.business, 'Lead ' || m.survivor_id) AS survivor,
       coalesce(nullif(trim((m.gone ->> 'first_name') || ' ' || (m.gone ->> 'last_name')), ''), nullif(m.gone ->> 'business', ''),
                'Lead ' || m.gone_id) AS gone,
       jsonb_array_length(m.moved -> 'contact_attempts') AS contacts, jsonb_array_length(m.moved -> 'call_logs') AS calls
FROM lead_merges m LEFT JOIN users u ON u.id = m.user_id LEFT JOIN users b ON b.id = m.undone_by_id
LEFT JOIN leads l ON l.id = m.survivor_id AND l.company_id = m.company_id
WHERE m.company_id = :company {before} ORDER BY m.id DESC LIMIT :size
"""


def list_merges(company_id: int, *, before: int | None = None) -> tuple[list[Any], int | None]:
    given: dict[str, Any] = {"company": company_id, "size": PAGE + 1}
    if before is not None:
        given["before"] = before
    rows = list(
        db.session.execute(sa.text(_LIST.format(before="AND m.id < :before" if before is not None else "")), given)
    )
    return rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None
