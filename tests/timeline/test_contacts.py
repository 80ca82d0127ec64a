"""Contacts through the service: what is written, and what follows for the lead."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.factories import make_lead
from tests.timeline.conftest import NOON, Place
from tests.timeline.contact_support import EMAIL, Clock, ledger, log, read, summary
from webapp.core.db import db
from webapp.leads.service import set_status
from webapp.timeline import service
from webapp.timeline.service import ContactRefused, Draft


def test_the_first_contact_is_written_and_moves_a_new_lead_to_contacted(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    contact = log(place)
    assert (contact.state, contact.source, contact.user_name, contact.occurred_at) == (
        "recorded",
        "person",
        "Alice",
        NOON,
    )
    assert summary(place.lead) == (1, NOON, "email", None)
    assert place.lead.status == "contacted"
    assert ledger(place.lead) == [("new", "contacted", "contact", contact.id)]


def test_a_message_from_them_makes_the_lead_conversing_and_is_no_contact_of_ours(
    place: Place, set_clock: Clock
) -> None:
    set_clock(NOON)
    log(place, Draft("email", "inbound", "Your offer"))
    assert summary(place.lead) == (0, None, None, NOON)
    assert place.lead.status == "conversing"


def test_a_lead_that_is_beyond_contacted_keeps_its_status(place: Place) -> None:
    set_status(place.lead.id, "qualified", by=place.alice)
    log(place)
    service.set_responded(log(place, Draft("sms")).id, True, by=place.alice)
    assert read(place.lead).status == "qualified"


def test_an_unanswered_dial_does_not_undo_what_a_contact_said(place: Place) -> None:
    from webapp.dialer.events import parse_event
    from webapp.dialer.service import record_events

    log(place)
    at = (db.session.scalar(sa.func.rebound_now()) + timedelta(seconds=2)).isoformat()
    event = {"provider": "pbx", "event_id": "1", "call_id": "c", "type": "ended", "call_status": "no_answer",
             "lead_id": place.lead.id, "occurred_at": at, "started_at": at, "ended_at": at}  # fmt: skip
    record_events(place.company.id, [parse_event(event)])
    assert read(place.lead).status == "contacted"
    assert (place.lead.contact_count, place.lead.last_contact_method) == (2, "call")


def test_the_same_form_twice_is_one_contact(place: Place) -> None:
    first = log(place, form_token="f1")
    again = service.log_contact(place.lead.id, EMAIL, by=place.alice, form_token="f1")
    assert (again.repeated, again.contact and again.contact.id) == (True, first.id)
    assert summary(place.lead)[0] == 1


def test_a_form_that_was_stopped_by_a_warning_may_be_sent_again_with_its_token(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    log(place)
    set_clock(NOON + timedelta(days=2))
    warned = service.log_contact(place.lead.id, EMAIL, by=place.bob, form_token="f2")
    contact = log(place, by=place.bob, form_token="f2", token=warned.token, reason="asked by phone")
    assert contact.user_id == place.bob.id


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (Draft("pigeon"), "method"),
        (Draft("email", "sideways"), "direction"),
        (Draft("email", subject="x" * 501), "subject"),
        (Draft("email", body="x" * 50_001), "body"),
        (Draft("email", metadata={"a": "é" * 8_200}), "metadata"),
        (Draft("email", "inbound", responded=True), "responded"),
        (Draft("email", occurred_at=NOON + timedelta(minutes=6)), "occurred_at"),
        (Draft("email", occurred_at=datetime.fromisoformat("1969-12-31T23:00+00:00")), "occurred_at"),
        (Draft("email", responded=True, response_at=NOON - timedelta(minutes=6)), "response_at"),
        (Draft("email", responded=True, response_at=NOON + timedelta(minutes=6)), "response_at"),
        (Draft("email", response_at=NOON), "response_at"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(place: Place, set_clock: Clock, draft: Draft, field: str) -> None:
    set_clock(NOON)
    with pytest.raises(ContactRefused) as refused:
        service.log_contact(place.lead.id, draft, by=place.alice)
    assert refused.value.field == field
    assert summary(place.lead) == (0, None, None, None)


def test_another_companys_lead_is_not_there(place: Place) -> None:
    from tests.factories import make_user

    with pytest.raises(LookupError):
        service.log_contact(place.lead.id, EMAIL, by=make_user())


# --- machines and many at once -----------------------------------------------------------------------------------


def test_a_reservation_keeps_others_away_until_it_fails(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    taken = service.reserve_contact(place.company.id, place.lead.id, EMAIL, source="campaign", source_key="1:1")
    assert taken.contact is not None
    again = service.reserve_contact(place.company.id, place.lead.id, EMAIL, source="campaign", source_key="1:1")
    assert again.repeated
    assert service.log_contact(place.lead.id, EMAIL, by=place.bob).decision.code == "contact_cap"
    service.settle_contact(taken.contact.id, place.company.id, "unknown")
    assert service.log_contact(place.lead.id, EMAIL, by=place.bob).decision.code == "contact_cap"
    service.settle_contact(taken.contact.id, place.company.id, "failed", by=place.alice)
    assert summary(place.lead) == (0, None, None, None)
    assert log(place, by=place.bob).user_id == place.bob.id


def test_a_sent_reservation_moves_the_lead_and_a_machine_is_not_warned_past(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    taken = service.reserve_contact(place.company.id, place.lead.id, EMAIL, source="automation", source_key="a")
    assert taken.contact is not None
    assert read(place.lead).status == "new"
    service.settle_contact(taken.contact.id, place.company.id, "sent")
    assert read(place.lead).status == "contacted"
    set_clock(NOON + timedelta(days=2))
    skipped = service.reserve_contact(place.company.id, place.lead.id, EMAIL, source="automation", source_key="b")
    assert (skipped.contact, skipped.decision.code) == (None, "recent_contact")


def test_many_at_once_skip_with_a_reason_each_and_never_one_person_twice(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    fresh = make_lead(place.list, email="fresh@example.com")
    twin = make_lead(place.list, email="fresh@example.com")
    warned = make_lead(place.list, email="warned@example.com")
    closed = make_lead(place.list, email="closed@example.com", status="dnc")
    log(place, lead=warned, draft=Draft("email", occurred_at=NOON - timedelta(days=3)))
    log(place)
    ids = [lead.id for lead in (place.lead, fresh, twin, warned, closed)]
    batch = uuid.uuid4()
    codes = service.log_many([*ids, 10**12], Draft("email"), by=place.bob, batch_id=batch)
    assert [codes[i] for i in ids] == ["contact_cap", "", "twin", "recent_contact", "do_not_contact"]
    assert codes[10**12] == "missing"
    again = service.log_many(ids, Draft("email"), by=place.bob, batch_id=batch, include_warned=True, reason="agreed")
    assert [again[i] for i in ids] == ["contact_cap", "done", "twin", "", "do_not_contact"]
    assert (read(fresh).status, fresh.contact_count, read(twin).contact_count) == ("contacted", 1, 0)
