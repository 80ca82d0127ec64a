from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Row, company_id_column, db
from webapp.core.work import WorkMixin


class RecycleBatch(Row, WorkMixin, db.Model):
    """One recycling of one list. `preview`, `result`: counts by outcome (recycled and each reason of skipping)."""

    __tablename__ = "recycle_batches"
    JOB = "recycle"

    company_id: Mapped[int] = company_id_column()
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("lead_lists.id"), index=True)
    statuses: Mapped[list[str]]
    target_status: Mapped[str]
    reset_dial_count: Mapped[bool]
    preview: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    up_to_id: Mapped[int | None]
    position_status: Mapped[int] = mapped_column(
        sa.Integer, server_default="0", default=0
    )  # statuses are walked in order
    batch_id: Mapped[UUID] = mapped_column(unique=True)
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))


class Repair(Row, WorkMixin, db.Model):
    """One repair of problematic leads. Scope: a list, a campaign, or the whole company.

    `before`, `after`: leads by problem class; `result`: fixed by class and by new status, skipped by reason.
    """

    __tablename__ = "repairs"
    JOB = "repair"

    company_id: Mapped[int] = company_id_column()
    list_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lead_lists.id"), index=True)
    campaign_id: Mapped[int | None] = mapped_column(sa.ForeignKey("dial_campaigns.id"))
    trigger: Mapped[str] = mapped_column(server_default="user", default="user")  # user, nightly, light, cli
    classes: Mapped[list[str]]
    position_list_id: Mapped[int] = mapped_column(server_default="0", default=0)
    before: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    batch_id: Mapped[UUID] = mapped_column(unique=True)
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))


class Undo(Row, WorkMixin, db.Model):
    """The undoing of one batch: `done` restored, `skipped` had changed since."""

    __tablename__ = "undos"
    JOB = "undo"

    company_id: Mapped[int] = company_id_column()
    batch_id: Mapped[UUID] = mapped_column(unique=True)
    subject: Mapped[str]  # recycle_batches, repairs
    subject_id: Mapped[int]
    result: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
