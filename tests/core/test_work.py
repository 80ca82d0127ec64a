"""Rows with progress: claimed once, fenced, given back when their worker dies, and truthful when they end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_company
from webapp.core.db import atomic
from webapp.core.db import db as database
from webapp.core.work import MAX_LOST, LeaseLost, WorkError, claim, keep_alive, request_cancel, rest, running, sweep
from webapp.recycling.models import Repair
from webapp.recycling.repair import start_repair


@pytest.fixture
def row(db: Any) -> Repair:
    return start_repair(make_company().id, by=None)


@atomic
def set_columns(row: Repair, **values: Any) -> None:
    database.session.execute(sa.update(Repair).where(Repair.id == row.id).values(**values))
    database.session.refresh(row)


def read(row: Repair) -> Repair:
    database.session.refresh(row)
    return row


def test_only_one_of_two_workers_gets_the_row(row: Repair) -> None:
    assert claim(Repair, row.id) is not None
    assert claim(Repair, row.id) is None


def test_a_worker_that_lost_its_lease_can_write_nothing_more(row: Repair) -> None:
    mine = claim(Repair, row.id)
    assert mine is not None
    database.session.expunge(mine)
    set_columns(database.session.get(Repair, row.id), lease_until=sa.func.now() - timedelta(seconds=1))
    assert claim(Repair, row.id) is not None
    with pytest.raises(LeaseLost):
        keep_alive(mine, done=1)
    assert not database.session.execute(sa.select(Repair.done).where(Repair.id == row.id)).scalar()


def test_a_failure_of_a_worker_that_lost_its_lease_does_not_end_its_successors_row(row: Repair) -> None:
    def die_behind_a_successor() -> None:
        with running(Repair, row.id) as mine:
            assert mine is not None
            set_columns(mine, lease_until=sa.func.now() - timedelta(seconds=1))
            assert claim(Repair, row.id) is not None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        die_behind_a_successor()
    assert (read(row).state, row.fence) == ("running", 2)


def test_the_sweep_rings_for_a_row_whose_queue_entry_was_lost(row: Repair, worker: Any, redis_client: Any) -> None:
    redis_client.flushdb()
    set_columns(row, created_at=sa.func.now() - timedelta(minutes=1))
    assert sweep() == 1
    assert sweep() == 1  # rung for again, but the entry that waits is not doubled
    assert len(worker.waiting()) == 1
    worker()
    assert read(row).state == "done"


def test_work_whose_worker_died_goes_back_to_the_queue_and_in_the_end_is_given_up(row: Repair) -> None:
    for _ in range(MAX_LOST):
        assert claim(Repair, row.id) is not None
        set_columns(row, lease_until=sa.func.now() - timedelta(seconds=1))
        sweep()
    assert (read(row).state, "Given up" in row.message) == ("failed", True)


def test_a_cancelled_row_ends_after_the_chunk_in_hand(row: Repair) -> None:
    with running(Repair, row.id) as work:
        assert work is not None
        keep_alive(work, done=5, total=10)
        request_cancel(work)
        keep_alive(work, done=5)
    assert (read(row).state, row.done) == ("cancelled", 5)


def test_a_waiting_row_is_cancelled_at_once(row: Repair) -> None:
    request_cancel(row)
    assert read(row).state == "cancelled"
    assert claim(Repair, row.id) is None


def test_a_failure_inside_ends_the_row_with_a_reference_and_reaches_the_log(row: Repair) -> None:
    with pytest.raises(ZeroDivisionError), running(Repair, row.id):
        1 / 0  # noqa: B018
    assert (read(row).state, f"repair-{row.id}" in row.message) == ("failed", True)


def test_work_that_cannot_be_done_says_why(row: Repair) -> None:
    with running(Repair, row.id):
        raise WorkError("The file is empty.")
    assert (read(row).state, row.message) == ("failed", "The file is empty.")


def test_an_ended_row_is_not_ended_twice(row: Repair) -> None:
    work = claim(Repair, row.id)
    assert work is not None
    assert rest(work, "done")
    assert not rest(work, "failed")
    assert read(row).state == "done"


def test_time_left_is_told_only_once_the_pace_is_known(row: Repair) -> None:
    work = claim(Repair, row.id)
    assert work is not None
    keep_alive(work, done=4, total=100)
    assert work.eta_text is None
    set_columns(work, started_at=sa.func.now() - timedelta(seconds=60), done=50, heartbeat_at=sa.func.now())
    assert work.eta_text == "about 1 min"
    assert work.percent == 50
