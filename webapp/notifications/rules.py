"""What one alert looks like in each channel, how a call is signed, and when it is tried again. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

TRIES = 5
WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)  # after each but the last
LONGEST_WAIT = timedelta(hours=6)  # that a receiver may ask for with Retry-After
STALE = timedelta(days=1)  # an alert that old is no news: it is not sent
ALARM_AT = 5  # failures in a row that make a channel a failing one
SIGNS = {"info": "Information", "ok": "Good news", "warn": "Warning", "bad": "Problem"}
CARD_COLORS = {"info": "Accent", "ok": "Good", "warn": "Warning", "bad": "Attention"}
RETIRED_TEAMS_FAILURE = "Webhook message delivery failed"  # an old connector says so under a status of 200


@dataclass(frozen=True, slots=True)
class Message:
    """One alert as it leaves. `id` stays the same whenever it is sent, so that a receiver can tell a repeat."""

    id: str
    kind: str
    label: str
    level: str
    at: datetime
    title: str
    text: str
    url: str  # absolute, or ""
    company: str
    details: Mapping[str, Any] = field(default_factory=dict)


def build_webhook(message: Message) -> bytes:
    body = {
        "id": message.id, "kind": message.kind, "level": message.level, "time": message.at.isoformat(), "company": message.company,
        "title": message.title, "text": message.text, "url": message.url, "details": dict(message.details),
    }  # fmt: skip
    return json.dumps(body, ensure_ascii=False).encode()


def build_headers(message: Message, body: bytes, secret: str, timestamp: int) -> dict[str, str]:
    """`timestamp` is the second of sending: a receiver refuses what is signed long ago."""
    return {
        "Content-Type": "application/json; charset=utf-8", "X-Rebound-Id": message.id, "X-Rebound-Timestamp": str(timestamp),
        "X-Rebound-Signature": sign(secret, timestamp, body),
    }  # fmt: skip


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """ "sha256=" and the HMAC-SHA256, in hex, of the timestamp, a dot and the body."""
    return "sha256=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def build_slack(message: Message) -> dict[str, Any]:
    """Plain text where Slack allows it; where it reads its own markup, what could be a link or a mention is escaped."""
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(_cut(message.title, 150))}]
    if message.text:
        blocks.append({"type": "section", "text": _plain(_cut(message.text, 2_900))})
    foot = f"{_escape(SIGNS[message.level])} · {_escape(message.company)}"
    if message.url:
        foot += f" · <{message.url}|Open in Rebound>"
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": foot}]})
    return {"text": _escape(f"{message.title} {message.url}".strip()), "blocks": blocks}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def build_teams(message: Message) -> dict[str, Any]:
    """An Adaptive Card in a message. Rich text blocks read no Markdown, so no title can become a link."""
    run = {
        "type": "TextRun",
        "text": message.title,
        "weight": "Bolder",
        "size": "Medium",
        "color": CARD_COLORS[message.level],
    }
    body: list[dict[str, Any]] = [{"type": "RichTextBlock", "inlines": [run]}]
    if message.text:
        body.append({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": message.text}]})
    foot = {"type": "TextRun", "text": f"{SIGNS[message.level]} · {message.company}", "isSubtle": True, "size": "Small"}
    body.append({"type": "RichTextBlock", "inlines": [foot]})
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": body,
    }  # fmt: skip
    if message.url:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open in Rebound", "url": message.url}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def build_mail(message: Message) -> tuple[str, str]:
    """Subject and text. Whatever could end a header line has become a space."""
    subject = " ".join(f"{SIGNS[message.level]}: {message.title}".split())
    parts = [message.title, message.text, message.url, f"-- \n{message.company}, by Rebound"]
    return subject, "\n\n".join(part for part in parts if part) + "\n"


def wait_after(attempts: int, asked: timedelta | None = None) -> timedelta | None:
    """How long after the `attempts`-th failure the next try comes; None when that was the last."""
    if attempts >= TRIES:
        return None
    return max(WAITS[attempts - 1], min(asked or timedelta(0), LONGEST_WAIT))


def mask_target(kind: str, target: str) -> str:
    """What a page may show: a mail address as it is, of a URL its host and last four characters."""
    if kind == "email":
        return target
    parts = urlsplit(target)
    tail = f"{parts.path}?{parts.query}" if parts.query else parts.path
    end = tail[-4:] if len(tail) > 12 else ""
    return f"{parts.scheme}://{parts.netloc}/…{end}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
