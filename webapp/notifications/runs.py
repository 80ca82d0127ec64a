"""Alerts of automation runs, read from the rows each minute: what was not said because a process died is said at the next look.

One alert per run and kind; a run that pauses itself has its own. Nothing is kept here: the dedupe key is the memory.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.automation.models import AutomationAttempt, Project, Run
from webapp.automation.rules import STUCK_AFTER, blocks_captchas, is_high
from webapp.automation.states import ACTIVE_RUN, FAILED
from webapp.core.clock import read_now
from webapp.core.db import atomic, db
from webapp.core.text import num
from webapp.notifications.service import notify

LOOK_BACK = timedelta(hours=6)  # ended runs that are still looked at
CHANGED = 2  # forms that no longer fit, before it is worth an alert


def send_run_alerts(company_id: int) -> int:
    """How many were new."""
    query = (
        sa.select(Run.id)
        .where(Run.company_id == company_id, sa.or_(Run.state.in_(ACTIVE_RUN), Run.ended_at > read_now() - LOOK_BACK))
        .order_by(Run.id)
    )
    found = list(db.session.scalars(query))
    db.session.rollback()
    return sum(_look(run_id) for run_id in found)


@atomic
def _look(run_id: int) -> int:
    run = db.session.get_one(Run, run_id)
    project = db.session.get_one(Project, run.project_id)
    rows = db.session.execute(
        sa.select(AutomationAttempt.status, AutomationAttempt.error_type, AutomationAttempt.project_dealership_id)
        .where(AutomationAttempt.run_id == run.id, AutomationAttempt.status.in_(("success", *FAILED)))
        .order_by(AutomationAttempt.completed_at.desc(), AutomationAttempt.id.desc())
    ).all()
    failed = [row for row in rows if row.status in FAILED]
    errors = [
        row.error_type or "" if row.status in FAILED else "" for row in rows
    ]  # what was settled as arrived keeps its type
    changed = len({row.project_dealership_id for row in failed if row.error_type == FailureType.FORM_CHANGED.value})
    return sum(
        notify(run.company_id, kind, title, body=body, url=f"/runs/{run.id}", level=level, dedupe_key=f"run:{run.id}:{kind}{turn}",
               details={"run_id": run.id, "project_id": run.project_id}) is not None
        for kind, title, body, level, turn in _due(run, project, errors, len(failed), changed, read_now())
    )  # fmt: skip


def _due(
    run: Run, project: Project, errors: list[str], failures: int, changed: int, now: datetime
) -> list[tuple[str, str, str, str, str]]:
    """(kind, title, body, level, what makes it another one of its kind). `changed` dealerships whose form no longer fits."""
    due: list[tuple[str, str, str, str, str]] = []
    if is_high(len(errors), failures):
        kinds = [kind for kind in errors if kind]
        worst = FAILURES[FailureType(max(set(kinds), key=kinds.count))]
        due.append(("high_failure_rate", f"{project.name}: {failures} of {len(errors)} attempts failed",
                    f"Most: {worst.label.lower()}. {worst.advice}", "bad", ""))  # fmt: skip
    waits = run.waiting_until is not None and run.waiting_until > now - STUCK_AFTER
    if run.state == "running" and not waits and now - run.progress_at > STUCK_AFTER:
        due.append(("automation_stuck", f"{project.name}: no progress since {run.progress_at:%H:%M} UTC",
                    "Look at System whether a browser worker runs; the run goes on by itself when one does.", "bad", ""))  # fmt: skip
    if blocks_captchas(errors):
        due.append(
            (
                "captcha_blocking",
                f"{project.name}: captchas block the run",
                FAILURES[FailureType.CAPTCHA_DETECTED].advice,
                "warn",
                "",
            )
        )
    if changed >= CHANGED:
        due.append(
            (
                "site_changes",
                f"{project.name}: {num(changed)} forms have changed",
                FAILURES[FailureType.FORM_CHANGED].advice,
                "warn",
                "",
            )
        )
    if run.state == "paused" and run.paused_reason and run.paused_at is not None:
        due.append(
            (
                "automation_paused",
                f"{project.name} has paused itself",
                run.paused_reason,
                "bad",
                f":{int(run.paused_at.timestamp())}",
            )
        )
    if run.state == "finished":
        done = f"{num(run.successful)} successful, {num(run.failed)} failed, {num(run.skipped)} skipped of {num(run.total)}."
        due.append(
            ("completion", f"{project.name} has finished{' its dry run' if run.dry_run else ''}", done, "ok", "")
        )
    return due
