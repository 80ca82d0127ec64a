"""The few things that can be done on Today and System."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from webapp.accounts.models import User
from webapp.core.db import atomic, db
from webapp.demo.service import start_again
from webapp.home import queries

DISMISSED = "first_steps_dismissed"


@atomic
def dismiss_first_steps(*, by: User) -> None:
    """Hide the list for this user, whatever is left to do."""
    db.session.execute(
        sa.update(User)
        .where(User.id == by.id)
        .values(preferences=User.preferences.op("||")(sa.cast({DISMISSED: True}, JSONB)))
    )
    db.session.refresh(by)


@atomic
def restart_failed(table: str, row_id: int, *, by: User) -> bool:
    """False when the company has no such failed work (any more)."""
    row = queries.find_failed(by.company_id, table, row_id)
    if row is None:
        return False
    start_again(row, by=by)
    return True
