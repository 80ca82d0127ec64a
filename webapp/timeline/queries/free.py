"""Which leads the guard would let through, as conditions of the leads' filter: `rules.decide` over sets.

A test holds the two together, lead by lead.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from webapp.core.clock import read_now
from webapp.core.db import db
from webapp.leads.filters import LeadFilter
from webapp.leads.queries.matching import Scope, owned_conditions
from webapp.leads.queries.pages import column_facts
from webapp.timeline.queries.blocks import HOST_SQL
from webapp.timeline.rules import QUEUE_AHEAD, SERVES, next_opening
from webapp.timeline.settings import get_limits
from webapp.timeline.states import METHODS

# People who share a phone or an email share the budget: each contact weighs on every one of them.
_BUSY = sa.text(
    """
    WITH heard AS MATERIALIZED (
      SELECT k.lead_id, k.direction, k.occurred_at AS at, k.response_at, k.counts, k.caps,
             CASE WHEN k.state = 'reserved' THEN k.scheduled_for END AS scheduled_for
      FROM contacts k
      WHERE k.company_id = :company AND k.method = :method
        AND (k.occurred_at > :at - CAST(:horizon AS interval) OR k.response_at > :at - CAST(:horizon AS interval)
             OR (k.scheduled_for IS NOT NULL AND k.state = 'reserved'))
    ), people AS (
      SELECT s.lead_id, s.phone, s.email FROM lead_search s WHERE s.lead_id IN (SELECT lead_id FROM heard)
    ), pairs AS (
      SELECT lead_id AS spoke, lead_id AS reached FROM people
      UNION SELECT p.lead_id, t.lead_id FROM people p JOIN lead_search t ON t.company_id = :company AND t.phone = p.phone
      UNION SELECT p.lead_id, t.lead_id FROM people p JOIN lead_search t ON t.company_id = :company AND t.email = p.email
    ), sums AS (
      SELECT p.reached,
             greatest(max(h.at) FILTER (WHERE h.direction = 'inbound'), max(h.response_at) FILTER (WHERE h.response_at > h.at)) AS said_at,
             max(h.at) FILTER (WHERE h.counts) AS counted_at,
             count(*) FILTER (WHERE h.caps AND h.at > :at - CAST(:cap AS interval)) AS capped,
             bool_or(h.scheduled_for <= :at + CAST(:ahead AS interval)) AS queued
      FROM pairs p JOIN heard h ON h.lead_id = p.spoke GROUP BY p.reached
    )
    SELECT reached FROM sums
    WHERE NOT coalesce(said_at > :at - CAST(:reply AS interval) AND coalesce(counted_at, '-infinity') <= said_at, false)
      AND (coalesce(capped >= :cap_count, false) OR coalesce(counted_at > :at - CAST(:warn AS interval), false)
           OR (CAST(:warn AS interval) IS NOT NULL AND coalesce(queued, false)))
    """
)
_BLOCKED = sa.text(
    """
    SELECT CAST(d.value AS bigint) FROM dnc_entries d
    WHERE d.company_id = :company AND d.lifted_at IS NULL AND d.kind = 'lead' AND coalesce(d.method, :method) = :method
    UNION
    SELECT s.lead_id FROM dnc_entries d JOIN lead_search s ON s.company_id = :company AND s.phone = d.value
    WHERE d.company_id = :company AND d.lifted_at IS NULL AND d.kind = 'phone' AND :by_phone AND coalesce(d.method, :method) = :method
    UNION
    SELECT s.lead_id FROM dnc_entries d JOIN lead_search s ON s.company_id = :company AND s.email = d.value
    WHERE d.company_id = :company AND d.lifted_at IS NULL AND d.kind = 'email' AND :by_email AND coalesce(d.method, :method) = :method
    """
)
_DOMAINS = sa.text(
    """
    SELECT value FROM dnc_entries WHERE company_id = :company AND lifted_at IS NULL AND kind = 'domain'
      AND coalesce(method, :method) = :method
    """
)


def find_busy(company_id: int, method: str, at: datetime, *, warn: bool = True) -> list[int]:
    """Leads whom the cap refuses at that moment, or, with `warn`, a warning stands before; twins share the budget."""
    limits = get_limits(company_id)
    limit = limits.methods[method]
    return list(
        db.session.scalars(
            _BUSY,
            {
                "company": company_id, "method": method, "at": at,
                "horizon": limits.horizon if warn else timedelta(hours=max(limit.cap_hours, limits.reply_hours)),
                "cap_count": limit.cap_count,
                "cap": timedelta(hours=limit.cap_hours), "ahead": QUEUE_AHEAD, "reply": timedelta(hours=limits.reply_hours),
                "warn": timedelta(days=limit.warn_days) if limit.warn_days and warn else None,
            },
        )
    )  # fmt: skip


def is_free(scope: Scope, f: LeadFilter) -> tuple[str, dict[str, Any]]:
    """Leads that have what the method needs, and whom the guard would neither refuse nor warn of at that moment,
    were nothing else to happen until then."""
    method = METHODS[f.free]
    at = read_now() + timedelta(hours=f.free_in or 0)
    limits = get_limits(scope.company_id)
    given = {"company": scope.company_id, "method": method.name}
    busy = find_busy(scope.company_id, method.name, at)
    blocked = db.session.scalars(
        _BLOCKED,
        given | {"by_phone": method.name in SERVES["phone"], "by_email": method.name in SERVES["email"]},
    )
    parts = ["l.status IS DISTINCT FROM 'dnc'", "l.id <> ALL(:not_free)"]
    params: dict[str, Any] = {"not_free": sorted({*busy, *blocked})}
    if method.reaches:
        parts.append(f"coalesce(l.{method.reaches}, '') <> ''")
    if method.name in SERVES["domain"]:
        domains = list(db.session.scalars(_DOMAINS, given))
        if domains:
            hosts = ["nullif(split_part(lower(l.email), '@', 2), '')", HOST_SQL]
            host = f"coalesce({', '.join(hosts if method.name == 'email' else reversed(hosts))})"
            parts.append(
                "NOT EXISTS (SELECT FROM (SELECT string_to_array(" + host + ", '.') AS p) h,"
                " generate_series(1, cardinality(h.p) - 1) n WHERE array_to_string(h.p[n:], '.') = ANY(:blocked_domains))"
            )
            params["blocked_domains"] = domains
    if limits.quiet.for_people:
        zones = db.session.scalars(sa.text("SELECT name FROM pg_timezone_names UNION SELECT 'UTC'"))
        closed = [zone for zone in zones if "/" in zone or zone == "UTC"]
        closed = [zone for zone in closed if next_opening(at, zone, limits.quiet) is not None]
        parts.append("coalesce(l.zone, (SELECT zone FROM companies WHERE id = :company)) <> ALL(:closed)")
        params |= {"closed": closed, "company": scope.company_id}
    return f"({' AND '.join(parts)})", params


def was_contacted_by(scope: Scope, f: LeadFilter) -> tuple[str, dict[str, Any]]:
    """Leads that this person has contacted, ever; a dial that never rang at theirs is none."""
    return (
        "l.id IN (SELECT a.lead_id FROM contact_attempts a WHERE a.company_id = :who_company AND a.user_id = :who AND a.counts"
        " UNION ALL SELECT c.lead_id FROM call_logs c WHERE c.company_id = :who_company AND c.agent_id = :who"
        " AND call_reached(c.call_status, c.disposition))",
        {"who_company": scope.company_id, "who": scope.viewer_id if f.contacted_by == "me" else int(f.contacted_by)},
    )  # fmt: skip


_LAST_WHO = sa.text(
    """
    SELECT l.id, coalesce(u.name, nullif(k.who, '')) AS who FROM unnest(CAST(:ids AS bigint[])) AS l(id)
    CROSS JOIN LATERAL (
      SELECT c.who, c.user_id FROM contacts c WHERE c.lead_id = l.id AND c.company_id = :company AND c.counts
      ORDER BY c.occurred_at DESC, c.id DESC LIMIT 1
    ) k LEFT JOIN users u ON u.id = k.user_id
    """
)


def find_last_who(company_id: int, lead_ids: list[int]) -> dict[int, str]:
    """By lead: who made the last contact of ours."""
    rows = db.session.execute(_LAST_WHO, {"company": company_id, "ids": lead_ids})
    return {row.id: row.who for row in rows if row.who}


column_facts["contacted_by"] = find_last_who
owned_conditions["free"] = is_free
owned_conditions["contacted_by"] = was_contacted_by
