"""The hopper: filled from a big list, and claimed by sixteen connections at once."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import sqlalchemy as sa

from bench.clock import Job, timed
from bench.world import Seeded, World
from webapp.dialer.claims import claim_next
from webapp.dialer.eligible import count_reasons
from webapp.dialer.filling import fill_hopper
from webapp.dialer.models import DialCampaign

CLAIMS = 4_000
PROCESSES, THREADS = 4, 4
WARM = 40  # claims of each thread before the race, so that every connection has its plans
# Six in ten leads are fresh; the others were dialed once or more.
FRESH = """
UPDATE leads SET status = 'new', dial_attempts = 0, pass_dials = 0, answered_count = 0, call_count = 0, last_dial_attempt = NULL,
  last_result_at = NULL, dial_result = '', last_status_change = NULL, call_contacts = 0, last_call_contact_at = NULL
WHERE id % 1000 < 585
"""
ALWAYS = '{"0":["00:00","00:00"],"1":["00:00","00:00"],"2":["00:00","00:00"],"3":["00:00","00:00"],"4":["00:00","00:00"],"5":["00:00","00:00"],"6":["00:00","00:00"]}'
READY = """
INSERT INTO hopper_entries (company_id, lead_id, campaign_id, phone) SELECT company_id, id, :campaign, phone FROM leads
WHERE status = 'new' ORDER BY id LIMIT 30000
"""
BARE = """
DELETE FROM bare_hopper WHERE id = (SELECT id FROM bare_hopper ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING lead_id
"""


def _ours(settings: Any, company: int, campaign: int, count: int, gate: Any) -> None:
    from webapp import create_app
    from webapp.core.db import db

    app = create_app(settings)

    def claim() -> None:
        with app.app_context():
            for _ in range(WARM):
                assert claim_next(company, campaign, fill=False)
            gate.wait()
            for _ in range(count):
                assert claim_next(company, campaign, fill=False)
            gate.wait()
            db.session.remove()

    _in_threads(claim)


def _bare(url: str, count: int, gate: Any) -> None:
    def take() -> None:
        with psycopg.connect(url) as connection:
            for _ in range(WARM):
                connection.execute(BARE)
                connection.commit()
            gate.wait()
            for _ in range(count):
                assert connection.execute(BARE).fetchone()
                connection.commit()
            gate.wait()

    _in_threads(take)


def _in_threads(call: Any) -> None:
    threads = [threading.Thread(target=call) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _race(target: Any, *args: Any) -> float:
    """Seconds from the moment when all sixteen are ready until the last has claimed; how long processes begin and end is no part of it."""
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(PROCESSES * THREADS + 1)
    processes = [
        context.Process(target=target, args=(*args, CLAIMS // (PROCESSES * THREADS), gate)) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    gate.wait(120)
    seconds = timed(lambda: gate.wait(120))
    for process in processes:
        process.join()
    assert all(process.exitcode == 0 for process in processes)
    return seconds


def run(world: World, source: Seeded) -> Iterator[Job]:
    with world.clone(source) as name:
        with sa.create_engine(world.url_of(name), isolation_level="AUTOCOMMIT").connect() as connection:
            campaign = connection.execute(sa.text("SELECT min(id) FROM dial_campaigns")).scalar_one()
            connection.execute(sa.text(FRESH))
            connection.execute(sa.text("UPDATE dial_campaigns SET windows = CAST(:w AS jsonb)"), {"w": ALWAYS})
            connection.exec_driver_sql("VACUUM ANALYZE leads")
        yield from _fills(world, source, name, campaign)
        yield from _claims(world, source, name, campaign)


def _fills(world: World, source: Seeded, name: str, campaign: int) -> Iterator[Job]:
    size = f"50 of {source.leads:,}"
    with world.in_app(name) as session:

        def fill(order: str, want: int) -> float:
            session.execute(sa.text("DELETE FROM hopper_entries"))
            session.execute(sa.text("UPDATE dial_campaigns SET lead_order = :o"), {"o": order})
            session.commit()
            added: list[Any] = []
            seconds = timed(lambda: added.append(fill_hopper(source.company_id, campaign)))
            assert added == [want], added
            return seconds

        for order in ("oldest_first", "newest_first", "longest_ago", "fewest_dials"):
            yield Job(f"fill the hopper, {order.replace('_', ' ')}", "once a minute", size=size).run(
                lambda order=order: fill(order, 50),
                None,  # type: ignore[misc]
            )
        row = session.get(DialCampaign, campaign)
        yield Job("why not, all leads", "a part that loads by itself", size=f"{source.leads:,}").run(
            lambda: timed(lambda: count_reasons(row)), None
        )


def _claims(world: World, source: Seeded, name: str, campaign: int) -> Iterator[Job]:
    settings = world.settings(name).model_copy(update={"pool_size": THREADS})
    url = sa.make_url(world.url_of(name)).set(drivername="postgresql").render_as_string(hide_password=False)

    def again() -> None:
        with sa.create_engine(world.url_of(name), isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("DELETE FROM hopper_entries")
            connection.execute(sa.text(READY), {"campaign": campaign})
            connection.exec_driver_sql("DROP TABLE IF EXISTS bare_hopper")
            connection.exec_driver_sql("CREATE TABLE bare_hopper AS SELECT id, lead_id, priority FROM hopper_entries")
            connection.exec_driver_sql("CREATE INDEX ON bare_hopper (priority DESC, id)")
            connection.exec_driver_sql("VACUUM ANALYZE hopper_entries")
            connection.exec_driver_sql("VACUUM ANALYZE bare_hopper")

    def ours() -> float:
        again()
        return _race(_ours, settings, source.company_id, campaign)

    def floor() -> float:
        again()
        return _race(_bare, url)

    yield Job("claim at 16 connections", "1.67 x (60 % of the statement)", rows=CLAIMS, size=f"{CLAIMS:,}").run(
        ours, floor
    )
