"""A form filled and sent as an attempt does it, without its navigation; and what its server then says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, Page

from demo_sites.loading import load_sites
from demo_sites.server import SITES, Received, SiteServer
from webapp.automation.engine.choose import choose_form
from webapp.automation.engine.failures import Failed
from webapp.automation.engine.outcome import Enquiry, Limits, SavedMapping, Step
from webapp.automation.engine.read import find_again, locate, read_forms
from webapp.automation.engine.seen import FormSeen, Kind
from webapp.automation.engine.steps import Walked, walk
from webapp.automation.engine.submit import Submitted, submit
from webapp.automation.engine.values import value_for

load_sites()
ENQUIRY = Enquiry(
    first_name="Ana",
    last_name="Lopez",
    email="ana.lopez@example.com",
    phone="+15125550142",
    message="I would like to know more about the new Honda Civic.\nIs it still there?",
    state="TX",
    city="Austin",
    postal_code="78701",
    vehicle_year="2024",
    vehicle_make="Honda",
    vehicle_model="Civic",
)
LIMITS = Limits(page=5, step=4, confirm=1.5, attempt=30)


@dataclass
class Watcher:
    """An observer that writes down what it was told."""

    told: list[str] = field(default_factory=list)

    def step(self, name: Step) -> None:
        self.told.append(name)

    def about_to_submit(self) -> None:
        self.told.append("about_to_submit")

    def may_open(self, url: str) -> str:
        return ""


def first_page(context: BrowserContext) -> Page:
    """The page that the tests share, as new."""
    page = context.pages[0] if context.pages and not context.pages[0].is_closed() else context.new_page()
    page.unroute_all()
    return page


def contact_form(page: Page) -> tuple[FormSeen, dict[str, Kind]]:
    chosen = choose_form(read_forms(page), page_url=page.url)
    return chosen.form, {uid: one.kind for uid, one in chosen.mapped.items()}


@dataclass
class Sent:
    """One form from page to verdict. `failed` is what ended it before the press; `rows` what the server says of it."""

    page: Page
    watcher: Watcher
    rows: list[Received]
    walked: Walked | None = None
    submitted: Submitted | None = None
    failed: Failed | None = None

    @property
    def outcome(self) -> dict[str, object]:
        """As a site's `expect` says it."""
        kind = self.failed.kind if self.failed else self.submitted and self.submitted.failure
        told: dict[str, object] = {"failure": str(kind)} if kind else {"ok": True}
        return told | ({"submission": self.submitted.submission} if self.submitted else {})

    def values(self) -> dict[str, str]:
        """What the server got, of fields sent once."""
        assert len(self.rows) == 1, self.rows
        return {key: values[0] for key, values in self.rows[0].form.items()}


def send(
    context: BrowserContext,
    sites: SiteServer,
    name: str,
    *,
    ready: str = "",
    before: Callable[[Page], object] | None = None,
    enquiry: Enquiry = ENQUIRY,
    saved: SavedMapping | None = None,
    at: str = "",
    filled: bool = False,
) -> Sent:
    """Open a site's form, fill it, press its button. `before` acts on the page first; `at` names the site that gets the form; `filled` puts
    everything in at once, where the test is about what comes after.
    """
    page = first_page(context)
    page.goto(sites.url_of(name))
    if before:
        before(page)
    if ready:
        page.wait_for_selector(ready)
    done = Sent(page, Watcher(), [])
    try:
        form, kinds = contact_form(page)
        if filled:
            done.walked = Walked(_filled(page, form, kinds, enquiry))
        else:
            done.walked = walk(page, form, kinds, enquiry, observer=done.watcher, limits=LIMITS, saved=saved)
        done.submitted = done.walked.submitted or submit(
            page, done.walked.form, enquiry, observer=done.watcher, limits=LIMITS
        )
    except Failed as failed:
        done.failed = failed
    done.rows = sites.forms_of(at or name)
    return done


def _filled(page: Page, form: FormSeen, kinds: dict[str, Kind], enquiry: Enquiry) -> FormSeen:
    for control in form.controls:
        text = value_for(kinds[control.uid], control, enquiry) if control.tag != "button" and control.visible else ""
        element = locate(page, form, control) if text else None
        if element:
            element.fill(text)
    return find_again(read_forms(page), form) or form


def expected(name: str, done: Sent) -> dict[str, object]:
    """What the site says must come, as far as the attempt got."""
    expect = dict(SITES[name].expect)
    if done.submitted is None:
        expect.pop("submission", None)
    return expect


def check_truth(name: str, done: Sent) -> None:
    """The expected end, and the one rule above all: confirmed only what the server kept, and that once."""
    said = done.submitted and (done.submitted.message, done.submitted.evidence)
    assert done.outcome == expected(name, done), (done.failed or said, done.rows)
    if done.outcome.get("submission") == "confirmed":
        assert [one.accepted for one in done.rows] == [True], done.rows
    if done.outcome.get("submission") == "not_sent" or done.failed:
        assert done.rows == []
    assert done.watcher.told.count("about_to_submit") <= 1
