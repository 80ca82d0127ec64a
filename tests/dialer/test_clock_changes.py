"""The two days of the year whose hours are not twenty-four: in doubt it is closed, and the database agrees with the program."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from webapp.dialer.hours import add_open_time, hours_of, is_open, next_open

NY = "America/New_York"
DAYS = {
    NY: (date(2026, 3, 8), date(2026, 11, 1)),
    "Europe/London": (date(2026, 3, 29), date(2026, 10, 25)),
    "Australia/Lord_Howe": (date(2026, 10, 4), date(2026, 4, 5)),  # by half an hour
    "Antarctica/Troll": (date(2026, 3, 29), date(2026, 10, 25)),  # by two hours
}
EDGES = ("01:00", "01:15", "01:30", "02:00", "02:30", "03:00")
WINDOWS = [(a, b) for a in EDGES for b in EDGES] + [
    ("01:30", "20:00"),
    ("09:00", "01:30"),
    ("22:00", "02:15"),
    ("01:45", "04:00"),
]


def every_day(window: tuple[str, str]) -> dict[str, list[str]]:
    return {str(day): list(window) for day in range(7)}


def quarters(zone: str, day: date) -> list[datetime]:
    """Every quarter of an hour from the evening before until the morning after."""
    start = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) - timedelta(hours=3)
    return [start + timedelta(minutes=15 * n) for n in range(4 * 34)]


CASES = [(zone, day) for zone, days in DAYS.items() for day in days]


@pytest.mark.parametrize(("zone", "day"), CASES)
def test_the_database_and_the_program_agree_in_every_quarter_of_an_hour(db: Any, zone: str, day: date) -> None:
    moments = quarters(zone, day)
    query = sa.text(
        "SELECT array_agg(calling_now(:zone, cast(w.windows AS jsonb), '{}') ORDER BY w.n)"
        " FROM unnest(cast(:windows AS text[])) WITH ORDINALITY AS w(windows, n)"
    )
    given = {"zone": zone, "windows": [json.dumps(every_day(window)) for window in WINDOWS]}
    for at in moments:
        db.session.execute(sa.text("SELECT set_config('rebound.now', :at, true)"), {"at": at.isoformat()})
        theirs = db.session.scalar(query, given)
        mine = [is_open(at, zone, hours_of(every_day(window), [])) for window in WINDOWS]
        assert dict(zip(WINDOWS, theirs, strict=True)) == dict(zip(WINDOWS, mine, strict=True)), at


@pytest.mark.parametrize(("zone", "day"), CASES)
def test_a_delay_in_calling_hours_ends_at_the_same_moment_for_both(db: Any, zone: str, day: date) -> None:
    query = sa.text(
        "SELECT w.n, m.at, s.seconds, add_calling_time(m.at, s.seconds, :zone, cast(w.windows AS jsonb), '{}') AS until"
        " FROM unnest(cast(:at AS timestamptz[])) AS m(at), unnest(cast(:windows AS text[])) WITH ORDINALITY AS w(windows, n),"
        " (VALUES (0), (1800), (14400)) AS s(seconds)"
    )
    given = {
        "zone": zone,
        "at": quarters(zone, day)[::4],
        "windows": [json.dumps(every_day(window)) for window in WINDOWS],
    }
    for row in db.session.execute(query, given):
        hours = hours_of(every_day(WINDOWS[row.n - 1]), [])
        mine = add_open_time(row.at, timedelta(seconds=row.seconds), zone, hours)
        assert row.until == mine, (WINDOWS[row.n - 1], row.at, row.seconds)


@pytest.mark.parametrize(("zone", "day"), CASES)
def test_nobody_is_called_before_the_window_opens_or_after_it_closes_by_their_clock(zone: str, day: date) -> None:
    for window in WINDOWS:
        opens, closes = (time.fromisoformat(text) for text in window)
        hours, opened = hours_of(every_day(window), []), False
        for moment in quarters(zone, day):
            clock = moment.astimezone(ZoneInfo(zone)).time()
            if is_open(moment, zone, hours):
                assert opens <= clock < closes if opens < closes else clock >= opens or clock < closes, (window, moment)
                opened = True
        assert opened, window


def test_a_window_that_opens_in_the_hour_that_comes_twice_opens_the_second_time_and_closes_the_first() -> None:
    first, second = datetime(2026, 11, 1, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    opening, closing = hours_of(every_day(("01:30", "20:00")), []), hours_of(every_day(("00:00", "01:30")), [])
    assert [is_open(at, NY, opening) for at in (first, second)] == [False, True]
    assert next_open(first, NY, opening) == second
    assert [is_open(at, NY, closing) for at in (first - timedelta(minutes=1), first, second)] == [True, False, False]


def test_a_window_within_the_hour_that_comes_twice_stays_closed_that_day() -> None:
    hours, noon = hours_of(every_day(("01:15", "01:45")), []), datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert next_open(noon, NY, hours) == datetime(2026, 11, 2, 6, 15, tzinfo=UTC)
