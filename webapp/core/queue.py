"""The doorbell. Work is a row in PostgreSQL; a queue entry only names it and may be lost or repeated."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from flask import current_app
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from webapp.core.db import after_commit

log = structlog.get_logger(__name__)

QUEUES = ("interactive", "browser", "exports", "default")


@dataclass(frozen=True, slots=True)
class JobSpec:
    path: str
    queue: str
    timeout: int  # seconds


JOBS: dict[str, JobSpec] = {
    "repair": JobSpec("jobs.recycling.perform_repair", "interactive", 3600),
    "recycle": JobSpec("jobs.recycling.perform_recycle", "interactive", 3600),
    "undo": JobSpec("jobs.recycling.perform_undo", "interactive", 3600),
    "import_check": JobSpec("jobs.imports.perform_import_check", "interactive", 1800),
    "import_run": JobSpec("jobs.imports.perform_import", "default", 7200),
    "import_undo": JobSpec("jobs.imports.perform_import_undo", "default", 3600),
    "bulk": JobSpec("jobs.leads.perform_bulk", "interactive", 3600),
    "call_import": JobSpec("jobs.imports.perform_call_import", "default", 7200),
    "export": JobSpec("jobs.reports.perform_export", "exports", 3600),
    "deliver": JobSpec("jobs.notifications.deliver", "default", 300),
    "demo": JobSpec("jobs.demo.perform_demo", "default", 1800),
    "automation": JobSpec("jobs.automation.perform_lane", "browser", 3600),
}


def redis_client(url: str) -> Redis:
    """A client that answers or fails within 2 s: a page never waits for Redis."""
    return Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))


def get_redis() -> Redis:
    client: Redis = current_app.extensions["redis"]
    return client


def get_queue(name: str) -> Queue:
    return Queue(name, connection=get_redis(), serializer=JSONSerializer)


def enqueue(name: str, row_id: int, *, turn: int = 0) -> None:
    """Ring for `JOBS[name]` with the row's id once the transaction has committed."""
    after_commit(lambda: ring(name, row_id, turn=turn))


def ring(name: str, row_id: int, *, turn: int = 0) -> bool:
    """Put one entry on the queue unless the same one waits there; False when Redis is away.

    The row stays queued then, and the sweep rings again.
    """
    spec = JOBS[name]
    job_id = f"{name}-{row_id}-{turn}"
    try:
        queue = get_queue(spec.queue)
        if Job.exists(job_id, connection=queue.connection) and queue.get_job_position(job_id) is not None:
            return True
        queue.enqueue_call(
            spec.path, args=(row_id,), job_id=job_id, timeout=spec.timeout, result_ttl=60, failure_ttl=86_400
        )
    except RedisError as error:
        log.warning("enqueue_deferred", job=name, row_id=row_id, error=type(error).__name__)
        return False
    return True
