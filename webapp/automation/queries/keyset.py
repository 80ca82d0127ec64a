"""Pages of a table by the key of its first or last row: the cursor is that row's id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from webapp.core.db import db

SIZE = 50
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """The page after, or before, the row of this id; with neither the first."""

    after: int | None = None
    before: int | None = None

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Cursor:
        return cls(_id(given.get("after", "")), _id(given.get("before", "")))


def _id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) <= MAX_ID else None


@dataclass(frozen=True, slots=True)
class Page:
    """`prev` and `next` are ids for the cursors, None where there is nothing."""

    rows: list[Any]
    prev: int | None
    next: int | None


def fetch(
    select: str, source: str, where: str, params: dict[str, Any], *, key: str, row_id: str, falling: bool, cursor: Cursor, size: int = SIZE
) -> Page:  # fmt: skip
    """Rows of `SELECT <select>, <row_id> AS id FROM <source> WHERE <where>` in the order of `key`, then id.

    A cursor whose row is gone gives the first page.
    """
    backward = cursor.after is None and cursor.before is not None
    anchor = cursor.before if backward else cursor.after
    at = None
    if anchor is not None:
        at = db.session.execute(
            sa.text(f"SELECT {key} AS k FROM {source} WHERE {row_id} = :anchor AND ({where})"), params | {"anchor": anchor}
        ).first()  # fmt: skip
    down = falling != backward
    cut, values = "true", dict(params)
    if at is not None:
        cut = f"({key}, {row_id}) {'<' if down else '>'} (:at, :anchor)"
        values |= {"at": at.k, "anchor": anchor}
    way = "DESC" if down else "ASC"
    rows = db.session.execute(
        sa.text(
            f"SELECT {select}, {row_id} AS id FROM {source} WHERE ({where}) AND {cut} ORDER BY {key} {way}, {row_id} {way} LIMIT :size"
        ),
        values | {"size": size + 1},
    ).all()
    more = len(rows) > size
    shown = list(rows[:size])
    if backward and at is not None:
        shown.reverse()
        return Page(shown, shown[0].id if more and shown else None, shown[-1].id if shown else None)
    return Page(shown, shown[0].id if at is not None and shown else None, shown[-1].id if more else None)
