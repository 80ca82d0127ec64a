"""The outreach guard's judgement: facts in, decision out. Nothing here waits or looks anything up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from webapp.timeline.states import METHODS

SKEW = timedelta(minutes=5)  # how far another clock may be ahead of ours
PAST = timedelta(minutes=1)  # what happened longer ago than this is recorded, not sent
QUEUE_AHEAD = timedelta(days=7)
TOKEN_LIFE = timedelta(minutes=10)
EDIT_FOR = timedelta(days=7)
METADATA_BYTES = 16 * 1024

Code = Literal["", "do_not_contact", "contact_cap", "recent_contact", "queued_contact"]
STATUS_OF_CODE: dict[str, int] = {
    "do_not_contact": 403, "contact_cap": 429, "recent_contact": 409, "queued_contact": 409,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MethodLimit:
    """`cap_count` contacts in `cap_hours` rolling hours, None: no cap; `warn_days` None: no warning."""

    cap_count: int | None = 1
    cap_hours: int = 24
    warn_days: int | None = 7


@dataclass(frozen=True, slots=True)
class Quiet:
    """`windows`: weekday (Monday 0) -> ("HH:MM" open, "HH:MM" close) or None for a closed day."""

    for_people: bool = False
    for_campaigns: bool = True
    windows: Mapping[int, tuple[str, str] | None] = field(
        default_factory=lambda: {day: ("08:00", "20:00") if day < 6 else None for day in range(7)}
    )
    holidays: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    methods: Mapping[str, MethodLimit] = field(default_factory=lambda: dict.fromkeys(METHODS, MethodLimit()))
    other_method_days: int | None = 7
    reply_hours: int = 72
    quiet: Quiet = field(default_factory=Quiet)

    @property
    def horizon(self) -> timedelta:
        """How far back a contact can still matter."""
        days = [limit.warn_days or 0 for limit in self.methods.values()]
        hours = [limit.cap_hours for limit in self.methods.values() if limit.cap_count is not None]
        return max(
            timedelta(days=max([*days, self.other_method_days or 0])), timedelta(hours=max([*hours, self.reply_hours]))
        )


DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Block:
    """Why a lead may not be contacted: kind phone, email, domain, lead or status; `method` None: any it serves."""

    kind: str
    value: str
    method: str | None = None
    reason: str = ""
    at: datetime | None = None
    who: str = ""
    entry_id: int | None = None


SERVES = {"phone": ("call", "sms", "whatsapp"), "email": ("email",), "domain": ("email", "web_form")}


def blocks_method(block: Block, method: str) -> bool:
    return block.method in (None, method) and method in SERVES.get(block.kind, tuple(METHODS))


@dataclass(frozen=True, slots=True)
class Known:
    """One contact that stands on the lead's timeline or on a twin's. `kind`: contact or call."""

    kind: str
    id: int
    lead_id: int
    method: str
    direction: str
    at: datetime
    subject: str = ""
    body: str = ""
    who: str = ""
    user_id: int | None = None
    responded: bool = False
    response_at: datetime | None = None
    counts: bool = True
    caps: bool = True
    scheduled_for: datetime | None = None
    source: str = "person"

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.id}"


@dataclass(frozen=True, slots=True)
class Decision:
    """`contacts`: what the code is about, newest first; `lines`: contacts by other methods, worth a line and no click;
    `answers`: the message from them that this one answers; `scheduled_for`: quiet hours, the next opening."""

    verdict: Literal["allowed", "warned", "refused"] = "allowed"
    code: Code = ""
    contacts: tuple[Known, ...] = ()
    lines: tuple[Known, ...] = ()
    allowed_at: datetime | None = None
    scheduled_for: datetime | None = None
    answers: Known | None = None
    block: Block | None = None

    @property
    def newest(self) -> str:
        """Names what was shown: another name means that something newer has come."""
        return max(self.contacts, key=lambda k: (k.scheduled_for or k.at, k.kind, k.id)).key if self.contacts else ""


def decide(
    method: str, now: datetime, known: Sequence[Known], blocks: Iterable[Block], limits: Limits, *,
    zone: str | None = None, automatic: bool = False,
) -> Decision:  # fmt: skip
    """May this lead be contacted by this method now? `known` holds the contacts of the lead and its twins."""
    block = next((b for b in blocks if blocks_method(b, method)), None)
    if block is not None:
        return Decision("refused", "do_not_contact", block=block)
    limit = limits.methods[method]
    falling = sorted(known, key=lambda k: (k.at, k.kind, k.id), reverse=True)
    mine = [k for k in falling if k.method == method]
    answers = find_answered(mine, now, limits.reply_hours)
    lines: tuple[Known, ...] = ()
    if limits.other_method_days:
        since = now - timedelta(days=limits.other_method_days)
        lines = tuple(k for k in falling if k.method != method and k.counts and k.at > since)
    opening = None
    if limits.quiet.for_campaigns if automatic else limits.quiet.for_people:
        opening = next_opening(now, zone, limits.quiet)
    if answers is None:
        counted = count_capped(mine, now, limit)
        if limit.cap_count is not None and len(counted) >= limit.cap_count:
            free = counted[limit.cap_count - 1].at + timedelta(hours=limit.cap_hours)
            return Decision("refused", "contact_cap", tuple(counted), lines, allowed_at=free)
        recent = [k for k in mine if limit.warn_days and k.counts and k.at > now - timedelta(days=limit.warn_days)]
        queued = [k for k in mine if k.scheduled_for is not None and k.scheduled_for <= now + QUEUE_AHEAD]
        if recent or (queued and limit.warn_days):
            code: Code = "recent_contact" if recent else "queued_contact"
            return Decision("warned", code, (*queued, *recent), lines, scheduled_for=opening)
    return Decision(lines=lines, scheduled_for=opening, answers=answers)


def count_capped(mine: Sequence[Known], now: datetime, limit: MethodLimit) -> list[Known]:
    """What fills the cap, newest first. A contact exactly `cap_hours` old no longer does."""
    since = now - timedelta(hours=limit.cap_hours)
    return [k for k in mine if k.caps and k.at > since]


def breaks_cap(at: datetime, mine: Sequence[Known], limit: MethodLimit) -> bool:
    """Whether a contact of that past moment stands within the cap's hours of as many others as are allowed."""
    window = timedelta(hours=limit.cap_hours)
    return limit.cap_count is not None and sum(k.caps and abs(k.at - at) < window for k in mine) >= limit.cap_count


def find_answered(mine: Sequence[Known], now: datetime, reply_hours: int) -> Known | None:
    """The last word of theirs by this method, when it is at most `reply_hours` old and we have not answered it yet."""
    said = [(k.at, k) for k in mine if k.direction == "inbound"]
    # What was said during a call was answered in it.
    said += [(k.response_at, k) for k in mine if k.response_at is not None and k.response_at > k.at]
    if not said:
        return None
    at, word = max(said, key=lambda pair: (pair[0], pair[1].id))
    if at <= now - timedelta(hours=reply_hours):
        return None
    return None if any(k.counts and k.at > at for k in mine) else word


# --- quiet hours ---------------------------------------------------------------------------------------------


def span_of(day: date, quiet: Quiet, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """When that day's window opens and closes; None for a closed day.

    Where the clocks change a time comes twice or never: in doubt it is closed, so of its two readings the later one opens and
    the earlier one closes. The twin of the database's window_closes (migration 0007).
    """
    window = quiet.windows.get(day.weekday())
    if window is None or day.isoformat() in quiet.holidays:
        return None
    opens, closes = (time.fromisoformat(text) for text in window)
    end = day + timedelta(days=1) if closes <= opens else day
    start, stop = max(_readings(day, opens, zone)), min(_readings(end, closes, zone))
    return (start, stop) if start < stop else None


def _readings(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    first, second = (datetime.combine(day, at.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1))
    return first, second


def next_opening(now: datetime, zone: str | None, quiet: Quiet) -> datetime | None:
    """None while their window is open; else when it next opens, at most 400 days ahead (never open counts as open)."""
    info = ZoneInfo(zone or "UTC")
    today = now.astimezone(info).date()
    for offset in range(-1, 400):
        span = span_of(today + timedelta(days=offset), quiet, info)
        if span is None or span[1] <= now:
            continue
        return None if span[0] <= now else span[0]
    return None


# --- how alike two texts are ------------------------------------------------------------------------------------

_WORD = re.compile(r"\w+(?:['’]\w+)?")
_RUN = 3  # words of one comparison


def _runs(text: str) -> set[tuple[str, ...]]:
    words = [word.lower() for word in _WORD.findall(text[:20_000])]
    return {tuple(words[n : n + _RUN]) for n in range(len(words) - _RUN + 1)}


def similarity(draft: str, texts: Iterable[str]) -> int | None:
    """How much of the draft one of the texts has already said, in percent; None for a draft too short to tell."""
    mine = _runs(draft)
    if len(mine) < 3:
        return None
    return max((round(100 * len(mine & _runs(text)) / len(mine)) for text in texts if text), default=0)


# --- what a contact does to the lead's status ----------------------------------------------------------------------

NOT_CONVERSING = frozenset({"qualified", "converted", "sale", "dnc", "conversing"})
FRESH = frozenset({"new", "enriched"})


def status_after(status: str | None, direction: str, *, responded: bool) -> str | None:
    """The status that a contact moves the lead to, or None where it stays."""
    if direction == "inbound" or responded:
        return None if status in NOT_CONVERSING else "conversing"
    return "contacted" if status in FRESH else None
