"""What leaves an attempt's windows after the click, and what comes back."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus
from weakref import WeakKeyDictionary

from playwright.sync_api import Dialog, Error, Frame, Page, Request, Response, WebError, WebSocket

from webapp.automation.engine.outcome import Enquiry
from webapp.automation.engine.values import national_digits
from webapp.automation.engine.verdict import Left, Recorded

LARGEST = 200_000
KEPT = 400
_SILENT = {"image", "font", "stylesheet", "script", "media", "manifest", "texttrack", "eventsource"}


@dataclass
class _Chain:
    """A request and what it was redirected to."""

    first: Request
    ours: int
    navigation: bool
    elsewhere: bool
    body: bool
    last: Request
    answer: int | None = None
    failed: str = ""
    done: bool = False
    json: bool = False
    reply: str | None = None


@dataclass
class Sockets:
    """Messages that left through sockets, from the page's first moment if `watch_sockets` was called then."""

    sent: int = 0


_sockets: WeakKeyDictionary[Page, Sockets] = WeakKeyDictionary()


def watch_sockets(page: Page) -> Sockets:
    """Count what this page sends through sockets opened from now on; called again it gives the same count."""
    known = _sockets.get(page)
    if known is not None:
        return known
    count = _sockets[page] = Sockets()

    def opened(socket: WebSocket) -> None:
        def sent(_: object) -> None:
            count.sent += 1

        socket.on("framesent", sent)

    page.on("websocket", opened)
    return count


@dataclass
class Recorder:
    """Listens to the page, its frames and the windows it opens, from `start` to `stop`. `changed_at` is when something last happened."""

    page: Page
    enquiry: Enquiry
    form_frame: Frame | None
    windows: list[Page] = field(default_factory=list)
    chains: list[_Chain] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    script_errors: list[str] = field(default_factory=list)
    crashed: bool = False
    moved: bool = False  # the form's frame or the page went to another address, or a window opened
    unsure: bool = False  # whoever pressed did not see the press end
    others: int = 0  # requests of no interest
    changed_at: float = 0.0
    _by_request: dict[Request, _Chain] = field(default_factory=dict)
    _listeners: list[tuple[Any, str, Any]] = field(default_factory=list)
    _before: int = 0
    _places: dict[Frame, str] = field(default_factory=dict)

    def start(self) -> Recorder:
        self.needles = _needles(self.enquiry)
        self._before = watch_sockets(self.page).sent
        self.changed_at = time.monotonic()
        self._places = {
            one: one.url.partition("#")[0] for one in (self.page.main_frame, self.form_frame) if one is not None
        }
        context = self.page.context
        for emitter, event, handler in (
            (context, "request", self._request),
            (context, "response", self._answered),
            (context, "requestfinished", self._finished),
            (context, "requestfailed", self._failed),
            (context, "weberror", self._error),
            (self.page, "popup", self._popup),
            (self.page, "dialog", self._dialog),
            (self.page, "crash", self._crash),
            (self.page, "framenavigated", self._moved),
        ):
            self._on(emitter, event, handler)
        return self

    def stop(self) -> None:
        for emitter, event, handler in self._listeners:
            emitter.remove_listener(event, handler)
        self._listeners.clear()

    def recorded(self, wanted: int) -> Recorded:
        """The state of things; replies that came meanwhile are read. `wanted` values make a request ours."""
        for chain in self.chains:
            if chain.done and chain.json and chain.reply is None and chain.ours:
                chain.reply = ""
                with suppress(Error):
                    response = chain.last.response()
                    chain.reply = response.text()[:LARGEST] if response else ""
        return Recorded(
            requests=tuple(
                Left(
                    one.first.url, one.first.method, one.ours, one.body, one.navigation, one.elsewhere, one.answer,
                    one.failed, one.done, one.reply or "",
                )
                for one in self.chains
            ),
            enough=wanted,
            dialogs=tuple(self.dialogs),
            script_errors=tuple(self.script_errors),
            sockets=watch_sockets(self.page).sent - self._before,
            unsure=self.unsure or self.crashed,
            moved=self.moved or self._frame_is_gone(),
        )  # fmt: skip

    def is_busy(self) -> bool:
        """Whether a request of ours, or a document, is still under way."""
        return any(not one.done and (one.ours or one.navigation) for one in self.chains)

    def _on(self, emitter: Any, event: str, handler: Any) -> None:
        emitter.on(event, handler)
        self._listeners.append((emitter, event, handler))

    def _note(self) -> None:
        self.changed_at = time.monotonic()

    def _mine(self, request: Request) -> tuple[bool, Frame | None]:
        """Whether a request comes from this attempt's windows. A new window's first one has no frame yet."""
        try:
            frame = request.frame
        except Error:
            return request.is_navigation_request(), None
        return frame.page is self.page or frame.page in self.windows, frame

    def _request(self, request: Request) -> None:
        before = request.redirected_from and self._by_request.get(request.redirected_from)
        if before:
            before.last, before.done, before.answer = request, False, None
            self._by_request[request] = before
            return
        mine, frame = self._mine(request)
        if not mine:
            return
        data = _body(request)
        ours = self.count(data + " " + request.url)
        if not ours and (len(self.chains) >= KEPT or request.resource_type in _SILENT):
            self.others += 1
            return
        navigation = request.is_navigation_request()
        elsewhere = navigation and frame is not self.form_frame
        chain = _Chain(request, ours, navigation, elsewhere, bool(data) or request.method != "GET", request)
        self.chains.append(chain)
        self._by_request[request] = chain
        if ours or navigation or request.method != "GET":
            self._note()

    def count(self, text: str) -> int:
        if len(text) < 3:
            return 0
        plain = unquote_plus(text[:LARGEST])
        digits = re.sub(r"\D", "", plain) if len(plain) < 20_000 else ""
        folded = " ".join(plain.replace("\\n", " ").replace("\\r", " ").lower().split())
        return sum(1 for needle in self.needles if (needle in digits if needle.isdigit() else needle in folded))

    def _answered(self, response: Response) -> None:
        chain = self._by_request.get(response.request)
        if chain is not None and chain.last is response.request:
            chain.answer = response.status
            chain.json = "json" in response.headers.get("content-type", "")

    def _finished(self, request: Request) -> None:
        chain = self._by_request.get(request)
        if chain is not None and chain.last is request:
            chain.done = True
            self._note()

    def _failed(self, request: Request) -> None:
        """What was answered before it broke off, as when the frame of the form is taken away, was answered."""
        chain = self._by_request.get(request)
        if chain is not None and chain.last is request:
            chain.failed = "" if chain.answer is not None else request.failure or "failed"
            chain.done = True
            self._note()

    def _error(self, error: WebError) -> None:
        if error.page is self.page or error.page in self.windows:
            self.script_errors.append(str(error.error)[:400])

    def _popup(self, window: Page) -> None:
        self.windows.append(window)
        self.moved = True
        self._on(window, "dialog", self._dialog)
        self._on(window, "framenavigated", self._moved)
        self._note()

    def _dialog(self, dialog: Dialog) -> None:
        """Kept in its words and answered with yes, as whoever pressed send would."""
        if dialog.type != "beforeunload":
            self.dialogs.append(dialog.message[:400])
        with suppress(Error):  # another listener was faster
            dialog.accept()
        self._note()

    def _crash(self, _: Page) -> None:
        self.crashed = True

    def _moved(self, frame: Frame) -> None:
        bare = frame.url.partition("#")[0]
        if frame in self._places and bare != self._places[frame]:
            self.moved = True
        self._note()

    def _frame_is_gone(self) -> bool:
        return self.form_frame is not None and self.form_frame.is_detached()


def _needles(enquiry: Enquiry) -> list[str]:
    """What only our form would carry."""
    message = " ".join(enquiry.message.lower().split())[:24]
    phone = national_digits(enquiry.phone) if enquiry.phone else ""
    texts = [enquiry.email.lower(), message, enquiry.first_name.lower(), enquiry.last_name.lower(), phone]
    return [text for text in texts if len(text) > 1]


def _body(request: Request) -> str:
    data = request.post_data_buffer
    return data[:LARGEST].decode("utf-8", "replace") if data else ""
