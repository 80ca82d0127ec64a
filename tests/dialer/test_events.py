"""Deliveries of call events: twice, late, out of order, for nobody we know."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import make_call, make_company, make_lead, make_list
from webapp.core.audit import StatusChange
from webapp.core.db import db as database
from webapp.dialer.events import parse_event
from webapp.dialer.models import Callback, CallEvent, CallLog
from webapp.dialer.service import record_events
from webapp.leads.models import Lead
from webapp.timeline.models import DncEntry

DAY = "2026-06-01T"


def event(event_id: str, call: str, kind: str, at: str, **facts: Any) -> dict[str, Any]:
    return {
        "provider": "pbx",
        "event_id": event_id,
        "call_id": call,
        "type": kind,
        "occurred_at": f"{DAY}{at}Z",
        **facts,
    }


def send(company_id: int, *events: dict[str, Any]) -> list[str]:
    return [outcome.outcome for outcome in record_events(company_id, [parse_event(e) for e in events])]


@pytest.fixture
def lead(db: Any) -> Lead:
    return make_lead(make_list(make_company()))


def changes(lead: Lead) -> list[tuple[str | None, str | None, str]]:
    rows = database.session.scalars(
        sa.select(StatusChange)
        .where(StatusChange.machine == "lead", StatusChange.subject_id == lead.id)
        .order_by(StatusChange.id)
    )
    return [(row.old_status, row.new_status, row.cause) for row in rows]


def reread(lead: Lead) -> Lead:
    database.session.refresh(lead)
    return lead


def test_s3_doubled_and_late_events_count_one_dial_and_one_change(lead: Lead) -> None:
    e4 = event("e4", "C1", "completed", "10:00:31", call_status="no_answer", lead_id=lead.id)
    e2 = event("e2", "C1", "ringing", "10:00:05", lead_id=lead.id)
    e5 = event("e5", "C1", "completed", "10:00:31", call_status="no_answer", lead_id=lead.id)
    assert [send(lead.company_id, e)[0] for e in (e4, e2, e4, e5)] == ["applied", "stale", "duplicate", "duplicate"]
    lead = reread(lead)
    assert (lead.status, lead.dial_attempts, lead.answered_count) == ("no_answer", 1, 0)
    assert lead.last_dial_attempt == datetime(2026, 6, 1, 10, 0, 5, tzinfo=UTC)
    assert changes(lead) == [("new", "no_answer", "call")]
    kept = database.session.execute(sa.select(CallEvent.outcome, CallEvent.duplicates).order_by(CallEvent.id)).all()
    assert [tuple(row) for row in kept] == [("applied", 1), ("stale", 0), ("duplicate", 0)]

    send(lead.company_id, event("d1", "C2", "answered", "10:20:00", lead_id=lead.id, disposition="dnc"))
    send(lead.company_id, event("e9", "C2", "ended", "10:21:00", lead_id=lead.id, call_status="answered"))
    lead = reread(lead)
    assert (lead.status, lead.dial_attempts, lead.answered_count) == ("dnc", 2, 1)
    assert database.session.scalars(sa.select(DncEntry.value)).all() == [lead.phone]
    send(lead.company_id, event("d2", "C2", "answered", "10:22:00", lead_id=lead.id, disposition="not_interested"))
    assert reread(lead).status == "dnc"


def test_an_event_for_nobody_waits_in_quarantine_until_its_call_is_known(lead: Lead) -> None:
    assert send(lead.company_id, event("e2", "C9", "ended", "10:01:00", call_status="busy")) == ["quarantined"]
    assert send(lead.company_id, event("e1", "C9", "dialing", "10:00:00", lead_id=lead.id)) == ["applied"]
    lead = reread(lead)
    assert (lead.status, lead.dial_attempts) == ("busy", 1)
    assert not database.session.scalars(sa.select(CallEvent.id).where(CallEvent.outcome == "quarantined")).all()


def test_another_companys_lead_is_an_unknown_lead(lead: Lead) -> None:
    other = make_company()
    assert send(other.id, event("e1", "C1", "dialing", "10:00:00", lead_id=lead.id)) == ["quarantined"]
    assert reread(lead).dial_attempts == 0


def test_a_phone_finds_the_lead_however_it_is_written(lead: Lead) -> None:
    written = f"({lead.phone[2:5]}) {lead.phone[5:8]}-{lead.phone[8:]}"  # type: ignore[index]
    assert send(lead.company_id, event("e1", "C1", "ended", "10:00:00", phone=written, call_status="busy")) == [
        "applied"
    ]
    assert reread(lead).status == "busy"


def test_human_contact_is_not_forgotten_by_an_unanswered_dial(lead: Lead) -> None:
    send(lead.company_id, event("a", "C1", "ended", "10:00:00", lead_id=lead.id, call_status="answered"))
    send(lead.company_id, event("b", "C2", "ended", "11:00:00", lead_id=lead.id, call_status="no_answer"))
    lead = reread(lead)
    assert (lead.status, lead.dial_result, lead.dial_attempts, lead.answered_count) == ("contacted", "no_answer", 2, 1)


def test_a_lead_set_by_a_person_keeps_its_status_against_an_older_call(lead: Lead) -> None:
    database.session.execute(
        sa.update(Lead).where(Lead.id == lead.id).values(status="enriched", anchor_status="enriched",
            anchor_at=datetime(2026, 6, 1, 12, tzinfo=UTC), last_status_change=datetime(2026, 6, 1, 12, tzinfo=UTC))
    )  # fmt: skip
    database.session.commit()
    send(lead.company_id, event("a", "C1", "ended", "10:00:00", lead_id=lead.id, call_status="busy"))
    lead = reread(lead)
    assert (lead.status, lead.dial_attempts, lead.problem) == ("enriched", 1, None)
    send(lead.company_id, event("b", "C2", "ended", "12:30:00", lead_id=lead.id, call_status="busy"))
    assert reread(lead).status == "busy"


def test_a_callback_opens_with_its_time_and_closes_when_the_lead_is_sold(lead: Lead) -> None:
    send(lead.company_id, event("a", "C1", "ended", "10:00:00", lead_id=lead.id, disposition="callback",
                                call_status="answered", callback_at=f"{DAY}15:00:00Z"))  # fmt: skip
    callback = database.session.scalars(sa.select(Callback)).one()
    assert (callback.state, callback.due_at) == ("open", datetime(2026, 6, 1, 15, tzinfo=UTC))
    send(lead.company_id, event("b", "C2", "ended", "15:05:00", lead_id=lead.id, call_status="no_answer"))
    database.session.refresh(callback)
    assert (callback.state, reread(lead).status) == ("open", "callback")
    send(
        lead.company_id,
        event("c", "C3", "ended", "16:00:00", lead_id=lead.id, call_status="answered", disposition="sale"),
    )
    database.session.refresh(callback)
    assert (callback.state, reread(lead).status) == ("closed", "sale")


def test_next_eligible_follows_the_result_of_the_last_dial(lead: Lead) -> None:
    send(lead.company_id, event("a", "C1", "ended", "10:00:00", lead_id=lead.id, call_status="busy"))
    assert reread(lead).next_eligible_at == datetime(2026, 6, 1, 10, 5, tzinfo=UTC)


def test_an_event_from_tomorrow_is_set_aside(lead: Lead) -> None:
    far = event("a", "C1", "ended", "10:00:00", lead_id=lead.id, call_status="busy") | {
        "occurred_at": "2090-01-01T00:00:00Z"
    }
    assert send(lead.company_id, far) == ["quarantined"]


def test_a_call_inserted_behind_our_back_is_counted_by_the_database(lead: Lead) -> None:
    make_call(lead, "busy")
    lead = reread(lead)
    assert (lead.call_count, lead.dial_attempts, lead.problem) == (1, 0, "calls_without_tracking")


RESULTS = ("no_answer", "busy", "answered", "machine", "invalid_number", "dropped")
SAID = (None, None, "sale", "not_interested", "callback", "invalid", "dnc", "contacted")


@st.composite
def stories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Some calls of one lead, each told by several events."""
    told: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 4))):
        hour = f"{10 + number}"
        told.append(event(f"{number}a", f"C{number}", "dialing", f"{hour}:00:00"))
        if draw(st.booleans()):
            told.append(event(f"{number}b", f"C{number}", "answered", f"{hour}:00:20"))
        status, said = draw(st.sampled_from(RESULTS)), draw(st.sampled_from(SAID))
        if draw(st.booleans()):
            told.append(event(f"{number}c", f"C{number}", "ended", f"{hour}:03:00", call_status=status))
        if said:
            told.append(
                event(f"{number}d", f"C{number}", "ended", f"{hour}:04:00", disposition=said, call_status=status)
            )
    return told


FACTS = ("status", "dial_attempts", "answered_count", "dial_result", "last_dial_attempt", "next_eligible_at", "pass_dials",
         "call_count", "last_result_at", "problem")  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories(), data=st.data())
def test_any_shuffle_with_repeats_ends_as_if_told_once_and_in_order(
    db: Any, story: list[dict[str, Any]], data: st.DataObject
) -> None:
    company = make_company()
    lead_list = make_list(company)
    straight, mixed = make_lead(lead_list), make_lead(lead_list)
    ids = (company.id, straight.id, mixed.id)
    for e in story:
        send(ids[0], e | {"lead_id": ids[1], "provider": "straight"})
    shuffled = data.draw(st.permutations(story + data.draw(st.lists(st.sampled_from(story), max_size=4))))
    cut = data.draw(st.integers(0, len(shuffled)))
    for part in (shuffled[:cut], shuffled[cut:]):
        if part:
            send(ids[0], *(e | {"lead_id": ids[2], "provider": "mixed"} for e in part))
    database.session.expire_all()
    a, b = database.session.get(Lead, ids[1]), database.session.get(Lead, ids[2])
    assert {f: getattr(a, f) for f in FACTS} == {f: getattr(b, f) for f in FACTS}
    last = database.session.scalars(
        sa.select(StatusChange.new_status)
        .where(StatusChange.subject_id == ids[2])
        .order_by(StatusChange.id.desc())
        .limit(1)
    ).first()
    assert (last or "new") == b.status  # type: ignore[union-attr]
    assert database.session.scalar(sa.select(sa.func.count()).where(CallLog.lead_id == ids[2])) == b.dial_attempts  # type: ignore[union-attr]
