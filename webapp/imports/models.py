from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Row, company_id_column, db
from webapp.core.work import WorkMixin


class ImportMapping(Row, db.Model):
    """A column mapping kept by name. `columns` maps a normalised header to a lead field or "custom:<key>"."""

    __tablename__ = "import_mappings"

    company_id: Mapped[int] = company_id_column()
    kind: Mapped[str] = mapped_column(server_default="leads", default="leads")
    name: Mapped[str]
    columns: Mapped[dict[str, Any]]
    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    __table_args__ = (sa.Index("uq_import_mappings_name", "company_id", "kind", sa.text("lower(name)"), unique=True),)


class Import(Row, WorkMixin, db.Model):
    """One file on its way in. `stage`: uploaded, checked, imported, undone; `job` is the work in hand.

    `options`: encoding, delimiter, has_header, sheet, country, scope (list, campaign, company), duplicates
    (skip, update), source, tags. `counts`: rows by outcome, of the dry run in `checked`, of the run in `result`.
    """

    __tablename__ = "imports"
    JOB = "import_check"

    company_id: Mapped[int] = company_id_column()
    kind: Mapped[str] = mapped_column(server_default="leads", default="leads")  # or "calls"
    list_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lead_lists.id"), index=True)
    filename: Mapped[str]
    storage_key: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    stage: Mapped[str] = mapped_column(server_default="uploaded", default="uploaded")
    columns: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    options: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    preview: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    checked: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    batch_id: Mapped[UUID | None]
    undone_at: Mapped[datetime | None]


class ImportRow(db.Model):
    """One line of the file and what became of it. `number` is the line in the file (the header is 1)."""

    __tablename__ = "import_rows"

    import_id: Mapped[int] = mapped_column(sa.ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    outcome: Mapped[str]  # new, update, duplicate_in_file, ..._list, ..._campaign, ..._company, dnc, invalid, missing
    reason: Mapped[str] = mapped_column(server_default="", default="")
    lead_id: Mapped[int | None]
    raw: Mapped[list[str] | None]  # the cells, for refused rows only
    before: Mapped[dict[str, Any] | None]  # old values of an updated lead, for undo

    __table_args__ = (sa.Index("ix_import_rows_outcome", "import_id", "outcome", "number"),)
