"""What /system tells an admin. Each part answers for itself: with Redis away the database's parts still stand."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import sqlalchemy as sa
import structlog
from flask import current_app
from redis import RedisError
from rq import Worker
from rq.serializers import JSONSerializer

from webapp.core import health
from webapp.core.db import db
from webapp.core.queue import QUEUES, get_queue, get_redis
from webapp.core.schedule import Schedule

log = structlog.get_logger(__name__)
PACKAGES = ("flask", "sqlalchemy", "psycopg", "redis", "rq", "weasyprint", "gunicorn")


@dataclass(slots=True)
class Queues:
    """`queues` are (name, waiting, running, failed, workers); `down` says that Redis does not answer."""

    down: bool = False
    queues: list[tuple[str, int, int, int, int]] = field(default_factory=list)
    workers: list[dict[str, Any]] = field(default_factory=list)


def checks() -> list[tuple[str, dict[str, Any]]]:
    """The findings of /readyz, by part."""
    response, _ = health.readyz()
    return list((response.get_json() or {}).get("parts", {}).items())


def queues() -> Queues:
    found = Queues()
    try:
        workers = Worker.all(connection=get_redis(), serializer=JSONSerializer)
        for worker in workers:
            found.workers.append({
                "name": worker.name, "state": worker.get_state(), "queues": worker.queue_names(), "born": _aware(worker.birth_date),
                "seen": _aware(worker.last_heartbeat), "done": worker.successful_job_count, "failed": worker.failed_job_count,
                "job": worker.get_current_job_id(),
            })  # fmt: skip
        for name in QUEUES:
            queue = get_queue(name)
            serving = sum(name in worker["queues"] for worker in found.workers)
            found.queues.append((
                name, queue.count, queue.started_job_registry.get_job_count(cleanup=False),
                queue.failed_job_registry.get_job_count(cleanup=False), serving,
            ))  # fmt: skip
    except RedisError as error:
        log.warning("queues_unread", error=type(error).__name__)
        return Queues(down=True)
    return found


def _aware(at: datetime | None) -> datetime | None:
    """RQ tells UTC without saying so."""
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def database() -> dict[str, Any]:
    """Size in bytes, connections, and the biggest tables as (name, bytes with indexes, rows by the planner's estimate)."""
    row = db.session.execute(
        sa.text(
            "SELECT pg_database_size(current_database()) AS size, current_setting('server_version') AS version,"
            " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections"
        )
    ).one()
    tables = db.session.execute(
        sa.text(
            "SELECT relname, pg_total_relation_size(oid) AS bytes, nullif(reltuples, -1)::bigint AS rows FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC LIMIT 10"
        )
    ).all()
    return {"size": row.size, "version": row.version, "connections": row.connections, "tables": list(tables)}


def schedules(company_id: int) -> list[Schedule]:
    """The installation's and this company's."""
    return list(
        db.session.scalars(
            sa.select(Schedule)
            .where(sa.or_(Schedule.company_id.is_(None), Schedule.company_id == company_id))
            .order_by(Schedule.name)
        )
    )


def disk() -> dict[str, Any]:
    folder = current_app.config["SETTINGS"].var_dir
    usage = shutil.disk_usage(folder if folder.exists() else folder.parent)
    return {"folder": folder, "total": usage.total, "used": usage.total - usage.free, "free": usage.free}


def versions() -> list[tuple[str, str]]:
    return [("Python", platform.python_version()), *((name, version(name)) for name in PACKAGES)]
