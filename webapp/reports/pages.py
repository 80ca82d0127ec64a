"""Reading much without holding on to it: each page is a transaction of its own, so that no long snapshot
slows down claims and vacuum while a file is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from webapp.core.db import atomic, db

PAGE = 10_000


@atomic
def read_page(query: sa.Select[Any]) -> list[Any]:
    return list(db.session.execute(query).all())


def by_id(query: sa.Select[Any], key: sa.ColumnElement[int], size: int = PAGE) -> Iterator[list[Any]]:
    """Pages of `query`, which selects `key` first, in the order of `key`."""
    last = 0
    while True:
        rows = read_page(query.where(key > last).order_by(key).limit(size))
        if rows:
            yield rows
        if len(rows) < size:
            return
        last = rows[-1][0]
