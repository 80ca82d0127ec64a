"""Invented rows for the gallery: always the same, no database."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from webapp.core.states import State

NOW = datetime.now(UTC)

STATES = {
    state.name: state
    for state in (
        State("new", "New", "info", icon="sparkles"),
        State("contacted", "Contacted", "neutral", icon="check"),
        State("conversing", "Conversing", "ok", icon="message-circle"),
        State("callback", "Callback Scheduled", "warn", icon="calendar-clock"),
        State("qualified", "Qualified", "ok", icon="star"),
        State("no_answer", "No Answer", "neutral", icon="phone-missed"),
        State("not_interested", "Not Interested", "neutral", icon="circle-minus"),
        State("dnc", "Do Not Call", "bad", icon="ban"),
        State("invalid", "Invalid Number", "bad", icon="phone-off"),
    )
}
WORK_STATES = {
    state.name: state
    for state in (
        State("queued", "Waiting", "neutral", icon="clock"),
        State("running", "Running", "info", icon="loader"),
        State("paused", "Paused", "warn", icon="pause"),
        State("done", "Done", "ok", icon="check"),
        State("failed", "Failed", "bad", icon="x"),
        State("cancelled", "Cancelled", "neutral", icon="ban"),
    )
}
_NAMES = (
    "Ana Ruiz", "Marcus Bell", "Priya Raman", "Tom Okafor", "Lena Fischer", "Diego Santos", "Grace Kim", "Noah Patel",
    "Sofia Lindqvist", "Owen Hughes", "Amara Nwosu", "Jack Moreau", "Ines Carvalho", "Ravi Shah", "Ella Novak",
    "Hugo Brandt", "Maya Torres", "Liam O’Connor", "Zoe Papadopoulos-Richardson", "Ben Carter", "Nora Haddad", "Theo Walsh",
)  # fmt: skip
_FIRMS = (
    "Northside Motors",
    "Bluebonnet Auto",
    "Lakeview Toyota",
    "Gulf Coast Chevrolet of Corpus Christi",
    "Summit Honda",
    "Ridge Ford",
)
_PLACES = ("Austin, TX", "Tulsa, OK", "Denver, CO", "Corpus Christi, TX", "Reno, NV")
OWNERS = ((1, "Dana Whitfield"), (2, "Sam Ortega"))


@dataclass(frozen=True, slots=True)
class Lead:
    id: int
    name: str
    business: str
    place: str
    phone: str
    owner_id: int
    status: str | None
    attempts: int
    value: int
    last_at: datetime | None

    @property
    def state(self) -> State | None:
        return STATES.get(self.status or "")

    @property
    def owner(self) -> str:
        return dict(OWNERS)[self.owner_id]


def leads() -> list[Lead]:
    keys: list[str | None] = [*STATES, None]
    return [
        Lead(
            id=n + 1, name=name, business=_FIRMS[n % 6], place=_PLACES[n % 5], phone=f"+151255501{n:02}",
            owner_id=n % 2 + 1, status=keys[(n * 7) % len(keys)], attempts=(n * 5) % 12, value=(n * 7919) % 48000,
            last_at=NOW - timedelta(hours=n * n * 3, minutes=7) if n % 6 else None,
        )
        for n, name in enumerate(_NAMES)
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    id: int
    status: State
    total: int | None = 1284
    done: int = 0
    failed: int = 0
    skipped: int = 0
    message: str = ""
    rate: float | None = None
    eta_text: str | None = None
    version: int = 1
    poll_seconds: int | None = None
    started_at: datetime | None = NOW - timedelta(minutes=6)
    finished_at: datetime | None = None

    @property
    def state(self) -> str:
        return self.status.name

    @property
    def handled(self) -> int:
        return self.done + self.failed + self.skipped

    @property
    def is_resting(self) -> bool:
        return self.state in ("done", "failed", "cancelled")

    @property
    def percent(self) -> int | None:
        return self.handled * 100 // self.total if self.total else None


def works() -> list[Work]:
    running = Work(2, WORK_STATES["running"], done=298, failed=9, skipped=5, rate=0.07, eta_text="about 4 h")
    ended = NOW - timedelta(minutes=2)
    return [
        Work(1, WORK_STATES["queued"], started_at=None),
        running,
        replace(
            running,
            id=3,
            status=WORK_STATES["paused"],
            message="Paused by itself: 31 of the last 40 failed with a captcha.",
        ),
        replace(running, id=4, status=WORK_STATES["done"], done=1250, failed=22, skipped=12, finished_at=ended),
        replace(
            running,
            id=5,
            status=WORK_STATES["failed"],
            message="The file ends in the middle of row 313.",
            finished_at=ended,
        ),
        replace(
            running, id=6, status=WORK_STATES["cancelled"], message="Cancelled by Dana Whitfield.", finished_at=ended
        ),
        Work(7, WORK_STATES["running"], total=None),
    ]


def charts_data() -> dict[str, Any]:
    days = [f"{day} Nov" for day in range(8, 22)]
    calls = [34, 41, 0, 0, 52, 48, 61, 57, 49, 0, 0, 66, 71, 58]
    return {
        "days": days,
        "calls": list(zip(days, calls, strict=True)),
        "outcomes": [(day, [n // 3, n // 4, n // 9]) for day, n in zip(days, calls, strict=True)],
        "failures": [
            ("Captcha", 31, "warn"),
            ("No contact form found", 18, "neutral"),
            ("Timed out", 9, "bad"),
            ("Robots.txt says no", 4, "neutral"),
        ],
        "rates": [
            ("Email", [12, 14.5, 13, 15, 17, 16, 19.5]),
            ("Call", [22, 21, 24, None, 26, 25, 27]),
            ("Web form", [4, 5, 4, 6, 5.5, 7, 7.5]),
        ],
        "weeks": [f"W{n}" for n in range(41, 48)],
        "hours": [str(hour) for hour in range(8, 20)],
        "week": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
        "grid": [[None if (r == 5 and c > 4) else (r * 5 + c * 7) % 19 for c in range(12)] for r in range(6)],
    }


def icons(static_folder: str) -> list[str]:
    return re.findall(r'<symbol id="([^"]+)"', (Path(static_folder) / "icons.svg").read_text())
