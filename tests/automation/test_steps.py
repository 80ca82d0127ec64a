"""Forms of several pages, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext

from demo_sites.server import SiteServer
from tests.automation.acting_support import ENQUIRY, LIMITS, Watcher, check_truth, contact_form, first_page, send
from webapp.automation.engine.steps import Walked, strategy_of, walk


@pytest.mark.parametrize(("name", "pages"), [("wizard", 3), ("wizard-review", 3), ("wizard-pages", 2)])
def test_a_form_is_walked_to_its_sending_button(
    context: BrowserContext, sites: SiteServer, name: str, pages: int
) -> None:
    done = send(context, sites, name)
    assert done.outcome == {"ok": True, "submission": "confirmed"}
    assert done.walked is not None
    assert (done.walked.pages, strategy_of(done.walked, saved=False)) == (pages, "multi_step_form")
    announced = 2 if name == "wizard-pages" else 1  # its next button may send as well
    assert done.watcher.told == ["about_to_submit"] * announced
    got = done.values()
    assert got["email"] == "ana.lopez@example.com"
    assert got["message"].startswith("I would like")
    assert {one.key for one in done.walked.fields if one.filled} >= {"first", "last", "email", "message"}


def test_a_page_that_does_not_let_on_ends_it_in_the_site_s_words(context: BrowserContext, sites: SiteServer) -> None:
    done = send(context, sites, "wizard-refuses")
    check_truth("wizard-refuses", done)
    assert done.submitted is not None
    assert "not valid" in done.submitted.message
    assert done.watcher.told == []


def test_a_dry_run_presses_no_button_that_may_send(context: BrowserContext, sites: SiteServer) -> None:
    page = first_page(context)
    page.goto(sites.url_of("wizard-pages"))
    form, kinds = contact_form(page)
    watcher = Watcher()
    walked = walk(page, form, kinds, ENQUIRY, observer=watcher, limits=LIMITS, dry_run=True)
    assert (walked.pages, walked.submitted, watcher.told) == (1, None, [])
    assert page.url == sites.url_of("wizard-pages")
    assert page.input_value("[name=email]") == "ana.lopez@example.com"


def test_a_form_in_a_frame_is_named_so(context: BrowserContext, sites: SiteServer) -> None:
    page = first_page(context)
    page.goto(sites.url_of("frame-same"))
    form, _ = contact_form(page)
    assert strategy_of(Walked(form), saved=False) == "iframe_form"
    assert strategy_of(Walked(form), saved=True) == "saved_mapping"


class Cancelled(Exception):
    """What an observer may raise."""


def test_a_cancellation_is_heard_between_two_steps(context: BrowserContext, sites: SiteServer) -> None:
    page = first_page(context)
    page.goto(sites.url_of("wizard"))
    form, kinds = contact_form(page)

    class Stops(Watcher):
        def check(self) -> None:
            if page.is_visible("[name=message]"):
                raise Cancelled

    with pytest.raises(Cancelled):
        walk(page, form, kinds, ENQUIRY, observer=Stops(), limits=LIMITS)
    assert page.input_value("[name=email]") == "ana.lopez@example.com"
    assert page.input_value("[name=message]") == ""
    assert sites.received == []
