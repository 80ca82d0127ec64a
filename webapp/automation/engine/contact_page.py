"""From a website to the page with its contact form, in few page loads: the URL given, the page itself, its links, sitemap, usual paths."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page

from webapp.automation.engine import banners, pages, read, walls
from webapp.automation.engine.asking import answers, ask, packed, steady, unpack
from webapp.automation.engine.choose import Choice, choose_form
from webapp.automation.engine.failures import Failed, FailureType, first_of
from webapp.automation.engine.links import (
    ABOUT,
    ENOUGH,
    EXACT,
    NEAR,
    PATH,
    SALES,
    WORDS,
    WRONG,
    from_sitemap,
    score_all,
)
from webapp.automation.engine.outcome import Target, check
from webapp.automation.engine.pages import Disallowed, Opened, Visit

LOADS = 6  # pages that one attempt opens at most
LINKS = 3
OPENERS = 3
NEAR_PAGES = 2
LATE = 6.0  # seconds that a form may take to appear on a page that is there to hold one
QUIET = 1.5  # the same for any other page
_HERE = Path(__file__).parent
_SCRIPT = (_HERE / "contact_page.js").read_text()
_ASKED = {"about": WORDS["about"], "ask": WORDS["ask"]}
_LOOK = packed(_SCRIPT, **_ASKED, element=None)
_WAIT = (_HERE / "late.js").read_text()
_MAIL = re.compile(r"\b[\w.+'-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24}\b", re.I)


@dataclass(frozen=True, slots=True)
class Found:
    """A page with a form to write to."""

    choice: Choice
    opened: Opened


@dataclass
class Search:
    """What was learned on the way, for the outcome when nothing was found."""

    visit: Visit
    tried: list[str] = field(default_factory=list)  # a page load each
    known: list[str] = field(default_factory=list)  # these, and where they led
    failures: list[Failed] = field(default_factory=list)
    shut: list[int] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    passed: str = ""  # a page that was left at once for the one that it links to

    @property
    def left(self) -> int:
        return LOADS - len(self.tried)


def find(visit: Visit, target: Target) -> tuple[Found, Search]:
    """Raises Failed with the first of the types that fitted, and Disallowed when robots.txt stood before every way."""
    search = Search(visit)
    try:
        return _find(search, target), search
    except Failed as failed:
        failed.mailto = search.mails[0] if search.mails else ""
        visit.evidence += [f"{one.kind}: {one.message}" for one in search.failures if one is not failed]
        raise


def _find(search: Search, target: Target) -> Found:
    given = [one for one in (target.mapping.contact_url if target.mapping else "", target.contact_url) if one]
    website = target.website or given[0]
    links: list[tuple[float, str]] = []
    for url in [*given, website]:
        if not _tried(search, url):
            found = _try_page(search, url, links, given=url in given)
            if found:
                return found
    followed = near = 0
    asked_map = _has(search, FailureType.MULTIPLE_FORMS)
    while search.left > 0:
        fresh = [one for one in links if not _tried(search, one[1])]
        score, url = max(fresh, key=lambda one: (one[0], -len(one[1])), default=(0.0, ""))
        if score >= ENOUGH and followed < LINKS:
            followed += 1
        elif not asked_map:
            asked_map = True
            links += from_sitemap(search.visit, website)
            continue
        elif score >= NEAR and near < NEAR_PAGES and not _has(search, FailureType.MULTIPLE_FORMS):
            near += 1
        else:
            break
        found = _try_page(search, url, links)
        if found:
            return found
    if not _has(search, FailureType.MULTIPLE_FORMS):
        if search.left > 0 and search.passed:
            found = _try_page(search, search.passed, links, again=True)
            if found:
                return found
        for path in WORDS["common"]:
            url = urljoin(website, path)
            if search.left > 0 and not _tried(search, url):
                found = _try_page(search, url, links, guessed=True)
                if found:
                    return found
    raise _nothing(search, website)


def _tried(search: Search, url: str) -> bool:
    return any(pages.same_page(url, one) for one in search.known)


def _has(search: Search, *kinds: FailureType) -> bool:
    return any(one.kind in kinds for one in search.failures)


def _try_page(
    search: Search, url: str, links: list[tuple[float, str]], *, given: bool = False, guessed: bool = False, again: bool = False
) -> Found | None:  # fmt: skip
    """Open it and look for its form; None when there is none that can be used. Raises Failed for what ends the attempt.

    A page that links to the contact page is not waited for, unless it is opened `again`; nor is one without a script.
    """
    visit = search.visit
    search.tried.append(url)
    search.known.append(url)
    try:
        opened = pages.open_page(visit, url, usable=_has_form)
    except Disallowed as refused:
        visit.evidence.append(f"not opened, {refused.reason}: {refused.url[:300]}")
        if guessed:  # nobody says that there is such a page
            visit.forbidden.pop(refused.url, None)
        return None
    except Failed as failed:
        # A page that we only guessed or followed may fail without a word about the site; walls speak for all of it.
        elsewhere = given and failed.kind is FailureType.UNEXPECTED_REDIRECT
        lesser = failed.kind in (FailureType.UNEXPECTED_REDIRECT, FailureType.PAGE_TIMEOUT, FailureType.NETWORK_ERROR)
        if not elsewhere and not (lesser and (guessed or visit.opened)):
            raise
        search.failures.append(failed)
        return None
    if not pages.same_page(opened.url, url):
        if _tried(search, opened.url):
            return None
        search.known.append(opened.url)
    if opened.status in (401, 403):
        search.shut.append(opened.status)
        if walls.blocked_everywhere(search.shut) and not any(one.is_page for one in visit.opened):
            raise _blocked(search)
    if opened.download:
        search.failures.append(Failed(FailureType.FORM_NOT_FOUND, f"{url} is a download, not a page"))
        return None
    if not opened.is_page:
        return None
    visit.evidence += banners.dismiss(visit.page)
    choice, at_once = _choose(visit)
    if choice is not None:  # as mostly: there is nothing else to learn from this page
        return _found(search, choice, opened)
    looked = _look(visit)
    links += score_all(looked["links"], opened.url)
    patient = given or bool(PATH.search(urlsplit(opened.url).path + "/") or EXACT.search(looked["heading"]))
    led = not (again or patient) and any(score >= ENOUGH and not _tried(search, link) for score, link in links)
    seconds = LATE if patient else 0.0 if led or looked["still"] else QUIET
    if led and not looked["still"]:
        search.passed = search.passed or url
    _note_mails(search, looked, patient)
    if not seconds and not looked["openers"]:
        search.failures.append(at_once)
        return None
    try:
        choice = _look_for_form(search, looked, seconds=seconds)
    except Failed as failed:
        search.failures.append(failed)
        if failed.kind is FailureType.FORM_NOT_FOUND and seconds:  # its links may have been drawn meanwhile
            links += score_all(_look(visit)["links"], opened.url)
        return None
    return _found(search, choice, opened)


def _found(search: Search, choice: Choice, opened: Opened) -> Found | None:
    """None when the form stands where a script has led on to, and that page may not be used."""
    visit = search.visit
    try:
        return Found(choice, pages.follow(visit, opened))
    except Disallowed as refused:
        visit.evidence.append(f"not used, {refused.reason}: {refused.url[:300]}")
    except Failed as failed:
        if failed.kind is not FailureType.UNEXPECTED_REDIRECT:
            raise
        search.failures.append(failed)
    return None


def _look(visit: Visit) -> dict[str, Any]:
    seen: dict[str, Any] = unpack(ask(visit.page, _LOOK))
    return seen


def _look_for_form(search: Search, looked: dict[str, Any], *, seconds: float) -> Choice:
    """The page's form: at once, after pressing what says "contact us", or within `seconds`. Raises Failed of the last look."""
    visit = search.visit
    changes = _Changes(visit)
    choice, last = _choose(visit)
    if choice is None and last.kind is FailureType.FORM_NOT_FOUND:
        ends = time.monotonic() + min(seconds, visit.limits.step)
        choice = _open_by_hand(visit, looked["openers"]) if looked["openers"] else None
        while choice is None and time.monotonic() < ends:
            changes.wait(ends)
            choice, last = _choose(visit)
    if choice is None:
        raise last
    return choice


def _choose(visit: Visit) -> tuple[Choice | None, Failed]:
    """The contact form in sight; the reason when there is none."""
    page = visit.page

    def choose() -> Choice:
        forms = [one for one in read.read_forms(page) if _in_sight(one)]
        return choose_form(forms, page_title=page.title(), page_url=page.url)

    try:
        return steady(page, choose), Failed(FailureType.FORM_NOT_FOUND, "")
    except Failed as failed:
        return None, failed


def _in_sight(form: Any) -> bool:
    fields = [one for one in form.controls if one.tag != "button" and one.type not in ("hidden", "submit", "image")]
    return any(one.visible or one.proxied for one in fields)


def _has_form(page: Page) -> bool:
    try:
        forms = [one for one in read.read_forms(page) if _in_sight(one)] if answers(page) else []
        choose_form(forms, page_title="", page_url=page.url)
    except (Failed, BrowserError):
        return False
    return True


def _open_by_hand(visit: Visit, openers: list[dict[str, str]]) -> Choice | None:
    """Press dialogs', tabs' and accordions' own buttons, the likeliest first, until a form is in sight."""
    ranked = sorted(range(len(openers)), key=lambda n: -_opener_score(openers[n]))
    for number in [n for n in ranked if _opener_score(openers[n]) > 0][:OPENERS]:
        check(visit.observer)
        before, changes = visit.page.url, _Changes(visit)
        try:
            found = visit.page.evaluate_handle(_SCRIPT, {**_ASKED, "element": number})
            button = found.as_element()
            if button is None:
                continue
            button.click(timeout=min(2.0, visit.limits.step) * 1000)
        except BrowserError as error:
            if visit.page.is_closed() or not visit.browser.is_alive():
                raise
            visit.evidence.append(
                f"cannot press “{openers[number]['text'][:60]}”: {error.message.splitlines()[0][:100]}"
            )
            continue
        visit.evidence.append(f"pressed “{openers[number]['text'][:60]}”")
        changes.wait(time.monotonic() + 1.0)
        if not pages.same_page(visit.page.url, before):
            pages.check_place(visit)
            pages.allow(visit, visit.page.url)
        choice, _ = _choose(visit)
        if choice:
            return choice
    return None


def _opener_score(opener: dict[str, str]) -> float:
    text = opener["text"]
    if WRONG.search(text) and not SALES.search(text):
        return 0.0
    shut = opener["expanded"] == "false" or opener["selected"] == "false"
    return (3.0 if EXACT.search(text) else 2.0 if ABOUT.search(text) else 1.0) + (0.5 if shut else 0.0)


class _Changes:
    """Waits for controls and frames to appear; what came between two waits counts for the next."""

    def __init__(self, visit: Visit):
        self.visit = visit
        self.known = self._count(0, None)

    def wait(self, ends: float) -> None:
        """Until something is there that was not, or the time is over."""
        while (left := ends - time.monotonic()) > 0:
            check(self.visit.observer)
            before, self.known = self.known, self._count(min(left, pages.SLICE) * 1000, self.known)
            if self.known != before:
                return
            if len(self.visit.page.frames) > 1:  # whose insides are not watched
                return

    def _count(self, most: float, known: int | None) -> int:
        return int(ask(self.visit.page, _WAIT, {"most": most, "known": known}))


def _note_mails(search: Search, looked: dict[str, Any], patient: bool) -> None:
    """Addresses to write to instead: links that can be seen, then those in the text of a contact page."""
    found = [unquote(one["to"]) for one in looked["mails"] if one["visible"]]
    found += _MAIL.findall(looked["text"]) if patient else []
    mails = [one for one in found if _MAIL.fullmatch(one)]
    search.mails = [*mails, *search.mails] if patient else [*search.mails, *mails]


def _blocked(search: Search) -> Failed:
    statuses = tuple(f"status {one}" for one in search.shut)
    return Failed(FailureType.IP_BLOCKED, f"The site answers {search.shut[0]} to every page", evidence=statuses)


def _nothing(search: Search, website: str) -> Exception:
    visit = search.visit
    kinds = {one.kind for one in search.failures} - {FailureType.PAGE_TIMEOUT, FailureType.NETWORK_ERROR}
    kinds -= {FailureType.UNEXPECTED_REDIRECT} if visit.opened else set()
    if kinds - {FailureType.FORM_NOT_FOUND}:
        kinds.discard(FailureType.FORM_NOT_FOUND)
    if visit.forbidden and FailureType.MULTIPLE_FORMS not in kinds:
        return Disallowed(*next(iter(visit.forbidden.items())))
    if kinds and FailureType.FORM_NOT_FOUND not in kinds:
        return next(one for one in search.failures if one.kind is first_of(list(kinds)))
    details = [text for one in search.failures for text in (one.message, *one.evidence[:2]) if text]
    written = ", but an address to write to" if search.mails else ""
    return Failed(
        FailureType.FORM_NOT_FOUND,
        f"No contact form on {len(visit.opened)} pages of {urlsplit(website).hostname}{written}",
        evidence=tuple(dict.fromkeys(details))[:12],
    )
