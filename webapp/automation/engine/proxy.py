"""The browser's only way out: a proxy on 127.0.0.1 that asks the address guard for every host, redirects and WebSockets too.

It connects to the very address that the guard judged. What it could not reach is kept with its reason, because the
browser is told no more than "502" or "tunnel failed".
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from webapp.core.outbound import AddressRefused, Unreachable, resolve_public

Resolve = Callable[[str, int], str]
Reason = Literal["refused", "unknown", "unreachable", "cut", "too_much"]

HEAD_BYTES = 128 * 1024
BODY_BYTES = 16 * 1024 * 1024  # of one request
PIECE = 65_536
KEPT_PROBLEMS = 200
# What Chromium asks for itself, among it what it takes a form's fields for; no page needs them.
CHROMIUMS_OWN = {
    "accounts.google.com", "content-autofill.googleapis.com", "update.googleapis.com", "optimizationguide-pa.googleapis.com",
    "clientservices.googleapis.com", "safebrowsing.googleapis.com", "safebrowsingohttpgateway.googleapis.com", "clients2.google.com",
    "clients4.google.com", "edgedl.me.gvt1.com", "redirector.gvt1.com", "android.clients.google.com", "mtalk.google.com",
}  # fmt: skip
READING = {"GET", "HEAD", "OPTIONS"}
HOP_BY_HOP = {"connection", "proxy-connection", "keep-alive", "proxy-authorization", "te", "trailer", "upgrade"}


@dataclass(frozen=True, slots=True)
class ProxyLimits:
    """Seconds and bytes: `idle` without a byte in either direction, `life` of one connection, `total` since `forget()`."""

    connect: float = 10.0
    idle: float = 60.0
    life: float = 300.0
    connection_bytes: int = 48 * 1024 * 1024
    total_bytes: int = 192 * 1024 * 1024
    connections: int = 96


LIMITS = ProxyLimits()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a host was not reached. `refused` by the guard: asking again changes nothing."""

    host: str
    port: int
    reason: Reason
    text: str


class Refusal(Exception):
    def __init__(self, reason: Reason, text: str):
        self.reason, self.text = reason, text
        super().__init__(text)


class GuardProxy:
    """`with GuardProxy(allowed_hosts=...) as proxy:` and give `proxy.url` to the browser."""

    def __init__(
        self,
        *,
        allowed_hosts: Collection[str] = (),
        limits: ProxyLimits = ProxyLimits(),
        resolve: Resolve | None = None,
    ):
        self.limits = limits
        self._resolve = resolve or (lambda host, port: resolve_public(host, port, allowed=allowed_hosts))
        self._lock = threading.Lock()
        self._problems: list[Problem] = []
        self._open: set[socket.socket] = set()
        self._carried = 0
        self._said = self._whispered = 0
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.guard = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="guard-proxy", daemon=True)

    def __enter__(self) -> GuardProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
        self.cut_all()

    def forget(self) -> None:
        """Before the next attempt: no problems, no bytes counted, no connection of the last one left open."""
        self.cut_all()
        with self._lock:
            self._problems.clear()
            self._carried = 0

    def cut_all(self) -> None:
        with self._lock:
            open_now = list(self._open)
        for one in open_now:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    @property
    def problems(self) -> list[Problem]:
        with self._lock:
            return list(self._problems)

    def problem_of(self, url: str) -> Problem | None:
        """The last one met on the way to this URL's host and port."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
        host = (parts.hostname or "").rstrip(".")
        return next((one for one in reversed(self.problems) if (one.host, one.port) == (host, port)), None)

    def note(self, host: str, port: int, reason: Reason, text: str) -> None:
        with self._lock:
            if len(self._problems) < KEPT_PROBLEMS:
                self._problems.append(Problem(host, port, reason, text))

    def connect(self, host: str, port: int) -> socket.socket:
        """Raises Refusal, which is noted unless it is of Chromium's own making."""
        if host.lower().rstrip(".") in CHROMIUMS_OWN:
            raise Refusal("refused", "Chromium does not call home from here")
        try:
            address = self._resolve(host, port)
            return socket.create_connection((address, port), timeout=self.limits.connect)
        except AddressRefused as error:
            refusal = Refusal("refused", error.reason)
        except Unreachable as error:
            refusal = Refusal("unknown", error.reason)
        except TimeoutError:
            refusal = Refusal("unreachable", f"{host} did not answer within {self.limits.connect:g} s")
        except OSError as error:
            refusal = Refusal("unreachable", f"{host} cannot be reached: {error.strerror or error}")
        self.note(host, port, refusal.reason, refusal.text)
        raise refusal

    def carry(self, amount: int) -> bool:
        """Count bytes; False once the attempt has had its share."""
        with self._lock:
            self._carried += amount
            return self._carried <= self.limits.total_bytes

    @property
    def said(self) -> tuple[int, int]:
        """How often the browser has spoken with a body or a writing method in the clear, and how many bytes it put into tunnels."""
        with self._lock:
            return self._said, self._whispered

    def hear(self, *, tunnelled: int = 0) -> None:
        with self._lock:
            self._said += not tunnelled
            self._whispered += tunnelled

    def hold(self, *sockets: socket.socket) -> bool:
        with self._lock:
            if len(self._open) + len(sockets) > 2 * self.limits.connections:
                return False
            self._open.update(sockets)
            return True

    def let_go(self, *sockets: socket.socket) -> None:
        with self._lock:
            self._open.difference_update(sockets)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    guard: GuardProxy

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that broke is the browser's to notice."""


class _Handler(socketserver.BaseRequestHandler):
    """One request a connection: CONNECT becomes a tunnel, anything else is passed on and answered, then both ends close."""

    server: _Server
    request: socket.socket

    def handle(self) -> None:
        guard, upstream = self.server.guard, None
        if not guard.hold(self.request):
            return
        try:
            self.request.settimeout(guard.limits.idle)
            head, rest = _read_head(self.request)
            if not head:
                return
            method, where, _ = [*head.split("\r\n", 1)[0].split(" ", 2), "", ""][:3]
            host, port = _place_of(method, where)
            upstream = guard.connect(host, port)
            guard.hold(upstream)
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if method == "CONNECT":
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                if rest:
                    upstream.sendall(rest)
                self._relay(upstream, host, port, both=True)
            else:
                self._pass_on(upstream, head, rest, where)
                self._answer(upstream, host, port)
        except Refusal as refusal:
            self._refuse(refusal)
        except OSError:
            pass  # the browser sees its connection end
        finally:
            guard.let_go(self.request, *([upstream] if upstream else []))
            if upstream:
                upstream.close()

    def _pass_on(self, upstream: socket.socket, head: str, rest: bytes, where: str) -> None:
        lines = head.split("\r\n")
        parts = urlsplit(where)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        method, _, version = lines[0].partition(" ")[0], where, "HTTP/1.1"
        kept = [line for line in lines[1:] if line.partition(":")[0].strip().lower() not in HOP_BY_HOP]
        names = {line.partition(":")[0].strip().lower(): line.partition(":")[2].strip() for line in kept}
        length = names.get("content-length", "0")
        if "transfer-encoding" in names or not length.isdigit() or int(length) > BODY_BYTES:
            raise Refusal("too_much", "A request body without a length, or beyond 16 MiB, is not sent")
        upstream.settimeout(self.server.guard.limits.idle)
        if method not in READING or int(length):
            self.server.guard.hear()
        upstream.sendall(
            "\r\n".join([f"{method} {path} {version}", *kept, "Connection: close", "", ""]).encode("latin-1")
        )
        left = int(length)
        while left > 0:
            piece = rest[:left] if rest else self.request.recv(min(PIECE, left))
            if not piece:
                raise ConnectionError("the browser left")
            upstream.sendall(piece)
            left, rest = left - len(piece), b""

    def _answer(self, upstream: socket.socket, host: str, port: int) -> None:
        """The answer's head is told to close the connection: the next request, to another host, must come anew."""
        head, rest = _read_head(upstream)
        while head[:12].split(" ", 1)[-1].startswith("1"):  # 100 and 103 come before the answer
            head, rest = _read_head(upstream, rest)
        if not head:
            self.server.guard.note(host, port, "cut", f"{host} broke the connection off")
            raise Refusal("cut", f"{host} broke the connection off")
        lines = [line for line in head.split("\r\n") if line.partition(":")[0].strip().lower() not in HOP_BY_HOP]
        self.request.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + rest)
        self._relay(upstream, host, port, both=False)

    def _relay(self, upstream: socket.socket, host: str, port: int, *, both: bool) -> None:
        """Bytes as they come until an end closes, a limit is reached or nothing moves. `both` False: what the browser says is dropped."""
        guard, limits = self.server.guard, self.server.guard.limits
        ends = time.monotonic() + limits.life
        moved, waiting = 0, selectors.DefaultSelector()
        waiting.register(self.request, selectors.EVENT_READ)
        waiting.register(upstream, selectors.EVENT_READ)
        with waiting:
            while (left := min(ends - time.monotonic(), limits.idle)) > 0:
                ready = waiting.select(left)
                if not ready:
                    return
                for key, _ in ready:
                    source = self.request if key.fileobj is self.request else upstream
                    piece = source.recv(PIECE)
                    if not piece:
                        return
                    if source is self.request and not both:
                        continue
                    if source is self.request:
                        guard.hear(tunnelled=len(piece))
                    (upstream if source is self.request else self.request).sendall(piece)
                    moved += len(piece)
                    if not guard.carry(len(piece)) or moved > limits.connection_bytes:
                        guard.note(host, port, "too_much", f"{host} sent more than is taken")
                        return

    def _refuse(self, refusal: Refusal) -> None:
        status = "403 Forbidden" if refusal.reason == "refused" else "502 Bad Gateway"
        text = f"Rebound did not go there.\n{refusal.text}\n".encode()
        with contextlib.suppress(OSError):
            self.request.sendall(
                f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nX-Rebound-Proxy: {refusal.reason}\r\n"
                f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode()
                + text
            )


def _read_head(source: socket.socket, begun: bytes = b"") -> tuple[str, bytes]:
    """Lines up to the empty one, and what came after it; "" when the other end closed before."""
    got = begun
    while b"\r\n\r\n" not in got:
        if len(got) > HEAD_BYTES:
            raise Refusal("too_much", "More than 128 KiB of headers")
        piece = source.recv(PIECE)
        if not piece:
            return "", b""
        got += piece
    head, _, rest = got.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def _place_of(method: str, where: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{where}" if method == "CONNECT" else where)
        if parts.hostname and (method == "CONNECT" or parts.scheme == "http"):
            return parts.hostname, parts.port or (443 if method == "CONNECT" else 80)
    except ValueError:
        pass
    raise Refusal("refused", "This is not an address")
