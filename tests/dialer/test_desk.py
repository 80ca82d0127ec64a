"""The agent's desk: one lead in hand, results by key, the last one taken back, nothing lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.dialer.desk_support import NOON, Room, hidden, read
from tests.factories import make_campaign, make_company, sign_in
from webapp.core.db import db as database
from webapp.dialer import desk
from webapp.dialer.claims import ClaimLost, sweep_claims
from webapp.dialer.desk import RESULTS, DeskRefused, build_script
from webapp.dialer.desk_undo import undo_last
from webapp.dialer.hours import CallbackRefused
from webapp.dialer.models import Callback, CallLog, HopperEntry
from webapp.leads.models import Lead
from webapp.timeline.models import DncEntry


@pytest.fixture
def room(db: Any, set_clock: Any) -> Room:
    set_clock(NOON)
    return Room()


def entries() -> list[HopperEntry]:
    database.session.rollback()
    return list(database.session.scalars(sa.select(HopperEntry).order_by(HopperEntry.priority.desc(), HopperEntry.id)))


def test_whoever_opens_the_desk_again_has_the_same_lead_in_hand(room: Room) -> None:
    first, again = room.take(), room.take()
    assert again.lead_id == first.lead_id
    assert room.take(room.bob).lead_id != first.lead_id


@pytest.mark.parametrize(
    ("result", "status"),
    [("no_answer", "no_answer"), ("machine", "no_answer"), ("busy", "busy"), ("failed", "failed"), ("invalid", "invalid"),
     ("contacted", "contacted"), ("not_interested", "not_interested"), ("qualified", "qualified"), ("sale", "sale"), ("dnc", "dnc")],
)  # fmt: skip
def test_each_key_writes_one_dial_and_its_status(room: Room, set_clock: Any, result: str, status: str) -> None:
    token = room.token()
    desk.start_dial(token, by=room.ana)
    desk.start_dial(token, by=room.ana)
    set_clock(NOON + timedelta(minutes=3))
    call_id = desk.give_result(token, result, by=room.ana, notes="They said so")
    call = database.session.get_one(CallLog, call_id)
    lead = read(database.session.get_one(Lead, call.lead_id))
    assert (lead.status, lead.dial_attempts) == (status, 1)
    assert (call.agent_id, call.campaign_id, call.notes) == (room.ana.id, room.campaign.id, "They said so")
    assert (call.started_at, call.ended_at) == (NOON, NOON + timedelta(minutes=3))
    assert call.duration == (180 if RESULTS[result].call_status == "answered" else None)
    with pytest.raises(ClaimLost):
        desk.give_result(token, result, by=room.ana)
    assert read(lead).dial_attempts == 1
    if result == "dnc":
        assert database.session.scalar(sa.select(DncEntry.value)) == lead.phone


def test_a_result_without_pressing_the_number_is_a_dial_too(room: Room) -> None:
    token = room.token()
    call = database.session.get_one(CallLog, desk.give_result(token, "busy", by=room.ana))
    assert read(database.session.get_one(Lead, call.lead_id)).dial_attempts == 1


def test_a_callback_is_on_the_leads_clock_and_the_agents_own_if_so_wished(room: Room) -> None:
    token = room.token()
    for refused in (datetime(2026, 6, 14, 10), datetime(2026, 6, 11, 20)):  # a Sunday; the closing hour
        with pytest.raises(CallbackRefused):
            desk.give_result(token, "callback", by=room.ana, callback_local=refused)
    with pytest.raises(DeskRefused):
        desk.give_result(token, "callback", by=room.ana)
    desk.give_result(token, "callback", by=room.ana, callback_local=datetime(2026, 6, 11, 10, 30), own=True)
    callback = database.session.scalars(sa.select(Callback)).one()
    assert (callback.due_at, callback.agent_id) == (datetime(2026, 6, 11, 14, 30, tzinfo=UTC), room.ana.id)


def test_nobody_speaks_for_a_lead_in_anothers_hand(room: Room) -> None:
    token = room.token()
    for verb in (lambda: desk.start_dial(token, by=room.bob), lambda: desk.give_result(token, "busy", by=room.bob), lambda: desk.skip(token, by=room.bob)):  # fmt: skip
        with pytest.raises(ClaimLost):
            verb()


def test_a_skipped_lead_comes_after_all_the_others_and_counts_no_dial(room: Room) -> None:
    first = room.take()
    desk.skip(first.token, by=room.ana)
    assert entries()[-1].lead_id == first.lead_id
    assert room.take().lead_id != first.lead_id
    assert read(room.leads[0]).dial_attempts == 0


def test_a_dialed_lead_cannot_be_skipped(room: Room) -> None:
    token = room.token()
    desk.start_dial(token, by=room.ana)
    with pytest.raises(DeskRefused, match="say what came"):
        desk.skip(token, by=room.ana)


@pytest.mark.parametrize("result", ["no_answer", "sale", "dnc", "not_interested"])
def test_undo_brings_the_lead_back_as_it_was_and_in_hand(room: Room, set_clock: Any, result: str) -> None:
    token = room.token()
    lead_id = entries()[0].lead_id
    desk.give_result(token, result, by=room.ana)
    room.take()
    set_clock(NOON + timedelta(minutes=5))
    assert undo_last(by=room.ana) == token
    lead = read(database.session.get_one(Lead, lead_id))
    assert (lead.status, lead.dial_attempts, lead.answered_count) == ("new", 1, 0)
    assert database.session.scalar(sa.select(sa.func.count()).where(DncEntry.lifted_at.is_(None))) == 0
    held = desk.find_claim_of(room.ana)
    assert held is not None
    assert (held.lead_id, held.claim_token) == (lead_id, token)
    desk.give_result(token, "qualified", by=room.ana)
    assert (read(lead).status, lead.dial_attempts) == ("qualified", 1)
    assert len(database.session.scalars(sa.select(CallLog)).all()) == 1


def test_undo_opens_the_callback_again_that_the_result_had_closed(room: Room) -> None:
    lead = room.leads[0]
    database.session.execute(
        sa.update(Lead)
        .where(Lead.id == lead.id)
        .values(status="callback", last_status_change=NOON - timedelta(hours=1))
    )
    database.session.add(
        Callback(company_id=room.company.id, lead_id=lead.id, due_at=NOON - timedelta(minutes=1), agent_id=room.ana.id)
    )
    database.session.commit()
    token = room.token()
    desk.give_result(token, "sale", by=room.ana)
    assert database.session.scalar(sa.select(sa.func.count()).where(Callback.state != "closed")) == 0
    undo_last(by=room.ana)
    callback = database.session.scalars(sa.select(Callback).where(Callback.state != "closed")).one()
    assert (callback.due_at, callback.agent_id) == (NOON - timedelta(minutes=1), room.ana.id)
    assert read(lead).status == "callback"


def test_there_is_nothing_to_undo_after_a_quarter_of_an_hour_or_for_somebody_else(room: Room, set_clock: Any) -> None:
    with pytest.raises(DeskRefused):
        undo_last(by=room.ana)
    desk.give_result(room.token(), "busy", by=room.ana)
    with pytest.raises(DeskRefused):
        undo_last(by=room.bob)
    set_clock(NOON + timedelta(minutes=16))
    with pytest.raises(DeskRefused):
        undo_last(by=room.ana)


def test_a_lead_left_in_the_middle_of_a_call_needs_a_result_from_its_agent(room: Room, set_clock: Any) -> None:
    token = room.token()
    desk.start_dial(token, by=room.ana)
    set_clock(NOON + timedelta(minutes=11))
    assert sweep_claims(room.company.id)["closed"] == 1
    assert desk.list_unsaid(room.bob) == []
    [(call, lead)] = desk.list_unsaid(room.ana)
    assert (lead.status, lead.dial_attempts) == ("failed", 1)
    with pytest.raises(LookupError):
        desk.say_result(call.id, "sale", by=room.bob)
    desk.say_result(call.id, "sale", by=room.bob, everybody=True)
    assert (read(lead).status, lead.dial_attempts) == ("sale", 1)
    assert desk.list_unsaid(room.ana) == []
    with pytest.raises(DeskRefused):
        desk.say_result(call.id, "busy", by=room.ana)


def test_the_script_says_the_leads_words_and_leaves_other_braces(room: Room) -> None:
    lead = room.leads[0]
    assert (
        build_script(room.campaign.script + " {price} {}", lead, "Ana") == "Hello Lead0, this is Ana for …. {price} {}"
    )


# --- the page ---------------------------------------------------------------------------------------------------


def test_the_desk_takes_notes_goes_on_and_says_when_there_is_nothing(client: Any, room: Room) -> None:
    sign_in(client, room.ana)
    assert "Start" in client.get("/desk").text
    page = client.post("/desk/next", data={"campaign": room.campaign.id}, follow_redirects=True).text
    for n in range(3):
        assert f"Lead{n}" in page
        assert f"Hello Lead{n}, this is Ana" in page
        page = client.post(
            "/desk/result", data={"token": hidden(page, "token"), "campaign": room.campaign.id, "result": "no_answer", "notes": "x\x00y"},
            headers={"HX-Request": "true"},
        ).text  # fmt: skip
    assert "Nothing to dial now" in page
    assert "3</strong> cooling" in page
    assert [read(lead).status for lead in room.leads] == ["no_answer"] * 3


def test_a_refused_callback_keeps_what_was_typed_and_offers_the_nearest_times(client: Any, room: Room) -> None:
    sign_in(client, room.ana)
    page = client.post("/desk/next", data={"campaign": room.campaign.id}, follow_redirects=True).text
    data = {
        "token": hidden(page, "token"),
        "campaign": room.campaign.id,
        "result": "callback",
        "callback": "2026-06-14T10:00",
        "notes": "wants a demo",
    }
    answer = client.post("/desk/result", data=data)
    assert answer.status_code == 422
    for part in ("Outside the calling hours", "wants a demo", "2026-06-14T10:00", "Call back Mon 15 Jun, 09:00"):
        assert part in answer.text
    assert client.post("/desk/result", data=data | {"callback": ""}).status_code == 422
    assert client.post("/desk/result", data=data | {"result": "\x00"}).status_code == 422


def test_a_lost_claim_is_said_and_the_desk_goes_on(client: Any, room: Room, set_clock: Any) -> None:
    sign_in(client, room.ana)
    page = client.post("/desk/next", data={"campaign": room.campaign.id}, follow_redirects=True).text
    token = hidden(page, "token")
    assert client.get(f"/desk/beat?token={token}", headers={"HX-Request": "true"}).status_code == 204
    set_clock(NOON + timedelta(minutes=11))
    sweep_claims(room.company.id)
    assert client.get(f"/desk/beat?token={token}", headers={"HX-Request": "true"}).status_code == 286
    answer = client.post("/desk/result", data={"token": token, "campaign": room.campaign.id, "result": "sale"})
    assert answer.status_code == 409
    assert "no longer in your hand" in answer.text
    stranger = make_campaign(make_company())
    assert client.post("/desk/next", data={"campaign": stranger.id}).status_code == 404
