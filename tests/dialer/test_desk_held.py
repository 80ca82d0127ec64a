"""A lead in hand while the world changes: forbidden, closed, lost, taken back; and what was said is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.dialer.desk_support import NOON, Room, hidden, read
from tests.factories import make_company, make_lead, make_user, sign_in
from tests.faults.support import at_once
from webapp.core.db import db as database
from webapp.dialer import desk
from webapp.dialer.claims import sweep_claims
from webapp.dialer.desk import DeskRefused
from webapp.dialer.desk_undo import undo_last
from webapp.dialer.filling import fill_hopper
from webapp.dialer.models import Callback, CallLog, HopperEntry
from webapp.leads.models import Lead
from webapp.timeline.models import DncEntry


@pytest.fixture
def room(db: Any, set_clock: Any) -> Room:
    set_clock(NOON)
    return Room()


def forbid(lead: Lead) -> None:
    database.session.add(DncEntry(company_id=lead.company_id, kind="phone", value=lead.phone))
    database.session.commit()


def only_call() -> CallLog:
    database.session.expire_all()
    return database.session.scalars(sa.select(CallLog)).one()


def held_lead(room: Room, token: str) -> Lead:
    return database.session.scalars(
        sa.select(Lead).join(HopperEntry, HopperEntry.lead_id == Lead.id).where(HopperEntry.claim_token == token)
    ).one()


# --- what may not be dialed any more ------------------------------------------------------------------------------


def test_a_lead_forbidden_while_in_hand_is_not_dialed_and_the_card_says_why(client: Any, room: Room) -> None:
    token = room.token()
    forbid(held_lead(room, token))
    with pytest.raises(DeskRefused, match="do-not-contact"):
        desk.start_dial(token, by=room.ana)
    assert database.session.scalar(sa.select(sa.func.count()).select_from(CallLog)) == 0
    sign_in(client, room.ana)
    page = client.get("/desk").text
    assert "Do not dial now" in page
    assert 'href="tel:' not in page
    assert client.post("/desk/dial", data={"token": token}).status_code == 422
    desk.skip(token, by=room.ana)
    assert room.take().lead_id != read(room.leads[0]).id


def test_a_lead_whose_hours_end_while_it_is_in_hand_is_not_dialed(room: Room, set_clock: Any) -> None:
    token = room.token()
    set_clock(datetime(2026, 6, 11, 2, 30, tzinfo=UTC))  # half past ten in the evening
    database.session.execute(sa.update(HopperEntry).values(lease_until=datetime(2026, 6, 11, 3, tzinfo=UTC)))
    database.session.commit()
    with pytest.raises(DeskRefused, match="Outside hours"):
        desk.start_dial(token, by=room.ana)


def test_a_campaign_switched_off_under_a_lead_in_hand_is_not_dialed(room: Room) -> None:
    token = room.token()
    room.campaign.active = False
    database.session.commit()
    with pytest.raises(DeskRefused, match="switched the campaign off"):
        desk.start_dial(token, by=room.ana)


def test_a_lead_whose_list_was_given_to_another_campaign_is_not_dialed_by_this_one(room: Room) -> None:
    token = room.token()
    room.list.dial_campaign_id = None
    database.session.commit()
    with pytest.raises(DeskRefused, match="no longer belongs to this campaign"):
        desk.start_dial(token, by=room.ana)


def test_pressing_the_number_twice_is_one_dial_and_no_refusal(room: Room) -> None:
    token = room.token()
    desk.start_dial(token, by=room.ana)
    desk.start_dial(token, by=room.ana)
    assert only_call().is_open


def test_the_open_page_is_drawn_anew_when_its_lead_becomes_forbidden(client: Any, room: Room) -> None:
    token = room.token()
    sign_in(client, room.ana)
    beat = f"/desk/beat?token={token}"
    assert client.get(beat, headers={"HX-Request": "true"}).status_code == 204
    forbid(held_lead(room, token))
    assert client.get(beat, headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/desk"
    assert client.get(f"{beat}&blocked=Do+not+contact", headers={"HX-Request": "true"}).status_code == 204


# --- one lead for each agent --------------------------------------------------------------------------------------


def test_six_tabs_that_ask_at_once_get_the_same_lead(app: Any, room: Room) -> None:
    fill_hopper(room.company.id, room.campaign.id)
    agent, campaign = room.ana.id, room.campaign.id

    def ask() -> None:
        desk.take_next(campaign, by=database.session.get_one(type(room.ana), agent))

    assert at_once(app, [ask] * 6) == []
    held = database.session.scalars(sa.select(HopperEntry.lead_id).where(HopperEntry.status != "ready")).all()
    assert len(held) == 1


# --- a result that comes too late ---------------------------------------------------------------------------------


def lose(room: Room, set_clock: Any) -> None:
    set_clock(NOON + timedelta(minutes=11))
    sweep_claims(room.company.id)


@pytest.mark.parametrize("dialed", [False, True])
def test_a_result_after_the_lease_is_offered_to_be_kept_with_its_notes_and_counts_once(
    client: Any, room: Room, set_clock: Any, dialed: bool
) -> None:  # fmt: skip
    sign_in(client, room.ana)
    page = client.post("/desk/next", data={"campaign": room.campaign.id}, follow_redirects=True).text
    token, lead_id = hidden(page, "token"), hidden(page, "lead")
    if dialed:
        client.post("/desk/dial", data={"token": token})
    lose(room, set_clock)
    beat = client.get(f"/desk/beat?token={token}", headers={"HX-Request": "true"})
    assert beat.status_code == 286
    assert "No longer in your hand" in beat.text
    said = {"token": token, "lead": lead_id, "result": "contacted", "notes": "They want two"}
    answer = client.post("/desk/result", data=said | {"campaign": room.campaign.id})
    assert answer.status_code == 409
    assert "Record “Spoke with them” for Lead0" in answer.text
    assert "They want two" in answer.text
    assert client.post("/desk/late", data=said, follow_redirects=True).status_code == 200
    call = only_call()
    assert (call.result, call.notes, call.agent_id, call.needs_review) == (
        "contacted",
        "They want two",
        room.ana.id,
        False,
    )
    lead = read(room.leads[0])
    assert (lead.status, lead.dial_attempts) == ("contacted", 1)
    assert client.post("/desk/late", data=said).status_code == 422
    assert read(room.leads[0]).dial_attempts == 1


def test_a_late_result_is_for_ones_own_leads_and_calls(client: Any, room: Room, set_clock: Any) -> None:
    token = room.token()
    desk.start_dial(token, by=room.ana)
    lose(room, set_clock)
    sign_in(client, room.bob)
    said = {"token": token, "lead": room.leads[0].id, "result": "sale"}
    assert client.post("/desk/late", data=said).status_code == 404
    assert client.post("/desk/late", data=said | {"lead": "x"}).status_code == 404
    assert client.post("/desk/late", data=said | {"result": "none"}).status_code == 404
    sign_in(client, make_user(make_company(), "rep"))
    assert client.post("/desk/late", data=said | {"token": "mine"}).status_code == 404


def test_a_late_result_of_a_lead_that_is_in_hand_still_is_refused(room: Room) -> None:
    token = room.token()
    with pytest.raises(DeskRefused, match="in somebody's hand still"):
        desk.give_late(token, held_lead(room, token).id, "sale", by=room.ana)
    assert database.session.scalar(sa.select(sa.func.count()).select_from(CallLog)) == 0


def test_a_late_callback_is_kept_at_its_time(room: Room, set_clock: Any) -> None:
    token = room.token()
    lead = held_lead(room, token)
    lose(room, set_clock)
    desk.give_late(token, lead.id, "callback", by=room.ana, callback_local=datetime(2026, 6, 12, 10, 0))
    callback = database.session.scalars(sa.select(Callback)).one()
    assert (callback.lead_id, callback.due_at) == (lead.id, datetime(2026, 6, 12, 14, 0, tzinfo=UTC))


# --- taken back ---------------------------------------------------------------------------------------------------


def test_notes_of_a_result_that_was_taken_back_come_back_and_give_way_to_the_new_ones(client: Any, room: Room) -> None:
    token = room.token()
    desk.give_result(token, "not_interested", by=room.ana, notes="Wrong: that was about quite another customer")
    undo_last(by=room.ana)
    sign_in(client, room.ana)
    assert "Wrong: that was about quite another customer</textarea>" in client.get("/desk").text
    desk.give_result(token, "contacted", by=room.ana, notes="Right")
    assert (only_call().result, only_call().notes) == ("contacted", "Right")


def test_a_phone_that_another_agent_has_in_hand_is_not_taken_back(room: Room) -> None:
    room.campaign.phone_gap_minutes = 0
    twin = make_lead(room.list, zone="America/New_York", phone=room.leads[0].phone, first_name="Twin")
    database.session.commit()
    token = room.token()
    assert held_lead(room, token).id == room.leads[0].id
    desk.give_result(token, "no_answer", by=room.ana)
    fill_hopper(room.company.id, room.campaign.id)
    for _ in room.leads:
        if held_lead(room, room.token(room.bob)).id != twin.id:
            desk.skip(room.token(room.bob), by=room.bob)
    assert held_lead(room, room.token(room.bob)).id == twin.id
    with pytest.raises(DeskRefused, match="phone is in somebody's hand"):
        undo_last(by=room.ana)


def test_talk_is_measured_from_the_press_to_the_first_result_and_not_at_all_without_a_press(
    room: Room, set_clock: Any
) -> None:
    desk.give_result(room.token(), "contacted", by=room.ana)
    assert (only_call().call_status, only_call().duration) == ("answered", None)
    token = room.token()
    desk.start_dial(token, by=room.ana)
    set_clock(NOON + timedelta(seconds=90))
    desk.give_result(token, "sale", by=room.ana)
    set_clock(NOON + timedelta(minutes=10))
    undo_last(by=room.ana)
    desk.give_result(token, "qualified", by=room.ana)
    call = database.session.scalars(sa.select(CallLog).order_by(CallLog.id.desc())).first()
    assert call is not None
    assert (call.result, call.duration) == ("qualified", 90)


# --- promises -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["own", "handed_over", "anyone"])
@pytest.mark.parametrize("own", [True, False])
def test_by_me_says_whose_the_new_promise_is_whatever_the_old_one_was(
    room: Room, set_clock: Any, before: str, own: bool
) -> None:
    token = room.token()
    first = datetime(2026, 6, 11, 10, 0)
    desk.give_result(token, "callback", by=room.ana, callback_local=first, own=before != "anyone")
    callback = database.session.scalars(sa.select(Callback)).one()
    if before == "handed_over":
        callback.state = "handed_over"
        database.session.commit()
    set_clock(datetime(2026, 6, 11, 14, 5, tzinfo=UTC))
    fill_hopper(room.company.id, room.campaign.id)
    token = room.token()
    assert held_lead(room, token).id == callback.lead_id
    desk.give_result(token, "callback", by=room.ana, callback_local=datetime(2026, 6, 12, 10, 0), own=own)
    database.session.expire_all()
    found = database.session.scalars(sa.select(Callback).where(Callback.state != "closed")).one()
    assert (found.state, found.agent_id) == ("open", room.ana.id if own else None)


def test_a_nearest_time_is_taken_with_the_notes_as_they_stand(client: Any, room: Room) -> None:
    sign_in(client, room.ana)
    page = client.post("/desk/next", data={"campaign": room.campaign.id}, follow_redirects=True).text
    said = {
        "token": hidden(page, "token"),
        "campaign": room.campaign.id,
        "callback": "2026-06-14T10:00",
        "notes": "first and more words",
    }
    client.post("/desk/result", data=said | {"use": "2026-06-15T09:00"})
    assert only_call().notes == "first and more words"
    assert database.session.scalars(sa.select(Callback.due_at)).one() == datetime(2026, 6, 15, 13, 0, tzinfo=UTC)
