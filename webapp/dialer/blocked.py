"""Whether a lead in somebody's hand may still be dialed: the claim's own judgement, asked again."""

from __future__ import annotations

from webapp.core.db import Prepared
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


def why_blocked(entry: HopperEntry) -> Reason | None:
    """Why the claimed lead may not be dialed now; None when it may. Of one that was dialed already only do-not-contact counts."""
    found = _JUDGED(
        company=entry.company_id, campaign=entry.campaign_id, lead=entry.lead_id, agent=entry.locked_by_id
    ).scalar()
    if found is None or (entry.status == "dialing" and found != "dnc"):
        return None
    return OFF if found == "off" else REASONS[found]
