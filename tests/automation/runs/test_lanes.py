"""A lane: held by one worker, left by who holds it, and what it takes next. There is no browser here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from tests.automation.runs.run_world import OK, failed, fresh
from webapp.automation.engine.failures import FailureType
from webapp.automation.models import AutomationAttempt, Run, RunLane
from webapp.automation.service import lanes, recording, runs
from webapp.automation.service.claims import Claimed
from webapp.automation.service.lanes import Lane
from webapp.core.db import db as database


class Chromium:
    """`prepared` counts the pages made beforehand."""

    def __init__(self, *, alive: bool = True) -> None:
        self.alive, self.prepared = alive, 0

    def is_alive(self) -> bool:
        return self.alive

    def is_dead(self) -> bool:
        return False

    def prepare(self, script: str) -> None:
        self.prepared += 1


def take(run: Run) -> Lane:
    """The run's first lane, as a worker takes it."""
    lane_id = database.session.scalars(
        sa.select(RunLane.id).where(RunLane.run_id == run.id).order_by(RunLane.id)
    ).first()
    assert lane_id is not None
    row = lanes._take(lane_id)
    assert row is not None
    return Lane(row.id, run.id, run.company_id, row.fence)


def begun(run: Run) -> int:
    query = sa.select(sa.func.count()).where(AutomationAttempt.run_id == run.id).select_from(AutomationAttempt)
    return database.session.scalar(query) or 0


def test_a_lane_that_somebody_serves_is_taken_by_nobody_else(world: Any, worker: Any) -> None:
    lane = take(world(1).start())
    rung = len(worker.waiting())
    assert lanes._take(lane.id) is None
    lanes._leave(lane.id, lane.fence, False)
    assert len(worker.waiting()) == rung, "there is nothing to come back for"
    again = lanes._take(lane.id)
    assert again is not None
    assert again.fence == lane.fence + 1


def test_who_has_lost_a_lane_begins_nothing_more_and_leaves_it_to_its_successor(world: Any, worker: Any) -> None:
    run = world(2).start()
    lane = take(run)
    database.session.get_one(RunLane, lane.id).lease_until = None
    database.session.commit()
    successor = take(run)
    rung = len(worker.waiting())
    assert lane.follow() is None
    lanes._leave(lane.id, lane.fence, True)
    assert begun(run) == 0
    assert len(worker.waiting()) == rung
    assert lanes._take(lane.id) is None, "it is still held"
    assert isinstance(successor.follow(), Claimed)
    lanes._leave(successor.id, successor.fence, True)
    assert len(worker.waiting()) == rung + 1


@pytest.mark.parametrize("why", ["visits", "crashes", "time"])
def test_a_lane_that_is_over_begins_nothing_more(world: Any, why: str) -> None:
    run = world(2).start()
    lane = take(run)
    lane.browser = Chromium()  # type: ignore[assignment]
    assert isinstance(lane.follow(), Claimed)
    if why == "visits":
        lane.done = lanes.MOST
    elif why == "crashes":
        lane.crashes = lanes.CRASHES
    else:
        lane._until = 0.0
    assert lane.follow() is None
    assert begun(run) == 1


@pytest.mark.parametrize(("crashed", "alive"), [(False, True), (True, True), (False, False)])
def test_the_next_page_is_prepared_only_in_a_browser_that_has_proved_itself(
    world: Any, monkeypatch: pytest.MonkeyPatch, crashed: bool, alive: bool
) -> None:
    w = world(2)
    run = w.start()
    lane, chromium = take(run), Chromium(alive=alive)
    claimed = w.claim(run)
    outcome = failed(FailureType.BROWSER_CRASH if crashed else FailureType.FORM_NOT_FOUND)
    monkeypatch.setattr(lanes, "_attempt", lambda *_: (crashed, lambda: lanes._end(claimed, outcome, pressed=False)))
    with ThreadPoolExecutor(1) as pool:
        following = lane._visit(chromium, claimed, pool)  # type: ignore[arg-type]
    assert isinstance(following, Claimed)
    assert following.project_dealership_id == w.rows[1].id
    assert chromium.prepared == int(alive and not crashed)
    assert lane.crashes == int(crashed)


def test_what_was_cancelled_before_the_press_is_given_back_whatever_its_browser_died_of(world: Any) -> None:
    w = world(1)
    run = w.start()
    claimed = w.claim(run)
    runs.cancel_run(run.id, by=w.user)
    lanes._end(claimed, failed(FailureType.BROWSER_CRASH), pressed=False)
    attempt = database.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)
    assert (attempt.status, attempt.error_type, w.status(0)) == ("cancelled", None, "pending")
    assert fresh(run).failed == 0


def test_what_was_pressed_before_its_run_was_cancelled_is_told_as_it_ended(world: Any) -> None:
    w = world(1)
    run = w.start()
    claimed = w.claim(run)
    recording.press(claimed)
    runs.cancel_run(run.id, by=w.user)
    lanes._end(claimed, OK, pressed=True)
    assert (w.status(0), w.contacts(0)[0].state) == ("success", "sent")
