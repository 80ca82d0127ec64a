"""Leads that share a phone or an email: groups of the company, and the twins of one lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from webapp.core.db import db
from webapp.leads.models import Lead

PAGE = 25
SHOWN = 5  # leads of one group that are shown, and merged at once

# The index (company, value) is walked in order and the walk ends with the page.
_GROUPS = """
SELECT {kind} AS value, count(*)::int AS leads, (array_agg(lead_id ORDER BY lead_id))[1:{shown}] AS ids
FROM lead_search WHERE company_id = :company AND {kind} IS NOT NULL AND {kind} > :after
GROUP BY {kind} HAVING count(*) > 1 ORDER BY {kind} LIMIT :size
"""
_ROWS = sa.text(
    """
    SELECT l.id, l.first_name, l.last_name, l.business, l.phone, l.email, l.status, l.contact_count, l.last_contacted_at, l.call_count,
           l.created_at, ll.name AS list_name, u.name AS owner
    FROM leads l JOIN lead_lists ll ON ll.id = l.list_id LEFT JOIN users u ON u.id = l.owner_id
    WHERE l.company_id = :company AND l.id = ANY(:ids) ORDER BY l.id
    """
)


@dataclass(frozen=True, slots=True)
class Group:
    """`leads` counts all of them, `rows` are the first few."""

    kind: str
    value: str
    leads: int
    rows: list[Any]


def find_groups(company_id: int, kind: str, *, after: str = "") -> tuple[list[Group], str | None]:
    """Groups that share a phone or an email, in the order of the value; pairs called different people are left out."""
    sql = sa.text(_GROUPS.format(kind=kind, shown=SHOWN))
    found = db.session.execute(sql, {"company": company_id, "after": after, "size": PAGE + 1}).all()
    page = found[:PAGE]
    ids = sorted({lead_id for row in page for lead_id in row.ids})
    rows = {row.id: row for row in db.session.execute(_ROWS, {"company": company_id, "ids": ids})}
    apart = list_verdicts(company_id, ids)
    groups = [
        Group(kind, row.value, row.leads, [rows[lead_id] for lead_id in row.ids if lead_id in rows])
        for row in page
        if not (row.leads == 2 and (row.ids[0], row.ids[1]) in apart)
    ]
    return groups, page[-1].value if len(found) > PAGE else None


def list_verdicts(company_id: int, ids: Sequence[int]) -> set[tuple[int, int]]:
    """Pairs (low, high) among these leads that somebody called different people."""
    query = sa.text(
        "SELECT low_id, high_id FROM duplicate_verdicts WHERE company_id = :company AND low_id = ANY(:ids) AND high_id = ANY(:ids)"
    )
    return {(row.low_id, row.high_id) for row in db.session.execute(query, {"company": company_id, "ids": list(ids)})}


def list_leads(company_id: int, ids: Sequence[int]) -> list[Any]:
    return list(db.session.execute(_ROWS, {"company": company_id, "ids": list(ids)}))


def find_twins(lead: Lead) -> list[Any]:
    """Other leads of the company with this one's phone or email, at most SHOWN."""
    query = sa.text(
        f"""
        SELECT lead_id FROM (
          (SELECT s.lead_id FROM lead_search s WHERE s.company_id = :company AND s.phone = :phone LIMIT {SHOWN + 1})
          UNION (SELECT s.lead_id FROM lead_search s WHERE s.company_id = :company AND s.email = :email LIMIT {SHOWN + 1})
        ) t WHERE lead_id <> :lead LIMIT {SHOWN}
        """
    )
    given = {
        "company": lead.company_id,
        "lead": lead.id,
        "phone": lead.phone,
        "email": (lead.email or "").lower() or None,
    }
    ids = list(db.session.scalars(query, given))
    if not ids:
        return []
    apart = list_verdicts(lead.company_id, [lead.id, *ids])
    return list_leads(lead.company_id, [i for i in ids if (min(i, lead.id), max(i, lead.id)) not in apart])
