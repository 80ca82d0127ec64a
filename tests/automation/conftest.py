"""`sites` serves the demo's sites, `engine` is one Chromium of the form engine behind its own guard, `context` one in a plain Chromium that
keeps its first page from test to test; each for the whole session."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from demo_sites.loading import load_sites
from demo_sites.server import SiteServer
from webapp.automation.engine import read
from webapp.automation.engine.browser import EngineBrowser, open_browser
from webapp.core.chromium import find_chromium


@pytest.fixture(scope="session")
def _served() -> Iterator[SiteServer]:
    load_sites()
    with SiteServer() as server:
        yield server


@pytest.fixture
def sites(_served: SiteServer) -> SiteServer:
    """Nothing has arrived yet."""
    _served.forget()
    return _served


@pytest.fixture(scope="session")
def engine(browser: Browser) -> Iterator[EngineBrowser]:
    """Shares the driver of the session's other browser: a thread can have but one."""
    executable = find_chromium(os.environ.get("CHROMIUM_PATH", ""))
    with open_browser(executable, allowed_hosts=["*.localhost"], chromium=browser.browser_type) as opened:
        yield opened


@pytest.fixture(scope="session")
def _context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(service_workers="block")
    made.add_init_script(read.INIT_SCRIPT)
    made.set_default_timeout(8000)
    yield made
    made.close()


@pytest.fixture
def context(_context: BrowserContext) -> Iterator[BrowserContext]:
    yield _context
    for page in _context.pages[1:]:
        page.close()
