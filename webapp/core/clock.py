"""Two clocks: the database's decides rules, this one stamps what never reaches a rule.

`db_now()` is an SQL expression. The function behind it, `rebound_now()`, is `now()` unless the
setting `rebound.now` is given, which tests use to travel in time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import SessionTransaction

from webapp.core.db import db


def now() -> datetime:
    return datetime.now(UTC)


def db_now() -> sa.ColumnElement[datetime]:
    return sa.func.rebound_now(type_=sa.DateTime(timezone=True))


_moments: WeakKeyDictionary[SessionTransaction, datetime] = WeakKeyDictionary()


def read_now() -> datetime:
    """The database's moment, for what Python decides: that of the transaction in hand, which is asked once."""
    session = db.session()
    known = session.get_transaction()
    if known is not None and known in _moments:
        return _moments[known]
    at: datetime = session.execute(sa.select(db_now())).scalar_one()
    begun = session.get_transaction()
    if begun is not None:
        _moments[begun] = at
    return at
