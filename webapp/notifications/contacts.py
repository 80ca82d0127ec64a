"""What the timeline has to tell: a contact over its cap to the lead's owner, a summary that drifted to the managers."""

from __future__ import annotations

from webapp.core.db import db
from webapp.core.text import num
from webapp.notifications.service import notify
from webapp.timeline.models import ContactAttempt
from webapp.timeline.service import over_cap_hooks
from webapp.timeline.states import METHODS
from webapp.timeline.summary import mend_drift


def tell_over_cap(contact_id: int, lead_id: int, company_id: int, owner_id: int | None) -> None:
    """To the lead's owner, or to the managers where it has none."""
    contact = db.session.get_one(ContactAttempt, contact_id)
    notify(
        company_id, "over_cap", f"{contact.user_name} logged {METHODS[contact.method].label.lower()} over the limit",
        body="It had happened already, so it was recorded; the lead had been contacted by this method within the limit's hours.",
        url=f"/leads/{lead_id}?entry=contact-{contact_id}", level="warn", user_id=owner_id,
        dedupe_key=f"over_cap:{contact_id}",
    )  # fmt: skip


def run_nightly_recount(company_id: int) -> int:
    """Mend contact summaries that differ from their rows; the managers get one line, for it should never happen."""
    count = mend_drift(company_id)
    if count:
        notify(
            company_id, "contact_drift", f"{num(count)} contact summaries were put right tonight",
            body="They differed from their timelines. The timelines are the truth; what is shown now is theirs.", level="warn",
        )  # fmt: skip
    return count


over_cap_hooks.append(tell_over_cap)
