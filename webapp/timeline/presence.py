"""The sign that somebody has a lead open. It informs; the guard alone decides."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.timeline.models import LeadViewer
from webapp.timeline.queries.live import Live, Mark, look_live
from webapp.timeline.states import METHODS


@atomic
def beat(
    company_id: int, lead_id: int, user_id: int, mark: Mark, *, writing: bool = False, method: str = ""
) -> Live | None:
    """Say that this user is here, and hear of the others; None for a lead that is not the company's."""
    known = method if writing and method in METHODS else ""
    return look_live(company_id, lead_id, user_id, mark, writing=writing, method=known)


@atomic
def forget_viewers() -> int:
    """Signs of yesterday serve nobody."""
    gone = db.session.execute(sa.delete(LeadViewer).where(LeadViewer.seen_at < db_now() - timedelta(days=1)))
    return int(getattr(gone, "rowcount", 0))
