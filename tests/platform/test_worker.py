"""The worker process: its child ends with it, uses its own connections, and cannot eat the machine."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs.worker import JOB_MONITORING_INTERVAL, MAINTENANCE_INTERVAL, WORKER_TTL, main, make_worker
from tests.harness.workers import JobRunner, WorkerProcess
from webapp.core.queue import JOBS, QUEUES
from webapp.serve.children import alive, wait_until

JOBS_HERE = "tests.platform.sample_jobs."
Start = Callable[..., WorkerProcess]


def put(redis_client: Redis, queue: str, name: str, argument: object) -> Job:
    return Queue(queue, connection=redis_client, serializer=JSONSerializer).enqueue(JOBS_HERE + name, str(argument))


def wait_for(path: Path) -> str:
    assert wait_until(lambda: path.exists() and path.read_text() != "", 20)
    return path.read_text()


def test_the_child_of_a_killed_worker_ends_with_it(worker_process: Start, redis_client: Redis, tmp_path: Path) -> None:
    worker = worker_process("default")
    put(redis_client, "default", "hold", tmp_path / "pid")
    horse = int(wait_for(tmp_path / "pid"))
    assert alive(horse)
    worker.kill()
    assert wait_until(lambda: not alive(horse), 5)


def test_a_killed_child_is_logged_and_its_successors_use_connections_of_their_own(
    worker_process: Start, redis_client: Redis, tmp_path: Path
) -> None:
    worker = worker_process("default")
    put(redis_client, "default", "hold", tmp_path / "pid")
    os.kill(int(wait_for(tmp_path / "pid")), signal.SIGKILL)
    for _ in range(3):
        put(redis_client, "default", "note_connection", tmp_path / "seen")
    assert wait_until(
        lambda: (tmp_path / "seen").exists() and len((tmp_path / "seen").read_text().splitlines()) == 3, 20
    )
    pairs = [line.split() for line in (tmp_path / "seen").read_text().splitlines()]
    assert len({horse for horse, _ in pairs}) == 3
    assert len({backend for _, backend in pairs}) == 3
    assert "work_horse_killed" in worker.output()


def test_a_second_request_to_stop_ends_the_job_in_hand(
    worker_process: Start, redis_client: Redis, tmp_path: Path
) -> None:
    worker = worker_process("default")
    put(redis_client, "default", "hold", tmp_path / "pid")
    horse = int(wait_for(tmp_path / "pid"))
    worker.process.terminate()
    assert wait_until(lambda: asked_to_stop(redis_client), 10)
    assert alive(horse)
    assert wait_until(lambda: _terminate_again(worker), 15)
    assert wait_until(lambda: not alive(horse), 5)


def asked_to_stop(redis_client: Redis) -> bool:
    return all(redis_client.hexists(key, "shutdown_requested_date") for key in redis_client.smembers("rq:workers"))


def _terminate_again(worker: WorkerProcess) -> bool:
    """RQ takes a second signal within a second for an echo of the first."""
    if worker.process.poll() is None:
        worker.process.terminate()
    return worker.process.poll() is not None


def test_an_export_that_wants_too_much_memory_is_refused_it(
    worker_process: Start, redis_client: Redis, tmp_path: Path
) -> None:
    worker_process("exports")
    put(redis_client, "exports", "swallow_memory", tmp_path / "end")
    assert wait_for(tmp_path / "end") == "refused"


def test_an_unknown_queue_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fast"])
    assert "no such queue: fast" in capsys.readouterr().err


def test_a_dead_workers_job_is_found_in_about_a_minute(
    prepared: object, redis_client: Redis, worker: JobRunner
) -> None:
    made = make_worker(worker.app, QUEUES, redis_client)
    assert (made.worker_ttl, made.job_monitoring_interval, made.maintenance_interval) == (
        WORKER_TTL,
        JOB_MONITORING_INTERVAL,
        MAINTENANCE_INTERVAL,
    )
    assert WORKER_TTL <= 30
    assert MAINTENANCE_INTERVAL <= 15


def test_every_job_of_the_table_goes_to_a_queue_that_a_worker_serves() -> None:
    assert {spec.queue for spec in JOBS.values()} <= set(QUEUES)


def test_the_job_runner_of_tests_reports_a_failed_job(worker: JobRunner, redis_client: Redis) -> None:
    put(redis_client, "interactive", "fail", "no paper")
    with pytest.raises(AssertionError, match="ValueError: no paper"):
        worker()


def test_the_job_runner_of_tests_runs_queues_in_order_until_nothing_waits(
    worker: JobRunner, redis_client: Redis
) -> None:
    last = put(redis_client, "default", "fail", "second")
    first = put(redis_client, "interactive", "fail", "first")
    assert [job.id for job in worker(failing=True)] == [first.id, last.id]
    assert worker.waiting() == []
