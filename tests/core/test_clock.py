"""The database's moment: one for each transaction, a new one in the next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from webapp.core.clock import read_now
from webapp.core.db import db as database


def test_a_transaction_has_one_moment_and_the_next_another(db: Any) -> None:
    first = read_now()
    assert read_now() == first
    assert first == database.session.scalar(sa.text("SELECT rebound_now()"))
    database.session.commit()
    second = read_now()
    assert second == database.session.scalar(sa.text("SELECT rebound_now()"))


def test_in_a_savepoint_the_moment_is_that_of_the_whole(db: Any) -> None:
    first = read_now()
    with database.session.begin_nested():
        assert read_now() == first
    assert read_now() == first


def test_a_clock_that_was_moved_is_read(db: Any, set_clock: Any) -> None:
    noon = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)
    set_clock(noon)
    assert read_now() == noon
    set_clock(noon + timedelta(hours=1))
    assert read_now() == noon + timedelta(hours=1)
