"""Outreach in numbers: how often we wrote and called, and how often they answered.

One statement makes every number; page, PDF, CSV and API render what it found. Counted are outbound contacts that
happened: what failed, was logged by mistake, or is only planned never does. Days are the company's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import Company
from webapp.core.access import MAX_ID
from webapp.core.clock import db_now
from webapp.core.db import db
from webapp.core.text import zone_info
from webapp.timeline.states import METHODS

DEFAULT_DAYS = 30
MOST_DAYS = 3_660
RANKED_FROM = 10  # attempts a rep needs to be ranked
Z = 1.96  # of the 95 % interval


@dataclass(frozen=True, slots=True)
class OutreachFilter:
    """Days are inclusive and the company's; `user_id` the rep."""

    from_date: date
    to_date: date
    method: str = ""
    user_id: int | None = None

    @property
    def days(self) -> int:
        return (self.to_date - self.from_date).days + 1

    def before(self) -> OutreachFilter:
        """The period of the same length that ended the day before."""
        return replace(
            self, from_date=self.from_date - timedelta(days=self.days), to_date=self.from_date - timedelta(days=1)
        )

    def params(self) -> dict[str, Any]:
        found: dict[str, Any] = {"from_date": self.from_date.isoformat(), "to_date": self.to_date.isoformat()}
        if self.method:
            found["method"] = self.method
        if self.user_id is not None:
            found["user_id"] = self.user_id
        return found


@dataclass(frozen=True, slots=True)
class Rate:
    """`mean_hours`, `median_hours`: from contact to response, over those whose response has a time; None without any."""

    key: Any
    label: str
    attempts: int = 0
    responses: int = 0
    mean_hours: float | None = None
    median_hours: float | None = None

    @property
    def share(self) -> float | None:
        return self.responses / self.attempts if self.attempts else None

    @property
    def percent(self) -> float | None:
        """As the design's query rounds it: two decimals."""
        return round(100 * self.responses / self.attempts + 1e-9, 2) if self.attempts else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true rate lies, by Wilson's 95 % interval."""
        return wilson(self.responses, self.attempts)

    @property
    def ranked(self) -> bool:
        return self.attempts >= RANKED_FROM


@dataclass(frozen=True, slots=True)
class Guarded:
    """What the outreach guard did in the period. `answered`: overridden warnings whose contact earned a response."""

    warned: int = 0
    stopped: int = 0
    refused: int = 0
    overridden: int = 0
    answered: int = 0

    @property
    def prevented(self) -> int:
        return self.stopped + self.refused


@dataclass(frozen=True, slots=True)
class OutreachReport:
    company: str
    zone: str
    made_at: datetime
    filter: OutreachFilter
    total: Rate
    previous: Rate
    methods: tuple[Rate, ...]
    reps: tuple[Rate, ...]  # ranked first, by the lower bound of their interval
    days: tuple[Rate, ...]
    hours: tuple[tuple[int, ...], ...]  # attempts by weekday (Monday first) and hour
    guarded: Guarded

    @property
    def by_method(self) -> dict[str, int]:
        return {row.key: row.attempts for row in self.methods}


def wilson(successes: int, trials: int) -> tuple[float, float]:
    if not trials:
        return 0.0, 1.0
    p, z2 = successes / trials, Z * Z
    middle = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials)) / (1 + z2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)


def read_filter(args: Mapping[str, Any], *, today: date) -> tuple[OutreachFilter, list[str]]:
    """From a query string; what cannot be used is left out and named."""
    notes: list[str] = []

    def day(name: str) -> date | None:
        text = str(args.get(name) or "").strip()
        try:
            found = date.fromisoformat(text) if text else None
        except ValueError:
            found = None
        if text and (found is None or not 1970 <= found.year <= 2100):
            notes.append(f"{name.replace('_', ' ').capitalize()} is no day; it was left out.")
            return None
        return found

    upto = day("to_date") or max(today, day("from_date") or today)
    since = day("from_date") or upto - timedelta(days=DEFAULT_DAYS - 1)
    if since > upto:
        notes.append("The last day lies before the first; the two were exchanged.")
        since, upto = upto, since
    if (upto - since).days >= MOST_DAYS:
        notes.append("At most ten years are shown.")
        since = upto - timedelta(days=MOST_DAYS - 1)
    method = str(args.get("method") or "")
    if method and method not in METHODS:
        notes.append("There is no such method; it was left out.")
        method = ""
    rep = str(args.get("user_id") or "")
    known = rep.isascii() and rep.isdecimal() and len(rep) < 20 and 0 < int(rep) <= MAX_ID
    if rep and not known:
        notes.append("There is no such rep; all are shown.")
    return OutreachFilter(since, upto, method, int(rep) if known else None), notes


def today_of(company_id: int) -> date:
    now, zone = db.session.execute(sa.select(db_now(), Company.zone).where(Company.id == company_id)).one()
    return now.astimezone(zone_info(zone)).date()


def bounds(f: OutreachFilter, zone: str) -> tuple[datetime, datetime]:
    """The period as UTC moments, the end excluded."""
    info = zone_info(zone)
    start = datetime.combine(f.from_date, time(), info).astimezone(UTC)
    return start, datetime.combine(f.to_date + timedelta(days=1), time(), info).astimezone(UTC)


def where_sql(f: OutreachFilter) -> str:
    """The rows that are counted, over the view `contacts` as c."""
    parts = [
        "c.company_id = :company AND c.direction = 'outbound' AND c.counts AND c.occurred_at >= :since AND c.occurred_at < :upto"
    ]
    if f.method:
        parts.append("c.method = :method")
    if f.user_id is not None:
        parts.append("c.user_id = :user_id")
    return " AND ".join(parts)


def given(company_id: int, f: OutreachFilter, zone: str) -> dict[str, Any]:
    since, upto = bounds(f, zone)
    values: dict[str, Any] = {"company": company_id, "since": since, "upto": upto}
    if f.method:
        values["method"] = f.method
    if f.user_id is not None:
        values["user_id"] = f.user_id
    return values


_HOURS = "extract(epoch FROM c.response_at - c.occurred_at)::float8 / 3600"
_COUNT = """
SELECT g.*, u.name AS user_name FROM (
  SELECT grouping(c.method, c.user_id, c.day, c.hour) AS level, c.method, c.user_id, c.day, c.dow, c.hour,
         count(*) AS attempts, count(*) FILTER (WHERE c.responded) AS responses, avg(c.hours) AS mean_hours,
         percentile_cont(0.5) WITHIN GROUP (ORDER BY c.hours) AS median_hours
  FROM (
    SELECT c.method, c.user_id, c.responded, {hours} AS hours,
           (c.occurred_at AT TIME ZONE :zone)::date AS day, extract(isodow FROM c.occurred_at AT TIME ZONE :zone)::int AS dow,
           extract(hour FROM c.occurred_at AT TIME ZONE :zone)::int AS hour
    FROM contacts c WHERE {where}
  ) AS c
  GROUP BY GROUPING SETS ((), (c.method), (c.user_id), (c.day), (c.dow, c.hour))
) AS g LEFT JOIN users u ON u.id = g.user_id
"""
_TOTAL, _METHOD, _USER, _DAY, _HOUR = 15, 7, 11, 13, 14  # grouping(): a bit for each column that is not grouped by
_BEFORE = "SELECT count(*) AS attempts, count(*) FILTER (WHERE c.responded) AS responses, avg({hours}) AS mean_hours," \
          " percentile_cont(0.5) WITHIN GROUP (ORDER BY {hours}) AS median_hours FROM contacts c WHERE {where}"  # fmt: skip
_GUARDED = """
SELECT count(*) FILTER (WHERE n.state IN ('warned', 'stopped', 'overridden', 'void')) AS warned,
       count(*) FILTER (WHERE n.state = 'stopped') AS stopped,
       count(*) FILTER (WHERE n.state = 'refused' AND n.code = 'contact_cap') AS refused,
       count(*) FILTER (WHERE n.state = 'overridden') AS overridden,
       count(*) FILTER (WHERE n.state = 'overridden' AND a.responded) AS answered
FROM guard_notices n LEFT JOIN contact_attempts a ON a.id = n.contact_id
WHERE n.company_id = :company AND n.created_at >= :since AND n.created_at < :upto{extra}
"""


def get_outreach(company_id: int, f: OutreachFilter) -> OutreachReport:
    made_at, name, zone = db.session.execute(
        sa.select(db_now(), Company.name, Company.zone).where(Company.id == company_id)
    ).one()
    values = given(company_id, f, zone)
    sql = _COUNT.format(hours=_HOURS, where=where_sql(f))
    rows = db.session.execute(sa.text(sql), values | {"zone": zone}).all()
    before = f.before()
    last = db.session.execute(
        sa.text(_BEFORE.format(hours=_HOURS, where=where_sql(before))), given(company_id, before, zone)
    ).one()
    total = next((_rate(row, None, "All") for row in rows if row.level == _TOTAL), Rate(None, "All"))
    found = {row.day: _rate(row, row.day, row.day.isoformat()) for row in rows if row.level == _DAY}
    every = (f.from_date + timedelta(days=n) for n in range(f.days))
    hours = [[0] * 24 for _ in range(7)]
    for row in rows:
        if row.level == _HOUR:
            hours[row.dow - 1][row.hour] = row.attempts
    reps = [_rate(row, row.user_id, row.user_name or "No rep") for row in rows if row.level == _USER]
    methods = [_rate(row, row.method, METHODS[row.method].label) for row in rows if row.level == _METHOD]
    return OutreachReport(
        company=name, zone=zone, made_at=made_at, filter=f, total=total, previous=_rate(last, None, "Before"),
        methods=tuple(sorted(methods, key=lambda r: (-r.attempts, r.label))),
        reps=tuple(sorted(reps, key=lambda r: (not r.ranked, -r.interval[0] if r.ranked else -r.attempts, -r.attempts, r.label))),
        days=tuple(found.get(day, Rate(day, day.isoformat())) for day in every),
        hours=tuple(tuple(row) for row in hours), guarded=count_guarded(company_id, f, zone),
    )  # fmt: skip


def count_guarded(company_id: int, f: OutreachFilter, zone: str) -> Guarded:
    extra = (" AND n.method = :method" if f.method else "") + (
        " AND n.user_id = :user_id" if f.user_id is not None else ""
    )
    row = db.session.execute(sa.text(_GUARDED.format(extra=extra)), given(company_id, f, zone)).one()
    return Guarded(*row)


def _rate(row: Any, key: Any, label: str) -> Rate:
    return Rate(key, label, row.attempts, row.responses, row.mean_hours, row.median_hours)


def outreach_data(report: OutreachReport) -> dict[str, Any]:
    """The API's answer: the design's four keys, and what stands behind them."""

    def hours(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    def rate(row: Rate) -> dict[str, Any]:
        return {
            "attempts": row.attempts, "responses": row.responses, "response_rate_percent": row.percent,
            "avg_response_hours": hours(row.mean_hours), "median_response_hours": hours(row.median_hours),
        }  # fmt: skip

    total = report.total
    return {
        "from_date": report.filter.from_date, "to_date": report.filter.to_date, "zone": report.zone,
        "total_attempts": total.attempts, "by_method": report.by_method,
        "response_rate": None if total.share is None else round(total.share, 6), "responses": total.responses,
        "avg_response_time_hours": hours(total.mean_hours), "median_response_time_hours": hours(total.median_hours),
        "methods": [{"method": row.key, **rate(row)} for row in report.methods],
        "by_rep": [
            {"user_id": row.key, "name": row.label, **rate(row), "ranked": row.ranked,
             "interval_percent": [round(100 * bound, 2) for bound in row.interval]}
            for row in report.reps
        ],
        "previous": {"total_attempts": report.previous.attempts, "responses": report.previous.responses,
                     "response_rate": None if report.previous.share is None else round(report.previous.share, 6)},
        "duplicates_prevented": report.guarded.prevented,
    }  # fmt: skip


# --- the rows behind a number ------------------------------------------------------------------------------------

PAGE = 50
_ROWS = """
SELECT c.kind, c.id, c.lead_id, c.method, c.subject, c.responded, c.response_at, c.occurred_at, c.source,
       coalesce(u.name, nullif(c.who, '')) AS who, l.first_name, l.last_name, l.business, l.email, l.phone,
       CASE c.kind WHEN 'call' THEN 1 ELSE 2 END AS rank
FROM contacts c JOIN leads l ON l.id = c.lead_id LEFT JOIN users u ON u.id = c.user_id
WHERE {where} ORDER BY c.occurred_at DESC, CASE c.kind WHEN 'call' THEN 1 ELSE 2 END DESC, c.id DESC LIMIT {size}
"""


def page_of_rows(
    company_id: int, f: OutreachFilter, *, answered: bool = False, after: tuple[datetime, int, int] | None = None
) -> tuple[list[Any], Any | None]:
    """The contacts that were counted, newest first, and the row after which the next page begins."""
    zone = db.session.scalar(sa.select(Company.zone).where(Company.id == company_id)) or "UTC"
    values, where = given(company_id, f, zone), where_sql(f)
    if answered:
        where += " AND c.responded"
    if after is not None:
        where += " AND (c.occurred_at, CASE c.kind WHEN 'call' THEN 1 ELSE 2 END, c.id) < (:at, :rank, :row)"
        values |= {"at": after[0], "rank": after[1], "row": after[2]}
    rows = list(db.session.execute(sa.text(_ROWS.format(where=where, size=PAGE + 1)), values))
    return rows[:PAGE], rows[PAGE - 1] if len(rows) > PAGE else None


def csv_lines(report: OutreachReport) -> Iterator[tuple[Any, ...]]:
    """One line a number: section, key, label, attempts, responses, rate in percent, mean and median hours, note."""

    def line(section: str, row: Rate, note: str = "") -> tuple[Any, ...]:
        return (section, row.key if row.key is not None else "", row.label, row.attempts, row.responses, row.percent,
                row.mean_hours, row.median_hours, note)  # fmt: skip

    yield line("total", report.total)
    yield line("previous", report.previous, f"{report.filter.before().from_date} to {report.filter.before().to_date}")
    for row in report.methods:
        yield line("method", row)
    for row in report.reps:
        low, high = row.interval
        yield line("rep", row, f"{100 * low:.1f} to {100 * high:.1f} %" if row.ranked else "too few")
    for row in report.days:
        yield line("day", row)
    for weekday, hours in enumerate(report.hours):
        for hour, attempts in enumerate(hours):
            if attempts:
                yield (
                    "hour",
                    f"{weekday}-{hour}",
                    f"{_WEEKDAYS[weekday]} {hour:02}:00",
                    attempts,
                    None,
                    None,
                    None,
                    None,
                    "",
                )
    for name, value in (("warned", report.guarded.warned), ("stopped", report.guarded.stopped), ("refused", report.guarded.refused),
                        ("overridden", report.guarded.overridden), ("prevented", report.guarded.prevented)):  # fmt: skip
        yield ("guard", name, name, value, None, None, None, None, "")


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKDAYS = tuple(name[:3] for name in _WEEKDAYS)
