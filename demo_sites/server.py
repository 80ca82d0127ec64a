"""One threaded server for all sites, told apart by the Host header; what arrives is logged per site."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, abort, jsonify, request
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response as WsgiResponse

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
    views: dict[tuple[str, str], View] = field(default_factory=dict)

    def get(self, path: str) -> Callable[[View], View]:
        return self._route("GET", path)

    def post(self, path: str) -> Callable[[View], View]:
        return self._route("POST", path)

    def _route(self, method: str, path: str) -> Callable[[View], View]:
        def keep(view: View) -> View:
            self.views[(method, path)] = view
            return view

        return keep


SITES: dict[str, Site] = {}


def site(name: str, title: str, expect: dict[str, Any], **facts: Any) -> Site:
    """Declare a site; its pages are added with `@it.get("/path")` and `@it.post("/path")`. A view may return what a Flask view may."""
    if name in SITES:
        raise ValueError(f"two sites named {name}")
    made = SITES[name] = Site(name, title, expect, **facts)
    return made


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class SiteServer:
    """`url_of("city-motors")` is where the site stands. `received` and `visits` grow as things arrive; `arrived` is set at each form."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[Received] = []
        self.visits: list[Visit] = []
        self.state: dict[str, Any] = {}  # for sites that remember; cleared by `forget`
        self.arrived = threading.Event()
        self.app = self._make_app()
        self.server = make_server("127.0.0.1", port, self.app, threaded=True, request_handler=_Quiet)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> SiteServer:
        self.thread.start()
        return self

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()

    def url_of(self, name: str, path: str | None = None) -> str:
        return f"http://{name}.localhost:{self.port}{SITES[name].start if path is None else path}"

    def forms_of(self, name: str) -> list[Received]:
        return [one for one in self.received if one.site == name]

    def accepted(self, name: str) -> list[Received]:
        return [one for one in self.received if one.site == name and one.accepted]

    def forget(self) -> None:
        self.received.clear()
        self.visits.clear()
        self.state.clear()
        self.arrived.clear()

    def _make_app(self) -> Flask:
        app = Flask("demo_sites", static_folder=None)
        app.extensions["sites"] = self

        @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
        @app.route("/<path:path>", methods=["GET", "POST"])
        def serve(path: str) -> Any:
            name = request.host.partition(":")[0].removesuffix(".localhost")
            found = SITES.get(name)
            if name in ("127.0.0.1", "localhost"):
                return self._report(path)
            if found is None:
                abort(404)
            self.visits.append(
                Visit(name, request.method, "/" + path, time.monotonic(), request.headers.get("User-Agent", ""))
            )
            view = found.views.get((request.method, "/" + path)) or found.views.get((request.method, "*"))
            if view is None:
                return Response("Not here.\n", 404, mimetype="text/plain")
            return view()

        return app

    def _report(self, path: str) -> Any:
        """What arrived so far, for other processes."""
        if path == "received":
            return jsonify([vars(one) for one in self.received])
        if path == "visits":
            return jsonify([vars(one) for one in self.visits])
        return jsonify(
            [
                {"name": s.name, "title": s.title, "url": self.url_of(s.name), "expect": s.expect, "topic": s.topic}
                for s in SITES.values()
            ]
        )


def server() -> SiteServer:
    """The one that is serving, from inside a view."""
    from flask import current_app

    found: SiteServer = current_app.extensions["sites"]
    return found


def keep(*, accepted: bool = True, note: str = "", form: dict[str, list[str]] | None = None) -> Received:
    """Log the form of the request in hand (urlencoded, multipart or JSON), from inside a view."""
    if form is None:
        if request.is_json:
            given = request.get_json(silent=True) or {}
            form = {str(k): [str(v)] for k, v in given.items()} if isinstance(given, dict) else {}
        else:
            form = {key: request.form.getlist(key) for key in request.form}
    name = request.host.partition(":")[0].removesuffix(".localhost")
    one = Received(name, request.path, form, accepted, time.monotonic(), note)
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
