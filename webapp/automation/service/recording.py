"""An attempt's life after its claim: its steps, the moment before the click, and what became of it."""

from __future__ import annotations

import io
import random
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.automation.engine.outcome import Outcome, Step
from webapp.automation.models import AutomationAttempt, ContactRequest, Dealership, Project, ProjectDealership, Run
from webapp.automation.rules import LEASE, RetryConfig, next_retry
from webapp.automation.service import journal, mappings
from webapp.automation.service.claims import Claimed, forbid, say_decision
from webapp.automation.service.closing import after_attempt, free_host, submission_of
from webapp.automation.states import ACTIVE_RUN, ATTEMPT, CONTACT_STATUS, status_of_failure
from webapp.core.clock import read_now
from webapp.core.db import atomic, db
from webapp.core.states import advance
from webapp.core.storage import StorageError, get_storage
from webapp.timeline.guard import look
from webapp.timeline.service import Draft, reserve_contact, settle_contact

log = structlog.get_logger(__name__)
MAX_SOURCE = 2 * 1024 * 1024
MAX_LOGS = 200
KEPT_TEXT = 4_000


class LostHold(Exception):
    """Another worker speaks for this dealership now, or the run was cancelled: stop at once, nothing more is sent."""


class GuardStopped(Exception):
    """The outreach guard said no in the last moment; its reason is on the row."""


def _held(claimed: Claimed) -> sa.ColumnElement[bool]:
    return sa.and_(ProjectDealership.id == claimed.project_dealership_id, ProjectDealership.fence == claimed.fence,
                   ProjectDealership.lease_until.is_not(None))  # fmt: skip


_BEAT = sa.text(
    """
    WITH held AS (
      UPDATE project_dealerships SET lease_until = rebound_now() + CAST(:lease AS interval)
      WHERE id = :id AND fence = :fence AND lease_until IS NOT NULL RETURNING id
    ), mine AS (
      SELECT a.run_id, a.submit_pressed_at FROM automation_attempts a, held WHERE a.id = :attempt
    ), stepped AS (
      UPDATE automation_attempts SET step = :step WHERE id = :attempt AND CAST(:step AS text) IS NOT NULL AND EXISTS (SELECT FROM held)
    ), told AS (
      UPDATE runs SET version = version + 1, heartbeat_at = rebound_now()
      WHERE id = (SELECT run_id FROM mine) AND CAST(:step AS text) IS NOT NULL
    )
    SELECT r.state = 'cancelled' AS cancelled, mine.submit_pressed_at IS NOT NULL AS pressed
    FROM mine JOIN runs r ON r.id = mine.run_id
    """
)


@atomic
def beat(claimed: Claimed, step: Step | None = None) -> None:
    """Keep the lease and say where the attempt is. Raises LostHold, also when the run was cancelled before the click."""
    row = db.session.execute(
        _BEAT,
        {"id": claimed.project_dealership_id, "fence": claimed.fence, "attempt": claimed.attempt_id, "step": step, "lease": LEASE},
    ).first()  # fmt: skip
    if row is None or (row.cancelled and not row.pressed):
        raise LostHold


@atomic(retry=5)
def press(claimed: Claimed) -> None:
    """The moment before the click: the right to contact is taken under the lock, and the click is written down first.

    Raises GuardStopped, LostHold. After its return a dead worker leaves an outcome that nobody knows.
    """
    beat(claimed)
    attempt = db.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)
    request = db.session.get_one(ContactRequest, attempt.contact_request_id)
    draft = Draft("web_form", subject=request.subject or "Contact form", body=request.message)
    answer = reserve_contact(
        attempt.company_id, claimed.lead_id, draft, source="automation", source_key=f"attempt:{attempt.id}", source_id=attempt.id
    )  # fmt: skip
    if answer.repeated:
        raise LostHold
    if answer.contact is None:
        raise GuardStopped(say_decision(answer.decision)[1])
    attempt.submit_pressed_at, attempt.contact_id = read_now(), answer.contact.id
    if request.used_at is None:
        request.used_at = read_now()
    db.session.flush()


@dataclass(frozen=True, slots=True)
class Kept:
    """Storage keys of an attempt's evidence, by column."""

    keys: dict[str, str] = field(default_factory=dict)

    def drop(self) -> None:
        for key in self.keys.values():
            get_storage().delete(key)


def keep_evidence(outcome: Outcome) -> Kept:
    """Write pictures and page source into the storage, outside every transaction. A full disk loses evidence, never the outcome."""
    given = {
        "screenshot_before_path": (outcome.screenshot_before, ".png"), "screenshot_after_path": (outcome.screenshot_after, ".png"),
        "screenshot_error_path": (outcome.screenshot_error, ".png"),
        "page_source_path": (outcome.page_source.encode("utf-8", "replace")[:MAX_SOURCE] or None, ".html"),
    }  # fmt: skip
    kept = Kept()
    for column, (content, suffix) in given.items():
        if content is None:
            continue
        try:
            kept.keys[column] = get_storage().save(io.BytesIO(content), suffix=suffix).key
        except (StorageError, OSError) as error:
            log.error("evidence_lost", column=column, error=type(error).__name__)
    return kept


def clean(text: str, most: int = KEPT_TEXT) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:most]


def _clean_json(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key), 200): _clean_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean_json(one) for one in value]
    return value


def record(claimed: Claimed, outcome: Outcome) -> bool:
    """Write what became of an attempt, its evidence, the status, the timeline's entry: all in one transaction.

    False when another worker has closed it meanwhile: then nothing of this is kept.
    """
    kept = keep_evidence(outcome)
    if not _record(claimed, outcome, kept):
        kept.drop()
        log.warning("attempt_overtaken", attempt_id=claimed.attempt_id)
        return False
    return True


@atomic(retry=5)
def _record(claimed: Claimed, outcome: Outcome, kept: Kept) -> bool:
    attempt = db.session.get_one(AutomationAttempt, claimed.attempt_id)
    run = db.session.get_one(Run, attempt.run_id, with_for_update=True, populate_existing=True)
    pd = db.session.scalars(
        sa.select(ProjectDealership).where(_held(claimed)).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    attempt = db.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)
    if pd is None or attempt.status != "running":
        return False
    dealership, old = db.session.get_one(Dealership, pd.dealership_id), pd.contact_status
    outcome = _true_outcome(outcome, attempt)
    _write_attempt(attempt, outcome, kept)
    mapping = mappings.learn(run, dealership, attempt, outcome)
    if mapping is not None:
        attempt.form_mapping_id, attempt.form_mapping_version = mapping.id, f"v{mapping.version}"
    db.session.flush()
    if outcome.disallowed:
        _skip(run, pd, attempt, "robots", outcome.disallowed)
    elif outcome.ok:
        _succeed(run, pd, attempt)
    else:
        _fail(run, pd, attempt, outcome)
    pd.lease_until, pd.updated_at = None, read_now()
    db.session.flush()
    patience = outcome.retry_after or outcome.patience
    free_host(run, dealership, patience if outcome.failure is FailureType.RATE_LIMITED else None)
    after_attempt(run, pd, attempt, dealership, old)
    return True


def _true_outcome(outcome: Outcome, attempt: AutomationAttempt) -> Outcome:
    """What was pressed cannot be unpressed: without a known end it is unconfirmed, whatever the browser died of."""
    if attempt.submit_pressed_at is not None and not outcome.ok and outcome.submission in (None, "not_sent") and (
        outcome.submission is None or outcome.failure is FailureType.BROWSER_CRASH
    ):  # fmt: skip
        also = [*outcome.also, *([outcome.failure] if outcome.failure else [])]
        return replace(outcome, failure=FailureType.SUBMISSION_FAILED, submission="unconfirmed", also=also,
                       message=f"Outcome unknown: {outcome.message}")  # fmt: skip
    return outcome


def _write_attempt(attempt: AutomationAttempt, outcome: Outcome, kept: Kept) -> None:
    now = read_now()
    for column, key in kept.keys.items():
        setattr(attempt, column, key)
    attempt.completed_at = now
    attempt.duration_seconds = round((now - attempt.started_at).total_seconds())
    attempt.error_type = (
        outcome.failure.value if outcome.failure and not outcome.ok and not outcome.disallowed else None
    )
    attempt.error_message = clean(outcome.message) or None
    attempt.error_stack_trace = clean(outcome.trace, 20_000) or None
    attempt.submission = outcome.submission
    attempt.evidence = _clean_json(outcome.evidence[:50])
    attempt.also = [kind.value for kind in outcome.also]
    attempt.browser_logs = _clean_json(outcome.logs[:MAX_LOGS])
    attempt.fields = _clean_json([asdict(one) for one in outcome.fields[:200]])
    attempt.automation_strategy = outcome.strategy
    attempt.browser_type, attempt.user_agent = "chromium", clean(outcome.user_agent, 500) or None
    attempt.page_load_time_ms, attempt.form_fill_time_ms = outcome.page_load_ms, outcome.form_fill_ms
    attempt.submission_time_ms = outcome.submission_ms
    attempt.contact_url, attempt.final_url = (
        clean(outcome.contact_url, 2000) or None,
        clean(outcome.final_url, 2000) or None,
    )
    attempt.retry_after_seconds = round(outcome.retry_after) if outcome.retry_after is not None else None


def _close(attempt: AutomationAttempt, status: str) -> None:
    advance(attempt, status, machine=ATTEMPT, by=None, cause="system", ledger=False)


def _succeed(run: Run, pd: ProjectDealership, attempt: AutomationAttempt) -> None:
    _close(attempt, "success")
    if run.dry_run:
        return
    if attempt.contact_id is not None:
        settle_contact(attempt.contact_id, run.company_id, "sent")
    advance(pd, "success", machine=CONTACT_STATUS, by=None, cause="system", reason="form confirmed", evidence_id=attempt.id,
            values={"contact_attempts": pd.contact_attempts + 1, "error_type": None, "submission": attempt.submission,
                    "retry_counts": {}, "next_retry_at": None, "reason": ""})  # fmt: skip


def _fail(run: Run, pd: ProjectDealership, attempt: AutomationAttempt, outcome: Outcome) -> None:
    kind = outcome.failure or FailureType.SUBMISSION_FAILED
    attempt_status, status = status_of_failure(kind)
    if run.dry_run:
        _close(attempt, attempt_status)
        return
    if attempt.contact_id is not None:
        settle_contact(
            attempt.contact_id, run.company_id, {"unconfirmed": "unknown"}.get(outcome.submission or "", "failed")
        )
    project = db.session.get_one(Project, run.project_id)
    counts = {**pd.retry_counts, kind.value: int(pd.retry_counts.get(kind.value, 0)) + 1}
    wait = next_retry(kind, counts[kind.value], RetryConfig.from_json(project.retry), submission=_sent(outcome),
                      retry_after=outcome.retry_after or outcome.patience, chance=random.random())  # noqa: S311  # fmt: skip
    wait = wait if run.state in ACTIVE_RUN else None
    retry_at = read_now() + wait if wait is not None else None
    attempt.retry_at = retry_at
    _close(attempt, attempt_status)
    reason = "Outcome unknown: ask them before anything is sent again" if outcome.submission == "unconfirmed" else ""
    advance(pd, status, machine=CONTACT_STATUS, by=None, cause="system", reason=kind.value, evidence_id=attempt.id,
            values={"contact_attempts": pd.contact_attempts + 1, "error_type": kind.value, "submission": submission_of(pd, outcome.submission),
                    "retry_counts": counts, "next_retry_at": retry_at,
                    "reason": reason or (_why_again(kind, counts[kind.value], wait, robots=outcome.patience is not None) if wait else "")})  # fmt: skip


def _sent(outcome: Outcome) -> str | None:
    return outcome.submission if outcome.submission != "not_sent" else None


def _why_again(kind: FailureType, failures: int, wait: timedelta, *, robots: bool) -> str:
    seconds = round(wait.total_seconds())
    spoken = f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"
    return f"“{FAILURES[kind].label}”, {failures}. time: {'robots.txt is asked' if robots else 'tried'} again after {spoken}"


def _skip(run: Run, pd: ProjectDealership, attempt: AutomationAttempt, code: str, words: str) -> None:
    """What a site or the guard forbids is no failure: back to pending, and from there skipped, both on the ledger."""
    attempt.skip_reason, attempt.error_message = code, clean(words)
    _close(attempt, "skipped")
    if run.dry_run:
        return
    why = clean(words, 500)
    advance(
        pd,
        "pending",
        machine=CONTACT_STATUS,
        by=None,
        cause="system",
        reason=f"{code}: nothing was sent",
        evidence_id=attempt.id,
    )
    advance(
        pd,
        "skipped",
        machine=CONTACT_STATUS,
        by=None,
        cause="system",
        reason=why,
        evidence_id=attempt.id,
        values={"reason": why},
    )
    journal.note(
        run, "dealership_skipped", f"Skipped: {why}", dealership_id=pd.dealership_id, attempt_id=attempt.id, reason=code
    )


@atomic(retry=5)
def give_back(claimed: Claimed, why: str) -> None:
    """Nothing was sent and nothing is known: the attempt ends as cancelled and the dealership is pending again."""
    attempt = db.session.get_one(AutomationAttempt, claimed.attempt_id)
    run = db.session.get_one(Run, attempt.run_id, with_for_update=True, populate_existing=True)
    attempt = db.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)
    if attempt.status != "running":
        return
    attempt.completed_at, attempt.error_message = read_now(), why
    attempt.duration_seconds = round((read_now() - attempt.started_at).total_seconds())
    _close(attempt, "cancelled")
    pd = db.session.get_one(
        ProjectDealership, claimed.project_dealership_id, populate_existing=True, with_for_update=True
    )
    if pd.fence == claimed.fence:
        old = pd.contact_status
        if old == "in_progress":
            advance(pd, "pending", machine=CONTACT_STATUS, by=None, cause="system", reason=why, evidence_id=attempt.id)
        pd.lease_until = None
        free_host(run, db.session.get_one(Dealership, pd.dealership_id), None)
        after_attempt(run, pd, attempt, db.session.get_one(Dealership, pd.dealership_id), old)


@atomic(retry=5)
def stop_by_guard(claimed: Claimed) -> None:
    """The guard's no in the last moment: skipped or deferred as before the visit, with the attempt as its witness."""
    give_back(claimed, "The outreach guard said no before anything was sent")
    attempt = db.session.get_one(AutomationAttempt, claimed.attempt_id)
    run = db.session.get_one(Run, attempt.run_id)
    view = look(run.company_id, [claimed.lead_id], "web_form", automatic=True)
    decision = view.decisions.get(claimed.lead_id)
    if decision is not None and (decision.verdict != "allowed" or decision.scheduled_for is not None):
        forbid(run, claimed.project_dealership_id, decision, view)
