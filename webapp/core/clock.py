"""Two clocks: the database's decides rules, this one stamps what never reaches a rule.

`db_now()` is an SQL expression. The function behind it, `rebound_now()`, is `now()` unless the
setting `rebound.now` is given, which tests use to travel in time.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from webapp.core.db import db


def now() -> datetime:
    return datetime.now(UTC)


def db_now() -> sa.ColumnElement[datetime]:
    return sa.func.rebound_now(type_=sa.DateTime(timezone=True))


def read_now() -> datetime:
    """The database's moment, for what Python decides: of the transaction in hand."""
    at: datetime = db.session.execute(sa.select(db_now())).scalar_one()
    return at
