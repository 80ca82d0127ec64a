"""Pages of leads by keyset: flat from the first page to the last, whatever the number of rows.

Each sort walks an index that begins with the list, one probe a list, merged. Filters which that index
does not hold are tried on a bounded stretch of it; where the stretch is not enough, one pass over the
matches sorts them (about 0.2 s at a million, and rare). Few matches are sorted by themselves.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from webapp.core.db import db
from webapp.leads.filters import MAX_ID, NO_STATUS, LeadFilter
from webapp.leads.models import Lead
from webapp.leads.queries.matching import COUNT_CAP, Count, Scope, conditions, count_matches, get_list_ids

PAGE = 50
STRETCH = 20_000  # index entries of one list that filters are tried on


@dataclass(frozen=True, slots=True)
class Key:
    """Where a page ends: the sort column's value (None: nothing there) and the lead's id."""

    id: int
    value: Any = None

    def encode(self) -> str:
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return base64.urlsafe_b64encode(json.dumps([self.id, value]).encode()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class _Sort:
    column: str | None  # None: the id alone
    index: str  # leads, search
    nulls_low: bool = False


_SORTS = {
    "newest": _Sort(None, "search"),
    "name": _Sort("name_key", "search"),
    "dialed": _Sort("last_dial_attempt", "leads", nulls_low=True),
    "status": _Sort("status", "leads"),
    "contacted": _Sort("last_contacted_at", "leads", nulls_low=True),
}


_TIMES = ("dialed", "contacted")
# What other rooms tell about the leads of one page: by column, from (company id, lead ids), by lead.
column_facts: dict[str, Callable[[int, list[int]], dict[int, Any]]] = {}


def parse_key(text: str | None, sort: str) -> Key | None:
    """None for nothing or nonsense."""
    if not text or len(text) > 2000:
        return None
    try:
        made = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        row_id, value = made
        if isinstance(row_id, bool) or not isinstance(row_id, int) or not 0 < row_id <= MAX_ID:
            return None
        if value is not None and (not isinstance(value, str) or "\x00" in value or sort == "newest"):
            return None
        if value is None and sort == "name":
            return None
        if sort in _TIMES and value is not None:
            value = datetime.fromisoformat(value)
            if value.tzinfo is None:
                return None
        if isinstance(value, str):
            value.encode()
    except (ValueError, TypeError, binascii.Error, RecursionError):
        return None
    return Key(row_id, value)


@dataclass(frozen=True, slots=True)
class Page:
    leads: list[Lead]
    count: Count
    next: Key | None
    previous: Key | None


def find_page(
    scope: Scope, f: LeadFilter, *, after: Key | None = None, before: Key | None = None, size: int = PAGE,
    count: Count | None = None,
) -> Page:  # fmt: skip
    count = count or count_matches(scope, f)
    rows = find_keys(scope, f, count, key=before or after, backward=before is not None, size=size + 1)
    more, rows = len(rows) > size, rows[:size]
    if before is not None:
        rows.reverse()
    if not rows:
        return Page([], count, None, None)
    earlier = more if before is not None else after is not None
    later = True if before is not None else more
    return Page(
        load_leads(scope, [key.id for key in rows]), count, rows[-1] if later else None, rows[0] if earlier else None
    )


def load_leads(scope: Scope, ids: list[int]) -> list[Lead]:
    """These leads of the company, in this order."""
    found = db.session.scalars(sa.select(Lead).where(Lead.company_id == scope.company_id, Lead.id.in_(ids)))
    by_id = {lead.id: lead for lead in found}
    return [by_id[row_id] for row_id in ids if row_id in by_id]


def find_keys(scope: Scope, f: LeadFilter, count: Count, *, key: Key | None, backward: bool, size: int) -> list[Key]:
    """The next `size` keys beyond `key` in walking direction."""
    sort, falling = _SORTS[f.sort_key], f.falling != backward
    if count.ids is not None:
        found = _sorted(sort, falling, key, size, "l.id = ANY(:ids) AND l.company_id = :company",
                        {"ids": count.ids, "company": scope.company_id})  # fmt: skip
    else:
        lists = get_list_ids(scope, f)
        if not lists:
            return []
        walked = _walk(scope, f, sort, falling, key, size, lists, few=count.exact and count.number <= COUNT_CAP)
        found = _pass(scope, f, sort, falling, key, size, lists) if walked is None else walked
    return [Key(row.id, row.k) for row in found]


def find_key(scope: Scope, lead: Lead, sort: str) -> Key:
    """Where this lead stands in the order now."""
    if sort == "name":
        name = db.session.scalar(sa.text("SELECT name_key FROM lead_search WHERE lead_id = :id"), {"id": lead.id})
        return Key(lead.id, name or "")
    column = _SORTS[sort].column
    return Key(lead.id, getattr(lead, column) if column else None)


# --- the SQL -----------------------------------------------------------------------------------------


def _order(sort: _Sort, falling: bool, k: str, row_id: str) -> str:
    way = "DESC" if falling else "ASC"
    nulls = "LAST" if sort.nulls_low == falling else "FIRST"
    return f"{k} {way} NULLS {nulls}, {row_id} {way}" if sort.column else f"{row_id} {way}"


def _segments(sort: _Sort, falling: bool, key: Key | None, k: str, row_id: str) -> list[str]:
    """Conditions, in walking order, that each are one range of the index."""
    op = "<" if falling else ">"
    if key is None:
        return ["true"]
    if sort.column is None:
        return [f"{row_id} {op} :key_id"]
    if sort.column == "name_key":
        return [f"({k}, {row_id}) {op} (:key, :key_id)"]
    nulls_after = sort.nulls_low == falling
    if key.value is None:
        here = f"{k} IS NULL AND {row_id} {op} :key_id"
        return [here] if nulls_after else [here, f"{k} IS NOT NULL"]
    here = f"({k}, {row_id}) {op} (:key, :key_id)"
    return [here, f"{k} IS NULL"] if nulls_after else [here]


def _never_or_before(ranges: list[str], falling: bool, k: str) -> list[str]:
    """The ranges cut to what lies so many days back or never was: an OR would be no range."""
    before = f"{k} < rebound_now() - :idle * interval '1 day'"
    if ranges == ["true"]:
        return [before, f"{k} IS NULL"] if falling else [f"{k} IS NULL", before]
    return [part if f"{k} IS NULL" in part else f"{part} AND {before}" for part in ranges]


def _key_params(sort: _Sort, key: Key | None) -> dict[str, Any]:
    if key is None:
        return {}
    found: dict[str, Any] = {"key_id": key.id}
    if sort.column is not None and key.value is not None:
        found["key"] = key.value
    return found


def _sorted(sort: _Sort, falling: bool, key: Key | None, size: int, where: str, params: dict[str, Any]) -> Any:
    """Sort what matches; the order is of expressions, so that no index is walked for it."""
    join = " JOIN lead_search s ON s.lead_id = l.id" if sort.column == "name_key" else ""
    k = "s.name_key" if sort.column == "name_key" else f"l.{sort.column}" if sort.column else "NULL::text"
    plain = "NULL::text" if not sort.column else f"({k} + interval '0')" if sort.nulls_low else f"({k} || '')"
    cut = " OR ".join(f"({part})" for part in _segments(sort, falling, key, k, "l.id"))
    return db.session.execute(
        sa.text(
            f"SELECT l.id, {k} AS k FROM leads l{join} WHERE {where} AND ({cut})"
            f" ORDER BY {_order(sort, falling, plain, '(l.id + 0)')} LIMIT :size"
        ),
        params | _key_params(sort, key) | {"size": size},
    ).all()


def _pass(scope: Scope, f: LeadFilter, sort: _Sort, falling: bool, key: Key | None, size: int, lists: list[int]) -> Any:
    sql, params = conditions(scope, f)
    where = ["l.company_id = :company", *sql]
    params["company"] = scope.company_id
    if f.lists:
        where.append("l.list_id = ANY(:lists)")
        params["lists"] = lists
    return _sorted(sort, falling, key, size, " AND ".join(where), params)


def _walk(
    scope: Scope, f: LeadFilter, sort: _Sort, falling: bool, key: Key | None, size: int, lists: list[int], *, few: bool
) -> Any:
    """Rows by one index; None when its stretch did not show enough, or few matches are cheaper sorted."""
    way = "DESC" if falling else "ASC"
    params: dict[str, Any] = {"lists": lists, "size": size} | _key_params(sort, key)
    each, held, extra = "unnest(cast(:lists AS bigint[])) AS v(list_id)", {"lists"}, "true"
    if sort.column is None and f.problem:
        # Both bounds and the list in the order: only the index of the list can give it, never the whole key.
        source, row_id, k = "leads t", "t.id", "NULL::text"
        cond, order, held = (
            "t.list_id >= v.list_id AND t.list_id <= v.list_id AND t.problem = :problem",
            f"t.list_id {way}, t.id {way}",
            held | {"problem"},
        )
        params["problem"] = f.problem
    elif sort.column is None and f.status:
        source, row_id, k = "leads t", "t.id", "NULL::text"
        each = f"({each} CROSS JOIN unnest(cast(:wanted AS text[])) AS w(status))"
        cond, order, held = (
            "t.list_id = v.list_id AND t.status >= w.status AND t.status <= w.status",
            f"t.status {way}, t.id {way}",
            held | {"status"},
        )
        params["wanted"] = [status for status in f.status if status != NO_STATUS]
    elif sort.index == "search":
        source, row_id = "lead_search t", "t.lead_id"
        k = f"t.{sort.column}" if sort.column else "NULL::text"
        cond = "t.list_id >= v.list_id AND t.list_id <= v.list_id"
        order = (
            f"t.list_id {way}, t.name_key {way}, t.lead_id {way}"
            if sort.column
            else f"t.list_id {way}, t.lead_id {way}"
        )
    else:
        source, row_id, k = "leads t", "t.id", f"t.{sort.column}"
        cond, order = "t.list_id = v.list_id", _order(sort, falling, f"t.{sort.column}", "t.id")
        held |= _HELD[sort.column or ""]
        bounds, values = conditions(scope, f, leave=tuple(set(f.active) - held | {"not_contacted_days"}))
        if bounds:
            extra, params = " AND ".join(bounds).replace("l.", "t."), params | values
    rest, values = conditions(scope, f, leave=tuple(held))
    if rest and few:
        return None
    params |= values
    ranges = _segments(sort, falling, key, k, row_id)
    if "not_contacted_days" in held and f.not_contacted_days is not None:
        params["idle"] = f.not_contacted_days
        ranges = _never_or_before(ranges, falling, k)
    inner = [_stretch(source, row_id, k, f"{cond} AND {extra} AND {part}", order, rest, params) for part in ranges]
    if sort.column is None and f.status and not f.problem and NO_STATUS in f.status:
        bare = "t.list_id >= v.list_id AND t.list_id <= v.list_id AND t.status IS NULL"
        lone = [
            _stretch(source, row_id, k, f"{bare} AND {part}", f"t.list_id {way}, t.id {way}", rest, params)
            for part in _segments(sort, falling, key, k, row_id)
        ]
        branches = [(each, inner), ("unnest(cast(:lists AS bigint[])) AS v(list_id)", lone)]
    else:
        branches = [(each, inner)]
    union = " UNION ALL ".join(
        f"SELECT x.id, x.k, x.beyond FROM {table} CROSS JOIN LATERAL ({' UNION ALL '.join(parts)}) x"
        for table, parts in branches
    )
    found = db.session.execute(
        sa.text(f"SELECT id, k, beyond FROM ({union}) u ORDER BY {_order(sort, falling, 'k', 'id')} LIMIT :size"),
        params,
    ).all()
    return None if any(row.beyond for row in found) else found


# Filters that are a range of the sort's own index.
_HELD: dict[str, set[str]] = {
    "status": {"status"}, "last_dial_attempt": {"dialed_after", "dialed_before"}, "last_contacted_at": {"not_contacted_days"},
}  # fmt: skip


def _stretch(source: str, row_id: str, k: str, where: str, order: str, rest: list[str], params: dict[str, Any]) -> str:
    if not rest:
        return f"(SELECT {row_id} AS id, {k} AS k, false AS beyond FROM {source} WHERE {where} ORDER BY {order} LIMIT :size)"
    params["stretch"] = STRETCH
    columns = [part.split(" ", 1) for part in order.split(", ")]
    named = ", ".join(f"{column} AS o{n}" for n, (column, _) in enumerate(columns))
    again = ", ".join(f"c.o{n} {way}" for n, (_, way) in enumerate(columns))
    # The entry after the stretch stands for all that was not tried: if it comes up, the answer is not known.
    # A scalar subquery is one look per entry; EXISTS would be hashed over the whole table.
    return (
        f"(SELECT c.id, c.k, c.n > :stretch AS beyond FROM (SELECT {row_id} AS id, {k} AS k, {named},"
        f" row_number() OVER (ORDER BY {order}) AS n FROM {source} WHERE {where} ORDER BY {order} LIMIT :stretch + 1) c"
        f" WHERE c.n > :stretch OR (SELECT true FROM leads l WHERE l.id = c.id AND {' AND '.join(rest)})"
        f" ORDER BY {again} LIMIT :size)"
    )
