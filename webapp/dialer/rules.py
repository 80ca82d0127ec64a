"""How deliveries add up to one call, in whatever order and however often they come.

Every field is merged by a rule that does not care about order (a minimum, a maximum, the stronger of
two), so any shuffle of the same events ends in the same call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

RANK = {"dialing": 0, "ringing": 1, "answered": 2, "ended": 3}
LIVE = ("dialing", "ringing", "answered")
# When two ends of one call contradict, the stronger word holds; an answer that was seen counts as one.
FINAL_ORDER = (
    "unknown", "cancelled", "no_answer", "answered", "failed", "network", "invalid_number", "congestion", "busy", "dropped",
    "machine",
)  # fmt: skip
SKEW = timedelta(hours=24)
CALLBACK_LATER = timedelta(days=1)
OPEN_FOR_TOO_LONG = timedelta(hours=2)

# Result to wait after and redials allowed for it in one pass, where a campaign has no rule of its own.
DEFAULT_RULES: dict[str, tuple[timedelta, int]] = {
    "no_answer": (timedelta(minutes=60), 3),
    "busy": (timedelta(minutes=5), 3),
    "congestion": (timedelta(minutes=60), 2),
    "dropped": (timedelta(minutes=10), 2),
    "failed": (timedelta(hours=4), 2),
}


@dataclass(frozen=True, slots=True)
class Call:
    """The stored facts of one call."""

    call_status: str
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    disposition: str | None = None
    disposition_at: datetime | None = None
    duration: int | None = None
    recording: str = ""
    notes: str = ""
    agent: str = ""
    phone: str | None = None
    campaign_id: int | None = None
    callback_at: datetime | None = None

    @property
    def rank(self) -> int:
        return 3 if self.ended_at or self.call_status not in LIVE else RANK[self.call_status]


def moment_of(event: dict[str, Any], received_at: datetime) -> datetime:
    """When the event happened, never later than it was received: a dialer's clock may run ahead."""
    at = event["occurred_at"] or event["ended_at"] or event["answered_at"] or event["started_at"] or received_at
    return min(at, received_at)


def is_from_the_future(event: dict[str, Any], received_at: datetime) -> bool:
    times = (event["occurred_at"], event["started_at"], event["answered_at"], event["ended_at"])
    return any(at is not None and at > received_at + SKEW for at in times)


def _least(*times: datetime | None) -> datetime | None:
    known = [at for at in times if at is not None]
    return min(known) if known else None


def _until(latest: datetime, at: datetime | None) -> datetime | None:
    return None if at is None else min(at, latest)


def _fuller(a: str, b: str) -> str:
    return max(a, b, key=lambda text: (len(text), text))


def _final(a: str | None, b: str | None) -> str | None:
    known = [status for status in (a, b) if status is not None]
    return max(known, key=FINAL_ORDER.index) if known else None


def _disposition(
    a: tuple[str | None, datetime | None], b: tuple[str | None, datetime | None]
) -> tuple[str | None, datetime | None]:
    """The later word of an agent; Do Not Call outranks all, and the first moment of it counts."""
    said = [(name, at) for name, at in (a, b) if name is not None and at is not None]
    if not said:
        return None, None
    forbidden = [(name, at) for name, at in said if name == "dnc"]
    if forbidden:
        return min(forbidden, key=lambda pair: pair[1])
    return max(said, key=lambda pair: (pair[1], pair[0]))


def merge(call: Call | None, event: dict[str, Any], received_at: datetime) -> tuple[Call, str]:
    """The call with one more delivery in it, and what became of the delivery: applied, stale or duplicate."""
    at = moment_of(event, received_at)
    kind = event["type"]
    final = (event["call_status"] or "unknown") if kind == "ended" else None
    # A dialer's clock may run ahead: nothing of a call lies behind its delivery, or it would outlast what people do now.
    ended_at = _until(received_at, event["ended_at"] or (at if kind == "ended" else None))
    answered_at = _until(received_at, event["answered_at"] or (at if kind == "answered" else None))
    spoken = timedelta(seconds=event["duration"] or 0)
    started = [
        event["started_at"],
        answered_at,
        at,
        ended_at - spoken if ended_at and event["started_at"] is None else None,
    ]
    new = Call(
        call_status="dialing", started_at=min(time for time in started if time is not None), answered_at=answered_at,
        ended_at=ended_at, disposition=event["disposition"], disposition_at=at if event["disposition"] else None,
        duration=event["duration"], recording=event["recording"], notes=event["notes"], agent=event["agent"],
        phone=event["phone"], campaign_id=event["campaign_id"], callback_at=event["callback_at"],
    )  # fmt: skip
    live = kind if kind in LIVE else "dialing"
    if call is None:
        return replace(new, call_status=_status(final, answered_at, live)), "applied"
    known_final = call.call_status if call.rank == 3 else None
    known_live = call.call_status if call.call_status in LIVE else "dialing"
    answered = _least(call.answered_at, answered_at)
    disposition, disposition_at = _disposition(
        (call.disposition, call.disposition_at), (new.disposition, new.disposition_at)
    )
    merged = Call(
        call_status=_status(_final(known_final, final), answered, max(live, known_live, key=RANK.__getitem__)),
        started_at=min(call.started_at, new.started_at), answered_at=answered, ended_at=_least(call.ended_at, new.ended_at),
        disposition=disposition, disposition_at=disposition_at,
        duration=max((d for d in (call.duration, new.duration) if d is not None), default=None),
        recording=_fuller(call.recording, new.recording), notes=_fuller(call.notes, new.notes),
        agent=_fuller(call.agent, new.agent), phone=call.phone or new.phone, campaign_id=call.campaign_id or new.campaign_id,
        callback_at=max((at for at in (call.callback_at, new.callback_at) if at), default=None),
    )  # fmt: skip
    if replace(merged, started_at=call.started_at) != call:
        return merged, "applied"
    return merged, "stale" if RANK[kind] < call.rank else "duplicate"


def _status(final: str | None, answered_at: datetime | None, live: str) -> str:
    seen = "answered" if answered_at else None
    if final is None:
        return seen or live
    return _final(final, seen) or final
