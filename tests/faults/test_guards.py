"""One test for each guard that could be taken out without another test noticing."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.factories import make_call, make_company, make_lead, make_list, make_user
from tests.faults.support import DAY, check_books, event, reread, send
from tests.faults.test_races import hold, in_background, wait_for_lock
from webapp.accounts.models import Company
from webapp.core.db import atomic
from webapp.core.db import db as database
from webapp.core.states import advance_many
from webapp.leads.models import Lead, LeadList
from webapp.leads.service.leads import set_status
from webapp.leads.states import LEAD
from webapp.recycling.recycle import perform_recycle, start_recycle
from webapp.recycling.repair import perform_repair, start_repair
from webapp.recycling.undo import perform_undo, start_undo


@pytest.fixture
def lead(db: Any) -> Lead:
    return make_lead(make_list(make_company()), phone="+12125550101")


def test_a_phone_names_no_lead_of_another_company(lead: Lead) -> None:
    (outcome,) = send(make_company().id, event("1", "A", "ended", 1, phone="+12125550101", call_status="busy"))
    assert (outcome.outcome, outcome.reason) == ("quarantined", "unknown lead")
    assert (reread(lead).status, lead.dial_attempts) == ("new", 0)


def test_a_call_that_somebody_made_for_another_lead_meanwhile_stays_that_leads(app: Flask, lead: Lead) -> None:
    other = make_lead(database.session.get_one(LeadList, lead.list_id))
    company_id, lead_id, other_id = lead.company_id, lead.id, other.id
    made = ("WITH held AS (SELECT id FROM leads WHERE id = :mine FOR UPDATE)"
            " INSERT INTO call_logs (company_id, lead_id, provider, provider_call_id, call_status, started_at)"
            " SELECT :c, :theirs, 'pbx', 'K', 'dialing', :at FROM held")  # fmt: skip
    with hold(app, made, mine=lead_id, theirs=other_id, c=company_id, at=DAY) as writer:
        told = event("1", "K", "ended", 1, lead_id=lead_id, call_status="busy")
        thread, box = in_background(app, lambda: send(company_id, told))
        wait_for_lock()
        writer.commit()
    thread.join(20)
    assert box[0][0].lead_id == other_id  # type: ignore[index]
    assert (reread(lead).status, reread(other).status) == ("new", "busy")
    check_books(company_id)


def test_a_set_of_leads_moves_only_those_that_are_still_where_they_were_seen(lead: Lead) -> None:
    t = Lead.__table__.c
    picks = sa.select(
        t.id, t.company_id, sa.literal("busy").label("seen"), sa.literal("failed").label("to_status")
    ).where(t.id == lead.id)

    @atomic
    def move() -> int:
        moved = advance_many(picks, machine=LEAD, table=Lead.__table__, by=None, cause="user", batch_id=None)
        return len(database.session.execute(moved).all())

    assert (move(), reread(lead).status) == (0, "new")


def test_a_repair_leaves_a_lead_in_a_call_alone(lead: Lead) -> None:
    database.session.execute(sa.update(Lead).values(status=None))
    database.session.commit()
    make_call(lead, "ringing", started_at=sa.func.now())
    row = start_repair(lead.company_id, by=None)
    perform_repair(row.id)
    assert (reread(row).done, row.skipped, reread(lead).status, lead.dial_attempts) == (0, 1, None, 0)


@pytest.mark.parametrize("status", ["contacted", "conversing", "callback", "not_interested"])
def test_a_persons_word_of_a_contact_is_not_forgotten_over_an_unanswered_dial(lead: Lead, status: str) -> None:
    user = make_user(database.session.get_one(Company, lead.company_id))
    set_status(lead.id, status, by=user)
    database.session.execute(sa.update(Lead).values(anchor_at=DAY, last_status_change=DAY))
    database.session.commit()
    send(lead.company_id, event("1", "A", "ended", 9, lead_id=lead.id, call_status="no_answer"))
    assert (reread(lead).status, lead.dial_result, lead.dial_attempts) == (status, "no_answer", 1)


@pytest.mark.parametrize("back", [False, True])
def test_an_undo_leaves_what_a_person_changed_since_even_when_it_was_changed_back(lead: Lead, back: bool) -> None:
    user = make_user(database.session.get_one(Company, lead.company_id))
    set_status(lead.id, "busy", by=user)
    batch = start_recycle(
        database.session.get_one(LeadList, lead.list_id), ["busy"], "new", reset_dial_count=True, by=user
    )
    perform_recycle(batch.id)
    for to in ("enriched", "new")[: 1 + back]:
        set_status(lead.id, to, by=user)
    undo = start_undo(reread(batch), by=user)
    perform_undo(undo.id)
    assert (reread(undo).result, reread(lead).status) == ({"changed": 1}, "new" if back else "enriched")
