"""A company with an admin, receivers on this machine which its admin allows, and a mailbox."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_string, policy
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.factories import make_company, make_user
from tests.notifications.receivers import Receiver, receiving
from webapp.accounts.hosts import allow_host
from webapp.accounts.models import User
from webapp.core.db import db as database
from webapp.notifications.delivering import perform_deliveries
from webapp.notifications.models import Channel, Delivery


@dataclass
class Office:
    app: Flask
    admin: User
    secret: str = "whsec_known"
    channels: list[Channel] = field(default_factory=list)

    @property
    def company_id(self) -> int:
        return self.admin.company_id

    def channel(self, kind: str = "webhook", target: str = "", **facts: Any) -> Channel:
        facts.setdefault("name", f"{kind} {len(self.channels)}")
        row = Channel(company_id=self.company_id, kind=kind, target=target, secret=self.secret, **facts)
        database.session.add(row)
        database.session.commit()
        self.channels.append(row)
        return row

    def deliver(self) -> int:
        return perform_deliveries(self.company_id, self.app.config["SETTINGS"])

    def deliveries(self) -> list[Delivery]:
        database.session.rollback()
        database.session.expire_all()
        return list(database.session.scalars(sa.select(Delivery).order_by(Delivery.id)))

    def states(self) -> list[str]:
        return [row.state for row in self.deliveries()]

    def reread(self, row: Any) -> Any:
        database.session.rollback()
        database.session.refresh(row)
        return row


@pytest.fixture
def office(app: Flask, db: Any) -> Office:
    return Office(app, make_user(make_company("Acme Motors"), name="Ana Admin", email="ana@example.com"))


@pytest.fixture
def receiver(office: Office) -> Iterator[Receiver]:
    with receiving() as server:
        allow_host(f"127.0.0.1:{server.port}", by=office.admin)
        yield server


@pytest.fixture
def due_now(db: Any) -> Callable[[], None]:
    """What waits for its next try is due."""

    def move() -> None:
        database.session.execute(
            sa.update(Delivery).where(Delivery.state == "queued").values(next_try_at=sa.func.rebound_now())
        )
        database.session.commit()

    return move


class Mailbox(socketserver.ThreadingTCPServer):
    """An SMTP server; it answers the end of a message with `word`."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        self.raw: list[str] = []
        self.word = b"250 taken"
        super().__init__(("127.0.0.1", 0), _Talk)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_string(raw, policy=policy.default) for raw in self.raw]  # type: ignore[misc]


class _Talk(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self.wfile.write(b"220 mailbox\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            answer = b"250 go on"
            if word == b"DATA":
                self.wfile.write(b"354 go\r\n")
                lines = []
                while (part := self.rfile.readline()) != b".\r\n":
                    lines.append(part)
                answer = self.server.word
                if answer.startswith(b"2"):
                    self.server.raw.append(b"".join(lines).decode())
            self.wfile.write((b"221 bye" if word == b"QUIT" else answer) + b"\r\n")
            if word == b"QUIT":
                return


@pytest.fixture
def mailbox(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    server = Mailbox()
    url = f"smtp://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setitem(app.config, "SETTINGS", app.config["SETTINGS"].model_copy(update={"smtp_url": url}))
    yield server
    server.shutdown()
    server.server_close()
