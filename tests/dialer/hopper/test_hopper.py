"""The hopper: filled by rule and weight, claimed once, swept by evidence."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.dialer.hopper.floor import NOON, Floor, promise, tell
from tests.factories import make_call, make_company, make_lead, make_list
from tests.faults.support import at_once
from webapp.core.db import db as database
from webapp.dialer.claims import ClaimLost, claim_next, finish, heartbeat, release, sweep_claims
from webapp.dialer.eligible import ids_of_reason
from webapp.dialer.filling import add_manually, fill_hopper, share_out
from webapp.dialer.models import CallLog, HopperEntry
from webapp.leads.models import Lead
from webapp.leads.service import set_status
from webapp.timeline.models import ContactAttempt, DncEntry

# --- filling ---------------------------------------------------------------------------------------------------


def test_shares_follow_the_weights_and_what_a_list_cannot_use_goes_to_the_others() -> None:
    assert share_out(47, {1: (60, 1000), 2: (30, 500), 3: (10, 2)}) == {1: 30, 2: 15, 3: 2}
    assert share_out(10, {1: (1, 3), 2: (1, 3)}) == {1: 3, 2: 3}
    assert share_out(5, {1: (0, 100), 2: (1, 100)}) == {1: 0, 2: 5}
    assert sum(share_out(7, {1: (1, 9), 2: (1, 9), 3: (1, 9)}).values()) == 7
    assert share_out(0, {1: (1, 9)}) == {1: 0}


def test_s6_due_callbacks_come_first_then_leads_by_the_lists_weights(floor: Floor) -> None:
    lists = [make_list(floor.company, dial_campaign_id=floor.campaign.id, weight=weight) for weight in (60, 30, 10)]
    floor.list.active = False
    for lead_list, count in zip(lists, (60, 55, 2), strict=True):
        for _ in range(count):
            floor.lead(lead_list)
    due = [floor.lead(lists[0], status="callback") for _ in range(3)]
    for minutes, lead in enumerate(due):
        promise(lead, NOON - timedelta(minutes=10 - minutes))
    assert floor.fill() == 50
    entries = database.session.scalars(
        sa.select(HopperEntry).order_by(HopperEntry.priority.desc(), HopperEntry.id)
    ).all()
    assert [entry.lead_id for entry in entries[:3]] == [lead.id for lead in due]
    of = dict(database.session.execute(sa.select(Lead.id, Lead.list_id)).all())
    assert Counter(of[entry.lead_id] for entry in entries[3:]) == {lists[0].id: 30, lists[1].id: 15, lists[2].id: 2}
    assert floor.fill() == 0
    assert len(floor.ready()) == 50


def test_two_fillers_at_once_fill_it_once(app: Any, floor: Floor) -> None:
    for _ in range(80):
        floor.lead()
    company, campaign = floor.company.id, floor.campaign.id
    added: list[int] = []
    assert at_once(app, [lambda: added.append(fill_hopper(company, campaign) or 0)] * 6) == []
    assert sum(added) == 50
    assert len(set(floor.ready())) == 50


@pytest.mark.parametrize(
    ("order", "want"),
    [
        ("oldest_first", [0, 1, 2, 3]),
        ("newest_first", [3, 2, 1, 0]),
        ("longest_ago", [0, 3, 2, 1]),
        ("fewest_dials", [0, 3, 1, 2]),
    ],
)
def test_leads_come_in_the_campaigns_order(floor: Floor, order: str, want: list[int]) -> None:
    floor.campaign.lead_order = order
    facts = ((None, 0), (1, 1), (3, 2), (9, 1))
    ids = [
        floor.lead(status="no_answer" if days else "new", dial_attempts=dials, call_count=dials,
                   last_dial_attempt=NOON - timedelta(days=days) if days else None).id
        for days, dials in facts
    ]  # fmt: skip
    if order == "fewest_dials":
        want = [0, 1, 3, 2]
    floor.fill()
    assert floor.ready() == [ids[place] for place in want]


def test_what_may_no_longer_be_dialed_leaves_the_hopper_and_what_only_waits_stays(floor: Floor, set_clock: Any) -> None:
    leads = [floor.lead() for _ in range(4)]
    floor.fill()
    set_status(leads[0].id, "sale", by=floor.agent, reason="walked in")
    database.session.add(DncEntry(company_id=floor.company.id, kind="phone", value=leads[1].phone))
    leads[2].phone = None
    database.session.commit()
    set_clock(NOON + timedelta(hours=8))  # 20:00 in New York: closed
    floor.fill()
    assert floor.ready() == [leads[3].id]
    floor.campaign.active = False
    database.session.commit()
    floor.fill()
    assert floor.ready() == []


# --- claiming --------------------------------------------------------------------------------------------------


def test_s1_two_hundred_claims_at_once_give_each_lead_and_each_phone_once(app: Any, floor: Floor) -> None:
    leads = [floor.lead() for _ in range(49)]
    twin = floor.lead(phone=leads[48].phone)
    database.session.execute(
        sa.text(
            "INSERT INTO hopper_entries (company_id, lead_id, campaign_id, phone) SELECT company_id, id, :c, phone FROM leads"
        ),
        {"c": floor.campaign.id},
    )
    database.session.commit()
    company, campaign = floor.company.id, floor.campaign.id

    answers: list[Any] = []

    def ask() -> None:
        answers.extend(claim_next(company, campaign, fill=False) for _ in range(10))

    assert at_once(app, [ask] * 20) == []
    taken = [claim for claim in answers if claim is not None]
    assert len(answers) == 200
    assert len(taken) == 49
    assert (
        len({claim.lead_id for claim in taken})
        == len({claim.phone for claim in taken})
        == len({c.token for c in taken})
        == 49
    )
    left = floor.ready()
    assert len(left) == 1
    assert left[0] in (twin.id, leads[48].id)


def test_a_claim_reads_the_rules_again(floor: Floor, set_clock: Any) -> None:
    early, late = floor.lead(), floor.lead()
    floor.fill()
    database.session.add(DncEntry(company_id=floor.company.id, kind="phone", value=early.phone))
    database.session.commit()
    assert floor.claim().lead_id == late.id
    assert floor.ready() == []
    other = floor.lead()
    set_clock(NOON + timedelta(hours=7, minutes=59))
    floor.fill()
    set_clock(NOON + timedelta(hours=8))
    assert floor.claim() is None
    assert floor.ready() == [other.id]


def test_an_empty_hopper_is_filled_by_the_claim_that_finds_it_empty(floor: Floor) -> None:
    lead = floor.lead()
    assert floor.claim().lead_id == lead.id
    assert floor.claim() is None


def test_a_phone_dialed_from_another_list_a_moment_ago_waits_for_the_gap(floor: Floor, set_clock: Any) -> None:
    elsewhere = make_lead(make_list(floor.company), phone="+12125559999")
    here = floor.lead(phone="+12125559999")
    make_call(elsewhere, "no_answer", started_at=NOON - timedelta(minutes=10))
    assert floor.claim() is None
    assert floor.why() == {"phone_gap": 1}
    set_clock(NOON + timedelta(minutes=51))
    assert floor.claim().lead_id == here.id


def test_who_was_spoken_to_within_the_guards_cap_is_not_called_again_but_for_a_promise(floor: Floor) -> None:
    spoken, promised = floor.lead(status="no_answer"), floor.lead(status="callback")
    twin = floor.lead(email="twin@example.com")
    told = floor.lead(make_list(floor.company), email="twin@example.com")
    for lead in (spoken, promised, told):
        database.session.add(
            ContactAttempt(company_id=floor.company.id, lead_id=lead.id, method="call", direction="outbound", responded=True,
                           occurred_at=NOON - timedelta(hours=3), response_at=NOON - timedelta(hours=3))
        )  # fmt: skip
    promise(promised, NOON - timedelta(minutes=1))
    database.session.commit()
    assert floor.why() == {"spoken": 2, "dialable": 1}
    assert sorted(ids_of_reason(floor.campaign, "spoken")) == [spoken.id, twin.id]
    assert floor.claim().lead_id == promised.id
    assert floor.claim() is None


def test_a_token_holds_until_it_is_given_back_or_finished(floor: Floor, set_clock: Any) -> None:
    floor.lead()
    claim = floor.claim()
    set_clock(NOON + timedelta(minutes=9))
    assert heartbeat(floor.company.id, claim.token) == NOON + timedelta(minutes=19)
    release(floor.company.id, claim.token)
    for verb in (heartbeat, release, finish):
        with pytest.raises(ClaimLost):
            verb(floor.company.id, claim.token)
    again = floor.claim()
    assert again.token != claim.token
    with pytest.raises(ClaimLost):
        heartbeat(make_company().id, again.token)
    finish(floor.company.id, again.token)
    assert database.session.scalar(sa.select(sa.func.count()).select_from(HopperEntry)) == 0


def test_s2_an_expired_claim_ends_as_the_evidence_says(floor: Floor, set_clock: Any) -> None:
    leads = {name: floor.lead(first_name=name) for name in ("H1", "H2", "H3", "H4", "H5", "H6")}
    held = {}
    for name, minutes in (("H3", 180), ("H2", 20), ("H1", 11), ("H4", 11), ("H6", 11), ("H5", 5)):
        set_clock(NOON - timedelta(minutes=minutes))
        add_manually(floor.company.id, floor.campaign.id, leads[name].id, by_id=floor.agent.id)
        held[name] = floor.claim(fill=False)
        assert held[name].lead_id == leads[name].id
        if name in ("H2", "H3"):
            tell(floor, leads[name], name, "dialing", occurred_at=(NOON - timedelta(minutes=minutes)).isoformat())
    set_clock(NOON - timedelta(seconds=5))
    heartbeat(floor.company.id, held["H2"].token)
    finish(floor.company.id, held["H4"].token)
    tell(floor, leads["H4"], "H4", "ended", call_status="answered", disposition="sale", occurred_at=NOON.isoformat())
    tell(floor, leads["H6"], "H6", "ended", call_status="busy", occurred_at=(NOON - timedelta(minutes=3)).isoformat())
    set_clock(NOON)
    assert sweep_claims(floor.company.id) == {"back": 1, "closed": 1, "done": 1}
    database.session.expire_all()
    assert floor.ready() == [leads["H1"].id]
    assert leads["H1"].dial_attempts == 0
    assert (leads["H3"].dial_attempts, leads["H3"].status) == (1, "failed")
    call = database.session.scalars(sa.select(CallLog).where(CallLog.lead_id == leads["H3"].id)).one()
    assert (call.call_status, call.needs_review, call.agent_id) == ("unknown", True, floor.agent.id)
    assert (leads["H4"].status, leads["H6"].status) == ("sale", "busy")
    holders = set(database.session.scalars(sa.select(HopperEntry.lead_id).where(HopperEntry.status != "ready")))
    assert holders == {leads["H2"].id, leads["H5"].id}
    assert sweep_claims(floor.company.id) == {"back": 0, "closed": 0, "done": 0}
