"""The writes of accounts, by what they write."""

from __future__ import annotations

import sqlalchemy as sa

from webapp.accounts import queries
from webapp.accounts.models import Company
from webapp.core.db import db


class Refused(Exception):
    """A rule stands against it; the text is for the person who asked, `field` the input it belongs to."""

    def __init__(self, message: str, field: str = ""):
        self.field = field
        super().__init__(message)


def lock_company(company_id: int) -> Company:
    """Changes to a team follow one another, so that rules over all of its people hold."""
    query = sa.select(Company).where(Company.id == company_id).with_for_update()
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def claim_email(
    email: str, *, but: int | None = None, message: str = "This email address has an account already."
) -> None:
    """Raises Refused when another user (than `but`) has it; whoever claims it at the same time waits."""
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"email {email}", 0))))
    holder = queries.find_user_by_email(email)
    if holder is not None and holder.id != but:
        raise Refused(message, "email")
