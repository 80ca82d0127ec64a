"""Append-only trails. The database refuses UPDATE and DELETE on both tables (migration 0001)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Row, company_id_column, db

CAUSES = (
    "call", "disposition", "recycle", "repair", "import", "user", "contact", "response", "undo", "system",
)  # fmt: skip


class StatusChange(Row, db.Model):
    """One move of one row of one machine. `evidence_id` is the call, contact or import that caused it;
    `before` holds the other columns' old values when the action can be undone."""

    __tablename__ = "status_changes"

    company_id: Mapped[int] = company_id_column(index=False, checked=False)
    machine: Mapped[str] = mapped_column(server_default="lead")
    subject_id: Mapped[int]
    old_status: Mapped[str | None]
    new_status: Mapped[str | None]
    cause: Mapped[str]
    reason: Mapped[str | None]
    evidence_id: Mapped[int | None]
    batch_id: Mapped[UUID | None]
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    before: Mapped[dict[str, Any] | None]
    notes: Mapped[str | None]

    __table_args__ = (
        sa.CheckConstraint("cause IN ({})".format(", ".join(f"'{c}'" for c in CAUSES)), name="cause"),
        sa.Index("ix_status_changes_subject", "machine", "subject_id", "id"),
        sa.Index("ix_status_changes_batch", "batch_id", "subject_id", postgresql_where=sa.text("batch_id IS NOT NULL")),
        sa.Index("ix_status_changes_company", "company_id", "id"),
    )


class AuditEvent(Row, db.Model):
    """What a person did that is not a status: signed in, exported, recycled, changed a setting or a user."""

    __tablename__ = "audit_events"

    company_id: Mapped[int | None] = mapped_column(sa.ForeignKey("companies.id"))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    kind: Mapped[str]
    subject_type: Mapped[str | None]
    subject_id: Mapped[int | None]
    summary: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"))
    batch_id: Mapped[UUID | None]
    address: Mapped[str | None]
    request_id: Mapped[str | None]

    __table_args__ = (
        sa.Index("ix_audit_events_company", "company_id", "id"),
        sa.Index("ix_audit_events_kind", "company_id", "kind", "id"),
        sa.Index("ix_audit_events_user", "company_id", "user_id", "id"),
        sa.Index("ix_audit_events_subject", "subject_type", "subject_id", "id"),
    )


def record_event(
    kind: str,
    summary: str,
    *,
    by: Any,
    company_id: int | None = None,
    subject: Any = None,
    batch_id: UUID | None = None,
    at: datetime | None = None,
    **details: Any,
) -> AuditEvent:
    """Append one audit row in the transaction in hand. `by` is a User, or None for the system.

    Address and request id come from the log context, which the web and job layers bind.
    """
    import structlog

    context = structlog.contextvars.get_contextvars()
    event = AuditEvent(
        company_id=company_id if company_id is not None else getattr(by, "company_id", None),
        user_id=getattr(by, "id", None), kind=kind, summary=summary, details=details, batch_id=batch_id,
        subject_type=subject.__tablename__ if subject is not None else None,
        subject_id=subject.id if subject is not None else None,
        address=context.get("address"), request_id=context.get("request_id") or context.get("job_id"),
    )  # fmt: skip
    if at is not None:
        event.created_at = at
    db.session.add(event)
    return event
