"""Periodic work as rows: `jobs/schedule.py` declares it, one tick claims what is due."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Row, db


class Schedule(Row, db.Model):
    """`cron` is a five-field expression in `zone`; `company_id` NULL means once for the installation."""

    __tablename__ = "schedules"

    name: Mapped[str]
    company_id: Mapped[int | None] = mapped_column(sa.ForeignKey("companies.id", ondelete="CASCADE"))
    cron: Mapped[str]
    zone: Mapped[str] = mapped_column(server_default="UTC", default="UTC")
    next_run_at: Mapped[datetime]
    last_run_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(server_default="", default="")

    __table_args__ = (
        sa.Index("uq_schedules_name", "name", sa.text("coalesce(company_id, 0)"), unique=True),
        sa.Index("ix_schedules_due", "next_run_at"),
    )
