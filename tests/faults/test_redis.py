"""Redis away, hung, emptied or full: pages answer, the work is in PostgreSQL and is done once."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.faults.conftest import Desk, Rig
from tests.faults.support import check_books, event, reread
from tests.harness.workers import WorkerProcess
from webapp.core.audit import StatusChange
from webapp.core.db import db as database
from webapp.core.queue import ring
from webapp.core.work import sweep
from webapp.leads.tallies import by_status, get_cells
from webapp.recycling.models import Repair
from webapp.recycling.queries import problem_counts
from webapp.serve.children import wait_until

MANY = 600  # more than a page repairs by itself


def add_problems(desk: Desk, number: int = MANY) -> None:
    database.session.execute(
        sa.text("INSERT INTO leads (company_id, list_id, status) SELECT :c, :l, NULL FROM generate_series(1, :n)"),
        {"c": desk.company_id, "l": desk.list_id, "n": number},
    )
    database.session.commit()


def timed(call: Callable[[], Any], *, below: float = 3.0) -> Any:
    began = time.monotonic()
    answer = call()
    assert time.monotonic() - began < below
    return answer


def ask_for_repair(desk: Desk) -> Any:
    seen = problem_counts(desk.company_id)["missing_status"]
    database.session.rollback()
    form = {"classes": ["missing_status"], "seen": str(seen), "form_token": uuid4().hex}
    return timed(lambda: desk.client.post("/repairs", data=form))


def the_repair(desk: Desk) -> Repair:
    return database.session.scalars(sa.select(Repair).where(Repair.company_id == desk.company_id)).one()


def post_event(desk: Desk, number: int) -> Any:
    told = event(f"{number}", f"C{number}", "ended", number, lead_id=desk.lead_ids[0], call_status="busy")
    return timed(
        lambda: desk.client.post(
            "/api/v1/calls/events", data=json.dumps(told), content_type="application/json",
            headers={"Authorization": f"Bearer {desk.token}"},
        )
    )  # fmt: skip


@contextmanager
def stopped(rig: Rig) -> Iterator[None]:
    rig.redis.kill()
    yield
    rig.redis.start()


@contextmanager
def hung(rig: Rig) -> Iterator[None]:
    pid = rig.redis.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
    assert wait_until(lambda: rig.redis.pid == pid, 10)


@contextmanager
def full(rig: Rig) -> Iterator[None]:
    with rig.redis.connect() as connection:
        connection.config_set("maxmemory", 1)
        yield
        connection.config_set("maxmemory", 0)


@pytest.mark.parametrize("away", [stopped, hung, full])
def test_pages_answer_work_is_taken_on_and_done_once_redis_is_back(rig: Rig, desk: Desk, away: Any) -> None:
    add_problems(desk)
    with away(rig):
        for path in ("/", "/problems", f"/lists/{desk.list_id}/recycle", "/leads", "/imports"):
            assert timed(lambda path=path: desk.client.get(path)).status_code == 200, path
        answer = ask_for_repair(desk)
        assert answer.status_code == 303
        assert post_event(desk, 1).status_code < 300
        row = the_repair(desk)
        assert (row.state, row.total) == ("queued", MANY)
        assert timed(lambda: desk.client.get(answer.location)).status_code == 200
        assert timed(lambda: desk.client.get("/healthz")).status_code == 200
        assert not ring("repair", row.id)
    sweep(queued_for=timedelta(0))
    # A full Redis may have kept the entry whose job it refused: then two name the row, and the claim lets one work.
    assert {job.func_name for job in rig.work()} == {"jobs.recycling.perform_repair"}
    sweep(queued_for=timedelta(0))
    assert rig.work() == []
    assert (reread(row).state, row.done + row.skipped) == ("done", MANY)
    changed = sa.select(sa.func.count(), sa.func.count(sa.distinct(StatusChange.subject_id))).where(
        StatusChange.batch_id == row.batch_id
    )
    assert set(database.session.execute(changed).one()) == {row.done}
    check_books(desk.company_id)


def test_an_emptied_redis_is_filled_again_by_the_sweep_and_a_doubled_entry_does_nothing(rig: Rig, desk: Desk) -> None:
    add_problems(desk)
    ask_for_repair(desk)
    row = the_repair(desk)
    with rig.redis.connect() as connection:
        connection.flushall()
    sweep(queued_for=timedelta(0))
    ring("repair", row.id, turn=99)
    assert len(rig.work()) == 2
    assert (reread(row).state, row.done, row.fence) == ("done", MANY, 1)


@pytest.mark.parametrize("how", ["killed", "emptied", "full"])
def test_redis_lost_in_the_middle_of_a_job_leaves_the_work_whole(rig: Rig, desk: Desk, how: str) -> None:
    """The job goes on without it and ends its row; a worker that then has nobody to report to is not needed."""
    add_problems(desk, 12_000)
    ask_for_repair(desk)
    row = the_repair(desk)
    with database.engine.connect() as held:
        # The job comes to a halt at the last lead, so that what happens to Redis happens in its middle.
        held.execute(
            sa.text("SELECT id FROM leads WHERE list_id = :l ORDER BY id DESC LIMIT 1 FOR UPDATE"), {"l": desk.list_id}
        )
        with rig.redis.connect() as connection:
            worker = WorkerProcess(rig.settings, connection, ("interactive",))
        try:
            assert wait_until(lambda: reread(row).done >= 10_000, 30), worker.output()
            if how == "killed":
                rig.redis.kill()
            else:
                with rig.redis.connect() as connection:
                    connection.flushall() if how == "emptied" else connection.config_set("maxmemory", 1)
            held.rollback()
            assert wait_until(lambda: reread(row).is_resting, 30), worker.output()
        finally:
            worker.kill()
    rig.redis.start()
    with rig.redis.connect() as connection:
        connection.config_set("maxmemory", 0)
    sweep(queued_for=timedelta(0))
    rig.work()
    assert (reread(row).state, row.done, row.fence) == ("done", 12_000, 1)
    assert by_status(get_cells(desk.company_id)) == {"new": 12_003}
    assert database.session.scalar(sa.select(sa.func.count()).where(StatusChange.batch_id == row.batch_id)) == 12_000
