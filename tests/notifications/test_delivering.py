"""Alerts on their way to real servers: what a webhook, Slack, Teams and a mailbox get, and what no log line holds."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_user
from tests.notifications.conftest import Mailbox, Office
from tests.notifications.receivers import Receiver, Reply
from tests.notifications.telling import tell
from webapp.core.db import db as database
from webapp.notifications.channels import set_own_copy
from webapp.notifications.delivering import settle_deliveries
from webapp.notifications.rules import sign


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
