"""Claims past their lease and leads that stand in the hopper without right: found, counted once, cured by the one button."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tests.factories import make_call, make_campaign, make_company, make_lead, make_list, make_user
from webapp.core.db import db as database
from webapp.dialer.models import HopperEntry
from webapp.leads.models import Lead
from webapp.recycling.queries import count_problems, listed_leads, problem_counts
from webapp.recycling.repair import perform_repair, start_repair

NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)


def held(lead: Lead, campaign: Any, status: str = "ready", minutes: int = 0) -> HopperEntry:
    facts: dict[str, Any] = (
        {} if status == "ready" else {"claim_token": f"t{lead.id}", "locked_at": NOON - timedelta(hours=1)}
    )
    row = HopperEntry(
        company_id=lead.company_id, lead_id=lead.id, campaign_id=campaign.id, phone=lead.phone, status=status,
        lease_until=NOON + timedelta(minutes=minutes) if minutes else None, **facts,
    )  # fmt: skip
    database.session.add(row)
    database.session.commit()
    return row


def test_stuck_claims_and_leads_wrongly_in_the_hopper_are_counted_listed_and_cured(db: Any, worker: Any, set_clock: Any) -> None:  # fmt: skip
    set_clock(NOON)
    company = make_company()
    boss, campaign = make_user(company, "manager"), make_campaign(company)
    lead_list = make_list(company, dial_campaign_id=campaign.id)
    stuck, alive, sold, fine, other, open_too = (make_lead(lead_list, zone="America/New_York") for _ in range(6))
    held(stuck, campaign, "locked", minutes=-5)
    held(alive, campaign, "locked", minutes=5)
    held(fine, campaign)
    held(sold, campaign)
    held(other, make_campaign(company))
    held(open_too, campaign, "dialing", minutes=-200)
    make_call(open_too, "dialing", started_at=NOON - timedelta(hours=4))
    database.session.execute(sa.update(Lead).where(Lead.id == sold.id).values(status="sale"))
    database.session.execute(
        sa.update(Lead)
        .where(Lead.id == open_too.id)
        .values(dial_attempts=1, last_dial_attempt=NOON - timedelta(hours=4))
    )
    database.session.commit()
    counts = {name: number for name, number in problem_counts(company.id).items() if number}
    assert counts == {"open_call": 1, "stuck_claim": 1, "hopper_mismatch": 2}
    assert count_problems(company.id) == 4
    assert [lead.id for lead in listed_leads(company.id, "hopper_mismatch")] == [sold.id, other.id]
    repair = start_repair(company.id, by=boss)
    perform_repair(repair.id)
    database.session.expire_all()
    assert count_problems(company.id) == 0
    left = dict(database.session.execute(sa.select(HopperEntry.lead_id, HopperEntry.status)).all())
    assert left == {stuck.id: "ready", alive.id: "locked", fine.id: "ready"}
    assert "Took 2 leads out of the hopper" in repair.message
    again = start_repair(company.id, by=boss)
    perform_repair(again.id)
    database.session.refresh(again)
    assert again.message == "Nothing needed fixing."
