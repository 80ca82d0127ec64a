"""Runs over the demo's sites by real workers with a real Chromium, some of them killed. The sites' own log is believed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from redis import Redis

from demo_sites.server import SITES, SiteServer
from tests.factories import (
    make_company,
    make_contact_request,
    make_dealership,
    make_list,
    make_project,
    make_project_dealership,
    make_user,
)
from webapp.accounts.hosts import allow_host
from webapp.automation.models import (
    AutomationAttempt,
    AutomationSettings,
    Dealership,
    FormMapping,
    ProjectDealership,
    Run,
)
from webapp.automation.service import orphans, runs
from webapp.core.clock import db_now
from webapp.core.db import db as database
from webapp.serve.children import wait_until
from webapp.timeline.models import ContactAttempt, OutreachSettings

NO_RETRIES = {
    "max_attempts": 0,
    "retry_strategies": {kind: {"max_attempts": 0} for kind in ("page_timeout", "network_error", "form_not_found")},
}
SOME = (
    "maple-street-motors", "great-seal-auto", "north-coast-cars", "scioto-valley-ford", "capital-imports", "cardinal-auto",
    "old-town-motors", "private-reserve-motors", "club-auto", "parkway-autos",
)  # fmt: skip


class World:
    def __init__(self, sites: SiteServer) -> None:
        self.sites = sites
        self.company = make_company()
        self.user = make_user(self.company, role="admin")
        allow_host(f"*.localhost:{sites.port}", "the demo's sites", by=self.user)
        database.session.add(
            AutomationSettings(
                company_id=self.company.id, user_agent="Rebound/1.0 (ops@example.com)", daily_per_host=900
            )
        )
        database.session.add(OutreachSettings(company_id=self.company.id, quiet_for_campaigns=False))
        database.session.commit()
        self.list = make_list(self.company)

    def project(self, names: tuple[str, ...], **facts: Any) -> Any:
        facts = {
            "dry_run": False,
            "host_gap_seconds": 0,
            "per_minute": 120,
            "parallel_pages": 2,
            "retry": NO_RETRIES,
            **facts,
        }
        project = make_project(self.company, **facts)
        make_contact_request(
            project, vehicle_year="2023", vehicle_make="Honda", vehicle_model="Civic", city="Columbus", state="OH"
        )
        for number, name in enumerate(names):
            dealership = make_dealership(self.list, name=SITES[name].title, website=self.sites.url_of(name))
            make_project_dealership(project, dealership, distance_miles=number)
        return project

    def statuses(self, project: Any) -> dict[str, str]:
        database.session.rollback()
        rows = database.session.execute(
            sa.select(Dealership.host, ProjectDealership.contact_status)
            .join(ProjectDealership, ProjectDealership.dealership_id == Dealership.id)
            .where(ProjectDealership.project_id == project.id)
        )
        return {host.partition(".")[0]: status for host, status in rows}

    def until(self, test: Callable[[], Any], seconds: float = 90) -> None:
        def look() -> bool:
            database.session.rollback()
            return bool(test())

        assert wait_until(look, seconds), self.state()

    def state(self) -> list[Any]:
        database.session.rollback()
        return [
            (a.status, a.step, a.error_type, a.error_message)
            for a in database.session.scalars(sa.select(AutomationAttempt))
        ]

    def ended(self, run: Run) -> bool:
        return database.session.scalar(sa.select(Run.state).where(Run.id == run.id)) in ("finished", "cancelled")

    def running(self) -> AutomationAttempt | None:
        return database.session.scalars(
            sa.select(AutomationAttempt).where(AutomationAttempt.status == "running")
        ).first()


@pytest.fixture
def world(db: Any, sites: SiteServer) -> World:
    return World(sites)


def lapse_leases() -> None:
    """As if two minutes had passed."""
    database.session.rollback()
    database.session.execute(
        sa.update(ProjectDealership)
        .where(ProjectDealership.lease_until.is_not(None))
        .values(lease_until=db_now() - timedelta(seconds=1))
    )
    database.session.execute(sa.text("UPDATE run_lanes SET lease_until = NULL"))
    database.session.execute(sa.text("UPDATE host_paces SET busy_until = NULL"))
    database.session.commit()


def chromiums_of(pid: int) -> list[psutil.Process]:
    return [
        p
        for p in psutil.Process(pid).children(recursive=True)
        if "chrom" in p.name() and "--type=" not in " ".join(p.cmdline())
    ]


def test_two_workers_on_one_run_bring_every_site_to_its_expected_end_and_send_nothing_twice(
    world: World, sites: SiteServer, worker_process: Any
) -> None:
    project = world.project(SOME)
    run = runs.start_run(project.id, by=world.user)
    worker_process("browser")
    worker_process("browser")
    world.until(lambda: world.ended(run), 150)
    wrong = {}
    for name, status in world.statuses(project).items():
        expect = SITES[name].expect
        wanted = "success" if expect.get("ok") else "skipped" if expect.get("skipped") else ("failed", "blocked")
        if status not in wanted or len(sites.accepted(name)) != (1 if expect.get("ok") else 0):
            wrong[name] = (status, [one.note for one in sites.forms_of(name)])
    assert wrong == {}, world.state()
    lanes = set(database.session.scalars(sa.text("SELECT worker FROM run_lanes")))
    assert len(lanes) == 2, "both workers had a hand in it"
    row = database.session.get_one(Run, run.id, populate_existing=True)
    assert (row.processed, row.successful, row.failed, row.skipped) == (10, 4, 5, 1)
    sent = database.session.scalars(sa.select(ContactAttempt.state).order_by(ContactAttempt.id)).all()
    assert sorted(sent) == ["failed", "sent", "sent", "sent", "sent"], "parkway-autos said no after the click"
    attempts = database.session.scalars(sa.select(AutomationAttempt).where(AutomationAttempt.status == "success")).all()
    for attempt in attempts:
        assert attempt.screenshot_before_path
        assert attempt.screenshot_after_path
        assert attempt.page_load_time_ms
        assert attempt.user_agent
        assert attempt.form_mapping_version == "v1"
    assert database.session.scalar(sa.select(sa.func.count()).select_from(FormMapping)) >= 4


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_before_the_click_is_followed_by_another_and_one_killed_after_it_never(
    world: World, sites: SiteServer, worker_process: Any, moment: str
) -> None:
    name = "sleepy-hollow-auto" if moment == "before" else "quiet-lane-autos"
    project = world.project((name,), retry={"max_attempts": 1})
    run = runs.start_run(project.id, by=world.user)
    first = worker_process("browser")
    if moment == "before":
        world.until(lambda: any(visit.site == name and visit.path != "/robots.txt" for visit in sites.visits))
    else:
        assert sites.arrived.wait(60), world.state()
    family = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    assert wait_until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family), 20), (
        "something lives on"
    )
    lapse_leases()
    assert orphans.close_orphans() == 1
    row = database.session.scalars(sa.select(ProjectDealership)).one()
    if moment == "before":
        assert (row.contact_status, row.error_type) == ("pending", "browser_crash")
        assert sites.forms_of(name) == []
        return
    assert (row.contact_status, row.error_type, row.submission) == ("failed", "submission_failed", "unconfirmed")
    assert world.ended(run)
    second = worker_process("browser")
    assert runs.wake_runs() == 0
    second.stop()
    assert len(sites.forms_of(name)) == 1
    assert database.session.scalars(sa.select(ContactAttempt.state)).all() == ["unknown"]


def test_a_cancellation_is_heard_within_seconds_and_gives_the_dealership_back(
    world: World, sites: SiteServer, worker_process: Any
) -> None:
    project = world.project(("sleepy-hollow-auto", "maple-street-motors"), parallel_pages=1)
    run = runs.start_run(project.id, by=world.user)
    worker_process("browser")
    world.until(lambda: any(v.site == "sleepy-hollow-auto" and v.path != "/robots.txt" for v in sites.visits))
    runs.cancel_run(run.id, by=world.user)
    world.until(lambda: world.running() is None, 8)
    assert world.statuses(project) == {"sleepy-hollow-auto": "pending", "maple-street-motors": "pending"}
    assert database.session.scalars(sa.select(AutomationAttempt.status)).all() == ["cancelled"]
    assert sites.received == []


def test_a_run_goes_on_when_its_browser_is_killed_and_when_redis_forgets_it(
    world: World, sites: SiteServer, worker_process: Any, redis_client: Redis
) -> None:
    retry = {**NO_RETRIES, "retry_strategies": {**NO_RETRIES["retry_strategies"], "browser_crash": {"max_attempts": 0}}}
    project = world.project(
        ("sleepy-hollow-auto", "maple-street-motors", "great-seal-auto"), parallel_pages=1, retry=retry
    )
    run = runs.start_run(project.id, by=world.user)
    redis_client.flushdb()
    assert runs.wake_runs() == 1
    process = worker_process("browser")
    world.until(lambda: any(v.site == "sleepy-hollow-auto" and v.path != "/robots.txt" for v in sites.visits))
    for chromium in chromiums_of(process.pid):
        os.kill(chromium.pid, signal.SIGKILL)
    world.until(lambda: world.ended(run))
    assert world.statuses(project) == {
        "sleepy-hollow-auto": "failed", "maple-street-motors": "success", "great-seal-auto": "success",
    }  # fmt: skip
    assert {len(sites.accepted(name)) for name in ("maple-street-motors", "great-seal-auto")} == {1}
    first = database.session.scalars(sa.select(AutomationAttempt).order_by(AutomationAttempt.id)).first()
    assert first is not None
    assert first.error_type == "browser_crash"


def test_a_dry_run_sends_nothing_and_the_second_visit_uses_what_it_has_learned(
    world: World, sites: SiteServer, worker_process: Any
) -> None:
    first = world.project(("maple-street-motors",), dry_run=True)
    run = runs.start_run(first.id, by=world.user)
    process = worker_process("browser")
    world.until(lambda: world.ended(run))
    attempt = database.session.scalars(sa.select(AutomationAttempt)).one()
    assert (attempt.status, attempt.submission) == ("success", "not_sent"), attempt.error_message
    assert attempt.screenshot_before_path
    assert {field["kind"] for field in attempt.fields} >= {"email", "message"}
    assert sites.received == []
    assert world.statuses(first) == {"maple-street-motors": "pending"}
    runs_again = runs.start_run(first.id, by=world.user, dry_run=False)
    world.until(lambda: world.ended(runs_again))
    process.stop()
    latest = database.session.scalars(sa.select(AutomationAttempt).order_by(AutomationAttempt.id.desc())).first()
    assert latest is not None
    assert (latest.status, latest.automation_strategy, latest.form_mapping_version) == (
        "success",
        "saved_mapping",
        "v1",
    )
    assert len(sites.accepted("maple-street-motors")) == 1


def test_a_run_goes_on_when_the_database_drops_every_connection_again_and_again(
    world: World, sites: SiteServer, worker_process: Any
) -> None:
    names = ("maple-street-motors", "great-seal-auto", "north-coast-cars")
    project = world.project(names, parallel_pages=1, retry={"max_attempts": 2, "base_delay": 0})
    run = runs.start_run(project.id, by=world.user)
    worker_process("browser")
    drop = sa.text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'rebound' AND pid <> pg_backend_pid()"
    )
    pressed = sa.select(sa.func.count()).where(AutomationAttempt.submit_pressed_at.is_not(None))
    for number in (1, 2, 3):
        world.until(lambda: database.session.scalar(pressed) >= number or world.ended(run))  # noqa: B023  asked at once
        database.session.execute(drop)
        database.session.commit()
        database.session.execute(
            sa.text("UPDATE run_lanes SET lease_until = NULL WHERE lease_until < clock_timestamp()")
        )
        database.session.commit()
    world.until(lambda: runs.wake_runs() is not None and world.ended(run), 120)
    assert {name: len(sites.forms_of(name)) for name in names} == dict.fromkeys(names, 1)
    assert set(world.statuses(project).values()) <= {"success", "failed"}
    unknown = database.session.scalars(
        sa.select(ProjectDealership.submission).where(ProjectDealership.contact_status == "failed")
    ).all()
    assert set(unknown) <= {"unconfirmed"}
