"""Beside an attempt: its observer, which answers the engine at once, and a thread that keeps its leases and writes its steps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from webapp.automation.engine.browser import EngineBrowser
from webapp.automation.engine.outcome import Step
from webapp.automation.models import AutomationAttempt, Run
from webapp.automation.service import recording
from webapp.automation.service.claims import Claimed
from webapp.automation.service.robots import Robots
from webapp.core.db import db

log = structlog.get_logger(__name__)
LOOK_EVERY = 1.0  # seconds between two looks at the run's state
BEAT_EVERY = 10.0
PATIENCE = 4.0  # seconds that a cancelled attempt has to end by itself before its browser is ended


class Line:
    """The engine's Observer. Only the click waits for the database; whether to go on is what the watch has learned last."""

    def __init__(self, claimed: Claimed, robots: Robots) -> None:
        self.claimed, self.robots = claimed, robots
        self.pressed = self.lost = False
        self.steps: SimpleQueue[Step | None] = SimpleQueue()  # None ends the watch

    def step(self, name: Step) -> None:
        self.check()
        self.steps.put(name)

    def check(self) -> None:
        if self.lost and not self.pressed:
            raise recording.LostHold

    def may_open(self, url: str) -> str:
        return self.robots.why_not(url)

    def about_to_submit(self) -> None:
        recording.press(self.claimed)
        self.pressed = True


class Watch:
    """In a thread of its own: writes each step, keeps the leases while the browser is busy, hears a cancellation, and ends a browser that
    does not. What was pressed is left to end by itself; an attempt that takes `longest` seconds loses its browser.
    """

    def __init__(
        self, app: Flask, browser: EngineBrowser, line: Line, keep_lane: Callable[[], bool], *, longest: float
    ) -> None:
        self._app, self._browser, self._line, self._keep_lane = app, browser, line, keep_lane
        self._longest = longest
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="lane-watch")

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._line.steps.put(None)
        self._thread.join(5)

    def _run(self) -> None:
        began = last = time.monotonic()
        lost_at: float | None = None
        over = False
        while not over:
            step, over = self._next()
            now = time.monotonic()
            if now - began > self._longest and not self._over.is_set():
                log.error("attempt_overdue", attempt_id=self._line.claimed.attempt_id)
                self._browser.kill()
                return
            beat = now - last > BEAT_EVERY
            if over and step is None:
                return
            self._line.lost = self._look(step, beat=beat)
            last = now if beat or step else last
            lost_at = (lost_at or now) if self._line.lost else None
            if self._over.is_set():  # meanwhile: the browser is another attempt's
                return
            if lost_at is not None and now - lost_at >= PATIENCE - 2 * LOOK_EVERY and not self._line.pressed:
                self._browser.kill()
                return

    def _next(self) -> tuple[Step | None, bool]:
        """The step that the attempt stands at, if it is a new one, and whether the attempt is over; after LOOK_EVERY seconds at the latest."""
        steps = self._line.steps
        newest: Step | None = None
        try:
            said = steps.get(timeout=LOOK_EVERY)
            while said is not None:
                newest = said
                said = steps.get_nowait()
        except Empty:
            return newest, False
        return newest, True

    def _look(self, step: Step | None, *, beat: bool) -> bool:
        """Whether the attempt should stop. A database that is away for a moment stops none: the click asks it again, and so does the end."""
        with self._app.app_context():
            try:
                if step is None and not beat:
                    return is_cancelled(self._line.claimed)
                recording.beat(self._line.claimed, step)
                if beat:
                    self._keep_lane()
            except recording.LostHold:
                return True
            except SQLAlchemyError as error:
                log.warning("beat_missed", attempt_id=self._line.claimed.attempt_id, error=type(error).__name__)
            finally:
                db.session.remove()
        return False


def is_cancelled(claimed: Claimed) -> bool:
    """Whether the attempt's run was cancelled."""
    query = (
        sa.select(Run.state)
        .join(AutomationAttempt, AutomationAttempt.run_id == Run.id)
        .where(AutomationAttempt.id == claimed.attempt_id)
    )
    state = db.session.scalar(query)
    db.session.rollback()
    return state == "cancelled"
