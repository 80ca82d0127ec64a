"""Error analysis: what failed, how often and how long, where, on which days, and what to do about it."""

from __future__ import annotations

from datetime import date
from typing import Any

from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.reports.automation.document import Chart, Column, Document, Fact, Table
from webapp.reports.automation.scope import Scope

LINES = 4  # types with a line of their own; the rest share one
MOST_DAYS = 366

# The seed's query, by the attempt's status as well: its rows of status 'failed' are the seed's.
_COUNT = """
SELECT grouping(ca.day) AS level, ca.status, ca.error_type, ca.day, count(*) AS occurrences,
       round(avg(ca.duration_seconds), 2) AS avg_duration, count(DISTINCT ca.project_dealership_id) AS unique_dealerships,
       max(ca.started_at) AS last_at
FROM (SELECT a.status, a.error_type, a.duration_seconds, a.project_dealership_id, a.started_at,
             (a.started_at AT TIME ZONE :zone)::date AS day
      FROM automation_attempts a WHERE {where} AND a.status IN ('failed', 'timeout', 'blocked')) AS ca
GROUP BY GROUPING SETS ((ca.status, ca.error_type), (ca.status, ca.error_type, ca.day))
ORDER BY occurrences DESC, ca.status, ca.error_type NULLS LAST, ca.day
"""
_TRIED = """
SELECT count(*) FILTER (WHERE a.status NOT IN ('skipped', 'cancelled', 'running')) AS ended,
       count(DISTINCT a.project_dealership_id) FILTER (WHERE a.status IN ('failed', 'timeout', 'blocked')) AS dealerships
FROM automation_attempts a WHERE {where}
"""
_SENDING = """
SELECT a.submission, count(*) AS occurrences, count(DISTINCT a.project_dealership_id) AS unique_dealerships
FROM automation_attempts a
WHERE {where} AND a.status IN ('failed', 'timeout', 'blocked') AND a.submission IS NOT NULL
GROUP BY a.submission ORDER BY occurrences DESC, a.submission
"""


def _columns(scope: Scope) -> tuple[Column, ...]:
    link = scope.attempts_path(error="{error_type}", status="{status}")
    return (
        Column("error_type", "Failure", "error", pdf=26, link=link, width=26), Column("status", "Ended as", "attempt", pdf=13),
        Column("occurrences", "Occurrences", "number", pdf=13, link=link), Column("avg_duration", "Mean duration", "seconds", pdf=12),
        Column("unique_dealerships", "Dealerships", "number", pdf=12), Column("share_percent", "Share", "percent", pdf=10),
        Column("last_at", "Last seen", "time", pdf=0, width=22), Column("recommendation", "What to do", "long", pdf=40, width=70),
    )  # fmt: skip


WHAT_TO_DO = {
    "not_sent": "Nothing left the browser: these may be tried again.",
    "rejected": "The site said no; its words are on the attempt.",
    "unconfirmed": "Something was sent and nobody knows what became of it: ask them before sending again.",
    "confirmed": "The site took it.",
}


def failures(scope: Scope) -> list[Any]:
    """Rows of `_COUNT`: those of level 1 are a type's whole, those of level 0 one of its days."""
    return scope.rows(_COUNT.format(where=scope.where()))


def get_errors(scope: Scope) -> Document:
    found = failures(scope)
    kinds, days = [row for row in found if row.level == 1], [row for row in found if row.level == 0]
    tried = scope.rows(_TRIED.format(where=scope.where()))[0]
    total = sum(row.occurrences for row in kinds)
    commonest = next((row.error_type for row in kinds if row.error_type), None)
    walls = sum(r.occurrences for r in kinds if r.error_type and FAILURES[FailureType(r.error_type)].wall)
    return scope.document(
        "errors", "Error analysis",
        (
            Fact("failures", "Failures", total, hint="attempts that failed, timed out or were blocked"),
            Fact("ended", "Attempts", tried.ended, hint="that ended, skipped ones left out"),
            Fact("failure_rate_percent", "Failure rate", percent_of(total, tried.ended), "percent", "failures ÷ attempts"),
            Fact("dealerships", "Dealerships", tried.dealerships, hint="with at least one failure"),
            Fact("commonest", "Most common", commonest, "error", "" if commonest else "nothing failed"),
            Fact("walls", "Walls", walls, hint="sites that say no to machines"),
        ),
        (by_type(scope, kinds, total), _sending(scope), _by_day(days, kinds)),
        notes=("The share is of all failures. Rows that ended as failed are the failure types of the seed's own query; pages "
               "too slow end as timed out and walls as blocked.",),
    )  # fmt: skip


def percent_of(part: int, whole: int) -> float | None:
    return round(100 * part / whole + 1e-9, 2) if whole else None


def by_type(scope: Scope, kinds: list[Any], total: int) -> Table:
    return Table(
        "errors", "Failures by type", _columns(scope),
        tuple(
            (r.error_type, r.status, r.occurrences, None if r.avg_duration is None else float(r.avg_duration), r.unique_dealerships,
             percent_of(r.occurrences, total), r.last_at, FAILURES[FailureType(r.error_type)].advice if r.error_type else "")
            for r in kinds
        ),
        empty="Nothing failed.",
    )  # fmt: skip


def _by_day(days: list[Any], kinds: list[Any]) -> Table:
    rows = tuple(
        (r.day, r.error_type, r.status, r.occurrences) for r in sorted(days, key=lambda r: (r.day, -r.occurrences))
    )
    columns = (
        Column("day", "Day", "day", pdf=20), Column("error_type", "Failure", "error", pdf=30, width=26),
        Column("status", "Ended as", "attempt", pdf=20), Column("occurrences", "Occurrences", "number", pdf=20),
    )  # fmt: skip
    return Table("errors_by_day", "Trend by day", columns, rows, empty="Nothing failed.", chart=_trend(days, kinds))


def _trend(days: list[Any], kinds: list[Any]) -> Chart | None:
    if not days:
        return None
    named = list(dict.fromkeys(row.error_type for row in kinds))
    drawn = named if len(named) <= LINES + 1 else named[:LINES]
    if len({row.day for row in days}) < 3:
        return Chart(
            "hbar",
            tuple((_label(kind), sum(r.occurrences for r in kinds if r.error_type == kind), "bad") for kind in named),
        )
    every = days_between(row.day for row in days)
    lines: list[tuple[str, list[int]]] = []
    for kind in drawn:
        lines.append(
            (_label(kind), [sum(r.occurrences for r in days if r.day == day and r.error_type == kind) for day in every])
        )
    if len(drawn) < len(named):
        lines.append(
            (
                "Others",
                [sum(r.occurrences for r in days if r.day == day and r.error_type not in drawn) for day in every],
            )
        )
    return Chart("line", tuple(lines), tuple(short_day(day) for day in every))  # fmt: skip


def _label(kind: str | None) -> str:
    return FAILURES[FailureType(kind)].label if kind else "Not named"


def days_between(found: Any) -> list[date]:
    """Every day from the first to the last; only the days there are, where that would be more than a year."""
    known = sorted(set(found))
    if not known:
        return []
    span = (known[-1] - known[0]).days + 1
    return [date.fromordinal(known[0].toordinal() + n) for n in range(span)] if span <= MOST_DAYS else known


def short_day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _sending(scope: Scope) -> Table:
    columns = (
        Column("submission", "What became of it", "submission", pdf=25), Column("occurrences", "Failures", "number", pdf=12),
        Column("unique_dealerships", "Dealerships", "number", pdf=12), Column("recommendation", "What it means", "long", pdf=51, width=70),
    )  # fmt: skip
    rows = scope.rows(_SENDING.format(where=scope.where()))
    return Table(
        "sending", "Failures after the form was found", columns,
        tuple((r.submission, r.occurrences, r.unique_dealerships, WHAT_TO_DO[r.submission]) for r in rows),
        empty="No failure came as far as sending.",
    )  # fmt: skip
