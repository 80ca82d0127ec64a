"""One row of a dialer's call log as an event of a call, or why it is refused. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from webapp.dialer.results import CALL, DISPOSITIONS
from webapp.imports.cells import Refused, clean, coded, typed
from webapp.imports.rules import parse_phone
from webapp.imports.tables import CALL_CODES

PROVIDER = "import"
ORDERS = {"mdy": "Month first (12/31/2026)", "dmy": "Day first (31/12/2026)"}
_NUMERIC = re.compile(
    r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4}|\d{2})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp])?\.?[Mm]?\.?)?"
)
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})(?:\.\d+)?")
_EPOCH = re.compile(r"\d{10}(?:\.\d+)?|\d{13}")
_BY_LABEL = {state.label.lower(): state.name for state in CALL} | {
    state.name.replace("_", " "): state.name for state in CALL
}
_DISPOSITIONS = {label.lower(): name for name, label in DISPOSITIONS.items()} | {
    n.replace("_", " "): n for n in DISPOSITIONS
}
_CLOSED = frozenset(("dialing", "ringing", "unknown"))
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2099, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CallPlan:
    columns: tuple[tuple[int, str, str], ...]  # index, header, field
    country: str
    zone: str  # of times that name none
    order: str  # mdy or dmy


@dataclass(slots=True)
class ParsedCall:
    """`event` is the delivery for dialer.service.record_events, None for a refused row."""

    number: int
    cells: list[str]
    event: dict[str, Any] | None = None
    reason: str = ""


def parse_call(number: int, cells: list[str], plan: CallPlan) -> ParsedCall:
    row = ParsedCall(number, cells)
    try:
        row.event = _read(cells, plan)
    except Refused as refused:
        row.reason = refused.reason
    return row


def _read(cells: list[str], plan: CallPlan) -> dict[str, Any]:
    given: dict[str, str] = {}
    for index, header, field in plan.columns:
        if index < len(cells) and cells[index] and not given.get(field):
            text = clean(cells[index], header)
            given[field] = coded(text) if field in ("call_status", "disposition") else typed(text)
    event: dict[str, Any] = {"provider": PROVIDER, "type": "ended"}
    if lead := given.get("lead_id"):
        if not re.fullmatch(r"\d{1,18}(\.0)?", lead):
            raise Refused("lead id: not a number")
        event["lead_id"] = int(lead.removesuffix(".0"))
    if phone := given.get("phone"):
        event["phone"] = parse_phone(phone, plan.country, given.get("phone_code", ""))[0]
    if not event.get("lead_id") and not event.get("phone"):
        raise Refused("names no lead: neither lead id nor phone")
    if not given.get("started_at"):
        raise Refused("has no start time")
    started = parse_time(given["started_at"], plan, "started")
    duration = parse_duration(given.get("duration", ""))
    answered = parse_time(given["answered_at"], plan, "answered") if given.get("answered_at") else None
    ended = parse_time(given["ended_at"], plan, "ended") if given.get("ended_at") else None
    if ended is None:
        ended = (answered or started) + timedelta(seconds=duration or 0)
    if ended < started or (answered is not None and not started <= answered <= ended):
        raise Refused("its times are not in order: started, answered, ended")
    status, disposition, note = parse_result(given.get("call_status", ""), given.get("disposition", ""))
    notes = "\n".join(part for part in (given.get("notes", ""), note) if part)
    event |= {
        "call_status": status, "disposition": disposition, "started_at": started.isoformat(), "ended_at": ended.isoformat(),
        "answered_at": answered.isoformat() if answered else None, "duration": duration, "notes": notes[:20_000],
        "agent": given.get("agent", "")[:200], "recording": given.get("recording", "")[:500],
    }  # fmt: skip
    who = str(event.get("lead_id") or event["phone"])
    event["call_id"] = (given.get("call_id") or f"row-{_digest([who, event['started_at']])}")[:200]
    event["event_id"] = f"row-{_digest(event)}"
    return event


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def parse_time(text: str, plan: CallPlan, name: str) -> datetime:
    """UTC. A time without offset is of the plan's zone; of an hour that comes twice, the first. Raises Refused."""
    found = _parse_moment(text, plan.order)
    if found is None:
        raise Refused(f"{name}: {text[:60]} is not a date and time")
    try:
        at = (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(plan.zone))).astimezone(UTC)
    except OverflowError:
        raise Refused(f"{name}: {text[:60]} is outside 1970 to 2100") from None
    if not EARLIEST <= at <= LATEST:
        raise Refused(f"{name}: {text[:60]} is outside 1970 to 2100")
    return at


def _parse_moment(text: str, order: str) -> datetime | None:
    if _EPOCH.fullmatch(text):
        seconds = float(text) / (1000 if len(text) == 13 else 1)
        return datetime.fromtimestamp(seconds, UTC)
    found = _NUMERIC.fullmatch(text)
    try:
        if not found:
            return datetime.fromisoformat(text.replace(" UTC", "+00:00").replace("/", "-"))
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        month, day = (first, second) if order == "mdy" else (second, first)
        hour = int(found[4] or 0)
        if found[7]:
            hour = hour % 12 + (12 if found[7] in "pP" else 0)
        return datetime(year if year > 99 else 2000 + year, month, day, hour, int(found[5] or 0), int(found[6] or 0))  # noqa: DTZ001
    except ValueError:
        return None


def find_order(texts: Iterable[str], country: str) -> tuple[str, bool]:
    """Whether numeric dates put the month or the day first, and whether the dates themselves say so."""
    for text in texts:
        if found := _NUMERIC.fullmatch(text.strip()):
            first, second = int(found[1]), int(found[2])
            if first > 12 >= second:
                return "dmy", True
            if second > 12 >= first:
                return "mdy", True
    return ("mdy" if country in ("US", "PH", "") else "dmy"), False


def parse_duration(text: str) -> int | None:
    """Seconds, of "75", "1:15" or "0:01:15". Raises Refused."""
    if not text:
        return None
    if found := _CLOCK.fullmatch(text):
        seconds = int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])
    elif re.fullmatch(r"\d{1,7}(\.\d+)?\s*(s|sec|seconds)?", text):
        seconds = int(float(text.rstrip("second ")))
    else:
        raise Refused(f"duration: {text[:40]} is not a time span")
    if seconds > 604_800:
        raise Refused("duration: longer than a week")
    return seconds


def parse_result(status: str, disposition: str) -> tuple[str, str | None, str]:
    """Call status, disposition, and a note for words that are nobody's. Raises Refused when nothing is known."""
    call, said = _lookup(status)
    _, agent_said = _lookup(disposition) if disposition else (None, None)
    key = " ".join(disposition.lower().replace("_", " ").split())
    agent_said = _DISPOSITIONS.get(key) or agent_said
    carrier = _lookup(disposition)[0] if disposition and not agent_said else None
    final = agent_said or said
    call = call or carrier or ("answered" if final else None)
    if call is None:
        if not status and not disposition:
            raise Refused("has no call status")
        raise Refused(f"call status: {(status or disposition)[:60]} is not known")
    if final and call != "answered":
        call = "answered" if final in ("sale", "qualified", "callback", "contacted", "not_interested") else call
    note = f"Disposition: {disposition}" if disposition and not agent_said and not carrier else ""
    return call, final, note


def _lookup(text: str) -> tuple[str | None, str | None]:
    key = " ".join(text.lower().replace("_", " ").split())
    if key in CALL_CODES:
        return CALL_CODES[key]
    known = _BY_LABEL.get(key)
    if known and known not in _CLOSED:
        return known, None
    said = _DISPOSITIONS.get(key)
    return ("answered", said) if said else (None, None)


def order_hint(rows: list[list[str]], columns: Mapping[str, str], country: str) -> tuple[str, bool]:
    indexes = [int(index) for index, field in columns.items() if field in ("started_at", "answered_at", "ended_at")]
    return find_order((row[i] for row in rows for i in indexes if i < len(row)), country)
