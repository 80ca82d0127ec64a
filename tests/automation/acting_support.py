"""A form filled and sent as an attempt does it, without its navigation; and what its server then says."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, Page

from demo_sites.loading import load_sites
from webapp.automation.engine.choose import choose_form
from webapp.automation.engine.outcome import Enquiry, Limits, Step
from webapp.automation.engine.read import read_forms
from webapp.automation.engine.seen import FormSeen, Kind

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


def open_form(context: BrowserContext, url: str, *, ready: str = "") -> tuple[Page, FormSeen, dict[str, Kind]]:
    """The page at `url` with its contact form and the kinds of its controls; `ready` a selector to wait for."""
    page = context.new_page()
    page.goto(url)
    if ready:
        page.wait_for_selector(ready)
    form, kinds = contact_form(page)
    return page, form, kinds


def contact_form(page: Page) -> tuple[FormSeen, dict[str, Kind]]:
    chosen = choose_form(read_forms(page), page_url=page.url)
    return chosen.form, {uid: one.kind for uid, one in chosen.mapped.items()}
