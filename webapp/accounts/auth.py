"""Who is asking. Flask-Login behind this one module; the session is a row that can be ended.

The signed cookie holds a random token, the row its hash. Nothing in the cookie alone signs anybody in.
"""

from __future__ import annotations

import structlog
from flask import Flask, current_app, g, request, session
from flask_login import LoginManager, current_user, login_user, logout_user

from webapp.accounts import queries
from webapp.accounts.models import AuthSession, User
from webapp.accounts.service import sessions
from webapp.accounts.tokens import new_token

login_manager = LoginManager()
KEY = "auth"


def init_app(app: Flask) -> None:
    login_manager.session_protection = None  # the row is the protection
    # As a context processor it would ask the database for error pages too; as a global it is lazy.
    login_manager.init_app(app, add_context_processor=False)
    app.jinja_env.globals["current_user"] = current_user
    if app.config["SETTINGS"].secure_cookies:
        app.config["SESSION_COOKIE_NAME"] = "__Host-rebound"


@login_manager.user_loader
def load_user(user_id: str) -> User | None:
    token = session.get(KEY)
    if not isinstance(token, str):
        return None
    found = queries.find_live_session(token)
    if found is None or str(found[0].user_id) != user_id:
        return None
    row, stale = found
    if stale:  # most requests write nothing
        sessions.touch(row, hours=_hours())
    g.auth_session = row
    structlog.contextvars.bind_contextvars(user_id=row.user_id, company_id=row.user.company_id)
    return row.user


def current_session() -> AuthSession | None:
    """The row behind this request, once `current_user` was looked at."""
    return g.get("auth_session")


def sign_in(user: User) -> None:
    """Start a session of its own for `user`; whatever the browser held before is gone."""
    _open(user, "signed_in")


def renew(user: User) -> None:
    """The same person goes on under a new session, after the password changed."""
    _open(user, None)


def _open(user: User, event: str | None) -> None:
    token = new_token()
    row = sessions.start(
        user, token, hours=_hours(), address=request.remote_addr, user_agent=request.headers.get("User-Agent"),
        instead_of=session.get(KEY), event=event,
    )  # fmt: skip
    session.clear()
    session[KEY] = token
    login_user(user)
    g.auth_session = row


def sign_out() -> None:
    row = current_session()
    if row is not None:
        sessions.end_by_person(row, by=current_user._get_current_object())
    logout_user()
    session.clear()


def _hours() -> int:
    return int(current_app.config["SETTINGS"].session_hours)
