"""A chunk of lead rows in a temporary table, judged and written by set-based SQL: no statement per row."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from webapp.core.clock import db_now
from webapp.core.db import db
from webapp.core.states import advance_many
from webapp.dialer.models import Callback
from webapp.imports.cells import storable
from webapp.imports.rules import ParsedLead
from webapp.leads.models import Lead
from webapp.leads.states import LEAD, PROTECTED

TEXTS = (
    "first_name", "last_name", "business", "title", "extension", "website", "linkedin_url", "city", "state", "postal_code",
    "country", "source",
)  # fmt: skip
_COLUMNS = {
    "number": "bigint", "outcome": "text", "reason": "text", "raw": "text[]", "phone": "text", "email": "text",
    "domains": "text[]", **dict.fromkeys(TEXTS, "text"), "zone": "text", "zone_given": "boolean", "status": "text",
    "owner_id": "bigint", "tags": "text[]", "custom": "jsonb",
}  # fmt: skip
PLACES = ("duplicate_in_list", "duplicate_in_campaign", "duplicate_in_company")
REACH = {"list": 1, "campaign": 2, "company": 3}
REFUSED = ("duplicate_in_file", *PLACES, "dnc", "invalid", "missing")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the rows go. `list_id` is None while a new list is only planned; `mode` is skip, fill or update."""

    company_id: int
    list_id: int | None
    campaign_id: int | None
    scope: str
    mode: str
    import_id: int
    fields: frozenset[str] = frozenset()
    batch_id: UUID | None = None
    by: int | None = None
    by_email: bool = False  # rows without a phone are taken
    cause: str = "import"  # of new leads, in the ledger

    @property
    def params(self) -> dict[str, Any]:
        return {
            "company": self.company_id, "list": self.list_id, "campaign": self.campaign_id, "reach": REACH[self.scope],
            "import": self.import_id, "batch": self.batch_id, "by": self.by, "cause": self.cause,
        }  # fmt: skip


def _run(sql: str, **params: Any) -> Any:
    return db.session.execute(sa.text(sql), params)


def _domains(values: dict[str, Any]) -> list[str]:
    """The domains of the address and the website with all their parents."""
    hosts = {values["email"].rpartition("@")[2].lower()} if values.get("email") else set()
    if values.get("website"):
        hosts.add(values["website"].split("/")[2].partition(":")[0].removeprefix("www."))
    found = []
    for host in hosts:
        parts = host.split(".")
        found += [".".join(parts[start:]) for start in range(len(parts) - 1)]
    return found


def stage(rows: Iterable[ParsedLead], *, keep_raw: bool) -> None:
    """Fill the temporary table `staged`; it is gone with the transaction."""
    columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    _run(
        f"CREATE TEMP TABLE staged ({columns}, match_id bigint, place int, match_list text, lead_id bigint, changed jsonb)"
        " ON COMMIT DROP"
    )
    cursor = db.session.connection().connection.cursor()
    with cursor.copy(f"COPY staged ({', '.join(_COLUMNS)}) FROM STDIN") as copy:
        for row in rows:
            v = row.values
            copy.write_row((
                row.number, row.outcome, row.reason, [storable(cell) for cell in row.cells] if keep_raw or row.outcome else None,
                v.get("phone"), v.get("email"), _domains(v) if v else [], *(v.get(name, "") for name in TEXTS), v.get("zone"),
                row.zone_given, v.get("status"), v.get("owner_id"), v.get("tags", []), json.dumps(v.get("custom", {})),
            ))  # fmt: skip


def judge(target: Target, touched: set[int]) -> None:
    """Give every staged row its outcome. `touched` holds the leads that earlier chunks update; it grows."""
    _run("UPDATE staged SET outcome = NULL WHERE outcome = ''")
    _judge_dnc(target)
    for key, guard in (("phone", "o.phone IS NOT NULL"), ("email", "o.phone IS NULL AND o.email IS NOT NULL")):
        _find_matches(target, key, guard)
    if target.mode == "skip":
        _run(
            "UPDATE staged SET outcome = (ARRAY['duplicate_in_list', 'duplicate_in_campaign', 'duplicate_in_company'])[place],"
            " reason = 'same ' || CASE WHEN phone IS NULL THEN 'email' ELSE 'phone' END || ' as a lead of ' || match_list"
            " WHERE outcome IS NULL AND match_id IS NOT NULL"
        )
    else:
        _judge_updates(touched if target.by_email else None)
    _run("UPDATE staged SET outcome = 'new' WHERE outcome IS NULL")


def _judge_dnc(target: Target) -> None:
    _run(
        """
        WITH hits AS (
          SELECT s.number, d.kind, d.reason FROM staged s JOIN dnc_entries d
            ON d.company_id = :company AND d.kind = 'phone' AND d.value = s.phone AND d.lifted_at IS NULL AND d.method IS NULL
          UNION ALL
          SELECT s.number, d.kind, d.reason FROM staged s JOIN dnc_entries d
            ON d.company_id = :company AND d.kind = 'email' AND d.value = lower(s.email) AND d.lifted_at IS NULL AND d.method IS NULL
          UNION ALL
          SELECT s.number, d.kind, d.reason FROM staged s CROSS JOIN LATERAL unnest(s.domains) AS own(domain) JOIN dnc_entries d
            ON d.company_id = :company AND d.kind = 'domain' AND d.value = own.domain AND d.lifted_at IS NULL AND d.method IS NULL
        ), one AS (SELECT DISTINCT ON (number) * FROM hits ORDER BY number, kind DESC)
        UPDATE staged s SET outcome = 'dnc',
          reason = 'its ' || one.kind || ' is on the do-not-contact list' || coalesce(': ' || nullif(one.reason, ''), '')
        FROM one WHERE one.number = s.number AND (s.outcome IS NULL OR s.outcome = 'duplicate_in_file')
        """,
        company=target.company_id,
    )


def _find_matches(target: Target, key: str, guard: str) -> None:
    """The nearest lead with the same phone or email. One index probe a row, whatever the statistics say of a
    table that this import is filling."""
    _run(
        f"""
        UPDATE staged s SET match_id = found.lead_id, place = found.place, match_list = found.name
        FROM staged o CROSS JOIN LATERAL (
          SELECT ls.lead_id, ll.name, CASE WHEN ls.list_id = CAST(:list AS bigint) THEN 1
                 WHEN ll.dial_campaign_id = CAST(:campaign AS bigint) THEN 2 ELSE 3 END AS place
          FROM lead_search ls JOIN lead_lists ll ON ll.id = ls.list_id
          WHERE ls.company_id = :company AND ls.{key} = {"o.phone" if key == "phone" else "lower(o.email)"}
          ORDER BY place, ls.lead_id LIMIT 1
        ) AS found
        WHERE s.ctid = o.ctid AND o.outcome IS NULL AND {guard} AND found.place <= :reach
        """,
        company=target.company_id, list=target.list_id, campaign=target.campaign_id, reach=REACH[target.scope],
    )  # fmt: skip


def _judge_updates(touched: set[int] | None) -> None:
    """One update per lead and file: a second row that means the same lead is a duplicate."""
    _run(
        """
        UPDATE staged s SET outcome = CASE WHEN x.first = s.number THEN 'update' ELSE 'duplicate_in_file' END,
          reason = CASE WHEN x.first = s.number THEN s.reason ELSE 'same lead as line ' || x.first END
        FROM (SELECT number, min(number) OVER (PARTITION BY match_id) AS first FROM staged
              WHERE outcome IS NULL AND match_id IS NOT NULL) x
        WHERE x.number = s.number
        """
    )
    if touched is None:
        return
    by_email = _run("SELECT number, match_id FROM staged WHERE outcome = 'update' AND phone IS NULL").all()
    again = [row.number for row in by_email if row.match_id in touched]
    if again:
        _run(
            "UPDATE staged SET outcome = 'duplicate_in_file', reason = 'same lead as an earlier line' WHERE number = ANY(:again)",
            again=again,
        )
    touched.update(_run("SELECT match_id FROM staged WHERE outcome = 'update'").scalars())


def count_outcomes() -> dict[str, int]:
    return {row.outcome: row.n for row in _run("SELECT outcome, count(*) AS n FROM staged GROUP BY outcome")}


def pick_samples(wanted: int) -> dict[str, list[dict[str, Any]]]:
    """The first rows of each outcome."""
    rows = _run(
        """
        SELECT * FROM (
          SELECT number, outcome, reason, raw, phone, email, first_name, last_name, business, city, state, zone, status, match_id,
                 row_number() OVER (PARTITION BY outcome ORDER BY number) AS nth FROM staged) x
        WHERE nth <= :wanted ORDER BY number
        """,
        wanted=wanted,
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        said = row.raw if row.outcome in ("invalid", "missing") or not (row.phone or row.email) else None
        found.setdefault(row.outcome, []).append({
            "line": row.number, "reason": row.reason, "lead_id": row.match_id, "phone": row.phone, "email": row.email,
            "name": f"{row.first_name or ''} {row.last_name or ''}".strip(), "business": row.business or "", "zone": row.zone,
            "place": ", ".join(part for part in (row.city, row.state) if part), "status": row.status,
            "cells": [cell[:60] for cell in said[:8]] if said else None,
        })  # fmt: skip
    return found


def write_new(target: Target) -> None:
    """Make the leads, and in the same statement their first line in the ledger."""
    _run("UPDATE staged SET lead_id = nextval(pg_get_serial_sequence('leads', 'id')) WHERE outcome = 'new'")
    texts = ", ".join(TEXTS)
    _run(
        f"""
        WITH made AS (
          INSERT INTO leads (id, company_id, list_id, import_id, phone, email, {texts}, zone, owner_id, tags, custom,
                             status, anchor_status)
          SELECT lead_id, :company, :list, :import, phone, email, {texts}, zone, owner_id, tags, custom,
                 coalesce(status, '{LEAD.initial}'), coalesce(status, '{LEAD.initial}')
          FROM staged WHERE outcome = 'new' ORDER BY number
          RETURNING id, status
        )
        INSERT INTO status_changes (company_id, machine, subject_id, old_status, new_status, cause, evidence_id, batch_id, user_id)
        SELECT :company, '{LEAD.name}', id, NULL, status, :cause, :import, :batch, :by FROM made ORDER BY id
        """,
        **{name: value for name, value in target.params.items() if name not in ("campaign", "reach")},
    )


def write_rows(target: Target) -> None:
    _run(
        """
        INSERT INTO import_rows (import_id, number, outcome, reason, lead_id, raw, before)
        SELECT :import, number, outcome, coalesce(reason, ''), coalesce(lead_id, match_id),
               CASE WHEN outcome IN ('new', 'update') THEN NULL ELSE raw END, changed FROM staged
        """,
        **{"import": target.import_id},
    )


_staged = sa.table(
    "staged", sa.column("number", sa.BigInteger), sa.column("outcome", sa.Text), sa.column("match_id", sa.BigInteger),
    sa.column("status", sa.Text), sa.column("reason", sa.Text),
)  # fmt: skip


def write_updates(target: Target) -> None:
    """Change the facts of leads that are there already, with their old values kept for undo; then the statuses."""
    if target.mode == "skip" or not _run("SELECT 1 FROM staged WHERE outcome = 'update' LIMIT 1").first():
        return
    _run(
        "SELECT id FROM leads WHERE id IN (SELECT match_id FROM staged WHERE outcome = 'update') ORDER BY id FOR UPDATE"
    )
    wanted = _new_values(target)
    if wanted:
        _write_facts(target, wanted)
    if "status" in target.fields:
        _write_statuses(target)


def _new_values(target: Target) -> dict[str, str]:
    """Column -> SQL of the value it gets, of the staged row `s` and the lead `l`; only what the file maps."""
    fill, fields = target.mode == "fill", target.fields
    found = {}
    people = {"full_name": ("first_name", "last_name")}
    mapped = {name for field in fields for name in people.get(field, (field,))} | (
        {"extension"} if "phone" in fields else set()
    )
    for name in TEXTS:
        if name in mapped:
            test = f"s.{name} <> ''" + (f" AND l.{name} = ''" if fill else "")
            found[name] = f"CASE WHEN {test} THEN s.{name} ELSE l.{name} END"
    for name in ("phone", "email", "owner_id"):
        if name.removesuffix("_id") in mapped:
            found[name] = (
                f"coalesce(l.{name}, s.{name})" if fill or name == "phone" else f"coalesce(s.{name}, l.{name})"
            )
    if {"zone", "phone", "postal_code"} & mapped:
        found["zone"] = (
            "coalesce(l.zone, s.zone)"
            if fill
            else "CASE WHEN s.zone_given THEN s.zone ELSE coalesce(l.zone, s.zone) END"
        )
    if "tags" in mapped:
        # Tags are added, never taken away.
        found["tags"] = (
            "l.tags || ARRAY(SELECT t FROM unnest(s.tags) AS t WHERE lower(t) <> ALL (SELECT lower(o) FROM unnest(l.tags) AS o))"
        )
    if any(name.startswith("custom:") for name in fields):
        found["custom"] = "s.custom || l.custom" if fill else "l.custom || s.custom"
    return found


def _write_facts(target: Target, wanted: dict[str, str]) -> None:
    new = ", ".join(f"{sql} AS {name}" for name, sql in wanted.items())
    pairs = ", ".join(f"('{name}', to_jsonb(l.{name}), to_jsonb(n.{name}))" for name in wanted)
    sets = ", ".join(f"{name} = w.{name}" for name in wanted)
    _run(
        f"""
        WITH want AS MATERIALIZED (
          SELECT s.number, l.id, n.*, d.was, d.becomes
          FROM staged s JOIN leads l ON l.id = s.match_id
          CROSS JOIN LATERAL (SELECT {new}) n
          CROSS JOIN LATERAL (SELECT jsonb_object_agg(k, a) AS was, jsonb_object_agg(k, b) AS becomes
                              FROM (VALUES {pairs}) AS v(k, a, b) WHERE a IS DISTINCT FROM b) d
          WHERE s.outcome = 'update'
        ), changed AS (
          UPDATE leads l SET {sets}, version = l.version + 1 FROM want w WHERE w.id = l.id AND w.was IS NOT NULL
        ), noted AS (
          INSERT INTO lead_changes (company_id, lead_id, user_id, cause, batch_id, before, after)
          SELECT :company, id, :by, 'import', :batch, was, becomes FROM want WHERE was IS NOT NULL
        )
        UPDATE staged s SET changed = jsonb_build_object('before', w.was, 'after', w.becomes)
        FROM want w WHERE w.number = s.number AND w.was IS NOT NULL
        """,
        company=target.company_id, by=target.by, batch=target.batch_id,
    )  # fmt: skip


def _write_statuses(target: Target) -> None:
    lead, s = Lead.__table__, _staged
    held = sa.exists().where(Callback.lead_id == lead.c.id, Callback.state != "closed")
    differs = sa.and_(s.c.outcome == "update", s.c.status.is_not(None), lead.c.status.is_distinct_from(s.c.status))
    if target.mode == "fill":
        differs = sa.and_(differs, lead.c.status.is_(None))
    kept = sa.or_(lead.c.status.in_(PROTECTED), held)
    db.session.execute(
        sa.update(s).where(s.c.match_id == lead.c.id, differs, sa.func.coalesce(kept, sa.false()))
        .values(reason="its status was kept: it is protected, or a callback is due")
    )  # fmt: skip
    picks = (
        sa.select(
            lead.c.id, lead.c.company_id, lead.c.status.label("seen"), s.c.status.label("to_status"),
            sa.literal(target.import_id).label("evidence_id"), lead.c.last_status_change.label("old_last_status_change"),
            lead.c.anchor_status.label("old_anchor_status"), lead.c.anchor_at.label("old_anchor_at"),
        )
        .join_from(lead, s, s.c.match_id == lead.c.id)
        .where(differs, sa.not_(sa.func.coalesce(kept, sa.false())))
        .with_for_update(of=lead)
    )  # fmt: skip
    db.session.execute(
        advance_many(
            picks, machine=LEAD, table=lead, by=target.by, cause="import", batch_id=target.batch_id,
            values={"last_status_change": db_now(), "anchor_status": "to_status", "anchor_at": db_now(),
                    "version": lead.c.version + 1},
            before=("last_status_change", "anchor_status", "anchor_at"),
        )
    )  # fmt: skip
