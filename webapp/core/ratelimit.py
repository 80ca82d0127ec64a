"""Requests per minute and subject, counted together by all web processes through Redis.

Each process counts for itself and tells Redis every `EVERY` requests or `SECONDS`, so a limit costs no
round trip on most requests. When Redis is away or hangs, the process goes on with its own count and
asks again after `PAUSE` seconds: a limit is a courtesy, and must never be what takes the API down.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

WINDOW = 60  # seconds
EVERY = 50  # requests
SECONDS = 1.0
PAUSE = 5.0
TIMEOUT = 0.25
MAX_SUBJECTS = 10_000


@dataclass(slots=True)
class _Count:
    window: int
    total: int = 0  # as far as this process knows: what Redis said, and its own since
    untold: int = 0
    told_at: float = 0.0


class RateLimiter:
    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
        )
        self._clock = clock
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()
        self._silent_until = 0.0

    def hit(self, subject: str, limit: int) -> int:
        """Count one request: 0 when it may pass, else the seconds until the next window."""
        now = self._clock()
        window = int(now // WINDOW)
        with self._lock:
            count = self._counts.get(subject)
            if count is None or count.window != window:
                if len(self._counts) >= MAX_SUBJECTS:
                    self._counts = {name: kept for name, kept in self._counts.items() if kept.window == window}
                count = self._counts[subject] = _Count(window)
            count.total += 1
            count.untold += 1
            every = min(EVERY, max(1, limit // 20))
            due = count.untold >= every or now - count.told_at >= SECONDS
            tell = count.untold if due and now >= self._silent_until else 0
            if tell:
                count.untold, count.told_at = 0, now
        if tell:
            self._tell(subject, count, tell, now)
        return max(1, int((window + 1) * WINDOW - now)) if count.total > limit else 0

    def _tell(self, subject: str, count: _Count, times: int, now: float) -> None:
        name = f"rebound:rate:{subject}:{count.window}"
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.incrby(name, times)
                pipe.expire(name, 2 * WINDOW)
                total = int(pipe.execute()[0])
        except RedisError as error:
            with self._lock:
                count.untold += times
                self._silent_until = now + PAUSE
            log.warning("rate_limit_alone", error=type(error).__name__)
            return
        with self._lock:
            count.total = max(count.total, total + count.untold)
