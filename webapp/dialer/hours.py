"""When a campaign may call, by the clock of the lead: pure, from the campaign's windows and holidays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from webapp.timeline.rules import Quiet, next_opening, span_of

DEFAULT_WINDOWS: dict[str, list[str] | None] = {str(day): ["09:00", "20:00"] if day < 6 else None for day in range(7)}
FAR = 400  # days looked ahead


class CallbackRefused(ValueError):
    """No call can be promised for that time; `times` are the nearest ones that can, in the lead's zone."""

    def __init__(self, text: str, times: Sequence[datetime] = ()):
        self.times = tuple(times)
        super().__init__(text)


@lru_cache(maxsize=1)
def known_zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))


def hours_of(windows: Mapping[str, Any], holidays: Sequence[str]) -> Quiet:
    """`windows`: weekday "0" (Monday) to "6" -> [opens, closes] "HH:MM" or None; a missing day is the shipped one.

    The opening minute is inside, the closing one outside; a window that closes before it opens runs past midnight.
    Holidays are ISO days in the lead's zone.
    """
    found: dict[int, tuple[str, str] | None] = {}
    for day in range(7):
        window = windows.get(str(day), DEFAULT_WINDOWS[str(day)])
        found[day] = (window[0], window[1]) if window else None
    return Quiet(windows=found, holidays=frozenset(holidays))


@lru_cache(maxsize=1)
def _all_zones() -> tuple[ZoneInfo, ...]:
    """Held: ZoneInfo itself keeps but eight of them, and reads the others from their files again."""
    return tuple(ZoneInfo(zone) for zone in known_zones())


def open_zones(now: datetime, hours: Quiet) -> list[str]:
    """The zones in which it may be called at this moment; windows begin and end with a minute."""
    return list(_open_zones(now.replace(second=0, microsecond=0), tuple(sorted(hours.windows.items())), hours.holidays))


@lru_cache(maxsize=64)
def _open_zones(
    minute: datetime, windows: tuple[tuple[int, tuple[str, str] | None], ...], holidays: frozenset[str]
) -> tuple[str, ...]:
    hours = Quiet(windows=dict(windows), holidays=holidays)
    return tuple(zone.key for zone in _all_zones() if is_open(minute, zone.key, hours))


def is_open(now: datetime, zone: str, hours: Quiet) -> bool:
    """Unlike for messages, a campaign that never opens is closed."""
    return next_opening(now, zone, hours) is None and any(hours.windows.values())


def next_open(now: datetime, zone: str, hours: Quiet) -> datetime | None:
    """`now` while the window is open, else when it opens next; None when it never does."""
    if not any(hours.windows.values()):
        return None
    return next_opening(now, zone, hours) or now


def add_open_time(start: datetime, delay: timedelta, zone: str, hours: Quiet) -> datetime | None:
    """The moment when `delay` of calling hours has passed since `start`; None when the campaign never opens."""
    info, left, at = ZoneInfo(zone), delay, start
    day = start.astimezone(info).date() - timedelta(days=1)
    for _ in range(FAR):
        span = span_of(day, hours, info)
        day += timedelta(days=1)
        if span is None or span[1] <= at:
            continue
        at = max(at, span[0])
        if span[1] - at >= left and (left or at < span[1]):
            return at + left
        left -= span[1] - at
        at = span[1]
    return None


def parse_callback(local: datetime, zone: str | None, hours: Quiet, now: datetime) -> datetime:
    """A promised time on the lead's own clock (naive) as a moment. Of an hour that comes twice the first is meant.

    Raises CallbackRefused for a time that does not exist, is past, too far ahead, or outside the calling hours.
    """
    if not zone or zone not in known_zones():
        raise CallbackRefused("The lead has no time zone: set it first.")
    info = ZoneInfo(zone)
    at = local.replace(tzinfo=info, fold=0).astimezone(UTC)
    if at.astimezone(info).replace(tzinfo=None) != local:
        raise CallbackRefused(
            f"There is no {local:%H:%M} on that day in {zone}: the clocks go forward.", _nearest(at, zone, hours, now)
        )
    if at <= now:
        raise CallbackRefused("That time is past.", _nearest(now, zone, hours, now))
    if at > now + timedelta(days=366):
        raise CallbackRefused("At most a year ahead.")
    if not is_open(at, zone, hours):
        raise CallbackRefused("Outside the calling hours.", _nearest(at, zone, hours, now))
    return at


def _nearest(at: datetime, zone: str, hours: Quiet, now: datetime) -> list[datetime]:
    """The last open quarter of an hour before, and the first open moment from then on."""
    info = ZoneInfo(zone)
    found: list[datetime] = []
    for back in range(8):
        span = span_of(at.astimezone(info).date() - timedelta(days=back), hours, info)
        if span is not None and span[0] < at:
            last = min(span[1], at) - timedelta(minutes=15)
            if last > now and last >= span[0]:
                found.append(last.astimezone(info))
            break
    after = next_open(max(at, now + timedelta(minutes=5)), zone, hours)
    if after is not None:
        found.append(after.astimezone(info))
    return found


def describe(hours: Quiet) -> list[tuple[str, str]]:
    """The week in words: runs of days with the same window, as ("Mon to Fri", "09:00 to 18:00")."""
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    runs: list[tuple[int, int, tuple[str, str] | None]] = []
    for day in range(7):
        window = hours.windows.get(day)
        if runs and runs[-1][2] == window:
            runs[-1] = (runs[-1][0], day, window)
        else:
            runs.append((day, day, window))
    return [
        (names[a] if a == b else f"{names[a]} to {names[b]}", f"{window[0]} to {window[1]}" if window else "closed")
        for a, b, window in runs
    ]
