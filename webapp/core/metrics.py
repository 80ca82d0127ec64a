"""What Prometheus reads: requests are counted as they pass, everything else is read when it asks."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask, Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector
from redis import RedisError
from rq import Worker
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError

from webapp.core.db import db
from webapp.core.queue import QUEUES, get_queue, get_redis
from webapp.core.work import KINDS, RESTING

log = structlog.get_logger(__name__)

REQUESTS = Counter("rebound_http_requests", "Requests answered", ["endpoint", "method", "status"])
SECONDS = Histogram(
    "rebound_http_request_seconds",
    "Time from the first to the last line of the program",
    ["endpoint"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def count_requests(app: Flask | Any) -> None:
    app.before_request(_start)
    app.after_request(_count)


def _start() -> None:
    g.metrics_started = time.perf_counter()


def _count(response: Response) -> Response:
    endpoint = request.endpoint or "none"
    REQUESTS.labels(endpoint, request.method, str(response.status_code)).inc()
    if "metrics_started" in g:
        SECONDS.labels(endpoint).observe(time.perf_counter() - g.metrics_started)
    return response


def render_metrics() -> Response:
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)
    else:
        registry.register(REGISTRY)
    registry.register(_Now())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Now(Collector):
    """A part that is down takes its own numbers away, and shows as 0 in rebound_up."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("rebound_up", "1 when the part answers", labels=["part"])
        for part, read in (("redis", _queues), ("database", _work)):
            try:
                families = list(read())
            except (RedisError, SQLAlchemyError) as error:
                log.warning("part_down", part=part, error=str(error))
                up.add_metric([part], 0)
            else:
                up.add_metric([part], 1)
                yield from families
        yield up


def _queues() -> Iterator[Metric]:
    waiting = GaugeMetricFamily("rebound_queue_waiting", "Jobs in a queue", labels=["queue"])
    running = GaugeMetricFamily("rebound_queue_running", "Jobs being worked on", labels=["queue"])
    failed = GaugeMetricFamily("rebound_queue_failed", "Jobs that failed, kept for a day", labels=["queue"])
    for name in QUEUES:
        queue = get_queue(name)
        waiting.add_metric([name], queue.count)
        running.add_metric([name], queue.started_job_registry.get_job_count(cleanup=False))
        failed.add_metric([name], queue.failed_job_registry.get_job_count(cleanup=False))
    workers = GaugeMetricFamily("rebound_workers", "Worker processes that serve a queue", labels=["queue"])
    for name, count in workers_by_queue().items():
        workers.add_metric([name], count)
    yield from (waiting, running, failed, workers)


def _work() -> Iterator[Metric]:
    rows = GaugeMetricFamily("rebound_work_rows", "Unfinished work by table and state", labels=["table", "state"])
    oldest = GaugeMetricFamily("rebound_work_oldest_seconds", "Age of the oldest queued row", labels=["table"])
    with db.engine.connect() as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = '3s'"))
        for kind in KINDS:
            if "__table__" not in kind.__dict__:
                continue
            table: sa.Table = kind.__table__  # type: ignore[attr-defined]
            age = sa.func.extract("epoch", sa.func.clock_timestamp() - sa.func.min(table.c.created_at))
            query = sa.select(table.c.state, sa.func.count(), age).group_by(table.c.state)
            for state, count, seconds in connection.execute(query.where(table.c.state.not_in(RESTING))):
                rows.add_metric([table.name, state], count)
                if state == "queued":
                    oldest.add_metric([table.name], float(seconds))
    pool = GaugeMetricFamily("rebound_database_connections", "Connections this web process has in use")
    pool.add_metric([], current_app.extensions["sqlalchemy"].engine.pool.checkedout())
    yield from (rows, oldest, pool)


def workers_by_queue() -> dict[str, int]:
    """Live workers of each queue; one that died is counted for up to 90 s after its last sign."""
    counts = dict.fromkeys(QUEUES, 0)
    for worker in Worker.all(connection=get_redis(), serializer=JSONSerializer):
        for name in worker.queue_names():
            if name in counts:
                counts[name] += 1
    return counts
