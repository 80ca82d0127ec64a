"""What follows every attempt: the host's rest, the run's counters, its events, and whether it pauses or is over."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.automation.models import AutomationAttempt, Dealership, Project, ProjectDealership, Run
from webapp.automation.rules import PAUSE_LAST, should_pause
from webapp.automation.service.counting import recount
from webapp.automation.service.journal import note, tell
from webapp.automation.states import FAILED, RUN
from webapp.core.clock import read_now
from webapp.core.db import db
from webapp.core.states import advance

_FREE_HOST = sa.text(
    """
    INSERT INTO host_paces AS h (host, busy_until, free_at, last_visit_at, visits_on, visits)
    VALUES (:host, NULL, rebound_now() + make_interval(secs => :gap), rebound_now(), CAST(:today AS date), 1)
    ON CONFLICT (host) DO UPDATE SET busy_until = NULL, last_visit_at = rebound_now(), visits_on = excluded.visits_on,
      visits = CASE WHEN h.visits_on = excluded.visits_on THEN h.visits + 1 ELSE 1 END,
      free_at = greatest(h.free_at, rebound_now() + make_interval(secs => greatest(:gap, h.crawl_delay)))
    """
)


def free_host(run: Run, dealership: Dealership, slower: float | None) -> None:
    """The next visit of this host waits for the project's gap, its crawl-delay, and what it asked for itself (`slower`, seconds)."""
    gap = max(float(db.session.get_one(Project, run.project_id).host_gap_seconds), slower or 0.0)
    db.session.execute(_FREE_HOST, {"host": dealership.host, "gap": gap, "today": read_now().date()})


def submission_of(pd: ProjectDealership, came: str | None) -> str | None:
    """What the row says after a failure: that the site refused a message stands until the next one has left."""
    return "rejected" if pd.submission == "rejected" and came in (None, "not_sent") else came


def after_attempt(
    run: Run, pd: ProjectDealership, attempt: AutomationAttempt, dealership: Dealership, old: str
) -> None:
    """In the transaction that recorded it, with the run's row held; `old` is the contact status before."""
    now = read_now()
    run.progress_at = run.heartbeat_at = now
    took = round((attempt.duration_seconds or 0) * 1000)
    failure: dict[str, Any] = {}
    if attempt.status in FAILED:
        kind = attempt.error_type or FailureType.SUBMISSION_FAILED.value
        failure = {"errorType": kind}
        tell(
            run,
            "error_occurred",
            project_dealership_id=pd.id,
            attempt_id=attempt.id,
            errorType=kind,
            message=attempt.error_message or "",
        )
        note(
            run, "contact_attempt_failure", "Contact attempt failed with detailed context", level="error", dealership_id=dealership.id,
            attempt_id=attempt.id, duration_ms=took, error_type=kind, error_code=f"{kind.upper()}_001", is_retryable=attempt.retry_at is not None,
            attempt_number=attempt.attempt_number, page_url=attempt.final_url, time_to_failure_ms=took, advice=FAILURES[FailureType(kind)].advice,
            screenshot_path=attempt.screenshot_error_path, form_mapping_version=attempt.form_mapping_version, evidence=attempt.evidence,
            error_message=attempt.error_message, submission=attempt.submission,
        )  # fmt: skip
    tell(
        run, "dealership_completed", project_dealership_id=pd.id, attempt_id=attempt.id, name=dealership.name, oldStatus=old, newStatus=pd.contact_status,
        attemptStatus=attempt.status, duration=attempt.duration_seconds, screenshotPath=attempt.screenshot_after_path or attempt.screenshot_error_path,
        **failure,
    )  # fmt: skip
    note(
        run, "status_change", "Contact status updated", dealership_id=dealership.id, attempt_id=attempt.id, duration_ms=took,
        old_status=old, new_status=pd.contact_status, attempt_status=attempt.status, attempt_number=attempt.attempt_number,
        automation_strategy=attempt.automation_strategy, confirmation_detected=attempt.submission == "confirmed",
        screenshot_captured=bool(attempt.screenshot_after_path or attempt.screenshot_before_path), dry_run=attempt.dry_run,
    )  # fmt: skip
    if attempt.status not in ("success", "cancelled", "skipped"):
        _pause_when_failing(run)
    finish_when_done(run)


def _pause_when_failing(run: Run) -> None:
    project = db.session.get_one(Project, run.project_id)
    if not project.auto_pause or run.state != "running":
        return
    last = sa.select(AutomationAttempt.status, AutomationAttempt.error_type).where(
        AutomationAttempt.run_id == run.id, AutomationAttempt.status.in_(("success", *FAILED))
    )  # fmt: skip
    if run.paused_at is not None:
        last = last.where(AutomationAttempt.completed_at > run.paused_at)
    last = last.order_by(AutomationAttempt.completed_at.desc(), AutomationAttempt.id.desc()).limit(PAUSE_LAST)
    rows = db.session.execute(last).all()
    if not should_pause([row.status in FAILED for row in rows]):
        return
    kinds = [row.error_type for row in rows if row.error_type and row.status in FAILED]
    worst = max(set(kinds), key=kinds.count)
    failed = sum(row.status in FAILED for row in rows)
    pause(
        run,
        f"{failed} of the last {len(rows)} attempts failed, most by “{FAILURES[FailureType(worst)].label}”. Look at them, then press Resume.",
    )


def pause(run: Run, reason: str, *, by: int | None = None) -> None:
    """Raises MoveRefused."""
    advance(run, "paused", machine=RUN, by=by, cause="user" if by else "system", reason=reason or None,
            values={"paused_at": read_now(), "paused_reason": reason, "version": run.version + 1,
                    "waiting_until": None, "waiting_for": ""})  # fmt: skip
    tell(run, "automation_paused", reason=reason)
    note(run, "automation_paused", reason or "Paused", level="warn" if reason else "info")


def finish_when_done(run: Run) -> bool:
    """Count anew; a running run that has nothing left to do, in hand or planned, is finished."""
    left = recount(run)
    if left or run.state != "running":
        return False
    advance(run, "finished", machine=RUN, by=None, cause="system",
            values={"ended_at": read_now(), "waiting_until": None, "waiting_for": "", "version": run.version + 1})  # fmt: skip
    seconds = (read_now() - run.started_at).total_seconds()
    kinds = db.session.execute(
        sa.select(AutomationAttempt.error_type, sa.func.count())
        .where(
            AutomationAttempt.run_id == run.id,
            AutomationAttempt.status.in_(FAILED),
            AutomationAttempt.error_type.is_not(None),
        )
        .group_by(AutomationAttempt.error_type)
    ).all()
    tell(
        run,
        "automation_completed",
        processed=run.processed,
        successful=run.successful,
        failed=run.failed,
        skipped=run.skipped,
    )
    note(
        run, "batch_complete", "Automation batch completed", duration_ms=round(seconds * 1000), total_processed=run.processed,
        success_count=run.successful, failure_count=run.failed, skipped_count=run.skipped,
        avg_time_per_attempt=round(seconds * 1000 / run.attempts) if run.attempts else None, error_breakdown={row[0]: row[1] for row in kinds},
    )  # fmt: skip
    return True
