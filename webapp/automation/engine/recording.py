"""What a browser context says while an attempt runs: console, script errors, failed requests, dialogs, downloads, pages' answers."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Download, Page, Request, Response, WebError
from playwright.sync_api import Error as BrowserError

from webapp.automation.engine.walls import parse_retry_after

KEPT = 200
TEXT = 500
WINDOWS = 5  # further ones are closed at once


@dataclass(frozen=True, slots=True)
class Answered:
    """A document's answer in a page's main frame."""

    url: str
    status: int
    headers: dict[str, str]


@dataclass
class Recording:
    """Listens from `attach` on. Lists are bounded; `dropped` counts what came after they were full. (No slots: the driver keeps notes on it.)"""

    logs: list[dict[str, Any]] = field(default_factory=list)
    script_errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    failed_documents: list[tuple[str, str]] = field(default_factory=list)  # URL and Chromium's own word
    waits: list[str] = field(default_factory=list)  # Retry-After of answers with 429, whoever asked
    crashed: bool = False
    dropped: int = 0
    began: float = field(default_factory=time.monotonic)
    page: Page | None = None
    submitting: bool = False  # from here on questions are answered with yes

    def attach(self, context: BrowserContext, page: Page) -> Recording:
        self.page = page
        context.on("console", self._console)
        context.on("weberror", self._script_error)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)
        context.on("page", self._window)
        self._listen(page)
        return self

    def note(self, kind: str, text: str, **more: Any) -> None:
        if len(self.logs) >= KEPT:
            self.dropped += 1
            return
        at = round((time.monotonic() - self.began) * 1000)
        self.logs.append({"at_ms": at, "kind": kind, "text": text[:TEXT], **more})

    def answer_of(self, url: str) -> Answered | None:
        """The last answer for a document at this URL, whatever its fragment."""
        bare = url.partition("#")[0]
        return next((one for one in reversed(self.answers) if one.url.partition("#")[0] == bare), None)

    def longest_wait(self) -> float | None:
        """Seconds that answers of too many requests asked for; None when none said."""
        return max((wait for one in self.waits if (wait := parse_retry_after(one)) is not None), default=None)

    def _listen(self, page: Page) -> None:
        page.on("dialog", self._dialog)
        page.on("download", self._download)
        page.on("crash", self._crash)

    def _console(self, message: ConsoleMessage) -> None:
        self.note("console", message.text, level=message.type, url=message.location.get("url", "")[:TEXT])

    def _script_error(self, error: WebError) -> None:
        text = str(error.error)
        if len(self.script_errors) < KEPT:
            self.script_errors.append(text[:TEXT])
        self.note("script_error", text, url=error.page.url[:TEXT] if error.page else "")

    def _failed(self, request: Request) -> None:
        why = request.failure or ""
        if self._is_document(request) and len(self.failed_documents) < KEPT:
            self.failed_documents.append((request.url, why))
        self.note("request_failed", f"{request.method} {request.url[:300]}: {why}")

    def _answered(self, response: Response) -> None:
        if self._is_document(response.request) and len(self.answers) < KEPT:
            self.answers.append(Answered(response.url, response.status, response.headers))
        if response.status == 429 and len(self.waits) < KEPT:
            self.waits.append(response.headers.get("retry-after", ""))
        if response.status >= 400:
            self.note("status", f"{response.status} {response.request.method} {response.url[:300]}")

    def _is_document(self, request: Request) -> bool:
        with suppress(BrowserError):  # a request of no frame, or of one that is gone
            return request.is_navigation_request() and request.frame.parent_frame is None
        return False

    def _window(self, page: Page) -> None:
        if page is self.page:
            return
        self.note("popup", page.url)
        self._listen(page)
        if len(page.context.pages) > WINDOWS:
            page.close()

    def _dialog(self, dialog: Dialog) -> None:
        """Dismissed; a question on leaving the page is answered with yes, for no stays where it is; so is all after the click."""
        self.dialogs.append(dialog.message[:TEXT])
        self.note("dialog", dialog.message, type=dialog.type)
        with suppress(BrowserError):
            dialog.accept() if self.submitting or dialog.type == "beforeunload" else dialog.dismiss()

    def _download(self, download: Download) -> None:
        self.downloads.append(download.url[:TEXT])
        self.note("download", download.url)
        with suppress(BrowserError):
            download.cancel()

    def _crash(self, page: Page) -> None:
        self.crashed = self.crashed or page is self.page
        self.note("crash", page.url)
