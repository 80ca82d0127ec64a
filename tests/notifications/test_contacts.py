"""What the timeline tells the inbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tests.factories import make_company, make_lead, make_list, make_user
from webapp.core.db import db as database
from webapp.leads.models import Lead
from webapp.notifications.contacts import run_nightly_recount
from webapp.notifications.models import Notification
from webapp.timeline.service import Draft, log_contact


def told() -> list[tuple[Any, ...]]:
    rows = database.session.execute(sa.select(Notification.kind, Notification.user_id, Notification.url))
    return [tuple(row) for row in rows]


def test_the_owner_hears_of_a_contact_over_the_cap(db: Any) -> None:
    company = make_company()
    alice, bob = make_user(company, "rep"), make_user(company, "rep")
    lead = make_lead(make_list(company), owner_id=alice.id)
    log_contact(lead.id, Draft("email"), by=bob)
    before = db.session.scalar(sa.func.rebound_now()) - timedelta(hours=2)
    late = log_contact(lead.id, Draft("email", occurred_at=before), by=bob).contact
    assert late is not None
    assert told() == [("over_cap", alice.id, f"/leads/{lead.id}?entry=contact-{late.id}")]


def test_a_summary_that_drifted_is_put_right_at_night_and_told_once(db: Any) -> None:
    company = make_company()
    lead = make_lead(make_list(company))
    log_contact(lead.id, Draft("email"), by=make_user(company))
    db.session.execute(sa.update(Lead).where(Lead.id == lead.id).values(logged_contacts=5))
    db.session.commit()
    assert [run_nightly_recount(company.id), run_nightly_recount(company.id)] == [1, 0]
    assert [kind for kind, _, _ in told()] == ["contact_drift"]
