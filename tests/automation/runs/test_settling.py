"""What became of a message that may have been sent: a dry run in between spoils nothing, a person's word is counted everywhere."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.automation.runs.run_world import OK, failed, fresh
from tests.factories import make_attempt, make_project_dealership
from webapp.automation.engine.failures import FailureType
from webapp.automation.models import AutomationAttempt, RunLog
from webapp.automation.queries.progress import count_by_hour, list_events, list_failures
from webapp.automation.service.manual import Override, override, retry_now, settle_unknown
from webapp.automation.service.orphans import close_orphans
from webapp.automation.service.recording import LostHold, beat, give_back
from webapp.automation.service.runs import RunRefused, cancel_run, pause_run, resume_run
from webapp.core.db import db as database

UNKNOWN = failed(FailureType.SUBMISSION_FAILED, submission="unconfirmed")
DRY_OK = type(OK)(True, submission="not_sent")
KEPT = (
    "contact_status", "last_attempt_id", "last_attempt_at", "next_retry_at", "deferred_until", "reason", "error_type", "submission",
    "retry_counts", "contact_attempts", "run_id",
)  # fmt: skip


def kept(w: Any, number: int = 0) -> dict[str, Any]:
    row = w.row(number)
    return {name: getattr(row, name) for name in KEPT}


@pytest.mark.parametrize(
    "outcome", [DRY_OK, failed(FailureType.FORM_NOT_FOUND), type(OK)(False, disallowed="robots.txt says no")]
)
def test_a_dry_run_leaves_what_the_last_real_attempt_said_of_a_row(world: Any, outcome: Any) -> None:
    w = world(1)
    run = w.start()
    w.attempt(run, failed(FailureType.PAGE_TIMEOUT, submission="not_sent"))
    cancel_run(run.id, by=w.user)
    before = kept(w)
    assert before["reason"] == "Not tried again: the run was cancelled"
    dry = w.start(dry_run=True)
    w.attempt(dry, outcome)
    assert kept(w) == before
    assert fresh(dry).state == "finished"


def test_a_dry_run_over_an_unknown_outcome_leaves_it_to_be_settled(world: Any) -> None:
    w = world(1)
    real = w.attempt(w.start(), UNKNOWN)
    w.attempt(w.start(dry_run=True), DRY_OK)
    assert (w.row(0).last_attempt_id, w.row(0).reason) == (
        real.attempt_id,
        "Outcome unknown: ask them before anything is sent again",
    )
    settle_unknown(real.attempt_id, arrived=False, by=w.user)
    w.later(minutes=5)
    w.attempt(retry_now(w.rows[0].id, by=w.user), OK)
    assert w.status(0) == "success"


def test_a_row_whose_last_attempt_an_older_rebound_wrote_as_the_dry_one_is_settled_all_the_same(world: Any) -> None:
    w = world(1)
    real = w.attempt(w.start(), UNKNOWN)
    w.row(0).last_attempt_id = w.attempt(w.start(dry_run=True), DRY_OK).attempt_id
    database.session.commit()
    settle_unknown(real.attempt_id, arrived=True, by=w.user)
    assert w.status(0) == "manual_override"


def test_a_dry_run_in_hand_ends_when_it_is_cancelled(world: Any) -> None:
    w = world(1)
    w.attempt(w.start(), UNKNOWN)
    dry = w.start(dry_run=True)
    claimed = w.claim(dry)
    beat(claimed, "loading_page")
    version = fresh(dry).version
    beat(claimed, "filling_form")
    assert fresh(dry).version == version + 1
    cancel_run(dry.id, by=w.user)
    with pytest.raises(LostHold):
        beat(claimed)


REFUSED = failed(FailureType.SUBMISSION_FAILED, submission="rejected")


def test_what_a_site_refused_is_sent_again_only_when_a_person_asks(world: Any) -> None:
    w = world(1)
    w.attempt(w.start(), REFUSED)
    assert (w.row(0).next_retry_at, w.status(0)) == (None, "failed")
    w.later(days=2)
    for again in (False, True):
        with pytest.raises(RunRefused, match="No dealership is due"):
            w.start(retry_failed=again)
    w.attempt(retry_now(w.rows[0].id, by=w.user, dry_run=True), DRY_OK)
    w.attempt(retry_now(w.rows[0].id, by=w.user), OK)
    assert w.status(0) == "success"


def test_a_wall_and_a_site_that_refuses_once_more_end_the_retry_that_a_person_asked_for(world: Any) -> None:
    w = world(1)
    w.attempt(w.start(), REFUSED)
    w.later(minutes=5)
    run = retry_now(w.rows[0].id, by=w.user)
    w.attempt(run, REFUSED)
    assert (fresh(run).state, w.row(0).next_retry_at) == ("finished", None)


def test_a_retry_comes_first_in_the_run_that_is_going_on(world: Any) -> None:
    w = world(4)
    run = w.start()
    w.attempt(run, failed(FailureType.CAPTCHA_DETECTED, submission="not_sent"))
    w.attempt(run, REFUSED)
    for number in (3, 1):
        assert retry_now(w.rows[number].id, by=w.user).id == run.id
    version = fresh(run).version
    assert [w.attempt(run, OK).project_dealership_id for _ in range(3)] == [w.rows[n].id for n in (1, 3, 2)]
    assert fresh(run).version > version
    assert (fresh(run).state, fresh(run).successful, fresh(run).failed) == ("finished", 3, 1)
    assert w.status(0) == "blocked", "nobody asked for that one"


def test_a_retry_joins_a_run_of_chosen_ones_and_a_paused_run_keeps_it_until_it_goes_on(world: Any) -> None:
    w = world(3)
    w.attempt(w.start(chosen=[w.rows[2].id]), failed(FailureType.BOT_DETECTION, submission="not_sent"))
    run = w.start(chosen=[w.rows[0].id, w.rows[1].id])
    pause_run(run.id, by=w.user)
    w.later(minutes=5)
    retry_now(w.rows[2].id, by=w.user)
    assert (fresh(run).total, fresh(run).chosen) == (3, [row.id for row in w.rows])
    resume_run(run.id, by=w.user)
    assert w.attempt(run, OK).project_dealership_id == w.rows[2].id


def test_a_retry_is_refused_while_a_dry_run_goes_on_and_when_something_is_to_be_settled(world: Any) -> None:
    w = world(2)
    run = w.start()
    w.attempt(run, UNKNOWN)
    with pytest.raises(RunRefused, match="settle"):
        retry_now(w.rows[0].id, by=w.user)
    with pytest.raises(RunRefused, match="going on"):
        retry_now(w.rows[1].id, by=w.user, dry_run=True)
    cancel_run(run.id, by=w.user)
    w.start(dry_run=True)
    with pytest.raises(RunRefused, match="going on"):
        retry_now(w.rows[1].id, by=w.user)


def test_a_retry_of_one_that_the_run_has_left_for_another_day_is_refused_and_changes_nothing(world: Any) -> None:
    w = world(2)
    make_attempt(w.rows[1], w.start(), "skipped", skip_reason="guard")
    before = kept(w, 1)
    with pytest.raises(RunRefused, match="dealt with it already"):
        retry_now(w.rows[1].id, by=w.user)
    database.session.expire_all()
    assert kept(w, 1) == before


def test_what_a_person_settles_is_counted_anew_in_its_run(world: Any) -> None:
    w = world(3)
    run = w.start()
    first, second, _ = w.attempt(run, UNKNOWN), w.attempt(run, UNKNOWN), w.attempt(run, OK)
    run = fresh(run)
    assert (run.state, run.successful, run.failed) == ("finished", 1, 2)
    version = run.version
    settle_unknown(first.attempt_id, arrived=True, by=w.user)
    run = fresh(run)
    assert (run.total, run.processed, run.successful, run.failed, run.attempts) == (3, 3, 2, 1, 3)
    assert run.version > version
    assert [tuple(row) for row in list_failures(run)] == [("submission_failed", 1, 1)]
    assert [(hour[1], hour[2]) for hour in count_by_hour(run, "UTC")] == [(2, 1)]
    assert w.row(0).error_type is None
    settle_unknown(second.attempt_id, arrived=False, by=w.user)
    assert (fresh(run).successful, fresh(run).failed) == (2, 1)
    assert database.session.get_one(AutomationAttempt, second.attempt_id).settled_by_id == w.user.id


def test_an_outcome_is_settled_while_its_run_goes_on(world: Any) -> None:
    w = world(2)
    run = w.start()
    first = w.attempt(run, UNKNOWN)
    settle_unknown(first.attempt_id, arrived=True, by=w.user)
    assert (fresh(run).state, fresh(run).successful, fresh(run).failed) == ("running", 1, 0)
    w.attempt(run, OK)
    assert (fresh(run).state, fresh(run).successful) == ("finished", 2)


def told(w: Any) -> list[tuple[str, Any, Any]]:
    return [(one.type, one.payload.get("oldStatus"), one.payload.get("newStatus")) for one in list_events(w.project)]


def logged(operation: str) -> list[RunLog]:
    return list(database.session.scalars(sa.select(RunLog).where(RunLog.operation == operation).order_by(RunLog.id)))


def test_events_and_the_log_tell_from_which_status_to_which(world: Any) -> None:
    w = world(1)
    w.attempt(w.start(), OK)
    assert told(w)[1:3] == [
        ("dealership_started", "pending", "in_progress"),
        ("dealership_completed", "in_progress", "success"),
    ]
    lines = [(line.details["old_status"], line.details["new_status"]) for line in logged("status_change")]
    assert lines == [("pending", "in_progress"), ("in_progress", "success")]


def test_what_a_person_does_by_hand_is_told_and_logged(world: Any) -> None:
    w = world(3)
    run = w.start()
    first = w.attempt(run, UNKNOWN)
    w.attempt(run, failed(FailureType.CAPTCHA_DETECTED, submission="not_sent"))
    settle_unknown(first.attempt_id, arrived=True, by=w.user)
    assert told(w)[-1] == ("dealership_completed", "failed", "manual_override")
    override(w.rows[1].id, Override("manual_override", contacted_by="Grace Hopper"), by=w.user)
    assert told(w)[-1] == ("dealership_completed", "blocked", "manual_override")
    override(w.rows[2].id, Override("skipped"), by=w.user)
    assert told(w)[-2:] == [("dealership_completed", "pending", "skipped"), ("automation_completed", None, None)]
    assert fresh(run).state == "finished", "nothing is left of it"
    lines = logged("manual_override")
    assert [line.details["old_status"] for line in lines] == ["blocked", "pending"]
    assert lines[0].details["contacted_by"] == "Grace Hopper"
    assert [line.details["new_status"] for line in logged("outcome_settled")] == ["manual_override"]


def test_one_that_no_run_has_seen_is_logged_all_the_same(world: Any) -> None:
    w = world(1)
    override(w.rows[0].id, Override("skipped", "not ours"), by=w.user)
    (line,) = logged("manual_override")
    assert (line.run_id, line.project_id, line.details["old_status"]) == (None, w.project.id, "pending")
    assert told(w) == []


@pytest.mark.parametrize("ending", ["given back", "died", "timed out"])
def test_a_retry_of_what_was_refused_that_sent_nothing_leaves_it_to_a_person_again(world: Any, ending: str) -> None:
    w = world(1)
    w.attempt(w.start(), REFUSED)
    w.later(minutes=5)
    run = retry_now(w.rows[0].id, by=w.user)
    if ending == "timed out":
        w.attempt(run, failed(FailureType.PAGE_TIMEOUT, submission="not_sent"))
    elif ending == "died":
        w.claim(run)
        w.later(minutes=5)
        close_orphans()
    else:
        give_back(w.claim(run), "stopped")
    cancel_run(run.id, by=w.user)
    w.later(days=2)
    for again in (False, True):
        with pytest.raises(RunRefused, match="No dealership is due"):
            w.start(retry_failed=again)
    other = make_project_dealership(w.project, w.list, distance_miles=9)
    run = w.start()
    retry_now(w.rows[0].id, by=w.user)
    assert [w.attempt(run, OK).project_dealership_id for _ in range(2)] == [w.rows[0].id, other.id]
