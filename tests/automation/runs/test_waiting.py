"""A run that waits: what a change of its project does to that, and how long it says that it has left."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.automation.projects.support import facts
from tests.automation.runs.run_world import OK, World, failed, fresh
from webapp.automation.engine.failures import FailureType
from webapp.automation.models import Run, RunLane
from webapp.automation.queries.progress import get_progress
from webapp.automation.service import projects, runs
from webapp.automation.service.claims import Claimed, Wait, claim_next
from webapp.core.db import db as database

CLOSED = {"window_open": "09:00", "window_close": "11:00"}  # at noon in New York


def change(w: World, **changes: Any) -> None:
    project = w.project
    database.session.refresh(project)
    now = {name: getattr(project, name) for name in ("name", "window_open", "window_close", "per_minute", "dry_run")}
    made = replace(facts(place=None, window_days=[0, 1, 2, 3, 4, 5, 6], host_gap_seconds=0), **now | changes)
    projects.update_project(project.id, made, version=project.version, by=w.user)


def waiting_run(w: World) -> Run:
    """Its lanes have been served, and have left."""
    run = w.start()
    leave(run)
    assert isinstance(claim_next(run.id, w.company.id), Wait)
    return fresh(run)


def leave(run: Run) -> None:
    database.session.execute(sa.update(RunLane).where(RunLane.run_id == run.id).values(fence=RunLane.fence + 1))
    database.session.commit()


def test_a_run_that_waits_for_the_window_goes_on_when_the_window_is_moved(world: Any, worker: Any) -> None:
    w = world(2, **CLOSED)
    run = waiting_run(w)
    assert run.waiting_for == "the project's daily window"
    version, rung = run.version, len(worker.waiting())
    change(w, window_close="18:00")
    run = fresh(run)
    assert (run.waiting_until, run.waiting_for) == (None, "")
    assert run.version > version
    assert len(worker.waiting()) == rung + 2
    assert isinstance(claim_next(run.id, w.company.id), Claimed)


def test_a_run_that_waits_for_its_minute_goes_on_when_it_may_have_more_a_minute(world: Any, worker: Any) -> None:
    w = world(3, per_minute=1, window_open="00:00", window_close="00:00")
    run = w.start()
    leave(run)
    w.attempt(run, OK)
    assert isinstance(claim_next(run.id, w.company.id), Wait)
    rung = len(worker.waiting())
    change(w, per_minute=30)
    assert (fresh(run).waiting_until, len(worker.waiting())) == (None, rung + 2)


@pytest.mark.parametrize("paused", [True, False])
def test_a_change_that_moves_no_hours_and_a_paused_run_ring_for_nobody(world: Any, worker: Any, paused: bool) -> None:
    w = world(2, **CLOSED)
    run = waiting_run(w)
    change(w)
    if paused:
        runs.pause_run(run.id, by=w.user)
    rung, until = len(worker.waiting()), fresh(run).waiting_until
    change(w, **{"window_close": "18:00"} if paused else {"name": "Autumn"})
    assert (fresh(run).waiting_until, len(worker.waiting())) == (until, rung)


def test_another_companys_project_of_the_same_number_wakes_nothing(world: Any, worker: Any) -> None:
    w = world(1, **CLOSED)
    run, other = waiting_run(w), World(w.set_clock)
    rung = len(worker.waiting())
    with pytest.raises(LookupError):
        projects.update_project(w.project.id, facts(), version=1, by=other.user)
    assert (fresh(run).waiting_until is None, len(worker.waiting())) == (False, rung)


def well_under_way(world: Any, **facts: Any) -> tuple[World, Run]:
    """Five of eight done in a minute: twelve seconds each."""
    w = world(8, **facts)
    run = w.start()
    for _ in range(5):
        w.later(seconds=12)
        w.attempt(run, OK)
    assert get_progress(fresh(run)).left_seconds == 36
    return w, run


def test_the_time_left_counts_from_the_end_of_the_wait(world: Any) -> None:
    w, run = well_under_way(world)
    run = fresh(run)
    run.waiting_until = w.at + timedelta(minutes=52)
    progress = get_progress(run)
    assert (progress.left_seconds, progress.left_text) == (52 * 60 + 36, "about 53 min")
    assert progress.as_json()["estimatedTimeRemaining"] == 52 * 60 + 36
    run.waiting_until = w.at - timedelta(minutes=5)
    assert get_progress(run).left_seconds == 36


def test_a_dealership_that_waits_for_its_own_hour_is_not_done_before(world: Any) -> None:
    w, run = well_under_way(world)
    w.row(6).deferred_until = w.at + timedelta(hours=3)
    database.session.commit()
    assert get_progress(fresh(run)).left_seconds == 3 * 3600
    w.row(6).deferred_until = w.at + timedelta(hours=30)
    database.session.commit()
    assert get_progress(fresh(run)).left_seconds == 36, "so late a one is no longer this run's"


def test_the_time_left_is_no_less_than_until_the_next_try(world: Any) -> None:
    w, run = well_under_way(world)
    w.attempt(run, failed(FailureType.FORM_NOT_FOUND))
    assert 300 <= (get_progress(fresh(run)).left_seconds or 0) <= 330
    runs.cancel_run(run.id, by=w.user)
    assert get_progress(fresh(run)).left_seconds == 0
