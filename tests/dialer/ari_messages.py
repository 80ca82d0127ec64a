"""Messages of ARI's event socket, in the shape that Asterisk sends them."""

from __future__ import annotations

from typing import Any

Message = dict[str, Any]


def ari(kind: str, second: int, state: str, *, call: str = "1587315778.885", name: str = "PJSIP/trunk-00000370",
        connected: str = "", exten: str = "s", variables: dict[str, str] | None = None, **facts: Any) -> Message:  # fmt: skip
    channel = {
        "id": call, "name": name, "state": state, "caller": {"name": "", "number": ""},
        "connected": {"name": "", "number": connected}, "accountcode": "",
        "dialplan": {"context": "out", "exten": exten, "priority": 1, "app_name": "", "app_data": ""},
        "creationtime": "2026-06-01T12:00:00.250+0200", "language": "en",
        **({"channelvars": variables} if variables is not None else {}),
    }  # fmt: skip
    return {
        "type": kind, "timestamp": f"2026-06-01T12:{second // 60:02}:{second % 60:02}.250+0200", **facts,
        "peer" if kind == "Dial" else "channel": channel, "asterisk_id": "42:01:0a:a4:00:03", "application": "rebound",
    }  # fmt: skip


def dial(second: int, status: str, **facts: Any) -> Message:
    return ari("Dial", second, "Down", dialstatus=status, forward="", **facts)


def destroyed(second: int, state: str, cause: int, text: str = "", **facts: Any) -> Message:
    return ari("ChannelDestroyed", second, state, cause=cause, cause_txt=text, **facts)


def begin(phone: str, **facts: Any) -> list[Message]:
    """A call from the dialplan: nothing tells the number until Dial does."""
    return [
        ari("ChannelCreated", 0, "Down", **facts),
        dial(0, "", dialstring=f"{phone}@trunk", **facts),
        ari("ChannelStateChange", 3, "Ringing", **facts),
    ]


def whole_call(phone: str, **facts: Any) -> list[Message]:
    return [
        *begin(phone, **facts), ari("ChannelStateChange", 9, "Up", **facts), dial(9, "ANSWER", **facts),
        destroyed(72, "Up", 16, "Normal Clearing", **facts),
    ]  # fmt: skip
