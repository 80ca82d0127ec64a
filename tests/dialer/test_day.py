"""A simulated weekend of a dial campaign in six time zones, over the night in which the clocks go forward.

REBOUND_DAYS=20 runs as many weekends, each with dice of its own; the suite runs one.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.dialer.simulation import Floor
from tests.factories import make_campaign, make_company, make_lead, make_list, make_user
from tests.faults.support import check_books
from webapp.core.db import db as database
from webapp.dialer.campaigns import recompute_waiting
from webapp.dialer.claims import claim_next, finish
from webapp.dialer.eligible import judge
from webapp.dialer.events import parse_event
from webapp.dialer.filling import fill_all, fill_hopper
from webapp.dialer.models import Callback, CallLog, HopperEntry
from webapp.dialer.service import record_events
from webapp.leads.models import Lead
from webapp.timeline.models import DncEntry

LEADS = 2000
ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "Pacific/Honolulu",
)
SATURDAY = datetime(2026, 3, 7, tzinfo=UTC)
STEP = timedelta(minutes=12)
WEDNESDAY = datetime(2026, 3, 11, tzinfo=UTC)
SEEDS = range(int(os.environ.get("REBOUND_DAYS", "1")))


def steps() -> Iterator[datetime]:
    """Saturday until Honolulu has closed, a few looks at Sunday and at its night, Monday until Honolulu has opened."""
    at = SATURDAY + timedelta(hours=13, minutes=36)
    while at <= SATURDAY + timedelta(hours=30, minutes=12):
        yield at
        at += STEP
    yield from (SATURDAY + timedelta(hours=hours) for hours in (31, 34, 38, 43, 50, 55))
    at = SATURDAY + timedelta(hours=60, minutes=48)  # Monday, 08:48 in New York
    while at <= SATURDAY + timedelta(hours=67, minutes=36):
        yield at
        at += STEP


def open_floor(seed: int) -> Floor:
    dice = random.Random(seed)
    company = make_company(zone=ZONES[0])
    campaign = make_campaign(
        company, windows={str(day): ["09:00", "20:00"] if day < 6 else None for day in range(7)}, dials_per_pass=5,
        lifetime_dials=8, phone_gap_minutes=60, hopper_level=40, handover_minutes=30,
    )  # fmt: skip
    lists = [make_list(company, dial_campaign_id=campaign.id, weight=weight) for weight in (60, 30, 10)]
    agents = [make_user(company, "rep", name=f"Agent {n}") for n in range(5)]
    leads = [make_row(dice, company.id, lists, number) for number in range(LEADS)]
    for twin in dice.sample(leads, 150):
        twin.phone = dice.choice(leads).phone
    database.session.add_all(leads)
    database.session.flush()
    old = Counter({lead.id: lead.dial_attempts for lead in leads if lead.dial_attempts})
    database.session.execute(sa.insert(CallLog), [
        {"company_id": company.id, "lead_id": lead, "provider": "old", "provider_call_id": f"{lead}-{n}", "call_status": "no_answer",
         "started_at": SATURDAY - timedelta(days=20 - n), "ended_at": SATURDAY - timedelta(days=20 - n)}
        for lead, dials in old.items() for n in range(dials)
    ])  # fmt: skip
    forbidden: set[str | int] = {lead.id for lead in dice.sample(leads, 20)}
    forbidden |= {lead.phone for lead in dice.sample(leads, 30) if lead.phone}
    kinds = {int: "lead", str: "phone"}
    entries = [
        DncEntry(company_id=company.id, kind=kinds[type(value)], value=str(value), method=dice.choice((None, "call")))
        for value in sorted(forbidden, key=str)
    ]
    database.session.add_all(entries)
    database.session.commit()
    floor = Floor(
        company, campaign, agents, dice, {lead.id: lead.phone for lead in leads}, {lead.id: lead.zone for lead in leads}, forbidden, old
    )  # fmt: skip
    database.session.expunge_all()
    return floor


def make_row(dice: random.Random, company_id: int, lists: list[Any], number: int) -> Lead:
    status: Any = dice.choices(("new", "enriched", "sale", "dnc", "conversing", sa.null()), (90, 4, 2, 2, 1, 1))[0]
    phone = None if dice.random() < 0.02 else f"+1212555{number:04}"
    zone = None if dice.random() < 0.02 else dice.choice(ZONES)
    lead = Lead(
        company_id=company_id, list_id=dice.choices(lists, (5, 3, 2))[0].id, last_name=f"Number{number}", phone=phone, zone=zone, status=status
    )  # fmt: skip
    if status == "new" and dice.random() < 0.05:  # recycled: of the second pass, with few dials left of its life
        lead.dial_attempts, lead.pass_number = dice.choice((6, 7, 8)), 2
        lead.last_dial_attempt = SATURDAY - timedelta(days=21 - lead.dial_attempts)
        lead.dials_reset_at = lead.last_status_change = SATURDAY - timedelta(days=5)
    return lead


@pytest.mark.parametrize("seed", SEEDS)
def test_a_weekend_of_dialing_breaks_no_rule_and_leaves_no_lead_idle(set_clock: Any, seed: int) -> None:
    set_clock(SATURDAY)
    floor = open_floor(seed)
    morning = 0
    for at in steps():
        set_clock(at)
        floor.now = at
        dials = floor.told["dials"]
        floor.deliver_late()
        floor.finish_long()
        floor.sweep()
        fill_all(floor.company.id)
        recompute_waiting(floor.company.id)
        if floor.dice.random() < 0.3:
            floor.forbid()
        busy = [agent for agent in floor.agents if agent.id not in floor.back for _ in range(2)]
        floor.dice.shuffle(busy)
        idle = False
        for agent in busy:
            idle |= agent.id not in floor.back and not floor.work(agent) and agent.id not in floor.back
        if idle:
            floor.check_nothing_idle()
        if at.minute == 0:
            floor.check_counts()
        if at.weekday() == 6 and at.hour >= 7:
            assert floor.told["dials"] == dials, "on a Sunday"
        if at.weekday() == 0 and at.hour == 13:
            morning += floor.told["dials"] - dials
    assert morning > 10, "New York opens an hour earlier by the world's clock"
    check_end(floor)
    check_worth(floor.told)


def check_end(floor: Floor) -> None:
    """The leads count what the logs hold; the logs say what the ledger says; who is in hand is known."""
    check_books(floor.company.id)
    counts = dict(database.session.execute(sa.select(CallLog.lead_id, sa.func.count()).group_by(CallLog.lead_id)).all())
    for lead, attempts in database.session.execute(sa.select(Lead.id, Lead.dial_attempts)).all():
        assert attempts == counts.get(lead, 0) == floor.old_calls[lead] + len(floor.calls[lead])
    query = sa.select(CallLog).where(CallLog.provider == "sim")
    logs = {log.provider_call_id: log for log in database.session.scalars(query)}
    known = [call for calls in floor.calls.values() for call in calls]
    assert {call.key for call in known} == logs.keys()
    for call in known:
        log = logs[call.key]
        assert (log.lead_id, log.phone, log.started_at) == (call.lead, call.phone, call.start)
        assert (log.call_status, log.result, log.human) == (call.call_status, call.result, call.human)
    held = set(database.session.scalars(sa.select(HopperEntry.claim_token).where(HopperEntry.status != "ready")))
    assert held == floor.hands.keys()


def check_worth(told: Counter[str]) -> None:
    """That the day met what it was made to meet."""
    print(dict(sorted(told.items())))  # noqa: T201
    for name in (
        "released",
        "vanished",
        "vanished in call",
        "mute",
        "swept back",
        "swept closed",
        "swept done",
        "callbacks dialed",
        "callbacks redialed",
        "nothing to dial",
    ):
        assert told[name] > 0, name
    assert told["dials"] > 700
    assert told["redials"] > 150
    for reason in ("ready", "dialable", "claimed", "in_call", "callback_later", "exhausted", "cooling", "outside_hours", "spoken",
                   "dnc", "final", "in_contact", "no_phone", "no_zone", "no_status"):  # fmt: skip
        assert told[f"why {reason}"] > 0, reason


def test_a_hopper_full_of_leads_that_wait_for_their_hour_keeps_nobody_else_from_being_dialed(set_clock: Any) -> None:
    set_clock(WEDNESDAY - timedelta(hours=3))  # 17:00 in New York, night in London
    company = make_company()
    campaign = make_campaign(company, hopper_level=60)
    lead_list = make_list(company, dial_campaign_id=campaign.id)
    for number in range(140):
        zone, area = (ZONES[0], 212) if number < 70 else ("Europe/London", 213)
        database.session.add(
            Lead(company_id=company.id, list_id=lead_list.id, phone=f"+1{area}555{number:04}", zone=zone, status="new")
        )
    database.session.commit()
    assert fill_hopper(company.id, campaign.id) == 60
    set_clock(WEDNESDAY + timedelta(hours=10))  # 06:00 in New York, 10:00 in London
    assert fill_hopper(company.id, campaign.id) == 60
    claim = claim_next(company.id, campaign.id)
    assert claim is not None
    assert claim.phone.startswith("+1213")


def test_a_callback_tried_in_vain_rests_as_long_as_any_other_dial(set_clock: Any) -> None:
    set_clock(WEDNESDAY + timedelta(hours=17))
    company = make_company()
    campaign = make_campaign(company)
    lead = make_lead(make_list(company, dial_campaign_id=campaign.id), zone=ZONES[0], status="callback")
    database.session.add(
        Callback(company_id=company.id, lead_id=lead.id, due_at=WEDNESDAY + timedelta(hours=17), agent_id=None)
    )
    database.session.commit()

    def try_it() -> None:
        claim = claim_next(company.id, campaign.id)
        assert claim is not None
        end = {"provider": "sim", "event_id": claim.token, "call_id": claim.token, "lead_id": lead.id, "type": "ended"}
        record_events(company.id, [parse_event(end | {"call_status": "no_answer"})])
        finish(company.id, claim.token)

    try_it()
    assert claim_next(company.id, campaign.id) is None
    assert judge(campaign, [lead.id]) == {lead.id: "cooling"}
    set_clock(WEDNESDAY + timedelta(hours=18))
    try_it()
    # They ring up and ask for another time: the promise counts from then on, not the delay.
    set_clock(WEDNESDAY + timedelta(hours=18, minutes=10))
    assert claim_next(company.id, campaign.id) is None
    database.session.execute(sa.update(Callback).values(due_at=WEDNESDAY + timedelta(hours=18, minutes=5)))
    database.session.commit()
    try_it()
