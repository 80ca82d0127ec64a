"""What an attempt leaves: on the ledger, the timeline and the attempt, in the run's counters, events and log."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.automation.runs.run_world import OK, failed, fresh
from webapp.automation.engine.failures import FailureType
from webapp.automation.engine.outcome import Outcome
from webapp.automation.models import AutomationAttempt, RunLog
from webapp.automation.queries.progress import get_progress, list_events
from webapp.automation.service import orphans, recording
from webapp.automation.service.claims import claim_next
from webapp.automation.service.manual import retry_now
from webapp.automation.service.runs import RunRefused
from webapp.core.audit import StatusChange
from webapp.core.db import db as database


def test_a_success_stands_on_the_ledger_the_timeline_and_the_attempt(world: Any) -> None:
    w = world(1)
    run = w.start()
    claimed = w.attempt(run, OK)
    assert w.status(0) == "success"
    moves = database.session.execute(
        sa.select(StatusChange.old_status, StatusChange.new_status, StatusChange.evidence_id)
        .where(StatusChange.machine == "contact status").order_by(StatusChange.id)
    ).all()  # fmt: skip
    assert [tuple(m) for m in moves] == [
        ("pending", "in_progress", claimed.attempt_id),
        ("in_progress", "success", claimed.attempt_id),
    ]
    (contact,) = w.contacts(0)
    assert (contact.method, contact.state, contact.source, contact.source_id) == (
        "web_form",
        "sent",
        "automation",
        claimed.attempt_id,
    )
    attempt = database.session.get_one(AutomationAttempt, claimed.attempt_id)
    assert (attempt.status, attempt.contact_id, attempt.page_load_time_ms) == ("success", contact.id, 500)


@pytest.mark.parametrize(
    ("kind", "status", "attempt_status"),
    [
        (FailureType.PAGE_TIMEOUT, "failed", "timeout"), (FailureType.FORM_NOT_FOUND, "failed", "failed"),
        (FailureType.CAPTCHA_DETECTED, "blocked", "blocked"), (FailureType.IP_BLOCKED, "blocked", "blocked"),
        (FailureType.SUBMISSION_FAILED, "failed", "failed"),
    ],
)  # fmt: skip
def test_a_failure_before_the_click_leaves_no_contact(
    world: Any, kind: FailureType, status: str, attempt_status: str
) -> None:
    w = world(1)
    claimed = w.attempt(w.start(), failed(kind, submission="not_sent"))
    assert w.status(0) == status
    assert database.session.get_one(AutomationAttempt, claimed.attempt_id).status == attempt_status
    assert w.contacts(0) == []


def test_what_may_have_been_sent_ends_unknown_and_no_run_takes_it_again(world: Any) -> None:
    w = world(1)
    run = w.start()
    w.attempt(run, failed(FailureType.SUBMISSION_FAILED, submission="unconfirmed"))
    assert (w.status(0), w.contacts(0)[0].state, fresh(run).state) == ("failed", "unknown", "finished")
    w.later(days=30)
    with pytest.raises(RunRefused):
        w.start(retry_failed=True)
    with pytest.raises(RunRefused, match="settle"):
        retry_now(w.rows[0].id, by=w.user)


@pytest.mark.parametrize("pressed", [False, True])
def test_a_dead_workers_dealership_is_pending_again_unless_the_form_was_sent(world: Any, pressed: bool) -> None:
    w = world(1)
    run = w.start()
    claimed = w.claim(run)
    if pressed:
        recording.press(claimed)
    assert orphans.close_orphans() == 0
    w.later(seconds=121)
    assert orphans.close_orphans() == 1
    assert orphans.close_orphans() == 0
    attempt = database.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)
    assert not recording.record(claimed, OK), "the dead worker came back and spoke"
    if pressed:
        assert (attempt.error_type, attempt.submission, w.status(0)) == ("submission_failed", "unconfirmed", "failed")
        assert "utcome unknown" in w.row(0).reason
        assert w.contacts(0)[0].state == "unknown"
        assert fresh(run).state == "finished"
    else:
        assert (attempt.error_type, attempt.status, w.status(0)) == ("browser_crash", "failed", "pending")
        w.later(seconds=70)
        w.attempt(run, OK)
        assert w.status(0) == "success"


def test_a_sign_of_life_in_the_last_moment_keeps_an_attempt_from_being_closed(world: Any) -> None:
    w = world(1)
    claimed = w.claim(w.start())
    assert not orphans._close(claimed.attempt_id), "it was found with a lapsed lease, which has been kept since"
    recording.press(claimed)
    assert recording.record(claimed, OK)


def test_a_worker_that_slept_while_another_took_over_neither_presses_nor_says_how_it_ended(world: Any) -> None:
    w = world(1)
    run = w.start()
    sleeper = w.claim(run)
    w.later(seconds=121)
    assert orphans.close_orphans() == 1
    w.later(seconds=70)
    successor = w.claim(run)
    with pytest.raises(recording.LostHold):
        recording.beat(sleeper, "filling_form")
    with pytest.raises(recording.LostHold):
        recording.press(sleeper)
    assert not recording.record(sleeper, OK)
    recording.give_back(sleeper, "cancelled")
    assert (w.status(0), w.contacts(0)) == ("in_progress", [])
    recording.press(successor)
    assert recording.record(successor, OK)
    assert w.status(0) == "success"


def test_what_was_given_back_is_not_pressed_any_more(world: Any) -> None:
    w = world(1)
    claimed = w.claim(w.start())
    recording.give_back(claimed, "cancelled")
    with pytest.raises(recording.LostHold):
        recording.press(claimed)
    assert (w.status(0), w.contacts(0)) == ("pending", [])


@pytest.mark.parametrize(
    ("kind", "said", "submission"),
    [
        (FailureType.PAGE_TIMEOUT, None, "unconfirmed"), (FailureType.BROWSER_CRASH, None, "unconfirmed"),
        (FailureType.BROWSER_CRASH, "not_sent", "unconfirmed"), (FailureType.SUBMISSION_FAILED, "not_sent", "not_sent"),
    ],
)  # fmt: skip
def test_what_was_pressed_is_unknown_unless_somebody_saw_what_came_of_it(
    world: Any, kind: FailureType, said: Any, submission: str
) -> None:
    w = world(1)
    claimed = w.attempt(w.start(), failed(kind, submission=said), press=True)
    attempt = database.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)
    assert (attempt.error_type, attempt.submission) == ("submission_failed", submission)
    assert attempt.also == ([kind.value] if submission == "unconfirmed" else [])
    assert [contact.state for contact in w.contacts(0)] == ["unknown" if submission == "unconfirmed" else "failed"]
    assert (w.row(0).next_retry_at is None) is (submission == "unconfirmed")


def test_a_page_that_robots_txt_forbids_is_skipped_with_its_rule_and_is_no_failure(world: Any) -> None:
    w = world(1)
    run = w.start()
    w.attempt(run, Outcome(False, disallowed="Disallow: /contact"))
    assert (w.status(0), w.row(0).reason) == ("skipped", "Disallow: /contact")
    assert (fresh(run).skipped, fresh(run).failed, fresh(run).state) == (1, 0, "finished")
    attempt = database.session.scalars(sa.select(AutomationAttempt)).one()
    assert (attempt.status, attempt.skip_reason, attempt.error_type) == ("skipped", "robots", None)


def test_a_dry_run_moves_no_status_contacts_nobody_and_takes_each_once(world: Any) -> None:
    w = world(2, dry_run=True)
    run = w.start()
    w.attempt(run, Outcome(True, submission="not_sent"))
    w.attempt(run, failed(FailureType.FORM_NOT_FOUND))
    assert claim_next(run.id, w.company.id) is None
    assert [w.status(n) for n in range(2)] == ["pending", "pending"]
    assert w.contacts(0) == w.contacts(1) == []
    assert (fresh(run).successful, fresh(run).failed, fresh(run).state) == (1, 1, "finished")
    assert (
        database.session.scalar(
            sa.select(sa.func.count()).where(StatusChange.machine == "contact status").select_from(StatusChange)
        )
        == 0
    )


def test_counters_events_and_log_tell_the_same_story(world: Any) -> None:
    w = world(4)
    run = w.start()
    w.attempt(run, OK)
    w.attempt(run, failed(FailureType.CAPTCHA_DETECTED, submission="not_sent"))
    w.attempt(run, Outcome(False, disallowed="Disallow: /"))
    w.claim(run)
    run = fresh(run)
    progress = get_progress(run)
    assert (run.total, run.processed, run.successful, run.failed, run.skipped, run.attempts) == (4, 3, 1, 1, 1, 2)
    assert [hand.project_dealership_id for hand in progress.in_hand] == [w.rows[3].id]
    assert set(progress.as_json()) >= {
        "projectId", "totalDealerships", "processed", "successful", "failed", "currentDealership", "estimatedTimeRemaining", "startedAt",
        "averageTimePerAttempt",
    }  # fmt: skip
    types = [event.type for event in list_events(w.project)]
    assert types == [
        "automation_started", "dealership_started", "dealership_completed", "dealership_started", "error_occurred", "dealership_completed",
        "dealership_started", "dealership_completed", "dealership_started",
    ]  # fmt: skip
    half = list_events(w.project)[3].id
    assert [event.type for event in list_events(w.project, after=half)] == types[4:]
    operations = set(database.session.scalars(sa.select(RunLog.operation).where(RunLog.run_id == run.id)))
    assert operations >= {"automation_started", "status_change", "contact_attempt_failure", "dealership_skipped"}


def test_a_request_that_was_used_is_marked_so(world: Any) -> None:
    w = world(1)
    run = w.start()
    claimed = w.claim(run)
    assert database.session.get_one(type(w.request), w.request.id).used_at is None
    recording.press(claimed)
    assert database.session.get_one(type(w.request), w.request.id, populate_existing=True).used_at is not None
    with pytest.raises(recording.LostHold):
        recording.press(claimed)


def test_evidence_is_kept_and_what_a_late_worker_brings_is_not(world: Any, app: Any) -> None:
    from webapp.core.storage import get_storage

    w = world(1)
    run = w.start()
    claimed = w.claim(run)
    picture = Outcome(
        False, FailureType.FORM_NOT_FOUND, "none \x00 here", screenshot_error=b"\x89PNG", page_source="<p>\ud800</p>"
    )
    assert recording.record(claimed, picture)
    attempt = database.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)
    with get_storage().open(attempt.screenshot_error_path) as kept:
        assert kept.read() == b"\x89PNG"
    before = set(get_storage().keys())
    assert not recording.record(claimed, picture)
    assert set(get_storage().keys()) == before
