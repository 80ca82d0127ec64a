"""Attempts whose worker died: closed from the evidence when their lease has ended."""

from __future__ import annotations

import random

import sqlalchemy as sa
import structlog

from webapp.automation.engine.failures import FailureType
from webapp.automation.models import AutomationAttempt, Dealership, Project, ProjectDealership, Run
from webapp.automation.rules import RetryConfig, next_retry
from webapp.automation.service.closing import after_attempt, free_host, submission_of
from webapp.automation.states import ATTEMPT, CONTACT_STATUS
from webapp.core.clock import db_now, read_now
from webapp.core.db import atomic, db
from webapp.core.states import advance
from webapp.timeline.service import settle_contact

log = structlog.get_logger(__name__)
AT_ONCE = 500
DIED = "The worker died before anything was sent"
UNKNOWN = "Outcome unknown: the worker died after the form was sent. Ask them before anything is sent again."


def _lapsed() -> sa.Select[int]:
    """Ids of attempts that run under a lease that has ended."""
    return (
        sa.select(AutomationAttempt.id)
        .join(ProjectDealership, ProjectDealership.id == AutomationAttempt.project_dealership_id)
        .where(AutomationAttempt.status == "running", ProjectDealership.lease_until < db_now())
        .order_by(AutomationAttempt.id)
    )


def close_orphans() -> int:
    """How many were closed."""
    found = list(db.session.scalars(_lapsed().limit(AT_ONCE)))
    db.session.rollback()
    return sum(_close(attempt_id) for attempt_id in found)


def close_orphan_of(project_dealership_id: int) -> None:
    """The same for one dealership, in the transaction in hand and before its row is locked: whoever acts on it finds nobody behind."""
    for attempt_id in db.session.scalars(_lapsed().where(ProjectDealership.id == project_dealership_id)).all():
        _close(attempt_id)


@atomic(retry=3)
def _close(attempt_id: int) -> bool:
    """Before the click: a browser crash, pending again (failed once its tries are used up). After it: failed, outcome unknown, never
    tried again by itself."""
    attempt = db.session.get_one(AutomationAttempt, attempt_id)
    run = db.session.get_one(Run, attempt.run_id, with_for_update=True, populate_existing=True)
    pd = db.session.get_one(
        ProjectDealership, attempt.project_dealership_id, with_for_update=True, populate_existing=True
    )
    attempt = db.session.get_one(AutomationAttempt, attempt_id, populate_existing=True)
    if attempt.status != "running" or pd.lease_until is None or pd.lease_until > read_now():
        return False
    pressed = attempt.submit_pressed_at is not None
    kind = FailureType.SUBMISSION_FAILED if pressed else FailureType.BROWSER_CRASH
    attempt.error_type, attempt.error_message = kind.value, UNKNOWN if pressed else DIED
    attempt.submission = "unconfirmed" if pressed else "not_sent"
    attempt.completed_at = read_now()
    attempt.duration_seconds = round((read_now() - attempt.started_at).total_seconds())
    attempt.evidence = ["no sign of life from its worker until the lease ended"]
    counts = {**pd.retry_counts, kind.value: int(pd.retry_counts.get(kind.value, 0)) + 1}
    project = db.session.get_one(Project, run.project_id)
    config = RetryConfig.from_json(project.retry)
    chance = random.random()  # noqa: S311  jitter
    wait = None if pressed else next_retry(kind, counts[kind.value], config, chance=chance)
    attempt.retry_at = read_now() + wait if wait is not None else None
    pd.lease_until = None  # whoever still believes to hold it holds nothing
    db.session.flush()
    advance(attempt, "failed", machine=ATTEMPT, by=None, cause="system", ledger=False)
    if attempt.contact_id is not None:
        settle_contact(attempt.contact_id, run.company_id, "unknown" if pressed else "failed")
    old = pd.contact_status
    if old == "in_progress":
        _move(pd, attempt, counts, pressed=pressed)
    dealership = db.session.get_one(Dealership, pd.dealership_id)
    free_host(run, dealership, None)
    after_attempt(run, pd, attempt, dealership, old)
    log.warning("attempt_orphaned", attempt_id=attempt.id, pressed=pressed)
    return True


def _move(pd: ProjectDealership, attempt: AutomationAttempt, counts: dict[str, int], *, pressed: bool) -> None:
    kept = {"retry_counts": counts, "contact_attempts": pd.contact_attempts + 1, "error_type": attempt.error_type,
            "submission": submission_of(pd, attempt.submission), "reason": attempt.error_message}  # fmt: skip
    if pressed or attempt.retry_at is None:
        advance(
            pd,
            "failed",
            machine=CONTACT_STATUS,
            by=None,
            cause="system",
            reason=attempt.error_type,
            evidence_id=attempt.id,
            values=kept,
        )
        return
    advance(pd, "pending", machine=CONTACT_STATUS, by=None, cause="system", reason="its worker died", evidence_id=attempt.id,
            values={**kept, "deferred_until": attempt.retry_at})  # fmt: skip
