"""/healthz, /readyz and /metrics tell the truth about each part."""

from collections.abc import Callable

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from jobs.worker import make_worker
from tests.harness.client import Client
from tests.harness.workers import JobRunner
from webapp import create_app
from webapp.config import Settings
from webapp.core.queue import QUEUES


@pytest.fixture
def app_with(settings: Settings, clean: None) -> Callable[..., Flask]:
    """Call it with settings that differ, for an app of its own."""

    def make(**changed: object) -> Flask:
        app = create_app(settings.model_copy(update=changed))
        app.test_client_class = Client
        return app

    return make


def parts(app: Flask) -> tuple[int, dict[str, bool], str]:
    response = app.test_client().get("/readyz")
    assert response.json is not None
    return response.status_code, {name: part["ok"] for name, part in response.json["parts"].items()}, response.text


def test_the_process_is_healthy_without_asking_anything(app_with: Callable[..., Flask]) -> None:
    app = app_with(database_url="postgresql+psycopg://nobody@127.0.0.1:1/x", redis_url="redis://127.0.0.1:1")
    response = app.test_client().get("/healthz")
    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_all_is_ready_when_a_worker_serves_every_queue_and_a_queue_that_nobody_serves_is_named(
    app: Flask, client: Client, redis_client: Redis
) -> None:
    """RQ's own register of workers; tests/platform/test_runner.py reads it with real processes in it."""
    first = make_worker(app, ("interactive", "default"), redis_client)
    first.register_birth()
    status, ok, text = parts(app)
    assert (status, ok["workers"], ok["database"]) == (503, False, True)
    assert "no worker serves browser, exports" in text

    rest = make_worker(app, [queue for queue in QUEUES if queue not in ("interactive", "default")], redis_client)
    rest.register_birth()
    response = client.get("/readyz")
    assert (response.status_code, response.json and response.json["status"]) == (200, "ready"), response.text

    rest.register_death()
    assert parts(app)[0] == 503


def test_a_redis_that_is_away_is_named_and_the_rest_is_still_looked_at(app_with: Callable[..., Flask]) -> None:
    status, ok, text = parts(app_with(redis_url="redis://:a-password@127.0.0.1:1"))
    assert (status, ok) == (503, {"database": True, "redis": False, "migrations": True, "workers": False})
    assert "a-password" not in text


def test_a_database_that_is_away_is_named_without_its_address(app_with: Callable[..., Flask]) -> None:
    status, ok, text = parts(app_with(database_url="postgresql+psycopg://nobody:a-password@127.0.0.1:1/x"))
    assert (status, ok["database"], ok["migrations"], ok["redis"]) == (503, False, False, True)
    assert "a-password" not in text
    assert "127.0.0.1" not in text


def test_a_database_without_its_migrations_is_not_ready(
    app_with: Callable[..., Flask], new_database: Callable[..., str]
) -> None:
    status, ok, text = parts(app_with(database_url=new_database(migrated=False)))
    assert (status, ok["database"], ok["migrations"]) == (503, True, False)
    assert "flask db upgrade" in text


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_read_queues_workers_and_requests_when_asked(client: Client, worker: JobRunner) -> None:
    worker.queues("exports")[0].enqueue("tests.platform.sample_jobs.fail", "x")
    client.get("/healthz")
    found = samples(client.get("/metrics").text)
    assert found["rebound_queue_waiting", frozenset({("queue", "exports")})] == 1
    assert found["rebound_workers", frozenset({("queue", "exports")})] == 0
    assert found["rebound_up", frozenset({("part", "database")})] == 1
    healthz = frozenset({("endpoint", "health.healthz"), ("method", "GET"), ("status", "200")})
    assert found["rebound_http_requests_total", healthz] >= 1


def test_metrics_of_a_part_that_is_away_are_left_out(app_with: Callable[..., Flask]) -> None:
    found = samples(app_with(redis_url="redis://127.0.0.1:1").test_client().get("/metrics").text)
    assert found["rebound_up", frozenset({("part", "redis")})] == 0
    assert not [name for name, _ in found if name.startswith("rebound_queue")]


@pytest.mark.parametrize(
    ("given", "status"), [("", 401), ("Bearer wrong", 401), ("Bearer ünïcode", 401), ("Bearer a-token", 200)]
)
def test_metrics_ask_for_the_token_when_there_is_one(app_with: Callable[..., Flask], given: str, status: int) -> None:
    client = app_with(metrics_token="a-token").test_client()
    headers = {"Authorization": given} if given else {}
    assert client.get("/metrics", headers=headers).status_code == status
