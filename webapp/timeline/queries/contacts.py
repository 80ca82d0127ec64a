"""Contacts as lists: a lead's, newest first, for the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from webapp.core.db import db
from webapp.timeline.models import LeadAlias

_PAGE = """
SELECT c.*, coalesce(u.name, nullif(c.who, '')) AS user_name, CASE c.kind WHEN 'call' THEN 1 ELSE 2 END AS rank
FROM contacts c LEFT JOIN users u ON u.id = c.user_id
WHERE c.company_id = :company AND c.lead_id = :lead {where}
ORDER BY c.occurred_at DESC, CASE c.kind WHEN 'call' THEN 1 ELSE 2 END DESC, c.id DESC LIMIT :size
"""
Place = tuple[datetime, int, int]  # occurred_at, rank (calls 1, contacts 2), id


def page_of_contacts(
    company_id: int, lead_id: int, *, method: str | None = None, direction: str | None = None, after: Place | None = None, limit: int = 50
) -> tuple[list[Any], Place | None]:  # fmt: skip
    """A page and, where there is more, the place it ends at."""
    where, given = [], {"company": company_id, "lead": lead_id, "size": limit + 1}
    if method:
        where.append("AND c.method = :method")
        given["method"] = method  # type: ignore[assignment]
    if direction:
        where.append("AND c.direction = :direction")
        given["direction"] = direction  # type: ignore[assignment]
    if after:
        where.append(
            "AND (c.occurred_at, CASE c.kind WHEN 'call' THEN 1 ELSE 2 END, c.id) < (CAST(:at AS timestamptz), :rank, :id)"
        )
        given |= {"at": after[0], "rank": after[1], "id": after[2]}  # type: ignore[dict-item]
    rows = list(db.session.execute(sa.text(_PAGE.format(where=" ".join(where))), given))
    last = rows[limit - 1] if len(rows) > limit else None
    return rows[:limit], (last.occurred_at, last.rank, last.id) if last is not None else None


def count_contacts(company_id: int, lead_id: int, *, method: str | None = None, direction: str | None = None) -> int:
    where, given = "", {"company": company_id, "lead": lead_id}
    if method:
        where, given["method"] = where + " AND method = :method", method  # type: ignore[assignment]
    if direction:
        where, given["direction"] = where + " AND direction = :direction", direction  # type: ignore[assignment]
    query = f"SELECT count(*) FROM contacts WHERE company_id = :company AND lead_id = :lead{where}"
    return int(db.session.scalar(sa.text(query), given) or 0)


def find_survivor(company_id: int, lead_id: int) -> int | None:
    """The lead that a merged-away one lives on in."""
    if not 0 < lead_id < 2**63:
        return None
    return db.session.scalar(
        sa.select(LeadAlias.lead_id).where(LeadAlias.gone_id == lead_id, LeadAlias.company_id == company_id)
    )
