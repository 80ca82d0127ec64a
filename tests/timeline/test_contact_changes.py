"""Contacts afterwards: answered, hidden, corrected, and the lead that follows."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.timeline.conftest import NOON, Place
from tests.timeline.contact_support import Clock, ledger, log, read, summary
from webapp.core.db import db
from webapp.leads.models import Lead
from webapp.leads.service import set_status
from webapp.timeline import service
from webapp.timeline.models import ContactDrift, ContactRevision
from webapp.timeline.service import ContactRefused, Draft
from webapp.timeline.summary import mend_drift


def test_a_response_is_taken_in_once_and_taken_back_with_everything_it_did(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    contact = log(place)
    set_clock(NOON + timedelta(hours=3))
    at = NOON + timedelta(hours=2, minutes=30)
    service.set_responded(contact.id, True, by=place.alice, response_at=at)
    assert (summary(place.lead)[3], place.lead.status) == (at, "conversing")
    version = read(contact).version
    service.set_responded(contact.id, True, by=place.alice, response_at=at)
    service.set_responded(contact.id, True, by=place.alice)
    assert (read(contact).version, contact.response_at) == (version, at)
    service.set_responded(contact.id, False, by=place.alice)
    assert (summary(place.lead)[3], place.lead.status) == (None, "contacted")
    assert (read(contact).responded, contact.response_at) == (False, None)
    with pytest.raises(ContactRefused):
        service.set_responded(contact.id, True, by=place.alice, response_at=NOON - timedelta(hours=1))


def test_taking_a_response_back_leaves_a_status_that_somebody_chose_since(place: Place) -> None:
    contact = log(place)
    service.set_responded(contact.id, True, by=place.alice)
    set_status(place.lead.id, "qualified", by=place.alice)
    service.set_responded(contact.id, False, by=place.alice)
    assert read(place.lead).status == "qualified"


def test_an_older_response_does_not_move_the_last_one_back(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    first, second = log(place), log(place, Draft("sms"))
    set_clock(NOON + timedelta(hours=5))
    service.set_responded(second.id, True, by=place.alice, response_at=NOON + timedelta(hours=4))
    service.set_responded(first.id, True, by=place.alice, response_at=NOON + timedelta(hours=1))
    assert summary(place.lead)[3] == NOON + timedelta(hours=4)


def test_what_was_logged_by_mistake_stops_counting_and_frees_the_lead(place: Place) -> None:
    contact = log(place)
    service.hide(contact.id, by=place.alice, reason="wrong lead")
    assert (summary(place.lead), place.lead.status) == ((0, None, None, None), "new")
    assert log(place, by=place.bob).user_id == place.bob.id
    service.unhide(contact.id, by=place.alice)
    assert (summary(place.lead)[0], place.lead.status) == (2, "contacted")


def test_hiding_the_contact_that_moved_the_lead_lets_the_next_one_speak(place: Place) -> None:
    first, second = log(place), log(place, Draft("sms"))
    service.hide(first.id, by=place.alice, reason="wrong lead")
    assert read(place.lead).status == "contacted"
    assert ledger(place.lead)[-1] == ("new", "contacted", "contact", second.id)


def test_a_correction_needs_a_reason_and_everything_derived_follows(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    contact = log(place)
    given = {"method": "linkedin", "direction": "inbound", "occurred_at": NOON - timedelta(days=1)}
    with pytest.raises(ContactRefused):
        service.correct(contact.id, by=place.alice, reason="", **given)
    service.correct(contact.id, by=place.alice, reason="mixed up", **given)
    assert (summary(place.lead), place.lead.status) == ((0, None, None, NOON - timedelta(days=1)), "conversing")
    kept = db.session.scalars(sa.select(ContactRevision)).one()
    assert (kept.before["method"], kept.after["direction"], kept.reason) == ("email", "inbound", "mixed up")


def test_the_text_may_be_changed_for_seven_days_by_its_author_or_a_manager(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    contact = log(place)
    with pytest.raises(ContactRefused):
        service.edit_text(contact.id, "New", "text", by=place.bob)
    service.edit_text(contact.id, "New", "text", by=place.boss)
    set_clock(NOON + timedelta(days=7, seconds=1))
    with pytest.raises(ContactRefused):
        service.edit_text(contact.id, "Newer", "text", by=place.alice)
    assert db.session.scalars(sa.select(ContactRevision.before)).one()["subject"] == "Quick question"


def test_a_change_of_a_contact_that_moved_on_is_refused(place: Place) -> None:
    contact = log(place)
    service.edit_text(contact.id, "New", "text", by=place.alice, version=1)
    with pytest.raises(service.StaleContact):
        service.edit_text(contact.id, "Other", "text", by=place.boss, version=1)


def test_revisions_cannot_be_rewritten(place: Place) -> None:
    service.edit_text(log(place).id, "New", "text", by=place.alice)
    with pytest.raises(sa.exc.DBAPIError):
        db.session.execute(sa.text("UPDATE contact_revisions SET reason = 'forged'"))


def test_a_summary_that_drifted_is_mended_and_reported(place: Place) -> None:
    log(place)
    db.session.execute(
        sa.update(Lead).where(Lead.id == place.lead.id).values(logged_contacts=7, last_logged_method="sms")
    )
    db.session.commit()
    assert mend_drift(place.company.id) == 1
    assert mend_drift(place.company.id) == 0
    assert summary(place.lead)[0] == 1
    assert db.session.scalars(sa.select(ContactDrift.leads)).all() == [1]


def test_the_follow_up_day_is_kept_with_who_set_it(place: Place) -> None:
    log(place, Draft("email", follow_up_on=NOON.date()))
    assert (read(place.lead).follow_up_on, place.lead.follow_up_by_id) == (NOON.date(), place.alice.id)
    service.change_follow_up(place.lead.id, None, by=place.bob)
    assert (read(place.lead).follow_up_on, place.lead.follow_up_by_id) == (None, None)
