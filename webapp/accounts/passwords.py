"""Password hashes: argon2id, two at once in a process, so that a flood of sign-ins costs no memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app
from werkzeug.exceptions import TooManyRequests

MIN_LENGTH, MAX_LENGTH = 10, 200
WAIT_SECONDS = 2.0  # longer, and a flood of sign-ins would hold every web thread

_slots = threading.BoundedSemaphore(2)


class PasswordsBusy(TooManyRequests):
    """Two hashes are being computed and neither ended in time."""

    def __init__(self) -> None:
        super().__init__("Many people sign in just now. Wait two seconds, then try again.", retry_after=2)


def check_length(password: str) -> str | None:
    """What is wrong with the length of a new password, or None."""
    if len(password) < MIN_LENGTH:
        return f"Use at least {MIN_LENGTH} characters."
    if len(password) > MAX_LENGTH:
        return f"Use at most {MAX_LENGTH} characters."
    return None


def hash_password(password: str) -> str:
    """Raises ValueError for a length outside 10..200, PasswordsBusy when too many are under way."""
    if problem := check_length(password):
        raise ValueError(problem)
    with _slot():
        return _hasher().hash(_encoded(password))


def check_password(password_hash: str | None, password: str) -> bool:
    """Takes the same time whether there is a hash or not, so that nobody learns who has an account."""
    too_long = len(password) > MAX_LENGTH
    known = password_hash if password_hash and not too_long else _dummy_hash(_env())
    with _slot():
        try:
            _hasher().verify(known, _encoded(password[:MAX_LENGTH]))
        except (VerificationError, InvalidHashError):
            return False
    return known == password_hash


def needs_rehash(password_hash: str) -> bool:
    return _hasher().check_needs_rehash(password_hash)


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _env() -> str:
    return str(current_app.config["SETTINGS"].env)


def _hasher() -> PasswordHasher:
    return _make_hasher(_env())


@lru_cache(maxsize=4)
def _make_hasher(env: str) -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1) if env == "test" else PasswordHasher()


@lru_cache(maxsize=4)
def _dummy_hash(env: str) -> str:
    return _make_hasher(env).hash("nobody has this password")


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=WAIT_SECONDS):
        raise PasswordsBusy
    try:
        yield
    finally:
        _slots.release()
