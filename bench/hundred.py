"""The product itself: real workers run a project of a hundred dealerships and more to its end, against the demo's sites.

`python -m bench.hundred` prints, for each site, what was expected and what came of it; the pace with one worker and with two;
forms that arrived twice, processes left behind and memory while it ran.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import sqlalchemy as sa
from flask_migrate import upgrade
from redis import Redis

from bench.outreach import Outreach
from bench.world import say
from demo_sites.loading import load_sites
from demo_sites.server import SITES, SiteServer
from tests.harness.workers import WorkerProcess
from webapp import create_app
from webapp.automation.models import AutomationAttempt, Dealership, ProjectDealership, Run
from webapp.config import ROOT, Settings
from webapp.core.chromium import find_chromium
from webapp.core.db import db
from webapp.serve.children import wait_until
from webapp.serve.embedded import EmbeddedPostgres, EmbeddedRedis

LONGEST = 3600.0  # seconds of one run
EVERY = 20  # attempts between two looks at the memory
MB = 1024 * 1024
BROWSERS = ("chrom", "headless_shell", "node")


def choose_sites(most: int) -> list[str]:
    """Those that come to their end in one visit, of every topic in turn; slow ones (pages that never end) too."""
    load_sites()
    usable = [
        one for one in SITES.values()
        if (one.expect.get("ok") or one.expect.get("failure") or one.expect.get("skipped")) and one.name not in HOSTED
    ]  # fmt: skip
    by_topic: dict[str, list[str]] = {}
    for one in usable:
        by_topic.setdefault(one.topic, []).append(one.name)
    chosen: list[str] = []
    while len(chosen) < most and any(by_topic.values()):
        for names in by_topic.values():
            if names and len(chosen) < most:
                chosen.append(names.pop(0))
    return chosen


HOSTED = {
    "consentbox",
    "formboard",
    "questionpad",
    "captcha-vendor",
    "hcaptcha-vendor",  # stand in other sites' pages
    "fail-browser-crash",  # needs somebody who kills Chromium
    "fail-form-changed",  # needs a mapping learned before
}


@dataclass
class Measured:
    """One run with some workers. Memory in MB of worker, horse, driver and Chromium together."""

    workers: int
    sites: list[str]
    seconds: float = 0.0
    attempts: int = 0
    wrong: list[str] = field(default_factory=list)
    sums: Counter[str] = field(default_factory=Counter)
    twice: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    memory: list[tuple[int, float]] = field(default_factory=list)
    counted: str = ""

    @property
    def pace(self) -> float:
        return 60 * self.attempts / self.seconds


def family_of(workers: list[WorkerProcess]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for worker in workers:
        try:
            process = psutil.Process(worker.pid)
            found += [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    return found


def memory_of(family: list[psutil.Process]) -> float:
    """Proportional set size: pages that are shared are counted once."""
    total = 0
    for process in family:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / MB


def still(family: dict[int, psutil.Process]) -> list[str]:
    """Those that live on."""
    found = []
    for process in family.values():
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {process.name()}")
        except psutil.NoSuchProcess:
            continue
    return found


def measure(sites: SiteServer, names: list[str], workers: int, settings: Settings, connection: Redis) -> Measured:
    sites.forget()
    it = Measured(workers, names)
    outreach = Outreach(sites)
    processes = [WorkerProcess(settings, connection, ("browser",)) for _ in range(workers)]
    known: dict[int, psutil.Process] = {}
    try:
        places = [(name, sites.url_of(name) if SITES[name].start != "/" else "") for name in names]
        run = outreach.start(places, parallel_pages=workers)
        begun, told = time.monotonic(), 0

        def is_over() -> bool:
            nonlocal told
            db.session.rollback()
            now = db.session.get_one(Run, run.id, populate_existing=True)
            family = family_of(processes)
            known.update({one.pid: one for one in family})
            if now.attempts // EVERY > told:
                told = now.attempts // EVERY
                it.memory.append((now.attempts, memory_of(family)))
                say(f"  {now.attempts} attempts, {time.monotonic() - begun:.0f} s, {it.memory[-1][1]:.0f} MB")
            return now.state in ("finished", "cancelled", "paused")

        if not wait_until(is_over, LONGEST):
            raise RuntimeError(f"The run did not end within {LONGEST:g} s")
        it.seconds = time.monotonic() - begun
    finally:
        for process in processes:
            process.stop()
    wait_until(lambda: not still(known), 15)
    it.left = still(known)
    judge(it, sites, run.id)
    return it


def judge(it: Measured, sites: SiteServer, run_id: int) -> None:
    """Compare what came of each site with what it expects, and the run's counters with its rows."""
    db.session.rollback()
    run = db.session.get_one(Run, run_id, populate_existing=True)
    rows = db.session.execute(
        sa.select(Dealership.website, ProjectDealership, AutomationAttempt)
        .join(ProjectDealership, ProjectDealership.dealership_id == Dealership.id)
        .outerjoin(AutomationAttempt, AutomationAttempt.id == ProjectDealership.last_attempt_id)
        .where(ProjectDealership.project_id == run.project_id)
        .order_by(ProjectDealership.id)
    ).all()
    it.attempts = run.attempts + run.skipped
    for website, row, attempt in rows:
        name = website.split("//")[1].partition(".")[0]
        wanted, got = expected(name), said(row, attempt)
        it.sums[got.partition(" ")[0]] += 1
        if len(sites.accepted(name)) > 1:
            it.twice.append(name)
        delivered = len(sites.accepted(name))
        fits = got == wanted or ("," not in wanted and got.partition(",")[0] == wanted)
        if not fits or (wanted.startswith("success") and delivered != 1):
            why = (attempt.error_message or "") if attempt else "never tried"
            it.wrong.append(f"{name}: expected {wanted}, got {got}; {delivered} arrived; {why[:140]}")
    counted = Counter(row.contact_status for _, row, _ in rows)
    it.counted = (
        f"processed {run.processed}, successful {run.successful}, failed {run.failed}, skipped {run.skipped} of {run.total};"
        f" rows {dict(counted)}"
    )
    failed = counted["failed"] + counted["blocked"]
    if (run.processed, run.successful, run.failed, run.skipped) != (
        len(rows),
        counted["success"],
        failed,
        counted["skipped"],
    ):
        it.wrong.append(f"counters differ: {it.counted}")
    if run.state != "finished":
        it.wrong.append(f"the run is {run.state}: {run.paused_reason}")


def expected(name: str) -> str:
    expect = SITES[name].expect
    if expect.get("ok"):
        return "success"
    if expect.get("skipped"):
        return "skipped"
    submission = expect.get("submission")
    return f"failed {expect['failure']}" + (f", {submission}" if submission else "")


def said(row: ProjectDealership, attempt: AutomationAttempt | None) -> str:
    if row.contact_status not in ("failed", "blocked"):
        return str(row.contact_status)
    submission = attempt.submission if attempt else None
    return f"failed {row.error_type}" + (f", {submission}" if submission else "")


def report(runs: list[Measured]) -> str:
    lines = ["| workers | attempts | minutes | a minute | as expected | twice | left behind | memory, MB by attempts |"]
    lines.append("|" + "---|" * 8)
    for it in runs:
        memory = ", ".join(f"{count}: {used:.0f}" for count, used in it.memory)
        right = len(it.sites) - sum(": expected" in one for one in it.wrong)
        lines.append(
            f"| {it.workers} | {it.attempts} | {it.seconds / 60:.1f} | {it.pace:.1f} | {right} of {len(it.sites)} | {len(it.twice)} "
            f"| {len(it.left)} | {memory} |"
        )
    for it in runs:
        lines.append(f"\n{it.workers} worker(s): {dict(it.sums)}; {it.counted}")
        lines += [f"  {one}" for one in (*it.wrong, *(f"twice: {name}" for name in it.twice), *it.left)]
    if len(runs) > 1:
        lines.append(
            f"\n{runs[-1].workers} workers: {runs[-1].pace / runs[0].pace:.2f} x the pace of {runs[0].workers}"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=110, help="dealerships in the project")
    parser.add_argument("--workers", default="1,2", help="one run for each number")
    parser.add_argument("--far", type=float, default=0.0, help="seconds before each answer of a site")
    given = parser.parse_args()
    names = choose_sites(given.sites)
    found: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="rebound-hundred-") as kept:
        folder = Path(kept)
        postgres, redis = EmbeddedPostgres(folder / "pg", test=True), EmbeddedRedis(folder / "redis")
        try:
            settings = Settings(
                env="test", database_url=postgres.start(), redis_url=redis.start(), secret_key="only good for a measurement",
                var_dir=folder, log_dir=folder / "log", base_url="http://localhost",
                chromium_path=find_chromium(os.environ.get("CHROMIUM_PATH", "")) or "",
            )  # fmt: skip
            folder.joinpath("log").mkdir()
            app = create_app(settings)
            logging.disable(logging.ERROR)
            with (
                app.app_context(),
                SiteServer(far=given.far) as sites,
                Redis.from_url(settings.redis_url) as connection,
            ):
                upgrade(directory=str(ROOT / "migrations"))
                for workers in [int(one) for one in given.workers.split(",")]:
                    say(f"{len(names)} sites, {workers} worker(s); load {os.getloadavg()[0]:.1f}")
                    connection.flushdb()
                    found.append(measure(sites, names, workers, settings, connection))
                db.session.remove()
                db.engine.dispose()
        finally:
            redis.stop()
            postgres.destroy()
    print(report(found))
    return 1 if any(it.wrong or it.twice or it.left for it in found) else 0


if __name__ == "__main__":
    sys.exit(main())
