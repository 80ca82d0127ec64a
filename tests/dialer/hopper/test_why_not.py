"""Callbacks on their way through the hopper, and why a lead is not in it: explained in full."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.dialer.hopper.floor import NOON, NY, Floor, promise
from tests.factories import make_call, make_company, make_lead, make_list, make_user
from tests.recycling.test_conservation import WRONG
from webapp.core.db import db as database
from webapp.dialer.claims import claim_next, release
from webapp.dialer.eligible import ids_of_reason, judge
from webapp.dialer.filling import add_manually, fill_all, fill_hopper
from webapp.dialer.models import Callback
from webapp.timeline.models import ContactAttempt, DncEntry

# --- callbacks -------------------------------------------------------------------------------------------------


def test_s8_an_agents_own_callback_is_the_agents_until_it_is_handed_over(floor: Floor, set_clock: Any) -> None:
    lead, other = floor.lead(status="callback"), make_user(floor.company, "rep")
    promise(lead, NOON, floor.agent)
    set_clock(NOON - timedelta(minutes=1))
    assert floor.claim() is None
    set_clock(NOON + timedelta(minutes=5))
    assert floor.why() == {"callback_later": 1}
    fill_all(floor.company.id)
    assert claim_next(floor.company.id, floor.campaign.id, by=other) is None
    assert claim_next(floor.company.id, floor.campaign.id) is None
    claim = floor.claim()
    assert (claim.lead_id, claim.source) == (lead.id, "callback")
    release(floor.company.id, claim.token)
    set_clock(NOON + timedelta(minutes=30))
    fill_all(floor.company.id)
    assert claim_next(floor.company.id, floor.campaign.id, by=other).lead_id == lead.id
    assert database.session.scalar(sa.select(Callback.state)) == "handed_over"


def test_a_callback_of_an_agent_who_left_is_anyones_at_once(floor: Floor) -> None:
    gone = make_user(floor.company, "rep", deactivated_at=NOON - timedelta(days=1))
    lead = floor.lead(status="callback")
    promise(lead, NOON - timedelta(minutes=1), gone)
    assert floor.claim().lead_id == lead.id


def test_a_callback_due_at_night_is_held_until_the_morning_not_lost(floor: Floor, set_clock: Any) -> None:
    lead = floor.lead(status="callback")
    promise(lead, NOON + timedelta(hours=9))  # 21:00
    set_clock(NOON + timedelta(hours=10))
    assert floor.claim() is None
    assert floor.why() == {"outside_hours": 1}
    set_clock(NOON + timedelta(hours=21))
    assert floor.claim().lead_id == lead.id


def test_a_callback_whose_phone_said_no_is_not_called(floor: Floor) -> None:
    lead = floor.lead(status="callback")
    promise(lead, NOON - timedelta(minutes=1))
    database.session.add(DncEntry(company_id=floor.company.id, kind="phone", value=lead.phone))
    database.session.commit()
    assert floor.claim() is None
    assert floor.why() == {"dnc": 1}
    database.session.expire_all()
    assert lead.status == "dnc"
    assert database.session.scalar(sa.select(Callback.state)) == "closed"
    assert database.session.execute(sa.text(WRONG), {"c": floor.company.id}).all() == []


# --- why not ---------------------------------------------------------------------------------------------------


def test_s6_every_lead_is_told_the_first_rule_it_fails_and_the_counts_sum(floor: Floor) -> None:
    floor.campaign.dials_per_pass = 5
    off = make_list(floor.company, dial_campaign_id=floor.campaign.id, active=False)
    want = {
        "no_status": floor.lead(status=sa.null()), "dnc": floor.lead(status="dnc"), "final": floor.lead(status="sale"),
        "in_contact": floor.lead(status="conversing"), "no_phone": floor.lead(phone=None), "no_zone": floor.lead(zone=None),
        "list_off": floor.lead(off), "no_callback": floor.lead(status="callback"), "callback_later": floor.lead(status="callback"),
        "exhausted": floor.lead(status="no_answer", pass_dials=5), "cooling": floor.lead(next_eligible_at=NOON + timedelta(hours=1)),
        "outside_hours": floor.lead(zone="Asia/Tokyo"), "needs_repair": floor.lead(), "in_call": floor.lead(), "claimed": floor.lead(),
    }  # fmt: skip
    promise(want["callback_later"], NOON + timedelta(days=1))
    make_call(want["needs_repair"], "no_answer", started_at=NOON - timedelta(hours=3))
    make_call(want["in_call"], "dialing", started_at=NOON - timedelta(minutes=3))
    add_manually(floor.company.id, floor.campaign.id, want["claimed"].id, by_id=floor.agent.id)
    assert floor.claim(fill=False).lead_id == want["claimed"].id
    ready, waits = floor.lead(), floor.lead()
    add_manually(floor.company.id, floor.campaign.id, ready.id, by_id=floor.agent.id)
    make_lead(make_list(floor.company), zone=NY)  # of no campaign
    assert floor.why() == {**dict.fromkeys(want, 1), "ready": 1, "dialable": 1}
    for reason, lead in want.items():
        assert ids_of_reason(floor.campaign, reason) == [lead.id], reason
        assert judge(floor.campaign, [lead.id]) == {lead.id: reason}
    assert judge(floor.campaign, [ready.id, waits.id]) == {ready.id: None, waits.id: None}


def test_redials_are_counted_for_each_result_of_the_pass_on_its_own(floor: Floor) -> None:
    busy = floor.lead(status="busy", pass_dials=4, dial_attempts=4, last_dial_attempt=NOON - timedelta(days=5))
    tired = floor.lead(status="no_answer", pass_dials=4, dial_attempts=4, last_dial_attempt=NOON - timedelta(days=5))
    for lead, results in ((busy, ["no_answer"] * 3 + ["busy"]), (tired, ["no_answer"] * 4)):
        for number, result in enumerate(results):
            make_call(lead, result, started_at=NOON - timedelta(days=9 - number))
        database.session.execute(
            sa.text(
                "UPDATE leads SET status = :s, last_status_change = rebound_now(), next_eligible_at = NULL WHERE id = :id"
            ),
            {"s": results[-1], "id": lead.id},
        )
    database.session.commit()
    assert judge(floor.campaign, [busy.id, tired.id]) == {busy.id: None, tired.id: "exhausted"}


def test_another_companys_campaign_is_not_there(floor: Floor) -> None:
    stranger = make_company()
    for verb in (
        lambda: fill_hopper(stranger.id, floor.campaign.id),
        lambda: claim_next(stranger.id, floor.campaign.id),
    ):
        with pytest.raises(LookupError):
            verb()


def test_the_filler_and_the_claim_agree_on_the_guards_cap_and_on_who_may_be_answered(floor: Floor) -> None:
    """The rule has two forms, for sets and for one: both are asked of every mix of what was said and when."""
    hours, said = (1, 20, 30, 80), [("outbound", True), ("outbound", False), ("inbound", False)]
    leads = []
    for first in [(d, r, h) for d, r in said for h in hours]:
        for second in [None, ("inbound", False, 10), ("outbound", False, 5), ("outbound", True, 40)]:
            lead = floor.lead(status="no_answer", email=f"l{len(leads)}@example.com")
            leads.append(lead)
            for direction, responded, ago in filter(None, (first, second)):
                at = NOON - timedelta(hours=ago)
                database.session.add(
                    ContactAttempt(company_id=floor.company.id, lead_id=lead.id, method="call", direction=direction, occurred_at=at,
                                   responded=responded, response_at=at if responded else None)
                )  # fmt: skip
    database.session.commit()
    free = set(ids_of_reason(floor.campaign, "dialable"))
    assert 0 < len(free) < len(leads)
    claimed = set()
    database.session.execute(
        sa.text(
            "INSERT INTO hopper_entries (company_id, lead_id, campaign_id, phone) SELECT company_id, id, :c, phone FROM leads"
        ),
        {"c": floor.campaign.id},
    )
    database.session.commit()
    while claim := floor.claim(fill=False):
        claimed.add(claim.lead_id)
    assert claimed == free


def test_of_two_who_share_a_phone_one_fill_takes_one(floor: Floor) -> None:
    first = floor.lead(phone="+12125558888")
    floor.lead(phone="+12125558888")
    other = floor.lead()
    floor.fill()
    assert floor.ready() == [first.id, other.id]
