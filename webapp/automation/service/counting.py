"""The counters of a run, recomputed from its rows whenever one is recorded: never incremented, so never wrong."""

from __future__ import annotations

import sqlalchemy as sa

from webapp.automation.engine.failures import FAILURES
from webapp.automation.models import AutomationAttempt, ProjectDealership, Run
from webapp.automation.rules import STAYS_IN_RUN
from webapp.automation.states import ACTIVE_RUN
from webapp.core.db import db

WALLS = tuple(kind.value for kind, failure in FAILURES.items() if failure.wall and kind.value != "rate_limited")
_HERE = "EXISTS (SELECT FROM automation_attempts t WHERE t.project_dealership_id = pd.id AND t.run_id = :run AND t.status <> 'cancelled')"
# What a run still has to do: `pd` a project_dealership. A dry run tries each once and moves no status; a live one takes what is pending,
# what it failed at itself and will try again, and with `retry_failed` what failed before, unless a wall, a site's no or
# an unknown outcome forbids it; a person who chooses one goes over the first two.
DUE_SQL = f"""
  (CAST(:chosen AS bigint[]) IS NULL OR pd.id = ANY(CAST(:chosen AS bigint[])))
  AND (pd.deferred_until IS NULL OR pd.deferred_until <= rebound_now() + CAST(:stays AS interval))
  AND CASE WHEN :dry THEN pd.contact_status IN ('pending', 'failed', 'blocked') AND NOT {_HERE}
    ELSE (pd.contact_status = 'pending'
          AND (pd.submission IS DISTINCT FROM 'rejected' OR CAST(:chosen AS bigint[]) IS NOT NULL
               OR (pd.run_id = :run AND pd.next_retry_at IS NOT NULL))
          AND NOT EXISTS (
            SELECT FROM automation_attempts s WHERE s.project_dealership_id = pd.id AND s.run_id = :run AND s.status = 'skipped'))
      OR (pd.contact_status IN ('failed', 'blocked') AND pd.run_id = :run AND pd.next_retry_at IS NOT NULL)
      OR (:again AND pd.contact_status IN ('failed', 'blocked') AND NOT {_HERE}
          AND (coalesce(pd.submission, 'not_sent') = 'not_sent' OR (pd.submission = 'rejected' AND CAST(:chosen AS bigint[]) IS NOT NULL))
          AND (CAST(:chosen AS bigint[]) IS NOT NULL OR coalesce(pd.error_type, '') <> ALL(CAST(:walls AS text[]))))
    END
"""
_COUNT = sa.text(
    f"""
    WITH last AS (
      SELECT DISTINCT ON (a.project_dealership_id) a.project_dealership_id AS id, a.status, a.submission
      FROM automation_attempts a WHERE a.run_id = :run AND a.status <> 'cancelled'
      ORDER BY a.project_dealership_id, a.attempt_number DESC
    ), seen AS (
      SELECT pd.id, last.status, (pd.contact_status = 'in_progress' AND pd.run_id = :run) OR last.status = 'running'
          OR (({DUE_SQL}) AND NOT (:over AND last.status IS NOT NULL)) AS open
      FROM project_dealerships pd LEFT JOIN last ON last.id = pd.id WHERE pd.project_id = :project
    )
    SELECT count(*) FILTER (WHERE open OR status IS NOT NULL) AS total,
      count(*) FILTER (WHERE NOT open AND status IS NOT NULL) AS processed,
      count(*) FILTER (WHERE NOT open AND status = 'success') AS successful,
      count(*) FILTER (WHERE NOT open AND status IN ('failed', 'timeout', 'blocked')) AS failed,
      count(*) FILTER (WHERE NOT open AND status = 'skipped') AS skipped,
      count(*) FILTER (WHERE open) AS left_over,
      (SELECT count(*) FROM automation_attempts a WHERE a.run_id = :run AND a.status NOT IN ('cancelled', 'running', 'skipped')) AS attempts
    FROM seen
    """
)


def facts_of(run: Run) -> dict[str, object]:
    """The parameters of DUE_SQL."""
    return {
        "run": run.id, "project": run.project_id, "chosen": run.chosen, "dry": run.dry_run, "again": run.retry_failed,
        "walls": list(WALLS), "stays": STAYS_IN_RUN,
    }  # fmt: skip


def is_due(run: Run, project_dealership_id: int) -> bool:
    query = sa.text(f"SELECT {DUE_SQL} FROM project_dealerships pd WHERE pd.id = :id")
    return bool(db.session.scalar(query, {**facts_of(run), "id": project_dealership_id}))


def recount(run: Run) -> int:
    """Set the run's counters in the transaction in hand; how many dealerships it still has to do, those in hand included.

    A run that is over does nothing again: what it tried is counted by how that ended.
    """
    found = db.session.execute(_COUNT, {**facts_of(run), "over": run.state not in ACTIVE_RUN}).one()
    run.total, run.processed, run.successful, run.failed = found.total, found.processed, found.successful, found.failed
    run.skipped, run.attempts = found.skipped, found.attempts
    run.version += 1
    db.session.flush()
    return int(found.left_over)


def drop_retries(run: Run, why: str) -> None:
    """Take back the tries that the run had planned, in the transaction in hand: no other run keeps them."""
    planned = sa.and_(ProjectDealership.run_id == run.id, ProjectDealership.contact_status.in_(("failed", "blocked")),
                      ProjectDealership.next_retry_at.is_not(None))  # fmt: skip
    last = sa.select(ProjectDealership.last_attempt_id).where(planned)
    db.session.execute(sa.update(AutomationAttempt).where(AutomationAttempt.id.in_(last)).values(retry_at=None))
    db.session.execute(sa.update(ProjectDealership).where(planned).values(next_retry_at=None, reason=why))
