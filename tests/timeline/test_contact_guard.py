"""What stands in the way of a contact: caps and warnings, their overrides, blocks, and quiet hours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_call, make_lead
from tests.timeline.conftest import NOON, Place
from tests.timeline.contact_support import EMAIL, Clock, log, read, summary
from webapp.core.audit import AuditEvent
from webapp.core.db import db
from webapp.timeline import service
from webapp.timeline.models import DncEntry, GuardNotice, OutreachRule, OutreachSettings
from webapp.timeline.service import ContactRefused, Draft


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
