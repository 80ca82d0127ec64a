"""The pages of dial campaigns: facts, lists, rules."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from tests.dialer.campaign_pages import NOON, Place, count, filled, make_place, text_of
from tests.factories import make_campaign, make_company, make_list, make_user, sign_in
from tests.harness.client import Client
from webapp.core.audit import AuditEvent
from webapp.core.db import db as database
from webapp.dialer.campaigns import rules_of
from webapp.dialer.claims import claim_next
from webapp.dialer.filling import fill_hopper
from webapp.dialer.models import DialCampaign, HopperEntry


@pytest.fixture
def place(client: Client, set_clock: Any) -> Place:
    return make_place(client, set_clock)


# --- all campaigns ---------------------------------------------------------------------------------------------------


def test_the_table_tells_lists_leads_hopper_and_hours_of_each_campaign(place: Place) -> None:
    for _ in range(3):
        place.lead()
    fill_hopper(place.company.id, place.campaign.id)
    claim_next(place.company.id, place.campaign.id, by=place.manager)
    text = text_of(place.client.get("/campaigns"))
    assert "Spring On 1 3 2 1 Mon to Sat 09:00 to 20:00 Sun closed" in text


def test_without_campaigns_a_manager_is_led_to_make_one_and_a_rep_is_told_who_does(client: Client) -> None:
    company = make_company()
    sign_in(client, make_user(company, "manager"))
    assert 'href="/campaigns/new"' in client.get("/campaigns").text
    client.post("/logout")
    sign_in(client, make_user(company, "rep"))
    answer = client.get("/campaigns").text
    assert "/campaigns/new" not in answer
    assert "A manager makes them" in answer


# --- new and edit ----------------------------------------------------------------------------------------------------


def test_a_new_campaign_has_the_shipped_hours_and_pressed_twice_is_one(place: Place) -> None:
    sent = filled(place.client, "/campaigns/new", "campaign-form", name="  Autumn\t drive ", holidays="2026-12-25, 2026-07-03",
                  lifetime_dials="20", script="Hi {first_name},\nthis is {agent}.")  # fmt: skip
    assert (sent["open_0"], sent["close_5"], sent["open_6"], sent["dials_per_pass"]) == ("09:00", "20:00", "", "")
    first, second = (place.client.post("/campaigns/new", data=sent) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    made = database.session.scalars(sa.select(DialCampaign).where(DialCampaign.name == "Autumn drive")).one()
    assert (made.windows["0"], made.windows["6"], made.holidays) == (
        ["09:00", "20:00"],
        None,
        ["2026-07-03", "2026-12-25"],
    )
    assert (made.dials_per_pass, made.lifetime_dials, made.script) == (None, 20, "Hi {first_name},\nthis is {agent}.")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "  "}, "Give the campaign a name."),
        ({"name": "x" * 121}, "At most 120 characters."),
        ({"name": "sPRING"}, "There is a campaign of this name already."),
        ({"open_2": ""}, "Give both times of Wednesday, or neither when it is closed."),
        ({"close_1": "25:00"}, "Tuesday closes: Not a valid time value."),
        ({f"{end}_{day}": "" for end in ("open", "close") for day in range(7)}, "With every day closed nothing could ever be dialed."),
        ({"holidays": "25.12.2026"}, "“25.12.2026” is no day. Write each as 2026-12-25."),
        ({"dials_per_pass": "0"}, "Dials in one pass: Enter a whole number from 1 to 100, or leave it empty."),
        ({"lifetime_dials": "1001"}, "Dials in all: Enter a whole number from 1 to 1,000, or leave it empty."),
        ({"hopper_level": ""}, "Hopper level: Enter a whole number from 1 to 1,000."),
        ({"hopper_level": "²"}, "Hopper level: Enter a whole number from 1 to 1,000."),
        ({"phone_gap_minutes": "-1"}, "Phone gap: Enter a whole number from 0 to 10,080."),
        ({"handover_minutes": "1.5"}, "Enter a whole number from 0 to 10,080."),
        ({"lead_order": "by_magic"}, "Lead order: Not a valid choice."),
        ({"script": "a\x00b"}, "Leave out control characters."),
        ({"script": "x" * 10_001}, "At most 10,000 characters."),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_words_and_nothing_typed_is_lost(
    place: Place, changes: dict[str, str], says: str
) -> None:
    typed = {"name": "Winter", "script": "Typed by hand", "hopper_level": "77", **changes}
    answer = place.client.post("/campaigns/new", data=filled(place.client, "/campaigns/new", "campaign-form", **typed))
    assert answer.status_code == 422
    assert says in text_of(answer)
    assert "<title>Error: New campaign" in answer.text
    assert ("Typed by hand" in answer.text) == ("script" not in changes)
    if "hopper_level" not in changes:
        assert 'value="77"' in answer.text
    assert count(DialCampaign) == 1


def test_a_form_without_its_token_makes_a_campaign_of_its_own(place: Place) -> None:
    for name in ("One", "Two"):
        sent = filled(place.client, "/campaigns/new", "campaign-form", name=name, form_token=None)
        assert place.client.post("/campaigns/new", data=sent).status_code == 303
    assert count(DialCampaign) == 3


def test_other_hours_are_saved_and_told_and_the_leads_wait_by_them(place: Place) -> None:
    lead = place.dialed("no_answer", 10)
    rules = filled(place.client, f"{place.url}/rules", "rules-form", clock_no_answer="calling")
    place.client.post(f"{place.url}/rules", data=rules)
    sent = filled(place.client, f"{place.url}/edit", "campaign-form", open_2="11:55", close_2="12:20", open_3="09:30")
    assert place.client.post(f"{place.url}/edit", data=sent).status_code == 303
    database.session.refresh(place.campaign)
    assert (place.campaign.windows["2"], place.campaign.version, place.campaign.recompute_after) == (
        ["11:55", "12:20"],
        2,
        None,
    )
    assert "Wed 11:55 to 12:20" in place.read()
    database.session.refresh(lead)
    # 25 minutes today from 11:55 on, 35 tomorrow from 9:30 on.
    assert lead.next_eligible_at == datetime(2026, 6, 11, 14, 5, tzinfo=UTC)


def test_an_edit_that_met_a_newer_one_shows_both_and_mine_can_be_kept(place: Place) -> None:
    mine = filled(place.client, f"{place.url}/edit", "campaign-form", hopper_level="80", script="Mine\nin two lines")
    place.client.post(f"{place.url}/edit", data=mine | {"hopper_level": "60", "script": ""})
    answer = place.client.post(f"{place.url}/edit", data=mine)
    assert answer.status_code == 409
    text = text_of(answer)
    assert "Changed by Mia" in text
    assert "Hopper level 60 80" in text
    assert "Take theirs" in text
    keep = {
        name: unescape(value)
        for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', answer.text[answer.text.index('id="campaign-conflict"') :].split("</form>")[0])
    }  # fmt: skip
    assert place.client.post(f"{place.url}/edit", data=keep).status_code == 303
    database.session.refresh(place.campaign)
    assert (place.campaign.hopper_level, place.campaign.script) == (80, "Mine\nin two lines")


def test_the_same_edit_pressed_twice_is_no_conflict(place: Place) -> None:
    sent = filled(place.client, f"{place.url}/edit", "campaign-form", name="Summer")
    assert [place.client.post(f"{place.url}/edit", data=sent).status_code for _ in range(2)] == [303, 303]
    database.session.refresh(place.campaign)
    assert place.campaign.version == 2


def test_reps_look_and_do_not_change(place: Place, app: Any) -> None:
    rep = app.test_client()
    sign_in(rep, make_user(place.company, "rep"))
    place.lead()
    for path in ("", "/rules", "/hopper", "/why"):
        answer = rep.get(f"{place.url}{path}")
        assert answer.status_code == 200
        assert f'action="{place.url}/' not in answer.text.replace(f'action="{place.url}/why"', "")
        assert f"{place.url}/edit" not in answer.text
    assert rep.get(f"{place.url}/edit").status_code == rep.get("/campaigns/new").status_code == 403
    for path in ("/edit", "/switch", "/lists", "/rules", "/hopper/fill", "/hopper/leads"):
        assert rep.post(f"{place.url}{path}").status_code == 403
    assert rep.post("/campaigns/new").status_code == 403


# --- one campaign ----------------------------------------------------------------------------------------------------


def test_switching_off_twice_is_once_and_says_what_it_means(place: Place) -> None:
    place.lead()
    fill_hopper(place.company.id, place.campaign.id)
    for _ in range(2):
        assert place.client.post(f"{place.url}/switch", data={"active": "0"}).status_code == 303
    assert "This campaign is off: nothing of it is dialed" in place.read()
    assert count(HopperEntry) == 0
    events = sa.select(sa.func.count()).select_from(AuditEvent).where(AuditEvent.kind == "campaign_switched")
    assert database.session.scalar(events) == 1
    place.client.post(f"{place.url}/switch", data={"active": "1"})
    assert "This campaign is off" not in place.read()


def test_lists_are_chosen_with_weights_and_their_shares_are_told(place: Place) -> None:
    other = make_list(place.company, name="Texas", dial_campaign_id=make_campaign(place.company, name="Old").id)
    sent = filled(place.client, place.url, "lists-form") | {f"list_{other.id}": "y", f"weight_{other.id}": "3"}
    assert "Now in Old" in place.read()
    assert place.client.post(f"{place.url}/lists", data=sent).status_code == 303
    database.session.refresh(other)
    assert (other.dial_campaign_id, other.weight) == (place.campaign.id, 3)
    text = place.read()
    assert "25 %" in text
    assert "75 %" in text
    sent = filled(place.client, place.url, "lists-form")
    sent.pop(f"list_{place.list.id}")
    place.client.post(f"{place.url}/lists", data=sent)
    database.session.refresh(place.list)
    assert place.list.dial_campaign_id is None
    assert "100 %" in place.read()


@pytest.mark.parametrize("weight", ["", "1001", "-1", "two", "1.5"])
def test_a_weight_that_is_none_is_refused_beside_its_list_and_stays_as_typed(place: Place, weight: str) -> None:
    sent = filled(place.client, place.url, "lists-form") | {f"weight_{place.list.id}": weight}
    answer = place.client.post(f"{place.url}/lists", data=sent)
    assert answer.status_code == 422
    assert "Weight of Ohio: Enter a whole number from 0 to 1,000." in text_of(answer)
    assert f'value="{weight}"' in answer.text
    database.session.refresh(place.list)
    assert place.list.weight == 1


def test_lists_that_changed_meanwhile_are_not_overwritten_unseen(place: Place) -> None:
    sent = filled(place.client, place.url, "lists-form") | {f"weight_{place.list.id}": "7"}
    late = make_list(place.company, name="Late", dial_campaign_id=place.campaign.id)
    answer = place.client.post(f"{place.url}/lists", data=sent)
    assert answer.status_code == 409
    assert "Somebody changed the lists while you were choosing" in answer.text
    assert 'value="7"' in answer.text
    database.session.refresh(late)
    assert late.dial_campaign_id == place.campaign.id


# --- rules -----------------------------------------------------------------------------------------------------------


def test_a_rule_says_what_it_means_for_the_leads_there_are_and_a_preview_saves_nothing(place: Place) -> None:
    for ago in (90, 30, 20, 5):
        place.dialed("no_answer", ago)
    says = "4 leads: 1 may be dialed now, 1 more at 12:30, 2 later until 12:55."
    assert says in place.read("/rules")
    sent = filled(place.client, f"{place.url}/rules", "rules-form", delay_no_answer="3", unit_no_answer="hours")
    answer = place.client.htmx(f"{place.url}/rules", method="POST", data=sent | {"preview": "1"})
    assert answer.text.lstrip().startswith("<form")
    assert "4 leads: 1 at 13:30, 3 later until 14:55." in text_of(answer)
    assert "A preview: nothing is saved yet" in answer.text
    assert 'value="3"' in answer.text
    assert rules_of(place.campaign.id)["no_answer"].delay == timedelta(hours=1)
    whole = place.client.post(f"{place.url}/rules", data=sent | {"preview": "1"})
    assert "<html" in whole.text
    assert "4 leads: 1 at 13:30" in text_of(whole)


def test_saved_rules_are_in_force_for_the_leads_that_wait(place: Place) -> None:
    lead = place.dialed("busy", 1)
    sent = filled(place.client, f"{place.url}/rules", "rules-form", delay_busy="2", unit_busy="hours", redials_busy="0")
    assert [place.client.post(f"{place.url}/rules", data=sent).status_code for _ in range(2)] == [303, 303]
    database.session.refresh(lead)
    assert lead.next_eligible_at == NOON + timedelta(minutes=119)
    rule = rules_of(place.campaign.id)["busy"]
    assert (rule.delay, rule.redials, rule.active) == (timedelta(hours=2), 0, True)
    assert filled(place.client, f"{place.url}/rules", "rules-form")["unit_busy"] == "hours"


def test_a_rule_that_is_off_leaves_the_shipped_one_in_force(place: Place) -> None:
    sent = filled(place.client, f"{place.url}/rules", "rules-form", delay_busy="90", active_busy=None)
    place.client.post(f"{place.url}/rules", data=sent)
    assert not rules_of(place.campaign.id)["busy"].active
    assert "By the shipped rule: 5 minutes, 3 redials." in place.read("/rules")
    assert "shipped rule: after 5 minutes, 3 redials" in place.read()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"delay_busy": ""}, "Busy: wait: Enter a whole number from 0 to 525,600."),
        ({"delay_busy": "-5"}, "Busy: wait: Enter a whole number from 0 to 525,600."),
        ({"delay_busy": "8761", "unit_busy": "hours"}, "Busy: wait: At most 365 days: 8,760 hours."),
        ({"unit_failed": "years"}, "Failed: unit: Not a valid choice."),
        ({"clock_dropped": "moon"}, "Dropped: counted: Not a valid choice."),
        ({"redials_congestion": "101"}, "Congestion: redials in one pass: Enter a whole number from 0 to 100."),
        ({"redials_no_answer": "x"}, "No Answer: redials in one pass: Enter a whole number from 0 to 100."),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_its_name(place: Place, changes: dict[str, str], says: str) -> None:
    before = rules_of(place.campaign.id)
    sent = filled(place.client, f"{place.url}/rules", "rules-form", redials_dropped="9", **changes)
    for answer in (
        place.client.post(f"{place.url}/rules", data=sent),
        place.client.htmx(f"{place.url}/rules", method="POST", data=sent),
    ):
        assert answer.status_code == 422
        assert says in text_of(answer)
        assert 'value="9"' in answer.text
    assert rules_of(place.campaign.id) == before


def test_rules_that_changed_meanwhile_are_not_overwritten_unseen(place: Place) -> None:
    mine = filled(place.client, f"{place.url}/rules", "rules-form", redials_busy="8")
    place.client.post(f"{place.url}/rules", data=mine | {"redials_busy": "1"})
    answer = place.client.post(f"{place.url}/rules", data=mine)
    assert answer.status_code == 409
    assert "Somebody changed the rules while you were editing" in answer.text
    again = re.search(r'name="seen" value="([^"]*)"', answer.text)
    assert again
    assert place.client.post(f"{place.url}/rules", data=mine | {"seen": again[1]}).status_code == 303
    assert rules_of(place.campaign.id)["busy"].redials == 8


def test_the_edges_of_delay_and_redials_are_allowed(place: Place) -> None:
    sent = filled(place.client, f"{place.url}/rules", "rules-form", delay_busy="8760", unit_busy="hours", delay_failed="0",
                  unit_failed="minutes", redials_busy="100")  # fmt: skip
    assert place.client.post(f"{place.url}/rules", data=sent).status_code == 303
    rules = rules_of(place.campaign.id)
    assert (rules["busy"].delay, rules["busy"].redials, rules["failed"].delay) == (
        timedelta(days=365),
        100,
        timedelta(0),
    )
