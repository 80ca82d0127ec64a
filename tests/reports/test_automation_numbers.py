"""The numbers of an automation project's reports: a slow count gives the same, and filters bound it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from tests.factories import make_attempt, make_project, make_run
from tests.reports.automation_support import LIVE, raw, rows, scope_of, table, totals
from tests.reports.automation_world import World
from webapp.reports.automation.errors import get_errors
from webapp.reports.automation.performance import get_performance
from webapp.reports.automation.scope import Scope, read_scope
from webapp.reports.automation.summary import get_summary


def test_a_slow_count_gives_the_same_days_runs_and_funnel(world: World) -> None:
    zone = ZoneInfo("America/New_York")
    live = [a for a in world.attempts if not a.dry_run]
    document = get_summary(scope_of(world.project))

    tried = [a for a in live if a.status not in ("skipped", "cancelled")]
    days = Counter(a.started_at.astimezone(zone).date() for a in tried)
    assert {r["day"]: r["attempts"] for r in rows(document, "by_day")} == days
    for run in world.live:
        own = [a for a in live if a.run_id == run.id]
        (row,) = [r for r in rows(document, "by_run") if r["run_id"] == run.id]
        assert row["success"] == sum(a.status == "success" for a in own)
        assert row["skipped"] == sum(a.status == "skipped" for a in own)
        assert (row["rehearsed"], row["dry_run"]) == (0, False)
    funnel = {r["stage"]: r["dealerships"] for r in rows(document, "funnel")}
    assert funnel["dealerships"] == 40
    assert funnel["attempted"] == len({a.project_dealership_id for a in tried})
    assert funnel["confirmed"] == len({a.project_dealership_id for a in tried if a.status == "success"})
    assert list(funnel.values()) == sorted(funnel.values(), reverse=True)


def test_a_dry_run_counts_as_no_success_wherever_it_is_shown(world: World) -> None:
    without, within = get_summary(scope_of(world.project)), get_summary(scope_of(world.project, dry="1"))
    dry = [a for a in world.attempts if a.dry_run and a.status == "success"]

    assert dry
    assert table(without, "funnel").rows == table(within, "funnel").rows
    assert sum(r["success"] for r in rows(without, "by_day")) == sum(r["success"] for r in rows(within, "by_day"))
    assert sum(r["rehearsed"] for r in rows(within, "by_day")) == len(dry)
    assert [r["run_id"] for r in rows(without, "by_run")] == [run.id for run in world.live]
    (run,) = [r for r in rows(within, "by_run") if r["dry_run"]]
    assert (run["run_id"], run["success"]) == (world.dry.id, 0)
    speed = get_performance(scope_of(world.project, dry="1"))
    live = {
        r.project_dealership_id: r
        for r in raw(
            f"SELECT project_dealership_id, count(*) FILTER (WHERE status = 'success') AS won FROM {LIVE} l GROUP BY 1"
        )
    }
    for row in rows(speed, "dealerships"):
        assert row["successful_attempts"] == live[row["project_dealership_id"]].won


def test_a_chosen_run_and_days_of_the_project_bound_what_is_counted(world: World) -> None:
    first = scope_of(world.project, run=str(world.live[0].id))
    assert totals(get_errors(first))["failures"] == sum(
        a.status in ("failed", "timeout", "blocked") for a in world.attempts if a.run_id == world.live[0].id
    )
    night = make_attempt(world.rows[35], world.live[1], "failed", error_type="form_changed", attempt_number=99,
                         started_at=datetime(2026, 6, 21, 3, 30, tzinfo=UTC))  # fmt: skip
    assert night.started_at.astimezone(ZoneInfo("America/New_York")).date() == date(2026, 6, 20)
    day = get_errors(scope_of(world.project, from_date="2026-06-20", to_date="2026-06-20"))
    assert rows(day, "errors_by_day") == [
        {"day": date(2026, 6, 20), "error_type": "form_changed", "status": "failed", "occurrences": 1}
    ]
    assert not rows(get_errors(scope_of(world.project, from_date="2026-06-21")), "errors")


def test_a_dry_run_that_is_chosen_is_shown_and_said(world: World) -> None:
    scope, notes = read_scope({"run": str(world.dry.id)}, world.project)

    assert scope.dry
    assert "dry run" in notes[0]
    assert totals(get_errors(scope))["failures"] > 0


def test_what_cannot_be_used_in_a_filter_is_left_out_and_named(world: World) -> None:
    other = make_run(make_project(world.company))
    asked = {
        "run": str(other.id),
        "from_date": "2026-13-01",
        "to_date": "1200-01-01",
        "status": "nice",
        "level": "loud",
    }
    scope, notes = read_scope(asked, world.project)

    assert scope == Scope(world.company.id, world.project.id, "America/New_York")
    assert len(notes) == 5
    turned, said = read_scope({"from_date": "2026-06-05", "to_date": "2026-06-01"}, world.project)
    assert (turned.from_date, turned.to_date) == (date(2026, 6, 1), date(2026, 6, 5))
    assert "exchanged" in said[0]
    for run in ("0", "-1", "９", "1e3", str(2**63), "x" * 50):
        assert read_scope({"run": run}, world.project)[0].run_id is None
