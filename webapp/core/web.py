"""What every page shares: fragment or page, toasts, errors, headers, filters, request context."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import (
    Flask,
    Response,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)  # fmt: skip
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from jinja2_fragments.flask import render_block
from markupsafe import Markup, escape
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp.core import text
from webapp.core.api import is_api, problem
from webapp.core.db import db
from webapp.core.nav import build_nav
from webapp.core.once import new_form_token
from webapp.core.states import LostRace, MoveRefused
from webapp.core.ui import init_ui

log = structlog.get_logger(__name__)
csrf = CSRFProtect()

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SAFE = ("GET", "HEAD", "OPTIONS")
TITLES = {
    400: ("This request could not be read", "Go back, reload the page and try again."),
    401: ("Please sign in", "Your session has ended."),
    403: ("You may not do this", "Ask an admin of your company if you need it."),
    404: ("There is nothing here", "The address is wrong, or it was removed, or it is not yours to see."),
    405: ("This address does not take that", "Go back and use the page's own buttons."),
    409: ("Somebody was faster", "Reload to see what changed, then decide again."),
    413: ("That is too large", "Send a smaller file, or split it."),
    415: ("That kind of content is not understood", "Send JSON or a form."),
    422: ("Please check what you entered", "Some of it cannot be used."),
    429: ("Too many tries", "Wait a little and try again."),
    500: (
        "Something failed on our side",
        "It has been logged. Try again; if it happens again, tell an admin the reference.",
    ),
    503: ("Rebound cannot reach a part of itself", "Usually this passes within a minute. Reload the page."),
}


# --- pages and fragments -------------------------------------------------------------------------


def is_fragment() -> bool:
    """True when htmx asked for a part: not a history restore, not a boosted page."""
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.history_restore_request and not htmx.boosted


def render(template: str, block: str | None = None, status: int = 200, **context: Any) -> Response:
    """The page for a browser; for htmx the named block of the same template."""
    if block and is_fragment():
        return make_response(render_block(template, block, **context), status)
    return make_response(render_template(template, **context), status)


def answer(template: str, to: str, status: int = 200, **context: Any) -> Response:
    """The answer to a POST: its fragment for htmx, a redirect to `to` for a browser.

    With a status of 4xx the template is rendered for both: it must then be a page that also serves as part.
    """
    if is_fragment():
        return make_response(render_template(template, **context), status)
    return redirect(to, code=303)  # type: ignore[return-value]


def go(to: str) -> Response:
    """A full navigation after a POST: HX-Redirect for htmx, 303 for a browser."""
    if is_fragment():
        response = make_response("", 200)
        response.headers["HX-Redirect"] = to
        return response
    return redirect(to, code=303)  # type: ignore[return-value]


def local_path(target: str | None, default: str) -> str:
    """`target` when it is a path of this site, else `default` (no open redirect)."""
    if not target or re.search(r"[\x00-\x20\\]", target) or not target.startswith("/") or target.startswith("//"):
        return default
    parts = urlsplit(target)
    return default if parts.scheme or parts.netloc else target


def toast(
    message: str, *, tone: str = "ok", action_label: str = "", action_url: str = "", action_method: str = "post"
) -> None:
    """Say it once: beside the fragment for htmx, after the redirect for a browser."""
    item = {
        "text": message, "tone": tone, "action_label": action_label, "action_url": action_url,
        "action_method": action_method, "error": tone == "bad",
    }  # fmt: skip
    if is_fragment():
        g.setdefault("toasts", []).append(item)
    else:
        session["toasts"] = [*session.get("toasts", []), item][-3:]


def _pop_toasts() -> list[dict[str, Any]]:
    waiting: list[dict[str, Any]] = session.pop("toasts", []) if "toasts" in session else []
    return waiting


# --- application -----------------------------------------------------------------------------------


def init_app(app: Flask) -> None:
    settings = app.config["SETTINGS"]
    csrf.init_app(app)
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.before_request(_open_request)
    app.after_request(_close_request)
    app.register_error_handler(Exception, _on_error)
    app.jinja_env.filters.update(text.FILTERS)
    app.jinja_env.globals.update(asset=asset, csrf_token=generate_csrf, form_token=new_form_token)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    init_ui(app)
    app.context_processor(_context)


def _context() -> dict[str, Any]:
    theme = request.cookies.get("theme", "system") if request else "system"
    return {
        "theme": theme if theme in ("system", "light", "dark") else "system",
        "request_id": g.get("request_id", ""),
        "toasts": _Lazy(_pop_toasts),
        "nav": _Lazy(build_nav),
        "is_fragment": is_fragment() if request else False,
        "env": current_app.config["SETTINGS"].env,
    }


class _Lazy:
    """Evaluated when a template iterates over or reads it: fragments never pay for the shell."""

    def __init__(self, make: Any):
        self._make, self._value = make, None

    def _get(self) -> Any:
        if self._value is None:
            self._value = self._make()
        return self._value

    def __iter__(self) -> Any:
        return iter(self._get())

    def __len__(self) -> int:
        return len(self._get())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get(), name)


@lru_cache(maxsize=256)
def _digest(path: str, _mtime: float) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """URL of a static file with its content's digest, so it may be cached for a year."""
    known: dict[str, str] = g.setdefault("assets", {})  # a table draws the icons' address some hundred times
    if name not in known:
        path = Path(current_app.static_folder or "") / name
        version = _digest(str(path), path.stat().st_mtime) if path.exists() else "0"
        known[name] = url_for("static", filename=name, v=version)
    return known[name]


def _open_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if re.fullmatch(r"[A-Za-z0-9-]{8,64}", given) else secrets.token_hex(6)
    g.started = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id, address=request.remote_addr)
    if request.method not in SAFE and not is_api() and request.endpoint not in ("static", None):
        if request.headers.get("Sec-Fetch-Site") == "cross-site":
            raise CSRFError("This form was sent from another site.")
        csrf.protect()


def _close_request(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CSP)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    headers["X-Request-Id"] = g.get("request_id", "")
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
        headers.add("Vary", "HX-Request")
        headers.add("Vary", "Cookie")
        if not (request.endpoint or "").startswith("health."):
            _log_request(response)
    waiting = g.pop("toasts", [])
    if waiting and "HX-Redirect" in headers:
        session["toasts"] = waiting[-3:]
    elif waiting and response.mimetype == "text/html" and not response.direct_passthrough:
        response.set_data(response.get_data(as_text=True) + render_template("shared/_toasts_oob.html", items=waiting))
    return response


def _log_request(response: Response) -> None:
    took = round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1)
    say = log.warning if response.status_code >= 500 else log.info
    say("request", method=request.method, path=request.path, status=response.status_code, duration_ms=took)


# --- errors ------------------------------------------------------------------------------------------


def _on_error(error: Exception) -> Response:
    code, detail = _classify(error)
    if code >= 500:
        _rollback_quietly()
        log.error("request_failed", path=request.path, error=type(error).__name__, exc_info=error)
    if isinstance(error, HTTPException) and error.response is not None:
        return error.response  # type: ignore[return-value]
    if isinstance(error, HTTPException) and error.code and error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    if is_api():
        allowed = getattr(error, "valid_methods", None)
        headers = {"Allow": ", ".join(sorted(allowed))} if allowed else None
        return problem(code, detail=detail, reference=g.get("request_id", ""), headers=headers)
    if code == 401:
        return _to_login()
    title, advice = TITLES.get(code, TITLES[400 if code < 500 else 500])
    page = f"errors/{code}.html" if code in (403, 404, 409, 413, 422, 429, 500, 503) else "errors/error.html"
    template = "errors/_fragment.html" if is_fragment() else page
    body = render_template(
        template, code=code, title=title, advice=advice, detail=detail, reference=g.get("request_id", "")
    )
    response = make_response(body, code)
    if code == 503:
        response.headers["Retry-After"] = "5"
    retry = getattr(error, "retry_after", None)
    if retry:
        response.headers["Retry-After"] = str(retry)
    return response


def _classify(error: Exception) -> tuple[int, str]:
    if isinstance(error, CSRFError):
        return 400, "The form had expired or came from elsewhere. Reload the page and send it again."
    if isinstance(error, HTTPException):
        code = error.code or 500
        default = type(error).description
        return code, "" if error.description == default or code >= 500 else str(error.description or "")
    if isinstance(error, LostRace):
        return 409, "It was changed by somebody else in the same moment."
    if isinstance(error, MoveRefused):
        return 409, str(error)
    if isinstance(error, PoolTimeout | OperationalError):
        return 503, ""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return 503, ""
    return 500, ""


def _rollback_quietly() -> None:
    """After a failure the session may hold a dead connection; giving it up must not hide the failure."""
    try:
        db.session.rollback()
    except (DBAPIError, PoolTimeout):
        db.session.remove()


def _to_login() -> Response:
    if is_fragment():
        here = request.headers.get("HX-Current-URL", "/")
        parts = urlsplit(here)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        response = make_response("", 401)
        response.headers["HX-Redirect"] = url_for("accounts.login", next=local_path(target, "/"))
        return response
    wanted = request.full_path.rstrip("?") if request.method in SAFE else "/"
    return redirect(url_for("accounts.login", next=local_path(wanted, "/")), code=303)  # type: ignore[return-value]


def viewer_zone() -> str:
    return current_user.zone_name if current_user and current_user.is_authenticated else "UTC"


__all__ = [
    "Markup",
    "answer",
    "asset",
    "csrf",
    "escape",
    "go",
    "is_fragment",
    "local_path",
    "render",
    "toast",
    "viewer_zone",
]
