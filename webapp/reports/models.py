from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Row, company_id_column, db
from webapp.core.work import WorkMixin

FORMATS = ("csv", "xlsx", "pdf", "json", "zip")


class Export(Row, WorkMixin, db.Model):
    """A file asked for. `kind` names its builder in reports.builders; `params` its subject and filters."""

    __tablename__ = "exports"
    JOB = "export"
    LEASE = timedelta(
        minutes=5
    )  # a PDF of 2,000 wide rows is one step of half a minute, and of minutes on a busy machine

    company_id: Mapped[int] = company_id_column()
    kind: Mapped[str]
    format: Mapped[str]
    title: Mapped[str]
    params: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    filename: Mapped[str] = mapped_column(server_default="", default="")
    storage_key: Mapped[str | None]
    size: Mapped[int | None]
    sha256: Mapped[str | None]
    rows: Mapped[int | None]
    expires_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]

    __table_args__ = (sa.CheckConstraint("format IN ({})".format(", ".join(f"'{f}'" for f in FORMATS)), name="format"),)
