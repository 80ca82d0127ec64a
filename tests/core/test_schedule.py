"""The tick: every due schedule once, also with two of them and after a night off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.schedule import PERIODIC, next_time, plan, take_due, tick
from tests.factories import make_call, make_company, make_lead, make_list
from webapp.core.db import atomic
from webapp.core.db import db as database
from webapp.core.schedule import Schedule
from webapp.dialer.events import parse_event
from webapp.dialer.service import record_events
from webapp.leads.models import Lead
from webapp.notifications.models import Notification
from webapp.recycling.models import Repair


@atomic
def make_due(name: str) -> None:
    database.session.execute(
        sa.update(Schedule).where(Schedule.name == name).values(next_run_at=sa.func.now() - timedelta(days=3))
    )


@pytest.fixture
def company(db: Any) -> Any:
    made = make_company(zone="America/New_York")
    plan()
    return made


def test_every_company_has_its_own_night_in_its_own_zone(company: Any) -> None:
    other = make_company(zone="Asia/Kolkata")
    plan()
    plan()
    rows = database.session.scalars(
        sa.select(Schedule).where(Schedule.name == "nightly_repair").order_by(Schedule.company_id)
    ).all()
    assert [(row.company_id, row.zone) for row in rows] == [
        (company.id, "America/New_York"),
        (other.id, "Asia/Kolkata"),
    ]
    rows_wanted = sum(2 if periodic.per_company else 1 for periodic in PERIODIC.values())
    assert database.session.scalar(sa.select(sa.func.count(Schedule.id))) == rows_wanted


def test_what_was_missed_for_three_days_runs_once(company: Any) -> None:
    make_due("nightly_repair")
    assert tick() == 1
    assert tick() == 0
    assert database.session.scalar(sa.select(sa.func.count(Repair.id)).where(Repair.trigger == "nightly")) == 1


def test_a_due_schedule_is_claimed_by_one_tick_only(company: Any) -> None:
    make_due("sweep")
    assert [name for name, _, _ in take_due()] == ["sweep"]
    assert take_due() == []


def test_an_event_whose_lead_came_later_is_placed_by_itself(company: Any) -> None:
    event = {
        "provider": "pbx",
        "event_id": "e",
        "call_id": "c",
        "type": "ended",
        "call_status": "busy",
        "phone": "+12125550142",
    }
    assert record_events(company.id, [parse_event(event)])[0].outcome == "quarantined"
    make_lead(make_list(company), phone="+12125550142")
    make_due("place_waiting")
    tick()
    assert database.session.scalars(sa.select(Lead.status)).all() == ["busy"]


def test_the_light_pass_leaves_no_trace_when_nothing_is_wrong(company: Any) -> None:
    make_due("light_repair")
    tick()
    assert database.session.scalar(sa.select(sa.func.count(Repair.id))) == 0


def test_the_light_pass_repairs_a_fresh_case(company: Any, worker: Any) -> None:
    lead = make_lead(make_list(company))
    make_call(lead, "busy")
    make_due("light_repair")
    tick()
    worker()
    assert database.session.scalars(sa.select(Lead.status)).all() == ["busy"]


def test_a_night_over_the_threshold_alerts_once(company: Any, worker: Any) -> None:
    lead_list = make_list(company)
    database.session.execute(
        sa.text("INSERT INTO leads (company_id, list_id, status) SELECT :c, :l, NULL FROM generate_series(1, 1001)"),
        {"c": company.id, "l": lead_list.id},
    )
    database.session.commit()
    make_due("nightly_repair")
    tick()
    worker()
    found = database.session.scalars(sa.select(Notification)).one()
    assert (found.kind, found.level) == ("problem_leads", "bad")
    assert "1 001" in found.title


@pytest.mark.parametrize(
    ("after", "due"),
    [
        (datetime(2026, 3, 7, 12, tzinfo=UTC), datetime(2026, 3, 8, 7, tzinfo=UTC)),  # 02:00 does not exist that night
        (datetime(2026, 6, 1, 12, tzinfo=UTC), datetime(2026, 6, 2, 6, tzinfo=UTC)),
    ],
)
def test_two_at_night_is_the_companys_two_also_when_the_clocks_change(after: datetime, due: datetime) -> None:
    assert next_time("0 2 * * *", "America/New_York", after).astimezone(UTC) == due
