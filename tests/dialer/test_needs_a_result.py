"""Calls that ended without a result: their agent says it, then a manager; nobody waves them away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.dialer.campaign_pages import NOON, Place, make_place, text_of
from tests.factories import make_call, make_user, sign_in
from tests.harness.client import Client
from webapp.accounts.models import User
from webapp.core.audit import AuditEvent
from webapp.core.db import db as database
from webapp.dialer import desk
from webapp.dialer.claims import sweep_claims
from webapp.dialer.models import Callback, CallLog

LATER = NOON + timedelta(hours=2)


@pytest.fixture
def place(client: Client, set_clock: Any) -> Place:
    return make_place(client, set_clock)


@pytest.fixture
def left(place: Place, set_clock: Any) -> CallLog:
    """Ana dialed a lead from her desk and never came back."""
    place.lead(first_name="Lea", last_name="Left")
    ana = make_user(place.company, "rep", name="Ana")
    claim = desk.take_next(place.campaign.id, by=ana)
    assert claim is not None
    desk.start_dial(str(claim.token), by=ana)  # type: ignore[union-attr]
    set_clock(LATER)
    sweep_claims(place.company.id)
    return database.session.scalars(sa.select(CallLog)).one()


def agent_of(call: CallLog) -> Any:
    return database.session.get_one(User, call.agent_id)


def read(call: CallLog) -> CallLog:
    database.session.expire_all()
    return database.session.get_one(CallLog, call.id)


def say(client: Client, call: CallLog, **data: str) -> Any:
    return client.post(f"/calls/{call.id}/result", data=data)


def test_a_manager_sees_every_call_without_a_result_whose_it_is_and_how_old(place: Place, left: CallLog) -> None:
    nobodys = make_call(place.lead(first_name="Nia", last_name="Nobody"), "unknown", needs_review=True)
    text = text_of(place.client.get("/calls/review"))
    for says in ("(2) Needs a result", "Lea Left", "Ana", "Wed 10 Jun 2026, 12:00 EDT", "Nia Nobody", "No agent"):
        assert says in text
    page = place.client.get("/calls/review").text
    for call in (left, nobodys):
        assert f'action="/calls/{call.id}/result"' in page
        assert f'href="/calls/{call.id}#say"' in page
    assert "Mark reviewed" not in page[page.index(f'id="call-{left.id}"') :]


@pytest.mark.parametrize("result", [name for name in desk.RESULTS if name != "callback"])
def test_a_manager_says_the_result_that_the_agent_left_out(place: Place, left: CallLog, result: str) -> None:
    assert say(place.client, left, result=result, notes="Ana told me").status_code == 303
    call = read(left)
    said = desk.RESULTS[result]
    assert (call.call_status, call.disposition, call.notes) == (said.call_status, said.disposition, "Ana told me")
    assert (call.needs_review, call.agent_id, call.agent_name) == (False, left.agent_id, "Ana")
    assert "Nothing needs a result" in place.client.get("/calls/review").text
    audit = database.session.scalars(sa.select(AuditEvent).where(AuditEvent.kind == "result_said")).one()
    assert audit.user_id == place.manager.id


def test_a_manager_gives_a_call_of_nobody_its_result(place: Place) -> None:
    call = make_call(place.lead(), "unknown", needs_review=True, ended_at=NOON)
    assert say(place.client, call, result="sale").status_code == 303
    assert read(call).result == "sale"


def test_a_callback_is_promised_on_the_clock_of_the_lead(place: Place, left: CallLog) -> None:
    page = text_of(place.client.get(f"/calls/{left.id}"))
    assert "Times of America/New_York; now 14:00 there." in page
    assert say(place.client, left, result="callback", callback="2026-06-11T10:30", own="1").status_code == 303
    callback = database.session.scalars(sa.select(Callback)).one()
    assert (callback.due_at, callback.agent_id) == (datetime(2026, 6, 11, 14, 30, tzinfo=UTC), left.agent_id)
    assert read(left).disposition == "callback"


def test_a_callback_that_cannot_be_keeps_what_was_typed_and_offers_the_nearest(place: Place, left: CallLog) -> None:
    answer = say(place.client, left, result="callback", callback="2026-06-14T10:00", notes="wants a demo")
    assert answer.status_code == 422
    for part in ("Outside the calling hours", "wants a demo", "2026-06-14T10:00", "Call back Mon 15 Jun, 09:00"):
        assert part in answer.text
    assert "Say when to call back" in say(place.client, left, result="callback").text
    assert say(place.client, left, result="\x00").status_code == 422
    assert read(left).needs_review
    assert say(place.client, left, result="callback", use="2026-06-15T09:00").status_code == 303


def test_a_lead_that_moved_on_gets_no_callback_from_an_old_call(place: Place, left: CallLog) -> None:
    place.client.post(f"/leads/{left.lead_id}/status", data={"status": "sale", "reason": "Paid"})
    answer = say(place.client, left, result="callback", callback="2026-06-11T10:30")
    assert answer.status_code == 422
    assert "has moved on since this call" in text_of(answer)
    assert read(left).needs_review


def test_a_desk_call_without_a_result_is_not_waved_away(place: Place, left: CallLog) -> None:
    answer = place.client.post(f"/calls/{left.id}/review", follow_redirects=True)
    assert "It has no result yet: say what came of it." in text_of(answer)
    assert read(left).needs_review
    assert [call.id for call, _ in desk.list_unsaid(agent_of(left))] == [left.id]


def test_only_its_agent_and_managers_settle_a_call(place: Place, left: CallLog) -> None:
    dialers = make_call(place.lead(), "unknown", needs_review=True, agent_id=left.agent_id)
    nobodys = make_call(place.lead(), "unknown", needs_review=True)
    sign_in(place.client, make_user(place.company, "rep", name="Bob"))
    for call in (left, dialers, nobodys):
        assert place.client.post(f"/calls/{call.id}/review").status_code == 403
        assert say(place.client, call, result="sale").status_code == 403
    page = place.client.get("/calls/review").text
    assert "Mark reviewed" not in page
    assert "/result" not in page
    assert "/result" not in place.client.get(f"/calls/{left.id}").text
    sign_in(place.client, agent_of(left))
    assert place.client.post(f"/calls/{dialers.id}/review").status_code == 303
    assert say(place.client, left, result="busy").status_code == 303
    assert not read(dialers).needs_review
    assert read(left).call_status == "busy"


def test_a_call_that_has_its_result_takes_no_second_one(place: Place, left: CallLog) -> None:
    say(place.client, left, result="busy")
    answer = say(place.client, left, result="sale")
    assert answer.status_code == 422
    assert "It has a result already." in text_of(answer)
    assert "Somebody had looked at it before." in text_of(
        place.client.post(f"/calls/{left.id}/review", follow_redirects=True)
    )
