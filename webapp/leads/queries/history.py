"""What happened to a lead, newest first: calls, status changes and edits in one stream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from webapp.core.db import db
from webapp.leads.models import Lead

SIZE = 30
JUMP = 500  # entries loaded at most to reach the one an address names
RANKS = {"call": 3, "status": 2, "change": 1}


@dataclass(frozen=True, slots=True)
class Entry:
    """`anchor` is permanent: call-12, status-34, change-56. `facts` differ by kind."""

    kind: str
    id: int
    at: datetime
    who: str | None
    facts: dict[str, Any]

    @property
    def anchor(self) -> str:
        return f"{self.kind}-{self.id}"


_STREAM = """
SELECT kind, rank, id, at, who, facts FROM (
  (SELECT 'call' AS kind, 3 AS rank, c.id, c.started_at AS at, coalesce(u.name, nullif(c.agent_name, '')) AS who,
     jsonb_build_object('call_status', c.call_status, 'disposition', c.disposition, 'duration', c.duration, 'notes', c.notes,
       'phone', c.phone, 'provider', c.provider, 'needs_review', c.needs_review, 'is_open', c.is_open) AS facts
   FROM call_logs c LEFT JOIN users u ON u.id = c.agent_id
   WHERE c.lead_id = :lead AND c.company_id = :company AND (c.started_at, 3, c.id) < (:at, :rank, :id)
   ORDER BY c.started_at DESC, c.id DESC LIMIT :size)
  UNION ALL
  (SELECT 'status', 2, s.id, s.created_at, u.name,
     jsonb_build_object('old', s.old_status, 'new', s.new_status, 'cause', s.cause, 'reason', s.reason, 'batch', s.batch_id)
   FROM status_changes s LEFT JOIN users u ON u.id = s.user_id
   WHERE s.machine = 'lead' AND s.subject_id = :lead AND s.company_id = :company AND (s.created_at, 2, s.id) < (:at, :rank, :id)
   ORDER BY s.created_at DESC, s.id DESC LIMIT :size)
  UNION ALL
  (SELECT 'change', 1, e.id, e.created_at, u.name,
     jsonb_build_object('before', e.before, 'after', e.after, 'cause', e.cause, 'batch', e.batch_id)
   FROM lead_changes e LEFT JOIN users u ON u.id = e.user_id
   WHERE e.lead_id = :lead AND e.company_id = :company AND (e.created_at, 1, e.id) < (:at, :rank, :id)
   ORDER BY e.created_at DESC, e.id DESC LIMIT :size)
) h ORDER BY at DESC, rank DESC, id DESC LIMIT :size
"""
_TABLES = {"call": ("call_logs", "lead_id", "started_at"), "status": ("status_changes", "subject_id", "created_at"),
           "change": ("lead_changes", "lead_id", "created_at")}  # fmt: skip
END = "infinity"


def find_history(
    lead: Lead, *, older_than: str | None = None, reach: str | None = None
) -> tuple[list[Entry], str | None]:
    """A page of the stream and, where there is more, the anchor that `older_than` takes.

    With `reach` all entries down to that one are in the page. Anchors of nothing mean the newest page.
    """
    start = _place(lead, older_than)
    size = SIZE
    goal = _place(lead, reach)
    at, rank, row_id = start or (END, 0, 0)
    if goal is not None:
        size = JUMP
    rows = db.session.execute(
        sa.text(_STREAM.replace(":at", "cast(:at AS timestamptz)")),
        {"lead": lead.id, "company": lead.company_id, "at": str(at), "rank": rank, "id": row_id, "size": size + 1},
    ).all()
    if goal is not None:
        upto = next((n for n, row in enumerate(rows) if f"{row.kind}-{row.id}" == reach), 0)
        size = max(SIZE, min(upto + 10, JUMP))
    entries = [Entry(row.kind, row.id, row.at, row.who, row.facts) for row in rows[:size]]
    return entries, entries[-1].anchor if len(rows) > size else None


def _place(lead: Lead, anchor: str | None) -> tuple[datetime, int, int] | None:
    found = re.fullmatch(r"(call|status|change)-([0-9]{1,18})", anchor or "")
    if not found:
        return None
    kind, row_id = found[1], int(found[2])
    table, subject, at = _TABLES[kind]
    wall = " AND machine = 'lead'" if kind == "status" else ""
    moment = db.session.scalar(
        sa.text(f"SELECT {at} FROM {table} WHERE id = :id AND {subject} = :lead{wall}"), {"id": row_id, "lead": lead.id}
    )
    return None if moment is None else (moment, RANKS[kind], row_id)
