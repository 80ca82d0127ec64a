"""A test client that is as separate from the test as a browser is."""

import secrets
from typing import Any

from flask import has_app_context
from flask.testing import FlaskClient, FlaskCliRunner
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from tests.harness.isolated import fresh
from tests.harness.lint import check_html
from webapp.core.db import db

HTMX = {"HX-Request": "true"}
SAFE = ("GET", "HEAD", "OPTIONS")


class Client(FlaskClient):
    """Commits what the test has added before each request, and forgets what it read after it.

    Each request gets a context of its own: with the test's, `g` and the database session would
    live on from one request to the next, which no server does. HTML answers are linted. Forms are
    sent with the token that their page would have held, unless `csrf` is set to False.
    """

    lint = True
    csrf = True

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if has_app_context():
            db.session.commit()
        if self.csrf and kwargs.get("method", "GET") not in SAFE and not str(args[0]).startswith("/api/"):
            headers = dict(kwargs.get("headers") or {})
            headers.setdefault("X-CSRFToken", fresh(self.csrf_token))
            kwargs["headers"] = headers
        response: TestResponse = fresh(super().open, *args, **kwargs)
        if has_app_context():
            db.session.expire_all()
        if self.lint and response.mimetype == "text/html" and response.data:
            check_html(response.text, f"{response.request.method} {response.request.path}")
        return response

    def csrf_token(self) -> str:
        """What the hidden field of a form would hold in this session."""
        with self.session_transaction() as session:
            raw = session.setdefault("csrf_token", secrets.token_hex(20))
        key = str(self.application.secret_key)
        token = URLSafeTimedSerializer(key, salt="wtf-csrf-token").dumps(raw)
        return token if isinstance(token, str) else token.decode()

    def htmx(self, path: str, *, method: str = "GET", **kwargs: Any) -> TestResponse:
        """Ask as htmx does; without a `target` header the block for the page is what comes."""
        headers = HTMX | dict(kwargs.pop("headers", {}))
        return self.open(path, method=method, headers=headers, **kwargs)


class Runner(FlaskCliRunner):
    """`flask ...` in a context of its own; a command that raises fails the test."""

    def invoke(self, cli: Any = None, args: Any = None, **kwargs: Any) -> Any:
        if has_app_context():
            db.session.commit()
        kwargs.setdefault("catch_exceptions", False)
        result = fresh(super().invoke, cli, args, **kwargs)
        if has_app_context():
            db.session.expire_all()
        return result
