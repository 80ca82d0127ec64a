"""The guard's judgement, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webapp.timeline.rules import (
    DEFAULT,
    Block,
    Known,
    Limits,
    MethodLimit,
    Quiet,
    breaks_cap,
    decide,
    next_opening,
    similarity,
    status_after,
)

NOW = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def contact(hours_ago: float, method: str = "email", **facts: object) -> Known:
    given = {"kind": "contact", "id": 1, "lead_id": 1, "method": method, "direction": "outbound"} | facts
    return Known(at=NOW - hours_ago * HOUR, **given)  # type: ignore[arg-type]


def test_a_lead_nobody_has_contacted_is_free() -> None:
    assert decide("email", NOW, [], [], DEFAULT).verdict == "allowed"


def test_the_cap_refuses_until_the_moment_the_window_has_passed() -> None:
    early = decide("email", NOW, [contact(24 - 1 / 3600)], [], DEFAULT)
    assert (early.verdict, early.code) == ("refused", "contact_cap")
    assert early.allowed_at == NOW + timedelta(seconds=1)
    late = decide("email", NOW, [contact(24)], [], DEFAULT)
    assert (late.verdict, late.code) == ("warned", "recent_contact")


def test_each_method_has_its_own_cap_and_others_are_a_line() -> None:
    decision = decide("sms", NOW, [contact(1)], [], DEFAULT)
    assert (decision.verdict, [line.method for line in decision.lines]) == ("allowed", ["email"])


def test_the_time_free_again_counts_from_the_contact_that_makes_room() -> None:
    limits = Limits(methods={"email": MethodLimit(cap_count=2, cap_hours=24)})
    decision = decide("email", NOW, [contact(1, id=3), contact(5, id=2), contact(20, id=1)], [], limits)
    assert decision.allowed_at == NOW + 19 * HOUR
    assert decide("email", NOW, [contact(1)], [], limits).code == "recent_contact"


def test_no_cap_means_no_refusal_and_no_days_no_warning() -> None:
    limits = Limits(methods={"email": MethodLimit(cap_count=None, warn_days=None)})
    assert decide("email", NOW, [contact(1)], [], limits).verdict == "allowed"


def test_an_unanswered_call_warns_and_does_not_fill_the_cap() -> None:
    missed = contact(1, "call", kind="call", caps=False)
    assert decide("call", NOW, [missed], [], DEFAULT).code == "recent_contact"
    assert decide("call", NOW, [contact(1, "call", kind="call")], [], DEFAULT).code == "contact_cap"


def test_an_inbound_message_neither_fills_the_cap_nor_warns() -> None:
    theirs = contact(100, direction="inbound", counts=False, caps=False)
    assert decide("email", NOW, [theirs], [], DEFAULT).verdict == "allowed"


def test_a_direct_answer_passes_once_within_72_hours() -> None:
    ours = contact(80)
    theirs = contact(71, id=2, direction="inbound", counts=False, caps=False)
    assert decide("email", NOW, [ours, theirs], [], DEFAULT).answers == theirs
    assert decide("email", NOW, [ours, theirs, contact(70, id=3)], [], DEFAULT).code == "recent_contact"
    old = contact(72, id=2, direction="inbound", counts=False, caps=False)
    assert decide("email", NOW, [ours, old], [], DEFAULT).code == "recent_contact"


def test_a_response_to_our_message_may_be_answered_too() -> None:
    ours = contact(3, responded=True, response_at=NOW - HOUR)
    assert decide("email", NOW, [ours], [], DEFAULT).verdict == "allowed"
    assert decide("sms", NOW, [ours, contact(2, "sms", id=2)], [], DEFAULT).code == "contact_cap"


def test_what_they_said_during_a_call_is_no_message_that_waits_for_an_answer() -> None:
    spoken = contact(3, "call", responded=True, response_at=NOW - 3 * HOUR)
    assert decide("call", NOW, [spoken], [], DEFAULT).code == "contact_cap"


def test_a_queued_message_warns_before_it_is_sent() -> None:
    queued = contact(0, counts=False, caps=False, scheduled_for=NOW + timedelta(days=7), source="campaign")
    assert decide("email", NOW, [queued], [], DEFAULT).code == "queued_contact"
    far = contact(0, counts=False, caps=False, scheduled_for=NOW + timedelta(days=7, seconds=1))
    assert decide("email", NOW, [far], [], DEFAULT).verdict == "allowed"


@pytest.mark.parametrize(
    ("block", "method", "verdict"),
    [
        (Block("status", "dnc"), "other", "refused"),
        (Block("lead", "7"), "linkedin", "refused"),
        (Block("lead", "7", method="sms"), "sms", "refused"),
        (Block("lead", "7", method="sms"), "email", "allowed"),
        (Block("phone", "+12125550101"), "whatsapp", "refused"),
        (Block("phone", "+12125550101"), "email", "allowed"),
        (Block("email", "a@example.com"), "email", "refused"),
        (Block("domain", "example.com"), "web_form", "refused"),
        (Block("domain", "example.com"), "call", "allowed"),
    ],
)
def test_a_block_closes_what_its_address_serves_and_nothing_passes_it(block: Block, method: str, verdict: str) -> None:
    answer_allowance = contact(1, method, direction="inbound", counts=False, caps=False)
    assert decide(method, NOW, [answer_allowance], [block], DEFAULT).verdict == verdict


def test_what_is_logged_late_breaks_the_cap_on_either_side() -> None:
    limit = MethodLimit()
    assert breaks_cap(NOW, [contact(23)], limit)
    assert breaks_cap(NOW - 30 * HOUR, [contact(7)], limit)
    assert not breaks_cap(NOW, [contact(24)], limit)
    assert not breaks_cap(NOW, [contact(1)], MethodLimit(cap_count=None))


# --- quiet hours -----------------------------------------------------------------------------------------------

OPEN = Quiet(windows={day: ("08:00", "20:00") if day < 6 else None for day in range(7)})


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_an_open_window_has_nothing_to_wait_for() -> None:
    assert next_opening(local("2026-06-10T08:00-04:00"), "America/New_York", OPEN) is None
    assert next_opening(local("2026-06-10T19:59-04:00"), "America/New_York", OPEN) is None


def test_a_closed_window_opens_next_morning_and_skips_sunday_and_holidays() -> None:
    evening = local("2026-06-13T20:00-04:00")  # a Saturday
    assert next_opening(evening, "America/New_York", OPEN) == local("2026-06-15T08:00-04:00")
    holiday = Quiet(windows=OPEN.windows, holidays=frozenset({"2026-06-15"}))
    assert next_opening(evening, "America/New_York", holiday) == local("2026-06-16T08:00-04:00")


def test_a_window_may_pass_midnight() -> None:
    night = Quiet(windows=dict.fromkeys(range(7), ("20:00", "02:00")))
    assert next_opening(local("2026-06-10T01:59-04:00"), "America/New_York", night) is None
    assert next_opening(local("2026-06-10T02:00-04:00"), "America/New_York", night) == local("2026-06-10T20:00-04:00")


def test_an_opening_in_the_hour_that_spring_skips_still_comes() -> None:
    early = Quiet(windows=dict.fromkeys(range(7), ("02:30", "12:00")))
    before = local("2026-03-08T01:00-05:00")
    assert next_opening(before, "America/New_York", early) == local("2026-03-08T03:30-04:00")


def test_campaigns_keep_quiet_hours_by_default_and_people_do_not() -> None:
    night = local("2026-06-10T23:00-04:00")
    assert decide("email", night, [], [], DEFAULT, zone="America/New_York").scheduled_for is None
    automatic = decide("email", night, [], [], DEFAULT, zone="America/New_York", automatic=True)
    assert automatic.scheduled_for == local("2026-06-11T08:00-04:00")


# --- texts and statuses ------------------------------------------------------------------------------------------


def test_similarity_tells_how_much_of_the_draft_was_said_before() -> None:
    said = "Hi John, I noticed you're using our competitor and wanted to ask about your tech stack."
    assert similarity(said, [said]) == 100
    assert similarity(said.upper(), ["", said]) == 100
    assert 40 < (similarity(f"Dear Mary. {said} Our new offer ends on Friday this week, call me.", [said]) or 0) < 90
    assert similarity("Completely different words stand in this one message", [said]) == 0
    assert similarity("Hello there", [said]) is None


@pytest.mark.parametrize(
    ("status", "direction", "responded", "to"),
    [
        ("new", "outbound", False, "contacted"), ("enriched", "outbound", False, "contacted"),
        ("no_answer", "outbound", False, None), ("conversing", "outbound", False, None), (None, "outbound", False, None),
        ("new", "inbound", False, "conversing"), ("contacted", "outbound", True, "conversing"),
        ("qualified", "outbound", True, None), ("converted", "inbound", False, None), ("sale", "inbound", False, None),
        ("dnc", "inbound", False, None), ("conversing", "inbound", False, None), (None, "inbound", False, "conversing"),
    ],
)  # fmt: skip
def test_a_contact_moves_the_status_as_the_seed_says(
    status: str | None, direction: str, responded: bool, to: str | None
) -> None:
    assert status_after(status, direction, responded=responded) == to
