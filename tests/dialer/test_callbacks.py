"""Callbacks: who is called when; rescheduled on the lead's own clock, handed over, closed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_campaign, make_company, make_lead, make_list, make_user, sign_in
from tests.harness.client import Client
from webapp.core.audit import AuditEvent, StatusChange
from webapp.core.db import db as database
from webapp.dialer.callbacks import reschedule
from webapp.dialer.claims import claim_next
from webapp.dialer.events import parse_event
from webapp.dialer.filling import fill_hopper
from webapp.dialer.models import Callback, HopperEntry
from webapp.dialer.service import record_events

NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)  # a Wednesday, noon in New York
NY = "America/New_York"


@dataclass
class Place:
    company: Any
    manager: Any
    ana: Any
    ben: Any
    campaign: Any
    list: Any

    def callback(self, agent: Any = None, due: datetime | None = None, *, name: str = "Lee", **facts: Any) -> Callback:
        lead = make_lead(self.list, **{"zone": NY, "status": "callback", "last_name": name, **facts})
        row = Callback(company_id=self.company.id, lead_id=lead.id, due_at=due or NOON + timedelta(hours=2),
                       agent_id=agent.id if agent else None)  # fmt: skip
        database.session.add(row)
        database.session.commit()
        return row


@pytest.fixture
def place(db: Any, set_clock: Any) -> Place:
    set_clock(NOON)
    company = make_company(zone="America/Los_Angeles")
    campaign = make_campaign(company)
    people = [
        make_user(company, role, name=name) for role, name in (("manager", "Mia"), ("rep", "Ana"), ("rep", "Ben"))
    ]
    return Place(company, *people, campaign, make_list(company, dial_campaign_id=campaign.id))


@pytest.fixture
def ana(place: Place, client: Client) -> Client:
    return sign_in(client, place.ana)


@pytest.fixture
def manager(place: Place, app: Any) -> Client:
    return sign_in(app.test_client(), place.manager)


def text_of(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def sent(client: Client, callback: Callback, **changes: str) -> dict[str, str]:
    text = client.get(f"/callbacks/{callback.id}/edit").text
    seen, due = re.search(r'name="seen" value="([^"]*)"', text), re.search(r'name="due"[^>]*value="([^"]*)"', text)
    agent = re.search(r'<option selected value="([^"]*)"', text)
    assert seen
    assert agent
    return {"seen": unescape(seen[1]), "due": due[1] if due else "", "agent_id": agent[1], "notes": "", **changes}


def save(client: Client, callback: Callback, **changes: str) -> Any:
    return client.post(f"/callbacks/{callback.id}/edit", data=sent(client, callback, **changes))


# --- the page --------------------------------------------------------------------------------------------------------


def test_open_callbacks_stand_in_order_with_both_clocks_and_the_overdue_first(place: Place, ana: Client) -> None:
    place.callback(place.ana, name="Soon")
    place.callback(name="Late", due=NOON - timedelta(hours=1))
    place.callback(place.ben, name="Bens", due=NOON + timedelta(days=2))
    closed = place.callback(name="Gone")
    database.session.execute(sa.update(Callback).where(Callback.id == closed.id).values(state="closed"))
    text = text_of(ana.get("/callbacks"))
    order = [text.index(f"Lead {name}") for name in ("Late", "Soon", "Bens")]
    assert order == sorted(order)
    assert "Lead Gone" not in text
    assert "Wed 10 Jun, 11:00 EDT Wed 10 Jun, 08:00 PDT" in text
    assert "Overdue" in text
    assert "3 open callbacks" in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("who=mine", {"Mine"}),
        ("who=anyone", {"Free", "Passed"}),
        ("who=all", {"Mine", "Free", "Bens", "Passed"}),
        ("due=today", {"Mine", "Passed"}),
        ("due=later", {"Free", "Bens"}),
        ("who=anyone&due=later", {"Free"}),
        ("who=nobody&due=never", {"Mine", "Free", "Bens", "Passed"}),
    ],
)
def test_links_choose_whose_and_when(place: Place, ana: Client, query: str, shown: set[str]) -> None:
    place.callback(place.ana, name="Mine")
    # 23:00 in New York is still today for a reader in Los Angeles, an hour past their midnight is not.
    place.callback(place.ben, name="Passed", due=NOON + timedelta(hours=14), zone=NY)
    database.session.execute(sa.update(Callback).where(Callback.agent_id == place.ben.id).values(state="handed_over"))
    place.callback(name="Free", due=NOON + timedelta(hours=16))
    place.callback(place.ben, name="Bens", due=NOON + timedelta(days=2))
    text = text_of(ana.get(f"/callbacks?{query}"))
    assert {name for name in ("Mine", "Free", "Bens", "Passed") if f"Lead {name}" in text} == shown


def test_without_callbacks_the_page_says_where_they_come_from(place: Place, ana: Client) -> None:
    assert "No open callbacks" in ana.get("/callbacks").text
    place.callback(place.ben)
    assert "Show all" in ana.get("/callbacks?who=mine").text


def test_a_lead_without_a_zone_is_shown_and_cannot_be_promised_a_time(place: Place, manager: Client) -> None:
    row = place.callback(zone=None)
    assert "no time zone" in manager.get("/callbacks").text
    answer = save(manager, row, due="2026-06-11T10:00")
    assert answer.status_code == 422
    assert "The lead has no time zone: set it first." in text_of(answer)


# --- rescheduling ----------------------------------------------------------------------------------------------------


def test_the_new_time_is_on_the_leads_own_clock_and_the_hopper_lets_the_lead_go(place: Place, ana: Client) -> None:
    row = place.callback(place.ana, due=NOON - timedelta(minutes=5))
    fill_hopper(place.company.id, place.campaign.id)
    assert database.session.scalar(sa.select(sa.func.count()).select_from(HopperEntry)) == 1
    answer = save(ana, row, due="2026-06-12T15:30", notes="After lunch\r\nask for Kim")
    assert answer.status_code == 303
    database.session.refresh(row)
    assert (row.due_at, row.notes, row.state) == (
        datetime(2026, 6, 12, 19, 30, tzinfo=UTC),
        "After lunch\nask for Kim",
        "open",
    )
    assert database.session.scalar(sa.select(sa.func.count()).select_from(HopperEntry)) == 0
    event = database.session.scalars(sa.select(AuditEvent).where(AuditEvent.kind == "callback_moved")).one()
    assert event.details["before"]["due_at"] != event.details["after"]["due_at"]


@pytest.mark.parametrize(
    ("due", "says", "nearest"),
    [
        ("2027-03-14T02:30", "the clocks go forward", ["2027-03-13T19:45", "2027-03-15T09:00"]),
        ("2026-06-10T11:00", "That time is past.", ["2026-06-10T12:05"]),
        ("2026-06-11T21:00", "Outside the calling hours.", ["2026-06-11T19:45", "2026-06-12T09:00"]),
        ("2026-06-14T12:00", "Outside the calling hours.", ["2026-06-13T19:45", "2026-06-15T09:00"]),
        ("2028-06-14T12:00", "At most a year ahead.", []),
    ],
)
def test_a_time_that_cannot_be_is_refused_with_the_nearest_that_can(
    place: Place, ana: Client, due: str, says: str, nearest: list[str]
) -> None:
    row = place.callback(place.ana)
    answer = save(ana, row, due=due, notes="Kept")
    assert answer.status_code == 422
    assert says in text_of(answer)
    assert f'value="{due}"' in answer.text
    assert "Kept" in answer.text
    assert re.findall(r'name="use" value="([^"]*)"', answer.text) == nearest
    before = row.due_at
    database.session.refresh(row)
    assert row.due_at == before


def test_an_hour_that_does_not_exist_offers_times_that_fill_the_field(place: Place, app: Any, set_clock: Any) -> None:
    database.session.execute(sa.text('UPDATE dial_campaigns SET windows = \'{"6": ["01:00", "20:00"]}\''))
    set_clock(datetime(2027, 3, 10, 16, 0, tzinfo=UTC))
    ana = sign_in(app.test_client(), place.ana)
    row = place.callback(place.ana, due=datetime(2027, 3, 12, 16, 0, tzinfo=UTC))
    form = sent(ana, row, due="2027-03-14T02:30", notes="Early bird")
    answer = ana.post(f"/callbacks/{row.id}/edit", data=form)
    assert answer.status_code == 422
    assert "There is no 02:30 on that day in America/New_York: the clocks go forward." in text_of(answer)
    nearest = re.findall(r'name="use" value="([^"]*)"', answer.text)
    assert nearest == ["2027-03-14T03:15", "2027-03-14T03:30"]
    filled = ana.htmx(f"/callbacks/{row.id}/edit", method="POST", data=form | {"use": nearest[0]})
    assert filled.status_code == 200
    assert f'value="{nearest[0]}"' in filled.text
    assert "Early bird" in filled.text
    assert ana.post(f"/callbacks/{row.id}/edit", data=form | {"due": nearest[0]}).status_code == 303


def test_without_a_time_or_with_nonsense_the_field_is_named(place: Place, ana: Client) -> None:
    row = place.callback(place.ana)
    assert "Call at: Say when to call." in text_of(save(ana, row, due=""))
    assert "Call at: Not a valid datetime value." in text_of(save(ana, row, due="tomorrow"))
    assert "Notes: At most 2,000 characters." in text_of(save(ana, row, notes="x" * 2001))
    assert "Who calls: Not a valid choice." in text_of(save(ana, row, agent_id="999999"))
    assert save(ana, row, use="nonsense", due="").status_code == 422


def test_notes_of_an_overdue_callback_change_without_a_new_time(place: Place, ana: Client) -> None:
    row = place.callback(place.ana, due=NOON - timedelta(hours=3, seconds=7))
    assert save(ana, row, notes="Rang twice").status_code == 303
    database.session.refresh(row)
    assert (row.due_at, row.notes) == (NOON - timedelta(hours=3, seconds=7), "Rang twice")


def test_hours_of_a_list_without_a_campaign_are_the_shipped_ones(place: Place, ana: Client) -> None:
    place.list.dial_campaign_id = None
    row = place.callback(place.ana)
    assert "Outside the calling hours." in text_of(save(ana, row, due="2026-06-11T20:30"))
    assert save(ana, row, due="2026-06-11T19:30").status_code == 303


def test_a_handed_over_callback_can_be_somebodys_again(place: Place, manager: Client) -> None:
    row = place.callback(place.ana)
    manager.post(f"/callbacks/{row.id}/hand-over")
    assert save(manager, row, agent_id=str(place.ben.id)).status_code == 303
    database.session.refresh(row)
    assert (row.state, row.agent_id) == ("open", place.ben.id)
    moves = database.session.execute(
        sa.select(StatusChange.old_status, StatusChange.new_status).where(StatusChange.machine == "callback").order_by(StatusChange.id)
    ).all()  # fmt: skip
    assert [tuple(move) for move in moves] == [("open", "handed_over"), ("handed_over", "open")]


def test_pressed_twice_is_once_and_a_change_in_between_is_not_overwritten(
    place: Place, ana: Client, manager: Client
) -> None:
    row = place.callback(place.ana)
    form = sent(ana, row, due="2026-06-12T10:00")
    theirs = sent(manager, row, due="2026-06-12T11:00")
    assert [ana.post(f"/callbacks/{row.id}/edit", data=form).status_code for _ in range(2)] == [303, 303]
    assert database.session.scalar(sa.select(sa.func.count()).where(AuditEvent.kind == "callback_moved")) == 1
    answer = manager.post(f"/callbacks/{row.id}/edit", data=theirs)
    assert answer.status_code == 409
    assert "Somebody changed this callback while you were editing" in answer.text
    assert 'value="2026-06-12T11:00"' in answer.text
    again = re.search(r'name="seen" value="([^"]*)"', answer.text)
    assert again
    assert manager.post(f"/callbacks/{row.id}/edit", data=theirs | {"seen": unescape(again[1])}).status_code == 303


def test_the_form_is_a_part_for_htmx_and_a_page_for_a_browser(place: Place, ana: Client) -> None:
    row = place.callback(place.ana)
    part = ana.htmx(f"/callbacks/{row.id}/edit", method="POST", data=sent(ana, row, due=""))
    assert part.status_code == 422
    assert part.text.lstrip().startswith('<div class="split callback-split" id="callback-part">')
    assert "<html" in save(ana, row, due="").text
    done = ana.htmx(f"/callbacks/{row.id}/edit", method="POST", data=sent(ana, row, due="2026-06-12T10:00"))
    assert done.headers["HX-Redirect"] == "/callbacks"


# --- closing and handing over ----------------------------------------------------------------------------------------


def test_closing_moves_the_lead_to_no_answer_with_the_reason_and_twice_is_once(place: Place, ana: Client) -> None:
    row = place.callback(place.ana, due=NOON - timedelta(minutes=1))
    fill_hopper(place.company.id, place.campaign.id)
    codes = [
        ana.post(f"/callbacks/{row.id}/close", data={"reason": "They wrote instead"}).status_code for _ in range(2)
    ]
    assert codes == [303, 303]
    database.session.refresh(row)
    change = database.session.scalars(sa.select(StatusChange).where(StatusChange.machine == "lead")).one()
    assert (row.state, change.new_status, change.reason, change.user_id) == (
        "closed",
        "no_answer",
        "They wrote instead",
        place.ana.id,
    )
    assert row.closed_at == NOON
    assert database.session.scalar(sa.select(sa.func.count()).select_from(HopperEntry)) == 0
    assert ana.get(f"/callbacks/{row.id}/edit").status_code == 303


def test_closing_without_a_reason_is_refused(place: Place, ana: Client) -> None:
    row = place.callback(place.ana)
    answer = ana.post(f"/callbacks/{row.id}/close", data={"reason": "  "})
    assert answer.status_code == 422
    assert "Reason: Say why it is closed." in text_of(answer)
    database.session.refresh(row)
    assert row.state == "open"


def test_closing_a_callback_of_a_lead_that_moved_on_leaves_its_status(place: Place, manager: Client) -> None:
    row = place.callback(status="contacted")
    manager.post(f"/callbacks/{row.id}/close", data={"reason": "Done"})
    database.session.refresh(row)
    assert row.state == "closed"
    assert database.session.scalar(sa.text("SELECT status FROM leads")) == "contacted"


def test_handed_over_anyone_may_take_it_and_twice_is_once(place: Place, ana: Client) -> None:
    row = place.callback(place.ana, due=NOON - timedelta(minutes=1))
    fill_hopper(place.company.id, place.campaign.id)
    for _ in range(2):
        assert ana.post(f"/callbacks/{row.id}/hand-over").status_code == 303
    database.session.refresh(row)
    assert row.state == "handed_over"
    assert database.session.scalar(sa.select(HopperEntry.agent_id)) is None
    assert "Handed over" in ana.get("/callbacks?who=anyone").text
    claim = claim_next(place.company.id, place.campaign.id, by=place.ben)
    assert claim is not None


def test_a_lead_in_somebodys_hand_is_left_alone(place: Place, manager: Client) -> None:
    row = place.callback(place.ana, due=NOON - timedelta(minutes=1))
    fill_hopper(place.company.id, place.campaign.id)
    assert claim_next(place.company.id, place.campaign.id, by=place.ana) is not None
    manager.post(f"/callbacks/{row.id}/close", data={"reason": "No"})
    assert "Ana has the lead in hand now: wait for the result." in manager.get("/callbacks").text
    save(manager, row, due="2026-06-12T10:00")
    manager.post(f"/callbacks/{row.id}/hand-over")
    database.session.refresh(row)
    assert (row.state, row.due_at) == ("open", NOON - timedelta(minutes=1))


# --- who may ---------------------------------------------------------------------------------------------------------


def test_reps_act_on_their_own_and_on_anyones_and_managers_on_all(place: Place, ana: Client, manager: Client) -> None:
    bens, free, passed = place.callback(place.ben), place.callback(), place.callback(place.ben)
    database.session.execute(sa.update(Callback).where(Callback.id == passed.id).values(state="handed_over"))
    assert ana.get("/callbacks").text.count('href="/callbacks/') == 4
    for path in ("edit", "close", "hand-over"):
        assert ana.post(f"/callbacks/{bens.id}/{path}", data={"reason": "x"}).status_code == 403
    assert ana.get(f"/callbacks/{bens.id}/edit").status_code == 403
    assert (
        ana.get(f"/callbacks/{free.id}/edit").status_code == ana.get(f"/callbacks/{passed.id}/edit").status_code == 200
    )
    assert save(ana, free, agent_id=str(place.ben.id)).status_code == 422
    assert save(ana, free, agent_id=str(place.ana.id)).status_code == 303
    assert save(manager, bens, agent_id=str(place.ana.id)).status_code == 303


def test_callbacks_and_people_of_another_company_are_not_there(place: Place, manager: Client) -> None:
    company = make_company()
    lead = make_lead(make_list(company), status="callback", last_name="Secret")
    theirs = Callback(company_id=company.id, lead_id=lead.id, due_at=NOON)
    database.session.add(theirs)
    database.session.commit()
    assert "Secret" not in manager.get("/callbacks").text
    assert manager.get(f"/callbacks/{theirs.id}/edit").status_code == 404
    for path in ("edit", "close", "hand-over"):
        assert manager.post(f"/callbacks/{theirs.id}/{path}", data={"reason": "x"}).status_code == 404
    stranger = make_user(company, "rep")
    assert save(manager, place.callback(), agent_id=str(stranger.id)).status_code == 422


def test_a_callback_that_was_moved_by_hand_stays_where_it_was_put_when_its_call_is_told_again(
    db: Any, set_clock: Any
) -> None:
    set_clock(datetime(2026, 6, 10, 16, 0, tzinfo=UTC))
    company = make_company(zone="America/New_York")
    boss = make_user(company, "manager")
    lead = make_lead(make_list(company, dial_campaign_id=make_campaign(company).id), zone="America/New_York")
    told = {"provider": "acme", "call_id": "c", "type": "ended", "lead_id": lead.id, "call_status": "answered", "disposition": "callback",
            "occurred_at": "2026-06-10T15:00:00Z", "callback_at": "2026-06-11T15:00:00Z"}  # fmt: skip
    record_events(company.id, [parse_event(told | {"event_id": "1"})])
    callback = database.session.scalars(sa.select(Callback)).one()
    reschedule(callback.id, datetime(2026, 6, 12, 10, 0), agent_id=None, notes="", by=boss)
    record_events(company.id, [parse_event(told | {"event_id": "2", "notes": "a longer note than before"})])
    database.session.refresh(callback)
    assert callback.due_at == datetime(2026, 6, 12, 14, 0, tzinfo=UTC)
