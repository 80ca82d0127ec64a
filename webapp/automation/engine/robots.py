"""robots.txt, read as RFC 9309 says: the longest matching rule decides, and the rule that forbids is quoted.

4xx: there are no rules. 5xx or nobody there: everything is forbidden for now; who answered so is left alone for a while, who did not
answer is asked again at the next try. What was read is believed for a day at most; the store belongs to the caller, so that it may
outlive the job.
"""

from __future__ import annotations

import time
from collections.abc import Collection, MutableMapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from protego import Protego

from webapp.core.outbound import AddressRefused, OutboundError, request

BYTES = 500 * 1024
BELIEVED = 86_400.0  # seconds
DEFERRED = 600.0  # seconds that a site in trouble is not asked again
HOPS = 5
REASON = 300


@dataclass(frozen=True, slots=True)
class Kept:
    """What one origin said, and until when (seconds of `time.time()`) it is believed. `trouble` when it could not say."""

    until: float
    text: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """`reason` quotes the rule, or says why nobody knows. `deferred`: not now, perhaps later. `delay` seconds between two pages."""

    allowed: bool
    reason: str = ""
    deferred: bool = False
    delay: float | None = None


class Robots:
    """Ask `may_open(url)`. `store` maps an origin to what it said, as the caller keeps it. Nothing is raised for a site in trouble."""

    def __init__(
        self, *, product: str, user_agent: str, store: MutableMapping[str, Kept] | None = None,
        allowed_hosts: Collection[str] = (), timeout: float = 10.0,
    ):  # fmt: skip
        self.product, self.user_agent = product, user_agent
        self.store: MutableMapping[str, Kept] = {} if store is None else store
        self.allowed_hosts, self.timeout = allowed_hosts, timeout
        self._parsed: dict[str, tuple[Kept, Protego]] = {}

    def may_open(self, url: str) -> Ruling:
        origin = _origin(url)
        kept = self.store.get(origin)
        if kept is None or kept.until <= time.time():
            kept = self.store[origin] = self._fetch(origin)
        if kept.trouble:
            return Ruling(False, kept.trouble, deferred=True)
        rules = self._rules(origin, kept)
        delay = rules.crawl_delay(self.product)
        if rules.can_fetch(url, self.product):
            return Ruling(True, delay=delay)
        rule = deciding_rule(kept.text, url, self.product)
        return Ruling(False, f"robots.txt of {urlsplit(url).netloc} says “{rule}”", delay=delay)

    def _rules(self, origin: str, kept: Kept) -> Protego:
        known = self._parsed.get(origin)
        if known is None or known[0] != kept:
            known = self._parsed[origin] = (kept, Protego.parse(kept.text))
        return known[1]

    def _fetch(self, origin: str) -> Kept:
        now = time.time()
        try:
            answer = request(
                "GET", f"{origin}/robots.txt", headers={"User-Agent": self.user_agent}, allowed=self.allowed_hosts,
                timeout=self.timeout, limit=BYTES, hops=HOPS,
            )  # fmt: skip
        except AddressRefused as error:
            return Kept(now, trouble=f"robots.txt was not asked for: {error.reason}"[:REASON])
        except OutboundError as error:
            return Kept(now, trouble=f"robots.txt cannot be read now: {error.reason}"[:REASON])
        if answer.status >= 500 or answer.status == 429:
            return Kept(now + DEFERRED, trouble=f"robots.txt cannot be read now: status {answer.status}")
        if not answer.ok:
            return Kept(now + BELIEVED)
        return Kept(now + BELIEVED, _without_half_a_line(answer.text.lstrip("\ufeff"), cut=answer.cut))


def deciding_rule(text: str, url: str, product: str) -> str:
    """The longest "Disallow" line that, in its place among the groups, forbids this URL; as it is written."""
    lines = text.splitlines()
    agents = [line if _field(line) not in ("allow", "disallow") else "Crawl-delay: 0" for line in lines]
    found = ""
    for number, line in enumerate(lines):
        written = line.partition("#")[0].strip()
        if _field(line) != "disallow" or len(written) <= len(found):
            continue
        if Protego.parse(f"User-agent: *\n{written}").can_fetch(url, product):
            continue
        if not Protego.parse("\n".join([*agents[:number], line, *agents[number + 1 :]])).can_fetch(url, product):
            found = written
    return found[:REASON] or "Disallow"


def _field(line: str) -> str:
    return line.partition(":")[0].strip().lower()


def _without_half_a_line(text: str, *, cut: bool) -> str:
    return text.rpartition("\n")[0] if cut else text


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
