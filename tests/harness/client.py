"""A test client that is as separate from the test as a browser is."""

from typing import Any

from flask import has_app_context
from flask.testing import FlaskCliRunner, FlaskClient
from werkzeug.test import TestResponse

from tests.harness.isolated import fresh
from tests.harness.lint import check_html
from webapp.core.db import db

HTMX = {"HX-Request": "true"}


class Client(FlaskClient):
    """Commits what the test has added before each request, and forgets what it read after it.

    Each request gets a context of its own: with the test's, `g` and the database session would
    live on from one request to the next, which no server does. HTML answers are linted.
    """

    lint = True

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if has_app_context():
            db.session.commit()
        response: TestResponse = fresh(super().open, *args, **kwargs)
        if has_app_context():
            db.session.expire_all()
        if self.lint and response.mimetype == "text/html" and response.data:
            check_html(response.text, f"{response.request.method} {response.request.path}")
        return response

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
