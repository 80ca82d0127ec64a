"""Contacts through the service: what is written, what stands in the way, what follows for the lead."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_call, make_lead
from tests.timeline.conftest import NOON, Place
from webapp.core.audit import AuditEvent, StatusChange
from webapp.core.db import db
from webapp.leads.models import Lead
from webapp.leads.service import set_status
from webapp.timeline import service
from webapp.timeline.models import (
    ContactAttempt,
    ContactDrift,
    ContactRevision,
    DncEntry,
    GuardNotice,
    OutreachRule,
    OutreachSettings,
)
from webapp.timeline.service import ContactRefused, Draft
from webapp.timeline.summary import mend_drift

Clock = Callable[[datetime], None]
EMAIL = Draft("email", subject="Quick question", body="Hi John, I noticed you're using our competitor's tool at work.")


def read(row: Any) -> Any:
    db.session.rollback()
    db.session.refresh(row)
    return row


def summary(lead: Lead) -> tuple[Any, ...]:
    read(lead)
    return lead.contact_count, lead.last_contacted_at, lead.last_contact_method, lead.last_response_at


def ledger(lead: Lead) -> list[tuple[Any, ...]]:
    rows = db.session.execute(
        sa.select(StatusChange.old_status, StatusChange.new_status, StatusChange.cause, StatusChange.evidence_id)
        .where(StatusChange.machine == "lead", StatusChange.subject_id == lead.id).order_by(StatusChange.id)
    )  # fmt: skip
    return [tuple(row) for row in rows]


def log(place: Place, draft: Draft = EMAIL, **given: Any) -> ContactAttempt:
    answer = service.log_contact(given.pop("lead", place.lead).id, draft, by=given.pop("by", place.alice), **given)
    assert answer.contact is not None, answer.decision
    return answer.contact


# --- what is written -------------------------------------------------------------------------------------------


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


# --- the guard -------------------------------------------------------------------------------------------------


def test_a_second_rep_within_the_cap_is_told_who_was_first_and_when_it_is_free(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    log(place)
    set_clock(NOON + timedelta(hours=1))
    answer = service.log_contact(place.lead.id, EMAIL, by=place.bob)
    assert answer.contact is None
    assert answer.notice is not None
    assert (answer.notice.code, answer.notice.state, answer.token) == ("contact_cap", "refused", None)
    assert answer.notice.next_allowed_at == NOON + timedelta(hours=24)
    assert [(shown["who"], shown["subject"], shown["replied"]) for shown in answer.notice.shown] == [
        ("Alice", "Quick question", False)
    ]
    assert summary(place.lead)[0] == 1


def test_a_warning_names_the_contact_and_how_much_of_the_draft_is_the_same(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    log(place)
    set_clock(NOON + timedelta(days=2))
    answer = service.log_contact(place.lead.id, EMAIL, by=place.bob)
    assert answer.notice is not None
    assert (answer.decision.code, answer.notice.state, answer.similarity) == ("recent_contact", "warned", 100)
    assert answer.token
    assert read(answer.notice).expires_at == NOON + timedelta(days=2, minutes=10)


def test_an_override_is_kept_with_its_reason_what_was_shown_and_the_contact(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    first = log(place)
    set_clock(NOON + timedelta(days=2))
    warned = service.log_contact(place.lead.id, EMAIL, by=place.bob)
    contact = log(place, by=place.bob, token=warned.token, reason=" asked  by phone ")
    notice = read(warned.notice)
    assert (notice.state, notice.reason, notice.contact_id) == ("overridden", "asked by phone", contact.id)
    assert [shown["id"] for shown in notice.shown] == [first.id]
    audit = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.kind == "outreach_override")).one()
    assert (audit.user_id, audit.details["reason"]) == (place.bob.id, "asked by phone")


def test_a_token_passes_once_and_only_for_its_person_lead_and_method(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    twin = make_lead(place.list, email="other@example.com")
    for lead in (place.lead, twin):
        log(place, lead=lead)
        log(place, Draft("sms"), lead=lead)
    set_clock(NOON + timedelta(days=2))
    token = service.log_contact(place.lead.id, EMAIL, by=place.bob).token

    def passes(lead: Any, method: str, by: Any) -> bool:
        return service.log_contact(lead.id, Draft(method), by=by, token=token, reason="yes").contact is not None

    assert not passes(place.lead, "email", place.alice)
    assert not passes(twin, "email", place.bob)
    assert not passes(place.lead, "sms", place.bob)
    assert passes(place.lead, "email", place.bob)
    assert not passes(place.lead, "email", place.bob)


def test_a_token_lives_for_ten_minutes(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    log(place)
    set_clock(NOON + timedelta(days=2))
    token = service.log_contact(place.lead.id, EMAIL, by=place.bob).token
    set_clock(NOON + timedelta(days=2, minutes=10))
    again = service.log_contact(place.lead.id, EMAIL, by=place.bob, token=token, reason="yes")
    assert (again.contact, again.token is not None, again.token == token) == (None, True, False)


def test_a_token_is_void_once_a_newer_contact_has_come_and_that_one_is_shown(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    db.session.add(OutreachRule(company_id=place.company.id, method="email", cap_count=None, cap_hours=24, warn_days=7))
    log(place)
    set_clock(NOON + timedelta(days=2))
    bobs = service.log_contact(place.lead.id, EMAIL, by=place.bob)
    alices = service.log_contact(place.lead.id, EMAIL, by=place.alice)
    newer = log(place, token=alices.token, reason="agreed")
    again = service.log_contact(place.lead.id, EMAIL, by=place.bob, token=bobs.token, reason="yes")
    assert again.contact is None
    assert again.notice is not None
    assert again.notice.shown[0]["id"] == newer.id
    assert read(bobs.notice).state == "void"


def test_an_override_needs_a_reason(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    log(place)
    set_clock(NOON + timedelta(days=2))
    warned = service.log_contact(place.lead.id, EMAIL, by=place.bob)
    with pytest.raises(ContactRefused) as refused:
        service.log_contact(place.lead.id, EMAIL, by=place.bob, token=warned.token, reason="  ")
    assert refused.value.field == "reason"
    assert read(warned.notice).state == "warned"


def test_a_warning_that_was_heeded_is_kept_whether_by_a_click_or_by_walking_away(
    place: Place, set_clock: Clock
) -> None:
    set_clock(NOON)
    log(place)
    set_clock(NOON + timedelta(days=2))
    stopped = service.log_contact(place.lead.id, EMAIL, by=place.bob).notice
    walked = service.log_contact(place.lead.id, EMAIL, by=place.boss).notice
    assert stopped is not None
    assert walked is not None
    service.stop(stopped.id, by=place.bob)
    assert service.settle_expired() == 0
    set_clock(NOON + timedelta(days=2, minutes=10))
    assert service.settle_expired() == 1
    assert (read(stopped).state, read(walked).state) == ("stopped", "stopped")


def test_pressing_the_same_button_again_is_one_notice(place: Place) -> None:
    log(place)
    for _ in range(3):
        service.log_contact(place.lead.id, EMAIL, by=place.bob)
    assert db.session.execute(sa.select(GuardNotice.state, GuardNotice.times)).all() == [("refused", 3)]


def test_leads_with_one_phone_or_one_email_share_the_budget(place: Place) -> None:
    by_phone = make_lead(place.list, phone=place.lead.phone, email="b@example.com")
    by_email = make_lead(place.list, phone="+12125550999", email="LEAD@example.com")
    log(place)
    for twin in (by_phone, by_email):
        answer = service.log_contact(twin.id, EMAIL, by=place.bob)
        assert answer.decision.code == "contact_cap"
    stranger = make_lead(place.list, phone="+12125550998", email="b@example.com")
    assert service.log_contact(stranger.id, EMAIL, by=place.bob).contact is not None


def test_a_do_not_contact_lead_is_closed_to_everyone_and_a_token_does_not_help(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    log(place)
    set_clock(NOON + timedelta(days=2))
    token = service.log_contact(place.lead.id, EMAIL, by=place.bob).token
    db.session.add(DncEntry(company_id=place.company.id, kind="email", value="lead@example.com"))
    db.session.commit()
    answer = service.log_contact(place.lead.id, EMAIL, by=place.bob, token=token, reason="yes")
    assert (answer.decision.code, answer.contact) == ("do_not_contact", None)
    assert service.log_contact(place.lead.id, Draft("sms"), by=place.bob).contact is not None


def test_a_dialer_call_warns_and_an_answered_one_closes_the_day(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    make_call(place.lead, "no_answer", started_at=NOON - timedelta(hours=2))
    assert service.log_contact(place.lead.id, Draft("call"), by=place.bob).decision.code == "recent_contact"
    make_call(place.lead, "answered", started_at=NOON - timedelta(hours=1))
    assert service.log_contact(place.lead.id, Draft("call"), by=place.bob).decision.code == "contact_cap"


def test_a_call_that_failed_on_the_way_is_no_contact(place: Place, set_clock: Clock) -> None:
    set_clock(NOON)
    make_call(place.lead, "congestion", started_at=NOON - timedelta(hours=2))
    assert service.log_contact(place.lead.id, Draft("call"), by=place.bob).decision.verdict == "allowed"
    assert (read(place.lead).call_count, place.lead.call_contacts) == (1, 0)


def test_what_happened_already_is_recorded_inside_the_cap_marked_and_told(place: Place, set_clock: Clock) -> None:
    told: list[tuple[int, int, int, int | None]] = []
    hook = lambda *given: told.append(given)  # noqa: E731
    service.over_cap_hooks.append(hook)
    try:
        set_clock(NOON)
        log(place)
        late = log(place, Draft("email", occurred_at=NOON - timedelta(hours=3)), by=place.bob)
        free = log(place, Draft("email", occurred_at=NOON - timedelta(hours=30)), by=place.bob)
    finally:
        service.over_cap_hooks.remove(hook)
    assert (late.over_cap, free.over_cap) == (True, False)
    assert told == [(late.id, place.lead.id, place.company.id, place.alice.id)]
    assert summary(place.lead)[:3] == (3, NOON, "email")


def test_in_quiet_hours_a_persons_contact_is_planned_and_counts_when_it_is_made(place: Place, set_clock: Clock) -> None:
    db.session.add(OutreachSettings(company_id=place.company.id, quiet_for_people=True))
    night, morning = NOON + timedelta(hours=11), NOON + timedelta(hours=20)  # 23:00 and 08:00 in New York
    set_clock(night)
    contact = log(place)
    assert (contact.state, contact.scheduled_for) == ("reserved", morning)
    assert summary(place.lead) == (0, None, None, None)
    assert service.log_contact(place.lead.id, EMAIL, by=place.bob).decision.code == "queued_contact"
    set_clock(morning)
    answer = service.make_planned(contact.id, by=place.alice)
    assert answer.contact is not None
    assert (answer.contact.state, answer.contact.occurred_at, answer.contact.scheduled_for) == ("sent", morning, None)
    assert summary(place.lead)[:3] == (1, morning, "email")


def test_a_planned_contact_can_be_dropped_and_no_longer_warns(place: Place, set_clock: Clock) -> None:
    db.session.add(OutreachSettings(company_id=place.company.id, quiet_for_people=True))
    set_clock(NOON + timedelta(hours=11))
    service.drop_planned(log(place).id, by=place.alice)
    assert log(place, by=place.bob).state == "reserved"


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


# --- afterwards ------------------------------------------------------------------------------------------------


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
