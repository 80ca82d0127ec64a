"""Counters of failed tries in PostgreSQL: beyond a few, each further one must wait longer.

A try is counted before the password is looked at, so that many at once gain nothing, and taken
back when it was right. Only hashes of the addresses typed are kept: people type passwords there.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from werkzeug.exceptions import TooManyRequests

from webapp.accounts.models import SignInCounter
from webapp.accounts.tokens import hash_token
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.text import duration

FORGET_AFTER = "1 hour"  # without a failure
FIRST_DELAY, LONGEST_DELAY = 5, 900  # seconds


class Throttled(TooManyRequests):
    def __init__(self, seconds: int):
        super().__init__(f"Too many tries. Wait {duration(seconds)}, then try again.", retry_after=seconds)


@dataclass(frozen=True, slots=True)
class Subject:
    """`free` failures cost nothing; the next one waits 5 s, and each further one twice as long."""

    key: str
    free: int


def subjects(email: str, address: str | None, kind: str = "") -> tuple[Subject, Subject]:
    """Always the address first: two tries then never wait for each other in a circle."""
    return (
        Subject(f"{kind}address:{address or 'unknown'}", free=20),
        Subject(f"{kind}email:{hash_token(email.strip().lower())}", free=5),
    )


@atomic
def count_try(*counted: Subject) -> None:
    """Raises Throttled, and counts nothing, while one of them is blocked."""
    for subject in counted:
        _count(subject)


@atomic
def forgive(*counted: Subject, wholly: bool = False) -> None:
    """Take one try back, or with `wholly` all of them."""
    for subject in counted:
        if wholly:
            db.session.execute(sa.delete(SignInCounter).where(SignInCounter.subject == subject.key))
        else:
            db.session.execute(
                sa.update(SignInCounter)
                .where(SignInCounter.subject == subject.key)
                .values(failures=sa.func.greatest(SignInCounter.failures - 1, 0), blocked_until=None)
            )


@atomic
def forget_old() -> int:
    """Remove counters that no longer count; how many there were."""
    old = SignInCounter.last_failure_at < db_now() - sa.cast("1 day", sa.Interval)
    return int(db.session.execute(sa.delete(SignInCounter).where(old)).rowcount)  # type: ignore[attr-defined]


def _count(subject: Subject) -> None:
    now, row = db_now(), SignInCounter
    forgotten = row.last_failure_at < now - sa.cast(FORGET_AFTER, sa.Interval)
    failures = sa.case((forgotten, 1), else_=row.failures + 1)
    over = sa.func.least(failures - subject.free - 1, 10)
    delay = sa.func.least(FIRST_DELAY * sa.func.power(2, over), LONGEST_DELAY)
    until = now + sa.func.make_interval(0, 0, 0, 0, 0, 0, sa.cast(delay, sa.Double))
    counted = db.session.execute(
        insert(row)
        .values(subject=subject.key, failures=1, last_failure_at=now)
        .on_conflict_do_update(
            index_elements=[row.subject],
            set_={
                "failures": failures,
                "last_failure_at": now,
                "blocked_until": sa.case((failures > subject.free, until), else_=None),
            },
            where=sa.or_(row.blocked_until.is_(None), row.blocked_until <= now),
        )
        .returning(row.id)
    ).scalar()
    if counted is None:
        left = sa.func.ceil(sa.extract("epoch", row.blocked_until - now))
        seconds = db.session.scalar(sa.select(left).where(row.subject == subject.key))
        raise Throttled(max(1, int(seconds or 1)))
