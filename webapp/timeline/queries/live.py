"""Who else has a lead open, and what others have said to it since: one statement a poll."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webapp.core.db import Prepared

GONE = 30  # seconds after the last sign
BEAT = 8  # seconds between two writes of the same sign
NEWS = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a page has read: the newest ids of both kinds when it was made."""

    contact: int = 0
    call: int = 0


@dataclass(frozen=True, slots=True)
class Live:
    """`viewers`: ({name, method}, method "" while only reading); `news`: contacts by others since the mark, newest first."""

    viewers: list[dict[str, Any]]
    news: list[dict[str, Any]]
    at: datetime


# A viewer's sign is written only when it says something new or the old one grows stale, so most polls only read.
_LIVE = Prepared(
    f"""
    WITH lead AS (
      SELECT l.id, l.company_id, coalesce(s.show_presence, true) AS presence
      FROM leads l LEFT JOIN outreach_settings s ON s.company_id = l.company_id
      WHERE l.id = %(lead)s AND l.company_id = %(company)s
    ), beat AS (
      INSERT INTO lead_viewers AS v (lead_id, user_id, company_id, seen_at, writing_at, method)
      SELECT id, %(me)s, company_id, rebound_now(), CASE WHEN %(writing)s THEN rebound_now() END, %(method)s
      FROM lead WHERE presence
      ON CONFLICT (lead_id, user_id) DO UPDATE
        SET seen_at = excluded.seen_at, writing_at = excluded.writing_at, method = excluded.method
        WHERE v.seen_at < excluded.seen_at - interval '{BEAT} s'
           OR (v.writing_at IS NULL, v.method) IS DISTINCT FROM (excluded.writing_at IS NULL, excluded.method)
    )
    SELECT rebound_now() AS at, (
      SELECT coalesce(jsonb_agg(jsonb_build_object('name', u.name, 'method', CASE WHEN v.writing_at IS NULL THEN '' ELSE v.method END)
                                ORDER BY u.name, u.id), '[]')
      FROM lead_viewers v JOIN users u ON u.id = v.user_id
      WHERE lead.presence AND v.lead_id = lead.id AND v.user_id <> %(me)s AND v.seen_at > rebound_now() - interval '{GONE} s'
    ) AS viewers, (
      SELECT coalesce(jsonb_agg(to_jsonb(n) ORDER BY n.at DESC, n.id DESC), '[]') FROM (
        (SELECT 'contact' AS kind, a.id, coalesce(u.name, a.user_name) AS who, a.method, a.direction, left(a.subject, 200) AS subject,
                a.created_at AS at, a.scheduled_for IS NOT NULL AS planned
         FROM contact_attempts a LEFT JOIN users u ON u.id = a.user_id
         WHERE a.lead_id = lead.id AND a.id > %(contact)s AND a.user_id IS DISTINCT FROM %(me)s AND a.hidden_at IS NULL
           AND a.state <> 'failed'
         ORDER BY a.id DESC LIMIT {NEWS})
        UNION ALL
        (SELECT 'call', c.id, coalesce(u.name, c.agent_name), 'call', 'outbound', '', c.created_at, false
         FROM call_logs c LEFT JOIN users u ON u.id = c.agent_id
         WHERE c.lead_id = lead.id AND c.id > %(call)s AND c.agent_id IS DISTINCT FROM %(me)s
         ORDER BY c.id DESC LIMIT {NEWS})
      ) n
    ) AS news
    FROM lead
    """
)
_MARK = Prepared(
    """
    SELECT coalesce((SELECT max(id) FROM contact_attempts WHERE lead_id = %(lead)s), 0) AS contact,
           coalesce((SELECT max(id) FROM call_logs WHERE lead_id = %(lead)s), 0) AS call
    """
)


def find_mark(lead_id: int) -> Mark:
    row = _MARK(lead=lead_id).one()
    return Mark(row.contact, row.call)


def look_live(company_id: int, lead_id: int, user_id: int, mark: Mark, *, writing: bool, method: str) -> Live | None:
    """Leave this user's sign and read the others'; None for a lead that is not the company's. The caller commits."""
    row = _LIVE(
        lead=lead_id, company=company_id, me=user_id, contact=mark.contact, call=mark.call, writing=writing, method=method
    ).one_or_none()  # fmt: skip
    return None if row is None else Live(list(row.viewers), list(row.news)[:NEWS], row.at)
