"""Alerts that do not arrive: tried again, given up, sent again by a person, and told about elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_company, make_user
from tests.notifications.conftest import Office
from tests.notifications.receivers import Receiver, Reply, receiving
from tests.notifications.telling import BASE, NOON, Clock, tell
from webapp.accounts.hosts import AllowedHost, forget_host
from webapp.core.db import db as database
from webapp.notifications.channels import send_again
from webapp.notifications.delivering import claim_next, record_failure, record_sent
from webapp.notifications.models import Notification
from webapp.notifications.senders import Outcome


def test_five_tries_in_growing_waits_and_then_it_has_failed(
    office: Office, receiver: Receiver, set_clock: Clock
) -> None:
    set_clock(NOON)
    receiver.replies = [Reply(503, b"<h1>down</h1>\x00")]
    office.channel(target=receiver.url())
    tell(office)
    at, waits = NOON, []
    for tries in range(1, 5):
        office.deliver()
        (row,) = office.deliveries()
        assert (row.state, row.attempts, row.last_error) == (
            "queued", tries, "127.0.0.1 answered 503: <h1>down</h1>",
        )  # fmt: skip
        waits.append((row.next_try_at - at).total_seconds() / 60)
        at = row.next_try_at
        set_clock(at - timedelta(seconds=1))
        assert office.deliver() == 0
        assert len(receiver.got) == tries
        set_clock(at)
    assert waits == [1, 5, 30, 120]
    office.deliver()
    assert office.states()[0] == "failed"
    assert {got.headers["x-rebound-id"] for got in receiver.got} == {receiver.got[0].headers["x-rebound-id"]}


def test_a_receiver_that_asks_for_time_gets_it(office: Office, receiver: Receiver, set_clock: Clock) -> None:
    set_clock(NOON)
    receiver.replies = [Reply(429, b"", {"Retry-After": "1800"})]
    office.channel(target=receiver.url())
    tell(office)
    office.deliver()
    assert office.deliveries()[0].next_try_at == NOON + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("reply", "says"),
    [(Reply(410, b"gone"), "answered 410: gone"), (Reply(307, b"", {"Location": "http://127.0.0.1:9/"}), "this server itself")],
)  # fmt: skip
def test_what_no_other_try_can_change_fails_at_once(
    office: Office, receiver: Receiver, reply: Reply, says: str
) -> None:
    receiver.replies = [reply]
    office.channel(target=receiver.url())
    tell(office)
    office.deliver()
    (row,) = office.deliveries()
    assert (row.state, row.attempts) == ("failed", 1)
    assert says in row.last_error


def test_a_host_that_is_no_longer_allowed_gets_nothing_any_more(office: Office, receiver: Receiver) -> None:
    office.channel(target=receiver.url())
    forget_host(database.session.scalars(sa.select(AllowedHost)).one(), by=office.admin)
    tell(office)
    office.deliver()
    (row,) = office.deliveries()
    assert row.state == "failed"
    assert "unless an admin allows 127.0.0.1" in row.last_error
    assert receiver.got == []


def test_what_one_company_allows_opens_nothing_for_anothers_channel(office: Office, receiver: Receiver) -> None:
    other = Office(office.app, make_user(make_company("Other")))
    other.channel(target=receiver.url())
    tell(other)
    office.deliver()
    assert other.states() == ["queued"]
    other.deliver()
    assert other.states() == ["failed"]
    assert receiver.got == []


def test_a_dead_channel_costs_one_try_at_a_time_and_what_waited_leaves_when_it_works(
    office: Office, receiver: Receiver, set_clock: Clock
) -> None:
    set_clock(NOON)
    receiver.replies = [Reply(500, b"no")]
    office.channel(target=receiver.url())
    for number in range(10):
        tell(office, title=f"Run {number} finished")
    office.deliver()
    assert len(receiver.got) == 1
    assert [row.attempts for row in office.deliveries()] == [1] + [0] * 9
    receiver.replies = [Reply(200)]
    set_clock(NOON + timedelta(minutes=1))
    assert office.deliver() == 10
    assert office.states() == ["sent"] * 10


def test_a_failed_delivery_can_be_sent_again_by_a_person(office: Office, receiver: Receiver, worker: Any) -> None:
    receiver.replies = [Reply(410, b""), Reply(200)]
    office.channel(target=receiver.url())
    tell(office)
    worker()
    (row,) = office.deliveries()
    send_again(row, by=office.admin)
    worker()
    (row,) = office.deliveries()
    assert (row.state, row.attempts, row.last_error) == ("sent", 1, "")


# --- channels that fail ----------------------------------------------------------------------------------


def alarms() -> list[Notification]:
    database.session.rollback()
    query = sa.select(Notification).where(Notification.kind == "channel_failing").order_by(Notification.id)
    return list(database.session.scalars(query))


def test_five_failures_in_a_row_are_told_once_and_elsewhere(
    office: Office, receiver: Receiver, due_now: Callable[[], None]
) -> None:
    with receiving() as dead:
        gone = dead.port
    database.session.add(AllowedHost(company_id=office.company_id, pattern="127.0.0.1"))
    broken = office.channel(target=f"http://127.0.0.1:{gone}/", name="Broken", alert_kinds=["completion"])
    well = office.channel(target=receiver.url(), name="Well", alert_kinds=["channel_failing"])
    tell(office)
    tell(office, title="Run 8 finished")
    for failures in range(1, 8):
        due_now()
        office.deliver()
        assert office.reread(broken).failures == failures
        assert len(alarms()) == (1 if failures >= 5 else 0)
    (alarm,) = alarms()
    assert (alarm.title, alarm.url, alarm.user_id) == (
        "Alerts do not get through Broken", f"/settings/notifications/{broken.id}", None,
    )  # fmt: skip
    assert "refused the connection" in alarm.body
    due_now()
    office.deliver()
    assert [got.json["kind"] for got in receiver.got] == ["channel_failing"]
    assert office.reread(well).failures == 0


def test_a_channel_that_worked_in_between_is_told_of_anew(
    office: Office, receiver: Receiver, due_now: Callable[[], None], set_clock: Clock
) -> None:
    receiver.replies = [*[Reply(500)] * 5, Reply(200), *[Reply(500)] * 5]
    office.channel(target=receiver.url(), alert_kinds=["completion"])
    for number in range(3):
        set_clock(NOON + timedelta(hours=number))
        tell(office, title=f"Run {number} finished")
    for number in range(11):
        set_clock(NOON + timedelta(hours=3, minutes=number))
        due_now()
        claim = claim_next(office.company_id, BASE)
        assert claim is not None
        record_failure(claim, Outcome(False, "no", "http_500")) if number != 5 else record_sent(claim)
    assert len(alarms()) == 2
