"""The browser's only way out."""

import asyncio
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import websockets
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page

from demo_sites.server import SiteServer, page, site
from webapp.automation.engine.browser import EngineBrowser
from webapp.automation.engine.proxy import GuardProxy, ProxyLimits
from webapp.core.outbound import AddressRefused, resolve_public


@pytest.fixture
def visitor(engine: EngineBrowser) -> Iterator[Page]:
    context = engine.new_context()
    yield context.new_page()
    engine.end(context)


class Listener:
    """A server that counts who comes; whoever does was not stopped."""

    def __init__(self) -> None:
        self.hits: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                self.hits.append(connection.recv(1000))


@pytest.fixture
def inside() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.socket.close()


reaching = site("reaching", "Reaches inside", {}, topic="visiting", dealership=False)


def test_nothing_on_a_page_reaches_an_inner_address(
    visitor: Page, engine: EngineBrowser, sites: SiteServer, inside: Listener
) -> None:
    inner = f"127.0.0.1:{inside.port}"
    reaching.get("/hop")(lambda: page("", "", status=302, headers={"Location": f"http://{inner}/redirected"}))
    reaching.get("/")(lambda: page("Reaching", f"""
        <img src="http://{inner}/img"><img src="/hop"><iframe src="http://{inner}/frame"></iframe><script src="http://{inner}/script"></script>
        <script>
          window.ends = Promise.allSettled([
            fetch("http://{inner}/fetch", {{mode: "no-cors"}}),
            fetch("http://[::1]:{inside.port}/v6", {{mode: "no-cors"}}),
            fetch("http://localhost.:{inside.port}/dotted", {{mode: "no-cors"}}),
            fetch("http://0x7f000001:{inside.port}/hex", {{mode: "no-cors"}}),
            fetch("https://{inner}/tls", {{mode: "no-cors"}}),
            new Promise((done) => {{ const s = new WebSocket("ws://{inner}/socket"); s.onerror = s.onclose = s.onopen = done; }}),
          ]);
          navigator.sendBeacon("http://{inner}/beacon", "x");
        </script>"""))  # fmt: skip
    visitor.goto(sites.url_of("reaching"))
    visitor.evaluate("window.ends")
    visitor.wait_for_load_state("networkidle")
    assert inside.hits == []
    refused = {(one.host, one.port) for one in engine.proxy.problems if one.reason == "refused"}
    assert ("127.0.0.1", inside.port) in refused
    assert ("::1", inside.port) in refused


def test_a_page_of_an_inner_address_says_that_it_was_refused(
    visitor: Page, engine: EngineBrowser, inside: Listener
) -> None:
    response = visitor.goto(f"http://127.0.0.1:{inside.port}/")
    assert response
    assert response.status == 403
    assert "Rebound did not go there" in visitor.content()
    problem = engine.proxy.problem_of(visitor.url)
    assert problem
    assert problem.reason == "refused"
    assert "this server itself" in problem.text
    assert inside.hits == []


def test_it_connects_to_the_address_that_was_judged_and_asks_no_second_time(inside: Listener) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> str:
        asked.append(host)
        return "127.0.0.1" if len(asked) == 1 else "10.0.0.1"

    with GuardProxy(resolve=resolve) as proxy:
        host, port = proxy.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 5) as browser:
            browser.sendall(
                f"GET http://rebinds.example:{inside.port}/x HTTP/1.1\r\nHost: rebinds.example\r\n\r\n".encode()
            )
            browser.recv(1000)
    assert asked == ["rebinds.example"]
    assert inside.hits[0].startswith(b"GET /x HTTP/1.1\r\nHost: rebinds.example\r\n")


def test_a_websocket_to_an_allowed_host_is_carried(visitor: Page, sites: SiteServer) -> None:
    async def echo(connection: Any) -> None:
        async for message in connection:
            await connection.send(message.upper())

    started, ports, loops = threading.Event(), [], []

    async def serve() -> None:
        async with websockets.serve(echo, "127.0.0.1", 0) as server:
            ports.append(server.sockets[0].getsockname()[1])
            loops.append((asyncio.get_running_loop(), server))
            started.set()
            await server.wait_closed()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(5)
    visitor.goto(sites.url_of("visit-home"))
    said = visitor.evaluate(
        """(port) => new Promise((done) => { const s = new WebSocket(`ws://echo.localhost:${port}/`);
             s.onopen = () => s.send("hello"); s.onmessage = (e) => done(e.data); s.onerror = () => done("error"); })""",
        ports[0],
    )
    loop, server = loops[0]
    loop.call_soon_threadsafe(server.close)
    thread.join(5)
    assert said == "HELLO"


def test_the_default_guard_refuses_loopback_unless_it_is_named() -> None:
    with pytest.raises(AddressRefused):
        resolve_public("city-motors.localhost", 80)
    with GuardProxy() as proxy, pytest.raises(Exception, match="not contacted"):
        proxy.connect("city-motors.localhost", 80)


def test_a_flood_is_cut_off() -> None:
    def pour() -> None:
        connection, _ = source.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                for _ in range(1000):
                    connection.sendall(b"x" * 10_000)
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as source:
        threading.Thread(target=pour, daemon=True).start()
        limits = ProxyLimits(connection_bytes=200_000)
        with GuardProxy(resolve=lambda host, port: "127.0.0.1", limits=limits) as proxy:
            host, port = proxy.url.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port)), 5) as browser:
                browser.sendall(f"GET http://flood.example:{source.getsockname()[1]}/ HTTP/1.1\r\n\r\n".encode())
                got = 0
                while piece := browser.recv(65_536):
                    got += len(piece)
            assert got < 400_000
            assert [one.reason for one in proxy.problems] == ["too_much"]


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\n\r\n", b"CONNECT \r\n\r\n", b"GET ftp://a.example/ HTTP/1.1\r\n\r\n", b"GET http://a:b:c/ HTTP/1.1\r\n\r\n",
     b"\x16\x03\x01\r\n\r\n", b"POST http://a.localhost/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_proper_request_is_refused_and_the_proxy_lives_on(sent: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there, GuardProxy(resolve=lambda host, port: "127.0.0.1") as proxy:
        host, port = proxy.url.removeprefix("http://").split(":")
        sent = sent.replace(b"a.localhost", f"a.localhost:{there.getsockname()[1]}".encode())
        for _ in range(2):
            with socket.create_connection((host, int(port)), 5) as browser:
                browser.sendall(sent)
                assert browser.recv(1000).startswith((b"HTTP/1.1 403", b"HTTP/1.1 502"))


def test_the_browser_says_honestly_what_it_is(visitor: Page, engine: EngineBrowser, sites: SiteServer) -> None:
    visitor.goto(sites.url_of("visit-home"))
    agent = sites.visits[0].agent
    assert "HeadlessChrome/" in agent
    assert agent.endswith("Rebound/1.0 (+https://rebound.invalid/automation)")
    assert agent == engine.agent == visitor.evaluate("navigator.userAgent")
    assert visitor.evaluate("navigator.webdriver") is True
    assert engine.product == "Rebound"


def test_no_permission_is_given_and_no_worker_stays(visitor: Page, sites: SiteServer) -> None:
    visitor.goto(sites.url_of("visit-home"))
    assert visitor.evaluate("Notification.requestPermission()") == "denied"
    place = "new Promise((done) => navigator.geolocation.getCurrentPosition(() => done('told'), (e) => done(e.code)))"
    assert visitor.evaluate(place) == 1
    script = "navigator.serviceWorker.register('/sw.js').then(() => 'there', () => 'refused')"
    registered = visitor.evaluate(
        f"Promise.race([{script}, new Promise((done) => setTimeout(() => done('nothing'), 500))])"
    )
    assert registered != "there" or not visitor.context.service_workers


def test_a_bad_certificate_is_not_accepted(visitor: Page, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=bad.localhost", "-days", "1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                    with context.wrap_socket(connection, server_side=True):
                        pass
                except ssl.SSLError:
                    continue
                except OSError:
                    if listening.fileno() < 0:
                        return

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(BrowserError, match="ERR_CERT_AUTHORITY_INVALID"):
            visitor.goto(f"https://bad.localhost:{listening.getsockname()[1]}/")


PROGRAM = """
import os, sys
from webapp.automation.engine.browser import open_browser
from webapp.core.chromium import find_chromium
with open_browser(find_chromium(os.environ.get("CHROMIUM_PATH", ""))) as browser:
    page = browser.new_context().new_page()
    page.set_content("<p>Hello</p>")
    print("ready", flush=True)
    if sys.stdin.readline() == "raise\\n":
        raise ValueError("a fault in the job")
"""


def _start(folder: Path) -> tuple["subprocess.Popen[str]", list[psutil.Process]]:
    import os

    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert child.stdout
    assert child.stdout.readline() == "ready\n", child.stderr and child.stderr.read()
    return child, psutil.Process(child.pid).children(recursive=True)


def _fault(child: "subprocess.Popen[str]") -> None:
    _, said = child.communicate("raise\n", timeout=20)
    assert "a fault in the job" in said


def _kill(child: "subprocess.Popen[str]") -> None:
    child.kill()
    child.communicate(timeout=20)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Chromium's socket in it must have a short path."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


@pytest.mark.parametrize(("how", "tidy"), [(_fault, True), (_kill, False)])
def test_driver_and_chromium_end_with_their_job_however_it_ends(
    how: Callable[[Any], None], tidy: bool, short_folder: Path
) -> None:
    folder = short_folder
    child, family = _start(folder)
    assert any("--type=renderer" in " ".join(one.cmdline()) for one in family)
    assert next(one.name for one in folder.iterdir()).startswith("rebound-job-browser-")
    assert not any(
        "REBOUND" in name or "DATABASE" in name for one in family if "chrom" in one.name() for name in one.environ()
    )
    how(child)
    _, alive = psutil.wait_procs(family, timeout=15)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
    if tidy:
        assert list(folder.iterdir()) == []
    else:  # the schedule's sweep knows it by its name
        assert all(one.name.startswith("rebound-job-browser-") for one in folder.iterdir())
