"""A worker killed before the click, at it and after it, with pauses in between: the sites' own log never holds two messages.

REBOUND_KILL_ROUNDS=25 runs as many rounds of a dozen dealerships; the suite runs one.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import psutil
import sqlalchemy as sa
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

from demo_sites.server import SiteServer
from tests.automation.test_workers import NO_RETRIES, World, lapse_leases
from tests.harness.workers import WorkerProcess
from webapp.automation.models import AutomationAttempt, Dealership, ProjectDealership, Run, RunLane
from webapp.automation.service import orphans, runs
from webapp.core.db import db as database
from webapp.core.queue import ring
from webapp.serve.children import wait_until
from webapp.timeline.models import ContactAttempt

ROUNDS = int(os.environ.get("REBOUND_KILL_ROUNDS", "1"))
SITES = (
    "trap-class", "trap-clipped", "seen-opacity", "seen-below", "mask-phone", "consent-terms", "visit-home", "out-ajax-sent",
    "out-redraw-sent", "out-redirect-sent", "no-form-tag", "clean-send",
)  # fmt: skip
SITES = SITES if ROUNDS > 1 else SITES[:8]
MOMENTS = ("starting", "loading_page", "filling_form", "submitting", "pressed", "arrived")
KILLS = 4 if ROUNDS > 1 else 3
RETRY = {
    **NO_RETRIES,
    "retry_strategies": {**NO_RETRIES["retry_strategies"], "browser_crash": {"max_attempts": 20, "delay": 0}},
}


class Killing:
    """One run, one worker at a time, and who ends it when."""

    def __init__(
        self, world: World, sites: SiteServer, worker_process: Callable[..., WorkerProcess], connection: Redis
    ):
        self.world, self.sites, self.worker_process, self.connection = world, sites, worker_process, connection
        self.project = world.project(SITES, retry=RETRY, parallel_pages=1, auto_pause=False)
        self.run: Run = runs.start_run(self.project.id, by=world.user)
        self.worker = worker_process("browser")

    def ended(self) -> bool:
        database.session.rollback()
        return self.world.ended(self.run)

    def now(self) -> AutomationAttempt | None:
        """The attempt in hand."""
        database.session.rollback()
        query = sa.select(AutomationAttempt).where(
            AutomationAttempt.run_id == self.run.id, AutomationAttempt.status == "running"
        )
        return database.session.scalars(query).first()

    def await_moment(self, moment: str, arrived: int) -> None:
        """Until an attempt stands there; or the run is over, or the attempt has gone past it."""

        def there() -> bool:
            if moment == "arrived":
                return len(self.sites.received) > arrived or self.ended()
            hand = self.now()
            if hand is None:
                return self.ended()
            return hand.submit_pressed_at is not None if moment == "pressed" else hand.step == moment

        assert wait_until(there, 60), self.world.state()

    def kill(self) -> None:
        family = [*psutil.Process(self.worker.pid).children(recursive=True), psutil.Process(self.worker.pid)]
        self.worker.kill()
        assert wait_until(lambda: not any(is_alive(one) for one in family), 20), "something lives on"

    def replace(self) -> None:
        """Two minutes later, on another machine."""
        lapse_leases()
        orphans.close_orphans()
        assert self.now() is None
        runs.wake_runs()
        self.worker = self.worker_process("browser")

    def pause(self) -> None:
        """What is in hand ends; after it no page is opened, whoever rings."""
        runs.pause_run(self.run.id, by=self.world.user)
        self.world.until(lambda: self.now() is None)
        seen = len(self.sites.visits)
        lane = database.session.scalars(sa.select(RunLane).where(RunLane.run_id == self.run.id)).one()
        self.world.until(
            lambda: database.session.scalar(sa.select(RunLane.lease_until).where(RunLane.id == lane.id)) is None
        )
        assert runs.wake_runs() == 0
        assert ring("automation", lane.id, turn=-1)
        rung = Job.fetch(f"automation-{lane.id}--1", connection=self.connection, serializer=JSONSerializer)
        assert wait_until(lambda: rung.get_status() == "finished", 20)
        assert len(self.sites.visits) == seen
        runs.resume_run(self.run.id, by=self.world.user)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def check_books(killing: Killing) -> Counter[str]:
    """What the sites hold, what the rows say and what the run counted are the same."""
    database.session.rollback()
    sites, run_id = killing.sites, killing.run.id
    found: Counter[str] = Counter()
    rows = database.session.execute(
        sa.select(ProjectDealership, Dealership.host)
        .join(Dealership, Dealership.id == ProjectDealership.dealership_id)
        .where(ProjectDealership.project_id == killing.project.id)
    ).all()
    for row, host in rows:
        got = len(sites.forms_of(host.partition(".")[0]))
        assert got <= 1, f"{host} was written to {got} times"
        said = (row.contact_status, row.submission)
        assert said in (("success", "confirmed"), ("failed", "unconfirmed")), (host, said, row.reason)
        assert got == 1 or said[0] == "failed", f"{host} got nothing and counts as a success"
        pressed = sa.select(sa.func.count()).where(
            AutomationAttempt.project_dealership_id == row.id, AutomationAttempt.submit_pressed_at.is_not(None)
        )
        assert database.session.scalar(pressed) == 1
        found[f"{said[0]}, {got} arrived"] += 1
    run = database.session.get_one(Run, run_id, populate_existing=True)
    won = sum(row.contact_status == "success" for row, _ in rows)
    assert (run.total, run.processed, run.successful, run.failed, run.skipped) == (
        len(SITES), len(SITES), won, len(SITES) - won, 0,
    )  # fmt: skip
    states = database.session.scalars(
        sa.select(ContactAttempt.state)
        .join(AutomationAttempt, AutomationAttempt.contact_id == ContactAttempt.id)
        .where(AutomationAttempt.run_id == run_id)
    )
    assert Counter(states) == Counter({"sent": won, "unknown": len(SITES) - won}) - Counter()
    return found


def test_whenever_a_worker_is_killed_no_dealership_is_written_to_twice_and_none_is_lost(
    db: Any, sites: SiteServer, worker_process: Callable[..., WorkerProcess], redis_client: Redis
) -> None:
    seen: Counter[str] = Counter()
    for seed in range(ROUNDS):
        sites.forget()
        dice = random.Random(seed)
        killing = Killing(World(sites), sites, worker_process, redis_client)
        moments = [*dice.sample(MOMENTS[:4], KILLS - 2), "pressed", "arrived"]
        dice.shuffle(moments)
        paused = dice.randrange(KILLS)
        for number, moment in enumerate(moments):
            for _ in range(dice.randrange(2)):  # let one pass
                killing.await_moment("arrived", len(sites.received))
            killing.await_moment(moment, len(sites.received))
            killing.kill()
            killing.replace()
            seen[f"killed when {moment}"] += 1
            if number == paused:
                killing.pause()
        killing.world.until(killing.ended, 120)
        killing.worker.stop()
        seen.update(check_books(killing))
    print(ROUNDS, "rounds:", dict(seen))  # noqa: T201


def test_a_worker_that_slept_past_its_lease_sends_nothing_when_it_wakes(
    db: Any, sites: SiteServer, worker_process: Callable[..., WorkerProcess]
) -> None:
    world = World(sites)
    project = world.project(("trap-all",), retry=RETRY, parallel_pages=1)
    run = runs.start_run(project.id, by=world.user)
    sleeper = worker_process("browser")
    world.until(lambda: (hand := world.running()) is not None and hand.step == "loading_page")
    horse = psutil.Process(sleeper.pid).children()[0]
    horse.suspend()
    lapse_leases()
    assert orphans.close_orphans() == 1
    runs.wake_runs()
    second = worker_process("browser")
    world.until(lambda: world.ended(run))
    second.stop()
    horse.resume()
    sleeper.stop()
    assert len(sites.forms_of("trap-all")) == 1
    ends = database.session.scalars(sa.select(AutomationAttempt.status).order_by(AutomationAttempt.id)).all()
    assert ends == ["failed", "success"]
