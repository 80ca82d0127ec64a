"""The database session, and the one way to commit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar, overload
from uuid import UUID

import sqlalchemy as sa
import structlog
from flask_sqlalchemy import SQLAlchemy
from psycopg.errors import DeadlockDetected, SerializationFailure
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

log = structlog.get_logger(__name__)
P = ParamSpec("P")
R = TypeVar("R")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    registry = orm.registry(
        metadata=sa.MetaData(naming_convention=NAMING),
        type_annotation_map={
            str: sa.Text,
            int: sa.BigInteger,
            datetime: sa.DateTime(timezone=True),
            date: sa.Date,
            UUID: pg.UUID(as_uuid=True),
            dict[str, Any]: pg.JSONB,
            list[str]: pg.ARRAY(sa.Text),
        },
    )


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


class Row:
    """Key and birth of every table."""

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())


def engine_options(*, statement_timeout_ms: int = 30_000, pool_size: int = 5) -> dict[str, Any]:
    return {
        "pool_pre_ping": True,
        "hide_parameters": True,  # people's data stay out of error texts
        "pool_size": pool_size,
        "max_overflow": 5,
        "pool_timeout": 10,
        "connect_args": {
            "connect_timeout": 5,
            "tcp_user_timeout": 10_000,
            "application_name": "rebound",
            "options": f"-c timezone=UTC -c statement_timeout={statement_timeout_ms}"
            " -c lock_timeout=8000 -c idle_in_transaction_session_timeout=60000",
        },
    }


class LostRace(Exception):
    """Somebody else changed the row between the look and the write."""


def can_repeat(error: BaseException) -> bool:
    """Whether the same transaction may well succeed when it is run again at once: it was rolled back because of another."""
    return isinstance(error, LostRace) or (
        isinstance(error, DBAPIError) and isinstance(error.orig, DeadlockDetected | SerializationFailure)
    )


def is_outage(error: BaseException) -> bool:
    """Whether the database was away, hung or full rather than asked for something wrong."""
    return isinstance(error, OperationalError | PoolTimeout) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


@overload
def atomic(fn: Callable[P, R]) -> Callable[P, R]: ...
@overload
def atomic(*, retry: int) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def atomic(fn: Callable[P, R] | None = None, *, retry: int = 0) -> Any:
    """One transaction: the outermost decorated call commits, or rolls all of it back.

    Work left by `after_commit` runs once the commit has stood. With `retry` the outermost call is run again
    that many times when it deadlocked or lost a race: only for functions that leave nothing behind in their
    arguments when they are rolled back.
    """
    if fn is None:
        return partial(_atomic, retry=retry)
    return _atomic(fn, retry=0)


def _atomic(fn: Callable[P, R], *, retry: int) -> Callable[P, R]:
    @wraps(fn)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        session = db.session()
        if session.info.get("atomic"):
            return fn(*args, **kwargs)
        for turn in range(retry + 1):
            try:
                return _run(session, fn, *args, **kwargs)
            except (DBAPIError, LostRace) as error:
                if turn == retry or not can_repeat(error):
                    raise
                log.warning("transaction_repeated", call=fn.__qualname__, turn=turn + 1, error=type(error).__name__)
        raise AssertionError("unreachable")

    return run


def _run(session: orm.Session, fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    session.info["atomic"] = True
    waiting: list[Callable[[], object]] = session.info.setdefault("after_commit", [])
    waiting.clear()
    try:
        result = fn(*args, **kwargs)
        session.commit()
        due, waiting[:] = list(waiting), []
    except BaseException:
        session.rollback()
        waiting.clear()
        raise
    finally:
        session.info["atomic"] = False
    for call in due:
        call()
    return result


def after_commit(call: Callable[[], object]) -> None:
    """Run `call` when the transaction in hand has committed; never when it rolls back."""
    session = db.session()
    if not session.info.get("atomic"):
        raise RuntimeError("after_commit outside @atomic")
    session.info["after_commit"].append(call)


class Prepared:
    """A statement compiled once and sent as it is: for the few that run for every event.

    Call it with its named parameters; lists and times are adapted by the driver. Plain text is taken as
    the driver's own SQL (`%(name)s`).
    """

    def __init__(self, statement: str | sa.Executable):
        self._statement = statement
        self._defaults: dict[str, Any] = {}
        self._sql = statement if isinstance(statement, str) else ""

    def __call__(self, **params: Any) -> sa.CursorResult[Any]:
        connection = db.session.connection()
        if not self._sql:
            compiled = self._statement.compile(dialect=connection.dialect)  # type: ignore[union-attr]
            self._sql, self._defaults = str(compiled), dict(compiled.params)
        return connection.exec_driver_sql(self._sql, self._defaults | params)


def company_id_column(*, index: bool = True, checked: bool = True) -> Mapped[int]:
    """Whose row it is. `checked` False spares the foreign key where rows come by the million and another key names their lead."""
    keys = [sa.ForeignKey("companies.id")] if checked else []
    return mapped_column(sa.BigInteger, *keys, index=index)
