"""`/healthz`: this process answers. `/readyz`: so does all it needs. `/metrics`: numbers for Prometheus."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
import structlog
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app, jsonify, request
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from webapp.core.db import db
from webapp.core.metrics import count_requests, render_metrics, workers_by_queue
from webapp.core.queue import get_redis

log = structlog.get_logger(__name__)
bp = Blueprint("health", __name__)
bp.record_once(lambda state: count_requests(state.app))


class Unready(Exception):
    """A part is there but not as it must be; the text says how."""


@bp.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when every part is well, else 503; each part with its own finding either way."""
    parts = {name: _look(name, check) for name, check in CHECKS.items()}
    ready = all(part["ok"] for part in parts.values())
    return jsonify(status="ready" if ready else "not ready", parts=parts), 200 if ready else 503


@bp.get("/metrics")
def metrics() -> Response:
    token = current_app.config["SETTINGS"].metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and not hmac.compare_digest(given.encode(), token.encode()):
        return Response("A token is needed.\n", 401, {"WWW-Authenticate": "Bearer"}, mimetype="text/plain")
    return render_metrics()


def _look(name: str, check: Callable[[], str]) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        found, ok = check(), True
    except Unready as error:
        found, ok = str(error), False
    except (SQLAlchemyError, RedisError) as error:
        # The type says enough to a stranger; the text may hold addresses and is for the log.
        found, ok = f"does not answer ({type(error).__name__})", False
        log.warning("part_down", part=name, error=str(error))
    return {"ok": ok, "detail": found, "ms": round((time.perf_counter() - began) * 1000, 1)}


def _database() -> str:
    with db.engine.connect() as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = '2s'"))
        return f"PostgreSQL {connection.execute(sa.text('SHOW server_version')).scalar_one()}"


def _redis() -> str:
    return f"Redis {get_redis().info('server')['redis_version']}"


@lru_cache(maxsize=1)
def _heads(folder: str) -> tuple[str, ...]:
    return tuple(ScriptDirectory(folder).get_heads())


def _migrations() -> str:
    wanted = set(_heads(current_app.extensions["migrate"].directory))
    with db.engine.connect() as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = '2s'"))
        if connection.execute(sa.text("SELECT to_regclass('alembic_version')")).scalar() is None:
            raise Unready("no migration has run; run `flask db upgrade`")
        found = set(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars())
    if found != wanted:
        raise Unready(f"at {_names(found)}, the program needs {_names(wanted)}; run `flask db upgrade`")
    return f"at {_names(found)}"


def _names(revisions: set[str]) -> str:
    return ", ".join(sorted(revisions)) or "none"


def _workers() -> str:
    counts = workers_by_queue()
    without = [name for name, count in counts.items() if not count]
    if without:
        raise Unready(f"no worker serves {', '.join(without)}")
    return ", ".join(f"{name} {count}" for name, count in counts.items())


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "redis": _redis,
    "migrations": _migrations,
    "workers": _workers,
}
