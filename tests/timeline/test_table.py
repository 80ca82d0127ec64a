"""The leads' table knows of contacts: columns, order, and filters that say what the guard would say."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_call, make_company, make_lead, make_list, make_user, sign_in
from webapp.leads.filters import LeadFilter
from webapp.leads.models import Lead
from webapp.leads.queries.matching import Scope
from webapp.leads.queries.pages import find_page
from webapp.timeline import service
from webapp.timeline.models import ContactAttempt, DncEntry, OutreachRule, OutreachSettings
from webapp.timeline.queries.blocks import find_blocks
from webapp.timeline.queries.known import find_known
from webapp.timeline.rules import decide
from webapp.timeline.service import Draft
from webapp.timeline.settings import get_limits
from webapp.timeline.states import METHODS


def found(user: Any, query: str) -> list[int]:
    f = LeadFilter.from_query(query)
    assert f.notes == ()
    return [lead.id for lead in find_page(Scope.of(user), f, size=500).leads]


def _world(db: Any, rng: random.Random) -> tuple[Any, list[Lead], Any]:
    """Sixty leads, a third of them twins, with every kind of contact near every edge of the rules."""
    company = make_company()
    boss = make_user(company, "manager")
    lists = [make_list(company) for _ in range(2)]
    now = db.session.scalar(sa.func.rebound_now())
    leads = []
    for n in range(60):
        twin = rng.choice(leads) if leads and n % 3 == 0 else None
        host = rng.choice(["example.com", "mail.shop.example", "shop.example"])
        leads.append(
            make_lead(
                rng.choice(lists), email=twin.email if twin else rng.choice([None, f"a{n}@{host}"]),
                phone=twin.phone if twin and rng.random() < 0.5 else rng.choice([None, f"+1212555{n:04}"]),
                website=rng.choice(["", f"https://www.{host}/x"]), linkedin_url=rng.choice(["", "https://linkedin.com/in/x"]),
                status=rng.choice(["new", "new", "contacted", "dnc"]), zone=rng.choice([None, "America/New_York", "Asia/Tokyo"]),
            )
        )  # fmt: skip
    edges = [
        timedelta(minutes=1),
        timedelta(hours=23),
        timedelta(hours=25),
        timedelta(days=2),
        timedelta(days=6, hours=23),
        timedelta(days=8),
    ]
    for lead in leads:
        for _ in range(rng.choice([0, 0, 1, 2])):
            at = now - rng.choice(edges)
            direction = rng.choice(["outbound", "outbound", "inbound"])
            answered = direction == "outbound" and rng.random() < 0.4
            planned = direction == "outbound" and not answered and rng.random() < 0.2
            db.session.add(
                ContactAttempt(
                    company_id=company.id, lead_id=lead.id, user_id=boss.id, method=rng.choice(["email", "email", "call", "linkedin"]),
                    direction=direction, occurred_at=at, responded=answered,
                    response_at=at + rng.choice([timedelta(0), timedelta(seconds=30)]) if answered else None,
                    state="reserved" if planned else rng.choice(["recorded", "recorded", "failed"]),
                    scheduled_for=now + rng.choice(edges) if planned else None,
                    hidden_at=now if rng.random() < 0.1 else None,
                )
            )  # fmt: skip
        if rng.random() < 0.2:
            make_call(lead, rng.choice(["no_answer", "answered", "failed"]), started_at=now - rng.choice(edges))
    for kind, value, method in (
        ("phone", leads[1].phone or "+12125550001", None), ("phone", leads[5].phone or "+12125550002", "sms"),
        ("email", leads[2].email or "x@example.com", None), ("domain", "shop.example", rng.choice([None, "web_form"])),
        ("lead", str(leads[7].id), None), ("lead", str(leads[8].id), "email"),
    ):  # fmt: skip
        db.session.add(DncEntry(company_id=company.id, kind=kind, value=value, method=method))
    db.session.commit()
    other = make_lead(make_list(make_company()), email="a1@example.com", phone=leads[1].phone)
    db.session.commit()
    assert other.id
    return boss, leads, now


@pytest.mark.parametrize("seed", range(4))
def test_free_to_contact_names_exactly_the_leads_that_the_guard_lets_through(db: Any, seed: int) -> None:
    rng = random.Random(seed)
    boss, leads, _ = _world(db, rng)
    company = boss.company_id
    if seed == 1:
        db.session.add(OutreachRule(company_id=company, method="email", cap_count=2, cap_hours=48, warn_days=None))
        db.session.add(OutreachRule(company_id=company, method="call", cap_count=None, cap_hours=24, warn_days=3))
    if seed in (2, 3):
        db.session.add(OutreachSettings(company_id=company, quiet_for_people=True))
    db.session.commit()
    limits, ids = get_limits(company), [lead.id for lead in leads]
    known, blocks = find_known(company, ids, limits), find_blocks(company, ids)
    differ = 0
    for method in METHODS.values():
        for hours in (0, 3, 72):
            now = db.session.scalar(sa.func.rebound_now()) + timedelta(hours=hours)
            want = []
            for lead in leads:
                zone = lead.zone or boss.company.zone
                says = decide(method.name, now, known.get(lead.id, []), blocks.get(lead.id, []), limits, zone=zone)
                reached = not method.reaches or getattr(lead, method.reaches)
                if reached and says.verdict == "allowed" and says.scheduled_for is None:
                    want.append(lead.id)
            assert sorted(found(boss, f"free={method.name}&free_in={hours}")) == want, (method.name, hours)
            differ += len(want) not in (0, len(leads))
    assert differ > (0 if seed in (2, 3) else 5)


def test_a_list_ordered_by_the_last_contact_pages_through_the_never_contacted_too(db: Any, place: Any) -> None:
    ids = [make_lead(place.list).id for _ in range(5)]
    for hours, lead_id in ((5, ids[0]), (300, ids[1]), (50, ids[2])):
        now = db.session.scalar(sa.func.rebound_now())
        service.log_contact(lead_id, Draft("email", occurred_at=now - timedelta(hours=hours)), by=place.alice)
    falling = [ids[0], ids[2], ids[1], ids[4], ids[3], place.lead.id]
    assert found(place.alice, "sort=-contacted") == falling
    assert found(place.alice, "sort=contacted") == falling[::-1]
    page = find_page(Scope.of(place.alice), LeadFilter.from_query("sort=contacted"), size=4)
    assert [lead.id for lead in page.leads] == falling[::-1][:4]
    assert page.next is not None
    rest = find_page(Scope.of(place.alice), LeadFilter.from_query("sort=contacted"), after=page.next, size=4)
    assert [lead.id for lead in rest.leads] == falling[::-1][4:]
    assert found(place.alice, "not_contacted_days=3&sort=contacted") == [place.lead.id, *ids[3:], ids[1]]


def test_contacts_are_filtered_by_whom_by_method_by_number_and_by_the_answer_that_is_missing(db: Any, place: Any) -> None:  # fmt: skip
    mailed, answered, called, untouched = (make_lead(place.list).id for _ in range(4))
    now = db.session.scalar(sa.func.rebound_now())
    for hours in (30, 60):
        service.log_contact(mailed, Draft("email", occurred_at=now - timedelta(hours=hours)), by=place.alice)
    told = service.log_contact(answered, Draft("linkedin", occurred_at=now - timedelta(hours=40)), by=place.bob)
    service.set_responded(told.contact.id, True, by=place.bob)
    make_call(db.session.get(Lead, called), "no_answer", agent_id=place.bob.id)
    make_call(db.session.get(Lead, untouched), "congestion", agent_id=place.bob.id)
    assert found(place.alice, "contacted_by=me") == [mailed]
    assert found(place.alice, f"contacted_by={place.bob.id}&sort=newest") == [answered, called]
    assert found(place.alice, "method=email") == [mailed]
    assert found(place.alice, "method=call") == [called]
    assert found(place.alice, "contacts_min=2") == [mailed]
    assert found(place.alice, "awaiting=yes") == [mailed]


def test_a_follow_up_is_due_from_the_companys_midnight_of_its_day(db: Any, place: Any, set_clock: Any) -> None:
    place.company.zone = "America/New_York"
    db.session.commit()
    set_clock(datetime(2026, 6, 10, 3, 30, tzinfo=UTC))  # still the ninth in New York
    service.change_follow_up(place.lead.id, date(2026, 6, 10), by=place.alice)
    assert found(place.alice, "follow_up=due") == []
    assert found(place.alice, "follow_up=set") == [place.lead.id]
    assert found(place.alice, "follow_up=none") == []
    set_clock(datetime(2026, 6, 10, 4, tzinfo=UTC))
    assert found(place.alice, "follow_up=due") == [place.lead.id]


def test_the_table_shows_who_contacted_a_lead_last_how_often_and_when_they_answered(client: Any, db: Any, place: Any, set_clock: Any) -> None:  # fmt: skip
    now = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)  # the same day where the company is
    set_clock(now)
    for who, hours in ((place.alice, 60), (place.bob, 30)):
        service.log_contact(place.lead.id, Draft("email", occurred_at=now - timedelta(hours=hours)), by=who)
    service.change_follow_up(place.lead.id, now.date(), by=place.alice)
    sign_in(client, place.boss)
    columns = "&".join(
        f"cols={name}" for name in ("contacted", "contacted_by", "method", "contacts", "responded", "follow_up")
    )
    page = client.get(
        f"/leads?{columns}&free=email&free_in=168&contacted_by={place.bob.id}&awaiting=yes&follow_up=due"
    ).text
    assert '<td data-label="Contacted by">Bob</td>' in page
    assert '<td class="num" data-label="Contacts">2</td>' in page
    for pill in ("Email in 168 h", "a reply", "Bob", "due"):
        assert pill in page
