"""What became of a message that may have been sent: a dry run in between spoils nothing, a person's word is counted everywhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.automation.runs.run_world import OK, failed, fresh
from webapp.automation.engine.failures import FailureType
from webapp.automation.models import AutomationAttempt
from webapp.automation.queries.progress import list_failures
from webapp.automation.service.manual import Override, OverrideRefused, override, retry_now, settle_unknown
from webapp.automation.service.recording import LostHold, beat
from webapp.automation.service.runs import RunRefused, cancel_run
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
    before = kept(w)
    assert before["next_retry_at"] is not None
    cancel_run(run.id, by=w.user)
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
