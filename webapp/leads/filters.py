"""Which leads, in which order: one object between the query string, the SQL, the saved view and the bulk action.

What cannot be used is dropped and named in `notes`; nothing a person types into the address fails.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from webapp.leads.methods import METHODS
from webapp.leads.problems import PROBLEMS
from webapp.leads.states import LEAD

NO_STATUS = "none"
SORTS = {"newest": "Newest", "name": "Name", "dialed": "Last dial", "status": "Status", "contacted": "Last contact"}
DEFAULT_SORT = "-newest"
MAX_ID = 2**63 - 1
MAX_ATTEMPTS = 100_000
MAX_DAYS = 36_500
MAX_WORDS = 200
MAX_FREE_IN = 168  # hours
SKIP_REASONS = (
    "protected", "dnc", "unchanged", "missing", "changed", "do_not_contact", "contact_cap", "recent_contact", "queued_contact",
    "quiet_hours", "twin", "done", "no_website", "bad_website",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """Empty means every lead of the company. `owner` is a user's id, "me" or "none"; `status` may hold "none".

    `answered` "no": nobody ever picked up. `free`: a method by which they can be reached and the outreach guard lets
    through, `free_in` hours from now. `awaiting`: our last contact, no call, has no answer yet. `follow_up` due: today or before.
    `dial` ("<campaign id>.<reason>"): why the leads of a dial campaign are not dialed now.
    `batch` names the leads that one action changed; `skipped` ("<bulk action id>.<reason>") those it did not.
    """

    q: str = ""
    status: tuple[str, ...] = ()
    owner: str = ""
    tag: str = ""
    lists: tuple[int, ...] = ()
    problem: str = ""
    attempts_min: int | None = None
    attempts_max: int | None = None
    answered: str = ""
    not_contacted_days: int | None = None
    contacted_by: str = ""
    method: str = ""
    contacts_min: int | None = None
    free: str = ""
    free_in: int | None = None
    awaiting: str = ""
    follow_up: str = ""
    dial: str = ""
    dialed_after: date | None = None
    dialed_before: date | None = None
    country: str = ""
    state: str = ""
    imported: int | None = None
    batch: UUID | None = None
    skipped: str = ""
    sort: str = DEFAULT_SORT
    notes: tuple[str, ...] = ()

    @property
    def sort_key(self) -> str:
        return self.sort.lstrip("-")

    @property
    def falling(self) -> bool:
        return self.sort.startswith("-")

    @property
    def active(self) -> tuple[str, ...]:
        """Names of the filters that are set."""
        skip = ("sort", "notes")
        return tuple(f.name for f in fields(self) if f.name not in skip and getattr(self, f.name) not in ("", (), None))

    def without(self, *names: str) -> LeadFilter:
        blank: dict[str, Any] = {f.name: f.default for f in fields(self) if f.name in names}
        return replace(self, **blank)

    def pairs(self) -> list[tuple[str, str]]:
        """Canonical: what two addresses with the same meaning have in common."""
        found: list[tuple[str, str]] = []
        for name in self.active:
            value = getattr(self, name)
            key = NAMES.get(name, name)
            found += [(key, str(v)) for v in value] if isinstance(value, tuple) else [(key, str(value))]
        if self.sort != DEFAULT_SORT:
            found.append(("sort", self.sort))
        return found

    def query_string(self) -> str:
        return urlencode(self.pairs())

    @classmethod
    def from_query(cls, query: str) -> Self:
        return cls.parse(parse_qsl(query[:8000], keep_blank_values=False, errors="replace"))

    @classmethod
    def parse(cls, pairs: Any) -> Self:
        """From (name, value) pairs; unknown names are not ours and stay unmentioned."""
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            if value != "":
                given.setdefault(name, []).append(value)
        read = _Reader(given)
        values: dict[str, Any] = {
            "q": read.text("q", MAX_WORDS),
            "status": read.choices("status", (*LEAD.names, NO_STATUS)),
            "owner": read.person("owner", ("me", "none")),
            "tag": read.text("tag", 200),
            "lists": read.ids("list"),
            "problem": read.choice("problem", tuple(PROBLEMS)),
            "attempts_min": read.number("attempts_min", 0, MAX_ATTEMPTS),
            "attempts_max": read.number("attempts_max", 0, MAX_ATTEMPTS),
            "answered": read.choice("answered", ("yes", "no")),
            "not_contacted_days": read.number("not_contacted_days", 0, MAX_DAYS),
            "contacted_by": read.person("contacted_by", ("me",)),
            "method": read.choice("method", tuple(METHODS)),
            "contacts_min": read.number("contacts_min", 0, MAX_ATTEMPTS),
            "free": read.choice("free", tuple(METHODS)),
            "free_in": read.number("free_in", 0, MAX_FREE_IN),
            "awaiting": read.choice("awaiting", ("yes",)),
            "follow_up": read.choice("follow_up", ("due", "set", "none")),
            "dial": read.dial(),
            "dialed_after": read.day("dialed_after"),
            "dialed_before": read.day("dialed_before"),
            "country": read.text("country", 60),
            "state": read.text("state", 60),
            "imported": read.number("import", 1, MAX_ID),
            "batch": read.uuid("batch"),
            "skipped": read.skipped(),
            "sort": read.sort(),
        }
        if not values["free"] or not values["free_in"]:
            values["free_in"] = None
        return cls(**values, notes=tuple(read.notes))


NAMES = {"imported": "import", "lists": "list"}


class _Reader:
    def __init__(self, given: Mapping[str, list[str]]):
        self.given = given
        self.notes: list[str] = []

    def _drop(self, name: str, value: str) -> None:
        shown = re.sub(r"[^\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]", "?", value)[:40]
        self.notes.append(f"The filter {name.replace('_', ' ')} cannot be “{shown}”; it was left out.")

    def _last(self, name: str) -> str:
        return self.given.get(name, [""])[-1].strip()

    def text(self, name: str, most: int) -> str:
        value = " ".join(re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", " ", self._last(name)).split())
        if len(value) > most:
            self.notes.append(f"Only the first {most} characters of {name} are used.")
        return value[:most]

    def choices(self, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        wanted = [part.strip() for value in self.given.get(name, []) for part in value.split(",")]
        for value in wanted:
            if value and value not in allowed:
                self._drop(name, value)
        return tuple(choice for choice in allowed if choice in wanted)

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self._last(name)
        if value and value not in allowed:
            self._drop(name, value)
            return ""
        return value

    def number(self, name: str, least: int, most: int) -> int | None:
        value = self._last(name)
        if not value:
            return None
        if not re.fullmatch(r"[0-9]{1,19}", value) or not least <= int(value) <= most:
            self._drop(name, value)
            return None
        return int(value)

    def ids(self, name: str) -> tuple[int, ...]:
        found: list[int] = []
        for value in self.given.get(name, [])[:500]:
            if re.fullmatch(r"[0-9]{1,19}", value.strip()) and 0 < int(value) <= MAX_ID:
                found.append(int(value))
            else:
                self._drop(name, value)
        return tuple(dict.fromkeys(found))

    def person(self, name: str, words: tuple[str, ...]) -> str:
        value = self._last(name)
        if value in ("", *words):
            return value
        if re.fullmatch(r"[0-9]{1,19}", value) and 0 < int(value) <= MAX_ID:
            return str(int(value))
        self._drop(name, value)
        return ""

    def day(self, name: str) -> date | None:
        value = self._last(name)
        if not value:
            return None
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is None or not 1970 <= day.year <= 2100:
            self._drop(name, value)
            return None
        return day

    def uuid(self, name: str) -> UUID | None:
        value = self._last(name)
        if not value:
            return None
        try:
            return UUID(value)
        except ValueError:
            self._drop(name, value)
            return None

    def skipped(self) -> str:
        value = self._last("skipped")
        number, _, reason = value.partition(".")
        if not value or (re.fullmatch(r"[0-9]{1,18}", number) and reason in SKIP_REASONS):
            return value
        self._drop("skipped", value)
        return ""

    def dial(self) -> str:
        value = self._last("dial")
        if not value or re.fullmatch(r"[1-9][0-9]{0,17}\.[a-z_]{1,30}", value):
            return value
        self._drop("dial", value)
        return ""

    def sort(self) -> str:
        value = self._last("sort") or DEFAULT_SORT
        if value.removeprefix("-") not in SORTS:
            self._drop("sort", value)
            return DEFAULT_SORT
        return value
