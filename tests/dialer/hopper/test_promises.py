"""A promise that nobody answers: redialed as often as its result allows, then shown and not dialed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tests.dialer.hopper.floor import NOON, Floor, tell
from tests.factories import make_user, sign_in
from webapp.core.db import db as database
from webapp.dialer.callbacks import reschedule
from webapp.dialer.eligible import judge
from webapp.dialer.models import Callback, RecycleRule
from webapp.leads.models import Lead


def promised(floor: Floor, due: str | None = None, call: str = "c0", lead: Lead | None = None, at: Any = NOON) -> Lead:
    lead = lead or floor.lead()
    facts = {
        "call_status": "answered",
        "disposition": "callback",
        "started_at": at.isoformat(),
        "ended_at": at.isoformat(),
    }
    tell(floor, lead, call, "ended", **facts, **({"callback_at": due} if due else {}))
    return lead


def ring(floor: Floor, lead: Lead, call: str, at: Any, result: str = "no_answer") -> None:
    tell(floor, lead, call, "ended", call_status=result, started_at=at.isoformat(), ended_at=at.isoformat())


def ring_out(floor: Floor, lead: Lead, set_clock: Any, results: list[str], start: Any) -> list[str | None]:
    """One unanswered dial a day from `start` on; the verdict before each, and after the last one."""
    seen = []
    for number, result in enumerate(results):
        at = start + timedelta(days=number)
        set_clock(at)
        seen.append(judge(floor.campaign, [lead.id])[lead.id])
        ring(floor, lead, f"{result}-{at:%d-%H}", at, result)
    set_clock(at + timedelta(hours=5))
    return [*seen, judge(floor.campaign, [lead.id])[lead.id]]


DUE = (NOON + timedelta(hours=1)).isoformat()
FROM = NOON + timedelta(hours=2)


def test_a_callback_is_redialed_as_often_as_its_last_result_allows_and_then_no_more(
    floor: Floor, set_clock: Any
) -> None:
    lead = promised(floor, DUE)
    # Wednesday to Saturday: the first dial and the three redials that are shipped for No Answer.
    assert ring_out(floor, lead, set_clock, ["no_answer"] * 4, FROM) == [None] * 4 + ["exhausted"]
    assert floor.why() == {"exhausted": 1}
    assert floor.claim() is None


def test_the_campaigns_rule_for_the_last_result_counts_for_a_callback_too(floor: Floor, set_clock: Any) -> None:
    database.session.add(RecycleRule(company_id=floor.company.id, campaign_id=floor.campaign.id, status="no_answer", delay_seconds=60, redials=1))  # fmt: skip
    database.session.commit()
    lead = promised(floor, DUE)
    assert ring_out(floor, lead, set_clock, ["busy", "no_answer", "no_answer"], FROM) == [None, None, None, "exhausted"]


def test_dials_before_the_promise_do_not_count_and_a_new_promise_starts_anew(floor: Floor, set_clock: Any) -> None:
    lead = floor.lead()
    for number in range(3):
        ring(floor, lead, f"before-{number}", NOON - timedelta(days=number + 1))
    promised(floor, DUE, lead=lead)
    assert ring_out(floor, lead, set_clock, ["no_answer"] * 4, FROM)[-1] == "exhausted"
    monday = NOON + timedelta(days=5)
    set_clock(monday)
    promised(floor, (monday + timedelta(hours=1)).isoformat(), "again", lead, monday)
    assert ring_out(floor, lead, set_clock, ["no_answer"] * 4, monday + timedelta(hours=2)) == [None] * 4 + [
        "exhausted"
    ]


def test_a_callback_that_a_person_moved_is_a_new_promise(floor: Floor, set_clock: Any) -> None:
    lead, manager = promised(floor, DUE), make_user(floor.company, "manager")
    assert ring_out(floor, lead, set_clock, ["no_answer"] * 4, FROM)[-1] == "exhausted"
    monday = NOON + timedelta(days=5)
    set_clock(monday)
    row = database.session.scalars(sa.select(Callback)).one()
    reschedule(row.id, (monday + timedelta(hours=-3)).replace(tzinfo=None), agent_id=None, notes="", by=manager)
    set_clock(monday + timedelta(hours=2))
    assert judge(floor.campaign, [lead.id]) == {lead.id: None}


def test_an_agents_own_callback_with_no_redials_left_does_not_come_back_to_the_hopper(
    floor: Floor, set_clock: Any
) -> None:
    lead = promised(floor, DUE)
    database.session.execute(sa.update(Callback).values(agent_id=floor.agent.id))
    floor.campaign.handover_minutes = 0
    database.session.commit()
    ring_out(floor, lead, set_clock, ["no_answer"] * 4, FROM)
    assert floor.fill() == 0
    assert floor.ready() == []
    assert floor.why() == {"exhausted": 1}


def test_a_callback_with_no_redials_left_stays_in_sight_of_agent_and_manager(
    floor: Floor, set_clock: Any, app: Any
) -> None:
    lead = promised(floor, DUE)
    ring_out(floor, lead, set_clock, ["no_answer"] * 4, FROM)
    for user in (floor.agent, make_user(floor.company, "manager")):
        client = sign_in(app.test_client(), user)
        page = client.get("/callbacks").text
        assert lead.name in page
        assert "Overdue" in page
        assert "Redials used up" in page
        assert lead.name in client.get("/").text
    fresh = promised(floor, (NOON + timedelta(days=9)).isoformat(), "fresh", floor.lead(), NOON + timedelta(days=4))
    assert judge(floor.campaign, [fresh.id]) == {fresh.id: "callback_later"}
    assert client.get("/callbacks").text.count("Redials used up") == 1


def test_a_promise_for_a_time_that_was_past_already_is_for_a_day_later(floor: Floor, set_clock: Any) -> None:
    """A time not after the call that promised it says nothing of when; one that passed on the way to us was missed."""
    wrong = promised(floor, (NOON - timedelta(days=30)).isoformat())
    set_clock(NOON + timedelta(seconds=5))
    assert judge(floor.campaign, [wrong.id]) == {wrong.id: "callback_later"}
    assert database.session.scalar(sa.select(Callback.due_at)) == NOON + timedelta(days=1)
    late = promised(floor, (NOON - timedelta(hours=1)).isoformat(), "late", floor.lead(), NOON - timedelta(hours=3))
    assert judge(floor.campaign, [late.id]) == {late.id: None}
