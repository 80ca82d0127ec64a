"""PostgreSQL restarted, crashed, hung or with no connection left: pages say so, and go on by themselves afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from tests.faults.conftest import Desk, Rig
from tests.faults.support import at_once, check_books, reread
from tests.faults.test_redis import add_problems, ask_for_repair, post_event, the_repair, timed
from tests.harness.workers import WorkerProcess, environment
from webapp.config import ROOT
from webapp.core.audit import StatusChange
from webapp.core.db import db as database
from webapp.core.schedule import Schedule
from webapp.core.work import LEASE, claim, running, sweep
from webapp.leads.models import Lead
from webapp.recycling.models import Repair
from webapp.recycling.repair import start_repair
from webapp.serve.children import end, tied, wait_until

PAGES = ("/", "/problems", "/leads")


def family(rig: Rig) -> list[psutil.Process]:
    pid = rig.postgres.pid
    assert pid is not None
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def crash(rig: Rig) -> None:
    """As `pg_ctl stop -m immediate`: nobody says goodbye, and the next start recovers."""
    pid = rig.postgres.pid
    assert pid is not None
    assert end(pid, signal.SIGQUIT, 10)


def kill_backend(rig: Rig) -> None:
    """One backend killed by the system: the server throws everybody out and recovers."""
    with rig.postgres.connect() as connection:
        pid = connection.execute("SELECT pg_backend_pid()").fetchone()[0]  # type: ignore[index]
        os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not psutil.pid_exists(pid), 10)
    assert wait_until(rig.postgres._accepts, 20)


def restart(rig: Rig) -> None:
    rig.postgres.restart()


def crash_and_start(rig: Rig) -> None:
    crash(rig)
    rig.postgres.start()


def terminate_backends(rig: Rig) -> None:
    with rig.postgres.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rebound'")


@pytest.mark.parametrize("hurt", [restart, crash_and_start, kill_backend, terminate_backends])
def test_after_a_restart_the_pages_go_on_as_if_nothing_had_been(rig: Rig, desk: Desk, hurt: Any) -> None:
    for path in PAGES:
        assert desk.client.get(path).status_code == 200
    database.session.commit()
    hurt(rig)
    database.session.rollback()
    for path in PAGES:
        answer = desk.client.get(path)
        assert answer.status_code == 200, path
    assert post_event(desk, 1).status_code < 300
    check_books(desk.company_id)


def check_unavailable(desk: Desk) -> None:
    for path in PAGES:
        answer = timed(lambda path=path: desk.client.get(path), below=12)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), path
        assert "Traceback" not in answer.text
    answer = timed(lambda: desk.client.get("/leads", headers={"HX-Request": "true"}), below=12)
    assert answer.status_code == 503
    answer = timed(
        lambda: desk.client.post("/repairs", data={"classes": "missing_status", "seen": "1", "form_token": "t"}),
        below=12,
    )
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert desk.client.get("/healthz").status_code == 200
    ready = desk.client.get("/readyz")
    assert (ready.status_code, ready.json["parts"]["database"]["ok"]) == (503, False)  # type: ignore[index]


def test_while_it_is_away_everything_says_503_and_nothing_is_half_done(rig: Rig, desk: Desk) -> None:
    database.session.commit()
    rig.postgres.stop()
    check_unavailable(desk)
    answer = desk.client.post(
        "/api/v1/calls/events",
        data="{}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {desk.token}"},
    )
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.mimetype == "application/problem+json"
    rig.postgres.start()
    database.session.rollback()
    for path in PAGES:
        assert desk.client.get(path).status_code == 200


def test_with_every_connection_taken_pages_say_503_until_one_is_free(rig: Rig, desk: Desk) -> None:
    database.session.commit()
    database.session.remove()
    database.engine.dispose()
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(rig.postgres.connect())
            except psycopg.OperationalError:
                break
        check_unavailable(desk)
    for path in PAGES:
        assert desk.client.get(path).status_code == 200


def test_a_pool_that_is_used_up_says_503_and_gives_each_connection_back(rig: Rig, desk: Desk) -> None:
    database.session.commit()
    database.session.remove()
    rig.app.extensions["sqlalchemy"].engines[None].pool._timeout = 0.2
    try:
        with ExitStack() as held:
            for _ in range(10):
                held.enter_context(database.engine.connect())
            answer = desk.client.get("/leads")
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    finally:
        rig.app.extensions["sqlalchemy"].engines[None].pool._timeout = 10
    assert desk.client.get("/leads").status_code == 200


@pytest.fixture
def frozen(rig: Rig) -> Iterator[list[psutil.Process]]:
    stopped: list[psutil.Process] = []
    yield stopped
    for process in stopped:
        process.send_signal(signal.SIGCONT)


def test_hung_new_connections_give_up_and_the_pages_go_on_when_it_moves_again(
    rig: Rig, desk: Desk, frozen: list[psutil.Process]
) -> None:
    database.session.commit()
    database.session.remove()
    database.engine.dispose()
    for process in family(rig):
        process.send_signal(signal.SIGSTOP)
        frozen.append(process)
    answer = timed(lambda: desk.client.get("/leads"), below=25)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    while frozen:
        frozen.pop().send_signal(signal.SIGCONT)
    assert timed(lambda: desk.client.get("/leads"), below=10).status_code == 200


def test_a_lock_that_somebody_holds_too_long_is_a_503_and_not_a_hang(rig: Rig, desk: Desk) -> None:
    database.session.commit()
    with database.engine.connect() as held:
        held.execute(sa.text("LOCK TABLE leads IN ACCESS EXCLUSIVE MODE"))
        answer = timed(lambda: desk.client.get(f"/leads/{desk.lead_ids[0]}"), below=12)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert desk.client.get(f"/leads/{desk.lead_ids[0]}").status_code == 200


@pytest.mark.parametrize("hurt", [restart, crash_and_start])
def test_work_in_the_middle_of_a_restart_is_taken_up_and_done_once(rig: Rig, desk: Desk, hurt: Any) -> None:
    many = 12_000
    add_problems(desk, many)
    ask_for_repair(desk)
    row = the_repair(desk)
    held = rig.postgres.connect("rebound")
    held.execute("BEGIN")
    held.execute("SELECT id FROM leads WHERE list_id = %s ORDER BY id DESC LIMIT 1 FOR UPDATE", [desk.list_id])
    with rig.redis.connect() as connection:
        worker = WorkerProcess(rig.settings, connection, ("interactive",))
        try:
            assert wait_until(lambda: reread(row).done >= 10_000, 30), worker.output()
            database.session.remove()
            hurt(rig)
            database.session.add(row)

            table = row.__table__

            def given_back() -> bool:
                """At once where the database was back in time, else when the lease of the dead claim has run out."""
                database.session.rollback()
                database.session.execute(
                    sa.update(table).where(table.c.id == row.id, table.c.state == "running", table.c.fence == 1)
                    .values(lease_until=sa.func.now() - LEASE)
                )  # fmt: skip
                database.session.commit()
                sweep(queued_for=timedelta(0))
                return bool(reread(row).is_resting)

            assert wait_until(given_back, 60), worker.output()
            assert worker.process.poll() is None
        finally:
            worker.kill()
            held.close()
    assert (row.state, row.done) == ("done", many), row.message
    ledger = sa.select(sa.func.count(), sa.func.count(sa.distinct(StatusChange.subject_id))).where(
        StatusChange.batch_id == row.batch_id
    )
    assert tuple(database.session.execute(ledger).one()) == (many, many)
    check_books(desk.company_id)


def test_a_page_that_dies_with_the_database_gives_the_work_back_instead_of_failing_it(rig: Rig, desk: Desk) -> None:
    row = start_repair(desk.company_id, by=None)
    with pytest.raises(OperationalError), running(Repair, row.id) as mine:  # noqa: PT012
        database.session.refresh(mine)
        terminate_backends(rig)
        database.session.execute(sa.text("SELECT 1"))
    assert (reread(row).state, row.lost) == ("queued", 1)
    assert claim(Repair, row.id) is not None


def test_the_scheduler_outlives_a_restart_and_misses_nothing(rig: Rig, desk: Desk, tmp_path: Path) -> None:
    log = tmp_path / "scheduler.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", "import jobs.schedule as s; s.EVERY = 0.2; s.main()"], cwd=ROOT, stdout=output, stderr=output,
            env=environment(rig.settings), preexec_fn=tied(signal.SIGKILL),
        )  # fmt: skip
    try:

        def ran(name: str) -> bool:
            database.session.rollback()
            due = database.session.scalars(
                sa.select(Schedule).where(Schedule.name == name).execution_options(populate_existing=True)
            ).all()
            return bool(due) and all(row.last_run_at is not None for row in due)

        def make_due() -> None:
            database.session.execute(
                sa.update(Schedule).values(next_run_at=sa.func.now() - timedelta(minutes=1), last_run_at=None)
            )
            database.session.commit()

        assert wait_until(
            lambda: database.session.scalar(sa.select(sa.func.count(Schedule.id))) or database.session.rollback(), 30
        )
        make_due()
        assert wait_until(lambda: ran("nightly_repair") and ran("sweep"), 30), log.read_text()
        database.session.remove()
        rig.postgres.stop()
        assert not wait_until(lambda: process.poll() is not None, 2), log.read_text()
        rig.postgres.start()
        make_due()
        assert wait_until(lambda: ran("nightly_repair") and ran("sweep"), 30), log.read_text()
        assert process.poll() is None
    finally:
        process.kill()
        process.wait(10)


def test_forty_events_while_backends_are_thrown_out_are_each_there_once(rig: Rig, desk: Desk) -> None:
    """A dialer that is told 503 sends again; what was committed although it was told so is a duplicate then."""

    def deliver(number: int) -> None:
        client = rig.client()
        for _ in range(40):
            answer = post_event(Desk(**{**vars(desk), "client": client}), number)
            assert answer.status_code in (200, 201, 202, 503), answer.text
            if answer.status_code != 503:
                return
        raise AssertionError("never taken")

    def disturb() -> None:
        for _ in range(8):
            terminate_backends(rig)

    calls = [lambda n=n: [deliver(k) for k in range(n, 40, 4)] for n in range(4)]
    assert at_once(rig.app, [*calls, disturb]) == []
    database.session.rollback()
    check_books(desk.company_id)
    assert database.session.get_one(Lead, desk.lead_ids[0], populate_existing=True).dial_attempts == 40
