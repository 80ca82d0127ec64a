"""What became of a demo lead: its calls, and the facts that follow from them by the rules of the program.

Whatever is not planted agrees with `webapp.dialer.fold`, which tests check lead by lead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from webapp.demo.plan import LISTS, Plan
from webapp.demo.words import NOTES, TEAM
from webapp.dialer.results import is_contact, is_human, status_of_result
from webapp.dialer.rules import DEFAULT_RULES
from webapp.leads.states import PROTECTED

OPENS, CLOSES = time(9), time(17, 40)
HISTORY = 60  # days
UNANSWERED = (
    ("no_answer", 46),
    ("machine", 24),
    ("busy", 12),
    ("failed", 6),
    ("congestion", 4),
    ("dropped", 4),
    ("cancelled", 3),
    ("network", 1),
)
# How the last call of a lead ended: (call status, disposition, weight). None: an unanswered one.
LAST = (
    (None, None, 610), ("answered", None, 60), ("answered", "contacted", 62), ("answered", "not_interested", 112),
    ("answered", "callback", 14), ("answered", "qualified", 31), ("answered", "sale", 27), ("answered", "dnc", 19),
    ("invalid_number", None, 30), ("answered", "invalid", 5),
)  # fmt: skip
FIXED: dict[str, tuple[str | None, str | None]] = {
    "callback_without": ("answered", "callback"), "callback_reverse": ("answered", "contacted"), "open_call": ("ringing", None),
}  # fmt: skip
MIXED_LAST = tuple((status, disposition) for status, disposition, _ in LAST)
MIXED_WEIGHTS = tuple(weight for _, _, weight in LAST)


@dataclass(slots=True)
class Story:
    """One lead's rows, without ids: `changes` are (old, new, cause, index of the call, at); `callbacks` are
    (due, agent, state, index of the call, closed at, notes). Agents are places in TEAM, -1 the person who loads, None anyone."""

    facts: dict[str, Any]
    calls: list[dict[str, Any]] = field(default_factory=list)
    changes: list[tuple[str | None, str | None, str, int | None, datetime]] = field(default_factory=list)
    callbacks: list[tuple[datetime, int | None, str, int, datetime | None, str]] = field(default_factory=list)


class Calendar:
    """The hours that were worked, as (start, seconds) by zone and list age, oldest first."""

    def __init__(self, now: datetime, holidays: tuple[date, ...] = ()):
        self.now, self.holidays = now, holidays
        self._known: dict[tuple[str, int], list[tuple[datetime, int]]] = {}

    def slots(self, zone: str, age_days: int) -> list[tuple[datetime, int]]:
        key = (zone, min(age_days - 1, HISTORY))
        if key not in self._known:
            self._known[key] = self._make(*key)
        return self._known[key]

    def _make(self, zone: str, days: int) -> list[tuple[datetime, int]]:
        info = ZoneInfo(zone)
        today = self.now.astimezone(info).date()
        found = []
        for back in range(days, -1, -1):
            day = today - timedelta(days=back)
            if day.weekday() > 4 or day in self.holidays:
                continue
            start = datetime.combine(day, OPENS, info).astimezone(UTC)
            end = min(datetime.combine(day, CLOSES, info).astimezone(UTC), self.now - timedelta(minutes=20))
            if (seconds := int((end - start).total_seconds())) > 1800:
                found.append((start, seconds))
        return found

    def imported_at(self, age_days: int) -> datetime:
        return self.now - timedelta(days=age_days, minutes=age_days * 7 % 55)


def make_story(plan: Plan, index: int, zone: str, calendar: Calendar) -> Story:
    rng = plan.rng(index, "calls")
    entry = LISTS[plan.list_of(index)]
    kind = plan.planted.get(index)
    born = calendar.imported_at(entry.age_days)
    status: str | None = "new" if rng.random() < 0.93 else "enriched"
    if kind in ("missing_status", "count_without_log"):
        status = None if kind == "missing_status" else "no_answer"
    facts: dict[str, Any] = {
        "created_at": born, "status": status, "last_status_change": born, "anchor_status": None, "anchor_at": None,
        "last_dial_attempt": None, "dial_result": "", "dial_attempts": 0, "answered_count": 0, "call_count": 0,
        "last_result_at": None, "pass_dials": 0, "next_eligible_at": None, "last_call_contact_at": None,
        "call_contacts": 0,
        "owner": rng.choices(range(len(TEAM)), [share for _, _, share, _ in TEAM])[0] if rng.random() < 0.55 else None,
    }  # fmt: skip
    story = Story(facts, changes=[(None, status, "import", None, born)])
    if plan.dials[index]:
        _call(story, _endings(plan, index, rng), calendar.slots(zone, entry.age_days), rng)
        _conclude(story)
        _promise(story, kind, calendar.now, zone, rng)
    _plant(story, kind, rng)
    return story


def _endings(plan: Plan, index: int, rng: Random) -> list[tuple[str, str | None]]:
    """(call status, disposition) of each call, in order."""
    kind, count = plan.planted.get(index), plan.dials[index]
    names, weights = zip(*UNANSWERED, strict=True)
    endings: list[tuple[str, str | None]] = [(name, None) for name in rng.choices(names, weights, k=count)]
    hidden = plan.hidden.get(index)
    if hidden:
        endings[-1] = ("answered", None) if hidden == "contacted" else (hidden, None)
        return endings
    if kind in FIXED:
        last: tuple[str | None, str | None] = FIXED[kind]
    else:
        last = rng.choices(MIXED_LAST, MIXED_WEIGHTS)[0]
    if last[1] == "dnc" and (index in plan.twins or index in plan.twins.values()):
        last = ("answered", "not_interested")
    if last[0] is not None:
        endings[-1] = (last[0], last[1])
    if count > 2 and kind is None:
        if last[0] is None and rng.random() < 0.16:  # somebody was reached, later dials were not answered
            endings[-2] = ("answered", rng.choice((None, "contacted")))
        elif last[1] in ("sale", "qualified", "not_interested", "contacted") and rng.random() < 0.2:
            endings[-2] = ("answered", "callback")
    return endings


def _call(story: Story, endings: list[tuple[str, str | None]], slots: list[tuple[datetime, int]], rng: Random) -> None:
    # What was settled was settled on any day; what was not is still being tried, so its last dial is recent.
    count = len(endings)
    span = min(len(slots), count + rng.randrange(len(slots) // 2))
    settled = endings[-1][0] in ("answered", "invalid_number")
    end = rng.randint(span, len(slots)) if settled else max(span, len(slots) - int(rng.expovariate(1 / 9)))
    days = [*sorted(rng.sample(range(end - span, end - 1), min(count, span) - 1)), end - 1]
    days = [days[0]] * (count - len(days)) + days
    starts = sorted(slots[day][0] + timedelta(seconds=rng.randrange(slots[day][1])) for day in days)
    if endings[-1][0] == "ringing":  # left open: yesterday's, or older
        starts = [slots[-3][0] + timedelta(seconds=rng.randrange(slots[-3][1]))]
    for (call_status, disposition), start in zip(endings, starts, strict=True):
        spoke = call_status == "answered"
        agent = rng.choices(range(len(TEAM)), [share * (talk if spoke else 7) for _, _, share, talk in TEAM])[0]
        answered = start + timedelta(seconds=rng.randint(6, 24)) if spoke else None
        talk = int(rng.lognormvariate(4.9, 0.7)) + 15 if spoke else 0
        rings = {"no_answer": 31, "machine": 24, "cancelled": 12, "dropped": 9}.get(call_status, 4) + rng.randint(0, 6)
        over = (answered + timedelta(seconds=talk)) if answered else start + timedelta(seconds=rings)
        ended = None if call_status == "ringing" else over
        story.calls.append({
            "agent": agent, "call_status": call_status, "disposition": disposition, "disposition_at": ended if disposition else None,
            "callback_at": None, "started_at": start, "answered_at": answered, "ended_at": ended,
            "duration": talk if spoke else None if ended is None else 0,
            "notes": rng.choice(NOTES[disposition or "contacted"]) if spoke and rng.random() < 0.45 else "",
        })  # fmt: skip


def _conclude(story: Story) -> None:
    """Counters and status as the program itself would have set them, call by call."""
    facts, calls = story.facts, story.calls
    facts["anchor_status"], facts["anchor_at"] = facts["status"], facts["created_at"]
    decided = False
    for number, call in enumerate(calls):
        facts["last_dial_attempt"] = call["started_at"]
        if is_human(call["call_status"], call["disposition"]):
            facts["answered_count"] += 1
        if is_contact(call["call_status"], call["disposition"]):
            facts["call_contacts"] += 1
            facts["last_call_contact_at"] = max(call["started_at"], facts["last_call_contact_at"] or call["started_at"])
        if call["ended_at"] is None:
            continue
        result = status_of_result(call["call_status"], call["disposition"])
        facts["last_result_at"], facts["dial_result"] = call["ended_at"], call["call_status"]
        speaks = call["call_status"] == "answered" or call["disposition"] is not None
        if not speaks and (decided or facts["status"] in PROTECTED):
            continue
        decided = decided or speaks
        if result != facts["status"]:
            cause = "disposition" if call["disposition"] else "call"
            story.changes.append((facts["status"], result, cause, number, call["ended_at"]))
            facts["status"], facts["last_status_change"] = result, call["ended_at"]
    facts["dial_attempts"] = facts["call_count"] = facts["pass_dials"] = len(calls)
    rule = DEFAULT_RULES.get(facts["status"])
    facts["next_eligible_at"] = facts["last_dial_attempt"] + rule[0] if rule else None


def _promise(story: Story, kind: str | None, now: datetime, zone: str, rng: Random) -> None:
    """The callbacks that came of the calls: the open one of a lead that waits for it, closed ones of the past."""
    for number, call in enumerate(story.calls):
        if call["disposition"] != "callback" and not (kind == "callback_reverse" and number == len(story.calls) - 1):
            continue
        is_last = number == len(story.calls) - 1
        closed = None if is_last else story.calls[number + 1]["ended_at"]
        due = closed or _due_at(now, zone, call["ended_at"], rng)
        if call["disposition"] == "callback":
            call["callback_at"] = due
        if is_last and kind == "callback_without":
            continue
        luck = rng.random()
        agent = -1 if luck < 0.14 else None if luck < 0.28 else call["agent"]
        story.callbacks.append((due, agent, "closed" if closed else "open", number, closed, call["notes"]))


def _due_at(now: datetime, zone: str, after: datetime, rng: Random) -> datetime:
    """A quarter of an hour in somebody's office hours, from yesterday to two weeks ahead."""
    info = ZoneInfo(zone)
    day = now.astimezone(info).date() + timedelta(days=rng.choice((-1, 0, 0, 0, 0, 1, 1, 2, 3, 3, 4, 5, 6, 8, 11, 13)))
    due = datetime.combine(day, time(rng.randint(9, 16), rng.choice((0, 15, 30, 45))), info).astimezone(UTC)
    return due if due > after else due + timedelta(days=2)


def _plant(story: Story, kind: str | None, rng: Random) -> None:
    facts = story.facts
    if kind in ("dialed_but_new", "calls_without_tracking"):
        first = story.changes[0]
        facts |= {"status": first[1], "last_status_change": first[4], "anchor_status": None, "anchor_at": None}
        del story.changes[1:]
    if kind == "calls_without_tracking":
        facts |= {"dial_attempts": 0, "pass_dials": 0, "answered_count": 0, "last_dial_attempt": None, "dial_result": "",
                  "next_eligible_at": None}  # fmt: skip
    elif kind == "count_mismatch":
        facts["dial_attempts"] = facts["pass_dials"] = facts["call_count"] - 1
    elif kind == "count_mismatch_above":
        facts["dial_attempts"] += rng.randint(1, 3)
    elif kind == "count_without_log":
        facts |= {"dial_attempts": rng.randint(1, 4), "dial_result": "no_answer",
                  "last_dial_attempt": facts["created_at"] - timedelta(days=rng.randint(2, 20))}  # fmt: skip
        facts["pass_dials"] = facts["dial_attempts"]
