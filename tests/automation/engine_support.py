"""What the engine's tests share: an enquiry, short limits, an observer that writes down what it is told, and one attempt on one site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from demo_sites.server import SITES, SiteServer
from webapp.automation.engine import captchas, contact_page, read
from webapp.automation.engine.attempt import attempt
from webapp.automation.engine.browser import EngineBrowser
from webapp.automation.engine.contact_page import Found
from webapp.automation.engine.outcome import Enquiry, Limits, Outcome, Step, Target
from webapp.automation.engine.pages import Visit
from webapp.automation.engine.recording import Recording
from webapp.automation.engine.robots import Robots

ENQUIRY = Enquiry(
    first_name="Ana",
    last_name="Lopez",
    email="ana.lopez@example.com",
    phone="+15125550142",
    message="Is the Honda Civic still there?",
    state="TX",
    city="Austin",
    postal_code="78701",
    vehicle_year="2024",
    vehicle_make="Honda",
    vehicle_model="Civic",
)
LIMITS = Limits(page=8, step=4, confirm=2.5, attempt=60)


@dataclass
class Told:
    """`said` are the steps and the click, `opened` the URLs asked about. `rules` answers for robots.txt; `on` is run at a step."""

    said: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    rules: Callable[[str], str] = lambda url: ""
    on: dict[str, Callable[[], Any]] = field(default_factory=dict)

    def step(self, name: Step) -> None:
        self.said.append(name)
        self.on.get(name, lambda: None)()

    def about_to_submit(self) -> None:
        self.said.append("about_to_submit")
        self.on.get("about_to_submit", lambda: None)()

    def may_open(self, url: str) -> str:
        self.opened.append(url)
        return self.rules(url)

    def check(self) -> None:
        self.on.get("check", lambda: None)()


def target(sites: SiteServer, name: str, **facts: Any) -> Target:
    start = SITES[name].start
    return Target(name, sites.url_of(name, "/"), contact_url=sites.url_of(name) if start != "/" else "", **facts)


def obeying(sites: SiteServer, engine: EngineBrowser) -> Told:
    robots = Robots(product=engine.product, user_agent=engine.agent, allowed_hosts=engine.allowed_hosts)
    return Told(rules=lambda url: robots.may_open(url).reason)


def run(
    engine: EngineBrowser, sites: SiteServer, name: str, *, told: Told | None = None, dry_run: bool = False,
    limits: Limits = LIMITS, **facts: Any,
) -> Outcome:  # fmt: skip
    """One attempt on a demo site."""
    aim = facts.pop("aim", None) or target(sites, name)
    return attempt(engine, replace(aim, **facts), ENQUIRY, observer=told or Told(), limits=limits, dry_run=dry_run)


@contextmanager
def touring(engine: EngineBrowser, sites: SiteServer, limits: Limits = LIMITS) -> Iterator[Callable[[str], Visit]]:
    """The way to the form without the form, for what is decided before it is filled: one page, and a visit of its own for each site."""
    context = engine.new_context(read.INIT_SCRIPT)
    context.set_default_timeout(limits.step * 1000)
    context.set_default_navigation_timeout(limits.page * 1000)
    try:
        page = context.new_page()
        recording = Recording().attach(context, page)
        yield lambda name: Visit(engine, page, recording, Told(), limits, sites.url_of(name, "/"))
    finally:
        engine.end(context)


def reach(visit: Visit, sites: SiteServer, name: str) -> tuple[Found, list[str]]:
    """As an attempt does before it fills: the form, and the idle captchas before it. Raises Failed."""
    found, _ = contact_page.find(visit, target(sites, name))
    return found, captchas.check(visit.page, found.choice.form)


def explain(outcome: Outcome) -> str:
    """For assertions: why it came to this."""
    lines = [f"ok={outcome.ok} {outcome.failure} {outcome.submission} {outcome.disallowed!r}: {outcome.message}"]
    return "\n  ".join([*lines, *outcome.evidence, *(str(one) for one in outcome.logs), outcome.trace])
