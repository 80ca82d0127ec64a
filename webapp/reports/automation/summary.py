"""Project summary: how many are reached, how the rest fell away, by day and by run."""

from __future__ import annotations

from typing import Any

from webapp.automation.states import CONTACT_STATUS
from webapp.reports.automation import errors
from webapp.reports.automation.advice import recommend
from webapp.reports.automation.document import Chart, Column, Document, Fact, Table
from webapp.reports.automation.errors import days_between, percent_of, short_day
from webapp.reports.automation.scope import Scope

# The seed's own query, of one project.
SUCCESS = """
SELECT
    p.name,
    COUNT(*) as total_dealerships,
    COUNT(CASE WHEN pd.contact_status = 'success' THEN 1 END) as successful,
    COUNT(CASE WHEN pd.contact_status = 'failed' THEN 1 END) as failed,
    COUNT(CASE WHEN pd.contact_status = 'manual_override' THEN 1 END) as manual,
    ROUND(
        COUNT(CASE WHEN pd.contact_status IN ('success', 'manual_override') THEN 1 END) * 100.0 / COUNT(*),
        2
    ) as success_rate_percent,
    COUNT(CASE WHEN pd.contact_status = 'pending' THEN 1 END) as pending,
    COUNT(CASE WHEN pd.contact_status = 'in_progress' THEN 1 END) as in_progress,
    COUNT(CASE WHEN pd.contact_status = 'skipped' THEN 1 END) as skipped,
    COUNT(CASE WHEN pd.contact_status = 'blocked' THEN 1 END) as blocked,
    COUNT(CASE WHEN pd.contact_status = 'failed' AND pd.submission = 'unconfirmed' THEN 1 END) as unknown,
    COUNT(CASE WHEN pd.distance_miles IS NULL THEN 1 END) as unplaced
FROM projects p
JOIN project_dealerships pd ON p.id = pd.project_id
WHERE p.id = :project AND p.company_id = :company
GROUP BY p.id, p.name
"""
# How far each dealership got at best, over attempts that meant to send: 1 attempted, 2 form found, 3 filled, 4 submitted, 5 confirmed.
_FUNNEL = """
SELECT count(*) FILTER (WHERE stage >= 1) AS attempted, count(*) FILTER (WHERE stage >= 2) AS form_found,
       count(*) FILTER (WHERE stage >= 3) AS filled, count(*) FILTER (WHERE stage >= 4) AS submitted,
       count(*) FILTER (WHERE stage >= 5) AS confirmed
FROM (
  SELECT max(CASE
    WHEN a.status = 'success' OR a.submission = 'confirmed' THEN 5
    WHEN a.submission IN ('rejected', 'unconfirmed') OR (a.submission IS NULL AND a.submit_pressed_at IS NOT NULL) THEN 4
    WHEN a.form_fill_time_ms IS NOT NULL OR a.submit_pressed_at IS NOT NULL OR a.step = 'submitting' THEN 3
    WHEN a.automation_strategy IS NOT NULL OR a.step = 'filling_form' THEN 2
    ELSE 1 END) AS stage
  FROM automation_attempts a WHERE {where} AND a.status NOT IN ('skipped', 'cancelled')
  GROUP BY a.project_dealership_id
) AS best
"""
_ATTEMPTS = """
SELECT grouping(t.day, t.run_id) AS level, t.day, t.run_id,
       count(*) FILTER (WHERE t.status NOT IN ('skipped', 'cancelled')) AS attempts,
       count(*) FILTER (WHERE t.status = 'success' AND NOT t.dry_run) AS success,
       count(*) FILTER (WHERE t.status = 'success' AND t.dry_run) AS rehearsed,
       count(*) FILTER (WHERE t.status = 'failed') AS failed, count(*) FILTER (WHERE t.status = 'timeout') AS timeout,
       count(*) FILTER (WHERE t.status = 'blocked') AS blocked, count(*) FILTER (WHERE t.status = 'skipped') AS skipped,
       count(*) FILTER (WHERE t.status = 'cancelled') AS cancelled,
       (SELECT r.state FROM runs r WHERE r.id = t.run_id AND r.company_id = :company) AS state,
       (SELECT r.dry_run FROM runs r WHERE r.id = t.run_id AND r.company_id = :company) AS dry_run,
       (SELECT r.started_at FROM runs r WHERE r.id = t.run_id AND r.company_id = :company) AS started_at,
       (SELECT r.ended_at FROM runs r WHERE r.id = t.run_id AND r.company_id = :company) AS ended_at
FROM (SELECT a.status, a.dry_run, a.run_id, (a.started_at AT TIME ZONE :zone)::date AS day
      FROM automation_attempts a WHERE {where}) AS t
GROUP BY GROUPING SETS ((), (t.day), (t.run_id)) ORDER BY t.day, t.run_id
"""
_ALL, _DAY, _RUN = 3, 1, 2  # grouping(): a bit for each column that is not grouped by
STAGES = (
    ("dealerships", "Dealerships"), ("attempted", "Attempted"), ("form_found", "Form found"), ("filled", "Filled"),
    ("submitted", "Submitted"), ("confirmed", "Confirmed"),
)  # fmt: skip
STATUS = "/projects/{project_id}?status={status}"
ENDS = ("attempts", "success", "rehearsed", "failed", "timeout", "blocked", "skipped", "cancelled")


def _end_columns(scope: Scope) -> tuple[Column, ...]:
    """How attempts ended; dry runs have a column of their own where they are asked for."""
    return (
        Column("attempts", "Attempts", "number", pdf=10), Column("success", "Success", "number", pdf=9),
        Column("rehearsed", "Dry run filled", "number", pdf=10 if scope.dry else 0, page=scope.dry), Column("failed", "Failed", "number", pdf=8),
        Column("timeout", "Timed out", "number", pdf=9), Column("blocked", "Blocked", "number", pdf=9),
        Column("skipped", "Skipped", "number", pdf=9), Column("cancelled", "Cancelled", "number", pdf=11),
    )  # fmt: skip


def get_summary(scope: Scope) -> Document:
    found = scope.rows(SUCCESS)
    total = found[0] if found else None

    def of(name: str) -> int:
        return int(getattr(total, name)) if total is not None else 0

    by_status = {
        "pending": of("pending"), "in_progress": of("in_progress"), "success": of("successful"), "failed": of("failed"),
        "manual_override": of("manual"), "skipped": of("skipped"), "blocked": of("blocked"),
    }  # fmt: skip
    rate = float(total.success_rate_percent) if total is not None else None
    ends = scope.rows(_ATTEMPTS.format(where=scope.where()))
    attempts = next((row.attempts for row in ends if row.level == _ALL), 0)
    failures = [row for row in errors.failures(scope) if row.level == 1]
    return scope.document(
        "summary", "Project summary",
        (
            Fact("total_dealerships", "Dealerships", of("total_dealerships"), hint="in this project"),
            Fact("success_rate_percent", "Success rate", rate, "percent", "success and by hand ÷ dealerships"),
            Fact("successful", "Success", of("successful"), hint="the form's site confirmed it"),
            Fact("manual", "Done by hand", of("manual")),
            Fact("failed", "Failed", of("failed")),
            Fact("blocked", "Blocked", of("blocked"), hint="by a wall or a captcha"),
            Fact("pending", "Pending", of("pending"), tile=False), Fact("in_progress", "In progress", of("in_progress"), tile=False),
            Fact("skipped", "Skipped", of("skipped"), tile=False),
            Fact("unknown", "Outcome unknown", of("unknown"), hint="sent, and no answer came", tile=False),
            Fact("unplaced", "Not on the map", of("unplaced"), hint="their distance is unknown", tile=False),
            Fact("attempts", "Attempts", attempts, hint="skipped and cancelled ones left out", tile=False),
        ),
        (
            _statuses(scope, by_status), _funnel(scope, of("total_dealerships")), _days(scope, ends), _runs(scope, ends),
            errors.by_type(scope, failures, sum(row.occurrences for row in failures)),
        ),
        advice=recommend(
            scope.project_id, by_status=by_status, unknown=of("unknown"), unplaced=of("unplaced"), failures=failures, attempted=attempts > 0,
            attempts_path=scope.attempts_path,
        ),
        notes=(
            "Status and success rate are today's, of all dealerships of the project, whatever run or days are chosen; the rest counts the "
            "attempts of that choice. A dealership stands in the funnel where its best attempt came to.",
        ),
    )  # fmt: skip


def _statuses(scope: Scope, by_status: dict[str, int]) -> Table:
    total = sum(by_status.values())
    columns = (
        Column("status", "Contact status", "status", pdf=40, link=STATUS), Column("dealerships", "Dealerships", "number", pdf=20),
        Column("share_percent", "Share", "percent", pdf=20), Column("project_id", "Project", "id", pdf=0, page=False, file=False),
    )  # fmt: skip
    rows = tuple(
        (state.name, by_status[state.name], percent_of(by_status[state.name], total), scope.project_id) for state in CONTACT_STATUS
    )  # fmt: skip
    chart = Chart("hbar", tuple((s.label, by_status[s.name], s.tone) for s in CONTACT_STATUS if by_status[s.name]))
    return Table("statuses", "By contact status", columns, rows, chart=chart if total else None)


def _funnel(scope: Scope, total: int) -> Table:
    best = scope.rows(_FUNNEL.format(where=scope.where(dry=False)))[0]
    counts = [total, *(int(getattr(best, key)) for key, _label in STAGES[1:])]
    rows = tuple(
        (key, label, count, percent_of(count, total), percent_of(count, counts[n - 1]) if n else None)
        for n, ((key, label), count) in enumerate(zip(STAGES, counts, strict=True))
    )  # fmt: skip
    columns = (
        Column("stage", "Stage key", pdf=0, page=False), Column("label", "Stage", pdf=40), Column("dealerships", "Dealerships", "number", pdf=20),
        Column("of_all_percent", "Of all", "percent", pdf=20), Column("of_stage_before_percent", "Of the stage before", "percent", pdf=22),
    )  # fmt: skip
    chart = Chart("hbar", tuple((label, count) for (_key, label), count in zip(STAGES, counts, strict=True)))
    return Table("funnel", "Funnel", columns, rows, chart=chart if total else None)


def _ends(row: Any) -> tuple[int, ...]:
    return tuple(int(getattr(row, name)) for name in ENDS)


def _days(scope: Scope, ends: list[Any]) -> Table:
    rows = tuple((row.day, *_ends(row)) for row in ends if row.level == _DAY)
    chart = None
    if rows:
        known = {row[0]: row for row in rows}
        nothing = (0,) * (len(ENDS) + 1)
        layers = [
            (short_day(day), (r[2], r[3], r[4] + r[5], r[6], r[7]))
            for day in days_between(known) for r in [known.get(day, nothing)]
        ]  # fmt: skip
        series = (
            ("Success", "ok"),
            ("Dry run", "info"),
            ("Failed", "bad"),
            ("Blocked", "warn"),
            ("Skipped", "neutral"),
        )
        chart = Chart("stacked", tuple(layers), series)
    return Table("by_day", "Attempts by day", (Column("day", "Day", "day", pdf=20), *_end_columns(scope)), rows, chart=chart,
                 empty="No attempts yet.")  # fmt: skip


def _runs(scope: Scope, ends: list[Any]) -> Table:
    columns = (
        Column("run_id", "Run", "id", pdf=7, link="/runs/{run_id}", width=8), Column("state", "State", "run", pdf=15),
        Column("dry_run", "Dry run", "flag", pdf=7 if scope.dry else 0, page=scope.dry), Column("started_at", "Started", "time", pdf=19, width=22),
        Column("ended_at", "Ended", "time", pdf=0, page=False, width=22), *_end_columns(scope),
    )  # fmt: skip
    rows = tuple((r.run_id, r.state, r.dry_run, r.started_at, r.ended_at, *_ends(r)) for r in ends if r.level == _RUN)
    return Table("by_run", "By run", columns, rows, empty="No run has made an attempt yet.")
