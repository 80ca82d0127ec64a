"""Beside an attempt: who hears that it should stop, what is written meanwhile, and whose browser is ended. There is no browser here."""

from __future__ import annotations

from threading import Event, Semaphore
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tests.automation.runs.run_world import NOON, fresh
from webapp.automation.models import AutomationAttempt
from webapp.automation.service import recording, runs, watching
from webapp.automation.service.claims import Claimed
from webapp.automation.service.watching import Line, Watch
from webapp.core.db import db as database

WAIT = 15  # seconds, for what comes at once


class Chromium:
    def __init__(self) -> None:
        self.killed = Event()

    def kill(self) -> None:
        self.killed.set()


class Beside:
    """A claimed attempt with its line and its watch, which looks without a pause; `looks` counts the short looks."""

    def __init__(self, world: Any, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world(1)
        self.run = self.world.start()
        self.claimed: Claimed = self.world.claim(self.run)
        self.line = Line(self.claimed, None)  # type: ignore[arg-type]  no page is opened
        self.chromium, self.kept, self.looks = Chromium(), Event(), Semaphore(0)
        self._app = app
        monkeypatch.setattr(watching, "LOOK_EVERY", 0.01)
        monkeypatch.setattr(watching, "PATIENCE", 0.0)
        look = watching.is_cancelled

        def is_cancelled(claimed: Claimed) -> bool:
            try:
                return look(claimed)
            finally:
                self.looks.release()

        monkeypatch.setattr(watching, "is_cancelled", is_cancelled)

    def watch(self, *, longest: float = 600) -> Watch:
        return Watch(self._app, self.chromium, self.line, self.keep_lane, longest=longest)  # type: ignore[arg-type]

    def keep_lane(self) -> bool:
        self.kept.set()
        return True

    def cancel(self) -> None:
        runs.cancel_run(self.run.id, by=self.world.user)

    def has_looked(self, times: int = 3) -> bool:
        """So often that what the look before the last one found was acted upon."""
        return all(self.looks.acquire(timeout=WAIT) for _ in range(times))

    def step(self) -> str | None:
        database.session.rollback()
        return database.session.get_one(AutomationAttempt, self.claimed.attempt_id, populate_existing=True).step


@pytest.fixture
def beside(world: Any, app: Any, monkeypatch: pytest.MonkeyPatch) -> Beside:
    return Beside(world, app, monkeypatch)


def test_what_was_lost_stops_at_the_next_question_unless_it_was_pressed(beside: Beside) -> None:
    line = beside.line
    line.check()
    line.lost = True
    with pytest.raises(recording.LostHold):
        line.check()
    with pytest.raises(recording.LostHold):
        line.step("submitting")
    line.lost = False
    line.about_to_submit()
    line.lost = True
    line.check()
    line.step("submitting")


def test_a_cancelled_attempt_that_does_not_end_by_itself_loses_its_browser(beside: Beside) -> None:
    beside.cancel()
    with beside.watch():
        assert beside.chromium.killed.wait(WAIT)
    with pytest.raises(recording.LostHold):
        beside.line.check()


def test_an_attempt_that_another_worker_has_taken_loses_its_browser_at_the_next_beat(beside: Beside) -> None:
    beside.world.row(0).fence += 1
    database.session.commit()
    with beside.watch():
        beside.line.step("loading_page")
        assert beside.chromium.killed.wait(WAIT)
    assert beside.step() == "starting", "who holds it now says where it stands"


def test_what_was_pressed_is_left_to_end_by_itself(beside: Beside) -> None:
    beside.line.about_to_submit()
    beside.cancel()
    with beside.watch():
        assert beside.has_looked()
    assert beside.line.lost
    assert not beside.chromium.killed.is_set()


def test_an_attempt_without_an_end_loses_its_browser_also_when_it_was_pressed(beside: Beside) -> None:
    beside.line.about_to_submit()
    with beside.watch(longest=0):
        assert beside.chromium.killed.wait(WAIT)


def test_the_last_step_is_written_also_when_the_attempt_ends_with_it(beside: Beside) -> None:
    version = fresh(beside.run).version
    with beside.watch():
        beside.line.step("loading_page")
        beside.line.step("filling_form")
    assert beside.step() == "filling_form"
    assert fresh(beside.run).version > version, "the run's page shows it"


def test_while_a_page_loads_both_leases_are_kept(beside: Beside, monkeypatch: pytest.MonkeyPatch) -> None:
    beside.world.row(0).lease_until = NOON
    database.session.commit()
    monkeypatch.setattr(watching, "BEAT_EVERY", -1.0)
    with beside.watch():
        assert beside.kept.wait(WAIT)
    assert beside.world.row(0).lease_until > NOON


def test_a_database_that_is_away_for_a_moment_ends_no_attempt(beside: Beside, monkeypatch: pytest.MonkeyPatch) -> None:
    beat, away = recording.beat, Event()

    def beat_but_once(claimed: Claimed, step: Any = None) -> None:
        if not away.is_set():
            away.set()
            raise OperationalError("SELECT", {}, ConnectionError("the server closed the connection"))
        beat(claimed, step)

    monkeypatch.setattr(recording, "beat", beat_but_once)
    with beside.watch():
        beside.line.step("loading_page")
        assert away.wait(WAIT)
        assert beside.has_looked()
        beside.line.step("filling_form")
    assert beside.step() == "filling_form"
    assert not beside.chromium.killed.is_set()
