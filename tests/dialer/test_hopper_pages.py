"""The pages of the hopper, and of why a lead is not dialed."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from tests.dialer.campaign_pages import NOON, Place, count, filled, make_place, text_of
from tests.factories import make_campaign, make_company, make_lead, make_list, make_user, sign_in
from tests.harness.client import Client
from webapp.core.db import db as database
from webapp.dialer.claims import claim_next
from webapp.dialer.eligible import REASONS, count_reasons
from webapp.dialer.filling import fill_hopper
from webapp.dialer.models import Callback, HopperEntry


@pytest.fixture
def place(client: Client, set_clock: Any) -> Place:
    return make_place(client, set_clock)


# --- why not? --------------------------------------------------------------------------------------------------------


@pytest.fixture
def mixed(place: Place) -> Place:
    """Leads of many reasons."""
    place.lead()
    place.lead()
    place.lead(zone=None)
    place.lead(zone="Asia/Tokyo")
    place.lead(phone=None)
    place.lead(status="sale")
    place.lead(status="contacted")
    place.lead(status="callback")
    cooling = place.dialed("no_answer", 20)
    cooling.next_eligible_at = NOON + timedelta(minutes=40)
    place.lead(status="new", dial_attempts=6, pass_dials=6)
    return place


def test_every_lead_stands_in_one_row_and_the_rows_sum_to_the_campaign(mixed: Place) -> None:
    mixed.campaign.hopper_level = 1
    fill_hopper(mixed.company.id, mixed.campaign.id)
    answer = mixed.client.get(f"{mixed.url}/why")
    shown = {
        unescape(name): int(number)
        for name, number in re.findall(rf'href="/leads\?dial={mixed.campaign.id}\.(\w+)"[^>]*>(\d+)</a>', answer.text)
    }
    why = count_reasons(mixed.campaign)
    assert shown == why.counts
    assert sum(shown.values()) == 10
    assert {
        "ready",
        "dialable",
        "no_zone",
        "outside_hours",
        "no_phone",
        "final",
        "in_contact",
        "no_callback",
        "cooling",
    } <= shown.keys()
    assert "together 10 leads, all that the campaign has" in text_of(answer)
    order = [name for name in re.findall(r"\?dial=\d+\.(\w+)\" aria", answer.text) if name in REASONS]
    assert order == [name for name in REASONS if name in order]


def test_each_reason_has_its_cure_beside_it(mixed: Place) -> None:
    page = mixed.client.get(f"{mixed.url}/why").text
    assert f'<a href="/leads?dial={mixed.campaign.id}.no_zone">Set their time zone</a>' in page
    assert f'<a href="{mixed.url}/rules">Change the delays</a>' in page
    assert f'<a href="{mixed.url}/edit">Change the hours</a>' in page
    assert '<a href="/problems">Decide on each</a>' in page


def test_why_not_is_a_part_for_htmx_and_a_page_for_a_browser(mixed: Place) -> None:
    assert f'hx-get="{mixed.url}/why" hx-trigger="load"' in mixed.client.get(mixed.url).text
    part, page = mixed.client.htmx(f"{mixed.url}/why"), mixed.client.get(f"{mixed.url}/why")
    assert part.text.lstrip().startswith('<section class="card why-card" id="why">')
    assert "<html" not in part.text
    assert "<html" in page.text


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"zone": None}, "Nobody knows what time it is for them."),
        ({"status": "sale"}, "Sold, converted, not interested or invalid"),
        ({"zone": "Asia/Tokyo"}, "It is outside the calling hours where they are."),
        ({}, "It may be dialed now"),
    ],
)
def test_one_lead_is_told_its_own_reason(place: Place, facts: dict[str, Any], says: str) -> None:
    lead = place.lead(**facts)
    assert says in place.read(f"/why?lead={lead.id}")
    assert says in text_of(place.client.htmx(f"{place.url}/why?lead={lead.id}"))


def test_a_lead_of_another_campaign_or_company_or_none_is_told_apart(place: Place) -> None:
    stray = make_lead(make_list(place.company))
    assert "this one never dials it" in place.read(f"/why?lead={stray.id}")
    foreign = make_lead(make_list(make_company()))
    assert place.client.get(f"{place.url}/why?lead={foreign.id}").status_code == 404
    assert place.client.get(f"{place.url}/why?lead=99999999").status_code == 404
    assert "Enter the number" in place.read("/why?lead=twelve")
    waiting = place.lead()
    fill_hopper(place.company.id, place.campaign.id)
    assert "In the hopper" in place.read(f"/why?lead={waiting.id}")


def test_one_lead_of_a_campaign_that_is_off_is_told_that_first(place: Place) -> None:
    callable_now, sold = place.lead(), place.lead(status="sale")
    place.campaign.active = False
    page = place.client.get(f"{place.url}/why?lead={callable_now.id}")
    assert "The campaign is off, so nothing of it is dialed." in text_of(page)
    assert "Outside hours" not in page.text
    assert "Change the hours" not in page.text
    assert f'action="{place.url}/switch"' in page.text
    text = place.read(f"/why?lead={sold.id}")
    assert text.index("The campaign is off") < text.index("Sold, converted, not interested or invalid")
    sign_in(place.client, make_user(place.company, "rep"))
    page = place.client.get(f"{place.url}/why?lead={callable_now.id}")
    assert "The campaign is off" in page.text
    assert "/switch" not in page.text


def test_a_campaign_without_leads_has_nothing_to_explain(place: Place) -> None:
    assert "No leads in this campaign" in place.read("/why")


# --- the hopper ------------------------------------------------------------------------------------------------------


def test_the_hopper_shows_who_comes_next_and_why(place: Place) -> None:
    plain = place.lead(last_name="Plain")
    again = place.lead(last_name="Again", pass_number=2)
    due = place.lead(last_name="Due", status="callback")
    database.session.add(
        Callback(
            company_id=place.company.id, lead_id=due.id, due_at=NOON - timedelta(minutes=30), agent_id=place.manager.id
        )
    )
    assert place.client.post(f"{place.url}/hopper/fill").status_code == 303
    later = place.lead(last_name="Later")
    assert place.client.post(f"{place.url}/hopper/leads", data={"lead_id": str(later.id)}).status_code == 303
    text = place.read("/hopper")
    rows = [text.index(f"Lead {name}") for name in ("Later", "Due", "Plain", "Again")]
    assert rows == sorted(rows)
    for says in (
        "Put on top by hand",
        "Callback due 11:30 their time",
        "Recycled, pass 2",
        "Its turn: oldest first",
        "12:00 EDT",
    ):
        assert says in text
    assert {plain.id, again.id} <= set(database.session.scalars(sa.select(HopperEntry.lead_id)))


def test_a_claimed_lead_shows_who_holds_it_until_when(place: Place) -> None:
    place.lead()
    claim_next(place.company.id, place.campaign.id, by=place.manager)
    text = place.read("/hopper")
    assert "in hand" in text
    assert "Mia until Wed 10 Jun 2026, 12:10 EDT" in text


def test_an_empty_hopper_leads_to_why_not_and_filling_says_so(place: Place) -> None:
    page = place.client.get(f"{place.url}/hopper").text
    assert "The hopper is empty" in page
    assert f'href="{place.url}/why"' in page
    place.client.post(f"{place.url}/hopper/fill")
    assert "No other lead may be dialed now" in place.read("/hopper")
    place.campaign.active = False
    place.client.post(f"{place.url}/hopper/fill")
    assert "The campaign is off: switch it on first." in place.read("/hopper")


def test_a_lead_that_may_not_be_dialed_is_not_put_on_top_and_the_reason_is_said(place: Place) -> None:
    foreign = make_lead(make_list(make_company()))
    stray = make_lead(make_list(place.company))
    for number, says in (
        (str(place.lead(status="sale").id), "Sold, converted, not interested or invalid"),
        (str(stray.id), "The lead's list belongs to another campaign."),
        (str(foreign.id), "There is no such lead."),
        ("999999", "There is no such lead."),
        ("0", "There is no such lead."),
        ("x", "Not a valid integer value"),
        ("", "Enter the number of the lead."),
    ):
        answer = place.client.post(f"{place.url}/hopper/leads", data={"lead_id": number})
        assert answer.status_code == 422
        assert says in text_of(answer)
    assert count(HopperEntry) == 0


def put_on_top(place: Place, lead: Any) -> Any:
    return place.client.post(f"{place.url}/hopper/leads", data={"lead_id": str(lead.id)}, follow_redirects=True)


def order_of(place: Place) -> list[int]:
    database.session.rollback()
    query = sa.select(HopperEntry.lead_id).where(HopperEntry.status == "ready")
    return list(database.session.scalars(query.order_by(HopperEntry.priority.desc(), HopperEntry.id)))


def test_the_same_lead_put_on_top_twice_stands_there_once(place: Place) -> None:
    lead = place.lead()
    assert "It stands on top." in text_of(put_on_top(place, lead))
    assert "It stands on top already." in text_of(put_on_top(place, lead))
    assert count(HopperEntry) == 1


def test_a_lead_that_stands_ready_is_raised_above_all_others(place: Place) -> None:
    first, second, third = (place.lead() for _ in range(3))
    due = place.lead(status="callback")
    database.session.add(Callback(company_id=place.company.id, lead_id=due.id, due_at=NOON - timedelta(minutes=30)))
    fill_hopper(place.company.id, place.campaign.id)
    assert order_of(place) == [due.id, first.id, second.id, third.id]
    text = text_of(put_on_top(place, third))
    assert "It stood in the hopper already: now it stands on top." in text
    assert "Put on top by hand" in text
    assert order_of(place) == [third.id, due.id, first.id, second.id]
    put_on_top(place, second)
    put_on_top(place, due)
    assert order_of(place) == [due.id, second.id, third.id, first.id]
    assert "Callback due 11:30 their time" in place.read("/hopper")
    claim = claim_next(place.company.id, place.campaign.id, by=place.manager)
    assert claim is not None
    assert claim.lead_id == due.id


def test_a_lead_in_somebodys_hand_is_not_put_on_top(place: Place) -> None:
    lead = place.lead()
    claim_next(place.company.id, place.campaign.id, by=place.manager)
    answer = put_on_top(place, lead)
    assert answer.status_code == 422
    assert "Mia has it in hand now." in text_of(answer)


def test_campaigns_of_another_company_are_not_there(place: Place) -> None:
    theirs = make_campaign(make_company(), name="Secret")
    assert "Secret" not in place.client.get("/campaigns").text
    for path in ("", "/edit", "/rules", "/hopper", "/why"):
        assert place.client.get(f"/campaigns/{theirs.id}{path}").status_code == 404
    foreign = make_list(make_company())
    sent = filled(place.client, place.url, "lists-form") | {f"list_{foreign.id}": "y", f"weight_{foreign.id}": "1"}
    place.client.post(f"{place.url}/lists", data=sent)
    database.session.refresh(foreign)
    assert foreign.dial_campaign_id is None
