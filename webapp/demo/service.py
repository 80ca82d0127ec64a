"""Asking for demo data and for its removal, and doing both as work that may die anywhere."""

from __future__ import annotations

from typing import TypeVar
from uuid import uuid4

import sqlalchemy as sa

from webapp.accounts.models import Company, User
from webapp.core.audit import record_event
from webapp.core.db import atomic, db
from webapp.core.queue import enqueue
from webapp.core.states import advance
from webapp.core.work import WORK, WorkMixin, running, start_work
from webapp.demo import queries
from webapp.demo.loading import finish, load_chunk, set_up
from webapp.demo.models import DemoLoad
from webapp.demo.removal import clear_up, count_leads, remove_chunk
from webapp.leads.tallies import fold_tallies

SEED = 2026
W = TypeVar("W", bound=WorkMixin)


class DemoRefused(Exception):
    """Not now; the text says why."""


@atomic
def start_demo(company: Company, *, by: User | None, scale: float = 1.0, ring: bool = True) -> DemoLoad:
    """Ask for the demo data. A loading in hand is given back; one that failed or was cancelled goes on.

    Without `ring` no worker is called: the caller performs the row itself. Raises DemoRefused.
    """
    _lock(company)
    last = queries.last_work(company.id)
    if last is not None and not last.is_resting:
        if last.action == "remove":
            raise DemoRefused("Demo data is being removed; load it again when that is done.")
        return last
    if last is not None and last.action == "load" and last.state != "done":
        return start_again(last, by=by, ring=ring)
    if queries.has_demo(company.id):
        raise DemoRefused("Demo data is loaded already.")
    row = DemoLoad(company_id=company.id, action="load", batch_id=uuid4(), requested_by_id=by.id if by else None,
                   params={"scale": scale, "seed": SEED})  # fmt: skip
    return _start(row, ring)


@atomic
def start_removal(company: Company, *, by: User | None, ring: bool = True) -> DemoLoad:
    """Ask for the removal. Raises DemoRefused while a loading runs, or when there is nothing to remove."""
    _lock(company)
    last = queries.last_work(company.id)
    if last is not None and not last.is_resting:
        if last.action == "load":
            raise DemoRefused("Demo data is being loaded; cancel that first, or wait for its end.")
        return last
    if last is not None and last.action == "remove" and last.state != "done":
        return start_again(last, by=by, ring=ring)
    if not queries.has_demo(company.id):
        raise DemoRefused("There is no demo data.")
    row = DemoLoad(company_id=company.id, action="remove", batch_id=uuid4(), requested_by_id=by.id if by else None)
    return _start(row, ring)


def _lock(company: Company) -> None:
    db.session.execute(sa.select(Company.id).where(Company.id == company.id).with_for_update())


def _start(row: DemoLoad, ring: bool) -> DemoLoad:
    if ring:
        return start_work(row)
    row.job = row.JOB
    db.session.add(row)
    db.session.flush()
    return row


@atomic
def start_again(row: W, *, by: User | None, ring: bool = True) -> W:
    """Put failed or cancelled work back in the queue; it goes on after what it had finished."""
    advance(
        row, "queued", machine=WORK, by=by.id if by else None, cause="user", ledger=False,
        values={"cancel_requested_at": None, "finished_at": None, "message": "", "version": row.version + 1,
                "heartbeat_at": sa.func.clock_timestamp()},
    )  # fmt: skip
    record_event("work_started_again", f"{type(row).__name__} {row.id} was started again", by=by, subject=row,  # type: ignore[attr-defined]
                 company_id=row.company_id)  # type: ignore[attr-defined]  # fmt: skip
    if ring:
        enqueue(row.job, row.id, turn=row.fence)  # type: ignore[attr-defined]
    return row


def perform(row_id: int) -> None:
    """Load or remove, in chunks; called twice or after a kill it goes on where it was."""
    with running(DemoLoad, row_id) as row:
        if row is None:
            return
        if row.action == "load":
            _load(row)
        else:
            _remove(row)
        fold_tallies()


def _load(row: DemoLoad) -> None:
    if "lists" not in row.params:
        set_up(row)
    while row.position < (row.total or 0):
        load_chunk(row)
    if "finished" not in row.params:
        finish(row)


def _remove(row: DemoLoad) -> None:
    count_leads(row)
    while remove_chunk(row):
        pass
    if "finished" not in row.params:
        clear_up(row)
