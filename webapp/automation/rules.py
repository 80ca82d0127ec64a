"""What a run decides: retries, windows, distances, when to stop by itself. Pure: no session, no clock, no chance of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import groupby
from math import asin, cos, radians, sin, sqrt
from typing import Any
from zoneinfo import ZoneInfo

from webapp.automation.engine.failures import FailureType

EARTH_MILES = 3958.7613
JITTER = 0.1  # of the delay, added: never earlier than the table says
MOST_DELAY = timedelta(hours=24)
STAYS_IN_RUN = timedelta(hours=24)  # a deferral that ends sooner is waited for by its run
ALERT_FROM = 10  # attempts before a failure rate means something
ALERT_SHARE = 0.5
PAUSE_LAST, PAUSE_SHARE = 20, 0.8  # a run pauses itself when so many of its last attempts failed
CAPTCHAS_IN_ROW, CAPTCHAS_IN_RUN = 3, 5
STUCK_AFTER = timedelta(minutes=10)
LEASE = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Strategy:
    """`max_attempts`: how often it is tried again, 0 never; `delay` in seconds, None: the base, doubling."""

    max_attempts: int
    delay: int | None = None


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """The seed's. `max_attempts` counts the tries again, for each type of failure by itself; `base_delay` in seconds."""

    max_attempts: int = 3
    base_delay: int = 60
    exponential_backoff: bool = True
    retry_strategies: Mapping[str, Strategy] = field(
        default_factory=lambda: {
            FailureType.PAGE_TIMEOUT.value: Strategy(2, 30),
            FailureType.NETWORK_ERROR.value: Strategy(5, 10),
            FailureType.FORM_NOT_FOUND.value: Strategy(1, 300),
            FailureType.CAPTCHA_DETECTED.value: Strategy(0),
            FailureType.BOT_DETECTION.value: Strategy(0),
            FailureType.IP_BLOCKED.value: Strategy(0),
        }
    )

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> RetryConfig:
        default = cls()
        strategies = {**default.retry_strategies}
        for kind, one in given.get("retry_strategies", {}).items():
            strategies[kind] = Strategy(int(one["max_attempts"]), one.get("delay"))
        return cls(
            int(given.get("max_attempts", default.max_attempts)), int(given.get("base_delay", default.base_delay)),
            bool(given.get("exponential_backoff", default.exponential_backoff)), strategies,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        return {
            "max_attempts": self.max_attempts, "base_delay": self.base_delay, "exponential_backoff": self.exponential_backoff,
            "retry_strategies": {
                kind: {"max_attempts": one.max_attempts, **({"delay": one.delay} if one.delay is not None else {})}
                for kind, one in self.retry_strategies.items()
            },
        }  # fmt: skip

    def strategy(self, kind: str) -> Strategy:
        return self.retry_strategies.get(kind, Strategy(self.max_attempts))


# Whatever a project's table says: a wall is never tried at again, and what may have been sent is never sent again.
NEVER = frozenset({FailureType.CAPTCHA_DETECTED, FailureType.BOT_DETECTION, FailureType.IP_BLOCKED})


def next_retry(
    kind: FailureType, failures: int, config: RetryConfig, *, submission: str | None = None, retry_after: float | None = None,
    chance: float = 0.0,
) -> timedelta | None:  # fmt: skip
    """How long to wait before the next try, or None for never.

    `failures` of this type so far, this one included; `retry_after` in seconds as the site asked; `chance` in 0..1 is the jitter's.
    """
    if kind in NEVER or submission in ("confirmed", "rejected", "unconfirmed"):
        return None
    one = config.strategy(kind.value)
    if failures > one.max_attempts:
        return None
    base = one.delay
    if base is None:
        base = config.base_delay * (2 ** (failures - 1) if config.exponential_backoff else 1)
    delay = timedelta(seconds=base * (1 + JITTER * chance))
    if retry_after is not None:
        delay = max(delay, timedelta(seconds=retry_after))
    return min(delay, MOST_DELAY)


def miles_between(lat1: float, lng1: float, lat2: float, lng2: float) -> float:
    """Great-circle miles."""
    a, b = radians(lat1), radians(lat2)
    h = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(lng2 - lng1) / 2) ** 2
    return 2 * EARTH_MILES * asin(min(1.0, sqrt(h)))


@dataclass(frozen=True, slots=True)
class Window:
    """When a project may knock: `days` Monday 0 to Sunday 6, from `open` until `close` on the project's clock; equal means all day."""

    open: time
    close: time
    days: frozenset[int]
    zone: str

    @classmethod
    def parse(cls, open: str, close: str, days: Sequence[int], zone: str) -> Window:
        return cls(time.fromisoformat(open), time.fromisoformat(close), frozenset(days), zone)

    def opens_at(self, now: datetime) -> datetime:
        """`now` while it is open, else the next opening."""
        here = now.astimezone(ZoneInfo(self.zone))
        for ahead in range(9):
            day = here.date() + timedelta(days=ahead)
            if day.weekday() not in self.days:
                continue
            start = datetime.combine(day, self.open, ZoneInfo(self.zone))
            if self.open == self.close:
                end = datetime.combine(day + timedelta(days=1), time(0), ZoneInfo(self.zone))
                start = datetime.combine(day, time(0), ZoneInfo(self.zone))
            else:
                end = datetime.combine(day, self.close, ZoneInfo(self.zone))
            if now < end:
                return max(now, start.astimezone(now.tzinfo))
        raise ValueError("a window without a day")


def should_pause(last: Sequence[bool]) -> bool:
    """Whether a run stops by itself: `last` its latest attempts, newest first, True for one that failed."""
    return len(last) >= PAUSE_LAST and sum(last[:PAUSE_LAST]) >= PAUSE_LAST * PAUSE_SHARE


def is_high(attempts: int, failures: int) -> bool:
    return attempts >= ALERT_FROM and failures / attempts > ALERT_SHARE


def blocks_captchas(errors: Sequence[str]) -> bool:
    """`errors` of the run's attempts in order, "" for one without."""
    captcha = FailureType.CAPTCHA_DETECTED.value
    longest = max((len(list(same)) for error, same in groupby(errors) if error == captcha), default=0)
    return longest >= CAPTCHAS_IN_ROW or errors.count(captcha) >= CAPTCHAS_IN_RUN
