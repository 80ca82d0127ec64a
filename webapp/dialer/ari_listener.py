"""Follows the events of one Asterisk and records them as call events of one company.

One thread reads the socket and maps, the one that called `Listener.run` records. While the database is
away, events wait in memory; when there is no more room the socket is not read, so that TCP holds them back.
What Asterisk does while no socket is open is not told again.
"""

from __future__ import annotations

import json
import queue
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from webapp.core.db import LostRace, can_repeat, db, is_outage
from webapp.core.jsonbody import find_poison
from webapp.dialer.ari import TYPES, Channels, Malformed
from webapp.dialer.events import parse_event
from webapp.dialer.service import Outcome, record_events

log = structlog.get_logger(__name__)
BATCH = 200
BATCH_SECONDS = 0.05
MOST_WAITING = 10_000  # events in memory that no transaction has taken yet
LONGEST_WAIT = 30.0
PING_EVERY = 20
SILENT_FOR = 30_000  # ms until an Asterisk that no longer acknowledges our pings is given up
STOP_CHECK = 0.2
GRACE = 2.0

Record = Callable[..., list[Outcome]]


@dataclass(frozen=True, slots=True)
class AriServer:
    """Where the events are and who asks. Raises ValueError for a URL that is not http(s) or ws(s)."""

    url: str
    user: str
    password: str = field(repr=False)
    app: str = "rebound"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname or parts.port == 0:
            raise ValueError("the address must look like http://127.0.0.1:8088")

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def events_url(self) -> str:
        """With the password in it: not for logs."""
        parts = urlsplit(self.url)
        scheme = "wss" if parts.scheme in ("https", "wss") else "ws"
        path = parts.path.rstrip("/").removesuffix("/ari")
        query = urlencode({"app": self.app, "api_key": f"{self.user}:{self.password}", "subscribeAll": "true"})
        return f"{scheme}://{parts.netloc.rpartition('@')[2]}{path}/ari/events?{query}"


def delays(first: float = 1.0, most: float = LONGEST_WAIT) -> Iterator[float]:
    """Seconds to wait before each further attempt: doubling, with jitter, always from `first` to `most`."""
    reach = 2 * first
    while True:
        yield random.uniform(reach / 2, min(reach, most))  # noqa: S311  nothing secret
        reach = min(2 * reach, most)


def wait_for_database(ask: Callable[[], Any], stop: threading.Event) -> Any:
    """What `ask` returns once the database answers; None when stopped before."""
    for delay in delays():
        try:
            return ask()
        except SQLAlchemyError as error:
            if not is_outage(error):
                raise
            log.warning("ari_waits_for_database", error=type(error).__name__)
        finally:
            db.session.remove()
        if stop.wait(delay):
            break
    return None


class Listener:
    """Runs until `stop` is set. `held` is set while the socket is not read for want of room."""

    def __init__(
        self, company_id: int, server: AriServer, stop: threading.Event, *, system: str = "",
        record: Record = record_events, first_delay: float = 1.0, most_waiting: int = MOST_WAITING,
    ) -> None:  # fmt: skip
        self.held = threading.Event()
        self._company_id, self._server, self._stop = company_id, server, stop
        self._record, self._first_delay = record, first_delay
        self._room = most_waiting - BATCH  # the batch in hand counts too
        self._channels = Channels(system or server.host)
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._ignored: set[str] = set()

    def run(self) -> int:
        """In an app context. Returns how many events had to be given up because the database was away at the end."""
        reader = threading.Thread(target=self._read, name="ari-reader", daemon=True)
        reader.start()
        log.info("ari_listener_started", company_id=self._company_id, host=self._server.host)
        batch: list[dict[str, Any]] = []
        waits = delays(self._first_delay)
        while not self._stop.is_set() and reader.is_alive():
            batch = batch or self._gather(STOP_CHECK)
            if not batch or self._try(batch):
                batch, waits = [], delays(self._first_delay)
            else:
                self._stop.wait(next(waits))
        reader.join(GRACE)
        while (batch := batch or self._gather(0)) and self._try(batch):
            batch = []
        lost = len(batch) + self._waiting.qsize()
        if lost:
            log.error("ari_events_given_up", company_id=self._company_id, events=lost)
        if not self._stop.is_set():
            raise RuntimeError("the thread that reads from Asterisk has died")
        log.info("ari_listener_stopped", company_id=self._company_id)
        return lost

    # --- recording -------------------------------------------------------------------------------------------

    def _gather(self, patience: float) -> list[dict[str, Any]]:
        """The next event within `patience`, with what follows it closely."""
        batch: list[dict[str, Any]] = []
        until = time.monotonic() + patience
        while len(batch) < BATCH:
            try:
                batch.append(self._waiting.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
            if len(batch) == 1:
                until = time.monotonic() + min(BATCH_SECONDS, patience)
        return batch

    def _try(self, batch: list[dict[str, Any]]) -> bool:
        """Record it; False when it must be tried again later. An event that the database refuses goes alone, and is dropped."""
        try:
            self._record(self._company_id, batch, source="ari")
        except (SQLAlchemyError, LostRace) as error:
            told = {"events": len(batch), "waiting": self._waiting.qsize(), "error": type(error).__name__}
            if is_outage(error) or can_repeat(error):
                log.warning("ari_waits_for_database", **told)
                return False
            if len(batch) == 1:
                log.error("ari_event_refused", event_id=batch[0]["event_id"], error=type(error).__name__)
                return True
            log.warning("ari_events_go_alone", **told)
        else:
            return True
        finally:
            db.session.remove()
        return all(self._try([event]) for event in batch)

    # --- reading, in a thread of its own -------------------------------------------------------------------

    def _read(self) -> None:
        waits = delays(self._first_delay)
        while not self._stop.is_set():
            since = time.monotonic()
            heard = False
            try:
                with connect(
                    self._server.events_url, open_timeout=10, close_timeout=1, ping_interval=PING_EVERY,
                    ping_timeout=None,  # no pong is read while reading is held; the kernel watches instead
                    compression=None, proxy=None,
                ) as connection:  # fmt: skip
                    _give_up_on_silence(connection.socket)
                    log.info("ari_connected", host=self._server.host, app=self._server.app)
                    heard = self._follow(connection)
            except InvalidStatus as error:
                log.warning("ari_refused", host=self._server.host, status_code=error.response.status_code)
            except (OSError, EOFError, UnicodeError, WebSocketException) as error:
                log.warning("ari_unreachable", host=self._server.host, error=type(error).__name__)
            if heard or time.monotonic() - since > LONGEST_WAIT:
                waits = delays(self._first_delay)
            self._stop.wait(next(waits))

    def _follow(self, connection: ClientConnection) -> bool:
        """Until the socket closes or we stop; returns whether anything came."""
        heard = False
        last_words = 0  # after the stop, what has been received by then is still taken
        while last_words < BATCH:
            stopping = self._stop.is_set()
            last_words += stopping
            if not stopping and not self._has_room():
                self._stop.wait(BATCH_SECONDS)
                continue
            try:
                message = connection.recv(timeout=0 if stopping else STOP_CHECK, decode=False)
            except TimeoutError:
                if stopping:
                    break
                continue
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else None
                log.warning("ari_disconnected", host=self._server.host, code=code)
                break
            heard = True
            self._take(message)
        return heard

    def _has_room(self) -> bool:
        if self._waiting.qsize() < self._room:
            self.held.clear()
            return True
        if not self.held.is_set():
            log.warning("ari_reading_held", waiting=self._waiting.qsize())
            self.held.set()
        return False

    def _take(self, message: bytes) -> None:
        try:
            heard = json.loads(message)
            raw = self._channels.read(heard)
            if raw is None:
                self._note_ignored(heard["type"])
                return
            if (poison := find_poison(raw)) is not None:
                raise Malformed(f"{poison[0]} {poison[1]}")
            self._waiting.put(parse_event(raw))
        except (ValueError, RecursionError) as error:
            log.warning("ari_message_skipped", reason=_reason(error), size=len(message))

    def _note_ignored(self, kind: str) -> None:
        """Say once of each type that we do not follow it."""
        if kind not in TYPES and kind not in self._ignored and len(self._ignored) < 100:
            self._ignored.add(kind)
            log.info("ari_type_ignored", type=kind[:100])


def _reason(error: Exception) -> str:
    """Without the values that were sent: they may be somebody's number."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'event'}: {one['type']}" for one in error.errors())
    return str(error) if isinstance(error, Malformed) else f"not JSON ({type(error).__name__})"


def _give_up_on_silence(sock: socket.socket) -> None:
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_FOR)
