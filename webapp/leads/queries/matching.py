"""Which leads a filter names: its conditions, its free-text search, and how many there are.

A filter's text conditions are never joined to an ORDER BY on another index: matches are first
taken, capped, into a list of ids (see pages.py for the order).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from webapp.core.db import db
from webapp.core.text import zone_info
from webapp.leads.filters import NO_STATUS, LeadFilter
from webapp.leads.models import BulkAction, LeadList
from webapp.leads.tallies import DIAL_CAP, get_cells

COUNT_CAP = 10_000  # beyond it a count reads "10 000+"
SEARCH_CAP = 1_000
SEARCH_LOOK = 20_000  # matches of the words that other filters are tried on
# What other rooms know of a lead: the conditions and parameters of a filter that they own, by its name.
# Called when the filter is set, with the scope and the filter; the SQL is over `leads l`.
OWNED = ("free", "contacted_by", "dial")
owned_conditions: dict[str, Callable[[Scope, LeadFilter], tuple[str, dict[str, Any]]]] = {}
TALLIED = frozenset(("lists", "status", "problem", "attempts_min", "attempts_max", "answered"))


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose leads, who looks ("me"), and in which zone a day begins. `owned` keeps what other rooms said of a filter: they are
    asked once a page."""

    company_id: int
    viewer_id: int | None
    zone: str = "UTC"
    owned: dict[Any, tuple[str, dict[str, Any]]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, user: Any) -> Scope:
        return cls(user.company_id, user.id, user.zone_name)


@dataclass(frozen=True, slots=True)
class Count:
    """`ids` are all the matches, where they had to be looked up to be counted; None beyond the cap."""

    number: int
    exact: bool
    ids: list[int] | None = None


def get_list_ids(scope: Scope, f: LeadFilter) -> list[int]:
    """The company's lists which the filter names; all of them when it names none."""
    query = sa.select(LeadList.id).where(LeadList.company_id == scope.company_id)
    if f.lists:
        query = query.where(LeadList.id.in_(f.lists))
    return sorted(db.session.scalars(query))


def _day_start(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone_info(zone)).astimezone(UTC)


def conditions(scope: Scope, f: LeadFilter, *, leave: Sequence[str] = ()) -> tuple[list[str], dict[str, Any]]:
    """SQL over `leads l`, row by row, for each active filter that is not in `leave`; and its parameters.

    Company, list, q, batch and skipped are the caller's.
    """
    sql: list[str] = []
    params: dict[str, Any] = {}

    def add(name: str, text: str, **values: Any) -> None:
        if name in f.active and name not in leave:
            sql.append(text)
            params.update(values)

    named = [status for status in f.status if status != NO_STATUS]
    parts = ["l.status = ANY(:statuses)"] if named else []
    parts += ["l.status IS NULL"] if NO_STATUS in f.status else []
    add("status", f"({' OR '.join(parts)})", **({"statuses": named} if named else {}))
    if f.owner == "none":
        add("owner", "l.owner_id IS NULL")
    else:
        add("owner", "l.owner_id = :owner", owner=scope.viewer_id if f.owner == "me" else int(f.owner or 0))
    add("tag", "l.tags @> ARRAY[:tag]::text[]", tag=f.tag)
    add("problem", "l.problem = :problem", problem=f.problem)
    add("attempts_min", "l.dial_attempts >= :attempts_min", attempts_min=f.attempts_min)
    add("attempts_max", "l.dial_attempts <= :attempts_max", attempts_max=f.attempts_max)
    add("answered", "l.answered_count = 0" if f.answered == "no" else "l.answered_count > 0")
    add("not_contacted_days",
        "(l.last_contacted_at IS NULL OR l.last_contacted_at < rebound_now() - :idle * interval '1 day')",
        idle=f.not_contacted_days)  # fmt: skip
    add("method", "l.last_contact_method = :method", method=f.method)
    add("contacts_min", "l.contact_count >= :contacts_min", contacts_min=f.contacts_min)
    add("awaiting",
        "l.last_contacted_at IS NOT NULL AND l.last_contact_method <> 'call'"
        " AND (l.last_response_at IS NULL OR l.last_response_at < l.last_contacted_at)")  # fmt: skip
    if f.follow_up == "due":
        add("follow_up", "l.follow_up_on <= (rebound_now() AT TIME ZONE :zone)::date", zone=scope.zone)
    else:
        add("follow_up", f"l.follow_up_on IS {'NOT ' if f.follow_up == 'set' else ''}NULL")
    for name in OWNED:
        if name in f.active and name not in leave:
            said = (name, f.free, f.free_in, f.contacted_by, f.dial)
            if said not in scope.owned:
                scope.owned[said] = owned_conditions[name](scope, f)
            text, values = scope.owned[said]
            sql.append(text)
            params |= values
    if f.dialed_after:
        add("dialed_after", "l.last_dial_attempt >= :dialed_after", dialed_after=_day_start(f.dialed_after, scope.zone))
    if f.dialed_before:
        add("dialed_before", "l.last_dial_attempt < :dialed_before",
            dialed_before=_day_start(f.dialed_before, scope.zone))  # fmt: skip
    add("country", "lower(l.country) = :country", country=f.country.lower())
    add("state", "lower(l.state) = :state", state=f.state.lower())
    add("imported", "l.import_id = :imported", imported=f.imported)
    add("batch",
        "(EXISTS (SELECT FROM status_changes c WHERE c.batch_id = :batch AND c.subject_id = l.id AND c.machine = 'lead')"
        " OR EXISTS (SELECT FROM lead_changes c WHERE c.batch_id = :batch AND c.lead_id = l.id))",
        batch=f.batch)  # fmt: skip
    if "skipped" in f.active:
        add("skipped", "l.id = ANY(:skipped)", skipped=_skipped_ids(scope, f.skipped))
    return sql, params


def _skipped_ids(scope: Scope, name: str) -> list[int]:
    number, _, reason = name.partition(".")
    counts = db.session.scalar(
        sa.select(BulkAction.counts).where(BulkAction.id == int(number), BulkAction.company_id == scope.company_id)
    )
    found: list[int] = ((counts or {}).get("skipped_ids") or {}).get(reason, [])
    return found


def tag_query(tag: str) -> str:
    """The tsquery text that finds a tag's lexeme in lead_search."""
    quoted = tag[:200].replace("\\", "\\\\").replace("'", "''")
    return f"'#{quoted}'"


_SPLIT = re.compile(r"[@._\-/+:,;()&'\"\s]+")


def search_words(q: str) -> list[str]:
    return [word for word in _SPLIT.split(q) if word][:12]


def search_sql(q: str, params: dict[str, Any], *, in_lists: bool) -> str:
    """SELECT of at most `look` lead ids that match the words, the digits of a phone, or an email."""
    wall = "s.company_id = :company" + (" AND s.list_id = ANY(:lists)" if in_lists else "")
    parts: list[str] = []
    words = search_words(q)
    if words:
        quoted = " & ".join("'{}':*".format(word.replace("\\", "\\\\")) for word in words)
        params["words"] = quoted
        parts.append(f"SELECT s.lead_id FROM lead_search s WHERE s.tsv @@ to_tsquery('simple', :words) AND {wall}")
    digits = re.sub(r"\D", "", q) if re.fullmatch(r"[0-9\s()+.\-/]+", q) else ""
    if 3 <= len(digits) <= 20:
        starts = [digits] if q.strip().startswith("+") else [digits, f"1{digits}"]
        for n, start in enumerate(starts):
            # E.164 has digits only behind the plus: nines end the range in every collation.
            params[f"from{n}"], params[f"to{n}"] = f"+{start}", f"+{start}" + "9" * 15
            parts.append(
                f"SELECT s.lead_id FROM lead_search s WHERE s.phone >= :from{n} AND s.phone <= :to{n} AND {wall}"
            )
        if len(digits) >= 4:
            params["ends"] = digits[::-1] + "%"
            parts.append(f"SELECT s.lead_id FROM lead_search s WHERE s.phone_reversed LIKE :ends AND {wall}")
    if "@" in q:
        params["email"] = q.lower()
        parts.append(f"SELECT s.lead_id FROM lead_search s WHERE s.email = :email AND {wall}")
    if not parts:
        return "SELECT 0::bigint AS lead_id WHERE false"
    return " UNION ".join(f"({part} LIMIT :look)" for part in parts)


def match_sql(scope: Scope, f: LeadFilter, lists: list[int], *, cap: int | None) -> tuple[str, dict[str, Any]]:
    """SELECT of the ids of all matches, in no order."""
    sql, params = conditions(scope, f)
    params |= {"company": scope.company_id}
    where = ["l.company_id = :company", *sql]
    if f.lists:
        where.append("l.list_id = ANY(:lists)")
        params["lists"] = lists
    head = ""
    if f.q:
        others = set(f.active) - {"q", "lists"}
        params["look"] = (SEARCH_LOOK if others else SEARCH_CAP) + 1
        head = f"WITH found AS MATERIALIZED ({search_sql(f.q, params, in_lists=bool(f.lists))}) "
        where.append("l.id IN (SELECT lead_id FROM found)")
        cap = min(cap or SEARCH_CAP, SEARCH_CAP)
    if f.tag:
        where.append("l.id IN (SELECT lead_id FROM lead_search WHERE tsv @@ cast(:tagged AS tsquery))")
        params["tagged"] = tag_query(f.tag)
    if f.batch:
        where.append(
            "l.id IN (SELECT subject_id FROM status_changes WHERE batch_id = :batch AND machine = 'lead'"
            " UNION SELECT lead_id FROM lead_changes WHERE batch_id = :batch)"
        )
    limit = ""
    if cap is not None:
        params["cap"] = cap + 1
        limit = " LIMIT :cap"
    return f"{head}SELECT l.id FROM leads l WHERE {' AND '.join(where)}{limit}", params


def tallied_count(scope: Scope, f: LeadFilter) -> int | None:
    """Exact and at once from the tallies, where the filter says nothing that they do not hold."""
    low, high = f.attempts_min or 0, f.attempts_max
    if not set(f.active) <= TALLIED or low > DIAL_CAP or (high is not None and high >= DIAL_CAP):
        return None
    cells = get_cells(scope.company_id, list_ids=f.lists or None)
    return sum(
        cell.leads
        for cell in cells
        if (not f.status or (cell.status or NO_STATUS) in f.status)
        and (not f.problem or cell.problem == f.problem)
        and (not f.answered or cell.answered == (f.answered == "yes"))
        and low <= cell.dials <= (DIAL_CAP if high is None else high)
    )


def count_matches(scope: Scope, f: LeadFilter, *, cap: int = COUNT_CAP) -> Count:
    """How many leads match: exact from the tallies or up to `cap`, else `cap` and not exact."""
    known = tallied_count(scope, f)
    if known is not None:
        return Count(known, True)
    lists = get_list_ids(scope, f)
    if f.lists and not lists:
        return Count(0, True, [])
    sql, params = match_sql(scope, f, lists, cap=cap)
    ids = list(db.session.scalars(sa.text(sql), params))
    top = min(cap, SEARCH_CAP) if f.q else cap
    return Count(top, False, ids[:top] if f.q else None) if len(ids) > top else Count(len(ids), True, ids)


def count_exactly(scope: Scope, f: LeadFilter) -> int:
    """The number a bulk action acts on; reads every match."""
    known = tallied_count(scope, f)
    if known is not None:
        return known
    lists = get_list_ids(scope, f)
    sql, params = match_sql(scope, f, lists, cap=None)
    return int(db.session.scalar(sa.text(f"SELECT count(*) FROM ({sql}) m"), params) or 0)
