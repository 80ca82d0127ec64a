"""What an alert looks like in each channel, and when it is tried again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from webapp.notifications.rules import (
    Message,
    build_mail,
    build_slack,
    build_teams,
    build_webhook,
    mask_target,
    sign,
    wait_after,
)

HOSTILE = "<!channel> [win](http://evil.example) <http://evil.example|click> & *bold*"


def message(
    title: str = "Run 7 finished", text: str = "120 of 140 reached.", url: str = "https://rebound.example/runs/7"
) -> Message:
    return Message("alert-5", "completion", "Run finished", "ok", datetime(2026, 6, 1, 12, tzinfo=UTC), title, text, url, "Acme & Sons",
                   {"run": 7})  # fmt: skip


def test_a_webhook_gets_every_part_as_json() -> None:
    assert json.loads(build_webhook(message())) == {
        "id": "alert-5", "kind": "completion", "level": "ok", "time": "2026-06-01T12:00:00+00:00", "company": "Acme & Sons",
        "title": "Run 7 finished", "text": "120 of 140 reached.", "url": "https://rebound.example/runs/7", "details": {"run": 7},
    }  # fmt: skip


def test_a_signature_is_that_of_a_known_case() -> None:
    """printf '1767225600.{"id":"alert-5"}' | openssl dgst -sha256 -hmac whsec_known"""
    known = "sha256=b70f83a51dfb73007500fb00ff1fb12fe9241bc7170b1cabfbe16f28bf803a1c"
    assert sign("whsec_known", 1_767_225_600, b'{"id":"alert-5"}') == known
    assert sign("whsec_other", 1_767_225_600, b'{"id":"alert-5"}') != known
    assert sign("whsec_known", 1_767_225_601, b'{"id":"alert-5"}') != known


def test_slack_reads_no_link_and_no_mention_out_of_a_title() -> None:
    card = build_slack(message(HOSTILE, HOSTILE))
    header, text, foot = card["blocks"]
    assert header["text"] == {"type": "plain_text", "text": HOSTILE, "emoji": False}
    assert text["text"]["type"] == "plain_text"
    assert "<!" not in card["text"]
    assert "<http" not in card["text"]
    assert (
        foot["elements"][0]["text"] == "Good news · Acme &amp; Sons · <https://rebound.example/runs/7|Open in Rebound>"
    )


def test_slack_and_its_limits() -> None:
    card = build_slack(message("t" * 200, "b" * 5_000, ""))
    assert [len(block["text"]["text"]) for block in card["blocks"][:2]] == [150, 2_900]
    assert "Open in Rebound" not in str(card)
    assert len(build_slack(message(text=""))["blocks"]) == 2


def test_teams_gets_a_card_whose_texts_read_no_markdown() -> None:
    envelope = build_teams(message(HOSTILE))
    assert envelope["type"] == "message"
    (attachment,) = envelope["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert card["body"][0]["inlines"][0]["text"] == HOSTILE
    assert card["actions"] == [
        {"type": "Action.OpenUrl", "title": "Open in Rebound", "url": "https://rebound.example/runs/7"}
    ]
    assert "actions" not in build_teams(message(url=""))["attachments"][0]["content"]


def test_a_mail_has_one_line_of_subject_whatever_the_title() -> None:
    subject, text = build_mail(message("Run\r\nBcc: all@example.com\n\n7"))
    assert subject == "Good news: Run Bcc: all@example.com 7"
    assert text.splitlines()[-2:] == ["-- ", "Acme & Sons, by Rebound"]


def test_tries_come_ever_later_and_end() -> None:
    waits = [wait_after(attempts) for attempts in range(1, 6)]
    assert waits == [timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), None]


def test_a_receiver_may_ask_for_more_time_but_not_for_ever() -> None:
    assert wait_after(1, timedelta(minutes=20)) == timedelta(minutes=20)
    assert wait_after(3, timedelta(seconds=1)) == timedelta(minutes=30)
    assert wait_after(1, timedelta(days=9)) == timedelta(hours=6)


@pytest.mark.parametrize(
    ("kind", "target", "shown"),
    [
        ("email", "office@example.com", "office@example.com"),
        ("slack", "https://hooks.slack.com/services/T0/B0/abcdWXYZ", "https://hooks.slack.com/…WXYZ"),
        ("webhook", "https://in.example:8443/a?key=0123456789", "https://in.example:8443/…6789"),
        ("webhook", "https://in.example/short", "https://in.example/…"),
    ],
)
def test_a_page_shows_no_more_of_a_url_than_its_host_and_end(kind: str, target: str, shown: str) -> None:
    assert mask_target(kind, target) == shown
