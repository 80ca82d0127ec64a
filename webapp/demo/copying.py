"""Rows into tables by COPY, in the transaction of the session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from webapp.core.db import db


def reserve_ids(table: sa.Table, count: int) -> list[int]:
    """Ids of the table's own sequence, taken in one query."""
    return list(
        db.session.scalars(
            sa.text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)"),
            {"name": table.name, "count": count},
        )
    )


def copy_rows(table: sa.Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Statement triggers see all rows at once."""
    connection: Any = db.session.connection().connection.driver_connection
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
