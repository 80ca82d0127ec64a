"""What an Asterisk tells over its REST interface (ARI), as the call events that the API takes.

One ARI channel is one call. Only the leg to the lead counts: channels that called Asterisk (an agent's
phone), Local channels and legs to an extension are left out. Where the dialplan names the lead, Asterisk
must be told to send the variables: `channelvars=REBOUND_LEAD,REBOUND_CAMPAIGN,REBOUND_AGENT` in ari.conf.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

MOST_CHANNELS = 20_000  # remembered at once
LONGEST_ID = 200
TYPES = frozenset({"ChannelCreated", "ChannelStateChange", "Dial", "ChannelDestroyed"})

# Hangup causes of Q.850, 0 to 127, as call statuses. An answered call is answered whatever ended it.
CAUSES: dict[int, str] = dict.fromkeys(range(128), "failed") | {
    1: "invalid_number",  # unallocated
    16: "cancelled",  # normal clearing, before anybody answered
    17: "busy",
    18: "no_answer",  # no user responding
    19: "no_answer",  # alerted, no answer
    20: "no_answer",  # subscriber absent
    21: "busy",  # rejected
    22: "invalid_number",  # number changed
    26: "cancelled",  # answered elsewhere
    28: "invalid_number",  # number format
    34: "congestion",  # no circuit
    38: "network",  # out of order
    41: "network",  # temporary failure
    42: "congestion",  # switching equipment
    44: "congestion",  # requested circuit
    47: "congestion",  # no resource
    102: "network",  # a timer ran out
}
DIAL_STATUS = {
    "BUSY": "busy",
    "NOANSWER": "no_answer",
    "CANCEL": "cancelled",
    "CONGESTION": "congestion",
    "CHANUNAVAIL": "failed",
    "DONTCALL": "busy",  # the called party's privacy menu sent the caller away
    "TORTURE": "busy",
    "INVALIDARGS": "failed",
}
VAGUE = ("CONGESTION", "CHANUNAVAIL")  # Dial says no more for most SIP errors; a telling cause goes first
_NUMBER = re.compile(r"\+?[0-9 ()-]{7,40}")
_SUFFIX = re.compile(r"-[0-9a-f]{8}(;[12])?$")  # that Asterisk puts to channel names


class Malformed(ValueError):
    """The message lacks what every such message has; the text names it, without personal data."""


@dataclass(slots=True)
class _Channel:
    from_start: bool
    called_us: bool = False
    dialed: bool = False  # Dial has told where to: nothing else tells the number any more
    told: bool = False
    phone: str | None = None
    lead_id: int | None = None
    campaign_id: int | None = None
    agent: str = ""
    started_at: datetime | None = None
    answered_at: datetime | None = None
    dial_status: str = ""

    @property
    def counts(self) -> bool:
        """Whether its events go out. One whose beginning was not seen may be a call that is known already."""
        return not self.called_us and bool(self.lead_id or self.phone or not self.from_start)


class Channels:
    """The mapping, and the little it keeps of each channel between messages."""

    def __init__(self, system: str) -> None:
        self._provider = f"asterisk:{system}"
        self._known: OrderedDict[str, _Channel] = OrderedDict()

    def read(self, message: object) -> dict[str, Any] | None:
        """The event for `parse_event`, None for what is no news of a lead's call. Raises Malformed."""
        if not isinstance(message, dict):
            raise Malformed("not a JSON object")
        kind = _text(message, "type")
        if not kind:
            raise Malformed("no type")
        if kind not in TYPES:
            return None
        channel = message.get("peer" if kind == "Dial" else "channel")
        if not isinstance(channel, dict):
            raise Malformed(f"{kind} without its channel")
        channel_id, at = _text(channel, "id"), _moment(_text(message, "timestamp"))
        if not channel_id or len(channel_id) > LONGEST_ID:
            raise Malformed(f"{kind} without a usable channel id")
        if at is None:
            raise Malformed(f"{kind} without a time")
        if _text(channel, "name").startswith("Local/"):
            return None
        begins = kind == "ChannelCreated" or (kind == "Dial" and not _text(message, "dialstatus"))
        known = self._recall(channel_id, begins=begins)
        _learn(known, kind, message, channel, at)
        news = _news(known, kind, message, channel, at)
        if news is None or not known.counts:
            return None
        known.told = True
        stated = _text(message, "dialstatus") if kind == "Dial" else _text(channel, "state")
        event = {
            "provider": self._provider, "event_id": _event_id(channel_id, kind, stated, _text(message, "timestamp")),
            "call_id": channel_id, "occurred_at": at.isoformat(), "started_at": min(known.started_at or at, at).isoformat(),
            "phone": known.phone, "lead_id": known.lead_id, "campaign_id": known.campaign_id, "agent": known.agent,
        }  # fmt: skip
        return {name: value for name, value in (event | news).items() if value not in (None, "")}

    def _recall(self, channel_id: str, *, begins: bool) -> _Channel:
        """Channels that ended are kept too: a message that comes twice is read the same way twice."""
        known = self._known.setdefault(channel_id, _Channel(from_start=begins))
        self._known.move_to_end(channel_id)
        if len(self._known) > MOST_CHANNELS:
            self._known.popitem(last=False)
        return known


def _learn(known: _Channel, kind: str, message: dict[str, Any], channel: dict[str, Any], at: datetime) -> None:
    known.lead_id = _whole(channel, "REBOUND_LEAD") or known.lead_id
    known.campaign_id = _whole(channel, "REBOUND_CAMPAIGN") or known.campaign_id
    known.agent = _text(channel, "channelvars", "REBOUND_AGENT")[:LONGEST_ID] or known.agent
    known.started_at = known.started_at or _moment(_text(channel, "creationtime"))
    if kind == "ChannelCreated" and _text(channel, "state") == "Ring":
        known.called_us = True
    if kind == "Dial":
        known.called_us = False
        if dialstring := _text(message, "dialstring"):
            known.dialed, known.phone = True, _number(dialstring)
    if not known.phone and not known.dialed:
        name = _SUFFIX.sub("", _text(channel, "name").partition("/")[2])
        places = _text(channel, "connected", "number"), _text(channel, "dialplan", "exten"), name
        known.phone = next(filter(None, map(_number, places)), None)
    up = kind == "ChannelStateChange" and _text(channel, "state") == "Up"
    if up or (kind == "Dial" and _text(message, "dialstatus") == "ANSWER"):
        known.answered_at = min(known.answered_at or at, at)


def _news(
    known: _Channel, kind: str, message: dict[str, Any], channel: dict[str, Any], at: datetime
) -> dict[str, Any] | None:
    """Type and result that this message tells; None when it tells none."""
    state, dialed = _text(channel, "state"), _text(message, "dialstatus")
    if kind == "ChannelCreated":
        return {"type": "dialing"}
    if kind == "Dial":
        if dialed in DIAL_STATUS:
            known.dial_status = dialed
        elif dialed == "ANSWER":
            return {"type": "answered", "answered_at": at.isoformat()}
        elif not dialed and not known.told:
            return {"type": "dialing"}
        return None
    if kind == "ChannelStateChange":
        if state in ("Ringing", "Ring"):
            return {"type": "ringing"}
        return {"type": "answered", "answered_at": at.isoformat()} if state == "Up" else None
    return _end(known, message, at, was_up=state == "Up")


def _end(known: _Channel, message: dict[str, Any], at: datetime, *, was_up: bool) -> dict[str, Any]:
    cause = message.get("cause")
    if not isinstance(cause, int) or isinstance(cause, bool) or cause not in CAUSES:
        cause = 0
    words = _text(message, "cause_txt")[:200]
    end = {"type": "ended", "ended_at": at.isoformat(), "cause": cause, "cause_txt": words}
    if known.answered_at or was_up:
        end["call_status"] = "answered"
        if known.answered_at:
            talked = max(0, round((at - known.answered_at).total_seconds()))
            end |= {"answered_at": min(known.answered_at, at).isoformat(), "duration": talked}
        return end
    end["call_status"] = _result(cause, known.dial_status)
    if end["call_status"] == "failed":
        end["notes"] = f"Asterisk: {known.dial_status or words or 'no reason given'} (cause {cause})"
    return end


def _result(cause: int, dial_status: str) -> str:
    """The status of a call that nobody answered."""
    told = CAUSES[cause]
    if told == "invalid_number" or not dial_status:
        return told
    if dial_status in VAGUE and told not in ("failed", "cancelled"):
        return told
    return DIAL_STATUS[dial_status]


def _event_id(channel_id: str, kind: str, state: str, timestamp: str) -> str:
    """The same for the same message, also after a reconnect."""
    name = f"{kind}:{state}:{timestamp}:{channel_id}"
    return name if len(name) <= LONGEST_ID else blake2b(name.encode(errors="replace"), digest_size=32).hexdigest()


def _text(value: Any, *path: str) -> str:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _whole(channel: dict[str, Any], variable: str) -> int | None:
    text = _text(channel, "channelvars", variable).strip()
    return int(text) or None if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _number(text: str) -> str | None:
    """The number in `12125550123@trunk`, `trunk/sip:+12125550123@host` or by itself; extensions are none."""
    last = text.partition("@")[0].rpartition("/")[2].partition(";")[0].rpartition(":")[2].strip()
    return last if _NUMBER.fullmatch(last) and sum(map(str.isdigit, last)) >= 7 else None
