"""One threaded server for all sites, told apart by the Host header; what arrives is logged per site."""

from __future__ import annotations

import mimetypes
import selectors
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, current_app, jsonify, redirect, request
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Response as WsgiResponse

ASSETS = Path(__file__).parent / "assets"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
View = Callable[..., Any]


@dataclass
class Received:
    """One form as it arrived: `accepted` False for a site that dropped, refused or lost it, whatever its page said."""

    site: str
    path: str
    form: dict[str, list[str]]
    accepted: bool
    at: float
    note: str = ""


@dataclass
class Visit:
    site: str
    method: str
    path: str
    at: float
    agent: str


@dataclass
class Site:
    """`expect` is what an attempt must come to, as `{"ok": True}`, `{"failure": "captcha_detected"}`, `{"skipped": True}`, or with
    "submission" too; `topic` groups sites, `dealership` is True for those that look like one and belong to the demo's 40.
    """

    name: str
    title: str
    expect: dict[str, Any]
    topic: str = ""
    builder: str = ""
    dealership: bool = True
    start: str = "/"  # where an attempt begins
    later: dict[str, Any] = field(default_factory=dict)  # what a second attempt comes to, where that differs
    note: str = ""  # what is odd about it, for people
    hosts: tuple[str, ...] = ()  # whole host names it answers to besides <name>.localhost and www.<name>.localhost
    closed: bool = False  # its address is a port on which nobody listens
    views: dict[tuple[str, str], View] = field(default_factory=dict)

    def get(self, path: str) -> Callable[[View], View]:
        """The path "*" takes what no other view of this method took."""
        return self._route("GET", path)

    def post(self, path: str) -> Callable[[View], View]:
        return self._route("POST", path)

    def view_of(self, method: str, path: str) -> View | None:
        method = "GET" if method == "HEAD" else method
        return self.views.get((method, path)) or self.views.get((method, "*"))

    def _route(self, method: str, path: str) -> Callable[[View], View]:
        def keep(view: View) -> View:
            self.views[(method, path)] = view
            return view

        return keep


SITES: dict[str, Site] = {}
_ALIASES: dict[str, str] = {}


def site(name: str, title: str, expect: dict[str, Any], **facts: Any) -> Site:
    """Declare a site; its pages are added with `@it.get("/path")` and `@it.post("/path")`. A view may return what a Flask view may."""
    if name in SITES:
        raise ValueError(f"two sites named {name}")
    made = SITES[name] = Site(name, title, expect, **facts)
    _ALIASES.update(dict.fromkeys(made.hosts, name))
    return made


def name_here() -> str:
    """The site that the request in hand is for."""
    host = request.host.partition(":")[0].lower()
    return _ALIASES.get(host) or host.removesuffix(".localhost").removeprefix("www.")


class _Handler(WSGIRequestHandler):
    """HTTP/1.1 with connections that stay open. A streamed answer ends with its connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60  # seconds an idle connection may wait for its next request

    def run_wsgi(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ = self.make_environ()
        environ["wsgi.input"] = BytesIO(body)
        begun: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            begun.update(status=status, headers=headers)

        pieces = self.server.app(environ, start_response)  # type: ignore[attr-defined]
        try:
            self._send_head(begun["status"], begun["headers"])
            for piece in pieces:
                self.wfile.write(piece)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def _send_head(self, status: str, headers: list[tuple[str, str]]) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for key, value in headers:
            self.send_header(key, value)
        lengthless = int(code) in (204, 304) or any(key.lower() == "content-length" for key, _ in headers)
        if not lengthless and self.command != "HEAD":
            self.send_header("Connection", "close")
        self.end_headers()

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class _Server(ThreadedWSGIServer):
    def __init__(self, port: int, app: Flask) -> None:
        self.connections: set[Any] = set()
        self.idle = threading.Condition()
        super().__init__("127.0.0.1", port, app, _Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # not HTTPServer's, which asks the resolver for a name
        self.server_name, self.server_port = self.server_address[:2]

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self.idle:
            self.connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.idle:
                self.connections.discard(request)
                self.idle.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is its client's affair."""

    def end_connections(self, seconds: float = 10) -> None:
        with self.idle:
            for connection in self.connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self.idle.wait_for(lambda: not self.connections, seconds)


class SiteServer:
    """`url_of("city-motors")` is where the site stands. `received` and `visits` grow as things arrive; `arrived` is set at each form.

    `far` seconds pass before each answer, as on the way to another town.
    """

    def __init__(self, port: int = 0, *, far: float = 0.0) -> None:
        self.far = far
        self.received: list[Received] = []
        self.visits: list[Visit] = []
        self.state: dict[str, Any] = {}  # for sites that remember; cleared by `forget`
        self.arrived = threading.Event()
        self.stopping = threading.Event()
        self.app = self._make_app()
        self.server = _Server(port, self.app)
        self.port = self.server.server_port
        self.nobody = socket.socket()  # bound, never listening: connections are refused and nobody else gets the port
        self.nobody.bind(("127.0.0.1", 0))
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> SiteServer:
        self.thread.start()
        return self

    def stop(self) -> None:
        """Requests that are held are let go, open connections end, threads too."""
        self.stopping.set()
        self.wake.close()
        if self.thread.is_alive():
            self.server.shutdown()
            self.server.end_connections()
            self.thread.join(10)
        self.server.server_close()
        self.woken.close()
        self.nobody.close()

    def __enter__(self) -> SiteServer:
        return self.start()

    def __exit__(self, *args: object) -> None:
        self.stop()

    def url_of(self, name: str, path: str | None = None) -> str:
        port = self.nobody.getsockname()[1] if SITES[name].closed else self.port
        return f"http://{name}.localhost:{port}{SITES[name].start if path is None else path}"

    def forms_of(self, name: str) -> list[Received]:
        return [one for one in self.received if one.site == name]

    def accepted(self, name: str) -> list[Received]:
        return [one for one in self.received if one.site == name and one.accepted]

    def forget(self) -> None:
        self.received.clear()
        self.visits.clear()
        self.state.clear()
        self.arrived.clear()

    def hold(self, seconds: float | None = None) -> None:
        """Keep the request in hand waiting until the client hangs up, the server stops, or `seconds` have passed."""
        client = request.environ.get("werkzeug.socket")
        if client is None:
            self.stopping.wait(seconds)
            return
        with selectors.DefaultSelector() as waiting:
            waiting.register(client, selectors.EVENT_READ)
            waiting.register(self.woken, selectors.EVENT_READ)
            waiting.select(seconds)

    def _make_app(self) -> Flask:
        app = Flask("demo_sites", static_folder=None)
        app.extensions["sites"] = self

        @app.route("/", defaults={"path": ""}, methods=METHODS, provide_automatic_options=False)
        @app.route("/<path:path>", methods=METHODS, provide_automatic_options=False)
        def serve(path: str) -> Any:
            name = name_here()
            if name in ("127.0.0.1", "localhost"):
                return self._report(path)
            self.stopping.wait(self.far)
            found = SITES.get(name)
            if found is None:
                abort(404)
            view = found.view_of(request.method, "/" + path)
            if path.startswith("assets/") and (request.method, "/" + path) not in found.views:
                return _asset(path.removeprefix("assets/"))
            if path == "favicon.ico" and ("GET", "/favicon.ico") not in found.views:
                return _asset("icon.svg")
            self.visits.append(
                Visit(name, request.method, "/" + path, time.monotonic(), request.headers.get("User-Agent", ""))
            )
            if view is None:
                return Response("Not here.\n", 404, mimetype="text/plain")
            return view()

        return app

    def _report(self, path: str) -> Any:
        """What arrived so far, for people and for other processes."""
        if path == "received":
            return jsonify([vars(one) for one in self.received])
        if path == "visits":
            return jsonify([vars(one) for one in self.visits])
        if path == "sites.json":
            return jsonify([self._facts_of(one) for one in SITES.values()])
        if path.startswith("assets/"):
            return _asset(path.removeprefix("assets/"))
        if path == "forget" and request.method == "POST":
            self.forget()
            return redirect("/", 303)
        from demo_sites import dealers_index  # it needs this module first

        if path == "dealerships.csv":
            return Response(dealers_index.csv_text(self), mimetype="text/csv")
        if path == "":
            return Response(dealers_index.index_page(self), mimetype="text/html")
        return abort(404)

    def _facts_of(self, it: Site) -> dict[str, Any]:
        facts = ("name", "title", "expect", "topic", "builder", "dealership", "later", "note")
        return {fact: getattr(it, fact) for fact in facts} | {
            "url": self.url_of(it.name),
            "received": len(self.forms_of(it.name)),
            "accepted": len(self.accepted(it.name)),
        }


@cache
def _read(name: str) -> bytes | None:
    path = ASSETS / name
    return path.read_bytes() if ".." not in name and path.is_file() else None


def _asset(name: str) -> Response:
    found = _read(name)
    if found is None:
        abort(404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(found, mimetype=kind, headers={"Cache-Control": "max-age=600"})


def server() -> SiteServer:
    """The one that is serving, from inside a view."""
    found: SiteServer = current_app.extensions["sites"]
    return found


def given() -> dict[str, list[str]]:
    """The form of the request in hand (urlencoded, multipart or a flat JSON object)."""
    if request.is_json:
        sent = request.get_json(silent=True) or {}
        return {str(k): [str(v)] for k, v in sent.items()} if isinstance(sent, dict) else {}
    return {key: request.form.getlist(key) for key in request.form}


def keep(
    *, accepted: bool = True, note: str = "", form: dict[str, list[str]] | None = None, site: str = ""
) -> Received:
    """Log the form of the request in hand, from inside a view; for another site than this host's if `site` names one."""
    sent = given() if form is None else form
    one = Received(site or name_here(), request.path, sent, accepted, time.monotonic(), note)
    here = server()
    here.received.append(one)
    here.arrived.set()
    return one


def page(
    title: str, body: str, *, status: int = 200, head: str = "", headers: dict[str, str] | None = None
) -> WsgiResponse:
    """A bare HTML page; sites with looks of their own build theirs."""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width">{head}</head><body>{body}</body></html>'
    )
    return Response(text, status, headers, mimetype="text/html")
