"""HTTP servers on this machine that keep what they are sent and answer as a test tells them."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """`status` 0: say nothing by oneself. `before` and `after` get the handler, to wait or to write what they like."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[Any], object] | None = None
    after: Callable[[Any], object] | None = None


class _Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        got = Received(self.command, self.path, headers, self.rfile.read(length))
        reply = self.server.take(got)
        try:
            self._say(reply)
        except OSError:
            self.server.cut.set()

    def _say(self, reply: Reply) -> None:
        if reply.before is not None:
            reply.before(self)
        if reply.status:
            self.send_response(reply.status)
            for name, value in ({"Content-Length": str(len(reply.body))} | reply.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)
        if reply.after is not None:
            reply.after(self)

    do_GET = do_POST = do_HEAD = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


class Receiver(socketserver.ThreadingTCPServer):
    """`replies` are used up in turn, the last one for ever. `cut` is set when the caller hung up on an answer."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, address: str = "127.0.0.1", port: int = 0, certificate: Path | None = None) -> None:
        self.got: list[Received] = []
        self.replies = [Reply()]
        self.cut = threading.Event()
        self.names: list[str] = []  # that TLS callers asked for
        self._lock = threading.Lock()
        super().__init__((address, port), _Talk)
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            context.sni_callback = lambda sock, name, _: self.names.append(name)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, host: str = "127.0.0.1", path: str = "/in") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def take(self, got: Received) -> Reply:
        with self._lock:
            self.got.append(got)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that refuses the certificate is part of the tests."""


@contextmanager
def receiving(**options: Any) -> Iterator[Receiver]:
    server = Receiver(**options)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
