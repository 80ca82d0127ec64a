"""Who has the last word on a lead: what is Do Not Call stays so with its entry, what was sold stays sold, and
what a person or a recycling said is not undone by a call that was told late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import T0, make_call, make_company, make_lead, make_list, make_user
from tests.faults.support import DAY, check_books, event, reread, send
from webapp.accounts.models import Company
from webapp.core.db import db as database
from webapp.dialer.models import Callback, CallLog
from webapp.leads.models import Lead, LeadList
from webapp.leads.service.bulk import Selection, run_bulk, undo_bulk
from webapp.leads.service.leads import set_status
from webapp.recycling.queries import fixable, problem_counts
from webapp.recycling.recycle import perform_recycle, start_recycle
from webapp.recycling.repair import perform_repair, start_repair
from webapp.recycling.undo import perform_undo, start_undo
from webapp.timeline.dnc import lift_entry
from webapp.timeline.models import DncEntry


@pytest.fixture
def lead(db: Any) -> Lead:
    return make_lead(make_list(make_company()), phone="+12125550101")


def _company(lead: Lead) -> Company:
    return database.session.get_one(Company, lead.company_id)


def _list(lead: Lead) -> LeadList:
    return database.session.get_one(LeadList, lead.list_id)


def repair(company_id: int, by: Any = None) -> Any:
    row = start_repair(company_id, by=by)
    perform_repair(row.id)
    return reread(row)


def blocked(company_id: int) -> list[str]:
    return list(
        database.session.scalars(
            sa.select(DncEntry.value).where(DncEntry.company_id == company_id, DncEntry.lifted_at.is_(None))
        )
    )


def test_a_repair_that_finds_a_do_not_call_blocks_the_number_too(lead: Lead) -> None:
    make_call(lead, "answered", disposition="dnc", disposition_at=T0)
    repair(lead.company_id)
    assert (reread(lead).status, blocked(lead.company_id)) == ("dnc", ["+12125550101"])


def test_a_repair_that_finds_a_promised_callback_opens_it(lead: Lead) -> None:
    due = datetime(2030, 1, 2, 9, tzinfo=UTC)
    make_call(lead, "answered", disposition="callback", disposition_at=T0, callback_at=due)
    repair(lead.company_id)
    assert reread(lead).status == "callback"
    assert database.session.scalars(sa.select(Callback.due_at).where(Callback.state == "open")).all() == [due]
    assert sum(problem_counts(lead.company_id).values()) == 0


def test_undoing_a_repair_does_not_let_a_do_not_call_out(lead: Lead) -> None:
    make_call(lead, "answered", disposition="dnc", disposition_at=T0)
    row = start_undo(repair(lead.company_id), by=make_user(_company(lead)))
    perform_undo(row.id)
    assert (reread(lead).status, reread(row).result) == ("dnc", {"dnc": 1})


def test_an_entry_that_was_lifted_does_not_come_back_with_the_next_call(lead: Lead) -> None:
    user = make_user(_company(lead))
    send(lead.company_id, event("1", "A", "ended", 1, call_status="answered", disposition="dnc", lead_id=lead.id))
    entry = database.session.scalars(sa.select(DncEntry)).one()
    lift_entry(entry, "a mistake", release_leads=False, by=user)
    other = make_lead(_list(lead), phone="+12125550102")
    both = [event("2", "B", "ended", 2, call_status="answered", disposition="callback", lead_id=lead.id),
            event("3", "C", "ended", 2, call_status="answered", disposition="dnc", lead_id=other.id)]  # fmt: skip
    send(lead.company_id, *both)
    assert blocked(lead.company_id) == ["+12125550102"]


def test_a_sale_that_ended_with_the_same_second_as_another_call_is_a_sale(lead: Lead) -> None:
    send(
        lead.company_id,
        event("1", "A", "ended", 5, call_status="answered", disposition="sale", lead_id=lead.id),
        event("2", "B", "ended", 5, call_status="answered", disposition="contacted", lead_id=lead.id),
        event("3", "C", "ended", 9, call_status="no_answer", lead_id=lead.id),
    )
    assert reread(lead).status == "sale"


def test_a_dialer_clock_that_runs_ahead_does_not_outlast_a_person(lead: Lead) -> None:
    user = make_user(_company(lead))
    now = datetime.now(UTC)
    ahead = (now + timedelta(hours=5)).isoformat()
    told = event("1", "A", "answered", 0, lead_id=lead.id, call_status="busy", ended_at=ahead, answered_at=ahead,
                 disposition="contacted") | {"occurred_at": now.isoformat()}  # fmt: skip
    send(lead.company_id, told)
    assert reread(lead).status == "contacted"
    set_status(lead.id, "new", by=user)
    assert fixable(problem_counts(lead.company_id)) == 0
    repair(lead.company_id)
    assert reread(lead).status == "new"


@pytest.mark.parametrize("how", ["recycle", "person", "bulk"])
def test_a_repair_never_brings_back_what_a_later_word_set_to_new(lead: Lead, how: str) -> None:
    """The call's result is newer than the transaction that sets to new: it came while that waited for the lead."""
    user = make_user(_company(lead))
    ended = datetime.now(UTC) + timedelta(seconds=20)
    make_call(lead, "answered", started_at=ended - timedelta(hours=2), ended_at=ended)
    database.session.execute(
        sa.update(Lead).values(
            status="contacted", last_status_change=ended, anchor_status="new", dial_attempts=1, last_dial_attempt=T0
        )
    )
    database.session.commit()
    if how == "recycle":
        batch = start_recycle(_list(lead), ["contacted"], "new", reset_dial_count=True, by=user)
        perform_recycle(batch.id)
        assert reread(batch).done == 1
    elif how == "person":
        set_status(lead.id, "new", by=user)
    else:
        run_bulk("status", {"to": "new"}, Selection(ids=(lead.id,)), seen=1, by=user, form_token="t1")
    assert reread(lead).status == "new"
    assert sum(problem_counts(lead.company_id).values()) == 0
    repair(lead.company_id)
    assert reread(lead).status == "new"
    send(lead.company_id, event("9", "old", "ended", 0, call_status="busy", lead_id=lead.id))
    assert reread(lead).status == "new"


def test_a_persons_move_ends_the_rest_that_a_result_asked_for_and_its_undo_gives_it_back(lead: Lead) -> None:
    user = make_user(_company(lead))
    send(lead.company_id, event("1", "A", "ended", 1, call_status="no_answer", lead_id=lead.id))
    rest = reread(lead).next_eligible_at
    assert rest == DAY + timedelta(minutes=61)
    action = run_bulk("status", {"to": "new"}, Selection(ids=(lead.id,)), seen=1, by=user, form_token="t1")
    assert reread(lead).next_eligible_at is None
    undo_bulk(action.id, by=user)
    assert (reread(lead).status, lead.next_eligible_at) == ("no_answer", rest)
    set_status(lead.id, "new", by=user)
    assert reread(lead).next_eligible_at is None


def test_an_answered_call_that_never_ended_and_then_does_is_one_answer(lead: Lead) -> None:
    send(lead.company_id, event("1", "A", "answered", 1, lead_id=lead.id))
    assert reread(lead).answered_count == 1
    repair(lead.company_id)
    call = database.session.scalars(sa.select(CallLog)).one()
    assert (call.call_status, reread(lead).answered_count, lead.dial_attempts) == ("unknown", 0, 1)
    send(lead.company_id, event("2", "A", "ended", 3, call_status="answered"))
    assert (reread(lead).answered_count, lead.dial_attempts, lead.status) == (1, 1, "contacted")
    check_books(lead.company_id)


@pytest.mark.parametrize("status", ["sale", "converted", "qualified"])
def test_a_protected_lead_of_old_with_no_dates_stays_through_any_call(lead: Lead, status: str) -> None:
    database.session.execute(sa.update(Lead).values(status=status, anchor_status=None, last_status_change=None))
    database.session.commit()
    make_call(lead, "busy")
    send(
        lead.company_id,
        event("1", "A", "ended", 1, call_status="answered", disposition="not_interested", lead_id=lead.id),
    )
    repair(lead.company_id)
    assert (reread(lead).status, lead.dial_attempts) == (status, 2)
    send(lead.company_id, event("2", "B", "ended", 9, call_status="answered", disposition="dnc", lead_id=lead.id))
    assert (reread(lead).status, blocked(lead.company_id)) == ("dnc", ["+12125550101"])
