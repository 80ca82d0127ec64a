"""A worker killed in the middle of 30,000 leads, with Redis emptied behind it: the work ends complete and nothing is done twice.

REBOUND_KILL_LEADS=100000 takes as many.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import psutil
import pytest
import sqlalchemy as sa

from tests.factories import make_company, make_list, make_user
from webapp.core.audit import StatusChange
from webapp.core.db import db as database
from webapp.core.work import sweep
from webapp.leads.models import Lead
from webapp.leads.tallies import by_status, get_cells
from webapp.recycling.queries import problem_counts
from webapp.recycling.recycle import start_recycle
from webapp.recycling.repair import start_repair
from webapp.recycling.undo import start_undo
from webapp.serve.children import wait_until

MANY = int(os.environ.get("REBOUND_KILL_LEADS", "30000"))


def fill(lead_list: Any, *, status: str | None, calls: bool) -> None:
    ids = {"c": lead_list.company_id, "l": lead_list.id, "n": MANY, "s": status}
    database.session.execute(
        sa.text(
            "INSERT INTO leads (company_id, list_id, status) SELECT :c, :l, CAST(:s AS text) FROM generate_series(1, :n)"
        ),
        ids,
    )
    if calls:
        database.session.execute(
            sa.text("INSERT INTO call_logs (company_id, lead_id, provider, provider_call_id, call_status, started_at, ended_at)"
                    " SELECT :c, id, 'old', id::text, 'busy', now() - interval '1 day', now() - interval '1 day' FROM leads"
                    " WHERE list_id = :l AND id % 2 = 0"), ids,
        )  # fmt: skip
    database.session.commit()


def read(row: Any) -> Any:
    database.session.rollback()
    database.session.refresh(row)
    return row


def kill_in_the_middle(row: Any, start: Callable[..., Any], redis_client: Any) -> None:
    """Start a worker, kill it and its horse when a part is done, empty Redis, and let the lease run out."""
    worker = start("interactive")
    assert wait_until(lambda: read(row).handled >= MANY // 10, 60), worker.output()
    for process in (*psutil.Process(worker.pid).children(recursive=True), psutil.Process(worker.pid)):
        os.kill(process.pid, signal.SIGKILL)
    worker.process.wait(10)
    database.session.rollback()
    database.session.execute(sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                                     " AND pid <> pg_backend_pid() AND application_name = 'rebound'"))  # fmt: skip
    redis_client.flushdb()
    assert 0 < read(row).handled < MANY
    assert row.state == "running"
    database.session.execute(
        sa.update(row.__table__).where(row.__table__.c.id == row.id).values(lease_until=sa.func.now())
    )
    database.session.commit()
    sweep()
    assert read(row).state == "queued"
    fresh = start("interactive")
    assert wait_until(lambda: read(row).is_resting, 120), fresh.output()
    fresh.stop()


def ledger(batch_id: Any) -> tuple[int, int]:
    row = database.session.execute(
        sa.select(sa.func.count(), sa.func.count(sa.distinct(StatusChange.subject_id))).where(
            StatusChange.batch_id == batch_id
        )
    ).one()
    return row[0], row[1]


@pytest.mark.usefixtures("db")
def test_a_repair_ends_complete_and_touches_no_lead_twice(worker_process: Any, redis_client: Any) -> None:
    company = make_company()
    lead_list = make_list(company)
    fill(lead_list, status=None, calls=True)
    row = start_repair(company.id, by=None)
    kill_in_the_middle(row, worker_process, redis_client)
    assert (row.state, row.done, sum(problem_counts(company.id).values())) == ("done", MANY, 0)
    assert ledger(row.batch_id) == (MANY, MANY)
    assert by_status(get_cells(company.id)) == {"new": MANY // 2, "busy": MANY // 2}


@pytest.mark.usefixtures("db")
def test_a_recycling_and_its_undo_end_complete_and_move_no_lead_twice(worker_process: Any, redis_client: Any) -> None:
    company = make_company()
    lead_list = make_list(company)
    fill(lead_list, status="failed", calls=False)
    row = start_recycle(lead_list, ["failed"], "new", reset_dial_count=True, by=make_user(company))
    kill_in_the_middle(row, worker_process, redis_client)
    assert (row.state, row.done, ledger(row.batch_id)) == ("done", MANY, (MANY, MANY))
    passes = dict(
        database.session.execute(sa.select(Lead.pass_number, sa.func.count()).group_by(Lead.pass_number)).all()
    )
    assert passes == {2: MANY}
    undo = start_undo(row, by=make_user(company))
    kill_in_the_middle(undo, worker_process, redis_client)
    assert (undo.state, undo.done, by_status(get_cells(company.id))) == ("done", MANY, {"failed": MANY})
    assert dict(
        database.session.execute(sa.select(Lead.pass_number, sa.func.count()).group_by(Lead.pass_number)).all()
    ) == {1: MANY}
