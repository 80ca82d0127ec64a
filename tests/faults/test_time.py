"""Time: nights that have no such hour, clocks that disagree, and schedules whose process died in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from jobs import schedule
from jobs.schedule import Periodic, next_time, plan, take_due, tick
from tests.factories import make_company
from webapp.core import clock
from webapp.core.db import db as database
from webapp.core.schedule import Schedule
from webapp.core.work import claim, sweep
from webapp.recycling.models import Repair
from webapp.recycling.repair import start_repair


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "due"),
    [
        (
            "America/New_York",
            utc(2026, 3, 8, 1),
            utc(2026, 3, 8, 7),
        ),  # 02:30 does not exist: 03:00 or 03:30 of the new time
        ("Europe/Berlin", utc(2026, 3, 28, 20), utc(2026, 3, 29, 1)),
        ("Australia/Lord_Howe", utc(2026, 10, 3, 10), utc(2026, 10, 3, 15)),  # half an hour is missing
    ],
)
def test_a_nightly_time_that_does_not_exist_is_taken_once_that_night(zone: str, day: datetime, due: datetime) -> None:
    first = next_time("30 2 * * *", zone, day)
    assert due <= first <= due + timedelta(minutes=60)
    second = next_time("30 2 * * *", zone, first)
    assert timedelta(hours=22, minutes=29) <= second - first <= timedelta(hours=24, minutes=30)


@pytest.mark.parametrize(
    "zone", ["America/New_York", "Europe/Berlin", "Pacific/Apia", "Asia/Kathmandu", "Pacific/Kiritimati"]
)
def test_every_night_of_a_year_has_its_run_and_none_has_two(zone: str) -> None:
    from zoneinfo import ZoneInfo

    at, nights = utc(2026, 1, 1), []
    while len(nights) < 366:
        at = next_time("0 2 * * *", zone, at)
        nights.append(at.astimezone(ZoneInfo(zone)).date())
    assert len(set(nights)) == len(nights)
    assert (nights[-1] - nights[0]).days == 365


@pytest.fixture
def due(db: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One schedule that is due; the list gets the companies it ran for."""
    ran: list[int] = []
    monkeypatch.setattr(schedule, "PERIODIC", {"nightly": Periodic("0 2 * * *", ran.append, per_company=True)})
    make_company()
    plan()
    database.session.execute(sa.update(Schedule).values(next_run_at=sa.func.now() - timedelta(hours=1)))
    database.session.commit()
    return ran


def wait_ten_minutes() -> None:
    database.session.execute(sa.update(Schedule).values(next_run_at=Schedule.next_run_at - timedelta(minutes=10)))
    database.session.commit()


def test_a_night_whose_scheduler_was_killed_after_the_claim_is_made_up_for(due: list[int]) -> None:
    assert len(take_due()) == 1  # and then the process is gone
    assert tick() == 0
    wait_ten_minutes()
    assert (tick(), len(due)) == (1, 1)
    wait_ten_minutes()
    assert (tick(), len(due)) == (0, 1)


def test_a_night_that_met_a_database_without_breath_is_tried_again(
    due: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(company_id: int) -> None:
        raise OperationalError("", {}, Exception("the database system is shutting down"))

    working = schedule.PERIODIC["nightly"]
    monkeypatch.setitem(schedule.PERIODIC, "nightly", Periodic("0 2 * * *", fail, per_company=True))
    assert (tick(), tick()) == (1, 0)
    assert database.session.scalars(sa.select(Schedule.last_error)).one() == "OperationalError"
    monkeypatch.setitem(schedule.PERIODIC, "nightly", working)
    wait_ten_minutes()
    assert (tick(), len(due)) == (1, 1)
    assert database.session.scalars(sa.select(Schedule.last_error)).one() == ""


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("days", [-3, 3])
def test_leases_are_the_databases_whatever_this_machines_clock_says(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(days=days))
    row = start_repair(make_company().id, by=None)
    assert claim(Repair, row.id) is not None
    sweep()
    assert claim(Repair, row.id) is None
    left = database.session.scalar(sa.select(Repair.lease_until - sa.func.clock_timestamp()))
    assert timedelta(seconds=30) < left <= timedelta(seconds=60)  # type: ignore[operator]
