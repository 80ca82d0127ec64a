"""Rows of this process as a table of one statement, whatever their number: `unnest` of one array a column.

The statement's text stays the same for any number of rows, so it is compiled once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.sql.selectable import TableValuedAlias

TYPES: dict[str, Any] = {
    "id": sa.BigInteger, "int": sa.Integer, "text": sa.Text, "time": sa.DateTime(timezone=True), "bool": sa.Boolean,
}  # fmt: skip


def as_table(rows: Iterable[Sequence[Any]], name: str = "given", **columns: str) -> TableValuedAlias:
    """`as_table([(1, "a")], id="id", word="text")`: a FROM element with these columns."""
    lists = list(zip(*rows, strict=True)) or [() for _ in columns]
    arrays = [
        sa.bindparam(None, list(values), pg.ARRAY(TYPES[kind]), unique=True)
        for values, kind in zip(lists, columns.values(), strict=True)
    ]
    casts = [sa.cast(array, pg.ARRAY(TYPES[kind])) for array, kind in zip(arrays, columns.values(), strict=True)]
    shape = [sa.column(column, TYPES[kind]) for column, kind in columns.items()]
    return sa.func.unnest(*casts).table_valued(*shape, name=name).render_derived()


def as_rows(items: Iterable[Mapping[str, Any]], names: Iterable[str]) -> list[tuple[Any, ...]]:
    wanted = tuple(names)
    return [tuple(item[name] for name in wanted) for item in items]
