"""One Chromium for one job, honest about itself, whose only way out is the address guard.

It is started and stopped inside the job's own process, after any fork. Nothing is disguised: Chromium says that it is
headless, and the name and contact address of whoever runs this stand behind its own user agent.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from playwright.sync_api import Browser, BrowserContext, BrowserType, Playwright, ViewportSize, sync_playwright
from playwright.sync_api import Error as BrowserError

from webapp.automation.engine.proxy import LIMITS, GuardProxy, ProxyLimits
from webapp.core.scratch import scratch_folder

USER_AGENT = "Rebound/1.0 (+https://rebound.invalid/automation)"
VIEWPORT: ViewportSize = {"width": 1280, "height": 900}
CLOSING = 5.0  # seconds that Chromium has to end by itself
STARTING = 30.0
LONGEST_FOLDER = 60  # characters
KEPT_VARIABLES = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
    "FONTCONFIG_PATH",
)
ARGUMENTS = (
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # no packet goes around the proxy
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
)


class EngineBrowser:
    """`agent` is the user agent it sends, `version` and `process` are Chromium's. An attempt takes a context of its own with `new_context`."""

    def __init__(
        self, chromium: BrowserType, executable: str | None, proxy: GuardProxy, folder: Path, user_agent: str,
        *, headless: bool, allowed_hosts: Collection[str] = (),
    ):  # fmt: skip
        self.allowed_hosts = allowed_hosts
        self._chromium, self._executable, self._folder = chromium, executable, folder
        self._name, self._headless = user_agent, headless
        self.proxy = proxy
        self.agent = self.version = ""
        self._browser: Browser | None = None
        self._dead = False
        self._ready: BrowserContext | None = None
        self.process: psutil.Process | None = None

    @property
    def product(self) -> str:
        """The name that robots.txt may use for us."""
        return re.split(r"[/\s]", self._name, maxsplit=1)[0]

    def is_alive(self) -> bool:
        return self._browser is not None and self._browser.is_connected()

    def is_dead(self) -> bool:
        """The last attempt got no context, since Chromium or its driver does not start any more: only another `open_browser` helps."""
        return self._dead

    def new_context(self, script: str = "") -> BrowserContext:
        """A fresh context, prepared or new, in a fresh Chromium where the last one has died; `script` runs in each frame before its own
        scripts.

        Raises the browser's Error when Chromium does not start; `is_dead()` says so afterwards.
        """
        ready, self._ready = self._ready, None
        self.proxy.forget()
        if ready is not None and self.is_alive():
            return ready
        self._dead = True
        if not self.is_alive():
            self.close()
            self._start()
        context = self._make_context(script)
        self._dead = False
        return context

    def prepare(self, script: str) -> None:
        """Make the next attempt's context and its first page now, which takes a while. Without success `new_context` makes another."""
        if self._ready is None and self.is_alive():
            with self._impatient(), suppress(BrowserError):
                context = self._make_context(script)
                context.new_page()
                self._ready = context

    def _make_context(self, script: str) -> BrowserContext:
        assert self._browser is not None
        context = self._browser.new_context(
            user_agent=self.agent, viewport=VIEWPORT, locale="en-US", accept_downloads=False, permissions=[],
            service_workers="block", reduced_motion="reduce",
        )  # fmt: skip
        if script:
            context.add_init_script(script)
        return context

    def kill(self) -> None:
        """From any thread, at any moment: whatever waits for this Chromium is told at once that it is gone."""
        process = self.process
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def end(self, context: BrowserContext) -> None:
        """Close an attempt's context; a Chromium that does not let go of it in time is killed."""
        with self._impatient(), suppress(BrowserError):
            context.close()

    def close(self) -> None:
        browser, self._browser, self._ready = self._browser, None, None
        if browser is not None:
            with self._impatient(), suppress(BrowserError):
                browser.close()
        self.kill()
        self.process = None

    @contextmanager
    def _impatient(self) -> Iterator[None]:
        timer = threading.Timer(CLOSING, self.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _start(self) -> None:
        root = os.geteuid() == 0  # Chromium's sandbox does not start as root
        self._browser = self._chromium.launch(
            executable_path=self._executable, headless=self._headless, chromium_sandbox=not root, args=list(ARGUMENTS),
            proxy={"server": self.proxy.url, "bypass": "<-loopback>"}, timeout=STARTING * 1000,
            downloads_path=self._folder, env=_environment(self._folder),
        )  # fmt: skip
        session = self._browser.new_browser_cdp_session()
        own = session.send("Browser.getVersion")["userAgent"]
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        session.detach()
        self.process = psutil.Process(next(int(one["id"]) for one in processes if one["type"] == "browser"))
        self.version = f"Chromium {self._browser.version}"
        self.agent = f"{own} {self._name}"


def _environment(folder: Path) -> dict[str, str | float | bool]:
    """What Chromium needs, and none of the secrets that the job was started with. It does not start where its socket's path is too long."""
    known: dict[str, str | float | bool] = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return {**known, "TMPDIR": str(folder)} if len(str(folder)) <= LONGEST_FOLDER else known


@contextmanager
def open_browser(
    executable: str | None, *, allowed_hosts: Collection[str] = (), user_agent: str = USER_AGENT, headless: bool = True,
    limits: ProxyLimits = LIMITS, chromium: BrowserType | None = None,
) -> Iterator[EngineBrowser]:  # fmt: skip
    """Chromium behind the guard, for one job; gone with its folder, its driver and its proxy when the block ends.

    `allowed_hosts` as `core.outbound.resolve_public` takes them. `user_agent` is put behind Chromium's own. `chromium` is a
    driver's that runs in this thread already, since a thread can have but one. Raises the browser's Error.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("browser"))
        proxy = stack.enter_context(GuardProxy(allowed_hosts=allowed_hosts, limits=limits))
        driver = chromium or stack.enter_context(_driver(folder)).chromium
        browser = EngineBrowser(
            driver, executable, proxy, folder, user_agent, headless=headless, allowed_hosts=allowed_hosts
        )
        stack.callback(browser.close)
        browser._start()
        yield browser


@contextmanager
def _driver(folder: Path) -> Iterator[Playwright]:
    """Playwright's driver, which keeps Chromium's profile in its own idea of a temporary folder."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(folder)
    try:
        playwright = sync_playwright().start()
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before
    try:
        yield playwright
    finally:
        playwright.stop()
