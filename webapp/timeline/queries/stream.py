"""What happened to a lead, newest first: contacts, dialer calls, status changes and edits in one stream.

A source is one SELECT with the columns kind, rank, id, at, who, facts; another kind of event is one more entry
of SOURCES. The anchor of an entry (contact-12, call-3, status-34, change-56) is permanent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from webapp.core.db import db
from webapp.leads.models import Lead
from webapp.timeline.states import DIRECTIONS, METHODS

SIZE = 25
JUMP = 500  # entries loaded at most to reach the one an address names
END = "infinity"


@dataclass(frozen=True, slots=True)
class Source:
    """`label` names its switch; `place`: the SELECT of the moment of one entry."""

    rank: int
    label: str
    sql: str
    place: str
    said: bool = False  # has a method and a direction, so their filters leave it in


_FILES = """(SELECT jsonb_agg(jsonb_build_object('id', f.id, 'name', f.filename, 'size', f.size) ORDER BY f.id)
  FROM contact_files f WHERE f.contact_id = a.id)"""
_CONTACT = f"""
SELECT 'contact' AS kind, 4 AS rank, a.id, a.occurred_at AS at, coalesce(u.name, nullif(a.user_name, '')) AS who,
  jsonb_build_object('method', a.method, 'direction', a.direction, 'subject', a.subject, 'body', a.body, 'responded', a.responded,
    'response_at', a.response_at, 'state', a.state, 'source', a.source, 'source_id', a.source_id, 'over_cap', a.over_cap, 'created_at', a.created_at,
    'version', a.version, 'user_id', a.user_id, 'hidden_at', a.hidden_at, 'hidden_reason', a.hidden_reason,
    'hidden_by', h.name, 'merged_from', a.merged_from_id, 'files', {_FILES},
    'revisions', (SELECT count(*) FROM contact_revisions r WHERE r.contact_id = a.id)) AS facts
FROM contact_attempts a LEFT JOIN users u ON u.id = a.user_id LEFT JOIN users h ON h.id = a.hidden_by_id
WHERE a.lead_id = :lead AND a.company_id = :company AND (a.scheduled_for IS NULL OR a.state = 'failed')
  AND (a.occurred_at, 4, a.id) < (:at, :rank, :id){{contact}}
ORDER BY a.occurred_at DESC, a.id DESC LIMIT :size
"""
_CALL = """
SELECT 'call', 3, c.id, c.started_at, coalesce(u.name, nullif(c.agent_name, '')),
  jsonb_build_object('method', 'call', 'direction', 'outbound', 'call_status', c.call_status, 'disposition', c.disposition,
    'duration', c.duration, 'notes', c.notes, 'phone', c.phone, 'provider', c.provider, 'needs_review', c.needs_review,
    'is_open', c.is_open, 'human', c.human)
FROM call_logs c LEFT JOIN users u ON u.id = c.agent_id
WHERE c.lead_id = :lead AND c.company_id = :company AND (c.started_at, 3, c.id) < (:at, :rank, :id){call}
ORDER BY c.started_at DESC, c.id DESC LIMIT :size
"""
# A lead that another was merged into tells that one's moves too.
_STATUS = """
SELECT 'status', 2, s.id, s.created_at, u.name,
  jsonb_build_object('old', s.old_status, 'new', s.new_status, 'cause', s.cause, 'reason', s.reason, 'batch', s.batch_id,
    'subject', s.subject_id)
FROM status_changes s LEFT JOIN users u ON u.id = s.user_id
WHERE s.machine = 'lead' AND s.subject_id = ANY(:subjects) AND s.company_id = :company
  AND (s.created_at, 2, s.id) < (:at, :rank, :id){status}
ORDER BY s.created_at DESC, s.id DESC LIMIT :size
"""
_CHANGE = """
SELECT 'change', 1, e.id, e.created_at, u.name,
  jsonb_build_object('before', e.before, 'after', e.after, 'cause', e.cause, 'batch', e.batch_id)
FROM lead_changes e LEFT JOIN users u ON u.id = e.user_id
WHERE e.lead_id = :lead AND e.company_id = :company AND (e.created_at, 1, e.id) < (:at, :rank, :id){change}
ORDER BY e.created_at DESC, e.id DESC LIMIT :size
"""
_PLACE = "SELECT {at} FROM {table} WHERE id = :id AND {subject}"
SOURCES: dict[str, Source] = {
    "contact": Source(4, "Contacts", _CONTACT, _PLACE.format(at="occurred_at", table="contact_attempts", subject="lead_id = :lead"), said=True),
    "call": Source(3, "Calls", _CALL, _PLACE.format(at="started_at", table="call_logs", subject="lead_id = :lead"), said=True),
    "status": Source(2, "Status changes", _STATUS,
                     _PLACE.format(at="created_at", table="status_changes", subject="machine = 'lead' AND subject_id = ANY(:subjects)")),
    "change": Source(1, "Edits", _CHANGE, _PLACE.format(at="created_at", table="lead_changes", subject="lead_id = :lead")),
}  # fmt: skip
_TIMES = ("response_at", "created_at", "hidden_at")


@dataclass(frozen=True, slots=True)
class StreamFilter:
    """What of the stream is shown: empty means all. `awaiting`: ours, without an answer yet."""

    kinds: tuple[str, ...] = ()
    method: str = ""
    direction: str = ""
    rep: int | None = None
    awaiting: bool = False

    @classmethod
    def parse(cls, args: Any) -> StreamFilter:
        """From a request's arguments; what cannot be is left out."""
        kinds = tuple(kind for kind in SOURCES if kind in args.getlist("kind"))
        rep = args.get("rep", "")
        return cls(
            () if len(kinds) == len(SOURCES) else kinds,
            args.get("method", "") if args.get("method") in METHODS else "",
            args.get("direction", "") if args.get("direction") in DIRECTIONS else "",
            int(rep) if re.fullmatch(r"[0-9]{1,18}", rep) else None,
            args.get("awaiting") == "1",
        )

    @property
    def active(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    def chosen(self) -> list[str]:
        of_people = bool(self.method or self.direction or self.awaiting)
        return [
            kind
            for kind, source in SOURCES.items()
            if (not self.kinds or kind in self.kinds) and (source.said or not of_people)
            and not (kind == "call" and self.awaiting)
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    kind: str
    id: int
    at: datetime
    who: str | None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        return f"{self.kind}-{self.id}"


def _conditions(f: StreamFilter) -> tuple[dict[str, str], dict[str, Any]]:
    where = dict.fromkeys(SOURCES, "")
    given: dict[str, Any] = {}
    if f.method:
        where["contact"] += " AND a.method = :method"
        where["call"] += " AND :method = 'call'"
        given["method"] = f.method
    if f.direction:
        where["contact"] += " AND a.direction = :direction"
        where["call"] += " AND :direction = 'outbound'"
        given["direction"] = f.direction
    if f.rep is not None:
        for kind, column in (
            ("contact", "a.user_id"),
            ("call", "c.agent_id"),
            ("status", "s.user_id"),
            ("change", "e.user_id"),
        ):
            where[kind] += f" AND {column} = :rep"
        given["rep"] = f.rep
    if f.awaiting:
        where["contact"] += " AND a.counts AND NOT a.responded"
    return where, given


def _subjects(lead: Lead) -> list[int]:
    gone = db.session.scalars(sa.text("SELECT gone_id FROM lead_aliases WHERE lead_id = :lead"), {"lead": lead.id})
    return [lead.id, *gone]


def find_stream(
    lead: Lead, f: StreamFilter | None = None, *, older_than: str | None = None, reach: str | None = None
) -> tuple[list[Entry], str | None]:
    """A page of the stream and, where there is more, the anchor that `older_than` takes.

    With `reach` all entries down to that one are in the page. Anchors of nothing mean the newest page.
    """
    f = f or StreamFilter()
    chosen = f.chosen()
    if not chosen:
        return [], None
    where, given = _conditions(f)
    given |= {"lead": lead.id, "company": lead.company_id, "subjects": _subjects(lead)}
    at, rank, row_id = _place(older_than, given) or (END, 0, 0)
    goal = _place(reach, given)
    size = JUMP if goal is not None else SIZE
    parts = [f"({SOURCES[kind].sql.format_map(_Blank(where))})" for kind in chosen]
    sql = " UNION ALL ".join(parts).replace(":at", "cast(:at AS timestamptz)")
    given |= {"at": str(at), "rank": rank, "id": row_id, "size": size + 1}
    statement = sa.text(
        f"SELECT * FROM ({sql}) h (kind, rank, id, at, who, facts) ORDER BY at DESC, rank DESC, id DESC LIMIT :size"
    )
    rows = db.session.execute(statement, {name: given[name] for name in statement._bindparams}).all()
    if goal is not None:
        upto = next((n for n, row in enumerate(rows) if f"{row.kind}-{row.id}" == reach), 0)
        size = max(SIZE, min(upto + 10, JUMP))
    entries = [Entry(row.kind, row.id, row.at, row.who, _read(row.facts)) for row in rows[:size]]
    return entries, entries[-1].anchor if len(rows) > size else None


class _Blank(dict[str, str]):
    """The conditions of each source by its name; braces of nothing stay empty."""

    def __missing__(self, key: str) -> str:
        return ""


def _read(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: datetime.fromisoformat(value) if name in _TIMES and value else value for name, value in facts.items()}


def _place(anchor: str | None, given: Mapping[str, Any]) -> tuple[datetime, int, int] | None:
    found = re.fullmatch(rf"({'|'.join(SOURCES)})-([0-9]{{1,18}})", anchor or "")
    if not found:
        return None
    source = SOURCES[found[1]]
    statement = sa.text(source.place)
    moment = db.session.scalar(
        statement, {name: {**given, "id": int(found[2])}[name] for name in statement._bindparams}
    )
    return None if moment is None else (moment, source.rank, int(found[2]))


def list_planned(lead: Lead) -> list[Any]:
    """Contacts that are planned for a moment to come, soonest first."""
    return list(
        db.session.execute(
            sa.text(
                "SELECT a.id, a.method, a.subject, a.scheduled_for, a.version, a.user_id, coalesce(u.name, a.user_name) AS who"
                " FROM contact_attempts a LEFT JOIN users u ON u.id = a.user_id WHERE a.lead_id = :lead AND a.company_id = :company"
                " AND a.state = 'reserved' AND a.scheduled_for IS NOT NULL AND a.hidden_at IS NULL ORDER BY a.scheduled_for, a.id LIMIT 50"
            ),
            {"lead": lead.id, "company": lead.company_id},
        )
    )


def list_revisions(contact_id: int, company_id: int) -> list[Any]:
    return list(
        db.session.execute(
            sa.text(
                "SELECT r.id, r.kind, r.before, r.after, r.reason, r.created_at, u.name AS who FROM contact_revisions r"
                " LEFT JOIN users u ON u.id = r.user_id WHERE r.contact_id = :id AND r.company_id = :company ORDER BY r.id DESC LIMIT 200"
            ),
            {"id": contact_id, "company": company_id},
        )
    )
