from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Row, company_id_column, db

LEVELS = ("info", "ok", "warn", "bad")


class Notification(Row, db.Model):
    """One line in the inbox of one user, or of every manager and admin (`user_id` NULL).

    `dedupe_key` is unique per company while given: one alert per subject and kind in a window.
    """

    __tablename__ = "notifications"

    company_id: Mapped[int] = company_id_column(index=False)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    kind: Mapped[str]
    level: Mapped[str] = mapped_column(server_default="info", default="info")
    title: Mapped[str]
    body: Mapped[str] = mapped_column(server_default="", default="")
    url: Mapped[str] = mapped_column(server_default="", default="")
    details: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    dedupe_key: Mapped[str | None]

    __table_args__ = (
        sa.CheckConstraint("level IN ('info', 'ok', 'warn', 'bad')", name="level"),
        sa.Index("ix_notifications_company", "company_id", "id"),
        sa.Index("uq_notifications_dedupe", "company_id", "dedupe_key", unique=True,
                 postgresql_where=sa.text("dedupe_key IS NOT NULL")),
    )  # fmt: skip


class NotificationRead(db.Model):
    __tablename__ = "notification_reads"

    notification_id: Mapped[int] = mapped_column(
        sa.ForeignKey("notifications.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True, autoincrement=False)
    read_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())
