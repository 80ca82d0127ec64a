"""Performance: how fast pages load, forms are filled and sent, how many attempts an hour, and what trying again brought."""

from __future__ import annotations

from typing import Any

from webapp.reports.automation.document import Chart, Column, Document, Fact, Table
from webapp.reports.automation.errors import percent_of
from webapp.reports.automation.scope import Scope

MEASURES = (
    ("page_load", "Page load", "t.page_load_time_ms"), ("form_fill", "Form fill", "t.form_fill_time_ms"),
    ("submission", "Submission", "t.submission_time_ms"), ("attempt", "Whole attempt", "t.duration_seconds * 1000"),
)  # fmt: skip
_SPEED = "SELECT " + ", ".join(
    f"count({what}) AS {key}_n, round(avg({what}), 0) AS {key}_mean, max({what}) AS {key}_max,"
    f" percentile_cont(0.5) WITHIN GROUP (ORDER BY {what}) AS {key}_p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY {what}) AS {key}_p95"
    for key, _label, what in MEASURES
) + " FROM automation_attempts t WHERE {where}"  # fmt: skip
# The seed's own query over the attempts of the choice; a dry run's success is none.
PER_DEALERSHIP = """
SELECT
    d.name as dealership_name,
    d.website,
    COUNT(ca.id) as total_attempts,
    COUNT(CASE WHEN ca.status = 'success' AND NOT ca.dry_run THEN 1 END) as successful_attempts,
    ROUND(AVG(ca.duration_seconds), 2) as avg_duration,
    ROUND(AVG(ca.page_load_time_ms), 0) as avg_page_load_ms,
    max(pd.id) AS project_dealership_id
FROM dealerships d
JOIN project_dealerships pd ON d.id = pd.dealership_id
JOIN automation_attempts ca ON pd.id = ca.project_dealership_id
WHERE {where}
GROUP BY d.id, d.name, d.website
HAVING COUNT(ca.id) >= 3
ORDER BY successful_attempts DESC, avg_duration ASC, d.id
"""
_HOURS = """
SELECT date_trunc('hour', a.started_at) AS moment, extract(hour FROM a.started_at AT TIME ZONE :zone)::int AS hour, count(*) AS attempts,
       count(*) FILTER (WHERE a.status = 'success' AND NOT a.dry_run) AS success
FROM automation_attempts a WHERE {where} AND a.status NOT IN ('skipped', 'cancelled') GROUP BY 1, 2
"""
_RUNS = """
SELECT r.id, r.state, count(a.id) AS attempts, count(a.id) FILTER (WHERE a.status = 'success' AND NOT a.dry_run) AS success,
       greatest(0, round(extract(epoch FROM max(coalesce(a.completed_at, a.started_at)) - min(a.started_at))))::bigint AS seconds,
       max(r.paused_seconds) AS paused
FROM automation_attempts a JOIN runs r ON r.id = a.run_id AND r.company_id = a.company_id
WHERE {where} AND a.status NOT IN ('skipped', 'cancelled') GROUP BY r.id, r.state ORDER BY r.id
"""
# Each attempt with its place among the dealership's own, and how the one before it ended; a dry run stands in no such row.
_RETRIES = """
WITH tries AS (
  SELECT a.id, a.company_id, a.project_id, a.run_id, a.started_at, a.dry_run, a.status, a.project_dealership_id,
         row_number() OVER w AS number, lag(a.status) OVER w AS before_status, lag(a.error_type) OVER w AS before_error
  FROM automation_attempts a WHERE a.company_id = :company AND a.project_id = :project AND NOT a.dry_run
    AND a.status NOT IN ('skipped', 'cancelled')
  WINDOW w AS (PARTITION BY a.project_dealership_id ORDER BY a.attempt_number)
)
SELECT grouping(least(t.number, 5)) AS level, least(t.number, 5) AS number, t.before_error AS error_type, count(*) AS attempts,
       count(*) FILTER (WHERE t.status = 'success') AS success,
       count(DISTINCT t.project_dealership_id) FILTER (WHERE t.status = 'success') AS won
FROM tries t WHERE {where} AND t.status <> 'running'
GROUP BY GROUPING SETS ((least(t.number, 5)), (t.before_error, t.number > 1 AND t.before_status IN ('failed', 'timeout', 'blocked')))
HAVING grouping(least(t.number, 5)) = 0 OR bool_and(t.number > 1 AND t.before_status IN ('failed', 'timeout', 'blocked'))
ORDER BY number, attempts DESC, error_type
"""
TRIES = {1: "First", 2: "Second", 3: "Third", 4: "Fourth", 5: "Fifth and later"}


def get_performance(scope: Scope) -> Document:
    speed = scope.rows(_SPEED.format(where=scope.where("t")))[0]
    hours = scope.rows(_HOURS.format(where=scope.where()))
    attempts, active = sum(row.attempts for row in hours), len({row.moment for row in hours})
    by_try, after = _retries(scope)
    retried = sum(row[1] for row in after.rows)
    return scope.document(
        "performance", "Performance",
        (
            Fact("attempts", "Attempts", attempts, hint="skipped and cancelled ones left out"),
            Fact("attempts_per_hour", "Per working hour", round(attempts / active, 2) if active else None, "decimal",
                 hint=f"over {active} clock hours with attempts"),
            Fact("busiest_hour", "Busiest hour", max((_in_hour(hours, r.moment) for r in hours), default=None), hint="attempts in one clock hour"),
            Fact("page_load_mean_ms", "Page load", _whole(speed.page_load_mean), "ms", "mean"),
            Fact("attempt_p50_ms", "An attempt", _whole(speed.attempt_p50), "ms", "median"),
            Fact("retries", "Retries", retried, hint=f"{sum(row[2] for row in after.rows)} of them succeeded"),
        ),
        (_speed(speed), _by_hour(hours), _by_run(scope), by_try, after, _per_dealership(scope)),
        notes=(
            "Half of the values lie at or below p50, 95 of a hundred at or below p95. By dealership every attempt on record counts, skipped "
            "and cancelled ones too, from three on: the seed's own query. A run's hours go from its first attempt to the end of its last, "
            "without the pauses a person made.",
        ),
    )  # fmt: skip


def _in_hour(hours: list[Any], moment: Any) -> int:
    return sum(row.attempts for row in hours if row.moment == moment)


def _whole(value: Any) -> int | None:
    return None if value is None else round(value)


def _speed(speed: Any) -> Table:
    columns = (
        Column("measure", "Measure key", pdf=0, page=False), Column("label", "Measure", pdf=30), Column("count", "Measured", "number", pdf=14),
        Column("mean_ms", "Mean", "ms", pdf=14), Column("p50_ms", "p50", "ms", pdf=14), Column("p95_ms", "p95", "ms", pdf=14),
        Column("max_ms", "Longest", "ms", pdf=14),
    )  # fmt: skip
    rows = tuple(
        (key, label, int(getattr(speed, f"{key}_n")), *(_whole(getattr(speed, f"{key}_{what}")) for what in ("mean", "p50", "p95", "max")))
        for key, label, _what in MEASURES
    )  # fmt: skip
    return Table("speed", "Speed", columns, rows)


def _by_hour(hours: list[Any]) -> Table:
    counts = dict.fromkeys(range(24), (0, 0))
    for row in hours:
        counts[row.hour] = (counts[row.hour][0] + row.attempts, counts[row.hour][1] + row.success)
    used = [hour for hour, (attempts, _) in counts.items() if attempts]
    rows = tuple((f"{hour:02}:00", *counts[hour]) for hour in (range(used[0], used[-1] + 1) if used else ()))
    columns = (
        Column("hour", "Hour", pdf=30),
        Column("attempts", "Attempts", "number", pdf=20),
        Column("success", "Success", "number", pdf=20),
    )
    chart = Chart("bar", tuple((row[0][:2], row[1]) for row in rows)) if rows else None
    return Table("by_hour", "Attempts by hour of the day", columns, rows, chart=chart, empty="No attempts yet.")


def _by_run(scope: Scope) -> Table:
    columns = (
        Column("run_id", "Run", "id", pdf=10, link="/runs/{run_id}", width=8), Column("state", "State", "run", pdf=16),
        Column("attempts", "Attempts", "number", pdf=14), Column("success", "Success", "number", pdf=14),
        Column("working_seconds", "Working time", "duration", pdf=18), Column("per_hour", "Per hour", "decimal", pdf=14),
    )  # fmt: skip
    rows = []
    for r in scope.rows(_RUNS.format(where=scope.where())):
        seconds = max(0, r.seconds - r.paused)
        rows.append(
            (r.id, r.state, r.attempts, r.success, seconds, round(r.attempts * 3600 / seconds, 2) if seconds else None)
        )
    return Table("throughput", "Throughput by run", columns, tuple(rows), empty="No run has made an attempt yet.")


def _retries(scope: Scope) -> tuple[Table, Table]:
    found = scope.rows(_RETRIES.format(where=scope.where("t", dry=False)))
    counted = (Column("attempts", "Attempts", "number", pdf=18), Column("success", "Success", "number", pdf=18),
               Column("success_percent", "Success rate", "percent", pdf=18))  # fmt: skip
    tries = tuple(
        (TRIES[r.number], r.attempts, r.success, percent_of(r.success, r.attempts)) for r in found if r.level == 0
    )
    after = tuple(
        (r.error_type, r.attempts, r.success, percent_of(r.success, r.attempts), r.won) for r in found if r.level == 1
    )
    return (
        Table("by_try", "By try", (Column("try", "Try", pdf=40), *counted), tries, empty="No attempt has ended yet."),
        Table("retries", "What trying again brought, by what had failed before",
              (Column("error_type", "Failed before with", "error", pdf=40, width=26), *counted,
               Column("dealerships_won", "Dealerships won", "number", pdf=18)), after, empty="Nothing was tried again."),
    )  # fmt: skip


def _per_dealership(scope: Scope) -> Table:
    columns = (
        Column("dealership_name", "Dealership", pdf=28, width=30), Column("website", "Website", "url", pdf=28, width=34, below=True),
        Column("total_attempts", "Attempts", "number", pdf=12, link="/project-dealerships/{project_dealership_id}"),
        Column("successful_attempts", "Success", "number", pdf=11), Column("avg_duration", "Mean duration", "seconds", pdf=14),
        Column("avg_page_load_ms", "Mean page load", "ms", pdf=14),
        Column("project_dealership_id", "Row", "id", pdf=0, page=False, file=False), Column("project_id", "Project", "id", pdf=0, page=False, file=False),
    )  # fmt: skip
    rows = tuple(
        (r.dealership_name, r.website, r.total_attempts, r.successful_attempts, None if r.avg_duration is None else float(r.avg_duration),
         _whole(r.avg_page_load_ms), r.project_dealership_id, scope.project_id)
        for r in scope.rows(PER_DEALERSHIP.format(where=scope.where("ca")))
    )  # fmt: skip
    return Table(
        "dealerships",
        "Dealerships with three attempts or more",
        columns,
        rows,
        empty="No dealership has three attempts yet.",
    )
