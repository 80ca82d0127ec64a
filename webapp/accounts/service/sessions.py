"""Signing in and out: checking a password, and the rows that keep a browser signed in."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from webapp.accounts import queries, throttle
from webapp.accounts.models import AuthSession, User
from webapp.accounts.passwords import PasswordsBusy, check_password, hash_password, needs_rehash
from webapp.accounts.tokens import hash_token
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db


class WrongPassword(Exception):
    """Email and password do not belong together, whichever of the two it is."""


def authenticate(email: str, password: str, address: str | None) -> User:
    """The active user, or raises WrongPassword, throttle.Throttled or passwords.PasswordsBusy.

    The database is not held while the hash is computed.
    """
    counted = throttle.subjects(email, address)
    throttle.count_try(*counted)
    user = _find(email)
    try:
        right = check_password(user.password_hash if user else None, password)
    except PasswordsBusy:
        throttle.forgive(*counted)
        raise
    if user is None or not right or not user.is_active:
        _record_failure(user)
        raise WrongPassword
    by_address, by_email = counted
    throttle.forgive(by_address)
    throttle.forgive(by_email, wholly=True)
    if user.password_hash and needs_rehash(user.password_hash):
        _store_hash(user, hash_password(password))
    return user


@atomic
def start(
    user: User, token: str, *, hours: int, address: str | None, user_agent: str | None,
    instead_of: str | None = None, event: str | None = "signed_in",
) -> AuthSession:  # fmt: skip
    """Open a session for `token`; the one of `instead_of`, this browser's last, ends."""
    if isinstance(instead_of, str):
        _end(AuthSession.token_hash == hash_token(instead_of))
    row = AuthSession(
        user_id=user.id, token_hash=hash_token(token), address=address, user_agent=(user_agent or "")[:300] or None,
        expires_at=db_now() + timedelta(hours=hours),
    )  # fmt: skip
    db.session.add(row)
    db.session.execute(sa.update(User).where(User.id == user.id).values(last_seen_at=db_now()))
    if event:
        record_event(event, f"{user.name} signed in", by=user, subject=user)
    db.session.flush()
    return row


@atomic
def touch(row: AuthSession, *, hours: int) -> None:
    """Move the idle limit on."""
    now = db_now()
    db.session.execute(
        sa.update(AuthSession)
        .where(AuthSession.id == row.id, AuthSession.ended_at.is_(None))
        .values(last_seen_at=now, expires_at=now + timedelta(hours=hours))
    )
    db.session.execute(sa.update(User).where(User.id == row.user_id).values(last_seen_at=now))


@atomic
def end_by_person(row: AuthSession, *, by: User) -> None:
    _end(AuthSession.id == row.id)
    record_event("signed_out", f"{by.name} signed out", by=by, subject=by, session_id=row.id)


@atomic
def end_all(user: User, *, but: AuthSession | None = None) -> int:
    """End a user's sessions, all or all but one; how many were still open."""
    mine = AuthSession.user_id == user.id
    return _end(mine if but is None else sa.and_(mine, AuthSession.id != but.id))


def _end(which: sa.ColumnElement[bool]) -> int:
    ended = db.session.execute(
        sa.update(AuthSession).where(which, AuthSession.ended_at.is_(None)).values(ended_at=db_now())
    )
    return int(ended.rowcount)  # type: ignore[attr-defined]


@atomic
def forget_old() -> int:
    """Remove sessions that ended a month ago; how many. The audit trail keeps who signed in when."""
    month_ago = db_now() - sa.cast("30 days", sa.Interval)
    old = sa.or_(AuthSession.ended_at < month_ago, AuthSession.expires_at < month_ago)
    return int(db.session.execute(sa.delete(AuthSession).where(old)).rowcount)  # type: ignore[attr-defined]


@atomic
def _find(email: str) -> User | None:
    """As a transaction of its own, so that the connection is free again before the hash."""
    return queries.find_user_by_email(email.strip())


@atomic
def _record_failure(user: User | None) -> None:
    """Who tried is not known, so the event has no actor; the throttle bounds their number. Unknown addresses
    are recorded too, for no company: both then take the same time."""
    what = f"A sign-in as {user.name} failed" if user else "A sign-in with an unknown address failed"
    record_event("sign_in_failed", what, by=None, company_id=user.company_id if user else None, subject=user)


@atomic
def _store_hash(user: User, password_hash: str) -> None:
    db.session.execute(sa.update(User).where(User.id == user.id).values(password_hash=password_hash))
