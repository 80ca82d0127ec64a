"""What was done: runs and their lanes, attempts with their evidence, what was learned of forms, and the pace of hosts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.automation.engine.failures import FailureType
from webapp.automation.engine.outcome import STEPS, STRATEGIES, SUBMISSIONS
from webapp.automation.models.shapes import EMPTY, NONE_YET, one_of
from webapp.automation.states import ATTEMPT, EVENTS, RUN
from webapp.core.db import Row, company_id_column, db


class Run(Row, db.Model):
    """One execution of a project. The counters are recomputed from the attempts in the transaction that records one.

    `chosen` project_dealerships only, NULL: whatever is due; `retry_failed`: those that failed before get their tries anew.
    `paused_reason` in words when it paused itself; `version` moves with every visible change.
    """

    __tablename__ = "runs"

    company_id: Mapped[int] = company_id_column()
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    contact_request_id: Mapped[int] = mapped_column(sa.ForeignKey("contact_requests.id"))
    state: Mapped[str] = mapped_column(server_default=RUN.initial, default=RUN.initial)
    dry_run: Mapped[bool]
    retry_failed: Mapped[bool] = mapped_column(server_default=sa.false(), default=False)
    chosen: Mapped[list[int] | None] = mapped_column(sa.ARRAY(sa.BigInteger))
    total: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    processed: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    successful: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    failed: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    skipped: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    attempts: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    paused_reason: Mapped[str] = mapped_column(server_default="", default="")
    waiting_until: Mapped[datetime | None]  # when the next is due, while nothing can be done
    waiting_for: Mapped[str] = mapped_column(server_default="", default="")
    started_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    started_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())
    ended_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    paused_seconds: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    heartbeat_at: Mapped[datetime | None]
    progress_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())
    version: Mapped[int] = mapped_column(server_default="0", default=0)
    form_token: Mapped[str | None]

    __table_args__ = (
        RUN.constraint(),
        sa.Index("uq_runs_active", "project_id", unique=True, postgresql_where=sa.text("state IN ('running', 'paused')")),
        sa.Index("ix_runs_active", "state", postgresql_where=sa.text("state IN ('running', 'paused')")),
    )  # fmt: skip


class RunLane(Row, db.Model):
    """One of the workers a run keeps busy: as many lanes as parallel pages. A queue entry names the lane; its lease says who has it."""

    __tablename__ = "run_lanes"

    company_id: Mapped[int] = company_id_column(index=False, checked=False)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("runs.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(sa.Integer)
    fence: Mapped[int] = mapped_column(server_default="0", default=0)
    lease_until: Mapped[datetime | None]
    worker: Mapped[str] = mapped_column(server_default="", default="")

    __table_args__ = (sa.UniqueConstraint("run_id", "number"),)


class AutomationAttempt(Row, db.Model):
    """One try of one dealership, with its evidence: the seed's `contact_attempts`.

    `error_type` one of the sixteen; `submission` what became of the sending; the four paths are keys of the storage.
    `submit_pressed_at` is written before the click: from then on a dead worker leaves an outcome that nobody knows.
    """

    __tablename__ = "automation_attempts"

    company_id: Mapped[int] = company_id_column(index=False)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id", ondelete="CASCADE"))
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("runs.id", ondelete="CASCADE"))
    project_dealership_id: Mapped[int] = mapped_column(sa.ForeignKey("project_dealerships.id", ondelete="CASCADE"))
    contact_request_id: Mapped[int] = mapped_column(sa.ForeignKey("contact_requests.id"))
    attempt_number: Mapped[int] = mapped_column(sa.Integer)
    dry_run: Mapped[bool]
    started_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())
    completed_at: Mapped[datetime | None]
    duration_seconds: Mapped[int | None] = mapped_column(sa.Integer)
    status: Mapped[str] = mapped_column(server_default=ATTEMPT.initial, default=ATTEMPT.initial)
    step: Mapped[str] = mapped_column(server_default="starting", default="starting")
    submit_pressed_at: Mapped[datetime | None]
    error_type: Mapped[str | None]
    error_message: Mapped[str | None]
    error_stack_trace: Mapped[str | None]
    submission: Mapped[str | None]
    evidence: Mapped[list[Any]] = mapped_column(sa.dialects.postgresql.JSONB, server_default=NONE_YET, default=list)
    also: Mapped[list[str]] = mapped_column(server_default="{}", default=list)
    skip_reason: Mapped[str | None]  # robots, do_not_contact, contact_cap, recent_contact, queued_contact, quiet_hours
    screenshot_before_path: Mapped[str | None]
    screenshot_after_path: Mapped[str | None]
    screenshot_error_path: Mapped[str | None]
    page_source_path: Mapped[str | None]
    browser_logs: Mapped[list[Any]] = mapped_column(sa.dialects.postgresql.JSONB, server_default=NONE_YET, default=list)
    fields: Mapped[list[Any]] = mapped_column(sa.dialects.postgresql.JSONB, server_default=NONE_YET, default=list)
    automation_strategy: Mapped[str | None]
    form_mapping_id: Mapped[int | None] = mapped_column(sa.ForeignKey("form_mappings.id"))
    form_mapping_version: Mapped[str | None]
    browser_type: Mapped[str | None]
    user_agent: Mapped[str | None]
    page_load_time_ms: Mapped[int | None] = mapped_column(sa.Integer)
    form_fill_time_ms: Mapped[int | None] = mapped_column(sa.Integer)
    submission_time_ms: Mapped[int | None] = mapped_column(sa.Integer)
    contact_url: Mapped[str | None]
    final_url: Mapped[str | None]
    retry_after_seconds: Mapped[int | None] = mapped_column(sa.Integer)
    retry_at: Mapped[datetime | None]  # when the next try was planned for
    contact_id: Mapped[int | None] = mapped_column(sa.ForeignKey("contact_attempts.id", ondelete="SET NULL"))
    settled_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))  # who told an unknown outcome

    __table_args__ = (
        ATTEMPT.constraint(),
        sa.UniqueConstraint("project_dealership_id", "attempt_number"),
        sa.CheckConstraint(f"error_type IS NULL OR {one_of('error_type', FailureType)}", name="error_type"),
        sa.CheckConstraint(f"submission IS NULL OR {one_of('submission', SUBMISSIONS)}", name="submission"),
        sa.CheckConstraint(f"automation_strategy IS NULL OR {one_of('automation_strategy', STRATEGIES)}", name="strategy"),
        sa.CheckConstraint(one_of("step", STEPS), name="step"),
        sa.Index("ix_automation_attempts_run", "run_id", "id"),
        sa.Index("ix_automation_attempts_project", "project_id", "started_at"),
        sa.Index("uq_automation_attempts_running", "project_dealership_id", unique=True,
                 postgresql_where=sa.text("status = 'running'")),
        sa.Index("ix_automation_attempts_request", "contact_request_id"),
    )  # fmt: skip


class FormMapping(Row, db.Model):
    """What was learned of one host's form, one version. `fields`: control key to {"kind", "selector", "label", "option", "text"}.

    `attempt_id`: the attempt whose picture it is shown on. The highest version that is not `retired_at` is used.
    """

    __tablename__ = "form_mappings"

    company_id: Mapped[int] = company_id_column(index=False)
    host: Mapped[str]
    version: Mapped[int] = mapped_column(sa.Integer)
    contact_url: Mapped[str]
    fingerprint: Mapped[str]
    form: Mapped[str] = mapped_column(server_default="", default="")
    fields: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY, default=dict)
    learned_by: Mapped[str] = mapped_column(server_default="engine", default="engine")
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    attempt_id: Mapped[int | None]
    last_success_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("company_id", "host", "version"),
        sa.CheckConstraint("learned_by IN ('engine', 'person')", name="learned_by"),
    )


class HostPace(db.Model):
    """What this installation owes one host, whoever asks: one visitor at a time, a gap between two, and its robots.txt for a day."""

    __tablename__ = "host_paces"

    host: Mapped[str] = mapped_column(primary_key=True)
    busy_until: Mapped[datetime | None]
    free_at: Mapped[datetime | None]  # no visit before
    last_visit_at: Mapped[datetime | None]
    visits_on: Mapped[date | None]
    visits: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)  # on that day
    crawl_delay: Mapped[float | None] = mapped_column(sa.Float)
    robots: Mapped[dict[str, Any] | None]
    robots_at: Mapped[datetime | None]


class RunEvent(Row, db.Model):
    """What the live page and the API tell, in the order of the ids of one run."""

    __tablename__ = "run_events"

    company_id: Mapped[int] = company_id_column(index=False, checked=False)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id", ondelete="CASCADE"))
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    type: Mapped[str]
    project_dealership_id: Mapped[int | None]
    attempt_id: Mapped[int | None]
    payload: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY, default=dict)

    __table_args__ = (
        sa.CheckConstraint(one_of("type", EVENTS), name="type"),
        sa.Index("ix_run_events_project", "project_id", "id"),
    )


class RunLog(Row, db.Model):
    """A run's own complete log: one line an operation, with the seed's keys."""

    __tablename__ = "run_log"

    company_id: Mapped[int] = company_id_column(index=False, checked=False)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id", ondelete="CASCADE"))
    run_id: Mapped[int | None] = mapped_column(sa.ForeignKey("runs.id", ondelete="CASCADE"))
    dealership_id: Mapped[int | None]
    attempt_id: Mapped[int | None]
    level: Mapped[str] = mapped_column(server_default="info", default="info")
    operation: Mapped[str]
    message: Mapped[str]
    duration_ms: Mapped[int | None]
    details: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=EMPTY, default=dict)

    __table_args__ = (
        sa.Index("ix_run_log_run", "run_id", "id"),
        sa.Index("ix_run_log_project", "project_id", "id"),
    )
