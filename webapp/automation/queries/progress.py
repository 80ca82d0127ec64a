"""Where a run stands: for the live page, the API's AutomationProgress, and the events behind both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from webapp.automation.models import AutomationAttempt, Dealership, Project, ProjectDealership, Run, RunEvent
from webapp.automation.service.counting import DUE_SQL, facts_of
from webapp.automation.states import ACTIVE_RUN, FAILED
from webapp.core.access import owned
from webapp.core.clock import read_now
from webapp.core.db import db

SHOWN = 20
ETA_FROM_SECONDS, ETA_FROM_ITEMS = 10, 5
MAX_EVENTS = 500
_HAND = sa.text("SELECT EXISTS (SELECT FROM automation_attempts WHERE run_id = :run AND status = 'running')")
# When the last that waits by itself, for its next try or for what the guard said, can be taken.
_LAST_OWN = sa.text(
    f"""
    SELECT max(greatest(CASE WHEN pd.contact_status <> 'pending' AND pd.run_id = :run THEN pd.next_retry_at END, pd.deferred_until))
    FROM project_dealerships pd
    WHERE pd.project_id = :project AND (pd.next_retry_at > rebound_now() OR pd.deferred_until > rebound_now()) AND {DUE_SQL}
    """
)


@dataclass(frozen=True, slots=True)
class InHand:
    attempt_id: int
    project_dealership_id: int
    name: str
    step: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """`average` seconds an attempt, `left_seconds` until the end, each None before there is enough to tell."""

    run: Run
    in_hand: list[InHand]
    average: float | None
    left_seconds: int | None

    @property
    def percent(self) -> int:
        if self.run.state == "finished":
            return 100
        return min(99, self.run.processed * 100 // self.run.total) if self.run.total else 0

    @property
    def left_text(self) -> str:
        minutes = math.ceil((self.left_seconds or 0) / 60)
        return (
            "less than a minute"
            if minutes < 2
            else f"about {minutes} min"
            if minutes < 90
            else f"about {math.ceil(minutes / 60)} h"
        )

    @property
    def failed_share(self) -> int:
        done = self.run.successful + self.run.failed
        return round(self.run.failed * 100 / done) if done else 0

    def as_json(self) -> dict[str, Any]:
        """The seed's AutomationProgress, and what Rebound adds behind it."""
        run = self.run
        first = self.in_hand[0] if self.in_hand else None
        return {
            "projectId": str(run.project_id), "totalDealerships": run.total, "processed": run.processed, "successful": run.successful,
            "failed": run.failed, "currentDealership": {"name": first.name, "status": first.step} if first else None,
            "estimatedTimeRemaining": self.left_seconds, "startedAt": run.started_at.isoformat(),
            "averageTimePerAttempt": round(self.average, 2) if self.average is not None else None,
            "skipped": run.skipped, "attempts": run.attempts, "runId": str(run.id), "state": run.state, "dryRun": run.dry_run,
            "endedAt": run.ended_at.isoformat() if run.ended_at else None, "pausedReason": run.paused_reason,
            "waitingUntil": run.waiting_until.isoformat() if run.waiting_until else None, "waitingFor": run.waiting_for,
        }  # fmt: skip


def find_run_of(project_id: int, company_id: int) -> Run | None:
    """The project's run that is going on, else its last."""
    query = owned(Run, company_id).where(Run.project_id == project_id)
    return db.session.scalars(query.order_by(Run.state.in_(ACTIVE_RUN).desc(), Run.id.desc()).limit(1)).first()


def get_progress(run: Run) -> Progress:
    hand = sa.select(
        AutomationAttempt.id, ProjectDealership.id, Dealership.name, AutomationAttempt.step, AutomationAttempt.started_at
    ).join(ProjectDealership, ProjectDealership.id == AutomationAttempt.project_dealership_id).join(
        Dealership, Dealership.id == ProjectDealership.dealership_id
    ).where(AutomationAttempt.run_id == run.id, AutomationAttempt.status == "running").order_by(AutomationAttempt.id)  # fmt: skip
    in_hand = [InHand(*row) for row in db.session.execute(hand)]
    average = db.session.scalar(
        sa.select(
            sa.func.avg(sa.extract("epoch", AutomationAttempt.completed_at - AutomationAttempt.started_at))
        ).where(
            AutomationAttempt.run_id == run.id, AutomationAttempt.status.not_in(("running", "skipped", "cancelled"))
        )
    )
    return Progress(run, in_hand, float(average) if average is not None else None, _left(run))


def is_moving(run: Run) -> bool:
    """It goes on, or what it has in hand is still to end."""
    return run.state in ACTIVE_RUN or bool(db.session.scalar(_HAND, {"run": run.id}))


def _left(run: Run) -> int | None:
    """Seconds to the end at the pace so far, from the end of a wait, and not before the last that waits for its own time.

    Earlier waits count into the pace, standing paused does not.
    """
    if run.state not in ACTIVE_RUN:
        return 0
    end = run.paused_at if run.state == "paused" and run.paused_at else run.progress_at
    spent = (end - run.started_at).total_seconds() - run.paused_seconds
    if spent < ETA_FROM_SECONDS or run.processed < ETA_FROM_ITEMS:
        return None
    now = read_now()
    wait = max(0.0, (run.waiting_until - now).total_seconds()) if run.waiting_until else 0.0
    last = db.session.scalar(_LAST_OWN, facts_of(run))
    own = (last - now).total_seconds() if last else 0.0
    return round(max(wait + (run.total - run.processed) * spent / run.processed, own))


def list_latest(run: Run, limit: int = SHOWN) -> list[Any]:
    """The last attempts that have ended, newest first: (attempt, project_dealership, dealership)."""
    query = (
        sa.select(AutomationAttempt, ProjectDealership, Dealership)
        .join(ProjectDealership, ProjectDealership.id == AutomationAttempt.project_dealership_id)
        .join(Dealership, Dealership.id == ProjectDealership.dealership_id)
        .where(AutomationAttempt.run_id == run.id, AutomationAttempt.status != "running")
        .order_by(AutomationAttempt.completed_at.desc(), AutomationAttempt.id.desc())
        .limit(limit)
    )
    return list(db.session.execute(query))


def list_failures(run: Run) -> list[Any]:
    """(error_type, attempts, dealerships) of those that are failures still, the most frequent first."""
    query = (
        sa.select(
            AutomationAttempt.error_type, sa.func.count().label("attempts"),
            sa.func.count(AutomationAttempt.project_dealership_id.distinct()).label("dealerships"),
        )
        .where(AutomationAttempt.run_id == run.id, AutomationAttempt.status.in_(FAILED), AutomationAttempt.error_type.is_not(None))
        .group_by(AutomationAttempt.error_type)
        .order_by(sa.text("attempts DESC"), AutomationAttempt.error_type)
    )  # fmt: skip
    return list(db.session.execute(query))


def count_by_hour(run: Run, zone: str) -> list[Any]:
    """(hour as local time, successful, failed, skipped) for each hour with attempts, in order."""
    hour = sa.func.date_trunc("hour", sa.func.timezone(zone, AutomationAttempt.completed_at)).label("hour")
    a = AutomationAttempt.status
    query = (
        sa.select(
            hour, sa.func.count().filter(a == "success"), sa.func.count().filter(a.in_(FAILED)),
            sa.func.count().filter(a == "skipped"),
        )
        .where(AutomationAttempt.run_id == run.id, AutomationAttempt.completed_at.is_not(None))
        .group_by(hour)
        .order_by(hour)
    )  # fmt: skip
    return list(db.session.execute(query))


def list_events(project: Project, after: int = 0, limit: int = 100) -> list[RunEvent]:
    """In order, from any point: ids rise with the commits, since each event is written under its run's lock."""
    query = sa.select(RunEvent).where(
        RunEvent.company_id == project.company_id, RunEvent.project_id == project.id, RunEvent.id > after
    )
    return list(db.session.scalars(query.order_by(RunEvent.id).limit(min(max(limit, 1), MAX_EVENTS))))
