from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Row, company_id_column, db
from webapp.core.work import WorkMixin


class DemoLoad(Row, WorkMixin, db.Model):
    """One loading or removal of a company's demo data.

    `batch_id` stands on the first ledger row of every lead this loading made, so that a removal takes those
    leads and no other. `params`: scale, seed; from the first step on also the ids of lists, campaigns and users.
    """

    __tablename__ = "demo_loads"
    JOB = "demo"

    company_id: Mapped[int] = company_id_column()
    action: Mapped[str]
    batch_id: Mapped[UUID] = mapped_column(unique=True)
    params: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)

    __table_args__ = (sa.CheckConstraint("action IN ('load', 'remove')", name="action"),)
