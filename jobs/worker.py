"""The worker process: `python -m jobs.worker interactive default`."""

import argparse
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import structlog
from flask import Flask
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

import jobs
from jobs.runtime import get_app
from webapp.core.db import db
from webapp.core.queue import QUEUES
from webapp.serve.children import die_with_parent

log = structlog.get_logger(__name__)

# RQ's defaults find a dead worker's job after 10 to 20 minutes; these find it in about one.
WORKER_TTL = 30
JOB_MONITORING_INTERVAL = 5
MAINTENANCE_INTERVAL = 15
MEMORY_LIMITS = {"exports": 2 << 30}  # bytes of address space for one job of a queue


class TiedWorker(Worker):
    """A worker whose child process, the work horse, ends with it, however it ends.

    With RQ's own, a horse outlives a killed worker and runs beside its successor.
    """

    app: Flask

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        die_with_parent(signal.SIGKILL, self.pid or 0)
        with self.app.app_context():
            # Connections made before the fork belong to the parent: leave them, without closing.
            db.engine.dispose(close=False)
        limit_memory(queue.name)
        super().main_work_horse(job, queue)


def limit_memory(queue: str) -> None:
    limit = MEMORY_LIMITS.get(queue)
    if limit is None or sys.platform != "linux":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def note_killed_horse(job: Job, pid: int | None, status: int | None, usage: Any) -> None:
    """RQ tells nobody else. The row keeps its lease until it ends, then the sweep takes it up."""
    ended_by = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
    peak_mb = usage.ru_maxrss // 1024 if usage is not None else None
    log.error("work_horse_killed", job=job.id, horse=pid, signal=ended_by, peak_mb=peak_mb)


def make_worker(app: Flask, queues: Sequence[str], connection: Redis) -> TiedWorker:
    worker = TiedWorker(
        [Queue(name, connection=connection, serializer=JSONSerializer) for name in queues],
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL,
        job_monitoring_interval=JOB_MONITORING_INTERVAL,
        maintenance_interval=MAINTENANCE_INTERVAL,
        work_horse_killed_handler=note_killed_horse,
    )
    worker.app = app
    return worker


def connect(url: str) -> Redis:
    """Workers wait for Redis through a restart; pages do not (`webapp.core.queue`)."""
    return Redis.from_url(url, retry=Retry(ExponentialBackoff(cap=2, base=0.1), 10))


def load_jobs() -> None:
    """Import every job before the first fork, so that no work horse has to."""
    for module in pkgutil.iter_modules(jobs.__path__):
        if module.name != "worker":
            import_module(f"jobs.{module.name}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("queues", nargs="*", default=list(QUEUES), help="in order of precedence")
    parser.add_argument("--burst", action="store_true", help="end when the queues are empty")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.queues) - set(QUEUES)
    if unknown:
        parser.error(f"no such queue: {', '.join(sorted(unknown))}; there are {', '.join(QUEUES)}")
    load_jobs()
    app = get_app()
    worker = make_worker(app, chosen.queues, connect(app.config["SETTINGS"].redis_url))
    worker.work(burst=chosen.burst, logging_level="WARNING")
    return 0


if __name__ == "__main__":
    sys.exit(main())
