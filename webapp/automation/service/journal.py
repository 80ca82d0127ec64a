"""What a run tells while it goes: events for the live page and the API, and its own complete log with the seed's keys."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
import structlog

from webapp.automation.models import ProjectDealership, Run, RunEvent, RunLog
from webapp.core.db import db

log = structlog.get_logger(__name__)
_ONE_WRITER = sa.text("SELECT pg_advisory_xact_lock(hashtext('run_events'), :project)")
SECRET = ("email", "phone", "message_text")  # never on a log line, whoever asks


def tell(
    run: Run, type: str, *, project_dealership_id: int | None = None, attempt_id: int | None = None, **payload: Any
) -> None:
    """Append one event in the transaction in hand. One writer of a project at a time until it commits: so ids rise with the commits,
    and a reader that asks for what came after an id misses none.
    """
    db.session.execute(_ONE_WRITER, {"project": run.project_id % 2**31})
    db.session.add(
        RunEvent(company_id=run.company_id, project_id=run.project_id, run_id=run.id, type=type,
                 project_dealership_id=project_dealership_id, attempt_id=attempt_id, payload=payload)
    )  # fmt: skip


def note(
    run: Run | ProjectDealership, operation: str, message: str, *, level: str = "info", dealership_id: int | None = None, attempt_id: int | None = None,
    duration_ms: int | None = None, **metadata: Any,
) -> None:  # fmt: skip
    """Write one operation into the run's log, in the transaction in hand, and onto the program's. Of what no run has seen: the row."""
    run_id = run.id if isinstance(run, Run) else None
    kept = {key: value for key, value in metadata.items() if key not in SECRET}
    db.session.add(
        RunLog(company_id=run.company_id, project_id=run.project_id, run_id=run_id, dealership_id=dealership_id, attempt_id=attempt_id,
               level=level, operation=operation, message=message[:2000], duration_ms=duration_ms, details=kept)
    )  # fmt: skip
    getattr(log, level if level != "warn" else "warning")(
        operation, operation=operation, company_id=run.company_id, project_id=run.project_id, run_id=run_id, dealership_id=dealership_id,
        attempt_id=attempt_id, duration_ms=duration_ms,
        metadata={key: value for key, value in kept.items() if key not in ("browser_logs", "reason", "notes", "contacted_by")},
    )  # fmt: skip
