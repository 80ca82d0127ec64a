"""One sender for each kind of channel. They wait for others, so they are called with no transaction open."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from webapp.accounts.mail import MailFailed, send_mail
from webapp.core import clock
from webapp.core.outbound import AddressRefused, Answer, Unreachable, request
from webapp.notifications import rules
from webapp.notifications.rules import Message

SECONDS = 10.0
ANSWER = 4_096  # bytes of an answer that are read
SHOWN = 200  # characters of it that are kept


@dataclass(frozen=True, slots=True)
class Target:
    kind: str
    address: str
    secret: str
    allowed: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Target({self.kind})"  # the address of Slack and Teams is the permission itself


@dataclass(frozen=True, slots=True)
class Outcome:
    """`words` are for the people who look after the channel, `code` for the log; `final` means no other try helps."""

    ok: bool
    words: str
    code: str = "ok"
    final: bool = False
    retry_after: timedelta | None = None


def send(target: Target, message: Message, settings: Any) -> Outcome:
    """At most ten seconds for a URL; a mail server may take longer."""
    if target.kind == "email":
        return _send_mail(target.address, message, settings)
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if target.kind == "webhook":
        body = rules.build_webhook(message)
        headers = rules.build_headers(message, body, target.secret, int(clock.now().timestamp()))
    else:
        card = rules.build_slack(message) if target.kind == "slack" else rules.build_teams(message)
        body = json.dumps(card, ensure_ascii=False).encode()
    try:
        answer = request(
            "POST", target.address, body=body, headers=headers, allowed=target.allowed, timeout=SECONDS, limit=ANSWER
        )
    except AddressRefused as refusal:
        return Outcome(False, f"{refusal.reason}.", "refused", final=True)
    except Unreachable as error:
        return Outcome(False, f"{error.reason}.", "unreachable")
    return _read_answer(target.kind, answer)


def _send_mail(address: str, message: Message, settings: Any) -> Outcome:
    if not settings.smtp_url:
        return Outcome(False, "No mail server is set up on this installation (SMTP_URL).", "no_mail_server", final=True)
    subject, text = rules.build_mail(message)
    try:
        send_mail(settings, address, subject, text)
    except MailFailed as error:
        return Outcome(False, f"The mail server did not take it: {_one_line(str(error))}", "mail_failed")
    return Outcome(True, f"The mail server took it for {address}.")


def _read_answer(kind: str, answer: Answer) -> Outcome:
    said = _one_line(answer.text)
    words = f"{answer.host} answered {answer.status}" + (f": {said}" if said else ".")
    if answer.ok and not (kind == "teams" and rules.RETIRED_TEAMS_FAILURE in answer.text):
        return Outcome(True, words)
    if 300 <= answer.status < 400:
        words = f"{answer.host} leads on to another address ({answer.status}). Enter that address."
    asked = answer.headers.get("retry-after", "")
    wait = timedelta(seconds=int(asked)) if re.fullmatch(r"[0-9]{1,6}", asked) else None
    return Outcome(False, words, f"http_{answer.status}", final=answer.status == 410, retry_after=wait)


def _one_line(text: str) -> str:
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return plain if len(plain) <= SHOWN else plain[: SHOWN - 1] + "…"
