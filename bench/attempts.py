"""Form attempts with their evidence kept: lanes beside a bare script that visits, fills, sends and photographs the same.

One at once, and two as `make run` starts them; the scripts are as many.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask_migrate import upgrade
from playwright.sync_api import Browser, Page, sync_playwright

from bench.clock import Job, timed
from bench.outreach import ENQUIRY, Outreach
from bench.world import Seeded, World
from demo_sites.loading import load_sites
from demo_sites.server import SiteServer
from webapp import create_app
from webapp.automation.engine import read
from webapp.automation.engine.attempt import attempt
from webapp.automation.engine.browser import VIEWPORT, EngineBrowser, open_browser
from webapp.automation.engine.outcome import Enquiry, Step, Target
from webapp.automation.models import AutomationAttempt, RunLane
from webapp.automation.service.lanes import Lane
from webapp.config import ROOT, Settings
from webapp.core.chromium import find_chromium
from webapp.core.db import db
from webapp.core.storage import get_storage

SITES = (
    "maple-street-motors", "marion-subaru", "wayne-motors", "logan-auto", "wheeling-auto-park", "wooster-wheels", "lakeshore-cars",
    "blue-ridge-subaru",
)  # fmt: skip
ROUNDS = 3
LANES = (1, 2)
DATABASE = "attempts"
ASKED = Enquiry(**ENQUIRY)
SHOWN = "words => document.body && document.body.innerText.replace(/\\s+/g, ' ').includes(words)"
SAID = {
    **{kind: ENQUIRY[kind] for kind in ("first_name", "last_name", "email", "phone", "postal_code", "subject", "message")},
    "full_name": ASKED.full_name,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Script:
    """What the bare script knows of a site beforehand: all that the engine has to find."""

    name: str
    home: str
    contact: str
    fields: tuple[tuple[str, str], ...]  # selector, text
    button: str
    thanks: str


class Quiet:
    def step(self, name: Step) -> None:
        pass

    def about_to_submit(self) -> None:
        pass

    def may_open(self, url: str) -> str:
        return ""


def learn(browser: EngineBrowser, sites: SiteServer, name: str) -> Script:
    """From one attempt of the engine, which must succeed."""
    home = sites.url_of(name, "/")
    outcome = attempt(browser, Target(name, home), ASKED, observer=Quiet())
    if not outcome.ok or outcome.learned is None:
        raise RuntimeError(f"{name}: {outcome.failure}: {outcome.message}")
    fields = tuple((one.selector, SAID[one.kind]) for one in outcome.fields if one.filled)
    button = f"{outcome.learned.form} :is(button:not([type=button]), input[type=submit])"
    return Script(name, home, outcome.contact_url, fields, button, outcome.message[:24])


def by_hand(browser: Browser, script: Script, folder: Path, *, both: bool) -> None:
    """`both`: the home page first, as somebody must who does not know where the form is."""
    context = browser.new_context(viewport=VIEWPORT, locale="en-US")
    page: Page = context.new_page()
    for url in dict.fromkeys([script.home, script.contact] if both else [script.contact]):
        page.goto(url)
    for selector, text in script.fields:
        page.locator(selector).fill(text)
    page.screenshot(path=folder / "before.png", full_page=True)
    page.locator(script.button).last.click()
    page.wait_for_function(SHOWN, arg=script.thanks)
    page.screenshot(path=folder / "after.png", full_page=True)
    (folder / "page.html").write_text(page.content())
    context.close()


def work(kind: str, settings: Settings, scripts: list[Script], folder: str, jobs: Any, gate: Any) -> None:
    """A process with a driver and a Chromium of its own: each job is a lane to serve, or the scripts to follow by hand (with `both`)."""
    logging.disable(logging.INFO)
    executable = find_chromium(os.environ.get("CHROMIUM_PATH", ""))
    with ExitStack() as stack:
        driver = stack.enter_context(sync_playwright())
        if kind == "floor":
            bare = driver.chromium.launch(executable_path=executable, chromium_sandbox=os.geteuid() != 0)
        else:
            load_sites("dealers")
            stack.enter_context(create_app(settings).app_context())
            browser = stack.enter_context(
                open_browser(executable, allowed_hosts=["*.localhost"], chromium=driver.chromium)
            )
            browser.prepare(read.INIT_SCRIPT)
        while (job := jobs.get()) is not None:
            gate.wait()
            if kind == "floor":
                for script in job[0]:
                    by_hand(bare, script, Path(folder), both=job[1])
            else:
                with ExitStack() as lane:
                    Lane(*job, browser=browser).serve(lane)
            gate.wait()


class Team:
    """`size` processes of one kind, all of them ready before a measurement and done at its end."""

    def __init__(self, kind: str, size: int, settings: Settings, scripts: list[Script], folder: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.gate = context.Barrier(size + 1)
        self.jobs = [context.Queue() for _ in range(size)]
        self.processes = [
            context.Process(target=work, args=(kind, settings, scripts, folder, jobs, self.gate)) for jobs in self.jobs
        ]
        for process in self.processes:
            process.start()

    def seconds(self, jobs: list[Any]) -> float:
        for queue, job in zip(self.jobs, jobs, strict=True):
            queue.put(job)
        self.gate.wait(120)
        return timed(lambda: self.gate.wait(600))

    def end(self) -> None:
        for queue in self.jobs:
            queue.put(None)
        for process in self.processes:
            process.join(60)


def by_lanes(team: Team, sites: SiteServer, scripts: list[Script], lanes: int, *, both: bool) -> float:
    """A run of the product, each of its lanes served to its end as a worker does. Seconds."""
    outreach = Outreach(sites)
    run = outreach.start([(one.name, "" if both else one.contact) for one in scripts], parallel_pages=lanes)
    rows = db.session.scalars(sa.select(RunLane).where(RunLane.run_id == run.id)).all()
    jobs = [(row.id, run.id, outreach.company_id, row.fence) for row in rows]
    db.session.commit()
    took = team.seconds(jobs)
    check(run.id, len(scripts))
    return took


def check(run_id: int, expected: int) -> None:
    """Every attempt succeeded and its three proofs lie in the storage."""
    db.session.rollback()
    rows = db.session.scalars(sa.select(AutomationAttempt).where(AutomationAttempt.run_id == run_id)).all()
    for row in rows:
        if row.status != "success":
            raise RuntimeError(f"{row.final_url}: {row.status} {row.error_type}: {row.error_message}")
        for key in (row.screenshot_before_path, row.screenshot_after_path, row.page_source_path):
            with get_storage().open(str(key)) as kept:
                if not kept.read(1):
                    raise RuntimeError(f"{row.final_url}: nothing in {key}")
    if len(rows) != expected:
        raise RuntimeError(f"{len(rows)} attempts instead of {expected}")


def run(world: World, source: Seeded | None = None) -> Iterator[Job]:
    load_sites("dealers")
    world.sql(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
    world.sql(f'CREATE DATABASE "{DATABASE}"')
    executable = find_chromium(os.environ.get("CHROMIUM_PATH", ""))
    with world.in_app(DATABASE), tempfile.TemporaryDirectory() as kept, SiteServer() as sites:
        logging.disable(logging.INFO)
        upgrade(directory=str(ROOT / "migrations"))
        with open_browser(executable, allowed_hosts=["*.localhost"]) as browser:
            scripts = [learn(browser, sites, name) for name in SITES]
        for lanes in LANES:
            teams = {kind: Team(kind, lanes, world.settings(DATABASE), scripts, kept) for kind in ("ours", "floor")}
            for both, what in ((False, "contact page known"), (True, "found from the home page")):

                def ours(both: bool = both, lanes: int = lanes, team: Team = teams["ours"]) -> float:
                    return by_lanes(team, sites, scripts, lanes, both=both)

                def floor(both: bool = both, lanes: int = lanes, team: Team = teams["floor"]) -> float:
                    return team.seconds([(scripts[number::lanes], both) for number in range(lanes)])

                sites.forget()
                job = Job("form attempt, evidence saved", "1.25 x", size=f"{len(scripts)} sites, {lanes} at once")
                job.run(ours, floor, ROUNDS)
                ours_pace, bare_pace = (60 * len(scripts) / statistics.median(took) for took in (job.ours, job.floor))
                job.note = f"{what}; {ours_pace:.0f} a minute beside {bare_pace:.0f}"
                yield job
                for script in scripts:
                    if len(sites.accepted(script.name)) != 2 * ROUNDS:
                        raise RuntimeError(
                            f"{script.name} took {len(sites.accepted(script.name))} of {2 * ROUNDS} forms"
                        )
            for team in teams.values():
                team.end()


def main() -> None:
    """The job alone, without the seed."""
    from bench.clock import table

    world = World()
    try:
        print(table(list(run(world))))
    finally:
        world.close()


if __name__ == "__main__":
    main()
