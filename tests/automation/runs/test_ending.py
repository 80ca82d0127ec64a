"""What a cancelled run leaves: counters that are true, and no try promised that nobody makes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.automation.runs.run_world import OK, failed, fresh
from webapp.automation.engine.failures import FailureType
from webapp.automation.models import AutomationAttempt
from webapp.automation.service import orphans, recording, runs
from webapp.core.db import db as database


def test_a_cancelled_run_promises_no_further_try_and_counts_what_failed(world: Any) -> None:
    w = world(4)
    run = w.start()
    w.attempt(run, OK)
    tried = [w.attempt(run, failed(FailureType.NETWORK_ERROR)) for _ in range(2)]
    assert (fresh(run).failed, w.row(1).next_retry_at is None) == (0, False)
    runs.cancel_run(run.id, by=w.user)
    run = fresh(run)
    assert (run.total, run.processed, run.successful, run.failed) == (4, 3, 1, 2)
    for number, claimed in enumerate(tried, 1):
        row = w.row(number)
        assert (row.contact_status, row.next_retry_at) == ("failed", None)
        assert row.reason == "Not tried again: the run was cancelled"
        attempt = database.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)
        assert attempt.retry_at is None
    assert w.start(retry_failed=True).total == 3


def test_a_cancelled_run_leaves_other_rows_as_they_were(world: Any) -> None:
    w = world(3)
    run = w.start()
    w.attempt(run, failed(FailureType.CAPTCHA_DETECTED))
    was = w.row(0).reason
    w.attempt(run, failed(FailureType.NETWORK_ERROR))
    runs.cancel_run(run.id, by=w.user)
    assert (w.row(0).reason, w.row(2).reason, w.status(2)) == (was, "", "pending")


def test_what_fails_after_the_cancellation_is_counted_and_not_planned_again(world: Any) -> None:
    w = world(2)
    run = w.start()
    claimed = w.claim(run)
    recording.press(claimed)
    runs.cancel_run(run.id, by=w.user)
    assert fresh(run).failed == 0
    assert recording.record(claimed, failed(FailureType.PAGE_TIMEOUT, submission="not_sent"))
    assert (fresh(run).failed, w.status(0), w.row(0).next_retry_at, w.row(0).reason) == (1, "failed", None, "")
    attempt = database.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)
    assert attempt.retry_at is None


@pytest.mark.parametrize("cancel_first", [True, False])
def test_a_dead_workers_attempt_counts_as_failed_in_a_cancelled_run(world: Any, cancel_first: bool) -> None:
    w = world(2)
    run = w.start()
    w.claim(run)
    for step in (runs.cancel_run, None) if cancel_first else (None, runs.cancel_run):
        if step:
            step(run.id, by=w.user)
        else:
            w.later(seconds=121)
            assert orphans.close_orphans() == 1
    assert (w.status(0), fresh(run).failed, fresh(run).total) == ("pending", 1, 2)
