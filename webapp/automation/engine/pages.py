"""Opening one page as a patient visitor: robots.txt first, bounded waits, and a name for everything that can go wrong."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from urllib.parse import urldefrag, urlsplit

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Frame, Page
from playwright.sync_api import TimeoutError as BrowserTimeout
from publicsuffixlist import PublicSuffixList

from webapp.automation.engine import walls
from webapp.automation.engine.browser import EngineBrowser
from webapp.automation.engine.failures import Failed, FailureType
from webapp.automation.engine.outcome import Limits, Observer, check
from webapp.automation.engine.recording import Answered, Recording

SLICE = 1.0  # seconds between two looks at whether to go on
HOPS = 4
SETTLING = 1.5  # seconds for scripts that lead elsewhere
DOCUMENTS = ("text/html", "application/xhtml", "text/plain", "application/xml", "text/xml")
_NET = re.compile(r"net::(ERR_[A-Z_0-9]+)")
_SAID: dict[str, str] = {
    "ERR_CERT": "its certificate is not valid",
    "ERR_SSL": "no secure connection can be agreed on",
    "ERR_BAD_SSL": "no secure connection can be agreed on",
    "ERR_TOO_MANY_REDIRECTS": "it redirects in a circle",
    "ERR_EMPTY_RESPONSE": "it hung up without an answer",
    "ERR_CONNECTION": "the connection broke",
    "ERR_INVALID": "its answer cannot be read",
    "ERR_RESPONSE": "its answer cannot be read",
    "ERR_CONTENT": "its answer cannot be read",
    "ERR_HTTP2": "its answer cannot be read",
}


class Disallowed(Exception):
    """robots.txt, or whoever stands in for it, forbids this page: no failure of ours or theirs."""

    def __init__(self, url: str, reason: str):
        self.url, self.reason = url, reason
        super().__init__(f"{url}: {reason}")


@dataclass(frozen=True, slots=True)
class Opened:
    """A page that came. `load_ms` until its DOM was there; `complete` False when it never finished; `download` when it was none."""

    url: str
    status: int
    headers: dict[str, str]
    load_ms: int
    complete: bool = True
    download: bool = False

    @property
    def is_page(self) -> bool:
        return not self.download and self.status < 400


@dataclass
class Visit:
    """One attempt's page and what it went through. `unfinished` tells whether a page that does not end can be used as it is."""

    browser: EngineBrowser
    page: Page
    recording: Recording
    observer: Observer
    limits: Limits
    home: str  # the target's website: pages of other registrable domains are elsewhere
    opened: list[Opened] = field(default_factory=list)
    forbidden: dict[str, str] = field(default_factory=dict)
    evidence: list[str] = field(default_factory=list)


def open_page(visit: Visit, url: str, *, usable: Callable[[Page], bool]) -> Opened:
    """Go there. Raises Disallowed, and Failed for networks, time, walls and other registrable domains.

    `usable` is asked of a page whose loading does not end: True goes on with what is there.
    """
    allow(visit, url)
    check(visit.observer)
    began = time.monotonic()
    complete, trouble = _go(visit, url, began + visit.limits.page)
    if trouble == "download":
        return _keep(visit, Opened(url, 200, {}, _since(began), download=True))
    if trouble:
        raise _network_failure(visit, url, trouble)
    if complete:
        with suppress(BrowserTimeout):
            visit.page.wait_for_load_state("load", timeout=min(SETTLING, visit.limits.page) * 1000)
    load_ms = _since(began)
    for _ in range(HOPS):
        opened = describe(visit, url, load_ms, complete=complete)
        _judge(visit, opened, url)
        if visit.page.url == opened.url:
            break  # no script has led on meanwhile
    if not complete and not usable(visit.page):
        raise Failed(FailureType.PAGE_TIMEOUT, f"{url} did not load within {visit.limits.page:g} s")
    return _keep(visit, opened)


def follow(visit: Visit, opened: Opened) -> Opened:
    """The page that a script has led on to since this one was opened, judged as any. Raises as `open_page` does."""
    if same_page(visit.page.url, opened.url):
        return opened
    now = describe(visit, opened.url, opened.load_ms, complete=opened.complete)
    _judge(visit, now, opened.url)
    return _keep(visit, now)


def allow(visit: Visit, url: str) -> None:
    reason = visit.observer.may_open(url)
    if reason:
        visit.forbidden[url] = reason
        raise Disallowed(url, reason)


def describe(visit: Visit, asked: str, load_ms: int, *, complete: bool = True) -> Opened:
    """The page as it stands now, after whatever redirects."""
    url = visit.page.url
    answer = visit.recording.answer_of(url) or visit.recording.answer_of(asked) or Answered(url, 200, {})
    kind = answer.headers.get("content-type", "text/html").partition(";")[0].strip().lower()
    return Opened(url, answer.status, answer.headers, load_ms, complete, download=not kind.startswith(DOCUMENTS))


def check_place(visit: Visit) -> None:
    """Raises Failed when the page now stands on another registrable domain, and Disallowed when it may not be used."""
    url = visit.page.url
    if url.startswith(("http:", "https:")) and not same_site(url, visit.home):
        raise Failed(
            FailureType.UNEXPECTED_REDIRECT,
            f"{visit.home} leads to {urlsplit(url).hostname}, another site",
            evidence=(f"ended at {url[:300]}",),
        )


def _judge(visit: Visit, opened: Opened, asked: str) -> None:
    problem = visit.browser.proxy.problem_of(opened.url)
    if problem and "x-rebound-proxy" in opened.headers:
        raise _network_failure(visit, opened.url, problem.text)
    walls.check(visit.page, opened.status, opened.headers)
    check_place(visit)
    if opened.status >= 500:
        raise Failed(FailureType.NETWORK_ERROR, f"{opened.url} answered with status {opened.status}")
    if not same_page(opened.url, asked):
        allow(visit, opened.url)


def _keep(visit: Visit, opened: Opened) -> Opened:
    visit.opened.append(opened)
    visit.evidence.append(f"opened {opened.url[:300]}: {'a download' if opened.download else opened.status}")
    return opened


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _go(visit: Visit, url: str, ends: float) -> tuple[bool, str]:
    """Whether the DOM is complete, and what went wrong: "", "download" or Chromium's word. Raises Failed when nothing came in time.

    The wait is cut into slices, so that the observer can end it.
    """
    page, recording = visit.page, visit.recording
    seen = {"committed": False, "complete": False}
    downloads, failures = len(recording.downloads), len(recording.failed_documents)

    def navigated(frame: Frame) -> None:
        if frame.parent_frame is None and not frame.url.startswith("chrome-error:"):
            seen["committed"] = True

    def complete(_: Page) -> None:
        seen["complete"] = seen["committed"]

    page.on("framenavigated", navigated)
    page.on("domcontentloaded", complete)
    try:
        for left in (2, 1, 0):
            try:
                page.goto(url, wait_until="domcontentloaded", timeout=min(SLICE, visit.limits.page) * 1000)
                return True, ""
            except BrowserTimeout:
                break
            except BrowserError as error:
                word = _NET.search(error.message)
                if "Download is starting" in error.message or len(recording.downloads) > downloads:
                    return False, "download"
                if word and word[1] == "ERR_HTTP_RESPONSE_CODE_FAILURE":
                    return True, ""  # an error status with an empty body
                if word and not (word[1] == "ERR_ABORTED" and seen["committed"]):
                    return False, word[1]
                if "interrupted by another navigation" not in error.message and not word:
                    raise
                if seen["committed"] or not left:
                    break
        while time.monotonic() < ends:
            if seen["complete"]:
                return True, ""
            if len(recording.downloads) > downloads:
                return False, "download"
            if len(recording.failed_documents) > failures and not seen["committed"]:
                return False, recording.failed_documents[-1][1].removeprefix("net::")
            check(visit.observer)
            with suppress(BrowserTimeout):
                page.wait_for_event("domcontentloaded", timeout=min(SLICE, max(0.05, ends - time.monotonic())) * 1000)
    finally:
        page.remove_listener("framenavigated", navigated)
        page.remove_listener("domcontentloaded", complete)
    if seen["committed"]:
        return False, ""
    raise Failed(FailureType.PAGE_TIMEOUT, f"{url} did not answer within {visit.limits.page:g} s")


def _network_failure(visit: Visit, url: str, word: str) -> Failed:
    """`word` is Chromium's; what the proxy knows of the same host says more."""
    problem = visit.browser.proxy.problem_of(url) or visit.browser.proxy.problem_of(visit.page.url)
    host = urlsplit(url).hostname
    if problem and problem.reason == "refused":
        return Failed(FailureType.NETWORK_ERROR, problem.text, evidence=(f"{REFUSED}: {problem.host}:{problem.port}",))
    if problem:
        return Failed(
            FailureType.NETWORK_ERROR, problem.text, evidence=(f"{problem.reason}: {problem.host}:{problem.port}",)
        )
    if word in ("ERR_TIMED_OUT", "ERR_CONNECTION_TIMED_OUT"):
        return Failed(FailureType.PAGE_TIMEOUT, f"{host} did not answer in time", evidence=(word,))
    said = next((text for start, text in _SAID.items() if word.startswith(start)), "it cannot be opened")
    return Failed(FailureType.NETWORK_ERROR, f"{host}: {said}", evidence=(word,))


REFUSED = "refused address"  # how the evidence begins when the guard said no: trying again changes nothing


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def registrable(url: str) -> str:
    """example.co.uk for https://www.example.co.uk/contact; an address or a bare name is its own."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    try:
        return str(ip_address(host))
    except ValueError:
        return _suffixes().privatesuffix(host) or host


def same_site(url: str, other: str) -> bool:
    return registrable(url) == registrable(other)


def same_page(url: str, other: str) -> bool:
    """But for scheme, a leading www, a fragment and a closing slash."""

    def bare(one: str) -> tuple[str, str, str]:
        parts = urlsplit(urldefrag(one).url)
        return (parts.netloc.lower().removeprefix("www."), parts.path.rstrip("/"), parts.query)

    return bare(url) == bare(other)
