"""Periodic work: declared here, kept as rows, claimed by one tick (`python -m jobs.schedule`).

`rq cron` was looked at: it pickles (our workers read JSON), keeps its plan in memory, does not catch up
and ends when Redis goes. This loop needs PostgreSQL only; what it starts are work rows, so Redis may be
away and nothing is lost. Two of them do no harm: a due row is claimed with SKIP LOCKED.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from croniter import croniter
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from jobs.runtime import get_app
from webapp.accounts import throttle
from webapp.accounts.models import Company
from webapp.accounts.service import sessions
from webapp.automation.service.dealership_files import forget_unconfirmed
from webapp.automation.service.runs import wake_runs
from webapp.core import work
from webapp.core.clock import read_now
from webapp.core.db import atomic, db, is_outage
from webapp.core.schedule import Schedule
from webapp.core.scratch import remove_stale_folders
from webapp.dialer.campaigns import recompute_waiting
from webapp.dialer.claims import sweep_claims
from webapp.dialer.filling import fill_all
from webapp.dialer.quarantine import place_waiting
from webapp.leads.tallies import fold_tallies
from webapp.notifications.contacts import run_nightly_recount
from webapp.notifications.delivering import sweep_deliveries
from webapp.notifications.problems import run_nightly_repair
from webapp.notifications.runs import send_run_alerts
from webapp.recycling.night import start_light_repair
from webapp.reports.service import expire_exports
from webapp.timeline.presence import forget_viewers
from webapp.timeline.service import settle_expired

log = structlog.get_logger(__name__)
EVERY = 5.0  # seconds between two looks
AGAIN = timedelta(
    minutes=10
)  # what was claimed and not finished, its process or the database being gone, is due again then


@dataclass(frozen=True, slots=True)
class Periodic:
    """`call` takes the company's id, or nothing for what runs once for the installation."""

    cron: str
    call: Callable[..., object]
    per_company: bool = False


def forget_old() -> None:
    """Sign-in counters, ended sessions and signs of presence that no longer serve anybody."""
    throttle.forget_old()
    sessions.forget_old()
    forget_viewers()


PERIODIC: dict[str, Periodic] = {
    "sweep": Periodic("* * * * *", work.sweep),
    "sweep_deliveries": Periodic("* * * * *", sweep_deliveries),
    "fold_tallies": Periodic("* * * * *", fold_tallies),
    "expire_exports": Periodic("17 * * * *", expire_exports),
    "remove_stale_folders": Periodic("41 * * * *", remove_stale_folders),
    "forget_old": Periodic("23 4 * * *", forget_old),
    "place_waiting": Periodic("* * * * *", place_waiting, per_company=True),
    "fill_hoppers": Periodic("* * * * *", fill_all, per_company=True),
    "sweep_claims": Periodic("* * * * *", sweep_claims, per_company=True),
    "recompute_waiting": Periodic("* * * * *", recompute_waiting, per_company=True),
    "light_repair": Periodic("*/10 * * * *", start_light_repair, per_company=True),
    "nightly_repair": Periodic("0 2 * * *", run_nightly_repair, per_company=True),
    "nightly_recount": Periodic("40 2 * * *", run_nightly_recount, per_company=True),
    "settle_warnings": Periodic("* * * * *", settle_expired),
    "wake_runs": Periodic("* * * * *", wake_runs),
    "forget_unconfirmed": Periodic("31 4 * * *", forget_unconfirmed, per_company=True),
    "send_run_alerts": Periodic("* * * * *", send_run_alerts, per_company=True),
}


def next_time(cron: str, zone: str, after: datetime) -> datetime:
    """The next moment of `cron` in `zone`, skipping what was missed; an hour that does not exist is taken when it is over,
    and one that comes twice is taken once, except by what runs every hour.
    """
    times = croniter(cron, after.astimezone(ZoneInfo(zone)))
    upcoming: datetime = times.get_next(datetime)
    hourly = cron.split()[1].startswith("*")
    while not hourly and upcoming.astimezone(ZoneInfo(zone)).fold:
        upcoming = times.get_next(datetime)
    return upcoming


@atomic
def plan() -> None:
    """A row for every declared schedule and company; rows of what is no longer declared go."""
    now = read_now()
    companies = db.session.execute(sa.select(Company.id, Company.zone)).all()
    for name, periodic in PERIODIC.items():
        scopes = [(row.id, row.zone) for row in companies] if periodic.per_company else [(None, "UTC")]
        for company_id, zone in scopes:
            row = insert(Schedule).values(
                name=name,
                company_id=company_id,
                cron=periodic.cron,
                zone=zone,
                next_run_at=next_time(periodic.cron, zone, now),
            )
            db.session.execute(
                row.on_conflict_do_update(
                    index_elements=[sa.text("name"), sa.text("coalesce(company_id, 0)")],
                    set_={
                        "cron": row.excluded.cron,
                        "zone": row.excluded.zone,
                        "next_run_at": row.excluded.next_run_at,
                    },
                    where=sa.or_(Schedule.cron != row.excluded.cron, Schedule.zone != row.excluded.zone),
                )
            )
    db.session.execute(sa.delete(Schedule).where(Schedule.name.not_in(list(PERIODIC))))


@atomic
def take_due() -> list[tuple[str, int | None, int]]:
    """Claim what is due, for AGAIN or until its next time if that is sooner; (name, company, row id) each."""
    now = read_now()
    due = db.session.scalars(
        sa.select(Schedule).where(Schedule.next_run_at <= now).order_by(Schedule.next_run_at).limit(50)
        .with_for_update(skip_locked=True)
    ).all()  # fmt: skip
    for row in due:
        row.last_run_at, row.next_run_at = now, min(next_time(row.cron, row.zone, now), now + AGAIN)
    return [(row.name, row.company_id, row.id) for row in due]


@atomic
def note_end(schedule_id: int, error: str) -> None:
    """Without an error it rests until its next time; with one it is tried again when the claim is over."""
    row = db.session.get(Schedule, schedule_id, populate_existing=True, with_for_update=True)
    if row is None:
        return
    row.last_error = error
    if not error and row.last_run_at is not None:
        row.next_run_at = next_time(row.cron, row.zone, row.last_run_at)


def tick() -> int:
    """Run what is due, one after the other; one that fails is noted on its row and logged, and keeps none from running."""
    due = take_due()
    for name, company_id, schedule_id in due:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(job_id=f"schedule-{name}", company_id=company_id)
        try:
            PERIODIC[name].call(*([company_id] if company_id is not None else []))
            note_end(schedule_id, "")
        except (DBAPIError, PoolTimeout, work.WorkError) as error:
            db.session.rollback()
            log.error("schedule_failed", schedule=name, exc_info=error)
            note_end(schedule_id, type(error).__name__)
        finally:
            db.session.remove()
    return len(due)


def main() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with get_app().app_context():
        log.info("scheduler_started", pid=os.getpid())
        planned = False
        while not stop.is_set():
            try:
                if not planned or tick():
                    plan()
                    planned = True
            except (DBAPIError, PoolTimeout) as error:
                if not is_outage(error):
                    raise
                log.warning("scheduler_waits_for_database", error=type(error).__name__)
                db.session.remove()
            stop.wait(EVERY)
        log.info("scheduler_stopped")


if __name__ == "__main__":
    main()
