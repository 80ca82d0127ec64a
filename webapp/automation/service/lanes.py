"""A lane: one worker of a run, with one browser, from dealership to dealership, until nothing is due."""

from __future__ import annotations

import os
import socket
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from flask import Flask, current_app
from playwright.sync_api import Error as BrowserError
from redis import RedisError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from webapp.accounts.hosts import list_allowed
from webapp.automation.engine.attempt import attempt
from webapp.automation.engine.browser import EngineBrowser, open_browser
from webapp.automation.engine.failures import FailureType
from webapp.automation.engine.outcome import Enquiry, Limits, Outcome, Step, Target
from webapp.automation.models import AutomationAttempt, ContactRequest, Dealership, Run, RunLane
from webapp.automation.service import recording
from webapp.automation.service.claims import Claimed, Wait, claim_next
from webapp.automation.service.mappings import as_saved, find_mapping
from webapp.automation.service.robots import Robots, Unreadable
from webapp.automation.service.runs import SOON
from webapp.automation.settings import get_settings
from webapp.core.chromium import find_chromium
from webapp.core.clock import read_now
from webapp.core.db import after_commit, atomic, db, is_outage
from webapp.core.queue import get_queue, ring

log = structlog.get_logger(__name__)
LANE_LEASE = timedelta(seconds=60)
LOOK_EVERY = 1.0  # seconds between two looks of the watch at the run's state
BEAT_EVERY = 10.0
SERVE = 900.0  # seconds; then the lane rings for itself and begins with a fresh browser
MOST = 100  # attempts of one browser
PATIENCE = 4.0  # seconds that a cancelled attempt has to end by itself before its browser is ended
CRASHES = 2  # in a row, before the browser is given up
RECORD_TRIES, RECORD_WAIT = 20, 4.0  # seconds
LIMITS = Limits()


def perform_lane(lane_id: int) -> None:
    """Serve the lane until nothing is due, its run has ended, or its time is up. A second worker on the same lane does nothing."""
    lane = _take(lane_id)
    if lane is None:
        return
    run_id, company_id, fence = lane.run_id, lane.company_id, lane.fence
    again = False
    try:
        again = _serve(lane_id, run_id, company_id, fence)
    finally:
        db.session.rollback()
        _leave(lane_id, fence, again)


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


def _serve(lane_id: int, run_id: int, company_id: int, fence: int) -> bool:
    """True when there is more to do at once."""
    until, done, crashes = time.monotonic() + SERVE, 0, 0
    with ExitStack() as stack:
        browser: EngineBrowser | None = None
        while time.monotonic() < until and done < MOST:
            if not _keep(lane_id, fence):
                return False
            claimed = claim_next(run_id, company_id)
            if claimed is None:
                return False
            if isinstance(claimed, Wait):
                if not _wait(claimed, run_id, lane_id, fence):
                    return False
                continue
            if browser is None:
                browser = _open(stack, company_id, claimed)
                if browser is None:
                    return False
            crashes = crashes + 1 if _attempt(browser, claimed, company_id, lambda: _keep(lane_id, fence)) else 0
            done += 1
            if browser.is_dead() or crashes == CRASHES:  # the next lane begins with another driver
                return True
    return True


def _open(stack: ExitStack, company_id: int, claimed: Claimed) -> EngineBrowser | None:
    """Chromium for this lane; None when it does not start: the attempt ends as a browser crash, the next lane tries again."""
    settings = current_app.config["SETTINGS"]
    try:
        return stack.enter_context(
            open_browser(find_chromium(settings.chromium_path), allowed_hosts=list_allowed(company_id), user_agent=get_settings(company_id).user_agent)
        )  # fmt: skip
    except (BrowserError, OSError) as error:
        words = "Chromium did not start"
        outcome = Outcome(
            False,
            FailureType.BROWSER_CRASH,
            words,
            "not_sent",
            trace=traceback.format_exc(),
            evidence=[str(error)[:300]],
        )
        recording.record(claimed, outcome)
        return None


def _wait(wait: Wait, run_id: int, lane_id: int, fence: int) -> bool:
    """Stay for what comes soon, while nobody else needs this worker; False: leave, and be rung for."""
    deadline = _seconds_until(wait.until)
    if deadline > SOON.total_seconds():
        return False
    end = time.monotonic() + max(deadline, 0.0)
    beat = time.monotonic()
    pause = threading.Event()
    while (left := end - time.monotonic()) > 0:
        pause.wait(min(left, LOOK_EVERY))
        if not _is_running(run_id) or (left > LOOK_EVERY and _somebody_waits()):
            return _is_running(run_id) and not _somebody_waits()
        if time.monotonic() - beat > BEAT_EVERY:
            beat = time.monotonic()
            if not _keep(lane_id, fence):
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


class Line:
    """The engine's Observer: each call is a short transaction of its own."""

    def __init__(self, claimed: Claimed, robots: Robots) -> None:
        self.claimed, self.robots = claimed, robots
        self.pressed = False
        self._checked = time.monotonic()

    def step(self, name: Step) -> None:
        self._beat(name)

    def check(self) -> None:
        if time.monotonic() - self._checked >= LOOK_EVERY:
            self._checked = time.monotonic()
            self._beat()

    def _beat(self, step: Step | None = None) -> None:
        """A database that is away for a moment ends no attempt: the click asks it again, and so does the end."""
        try:
            recording.beat(self.claimed, step)
        except (DBAPIError, PoolTimeout) as error:
            db.session.rollback()
            if not is_outage(error):
                raise
            log.warning("beat_missed", attempt_id=self.claimed.attempt_id, error=type(error).__name__)

    def may_open(self, url: str) -> str:
        return self.robots.why_not(url)

    def about_to_submit(self) -> None:
        recording.press(self.claimed)
        self.pressed = True


class Watch:
    """Beside an attempt, in a thread of its own: keeps the leases while the browser is busy, and ends a browser that does not hear a
    cancellation. What was pressed is left to end by itself; an attempt past its time loses its lease."""

    def __init__(self, app: Flask, browser: EngineBrowser, line: Line, keep_lane: Callable[[], bool]) -> None:
        self._app, self._browser, self._line, self._keep_lane = app, browser, line, keep_lane
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="lane-watch")

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)

    def _run(self) -> None:
        began = last = time.monotonic()
        cancelled_at: float | None = None
        while not self._over.wait(LOOK_EVERY):
            now = time.monotonic()
            if now - began > LIMITS.attempt + 30:
                log.error("attempt_overdue", attempt_id=self._line.claimed.attempt_id)
                self._browser.kill()
                return
            with self._app.app_context():
                try:
                    lost = self._look(beat=now - last > BEAT_EVERY)
                except (DBAPIError, PoolTimeout) as error:
                    log.warning("watch_blind", error=type(error).__name__)
                    continue
                finally:
                    db.session.remove()
            if now - last > BEAT_EVERY:
                last = now
            cancelled_at = (cancelled_at or now) if lost else None
            if cancelled_at is not None and now - cancelled_at >= PATIENCE - 2 * LOOK_EVERY and not self._line.pressed:
                self._browser.kill()
                return

    def _look(self, *, beat: bool) -> bool:
        """Whether the attempt should stop."""
        if beat:
            try:
                recording.beat(self._line.claimed)
            except recording.LostHold:
                return True
            self._keep_lane()
            return False
        query = sa.select(Run.state).join(AutomationAttempt, AutomationAttempt.run_id == Run.id)
        return db.session.scalar(query.where(AutomationAttempt.id == self._line.claimed.attempt_id)) == "cancelled"


def _attempt(browser: EngineBrowser, claimed: Claimed, company_id: int, keep_lane: Callable[[], bool]) -> bool:
    """Whether its browser crashed."""
    row = db.session.get_one(AutomationAttempt, claimed.attempt_id)
    request = db.session.get_one(ContactRequest, row.contact_request_id)
    dealership = db.session.get_one(Dealership, claimed.dealership_id, populate_existing=True)
    mapping = find_mapping(company_id, dealership.host)
    target = Target(dealership.name, dealership.website, dealership.contact_url, as_saved(mapping) if mapping else None)
    enquiry, dry_run = _enquiry_of(request), row.dry_run
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    db.session.rollback()
    line = Line(claimed, Robots(browser, dealership.host))
    structlog.contextvars.bind_contextvars(attempt_id=claimed.attempt_id)
    try:
        with Watch(app, browser, line, keep_lane):
            outcome = attempt(browser, target, enquiry, observer=line, limits=LIMITS, dry_run=dry_run)
    except recording.LostHold:
        recording.give_back(claimed, "Cancelled before anything was sent")
    except recording.GuardStopped:
        recording.stop_by_guard(claimed)
    except Unreadable as unreadable:
        recording.record(claimed, unreadable.outcome)
    else:
        if not line.pressed and _was_cancelled(claimed):
            recording.give_back(claimed, "Cancelled before anything was sent")
        else:
            _record_patiently(claimed, outcome)
            return outcome.failure is FailureType.BROWSER_CRASH
    finally:
        structlog.contextvars.unbind_contextvars("attempt_id")
    return False


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


def _was_cancelled(claimed: Claimed) -> bool:
    query = (
        sa.select(Run.state)
        .join(AutomationAttempt, AutomationAttempt.run_id == Run.id)
        .where(AutomationAttempt.id == claimed.attempt_id)
    )
    state = db.session.scalar(query)
    db.session.rollback()
    return state == "cancelled"


def _enquiry_of(row: ContactRequest) -> Enquiry:
    names = (
        "first_name", "last_name", "email", "phone", "message", "subject", "company", "street", "city", "state", "postal_code", "country",
        "vehicle_year", "vehicle_make", "vehicle_model", "vehicle_trim", "stock_number", "vin", "preferred_contact",
    )  # fmt: skip
    return Enquiry(**{name: getattr(row, name) for name in names}, consents=frozenset(row.consents))
