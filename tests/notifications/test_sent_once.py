"""Alerts delivered twice, too late or by many at once: each is sent once, also when its sender dies."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.notifications.conftest import Office
from tests.notifications.receivers import Receiver, Reply
from tests.notifications.telling import BASE, NOON, Clock, tell
from webapp.core.db import db as database
from webapp.core.queue import redis_client
from webapp.notifications.channels import pause_channel
from webapp.notifications.delivering import (
    claim_next,
    perform_deliveries,
    record_failure,
    record_sent,
    settle_deliveries,
    sweep_deliveries,
)
from webapp.notifications.senders import Outcome


def test_ten_jobs_at_once_send_each_alert_once(office: Office, receiver: Receiver) -> None:
    office.channel(target=receiver.url())
    for number in range(20):
        tell(office, title=f"Run {number} finished")
    company_id, app = office.company_id, office.app
    database.session.commit()

    def work(_: int) -> int:
        with app.app_context():
            return perform_deliveries(company_id, app.config["SETTINGS"])

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(work, range(10))) == 20
    ids = [got.headers["x-rebound-id"] for got in receiver.got]
    assert len(ids) == len(set(ids)) == 20


def test_a_doubled_job_finds_nothing_to_do(office: Office, receiver: Receiver, worker: Any) -> None:
    office.channel(target=receiver.url())
    tell(office)
    worker()
    assert office.deliver() == 0
    sweep_deliveries()
    worker()
    assert len(receiver.got) == 1


def test_a_sender_that_lost_its_lease_cannot_write_what_it_found(office: Office, set_clock: Clock) -> None:
    set_clock(NOON)
    office.channel(target="http://127.0.0.1:9/")
    tell(office)
    slow = claim_next(office.company_id, BASE)
    assert slow is not None
    assert claim_next(office.company_id, BASE) is None
    set_clock(NOON + timedelta(minutes=3))
    assert settle_deliveries() == [office.company_id]
    successor = claim_next(office.company_id, BASE)
    assert successor is not None
    assert record_failure(slow, Outcome(False, "too late", "http_500")) is False
    assert record_sent(slow) is False
    assert office.states() == ["sending"]
    assert record_sent(successor) is True
    assert record_sent(slow) is False
    (row,) = office.deliveries()
    assert (row.state, row.attempts, office.reread(office.channels[0]).failures) == ("sent", 2, 0)


def test_a_worker_killed_in_mid_send_is_followed_by_another_with_the_same_id(
    office: Office, receiver: Receiver, worker_process: Any, worker: Any, set_clock: Clock
) -> None:
    arrived, release = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        arrived.set()
        release.wait(60)

    receiver.replies = [Reply(0, before=hold), Reply(200)]
    office.channel(target=receiver.url())
    process = worker_process("default")
    note = tell(office)
    assert arrived.wait(60)
    process.kill()
    release.set()
    assert office.states() == ["sending"]
    assert settle_deliveries() == []
    set_clock(datetime.now(UTC) + timedelta(minutes=3))
    assert sweep_deliveries() == 1
    worker("default", failing=True)
    assert office.states() == ["sent"]
    assert [got.headers["x-rebound-id"] for got in receiver.got] == [f"alert-{note.id}"] * 2


def test_a_delivery_that_kills_every_sender_is_given_up(office: Office, set_clock: Clock) -> None:
    office.channel(target="http://127.0.0.1:9/")
    set_clock(NOON)
    tell(office)
    for dead in range(1, 6):
        assert claim_next(office.company_id, BASE) is not None
        set_clock(NOON + timedelta(minutes=3 * dead))
    assert claim_next(office.company_id, BASE) is None
    assert settle_deliveries() == []
    (row,) = office.deliveries()
    assert (row.state, row.last_error) == ("failed", "Its sender died each time; it may have arrived.")


def test_a_paused_channel_gets_its_alerts_when_it_is_resumed_unless_they_are_a_day_old(
    office: Office, receiver: Receiver, set_clock: Clock
) -> None:
    set_clock(NOON)
    channel = office.channel(target=receiver.url())
    tell(office, title="Old")
    set_clock(NOON + timedelta(hours=20))
    tell(office, title="New")
    pause_channel(channel, active=False, by=office.admin)
    assert office.deliver() == 0
    set_clock(NOON + timedelta(hours=25))
    pause_channel(channel, active=True, by=office.admin)
    assert office.deliver() == 1
    assert office.states() == ["queued", "sent"]
    assert settle_deliveries() == []
    assert [got.json["title"] for got in receiver.got] == ["New"]
    assert office.states() == ["failed", "sent"]


def test_without_redis_an_alert_waits_and_the_sweep_sends_it(
    office: Office, receiver: Receiver, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.channel(target=receiver.url())
    with monkeypatch.context() as away:
        away.setitem(office.app.extensions, "redis", redis_client("redis://127.0.0.1:1/0"))
        tell(office)
        assert sweep_deliveries() == 0
    assert worker.waiting() == []
    assert office.states() == ["queued"]
    assert sweep_deliveries() == 1
    worker()
    assert office.states() == ["sent"]


def test_nothing_is_open_in_the_database_while_it_is_sent(office: Office, receiver: Receiver) -> None:
    busy: list[int] = []
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()"
    )

    def look(_: Any) -> None:
        with office.app.app_context():
            busy.append(database.session.scalar(sa.text(query)))
            database.session.rollback()

    receiver.replies = [Reply(200, before=look)]
    office.channel(target=receiver.url())
    tell(office)
    office.deliver()
    assert busy == [0]
