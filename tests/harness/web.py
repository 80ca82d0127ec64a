"""A real server for the app under test, and a browser that tells on its pages."""

import os
import threading
from collections.abc import Callable
from typing import Any

from axe_playwright_python.base import AXE_FILE_PATH
from flask import Flask, has_app_context
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from webapp.core.db import db


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class LiveServer:
    """The app on a free port of 127.0.0.1, in threads of this process."""

    def __init__(self, app: Flask) -> None:
        self.server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()

    def __str__(self) -> str:
        return self.url


def browser_arguments() -> list[str]:
    # Chromium's sandbox does not start as root.
    return ["--no-sandbox"] if os.geteuid() == 0 else []


class Watched:
    """A browser context whose pages fail the test on errors and on leaving the server."""

    def __init__(self, browser: Browser, origin: str, **options: Any) -> None:
        self.origin = origin
        self.problems: list[str] = []
        self.allowed: list[str] = []
        self.context: BrowserContext = browser.new_context(base_url=origin, **options)
        self.context.set_default_timeout(10_000)
        self.context.on("console", self._console)
        self.context.on("weberror", lambda error: self._note(f"script error: {error.error}"))
        self.context.on("request", self._request)
        self.context.on("response", self._response)

    def allow(self, part: str) -> None:
        """Let problems whose text contains `part` pass: for tests that provoke one."""
        self.allowed.append(part)

    def check(self) -> None:
        left = [text for text in self.problems if not any(part in text for part in self.allowed)]
        if left:
            raise AssertionError("The browser saw:\n  " + "\n  ".join(left))

    def _note(self, text: str) -> None:
        self.problems.append(text)

    def _console(self, message: ConsoleMessage) -> None:
        # A refused form answers 4xx, which Chromium reports here; 5xx and files are judged below.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self._note(f"console: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        own = (self.origin + "/", "data:", "blob:", "about:")
        if request.url != self.origin and not request.url.startswith(own):
            self._note(f"left the server for {request.url}")

    def _response(self, response: Response) -> None:
        document = response.request.resource_type in ("document", "fetch", "xhr")
        if response.status >= 500 or (response.status >= 400 and not document):
            self._note(f"{response.status} from {response.url}")


def commit_before(page: Page) -> None:
    """Pages read the database through their own connections: commit what the test has added."""
    navigate: Callable[..., Any] = page.goto

    def goto(url: str, **kwargs: Any) -> Any:
        if has_app_context():
            db.session.commit()
        return navigate(url, **kwargs)

    page.goto = goto  # type: ignore[method-assign]


AXE: dict[str, Any] = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CONTRAST: dict[str, Any] = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
_RUN = """({within, ...options}) => axe.run(within || document, options).then(({violations}) => violations.map(
  ({id, impact, help, nodes}) => ({id, impact, help, targets: nodes.slice(0, 3).map(node => node.target.join(" "))})))"""


def find_violations(
    page: Page, options: dict[str, Any], *, without: tuple[str, ...] = (), within: str = ""
) -> list[dict[str, Any]]:
    """What axe finds in the page, or in the element that `within` selects: id, impact, help and the first targets of each.

    The engine is put into a page once.
    """
    if not page.evaluate("() => typeof axe === 'object'"):
        page.evaluate(AXE_FILE_PATH.read_text())
    rules = {rule: {"enabled": False} for rule in without}
    found: list[dict[str, Any]] = page.evaluate(
        _RUN, {**options, "within": within, "rules": rules, "preload": False, "resultTypes": ["violations"]}
    )
    return found


def check_accessible(page: Page, *, without: tuple[str, ...] = (), themes: bool = False) -> None:
    """Fail on anything axe finds for WCAG 2.2 AA, except the rules named in `without`; with `themes`, contrast in the dark as well."""
    found = find_violations(page, AXE, without=without)
    if themes:
        page.emulate_media(color_scheme="dark")
        found += find_violations(page, CONTRAST, without=without)
        page.emulate_media(color_scheme="light")
    assert not found, f"{page.url}: {found}"
