"""A lead in somebody's hand: whose, and whether it may still be dialed, by the claim's own judgement."""

from __future__ import annotations

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.db import Prepared, db
from webapp.dialer.eligible import CAP_SQL, ONE_JOINS_SQL, ONE_SQL, REASONS, Reason
from webapp.dialer.models import HopperEntry

_JUDGED = Prepared(
    f"""
    WITH {CAP_SQL}
    SELECT CASE WHEN dc.active THEN {ONE_SQL} ELSE 'off' END AS reason
    FROM leads l {ONE_JOINS_SQL} CROSS JOIN cap WHERE l.id = %(lead)s AND dc.id = %(campaign)s
    """
)
OFF = Reason("Campaign is off", "A manager has switched the campaign off.", "warn")
MOVED = Reason("Moved", "Its list no longer belongs to this campaign.", "warn")


def why_blocked(entry: HopperEntry) -> Reason | None:
    """Why the claimed lead may not be dialed now; None when it may. Of one that was dialed already only do-not-contact counts."""
    found = _JUDGED(
        company=entry.company_id, campaign=entry.campaign_id, lead=entry.lead_id, agent=entry.locked_by_id
    ).one_or_none()
    if found is None:
        return MOVED
    if found.reason is None or (entry.status == "dialing" and found.reason != "dnc"):
        return None
    return OFF if found.reason == "off" else REASONS[found.reason]


def find_holder(lead_id: int) -> str | None:
    """Whoever has the lead in hand, by name; None when nobody has."""
    row = db.session.execute(
        sa.select(User.name)
        .select_from(HopperEntry)
        .outerjoin(User, User.id == HopperEntry.locked_by_id)
        .where(HopperEntry.lead_id == lead_id, HopperEntry.status != "ready")
    ).first()
    return (row.name or "A dialer") if row is not None else None
