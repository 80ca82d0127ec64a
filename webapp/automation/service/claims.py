"""The next dealership for a lane: the nearest that is due, whose host is free, which nobody forbids. Claiming begins its attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from webapp.automation.models import AutomationAttempt, Project, ProjectDealership, Run
from webapp.automation.rules import LEASE, STAYS_IN_RUN, Window
from webapp.automation.service.counting import DUE_SQL, facts_of, recount
from webapp.automation.service.journal import note, tell
from webapp.automation.settings import get_settings
from webapp.automation.states import CONTACT_STATUS
from webapp.core.access import find_owned
from webapp.core.clock import read_now
from webapp.core.db import atomic, db
from webapp.core.states import advance
from webapp.timeline.guard import Look, look
from webapp.timeline.rules import Decision

log = structlog.get_logger(__name__)
LOOKS = 50  # dealerships judged in one transaction
MINUTE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One attempt in hand: whoever names the `fence` speaks for it until the lease ends."""

    attempt_id: int
    project_dealership_id: int
    dealership_id: int
    lead_id: int
    fence: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be done before `until`; `why` in words."""

    until: datetime
    why: str


# Due now, its host alone and rested: the nearest first, unplaced ones last.
_NEXT_SQL = f"""
    SELECT pd.id, pd.dealership_id, d.lead_id, d.host, d.name
    FROM project_dealerships pd JOIN dealerships d ON d.id = pd.dealership_id LEFT JOIN host_paces h ON h.host = d.host
    WHERE pd.project_id = :project AND {DUE_SQL}
      AND (pd.deferred_until IS NULL OR pd.deferred_until <= rebound_now())
      AND (pd.next_retry_at IS NULL OR pd.next_retry_at <= rebound_now() OR pd.contact_status = 'pending' OR pd.run_id IS DISTINCT FROM :run)
      AND (pd.lease_until IS NULL OR pd.lease_until < rebound_now())
      AND NOT EXISTS (SELECT FROM automation_attempts r WHERE r.project_dealership_id = pd.id AND r.status = 'running')
      AND (h.busy_until IS NULL OR h.busy_until < rebound_now()) AND (h.free_at IS NULL OR h.free_at <= rebound_now())
      AND (h.visits_on IS DISTINCT FROM CAST(:today AS date) OR h.visits < :daily)
      AND {{more}}
    ORDER BY pd.distance_miles NULLS LAST, pd.id LIMIT 1 FOR UPDATE OF pd SKIP LOCKED
    """
_NEXT = sa.text(_NEXT_SQL.format(more="true"))
# What a person asked for while the run goes on: due, and its tries began anew. A retry that the machine planned has counted one.
_ASKED = sa.text(_NEXT_SQL.format(more="pd.run_id = :run AND pd.next_retry_at IS NOT NULL AND pd.retry_counts = '{}'"))
# When the next one can be: for saying what is waited for.
_SOONEST = sa.text(
    f"""
    SELECT min(at) AS at, (array_agg(why ORDER BY at))[1] AS why FROM (
      SELECT greatest(
          CASE WHEN pd.contact_status <> 'pending' AND pd.run_id = :run THEN pd.next_retry_at END, pd.deferred_until,
          h.busy_until, h.free_at,
          CASE WHEN h.visits_on = CAST(:today AS date) AND h.visits >= :daily THEN rebound_now() + interval '1 hour' END,
          CASE WHEN pd.lease_until > rebound_now() THEN pd.lease_until END, rebound_now() + interval '1 second') AS at,
        CASE WHEN pd.deferred_until > rebound_now() THEN pd.reason
          WHEN pd.next_retry_at > rebound_now() AND pd.contact_status <> 'pending' THEN 'the next try of ' || d.name
          WHEN h.visits_on = CAST(:today AS date) AND h.visits >= :daily THEN d.host || ' has had its visits of today'
          ELSE 'the pause that ' || d.host || ' is owed' END AS why
      FROM project_dealerships pd JOIN dealerships d ON d.id = pd.dealership_id LEFT JOIN host_paces h ON h.host = d.host
      WHERE pd.project_id = :project AND {DUE_SQL}
    ) t
    """
)
_TAKE_HOST = sa.text(
    """
    INSERT INTO host_paces AS h (host, busy_until) VALUES (:host, rebound_now() + CAST(:lease AS interval))
    ON CONFLICT (host) DO UPDATE SET busy_until = excluded.busy_until
    WHERE (h.busy_until IS NULL OR h.busy_until < rebound_now()) AND (h.free_at IS NULL OR h.free_at <= rebound_now())
    RETURNING host
    """
)


@atomic(retry=5)
def claim_next(run_id: int, company_id: int) -> Claimed | Wait | None:
    """Begin the next attempt of a run; Wait while none may begin, None when the run is no longer running or has nothing left.

    What the outreach guard forbids is skipped or deferred here, with the reason on its row.
    """
    run = find_owned(Run, run_id, company_id, lock=True)
    if run is None or run.state != "running":
        return None
    project = db.session.get_one(Project, run.project_id)
    now = read_now()
    wait = _not_now(run, project, now)
    if wait is not None:
        return _say(run, wait)
    settings = get_settings(company_id)
    facts = {**facts_of(run), "today": now.date(), "daily": settings.daily_per_host}
    for _ in range(LOOKS):
        found = None if run.dry_run else db.session.execute(_ASKED, facts).first()
        found = found or db.session.execute(_NEXT, facts).first()
        if found is None:
            break
        if not run.dry_run and not _may_contact(run, found, company_id):
            continue
        if db.session.execute(_TAKE_HOST, {"host": found.host, "lease": LEASE}).first() is not None:
            return _begin(run, found)
    else:
        return Wait(now, "")
    soonest = db.session.execute(_SOONEST, facts).one()
    if soonest.at is None:
        return None
    return _say(run, Wait(soonest.at, soonest.why or ""))


def _say(run: Run, wait: Wait) -> Wait:
    if (
        run.waiting_until is None
        or abs((run.waiting_until - wait.until).total_seconds()) > 1
        or run.waiting_for != wait.why
    ):
        run.waiting_until, run.waiting_for = wait.until, wait.why
        run.version += 1
    db.session.flush()
    return wait


def _not_now(run: Run, project: Project, now: datetime) -> Wait | None:
    """The project's own hours and its attempts a minute."""
    window = Window.parse(project.window_open, project.window_close, project.window_days, project.zone)
    opens = window.opens_at(now)
    if opens > now and run.chosen is None:
        return Wait(opens, "the project's daily window")
    begun = sa.select(AutomationAttempt.started_at).where(
        AutomationAttempt.project_id == project.id, AutomationAttempt.started_at > now - MINUTE, AutomationAttempt.status != "skipped"
    )  # fmt: skip
    recent = sorted(db.session.scalars(begun))
    if len(recent) >= project.per_minute:
        return Wait(recent[-project.per_minute] + MINUTE, f"the project's {project.per_minute} attempts a minute")
    return None


def _may_contact(run: Run, found: Any, company_id: int) -> bool:
    """Ask the guard before anything is opened; it is asked again, under the lock, before anything is sent."""
    view = look(company_id, [found.lead_id], "web_form", automatic=True)
    decision = view.decisions.get(found.lead_id)
    if decision is None or (decision.verdict == "allowed" and decision.scheduled_for is None):
        return True
    forbid(run, found.id, decision, view)
    return False


GUARD_WORDS = {
    "do_not_contact": "Do not contact", "contact_cap": "Contacted already", "recent_contact": "Contacted lately",
    "queued_contact": "Another message is planned", "quiet_hours": "Quiet hours there",
}  # fmt: skip


def say_decision(decision: Decision) -> tuple[str, str]:
    """(code, in words) of what the guard said."""
    code = decision.code or "quiet_hours"
    words = GUARD_WORDS.get(code, code)
    newest = decision.contacts[0] if decision.contacts else None
    if newest is not None:
        by = f" by {newest.who}" if newest.who else ""
        words += f": {newest.method}{by}, {newest.at:%Y-%m-%d %H:%M} UTC"
    elif decision.block is not None:
        words += f": {decision.block.kind} {decision.block.reason}".rstrip()
    return code, words


def free_again(decision: Decision, view: Look) -> datetime | None:
    """When a machine may ask again; None when no time will help."""
    if decision.scheduled_for is not None or decision.allowed_at is not None:
        return decision.scheduled_for or decision.allowed_at
    days = view.limits.methods["web_form"].warn_days
    if decision.code == "do_not_contact" or not decision.contacts or days is None:
        return None
    return max(k.scheduled_for or k.at for k in decision.contacts) + timedelta(days=days)


def forbid(run: Run, project_dealership_id: int, decision: Decision, view: Look) -> None:
    """Skip or defer what the guard forbids: for ever where nobody may contact it, else until it is free again.

    A wait of at most a day is the run's own; a longer one is for a later run, and this one counts it as skipped.
    """
    code, words = say_decision(decision)
    pd = db.session.get_one(ProjectDealership, project_dealership_id, populate_existing=True)
    until, now = free_again(decision, view), view.now
    pd.reason, old = words, pd.contact_status
    if until is not None:
        pd.deferred_until = until
        if until <= now + STAYS_IN_RUN and pd.contact_status == "pending":
            db.session.flush()
            return
    db.session.flush()
    attempt = _new_attempt(
        run, pd, status="skipped", skip_reason=code, error_message=words, completed_at=now, duration_seconds=0
    )
    pd.run_id, pd.next_retry_at = run.id, None
    if code == "do_not_contact" and pd.contact_status == "pending":
        advance(pd, "skipped", machine=CONTACT_STATUS, by=None, cause="system", reason=words, evidence_id=attempt.id)
    note(
        run,
        "dealership_skipped",
        f"Skipped: {words}",
        dealership_id=pd.dealership_id,
        attempt_id=attempt.id,
        reason=code,
    )
    tell(
        run,
        "dealership_completed",
        project_dealership_id=pd.id,
        attempt_id=attempt.id,
        oldStatus=old,
        newStatus=pd.contact_status,
        skipped=code,
    )
    recount(run)


def _new_attempt(run: Run, pd: ProjectDealership, **values: Any) -> AutomationAttempt:
    number = sa.select(sa.func.coalesce(sa.func.max(AutomationAttempt.attempt_number), 0) + 1).where(
        AutomationAttempt.project_dealership_id == pd.id
    )
    attempt = AutomationAttempt(
        company_id=run.company_id, project_id=run.project_id, run_id=run.id, project_dealership_id=pd.id,
        contact_request_id=run.contact_request_id, attempt_number=db.session.scalar(number), dry_run=run.dry_run, **values,
    )  # fmt: skip
    db.session.add(attempt)
    db.session.flush()
    return attempt


def _begin(run: Run, found: Any) -> Claimed:
    pd = db.session.get_one(ProjectDealership, found.id, populate_existing=True)
    attempt = _new_attempt(run, pd)
    old = pd.contact_status
    held: Mapping[str, Any] = {"fence": pd.fence + 1, "lease_until": read_now() + LEASE}
    if run.dry_run:  # the row keeps what its last real attempt left
        for name, value in held.items():
            setattr(pd, name, value)
        db.session.flush()
    else:
        real = {"run_id": run.id, "last_attempt_id": attempt.id, "last_attempt_at": read_now(), "next_retry_at": None,
                "deferred_until": None, "reason": ""}  # fmt: skip
        advance(pd, "in_progress", machine=CONTACT_STATUS, by=None, cause="system", reason="attempt started", evidence_id=attempt.id,
                values={**held, **real})  # fmt: skip
    run.waiting_until, run.waiting_for = None, ""
    run.heartbeat_at = run.progress_at = read_now()
    tell(
        run,
        "dealership_started",
        project_dealership_id=pd.id,
        attempt_id=attempt.id,
        name=found.name,
        attemptNumber=attempt.attempt_number,
        oldStatus=old,
        newStatus=pd.contact_status,
    )
    note(run, "status_change", "Contact status updated", dealership_id=pd.dealership_id, attempt_id=attempt.id, old_status=old,
         new_status=pd.contact_status, attempt_number=attempt.attempt_number, dry_run=run.dry_run)  # fmt: skip
    recount(run)
    return Claimed(attempt.id, pd.id, pd.dealership_id, found.lead_id, pd.fence)
