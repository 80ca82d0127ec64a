"""The leads of a filter as CSV, in the import's own columns: COPY by key pages, never one long snapshot.

A spreadsheet runs cells that begin with = + - @ and the like: text columns get an apostrophe before
those, which the import takes off again. Phones, numbers and times are typed and stay as they are.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from webapp.accounts.models import User
from webapp.core.audit import record_event
from webapp.core.db import atomic, db
from webapp.leads.filters import LeadFilter
from webapp.leads.queries.matching import Scope, count_matches, get_list_ids, match_sql

log = structlog.get_logger(__name__)

PAGE = 20_000
BLOCK = 64 * 1024
BOM = b"\xef\xbb\xbf"
MAX_CUSTOM = 50


def _guarded(expression: str) -> str:
    # The first character's code settles nearly every cell; the pattern alone would halve the rows a second.
    dangerous = "9, 10, 13, 32, 43, 45, 61, 64, 65291, 65293, 65309, 65312"
    return (
        f"CASE WHEN ascii({expression}) NOT IN ({dangerous}) THEN {expression}"
        f" WHEN {expression} ~ '^ *[=+@\\t\\r\\n＝＋－＠-]' THEN '''' || {expression} ELSE {expression} END"
    )


# Times go out as PostgreSQL writes them, in UTC with their offset: formatting them would cost half of the whole export.
# Header -> SQL over leads l, its list and its owner. The first ones are the import's fields.
COLUMNS: dict[str, str] = {
    "first_name": _guarded("l.first_name"), "last_name": _guarded("l.last_name"), "business": _guarded("l.business"),
    "title": _guarded("l.title"), "phone": "l.phone", "extension": _guarded("l.extension"), "email": _guarded("l.email"),
    "website": _guarded("l.website"), "linkedin_url": _guarded("l.linkedin_url"), "city": _guarded("l.city"),
    "state": _guarded("l.state"), "postal_code": _guarded("l.postal_code"), "country": _guarded("l.country"),
    "zone": "l.zone", "source": _guarded("l.source"), "tags": _guarded("array_to_string(l.tags, ', ')"),
    "status": "l.status", "owner": _guarded("u.email"),
    "lead_id": "l.id", "list": _guarded("i.name"), "dial_attempts": "l.dial_attempts",
    "answered_count": "l.answered_count", "last_dial_attempt": "l.last_dial_attempt",
    "dial_result": "l.dial_result", "last_status_change": "l.last_status_change",
    "last_contacted_at": "l.last_contacted_at", "created_at": "l.created_at",
}  # fmt: skip


def stream_csv(
    company_id: int, f: LeadFilter, *, viewer_id: int | None = None, zone: str = "UTC", ids: list[int] | None = None
) -> Iterator[bytes]:
    """The file in blocks, header first; with `ids` those leads of the company instead of the filter's.

    Needs the app context only for the first block. Each page is a transaction of its own.
    """
    scope = Scope(company_id, viewer_id, zone)
    if ids is None:
        ids = count_matches(scope, f).ids
        lists = get_list_ids(scope, f)
    engine = db.engine
    match, values = (
        (
            "SELECT l.id FROM leads l WHERE l.company_id = :company AND l.id = ANY(:ids)",
            {"company": company_id, "ids": ids},
        )
        if ids is not None
        else match_sql(scope, f, lists, cap=None)
    )
    custom = _custom_keys(company_id)
    return _blocks(engine, match, values, custom)


def _blocks(engine: sa.Engine, match: str, values: dict[str, Any], custom: list[str]) -> Iterator[bytes]:
    shown = [*COLUMNS.values(), *(_guarded(f"(l.custom->>{_literal(key)})") for key in custom)]
    yield BOM + _header([*COLUMNS, *(f"custom:{key}" if key in COLUMNS else key for key in custom)])
    position = 0
    while True:
        with engine.connect() as connection:
            last = connection.execute(
                sa.text(
                    f"SELECT max(id) FROM (SELECT id FROM ({match}) m WHERE id > :position ORDER BY id LIMIT :page) p"
                ),
                values | {"position": position, "page": PAGE},
            ).scalar()
            if last is None:
                break
            query = (
                f"SELECT {', '.join(shown)} FROM ({match}) m JOIN leads l ON l.id = m.id"
                " JOIN lead_lists i ON i.id = l.list_id LEFT JOIN users u ON u.id = l.owner_id"
                " WHERE m.id > :position AND m.id <= :last ORDER BY m.id"
            )
            yield from _copy(connection, query, values | {"position": position, "last": last})
        position = last


def _copy(connection: Connection, query: str, values: dict[str, Any]) -> Iterator[bytes]:
    compiled = sa.text(query).bindparams(**values).compile(dialect=connection.dialect)
    raw = connection.connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor, cursor.copy(f"COPY ({compiled}) TO STDOUT (FORMAT csv)", compiled.params) as copy:
        held = bytearray()
        for row in copy:
            held += row
            if len(held) >= BLOCK:
                yield bytes(held)
                held.clear()
    yield bytes(held)


def _literal(key: str) -> str:
    # A colon would be a parameter to SQLAlchemy, a percent sign one to the driver.
    return "'" + key.replace("'", "''").replace("\\", "\\\\").replace(":", "\\:") + "'"


def _header(names: list[str]) -> bytes:
    cells = []
    for name in names:
        safe = (
            "'" + name
            if name.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
            else name
        )
        cells.append('"' + safe.replace('"', '""') + '"' if any(c in safe for c in ',"\r\n') else safe)
    return ",".join(cells).encode() + b"\n"


def _custom_keys(company_id: int) -> list[str]:
    """Names of the company's own fields; those of every list, so that two exports fit together."""
    return list(
        db.session.scalars(
            sa.text(
                "SELECT DISTINCT k FROM leads l, jsonb_object_keys(l.custom) AS k"
                " WHERE l.company_id = :company AND l.custom <> '{}' ORDER BY k LIMIT :most"
            ),
            {"company": company_id, "most": MAX_CUSTOM},
        )
    )


@atomic
def record_export(f: LeadFilter, *, by: User, ids: list[int] | None = None) -> None:
    chosen = f"{len(ids)} chosen" if ids is not None else f.query_string() or "all"
    record_event(
        "data_export", f"Exported leads as CSV ({chosen})"[:300], by=by, filter=f.query_string(), ids=len(ids or [])
    )


def logged(blocks: Iterator[bytes], **facts: Any) -> Iterator[bytes]:
    """The same blocks, with a log line at the start and at the end."""
    log.info("data_export", **facts)
    start, size = time.monotonic(), 0
    for block in blocks:
        size += len(block)
        yield block
    log.info("data_export_complete", bytes=size, seconds=round(time.monotonic() - start, 2), **facts)
