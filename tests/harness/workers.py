"""Jobs in tests: run to the end in this process, or by a real worker."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from flask import Flask, has_app_context
from redis import Redis
from rq import Queue, SimpleWorker, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from tests.harness.isolated import in_thread
from webapp.config import ROOT, Settings
from webapp.core.db import db
from webapp.core.queue import QUEUES
from webapp.serve.children import tied, wait_until


class InProcessWorker(SimpleWorker):
    """Runs in a thread that is not the main one, where signals cannot be caught."""

    death_penalty_class = TimerDeathPenalty  # type: ignore[assignment]

    def _install_signal_handlers(self) -> None:
        pass


class JobRunner:
    """Call it to run what is queued, and what that queues, until nothing waits.

    Gives the jobs which ran, in order. A job that fails fails the test, unless `failing`.
    """

    def __init__(self, app: Flask, connection: Redis) -> None:
        self.app = app
        self.connection = connection

    def queues(self, *names: str) -> list[Queue]:
        return [Queue(name, connection=self.connection, serializer=JSONSerializer) for name in names or QUEUES]

    def waiting(self) -> list[Job]:
        return [job for queue in self.queues() for job in queue.jobs]

    def __call__(self, *names: str, failing: bool = False) -> list[Job]:
        if has_app_context():
            db.session.commit()
        ran: list[Job] = []
        worker = InProcessWorker(self.queues(*names), connection=self.connection, serializer=JSONSerializer)
        perform = worker.perform_job

        def perform_and_keep(job: Job, queue: Queue) -> bool:
            ran.append(job)
            with self.app.app_context():
                return perform(job, queue)

        worker.perform_job = perform_and_keep  # type: ignore[method-assign]
        in_thread(worker.work, burst=True, logging_level="WARNING")
        if has_app_context():
            db.session.expire_all()
        if not failing:
            for job in ran:
                check_job(job)
        return ran


def check_job(job: Job) -> None:
    result = job.latest_result()
    if result is not None and result.type == result.Type.FAILED:
        raise AssertionError(f"The job {job.id} ({job.func_name}) failed:\n{result.exc_string}")


def environment(settings: Settings) -> dict[str, str]:
    """The environment from which a process of its own gets the same settings."""
    given = settings.model_dump(mode="json", exclude_defaults=True) | {"env": settings.env}
    names = {name: "REBOUND_ENV" if name == "env" else name.upper() for name in given}
    values = {
        names[name]: ",".join(value) if isinstance(value, list | tuple) else str(value)
        for name, value in given.items()
        if value is not None
    }
    inherited = {name: value for name, value in os.environ.items() if name not in values}
    return inherited | values


class WorkerProcess:
    """A real `python -m jobs.worker`; it is registered in Redis when this returns."""

    def __init__(self, settings: Settings, connection: Redis, queues: tuple[str, ...]) -> None:
        self.connection = connection
        self.log = Path(settings.logs) / f"worker-{len(list(Path(settings.logs).iterdir()))}.txt"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jobs.worker", *queues],
                cwd=ROOT,
                env=environment(settings),
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=tied(signal.SIGKILL),
            )
        up = wait_until(lambda: self.process.poll() is not None or self._registered(), 60)
        if not up or self.process.poll() is not None:
            self.kill()
            raise AssertionError(f"The worker did not start:\n{self.output()}")

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def _registered(self) -> bool:
        workers: list[Any] = Worker.all(connection=self.connection)
        return any(worker.pid == self.process.pid for worker in workers)

    def stop(self) -> None:
        """Ask it to finish the job in hand and leave."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"The worker did not stop:\n{self.output()}") from None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)
