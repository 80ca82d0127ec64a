"""Following an Asterisk: against a server that speaks ARI's event socket with messages as Asterisk sends them."""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DataError, OperationalError
from structlog.testing import capture_logs
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from tests.dialer.ari_messages import Message, ari, begin, destroyed, dial, whole_call
from tests.factories import make_company, make_lead, make_list
from tests.harness.client import Runner
from webapp.core.db import db as database
from webapp.dialer.ari_listener import BATCH, AriServer, Listener
from webapp.dialer.models import CallEvent, CallLog
from webapp.dialer.service import Outcome, record_events
from webapp.leads.models import Lead

PATIENCE = 30  # seconds until a test that waits for something gives up


class Asterisk:
    """A server of ARI's event socket: who has the password is connected and gets what is sent."""

    def __init__(self) -> None:
        self.password = "p@ss&word"
        self.refusals: queue.Queue[str] = queue.Queue()
        self.connections: queue.Queue[ServerConnection] = queue.Queue()
        self.queries: list[dict[str, list[str]]] = []
        self._server = serve(self._hold, "127.0.0.1", 0, process_request=self._admit, close_timeout=1)
        self.url = f"http://127.0.0.1:{self._server.socket.getsockname()[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        self.queries.append(parse_qs(parts.query))
        if parts.path != "/ari/events" or self.queries[-1]["api_key"] != [f"dialer:{self.password}"]:
            self.refusals.put(request.path)
            return connection.respond(401, "Authentication required")
        return None

    def _hold(self, connection: ServerConnection) -> None:
        self.connections.put(connection)
        for _ in connection:
            pass

    def meet(self) -> ServerConnection:
        return self.connections.get(timeout=PATIENCE)

    def close(self) -> None:
        self._server.shutdown()


def send(connection: ServerConnection, *messages: Message | str | bytes) -> None:
    for message in messages:
        connection.send(json.dumps(message) if isinstance(message, dict) else message)


class Run:
    """A listener at work in a thread; `wait(n)` for the next n outcomes."""

    def __init__(self, app: Flask, company_id: int, server: AriServer, **options: Any) -> None:
        self.stop = threading.Event()
        self.lost: list[int] = []
        self._outcomes: queue.Queue[Outcome] = queue.Queue()
        self._record = options.pop("record", record_events)
        self.listener = Listener(company_id, server, self.stop, record=self._note, first_delay=0.01, **options)
        self._thread = threading.Thread(target=self._run, args=(app,), daemon=True)
        self._thread.start()

    def _run(self, app: Flask) -> None:
        with app.app_context():
            self.lost.append(self.listener.run())

    def _note(self, *args: Any, **kwargs: Any) -> list[Outcome]:
        outcomes = self._record(*args, **kwargs)
        for outcome in outcomes:
            self._outcomes.put(outcome)
        return outcomes

    def wait(self, number: int) -> list[str]:
        return [self._outcomes.get(timeout=PATIENCE).outcome for _ in range(number)]

    def end(self) -> bool:
        self.stop.set()
        self._thread.join(PATIENCE)
        return not self._thread.is_alive()


@pytest.fixture
def pbx() -> Iterator[Asterisk]:
    server = Asterisk()
    yield server
    server.close()


@pytest.fixture
def lead(db: Any) -> Lead:
    return make_lead(make_list(make_company()))


@pytest.fixture
def listen(app: Flask, pbx: Asterisk, lead: Lead) -> Iterator[Callable[..., Run]]:
    started: list[Run] = []

    def start(**options: Any) -> Run:
        server = AriServer(pbx.url, "dialer", options.pop("password", pbx.password))
        started.append(Run(app, lead.company_id, server, **options))
        return started[-1]

    yield start
    for run in started:
        assert run.end()


def only_call() -> CallLog:
    return database.session.scalars(sa.select(CallLog)).one()


def reread(lead: Lead) -> Lead:
    database.session.refresh(lead)
    return lead


def phone_of(lead: Lead) -> str:
    assert lead.phone
    return lead.phone


def away(*args: Any, **kwargs: Any) -> list[Outcome]:
    raise OperationalError("SELECT 1", {}, ConnectionRefusedError())


def test_a_call_answered_and_hung_up_is_one_call_log_with_its_times(
    pbx: Asterisk, listen: Callable[..., Run], lead: Lead
) -> None:
    run = listen()
    send(pbx.meet(), *whole_call(phone_of(lead)))
    run.wait(5)
    call = only_call()
    assert (call.call_status, call.provider, call.provider_call_id) == (
        "answered",
        "asterisk:127.0.0.1",
        "1587315778.885",
    )
    assert call.started_at == datetime(2026, 6, 1, 10, 0, 0, 250_000, tzinfo=UTC)
    assert call.answered_at == datetime(2026, 6, 1, 10, 0, 9, 250_000, tzinfo=UTC)
    assert call.ended_at == datetime(2026, 6, 1, 10, 1, 12, 250_000, tzinfo=UTC)
    assert (call.duration, call.phone) == (63, lead.phone)
    lead = reread(lead)
    assert (lead.status, lead.dial_attempts, lead.answered_count) == ("contacted", 1, 1)
    assert pbx.queries == [{"app": ["rebound"], "api_key": ["dialer:p@ss&word"], "subscribeAll": ["true"]}]


@pytest.mark.parametrize(
    ("dialed", "cause", "call_status", "lead_status"),
    [
        ("BUSY", 17, "busy", "busy"),
        ("", 21, "busy", "busy"),
        ("NOANSWER", 16, "no_answer", "no_answer"),
        ("", 19, "no_answer", "no_answer"),
        ("CANCEL", 16, "cancelled", "no_answer"),
        ("CONGESTION", 16, "congestion", "congestion"),
        ("", 42, "congestion", "congestion"),
        ("CHANUNAVAIL", 20, "no_answer", "no_answer"),
        ("CONGESTION", 1, "invalid_number", "invalid"),
        ("", 28, "invalid_number", "invalid"),
        ("", 38, "network", "failed"),
        ("INVALIDARGS", 0, "failed", "failed"),
    ],
)
def test_a_call_that_nobody_answered_ends_with_its_reason(
    pbx: Asterisk, listen: Callable[..., Run], lead: Lead, dialed: str, cause: int, call_status: str, lead_status: str
) -> None:
    run = listen()
    told = [dial(25, dialed)] if dialed else []
    send(pbx.meet(), *begin(phone_of(lead)), *told, destroyed(25, "Ringing", cause, "as Asterisk says"))
    run.wait(3)
    call = only_call()
    assert (call.call_status, call.answered_at, call.duration) == (call_status, None, None)
    assert (reread(lead).status, lead.dial_attempts) == (lead_status, 1)


def test_messages_sent_twice_and_again_after_a_reconnect_count_once(
    pbx: Asterisk, listen: Callable[..., Run], lead: Lead
) -> None:
    run = listen()
    messages = whole_call(phone_of(lead))
    first = pbx.meet()
    send(first, *(each for message in messages for each in (message, message)))
    run.wait(9)  # both of all, save that Dial need not say what has been said
    first.close()
    send(pbx.meet(), *messages)
    assert set(run.wait(5)) == {"duplicate", "stale"}  # the channel's creation, now that its number is known, is stale
    assert (reread(lead).dial_attempts, lead.answered_count) == (1, 1)
    assert (only_call().call_status, only_call().duration) == ("answered", 63)
    assert database.session.scalar(sa.select(sa.func.sum(CallEvent.duplicates))) > 0


def test_a_call_goes_on_when_asterisk_closes_the_socket_and_comes_back(
    pbx: Asterisk, listen: Callable[..., Run], lead: Lead
) -> None:
    run = listen()
    messages = whole_call(phone_of(lead))
    first = pbx.meet()
    send(first, *messages[:4])
    run.wait(3)
    first.close(1011)
    send(pbx.meet(), *messages[4:])
    run.wait(2)
    call = only_call()
    assert (call.call_status, call.duration, reread(lead).status) == ("answered", 63, "contacted")


def test_a_listener_started_in_the_middle_of_a_call_ends_it(
    pbx: Asterisk, listen: Callable[..., Run], lead: Lead
) -> None:
    first = listen()
    messages = whole_call(phone_of(lead))
    send(pbx.meet(), *messages[:4])
    first.wait(3)
    assert first.end()
    second = listen()
    send(pbx.meet(), messages[5])  # which names neither the lead nor the phone
    assert second.wait(1) == ["applied"]
    assert (only_call().call_status, reread(lead).status) == ("answered", "contacted")


def test_a_wrong_password_is_logged_and_tried_again(pbx: Asterisk, listen: Callable[..., Run], lead: Lead) -> None:
    right, pbx.password = pbx.password, "another"
    with capture_logs() as logs:
        run = listen(password=right)
        for _ in range(3):
            pbx.refusals.get(timeout=PATIENCE)
        pbx.password = right
        send(pbx.meet(), *whole_call(phone_of(lead)))
        run.wait(5)
    refused = [line for line in logs if line["event"] == "ari_refused"]
    assert len(refused) >= 3
    assert {line["status_code"] for line in refused} == {401}
    assert "p@ss" not in str(logs)
    assert reread(lead).status == "contacted"


def test_garbage_is_logged_and_skipped(pbx: Asterisk, listen: Callable[..., Run], lead: Lead) -> None:
    good = whole_call(phone_of(lead))
    garbage: list[Message | str | bytes] = [
        "", "{", "null", "[]", "[" * 100_000, b"\xff\xfe\x00", '{"type": 5}', '{"type": "ChannelCreated"}',
        '{"type": "Dial", "timestamp": "x", "peer": {"id": "1"}}', {"type": "NewInThisVersion", "channel": None},
        ari("ChannelVarset", 1, "Up", variable="X", value="1"), {**good[0], "timestamp": "yesterday"},
        destroyed(5, "Up", 16, call="x" * 300), destroyed(5, "Ringing", 17, "\ud800\x00", call="bad-text"),
        {**good[0], "timestamp": "1960-01-01T00:00:00.000+0000", "channel": {**good[0]["channel"], "id": "old"}},
        {**destroyed(5, "Up", 16, call="odd", connected="+12125550199"), "cause": "sixteen", "cause_txt": None},
    ]  # fmt: skip
    with capture_logs() as logs:
        run = listen()
        send(pbx.meet(), *garbage, *good)
        assert run.wait(6)[0] == "quarantined"  # the odd one, of a number that nobody has
    assert reread(lead).status == "contacted"
    skipped = [line["reason"] for line in logs if line["event"] == "ari_message_skipped"]
    assert len(skipped) == 12
    assert "cause_txt must be valid Unicode" in str(skipped) or "cause_txt must not hold NUL" in str(skipped)
    assert [line["type"] for line in logs if line["event"] == "ari_type_ignored"] == [
        "NewInThisVersion",
        "ChannelVarset",
    ]


def test_events_outlive_a_database_that_is_away_and_the_socket_waits_when_memory_is_full(
    pbx: Asterisk, listen: Callable[..., Run], lead: Lead
) -> None:
    back = threading.Event()

    def record(*args: Any, **kwargs: Any) -> list[Outcome]:
        return record_events(*args, **kwargs) if back.is_set() else away()

    run = listen(record=record, most_waiting=BATCH + 20)
    connection = pbx.meet()
    number = BATCH + 100
    calls = (
        destroyed(25, "Ringing", 17, call=f"c-{n}", connected=phone_of(lead), variables={"REBOUND_LEAD": str(lead.id)})
        for n in range(number)
    )
    send(connection, *calls)
    assert run.listener.held.wait(PATIENCE)
    assert database.session.scalar(sa.select(sa.func.count(CallLog.id))) == 0
    back.set()
    assert set(run.wait(number)) == {"applied"}
    assert reread(lead).dial_attempts == number


def test_an_event_that_the_database_refuses_costs_only_itself(
    pbx: Asterisk, listen: Callable[..., Run], lead: Lead
) -> None:
    def record(company_id: int, events: list[Message], *, source: str) -> list[Outcome]:
        if any(event["call_id"] == "poison" for event in events):
            raise DataError("INSERT", {}, ValueError())
        return record_events(company_id, events, source=source)

    with capture_logs() as logs:
        run = listen(record=record)
        connection = pbx.meet()
        send(connection, *begin(phone_of(lead)))
        send(connection, destroyed(5, "Ringing", 17, call="poison", connected=phone_of(lead)))
        send(connection, destroyed(9, "Ringing", 17))
        run.wait(3)
    assert reread(lead).status == "busy"
    assert [line["event_id"].rpartition(":")[2] for line in logs if line["event"] == "ari_event_refused"] == ["poison"]


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9"], ids=["connected", "nobody there"])
def test_a_stop_ends_the_loop(app: Flask, pbx: Asterisk, lead: Lead, url: str) -> None:
    run = Run(app, lead.company_id, AriServer(url or pbx.url, "dialer", pbx.password))
    if not url:
        pbx.meet()
    assert run.end()
    assert run.lost == [0]


def test_what_cannot_be_recorded_before_the_end_is_counted(app: Flask, pbx: Asterisk, lead: Lead) -> None:
    tried = threading.Event()

    def record(*args: Any, **kwargs: Any) -> list[Outcome]:
        tried.set()
        return away()

    run = Run(app, lead.company_id, AriServer(pbx.url, "dialer", pbx.password), record=record)
    send(pbx.meet(), destroyed(25, "Ringing", 17, connected=phone_of(lead)))
    assert tried.wait(PATIENCE)
    assert run.end()
    assert run.lost == [1]


def test_the_command_listens_until_it_is_told_to_stop(
    pbx: Asterisk, runner: Runner, lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("URL", f"{pbx.url}/ari/"), ("USER", "dialer"), ("PASSWORD", pbx.password), ("NAME", "hq")):
        monkeypatch.setenv(f"ARI_{name}", value)

    def call_and_stop() -> None:
        connection = pbx.meet()
        send(connection, *whole_call(phone_of(lead)))
        connection.ping().wait(PATIENCE)  # answered once everything before it was read
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=call_and_stop, daemon=True).start()
    before = signal.getsignal(signal.SIGTERM)
    result = runner.invoke(args=["ari-listen", "--company", str(lead.company_id)])
    assert result.exit_code == 0
    assert signal.getsignal(signal.SIGTERM) is before
    assert only_call().provider == "asterisk:hq"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--company", "999999", "--url", "http://127.0.0.1:9"], "there is no company 999999"),
        (["--company", "1", "--url", "ftp://pbx"], "must look like"),
        (["--company", "0", "--url", "http://127.0.0.1:9"], "--company"),
    ],
)
def test_the_command_refuses_what_cannot_work(runner: Runner, options: list[str], message: str) -> None:
    result = runner.invoke(args=["ari-listen", *options, "--user", "u", "--password", "p"])
    assert result.exit_code == 2
    assert message in result.output
