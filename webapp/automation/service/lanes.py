"""A lane: one worker of a run, with one browser, from dealership to dealership, until nothing is due."""

from __future__ import annotations

import os
import socket
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from flask import Flask, current_app
from playwright.sync_api import Error as BrowserError
from redis import RedisError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from webapp.accounts.hosts import list_allowed
from webapp.automation.engine import read
from webapp.automation.engine.attempt import attempt
from webapp.automation.engine.browser import EngineBrowser, open_browser
from webapp.automation.engine.failures import FailureType
from webapp.automation.engine.outcome import Enquiry, Limits, Outcome, Target
from webapp.automation.models import AutomationAttempt, ContactRequest, Dealership, Run, RunLane
from webapp.automation.service import recording, watching
from webapp.automation.service.claims import Claimed, Wait, claim_next
from webapp.automation.service.mappings import saved_for
from webapp.automation.service.robots import Robots, Unreadable
from webapp.automation.service.runs import SOON
from webapp.automation.service.watching import BEAT_EVERY, LOOK_EVERY, Line, Watch
from webapp.automation.settings import get_settings
from webapp.core.chromium import find_chromium
from webapp.core.clock import read_now
from webapp.core.db import after_commit, atomic, db, is_outage
from webapp.core.queue import get_queue, ring

log = structlog.get_logger(__name__)
LANE_LEASE = timedelta(seconds=60)
SERVE = 900.0  # seconds; then the lane rings for itself and begins with a fresh browser
MOST = 100  # attempts of one browser
CRASHES = 2  # in a row, before the browser is given up
RECORD_TRIES, RECORD_WAIT = 20, 4.0  # seconds
LIMITS = Limits()
CANCELLED = "Cancelled before anything was sent"


def perform_lane(lane_id: int) -> None:
    """Serve the lane until nothing is due, its run has ended, or its time is up. A second worker on the same lane does nothing."""
    row = _take(lane_id)
    if row is None:
        return
    lane = Lane(lane_id, row.run_id, row.company_id, row.fence)
    again = False
    try:
        with ExitStack() as stack:
            lane.serve(stack)
        again = lane.is_over()
    finally:
        db.session.rollback()
        _leave(lane_id, lane.fence, again)


@atomic
def _take(lane_id: int) -> RunLane | None:
    now = sa.func.clock_timestamp()
    got = db.session.execute(
        sa.update(RunLane)
        .where(RunLane.id == lane_id, sa.or_(RunLane.lease_until.is_(None), RunLane.lease_until < now))
        .values(lease_until=now + LANE_LEASE, fence=RunLane.fence + 1, worker=f"{socket.gethostname()}:{os.getpid()}")
        .returning(RunLane.id)
    ).scalar()
    return db.session.get_one(RunLane, got, populate_existing=True) if got else None


@atomic
def _keep(lane_id: int, fence: int) -> bool:
    kept = db.session.execute(
        sa.update(RunLane).where(RunLane.id == lane_id, RunLane.fence == fence)
        .values(lease_until=sa.func.clock_timestamp() + LANE_LEASE).returning(RunLane.id)
    ).first()  # fmt: skip
    return kept is not None


@atomic
def _leave(lane_id: int, fence: int, again: bool) -> None:
    left = db.session.execute(
        sa.update(RunLane)
        .where(RunLane.id == lane_id, RunLane.fence == fence)
        .values(lease_until=None)
        .returning(RunLane.id)
    ).first()
    if left and again:
        after_commit(lambda: ring("automation", lane_id, turn=fence))


class Lane:
    """A worker's hold of a lane, and its browser."""

    def __init__(
        self, id: int, run_id: int, company_id: int, fence: int, *, browser: EngineBrowser | None = None
    ) -> None:
        self.id, self.run_id, self.company_id, self.fence = id, run_id, company_id, fence
        self.browser = browser
        self.done = self.crashes = 0
        self._until = time.monotonic() + SERVE

    def serve(self, stack: ExitStack) -> None:
        """Attempt by attempt; what is opened is left to `stack`."""
        pool = stack.enter_context(ThreadPoolExecutor(1, "lane-record"))
        claimed = self.follow()
        while claimed is not None:
            if isinstance(claimed, Wait):
                claimed = self.follow() if _wait(claimed, self) else None
                continue
            self.browser = self.browser or _open(stack, self.company_id, claimed)
            if self.browser is None:
                return
            claimed = self._visit(self.browser, claimed, pool)

    def is_over(self) -> bool:
        """There may be more to do, but for a lane with a fresh browser."""
        dead = self.browser is not None and (self.browser.is_dead() or self.crashes == CRASHES)
        return dead or self.done >= MOST or time.monotonic() >= self._until

    def keep(self) -> bool:
        return _keep(self.id, self.fence)

    def follow(self) -> Claimed | Wait | None:
        """What comes next; None when that is nothing for this worker."""
        return claim_next(self.run_id, self.company_id) if not self.is_over() and self.keep() else None

    def _visit(self, browser: EngineBrowser, claimed: Claimed, pool: ThreadPoolExecutor) -> Claimed | Wait | None:
        """One attempt; what comes next. While the database takes the outcome, and gives the next, the browser opens its next page."""
        crashed, end = _attempt(browser, claimed, self)
        self.done += 1
        self.crashes = self.crashes + 1 if crashed else 0
        if crashed or not browser.is_alive():
            end()
            return self.follow()

        def ended() -> Claimed | Wait | None:
            with app.app_context():
                try:
                    end()
                    return self.follow()
                finally:
                    db.session.remove()

        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        following = pool.submit(copy_context().run, ended)
        browser.prepare(read.INIT_SCRIPT)
        return following.result()


def _open(stack: ExitStack, company_id: int, claimed: Claimed) -> EngineBrowser | None:
    """Chromium for this lane; None when it does not start: the attempt ends as a browser crash, the next lane tries again."""
    settings = current_app.config["SETTINGS"]
    try:
        return stack.enter_context(
            open_browser(find_chromium(settings.chromium_path), allowed_hosts=list_allowed(company_id), user_agent=get_settings(company_id).user_agent)
        )  # fmt: skip
    except (BrowserError, OSError) as error:
        recording.record(
            claimed,
            Outcome(False, FailureType.BROWSER_CRASH, "Chromium did not start", "not_sent", trace=traceback.format_exc(),
                    evidence=[str(error)[:300]]),
        )  # fmt: skip
        return None


def _wait(wait: Wait, lane: Lane) -> bool:
    """Stay for what comes soon, while nobody else needs this worker; False: leave, and be rung for."""
    deadline = _seconds_until(wait.until)
    if deadline > SOON.total_seconds():
        return False
    end = time.monotonic() + max(deadline, 0.0)
    beat = time.monotonic()
    pause = threading.Event()
    while (left := end - time.monotonic()) > 0:
        pause.wait(min(left, LOOK_EVERY))
        if not _is_running(lane.run_id) or (left > LOOK_EVERY and _somebody_waits()):
            return _is_running(lane.run_id) and not _somebody_waits()
        if time.monotonic() - beat > BEAT_EVERY:
            beat = time.monotonic()
            if not lane.keep():
                return False
    return True


def _seconds_until(moment: datetime) -> float:
    seconds = (moment - read_now()).total_seconds()
    db.session.rollback()
    return seconds


def _is_running(run_id: int) -> bool:
    state = db.session.scalar(sa.select(Run.state).where(Run.id == run_id))
    db.session.rollback()
    return state == "running"


def _somebody_waits() -> bool:
    try:
        return bool(get_queue("browser").count)
    except RedisError:
        return False


def _attempt(browser: EngineBrowser, claimed: Claimed, lane: Lane) -> tuple[bool, Callable[[], object]]:
    """Whether its browser crashed, and what writes down how it ended."""
    row = db.session.get_one(AutomationAttempt, claimed.attempt_id)
    request = db.session.get_one(ContactRequest, row.contact_request_id)
    dealership = db.session.get_one(Dealership, claimed.dealership_id, populate_existing=True)
    mapping = saved_for(lane.company_id, dealership.host)
    target = Target(dealership.name, dealership.website, dealership.contact_url, mapping)
    enquiry, dry_run, host = _enquiry_of(request), row.dry_run, dealership.host
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    db.session.rollback()
    line = Line(claimed, Robots(browser, host))
    with structlog.contextvars.bound_contextvars(attempt_id=claimed.attempt_id):
        try:
            with Watch(app, browser, line, lane.keep, longest=LIMITS.attempt + 30):
                outcome = attempt(browser, target, enquiry, observer=line, limits=LIMITS, dry_run=dry_run)
        except recording.LostHold:
            return False, lambda: recording.give_back(claimed, CANCELLED)
        except recording.GuardStopped:
            return False, lambda: recording.stop_by_guard(claimed)
        except Unreadable as unreadable:
            outcome = unreadable.outcome
    return outcome.failure is FailureType.BROWSER_CRASH, lambda: _end(claimed, outcome, pressed=line.pressed)


def _end(claimed: Claimed, outcome: Outcome, *, pressed: bool) -> None:
    with structlog.contextvars.bound_contextvars(attempt_id=claimed.attempt_id):
        if not pressed and watching.is_cancelled(claimed):
            recording.give_back(claimed, CANCELLED)
        else:
            _record_patiently(claimed, outcome)


def _record_patiently(claimed: Claimed, outcome: Outcome) -> None:
    """What is known after the click is worth waiting for a database that restarts; the lease sets the end."""
    pause = threading.Event()
    for turn in range(RECORD_TRIES):
        try:
            recording.record(claimed, outcome)
            return
        except (DBAPIError, PoolTimeout) as error:
            db.session.rollback()
            if not is_outage(error) or turn == RECORD_TRIES - 1:
                raise
            log.warning("record_deferred", attempt_id=claimed.attempt_id, turn=turn + 1, error=type(error).__name__)
            pause.wait(RECORD_WAIT)


def _enquiry_of(row: ContactRequest) -> Enquiry:
    names = (
        "first_name", "last_name", "email", "phone", "message", "subject", "company", "street", "city", "state", "postal_code", "country",
        "vehicle_year", "vehicle_make", "vehicle_model", "vehicle_trim", "stock_number", "vin", "preferred_contact",
    )  # fmt: skip
    return Enquiry(**{name: getattr(row, name) for name in names}, consents=frozenset(row.consents))
