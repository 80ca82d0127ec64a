"""Forms of several pages, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from demo_sites.server import SiteServer
from tests.automation.acting_support import ENQUIRY, LIMITS, Watcher, check_truth, contact_form, send
from webapp.automation.engine import read
from webapp.automation.engine.steps import strategy_of, walk


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(service_workers="block")
    context.add_init_script(read.INIT_SCRIPT)
    context.set_default_timeout(8000)
    yield context
    context.close()


@pytest.fixture
def context(shared: BrowserContext) -> Iterator[BrowserContext]:
    yield shared
    for page in shared.pages:
        page.close()


@pytest.mark.parametrize(("name", "pages"), [("wizard", 3), ("wizard-review", 3), ("wizard-pages", 2)])
def test_a_form_is_walked_to_its_sending_button(
    context: BrowserContext, sites: SiteServer, name: str, pages: int
) -> None:
    done = send(context, sites, name)
    assert done.outcome == {"ok": True, "submission": "confirmed"}
    assert done.walked is not None
    assert (done.walked.pages, strategy_of(done.walked, saved=False)) == (pages, "multi_step_form")
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


def test_a_next_button_that_may_send_is_announced_before_it_is_pressed(
    context: BrowserContext, sites: SiteServer
) -> None:
    done = send(context, sites, "wizard-pages")
    assert done.watcher.told == ["about_to_submit", "about_to_submit"]
    assert len(done.rows) == 1


def test_a_dry_run_presses_no_button_that_may_send(context: BrowserContext, sites: SiteServer) -> None:
    page = context.new_page()
    page.goto(sites.url_of("wizard-pages"))
    form, kinds = contact_form(page)
    watcher = Watcher()
    walked = walk(page, form, kinds, ENQUIRY, observer=watcher, limits=LIMITS, dry_run=True)
    assert (walked.pages, walked.submitted, watcher.told) == (1, None, [])
    assert page.url == sites.url_of("wizard-pages")
    assert page.input_value("[name=email]") == "ana.lopez@example.com"


def test_a_form_in_a_frame_is_named_so(context: BrowserContext, sites: SiteServer) -> None:
    done = send(context, sites, "frame-same")
    assert done.walked is not None
    assert strategy_of(done.walked, saved=False) == "iframe_form"
    assert strategy_of(done.walked, saved=True) == "saved_mapping"
