"""Rows of this process as a table of one statement, whatever their number.

They travel as one JSON text and are unpacked by the database: half the time of an array a column, and the
statement's text stays the same for any number of rows, so it is compiled once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.sql.selectable import TableValuedAlias

TYPES: dict[str, Any] = {
    "id": sa.BigInteger, "int": sa.Integer, "text": sa.Text, "time": sa.DateTime(timezone=True), "bool": sa.Boolean,
}  # fmt: skip


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"cannot send {type(value).__name__}")


def as_table(rows: Iterable[Sequence[Any]], name: str = "given", **columns: str) -> TableValuedAlias:
    """`as_table([(1, "a")], id="id", word="text")`: a FROM element with these columns."""
    names = tuple(columns)
    text = json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=_plain)
    document = sa.cast(sa.bindparam(None, text, sa.Text, unique=True), JSON)
    shape = [sa.column(column, TYPES[kind]) for column, kind in columns.items()]
    return sa.func.json_to_recordset(document).table_valued(*shape, name=name).render_derived(with_types=True)


def as_document(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as one JSON text, for `json_to_recordset` in a Prepared statement."""
    return json.dumps(list(rows), default=_plain)


def as_rows(items: Iterable[Mapping[str, Any]], names: Iterable[str]) -> list[tuple[Any, ...]]:
    wanted = tuple(names)
    return [tuple(item[name] for name in wanted) for item in items]
