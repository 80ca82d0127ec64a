"""Runs: started, paused, resumed, cancelled, woken when something is due, and cleared of what dead workers left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import sqlalchemy as sa
import structlog

from webapp.accounts.models import User
from webapp.automation.models import (
    ContactRequest,
    Project,
    ProjectDealership,
    Run,
    RunLane,
)
from webapp.automation.service import closing
from webapp.automation.service.counting import drop_retries, recount
from webapp.automation.service.journal import note, tell
from webapp.automation.service.orphans import close_orphans
from webapp.automation.settings import find_contact, get_settings
from webapp.automation.states import ACTIVE_RUN, RUN
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import read_now
from webapp.core.db import after_commit, atomic, db
from webapp.core.queue import ring
from webapp.core.states import advance

log = structlog.get_logger(__name__)
SOON = timedelta(seconds=60)


class RunRefused(Exception):
    """The run cannot be started or moved; the text says why."""


@atomic
def start_run(
    project_id: int, *, by: User, dry_run: bool | None = None, retry_failed: bool = False, chosen: Sequence[int] | None = None,
    form_token: str | None = None,
) -> Run:  # fmt: skip
    """Start the project's one run; its lanes are rung for after the commit. The same form token gives the same run.

    `dry_run` None: as the project says; `chosen` ids of project_dealerships. Raises LookupError, RunRefused.
    """
    project = find_owned(Project, project_id, by.company_id, lock=True)
    if project is None:
        raise LookupError("No such project")
    if form_token and (made := _run_of(project.id, form_token)) is not None:
        return made
    if project.archived_at is not None:
        raise RunRefused("The project is archived.")
    active = sa.select(Run.id).where(Run.project_id == project.id, Run.state.in_(ACTIVE_RUN))
    if db.session.scalar(active) is not None:
        raise RunRefused("A run of this project is going on: let it finish, or cancel it first.")
    request = db.session.scalars(
        sa.select(ContactRequest)
        .where(ContactRequest.project_id == project.id)
        .order_by(ContactRequest.version.desc())
        .limit(1)
    ).first()
    if request is None:
        raise RunRefused("Say first what is to be submitted: the project has no contact request.")
    sends = not (project.dry_run if dry_run is None else dry_run)
    if sends and find_contact(get_settings(by.company_id).user_agent) is None:
        raise RunRefused(
            "Say first who is visiting: the user agent names no address where a site's owner can reach you."
        )
    run = Run(
        company_id=by.company_id, project_id=project.id, contact_request_id=request.id, dry_run=project.dry_run if dry_run is None else dry_run,
        retry_failed=retry_failed, chosen=sorted(set(chosen)) if chosen is not None else None, started_by_id=by.id, form_token=form_token,
    )  # fmt: skip
    db.session.add(run)
    db.session.flush()
    db.session.refresh(run)
    if retry_failed and not run.dry_run:
        _begin_anew(run)
    if recount(run) == 0:
        raise RunRefused("No dealership is due: those of this project are done, skipped, or wait for a person.")
    lanes = min(project.parallel_pages, run.total)
    for number in range(1, lanes + 1):
        db.session.add(RunLane(company_id=run.company_id, run_id=run.id, number=number))
    db.session.flush()
    kind = "a dry run" if run.dry_run else "a run"
    record_event(
        "run_started", f"Started {kind} of {project.name}", by=by, subject=run, total=run.total, dry_run=run.dry_run
    )
    tell(run, "automation_started", total=run.total, dryRun=run.dry_run)
    note(run, "automation_started", f"Started {kind}", total=run.total, user_id=by.id, dry_run=run.dry_run, lanes=lanes)
    ring_lanes(run.id)
    return run


def _run_of(project_id: int, form_token: str) -> Run | None:
    return db.session.scalars(sa.select(Run).where(Run.project_id == project_id, Run.form_token == form_token)).first()


def _begin_anew(run: Run) -> None:
    """Those that failed get all their tries again; walls and unknown outcomes are left out by the count of what is due."""
    where = [
        ProjectDealership.project_id == run.project_id,
        ProjectDealership.contact_status.in_(("failed", "blocked")),
    ]
    if run.chosen is not None:
        where.append(ProjectDealership.id.in_(run.chosen))
    db.session.execute(sa.update(ProjectDealership).where(*where).values(retry_counts={}, next_retry_at=None))


def ring_lanes(run_id: int) -> None:
    """Once the transaction has stood."""
    rows = db.session.execute(sa.select(RunLane.id, RunLane.fence).where(RunLane.run_id == run_id, _asleep()))
    for lane in rows:
        after_commit(partial(ring, "automation", lane.id, turn=lane.fence))


def _asleep() -> sa.ColumnElement[bool]:
    return sa.or_(RunLane.lease_until.is_(None), RunLane.lease_until < sa.func.clock_timestamp())


def _get(run_id: int, by: User) -> Run:
    run = find_owned(Run, run_id, by.company_id, lock=True)
    if run is None:
        raise LookupError("No such run")
    return run


@atomic
def pause_run(run_id: int, *, by: User) -> Run:
    """Stops after the dealerships in hand. Twice is once. Raises LookupError, MoveRefused."""
    run = _get(run_id, by)
    if run.state != "paused":
        closing.pause(run, "", by=by.id)
        record_event("run_paused", f"Paused run {run.id}", by=by, subject=run)
    return run


@atomic
def resume_run(run_id: int, *, by: User) -> Run:
    """Goes on where it stopped. Raises LookupError, MoveRefused."""
    run = _get(run_id, by)
    if run.state == "running":
        return run
    stood = (read_now() - run.paused_at).total_seconds() if run.paused_at else 0
    advance(run, "running", machine=RUN, by=by.id, cause="user",
            values={"paused_reason": "", "paused_seconds": run.paused_seconds + round(stood), "progress_at": read_now(),
                    "version": run.version + 1})  # fmt: skip
    tell(run, "automation_resumed")
    note(run, "automation_resumed", "Resumed", user_id=by.id)
    record_event("run_resumed", f"Resumed run {run.id}", by=by, subject=run)
    ring_lanes(run.id)
    closing.finish_when_done(run)
    return run


@atomic(retry=3)
def cancel_run(run_id: int, *, by: User) -> Run:
    """Ends the run. What is in hand goes back to pending within seconds, unless its form was sent already: then it is recorded.

    Twice is once. Raises LookupError, MoveRefused.
    """
    run = _get(run_id, by)
    if run.state == "cancelled":
        return run
    advance(run, "cancelled", machine=RUN, by=by.id, cause="user",
            values={"ended_at": read_now(), "waiting_until": None, "waiting_for": "", "version": run.version + 1})  # fmt: skip
    drop_retries(run, "Not tried again: the run was cancelled")
    recount(run)
    tell(run, "automation_cancelled", processed=run.processed, total=run.total)
    note(run, "automation_cancelled", "Cancelled", level="warn", user_id=by.id)
    record_event("run_cancelled", f"Cancelled run {run.id}", by=by, subject=run)
    return run


def find_running(project_id: int, company_id: int) -> Run | None:
    """The project's run that goes on, held. A run is held before its project: claims hold both in this order."""
    query = sa.select(Run).where(Run.project_id == project_id, Run.company_id == company_id, Run.state == "running")
    return db.session.scalars(query.with_for_update().execution_options(populate_existing=True)).first()


def look_again(run: Run) -> None:
    """What the run waits for may have changed: its lanes look anew, in the transaction in hand."""
    run.waiting_until, run.waiting_for, run.version = None, "", run.version + 1
    ring_lanes(run.id)


# --- kept going -------------------------------------------------------------------------------------------------------


def wake_runs() -> int:
    """Each minute: close what dead workers left, end runs that have nothing left, ring for lanes nobody serves. How many rung for."""
    close_orphans()
    rung = 0
    for run_id in db.session.scalars(sa.select(Run.id).where(Run.state == "running").order_by(Run.id)).all():
        rung += _wake(run_id)
    db.session.rollback()
    return rung


@atomic(retry=3)
def _wake(run_id: int) -> int:
    run = db.session.get_one(Run, run_id, with_for_update=True, populate_existing=True)
    if closing.finish_when_done(run) or run.state != "running":
        return 0
    if run.waiting_until is not None and run.waiting_until > read_now() + SOON:
        return 0
    lanes = db.session.execute(sa.select(RunLane.id, RunLane.fence).where(RunLane.run_id == run_id, _asleep())).all()
    for lane in lanes:
        after_commit(partial(ring, "automation", lane.id, turn=lane.fence))
    return len(lanes)
