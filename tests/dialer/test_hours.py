"""Calling hours on the lead's own clock."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from webapp.dialer.hours import CallbackRefused, add_open_time, hours_of, is_open, next_open, open_zones, parse_callback

WEEK = {str(day): ["09:00", "20:00"] if day < 6 else None for day in range(7)}
NY, PHX, DEL, KIR = "America/New_York", "America/Phoenix", "Asia/Kolkata", "Pacific/Kiritimati"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_s5_the_window_is_the_leads_own_across_a_clock_change_and_a_holiday() -> None:
    hours = hours_of(WEEK, [])
    monday, evening = at("2026-03-09T13:00"), at("2026-03-10T00:00")
    assert [is_open(monday, zone, hours) for zone in (NY, PHX, DEL, KIR)] == [True, False, True, False]
    assert [is_open(evening, zone, hours) for zone in (NY, PHX, DEL, KIR)] == [False, True, False, True]
    holiday = hours_of(WEEK, ["2026-03-10"])
    assert [is_open(evening, zone, holiday) for zone in (KIR, PHX)] == [False, True]


def test_the_opening_minute_is_inside_and_the_closing_one_outside() -> None:
    hours = hours_of(WEEK, [])
    zone = ZoneInfo(NY)
    assert is_open(datetime(2026, 6, 10, 9, 0, tzinfo=zone), NY, hours)
    assert not is_open(datetime(2026, 6, 10, 8, 59, 59, tzinfo=zone), NY, hours)
    assert is_open(datetime(2026, 6, 10, 19, 59, 59, tzinfo=zone), NY, hours)
    assert not is_open(datetime(2026, 6, 10, 20, 0, tzinfo=zone), NY, hours)


def test_a_window_past_midnight_belongs_to_the_day_it_opened() -> None:
    hours = hours_of({str(day): ["22:00", "02:00"] if day == 4 else None for day in range(7)}, [])
    zone = ZoneInfo(NY)
    assert is_open(datetime(2026, 6, 13, 1, 30, tzinfo=zone), NY, hours)  # Saturday, opened on Friday
    assert not is_open(datetime(2026, 6, 12, 1, 30, tzinfo=zone), NY, hours)


def test_a_campaign_that_never_opens_is_closed_and_says_so() -> None:
    hours = hours_of(dict.fromkeys(map(str, range(7))), [])
    assert open_zones(at("2026-06-10T15:00"), hours) == []
    assert next_open(at("2026-06-10T15:00"), NY, hours) is None
    assert add_open_time(at("2026-06-10T15:00"), timedelta(hours=1), NY, hours) is None


def test_s5_a_delay_in_calling_hours_runs_only_while_it_is_open() -> None:
    hours = hours_of({str(day): ["09:00", "21:00"] if day < 6 else None for day in range(7)}, [])
    saturday = datetime(2026, 6, 13, 20, 30, tzinfo=ZoneInfo(NY))
    assert add_open_time(saturday, timedelta(hours=1), NY, hours) == datetime(2026, 6, 15, 9, 30, tzinfo=ZoneInfo(NY))


def test_the_databases_calling_time_is_the_programs(db: Any) -> None:
    rng = random.Random(7)
    windows = [
        WEEK, {str(day): ["22:00", "02:30"] if day % 2 else None for day in range(7)}, dict.fromkeys(map(str, range(7))),
        {"0": ["08:15", "08:15"]}, {},
    ]  # fmt: skip
    for _ in range(150):
        window, zone = rng.choice(windows), rng.choice([NY, PHX, DEL, KIR, "Europe/London", "Australia/Lord_Howe"])
        start = at("2026-03-01T00:00") + timedelta(minutes=rng.randrange(60 * 24 * 300))
        seconds = rng.choice([0, 300, 3600, 14_400, 90_000, 400_000])
        off = [(start + timedelta(days=rng.randrange(5))).date().isoformat()] if rng.random() < 0.4 else []
        theirs = db.session.scalar(
            sa.text("SELECT add_calling_time(:at, :seconds, :zone, cast(:windows AS jsonb), :off)"),
            {"at": start, "seconds": seconds, "zone": zone, "windows": json.dumps(window), "off": off},
        )
        assert theirs == add_open_time(start, timedelta(seconds=seconds), zone, hours_of(window, off)), (
            window,
            zone,
            start,
        )


@pytest.mark.parametrize(
    ("local", "says", "nearest"),
    [
        ("2026-03-08T02:30", "no 02:30", ["2026-03-07T19:45", "2026-03-09T09:00"]),
        ("2026-03-10T21:00", "Outside", ["2026-03-10T19:45", "2026-03-11T09:00"]),
        ("2026-03-10T08:00", "Outside", ["2026-03-09T19:45", "2026-03-10T09:00"]),
        ("2026-03-01T10:00", "past", []),
    ],
)
def test_s8_a_callback_that_cannot_be_kept_is_refused_with_the_nearest_times(local: str, says: str, nearest: list[str]) -> None:  # fmt: skip
    hours, now = hours_of(WEEK, []), at("2026-03-06T15:00")
    with pytest.raises(CallbackRefused, match=says) as refused:
        parse_callback(datetime.fromisoformat(local), NY, hours, now)
    told = [f"{time:%Y-%m-%dT%H:%M}" for time in refused.value.times]
    assert told == nearest or says == "past"


def test_of_an_hour_that_comes_twice_the_first_is_promised() -> None:
    hours = hours_of({str(day): ["00:00", "23:59"] for day in range(7)}, [])
    moment = parse_callback(datetime(2026, 11, 1, 1, 30), NY, hours, at("2026-10-30T15:00"))
    assert moment == at("2026-11-01T05:30")


def test_without_a_zone_no_callback_is_promised() -> None:
    with pytest.raises(CallbackRefused, match="time zone"):
        parse_callback(datetime(2026, 6, 1, 10), None, hours_of(WEEK, []), at("2026-05-30T15:00"))


def test_the_database_knows_the_open_hours_as_the_program_does(db: Any) -> None:
    rng = random.Random(11)
    windows = [
        WEEK, {str(day): ["22:00", "02:30"] if day % 2 else None for day in range(7)}, dict.fromkeys(map(str, range(7))),
        {"0": ["08:15", "08:15"]}, {},
    ]  # fmt: skip
    seen = set()
    for _ in range(200):
        window, zone = rng.choice(windows), rng.choice([NY, PHX, DEL, KIR, "Europe/London", "Australia/Lord_Howe"])
        moment = at("2026-03-01T00:00") + timedelta(minutes=rng.randrange(60 * 24 * 300))
        off = [moment.astimezone(ZoneInfo(zone)).date().isoformat()] if rng.random() < 0.3 else []
        theirs = db.session.scalar(
            sa.text(
                "SELECT calling_now(:zone, cast(:windows AS jsonb), :off) FROM (SELECT set_config('rebound.now', :at, true)) AS moved"
            ),
            {"at": moment.isoformat(), "zone": zone, "windows": json.dumps(window), "off": off},
        )
        seen.add(theirs)
        assert theirs == is_open(moment, zone, hours_of(window, off)), (window, zone, moment)
    assert seen == {True, False}
