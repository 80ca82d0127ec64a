"""Two leads that share a phone or an email and are different people all the same."""

from __future__ import annotations

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.db import atomic, db
from webapp.leads.models import Lead
from webapp.timeline.models import DuplicateVerdict


@atomic
def set_apart(a: int, b: int, *, by: User) -> None:
    """These two are different people: they are no longer shown as duplicates. Raises LookupError."""
    low, high = min(a, b), max(a, b)
    if low == high or any(find_owned(Lead, lead_id, by.company_id) is None for lead_id in (low, high)):
        raise LookupError("No such leads")
    known = sa.select(DuplicateVerdict.id).where(
        DuplicateVerdict.company_id == by.company_id, DuplicateVerdict.low_id == low, DuplicateVerdict.high_id == high
    )
    if db.session.scalar(known) is None:
        db.session.add(DuplicateVerdict(company_id=by.company_id, low_id=low, high_id=high, user_id=by.id))


@atomic
def take_back_apart(a: int, b: int, *, by: User) -> None:
    db.session.execute(
        sa.delete(DuplicateVerdict).where(
            DuplicateVerdict.company_id == by.company_id, DuplicateVerdict.low_id == min(a, b), DuplicateVerdict.high_id == max(a, b)
        )
    )  # fmt: skip
