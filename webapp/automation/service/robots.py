"""robots.txt for one attempt: asked through the engine's reader, kept beside the host's pace for a day, its crawl-delay obeyed."""

from __future__ import annotations

import time
from collections.abc import Iterator, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from webapp.automation.engine import robots
from webapp.automation.engine.browser import EngineBrowser
from webapp.automation.engine.failures import FailureType
from webapp.automation.engine.outcome import Outcome
from webapp.automation.engine.robots import Kept
from webapp.core.db import atomic, db

MOST_DELAY = 3600.0  # seconds of a crawl-delay that we believe
_READ = sa.text("SELECT robots FROM host_paces WHERE host = :host")
_WRITE = sa.text(
    """
    INSERT INTO host_paces (host, robots, robots_at) VALUES (:host, CAST(:said AS jsonb), rebound_now())
    ON CONFLICT (host) DO UPDATE SET robots = excluded.robots, robots_at = excluded.robots_at
    """
).bindparams(sa.bindparam("said", type_=sa.dialects.postgresql.JSONB))
_DELAY = sa.text(
    """
    INSERT INTO host_paces (host, crawl_delay) VALUES (:host, :delay)
    ON CONFLICT (host) DO UPDATE SET crawl_delay = excluded.crawl_delay WHERE host_paces.crawl_delay IS DISTINCT FROM excluded.crawl_delay
    """
)


class Unreadable(Exception):
    """The site could not say what it allows: nothing of it is opened now."""

    def __init__(self, outcome: Outcome):
        self.outcome = outcome
        super().__init__(outcome.message)


class _Store(MutableMapping[str, Kept]):
    """Origins by what they said, in the database, so that every worker knows it."""

    def __getitem__(self, origin: str) -> Kept:
        found = db.session.scalar(_READ, {"host": _place(origin)})
        db.session.rollback()
        if not found or found.get("origin") != origin:
            raise KeyError(origin)
        return Kept(float(found["until"]), str(found["text"]), str(found["trouble"]))

    def __setitem__(self, origin: str, kept: Kept) -> None:
        text = kept.text.replace("\x00", "").encode("utf-8", "replace").decode()
        _write(
            _WRITE,
            host=_place(origin),
            said={"origin": origin, "until": kept.until, "text": text, "trouble": kept.trouble},
        )

    def __delitem__(self, origin: str) -> None:
        raise TypeError("what a site said is only replaced")

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _place(origin: str) -> str:
    return urlsplit(origin).netloc.lower()


@atomic
def _write(statement: sa.TextClause, **values: Any) -> None:
    db.session.execute(statement, values)


def _kind_of(trouble: str) -> FailureType:
    """What the site would have come to, had its robots.txt been a page."""
    if "status 429" in trouble:
        return FailureType.RATE_LIMITED
    return FailureType.PAGE_TIMEOUT if "did not answer in time" in trouble else FailureType.NETWORK_ERROR


class Robots:
    """Asked before each page of an attempt on `host`."""

    def __init__(self, browser: EngineBrowser, host: str) -> None:
        self._host = host
        self._reader = robots.Robots(
            product=browser.product, user_agent=browser.agent, store=_Store(), allowed_hosts=browser.allowed_hosts
        )
        self._delay: float | None = None

    def why_not(self, url: str) -> str:
        """ "" or the rule that forbids it. Raises Unreadable."""
        if not url.startswith(("http://", "https://")):
            return ""
        ruling = self._reader.may_open(url)
        if ruling.delay is not None and ruling.delay != self._delay:
            self._delay = ruling.delay
            _write(_DELAY, host=self._host, delay=min(float(ruling.delay), MOST_DELAY))
        if ruling.deferred:
            kind = _kind_of(ruling.reason)
            kept = self._reader.store.get(f"{urlsplit(url).scheme}://{urlsplit(url).netloc}")
            left = kept.until - time.time() if kept else 0.0
            raise Unreadable(
                Outcome(False, kind, ruling.reason, "not_sent", patience=left if left > 0 else None, final_url=url,
                        evidence=["a site whose robots.txt cannot be read is not visited"])
            )  # fmt: skip
        return "" if ruling.allowed else ruling.reason
