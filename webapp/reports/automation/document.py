"""A report as typed parts: whoever draws it computes nothing.

A value is text, a whole number, a float, a datetime, a date, a bool, a list of texts, a dict or None. Shares are in percent,
rounded by the database to two decimals; durations in seconds or milliseconds, as the column's kind says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.automation.states import ATTEMPT, CONTACT_STATUS, METHODS_BY_HAND, RUN
from webapp.core import charts
from webapp.core.states import Machine, State
from webapp.core.text import duration, exact, num, zone_info

Row = tuple[Any, ...]
SUBMISSIONS = {
    "confirmed": "Confirmed", "rejected": "Rejected", "unconfirmed": "Outcome unknown", "not_sent": "Not sent",
}  # fmt: skip
SKIPS = {
    "robots": "robots.txt forbids it", "do_not_contact": "Do not contact", "contact_cap": "Contacted already",
    "recent_contact": "Contacted lately", "queued_contact": "Another message is planned", "quiet_hours": "Quiet hours there",
}  # fmt: skip
VERDICTS = {"kept": State("kept", "Kept", "ok", icon="circle-check"), "broken": State("broken", "Not kept", "bad", icon="triangle-alert"),
            "unused": State("unused", "No case", "neutral", icon="circle-minus")}  # fmt: skip
MACHINES: dict[str, Machine] = {"status": CONTACT_STATUS, "attempt": ATTEMPT, "run": RUN}
NUMBERS = frozenset(("number", "decimal", "percent", "seconds", "duration", "ms"))


@dataclass(frozen=True, slots=True)
class Column:
    """`pdf` is its share of a printed table's width, 0 where it is left out; `width` is Excel's.

    `link` is an address on the page with {keys} of the row in it; a row without one of them has no link. `below`: on the page it
    is a small line in the cell of the column before it.
    """

    key: str
    label: str
    kind: str = "text"
    pdf: int = 10
    page: bool = True
    file: bool = True
    link: str = ""
    width: int = 16
    below: bool = False

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBERS


@dataclass(frozen=True, slots=True)
class Chart:
    """`kind` and `rows` as core.charts takes them; `series` of a stacked one, or the labels of a line."""

    kind: str
    rows: tuple[Any, ...]
    series: tuple[Any, ...] = ()
    unit: str = ""

    def svg(self, title: str, width: int, height: int = 240) -> Markup:
        if self.kind == "hbar":
            return charts.hbar(self.rows, title, unit=self.unit, width=width)
        if self.kind == "stacked":
            return charts.stacked(self.rows, self.series, title, unit=self.unit, width=width, height=height)
        if self.kind == "line":
            return charts.line(self.rows, self.series, title, unit=self.unit, width=width, height=height)
        return charts.bar(self.rows, title, unit=self.unit, width=width, height=height)


@dataclass(frozen=True, slots=True)
class Table:
    """`pages` gives all rows of a table that is too long to hold; `rows` are then those of the page in hand, of `total` in all."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...] = ()
    note: str = ""
    empty: str = "Nothing to show."
    chart: Chart | None = None
    pages: Callable[[], Iterator[list[Row]]] | None = None
    total: int | None = None

    @property
    def count(self) -> int:
        return self.total if self.total is not None else len(self.rows)

    def on_page(self) -> list[tuple[int, Column, list[tuple[int, Column]]]]:
        """Each with those that stand below it."""
        found: list[tuple[int, Column, list[tuple[int, Column]]]] = []
        for index, column in enumerate(self.columns):
            if column.page and column.below:
                found[-1][2].append((index, column))
            elif column.page:
                found.append((index, column, []))
        return found

    def in_pdf(self) -> list[tuple[int, Column, float]]:
        """With each column's width in percent."""
        whole = sum(column.pdf for column in self.columns)
        return [(i, column, 100 * column.pdf / whole) for i, column in enumerate(self.columns) if column.pdf]

    def in_files(self) -> list[tuple[int, Column]]:
        return [(index, column) for index, column in enumerate(self.columns) if column.file]

    def batches(self) -> Iterator[list[Row]]:
        """All rows, by the page."""
        if self.pages is not None:
            yield from self.pages()
        elif self.rows:
            yield list(self.rows)

    def href(self, column: Column, row: Row) -> str | None:
        if not column.link:
            return None
        values = {c.key: row[index] for index, c in enumerate(self.columns)}
        names = [part.partition("}")[0] for part in column.link.split("{")[1:]]
        if any(values.get(name) in (None, "") for name in names):
            return None
        return column.link.format_map({name: quote(str(values[name]), safe="") for name in names})


@dataclass(frozen=True, slots=True)
class Fact:
    """One number of the whole report. `tile` puts it on top of page and PDF."""

    key: str
    label: str
    value: Any
    kind: str = "number"
    hint: str = ""
    tile: bool = True


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, in words, and the page that does it (a path of ours, or "")."""

    kind: str
    tone: str
    text: str
    action: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """`facts` say what was asked and when; `notes` how the numbers are made."""

    kind: str
    label: str
    project_id: int
    project: str
    company: str
    country: str
    zone: str
    made_at: datetime
    params: Mapping[str, Any]
    facts: tuple[tuple[str, Any], ...]
    totals: tuple[Fact, ...]
    tables: tuple[Table, ...]
    advice: tuple[Advice, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.label}: {self.project}"

    @property
    def tiles(self) -> list[Fact]:
        return [fact for fact in self.totals if fact.tile]

    @property
    def streamed(self) -> Table | None:
        """The one long table, where the report is that."""
        return next((table for table in self.tables if table.pages is not None), None)


def state_of(kind: str, value: Any) -> State | None:
    """How a status is drawn; None for what is no status."""
    if value is None:
        return None
    if kind in MACHINES:
        return MACHINES[kind][value]
    return VERDICTS.get(value) if kind == "verdict" else None


def shown(value: Any, kind: str, zone: str) -> str:
    """The value in words, as page and PDF say it."""
    if value is None or value in ("", []):
        return "–"
    state = state_of(kind, value)
    if state is not None:
        return state.label
    if kind in WORDS:
        return WORDS[kind].get(value, str(value))
    if kind == "error":
        return FAILURES[FailureType(value)].label
    if kind == "strategy":
        return str(value).replace("_", " ")
    if isinstance(value, datetime):
        return exact(value, zone)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return exact(value)
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, dict):
        return "; ".join(f"{key}: {one}" for key, one in value.items())
    return _measured(value, kind)


WORDS: dict[str, dict[Any, str]] = {"submission": SUBMISSIONS, "skip": SKIPS, "method": METHODS_BY_HAND}


def short_time(at: datetime, zone: str, *, seconds: bool = False) -> str:
    """For tables whose heading names the zone."""
    local = at.astimezone(zone_info(zone))
    return f"{local.day} {local:%b %Y, %H:%M:%S}" if seconds else f"{local.day} {local:%b %Y, %H:%M}"


def _measured(value: Any, kind: str) -> str:
    if kind == "percent":
        return f"{value:.2f} %"
    if kind == "duration":
        return duration(value)
    if kind == "seconds":
        return f"{_grouped(value)} s"
    if kind == "ms":
        return f"{num(value)} ms"
    if kind == "decimal":
        return _grouped(value)
    return num(value) if kind == "number" else str(value)


def _grouped(value: float | int) -> str:
    return num(value) if isinstance(value, int) else f"{value:,.2f}".replace(",", "\u202f")
