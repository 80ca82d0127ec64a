"""Who is next in a run, what holds it back, and how a run starts, pauses, resumes and ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.automation.runs.run_world import OK, failed, fresh
from tests.factories import make_company, make_contact_request, make_project, make_user
from webapp.automation.engine.failures import FailureType
from webapp.automation.models import AutomationAttempt, AutomationSettings, Dealership, Run, RunEvent, RunLane
from webapp.automation.rules import LEASE
from webapp.automation.service import claims, orphans, recording, runs
from webapp.automation.service.claims import Wait, claim_next
from webapp.automation.service.manual import Override, override
from webapp.automation.service.runs import RunRefused
from webapp.core.db import db as database
from webapp.core.states import MoveRefused
from webapp.timeline.dnc import block_lead
from webapp.timeline.service import Draft, log_contact


def test_a_run_takes_the_nearest_first_and_ends_when_nothing_is_left(world: Any) -> None:
    w = world(3)
    run = w.start()
    took = [w.attempt(run, OK).project_dealership_id for _ in range(3)]
    assert took == [row.id for row in w.rows]
    assert claim_next(run.id, w.company.id) is None
    run = fresh(run)
    assert (run.state, run.total, run.processed, run.successful, run.failed, run.skipped) == ("finished", 3, 3, 3, 0, 0)


def test_a_retry_comes_when_its_time_has_come_and_the_run_waits_for_it(world: Any) -> None:
    w = world(1)
    run = w.start()
    w.attempt(run, failed(FailureType.PAGE_TIMEOUT))
    assert fresh(run).state == "running"
    waiting = claim_next(run.id, w.company.id)
    assert isinstance(waiting, Wait)
    assert timedelta(seconds=30) <= waiting.until - w.at <= timedelta(seconds=33)
    w.later(seconds=29)
    assert isinstance(claim_next(run.id, w.company.id), Wait)
    w.later(seconds=5)
    w.attempt(run, failed(FailureType.PAGE_TIMEOUT))
    w.later(seconds=34)
    w.attempt(run, failed(FailureType.PAGE_TIMEOUT))
    assert (fresh(run).state, fresh(run).failed, w.row(0).contact_attempts) == ("finished", 1, 3)
    assert w.row(0).next_retry_at is None


def test_the_guard_is_asked_before_the_visit_and_again_before_the_click(world: Any) -> None:
    w = world(2)
    log_contact(w.lead_id(0), Draft("web_form"), by=w.user)
    run = w.start()
    claimed = w.claim(run)
    assert claimed.project_dealership_id == w.rows[1].id, "the first was contacted a moment ago"
    assert (w.status(0), w.row(0).reason[:17]) == ("pending", "Contacted already")
    log_contact(w.lead_id(1), Draft("web_form"), by=w.user)
    with pytest.raises(recording.GuardStopped):
        recording.press(claimed)
    recording.stop_by_guard(claimed)
    assert w.status(1) == "pending"
    assert w.row(1).deferred_until is not None
    assert [c.state for c in w.contacts(1)] == ["recorded"]


def test_do_not_contact_skips_for_ever(world: Any) -> None:
    w = world(2)
    block_lead(w.lead_id(0), None, "asked us", by=w.user)
    run = w.start()
    assert w.claim(run).project_dealership_id == w.rows[1].id
    assert w.status(0) == "skipped"
    (attempt,) = database.session.scalars(sa.select(AutomationAttempt).where(AutomationAttempt.status == "skipped"))
    assert attempt.skip_reason == "do_not_contact"
    assert fresh(run).skipped == 1


def test_a_host_is_visited_by_one_at_a_time_and_rests_between_two(world: Any) -> None:
    w = world(2, host_gap_seconds=90)
    for row in w.rows:
        database.session.get_one(Dealership, row.dealership_id).host = "same.example.com"
    database.session.commit()
    run = w.start()
    claimed = w.claim(run)
    assert isinstance(claim_next(run.id, w.company.id), Wait)
    recording.press(claimed)
    recording.record(claimed, OK)
    w.later(seconds=89)
    assert isinstance(claim_next(run.id, w.company.id), Wait)
    w.later(seconds=2)
    assert w.claim(run).project_dealership_id == w.rows[1].id


@pytest.mark.parametrize("rests", [False, True])
def test_a_host_that_is_being_visited_or_rests_holds_up_no_other(world: Any, rests: bool) -> None:
    w = world(3, host_gap_seconds=90)
    for row in w.rows[:2]:
        database.session.get_one(Dealership, row.dealership_id).host = "same.example.com"
    database.session.commit()
    run = w.start()
    first = w.attempt(run, OK) if rests else w.claim(run)
    assert first.project_dealership_id == w.rows[0].id
    assert w.claim(run).project_dealership_id == w.rows[2].id


def test_a_host_that_another_project_takes_in_the_same_moment_is_left_to_it(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world(1)
    run = w.start()
    look = claims._may_contact

    def look_while_another_takes_it(run: Run, found: Any, company_id: int) -> bool:
        with database.engine.begin() as other:
            other.execute(claims._TAKE_HOST, {"host": found.host, "lease": LEASE})
        return look(run, found, company_id)

    monkeypatch.setattr(claims, "_may_contact", look_while_another_takes_it)
    assert isinstance(claim_next(run.id, w.company.id), Wait)
    assert w.status(0) == "pending"


def test_a_host_has_so_many_visits_a_day_and_the_next_day_again(world: Any) -> None:
    w = world(3)
    database.session.get_one(AutomationSettings, w.company.id).daily_per_host = 2
    for row in w.rows:
        database.session.get_one(Dealership, row.dealership_id).host = "same.example.com"
    database.session.commit()
    run = w.start()
    for _ in range(2):
        w.attempt(run, OK)
        w.later(minutes=5)
    waiting = claim_next(run.id, w.company.id)
    assert isinstance(waiting, Wait)
    assert waiting.why == "same.example.com has had its visits of today"
    w.later(days=1)
    assert w.claim(run).project_dealership_id == w.rows[2].id


def test_a_site_that_asks_for_time_slows_only_itself(world: Any) -> None:
    w = world(2)
    run = w.start()
    w.attempt(run, failed(FailureType.RATE_LIMITED, retry_after=600.0))
    assert w.status(0) == "blocked"
    assert w.claim(run).project_dealership_id == w.rows[1].id
    w.later(seconds=599)
    assert isinstance(claim_next(run.id, w.company.id), Wait)
    w.later(seconds=2)
    assert w.claim(run).project_dealership_id == w.rows[0].id


def test_a_minute_and_a_day_have_their_limits(world: Any) -> None:
    w = world(4, per_minute=2, window_open="09:00", window_close="17:00", window_days=[0, 1, 2, 3, 4])
    run = w.start()
    w.attempt(run, OK)
    w.attempt(run, OK)
    waiting = claim_next(run.id, w.company.id)
    assert isinstance(waiting, Wait)
    assert waiting.until == w.at + timedelta(seconds=60)
    w.later(hours=6)
    closed = claim_next(run.id, w.company.id)
    assert isinstance(closed, Wait)
    assert (closed.until, closed.why) == (datetime(2026, 6, 11, 13, 0, tzinfo=UTC), "the project's daily window")


def test_what_a_person_has_chosen_does_not_wait_for_the_daily_window(world: Any) -> None:
    w = world(2, window_open="18:00", window_close="19:00")
    run = w.start(chosen=[w.rows[1].id])
    assert w.claim(run).project_dealership_id == w.rows[1].id


def test_a_dry_run_visits_also_whom_nobody_may_write_to(world: Any) -> None:
    w = world(1, dry_run=True)
    block_lead(w.lead_id(0), None, "asked us", by=w.user)
    w.claim(w.start())


def test_what_a_cancelled_dry_run_has_in_hand_is_not_taken_by_the_next_before_it_is_closed(world: Any) -> None:
    w = world(1, dry_run=True)
    first = w.start()
    w.claim(first)
    runs.cancel_run(first.id, by=w.user)
    second = w.start()
    assert isinstance(claim_next(second.id, w.company.id), Wait)
    w.later(seconds=121)
    assert isinstance(claim_next(second.id, w.company.id), Wait), "its worker may be alive yet"
    assert orphans.close_orphans() == 1
    w.later(seconds=70)
    w.claim(second)


def test_a_paused_run_hands_out_nothing_and_a_resumed_one_goes_on(world: Any) -> None:
    w = world(2)
    run = w.start()
    held = w.claim(run)
    runs.pause_run(run.id, by=w.user)
    runs.pause_run(run.id, by=w.user)
    assert claim_next(run.id, w.company.id) is None
    recording.press(held)
    assert recording.record(held, OK), "what is in hand is finished"
    runs.resume_run(run.id, by=w.user)
    w.attempt(run, OK)
    assert fresh(run).state == "finished"
    with pytest.raises(MoveRefused):
        runs.pause_run(run.id, by=w.user)


def test_a_cancelled_run_gives_back_what_was_not_sent_and_keeps_what_was(world: Any) -> None:
    w = world(3)
    run = w.start()
    one, two = w.claim(run), w.claim(run)
    recording.press(two)
    runs.cancel_run(run.id, by=w.user)
    with pytest.raises(recording.LostHold):
        recording.beat(one)
    recording.give_back(one, "cancelled")
    recording.beat(two)
    assert recording.record(two, OK)
    assert [w.status(n) for n in range(3)] == ["pending", "success", "pending"]
    assert fresh(run).state == "cancelled"
    assert claim_next(run.id, w.company.id) is None


def test_one_run_of_a_project_at_a_time_and_pressing_twice_is_one(world: Any) -> None:
    w = world(2)
    run = w.start(form_token="a")
    assert w.start(form_token="a").id == run.id
    with pytest.raises(RunRefused, match="going on"):
        w.start(form_token="b")
    assert database.session.scalar(sa.select(sa.func.count()).select_from(RunLane)) == 2


def test_a_run_without_a_request_or_without_anything_due_is_refused_and_leaves_nothing(world: Any) -> None:
    w = world(1)
    empty = make_project(w.company, dry_run=False)
    with pytest.raises(RunRefused, match="contact request"):
        runs.start_run(empty.id, by=w.user)
    make_contact_request(empty)
    with pytest.raises(RunRefused, match="No dealership is due"):
        runs.start_run(empty.id, by=w.user)
    assert database.session.scalar(sa.select(sa.func.count()).select_from(Run)) == 0


def test_a_run_pauses_itself_when_nearly_everything_fails_and_says_why(world: Any) -> None:
    w = world(25)
    run = w.start()
    for _ in range(20):
        w.attempt(run, failed(FailureType.CAPTCHA_DETECTED))
    run = fresh(run)
    assert run.state == "paused"
    assert "20 of the last 20 attempts failed, most by “Captcha”" in run.paused_reason
    runs.resume_run(run.id, by=w.user)
    w.attempt(run, failed(FailureType.CAPTCHA_DETECTED))
    assert fresh(run).state == "running", "what it had seen before the pause counts no more"


def test_waking_rings_for_sleeping_lanes_of_running_runs_only(world: Any, worker: Any) -> None:
    w = world(2, window_open="09:00", window_close="12:30")
    run = w.start()
    assert len(worker.waiting()) == 2
    w.later(hours=2)
    claim_next(run.id, w.company.id)
    assert runs.wake_runs() == 0, "the window opens tomorrow"
    w.later(hours=19, minutes=30)
    assert runs.wake_runs() == 2
    runs.pause_run(run.id, by=w.user)
    assert runs.wake_runs() == 0


def test_another_company_sees_and_moves_nothing(world: Any) -> None:
    w = world(1)
    run = w.start()
    stranger = make_user(make_company(), role="admin")
    for call in (runs.pause_run, runs.cancel_run, runs.resume_run):
        with pytest.raises(LookupError):
            call(run.id, by=stranger)
    with pytest.raises(LookupError):
        override(w.rows[0].id, Override("skipped"), by=stranger)
    with pytest.raises(LookupError):
        runs.start_run(w.project.id, by=stranger)
    assert claim_next(run.id, stranger.company_id) is None
    assert (
        database.session.scalar(
            sa.select(sa.func.count()).where(RunEvent.company_id == stranger.company_id).select_from(RunEvent)
        )
        == 0
    )
