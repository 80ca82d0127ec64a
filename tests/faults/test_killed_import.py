"""An import of 50,000 rows whose worker is killed five times, at different moments, ends complete and with every row once.

REBOUND_KILL_ROWS=100000 takes as many.
"""

from __future__ import annotations

import io
import os
import signal
from datetime import timedelta
from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from werkzeug.datastructures import FileStorage

from tests.factories import make_company, make_list, make_user
from tests.harness.workers import WorkerProcess
from webapp.core.audit import StatusChange
from webapp.core.db import db as database
from webapp.core.work import sweep
from webapp.imports import service
from webapp.imports.models import Import, ImportRow
from webapp.leads.models import Lead
from webapp.leads.tallies import by_status, get_cells
from webapp.serve.children import wait_until

MANY = int(os.environ.get("REBOUND_KILL_ROWS", "50000"))
KILLS = 5


def write_file() -> bytes:
    """Every hundredth row repeats the one before, every thousandth has no phone that could be."""
    lines = ["Phone,First Name,Last Name,City"]
    for n in range(MANY):
        number = n - 1 if n % 100 == 99 else n
        phone = "12" if n % 1000 == 500 else f"+1212{2_000_000 + number}"
        lines.append(f"{phone},Ann,Number{n},Springfield")
    return "\n".join(lines).encode()


DUPLICATES, INVALID = MANY // 100, MANY // 1000
NEW = MANY - DUPLICATES - INVALID


def read(row: Import) -> Import:
    database.session.rollback()
    database.session.refresh(row)
    return row


def kill(worker: WorkerProcess) -> None:
    for process in (*psutil.Process(worker.pid).children(recursive=True), psutil.Process(worker.pid)):
        os.kill(process.pid, signal.SIGKILL)
    worker.process.wait(10)


def end_lease(row: Import) -> None:
    """What a minute does: the lease of the dead runs out, and the sweep finds it. Its backend has ended by then."""
    database.session.rollback()
    database.session.execute(sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                                     " AND pid <> pg_backend_pid() AND application_name = 'rebound'"))  # fmt: skip
    database.session.execute(
        sa.update(Import).where(Import.id == row.id, Import.state == "running").values(lease_until=sa.func.now())
    )
    database.session.commit()
    sweep(queued_for=timedelta(0))


@pytest.mark.usefixtures("db")
def test_an_import_killed_five_times_ends_complete_with_every_row_once(
    worker: Any, worker_process: Any, redis_client: Any
) -> None:
    company = make_company()
    user, lead_list = make_user(company), make_list(company)
    upload = FileStorage(io.BytesIO(write_file()), "many.csv")
    stored, kind = service.keep_file(upload.stream, "many.csv")
    options = {"country": "US", "scope": "list", "duplicates": "skip"}
    row = service.take_in(stored, kind, "many.csv", service.Wanted("leads", lead_list.id, options), token="t", by=user)
    # As after a dry run, whose counts are no part of this.
    database.session.execute(sa.update(Import).where(Import.id == row.id).values(stage="checked"))
    database.session.commit()
    assert service.confirm(read(row), by=user)
    sweep(queued_for=timedelta(0))  # a bell that was not heard is rung again each minute
    for turn in range(KILLS):
        started = worker_process("default")
        target = min(MANY - 5_000, 5_000 + turn * MANY * 7 // 40)
        assert wait_until(lambda at=target: read(row).position >= at, 60), (
            turn,
            row.state,
            row.message,
            started.output(),
        )
        kill(started)
        assert read(row).state == "running"
        assert (
            database.session.scalar(sa.select(sa.func.count(Lead.id)).where(Lead.list_id == lead_list.id)) == row.done
        )
        redis_client.flushdb()
        end_lease(row)
        assert read(row).state == "queued", row.message
    worker()
    read(row)
    assert (row.state, row.stage, row.done, row.failed, row.skipped) == (
        "done",
        "imported",
        NEW,
        INVALID,
        DUPLICATES,
    ), row.message
    assert row.fence >= KILLS + 1
    facts = sa.select(sa.func.count(Lead.id), sa.func.count(sa.distinct(Lead.phone))).where(
        Lead.list_id == lead_list.id
    )
    assert tuple(database.session.execute(facts).one()) == (NEW, NEW)
    rows = sa.select(sa.func.count(), sa.func.count(sa.distinct(ImportRow.number))).where(ImportRow.import_id == row.id)
    assert tuple(database.session.execute(rows).one()) == (MANY, MANY)
    ledger = sa.select(sa.func.count(), sa.func.count(sa.distinct(StatusChange.subject_id))).where(
        StatusChange.batch_id == row.batch_id
    )
    assert tuple(database.session.execute(ledger).one()) == (NEW, NEW)
    assert by_status(get_cells(company.id)) == {"new": NEW}
    assert row.result["counts"] == {"new": NEW, "invalid": INVALID, "duplicate_in_file": DUPLICATES}
