"""Alerts on their way to real servers: sent, retried, given up, taken over, and told about when they do not arrive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_company, make_user
from tests.notifications.conftest import Mailbox, Office
from tests.notifications.receivers import Receiver, Reply, receiving
from webapp.accounts.hosts import AllowedHost, forget_host
from webapp.core.db import db as database
from webapp.core.queue import redis_client
from webapp.notifications.channels import pause_channel, send_again, set_own_copy
from webapp.notifications.delivering import (
    claim_next,
    perform_deliveries,
    record_failure,
    record_sent,
    settle_deliveries,
    sweep_deliveries,
)
from webapp.notifications.models import Notification
from webapp.notifications.rules import sign
from webapp.notifications.senders import Outcome
from webapp.notifications.service import notify

Clock = Callable[[datetime], None]
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
BASE = "http://localhost"


def tell(office: Office, kind: str = "completion", title: str = "Run 7 finished", **facts: Any) -> Notification:
    note = notify(office.company_id, kind, title, **facts)
    assert note is not None
    return note


# --- the four kinds ------------------------------------------------------------------------------------


def test_a_webhook_gets_a_signed_call_with_the_alerts_own_id(office: Office, receiver: Receiver, worker: Any) -> None:
    office.channel(target=receiver.url(path="/in?key=1"))
    note = tell(office, body="120 of 140.", url="/exports?a=1&b=é", level="ok", details={"run": 7})
    worker()
    (got,) = receiver.got
    assert (got.method, got.path, got.headers["content-type"]) == (
        "POST",
        "/in?key=1",
        "application/json; charset=utf-8",
    )
    assert got.json == {
        "id": f"alert-{note.id}", "kind": "completion", "level": "ok", "time": note.created_at.isoformat(), "company": "Acme Motors",
        "title": "Run 7 finished", "text": "120 of 140.", "url": "http://localhost/exports?a=1&b=%C3%A9", "details": {"run": 7},
    }  # fmt: skip
    assert got.headers["x-rebound-id"] == f"alert-{note.id}"
    stamp = int(got.headers["x-rebound-timestamp"])
    assert got.headers["x-rebound-signature"] == sign(office.secret, stamp, got.body)
    (row,) = office.deliveries()
    assert (row.state, row.attempts, row.last_error, row.sent_at is not None) == ("sent", 1, "", True)
    assert office.reread(office.channels[0]).last_success_at is not None


def test_slack_and_teams_get_their_own_cards(office: Office, receiver: Receiver) -> None:
    office.channel("slack", receiver.url(path="/slack"))
    office.channel("teams", receiver.url(path="/teams"))
    tell(office)
    assert office.deliver() == 2
    bodies = {got.path: got.json for got in receiver.got}
    assert bodies["/slack"]["blocks"][0]["text"]["text"] == "Run 7 finished"
    assert bodies["/teams"]["attachments"][0]["content"]["type"] == "AdaptiveCard"
    assert not any("x-rebound-signature" in got.headers for got in receiver.got)


def test_a_retired_teams_connector_that_fails_with_200_has_failed(office: Office, receiver: Receiver) -> None:
    receiver.replies = [Reply(200, b"Webhook message delivery failed with error: HTTP 429")]
    office.channel("teams", receiver.url())
    tell(office)
    assert office.deliver() == 0
    assert office.states() == ["queued"]


def test_a_mail_goes_to_the_channels_address_and_a_title_cannot_add_a_header(office: Office, mailbox: Mailbox) -> None:
    office.channel("email", "office@example.com")
    tell(office, title="Run 7\r\nBcc: all@example.com\nfinished", body="Bcc: all@example.com", url="/exports")
    assert office.deliver() == 1
    (mail,) = mailbox.mails
    assert (mail["To"], mail["Bcc"]) == ("office@example.com", None)
    assert mail["Subject"] == "Information: Run 7 Bcc: all@example.com finished"
    assert "http://localhost/exports" in mail.get_content()


def test_a_persons_copy_goes_to_the_account_as_it_is_now(office: Office, mailbox: Mailbox) -> None:
    set_own_copy(True, None, by=office.admin)
    tell(office, kind="export_done", user_id=office.admin.id)
    office.admin.email = "moved@example.com"
    database.session.commit()
    assert office.deliver() == 1
    assert [mail["To"] for mail in mailbox.mails] == ["moved@example.com"]


def test_nobody_who_has_left_gets_what_was_waiting(office: Office, mailbox: Mailbox) -> None:
    leaver = make_user(office.admin.company, role="manager")
    set_own_copy(True, None, by=leaver)
    tell(office)
    leaver.deactivated_at = sa.func.now()
    database.session.commit()
    assert settle_deliveries() == []
    assert office.deliver() == 0
    assert mailbox.mails == []


def test_a_mail_server_that_refuses_is_tried_again_and_one_that_is_not_there_is_told(
    office: Office, mailbox: Mailbox, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.word = b"451 later"
    office.channel("email", "office@example.com")
    tell(office)
    office.deliver()
    (row,) = office.deliveries()
    assert (row.state, row.attempts) == ("queued", 1)
    assert "451" in row.last_error
    monkeypatch.setitem(app.config, "SETTINGS", app.config["SETTINGS"].model_copy(update={"smtp_url": ""}))
    tell(office, title="Run 8 finished")
    row.next_try_at = sa.func.rebound_now()
    database.session.commit()
    office.deliver()
    assert office.states() == ["failed", "failed"]


# --- trying again --------------------------------------------------------------------------------------


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


# --- twice, too late, at once --------------------------------------------------------------------------


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


def test_no_log_line_holds_a_target_or_an_address(
    office: Office, receiver: Receiver, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.replies = [Reply(200), Reply(500, b"secret-answer")]
    mailbox.word = b"550 no such user office@example.com"
    office.channel("slack", receiver.url(path="/services/secret-path"))
    office.channel("slack", receiver.url(path="/services/secret-path"))
    office.channel("email", "office@example.com")
    tell(office)
    with caplog.at_level("DEBUG"):
        office.deliver()
    assert sorted(office.states()) == ["queued", "queued", "sent"]
    events = [str(record.msg) for record in caplog.records]
    assert sum("alert_not_sent" in line for line in events) == 2
    assert not [line for line in events if "secret" in line or "office@" in line]
