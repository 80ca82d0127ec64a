"""The reports of an automation project: the seed's own queries, run raw, give what every rendering shows; so does a slow count."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from tests.factories import (
    make_attempt,
    make_company,
    make_contact_request,
    make_dealership,
    make_list,
    make_project,
    make_project_dealership,
    make_run,
    sign_in,
)  # fmt: skip
from tests.reports.automation_world import World, make_world
from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.automation.models import AutomationAttempt, HostPace, Project, ProjectDealership
from webapp.core.db import db as database
from webapp.reports.automation.compliance import get_compliance
from webapp.reports.automation.document import Document, Table
from webapp.reports.automation.errors import get_errors
from webapp.reports.automation.performance import get_performance
from webapp.reports.automation.scope import Scope, read_scope
from webapp.reports.automation.summary import get_summary
from webapp.reports.models import Export

SUCCESS = """
SELECT p.name, COUNT(*) as total_dealerships,
    COUNT(CASE WHEN pd.contact_status = 'success' THEN 1 END) as successful,
    COUNT(CASE WHEN pd.contact_status = 'failed' THEN 1 END) as failed,
    COUNT(CASE WHEN pd.contact_status = 'manual_override' THEN 1 END) as manual,
    ROUND(COUNT(CASE WHEN pd.contact_status IN ('success', 'manual_override') THEN 1 END) * 100.0 / COUNT(*), 2) as success_rate_percent
FROM projects p JOIN project_dealerships pd ON p.id = pd.project_id GROUP BY p.id, p.name
"""
ERRORS = """
SELECT ca.error_type, COUNT(*) as occurrences, ROUND(AVG(ca.duration_seconds), 2) as avg_duration,
    COUNT(DISTINCT ca.project_dealership_id) as unique_dealerships
FROM {attempts} ca WHERE ca.status = 'failed' GROUP BY ca.error_type ORDER BY occurrences DESC
"""
PERFORMANCE = """
SELECT d.name as dealership_name, d.website, COUNT(ca.id) as total_attempts,
    COUNT(CASE WHEN ca.status = 'success' THEN 1 END) as successful_attempts, ROUND(AVG(ca.duration_seconds), 2) as avg_duration,
    ROUND(AVG(ca.page_load_time_ms), 0) as avg_page_load_ms
FROM dealerships d JOIN project_dealerships pd ON d.id = pd.dealership_id JOIN {attempts} ca ON pd.id = ca.project_dealership_id
GROUP BY d.id, d.name, d.website HAVING COUNT(ca.id) >= 3 ORDER BY successful_attempts DESC, avg_duration ASC
"""
LIVE = "(SELECT * FROM automation_attempts WHERE NOT dry_run)"


@pytest.fixture
def world(db: Any) -> World:
    return make_world()


@pytest.fixture
def ana(client: Any, world: World) -> Any:
    return sign_in(client, world.ana)


@pytest.fixture
def shown(ana: Any, world: World, worker: Any) -> Any:
    """shown("errors"): the page's text and the four files of a report, read."""

    def read(kind: str, **query: Any) -> dict[str, Any]:
        made: dict[str, Any] = {
            "page": ana.get(
                f"/projects/{world.project.id}/reports/{kind}", query_string=query, follow_redirects=True
            ).text
        }
        for format in ("csv", "xlsx", "json", "pdf"):
            answer = ana.post(
                f"/projects/{world.project.id}/reports/{kind}/files",
                data={"format": format, "token": f"{kind}{format}{query}", **query},
            )
            worker()
            export = database.session.scalars(sa.select(Export).order_by(Export.id.desc())).first()
            assert export is not None
            assert export.state == "done", export.message
            made[format] = ana.get(f"{answer.location}/download").data
        made["csv"] = list(csv.DictReader(io.StringIO(made["csv"].decode("utf-8-sig"), newline="")))
        made["xlsx"] = CalamineWorkbook.from_filelike(io.BytesIO(made["xlsx"]))
        made["json"] = json.loads(made["json"])
        made["pdf"] = text_of(made["pdf"])
        made["page"] = " ".join(made["page"].split())
        return made

    return read


def text_of(content: bytes) -> str:
    with pypdfium2.PdfDocument(content) as pdf:
        texts = []
        for page in pdf:
            part = page.get_textpage()
            texts.append(part.get_text_bounded())
            part.close()
            page.close()
    return " ".join(" ".join(texts).split())


def raw(sql: str) -> list[Any]:
    return list(database.session.execute(sa.text(sql)))


def sheet_of(book: Any, name: str) -> list[dict[str, Any]]:
    head, *rows = book.get_sheet_by_name(name).to_python()
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_the_success_query_of_the_seed_gives_what_every_rendering_shows(world: World, shown: Any) -> None:
    (seed,) = raw(SUCCESS)
    made = shown("summary")

    assert (seed.total_dealerships, seed.successful, seed.failed, seed.manual) == (40, 14, 9, 5)
    names = ("total_dealerships", "successful", "failed", "manual", "success_rate_percent")
    totals = {row["name"]: row["value"] for row in made["csv"] if row["section"] == "total"}
    summary = {row[0]: row[1] for row in made["xlsx"].get_sheet_by_name("Summary").to_python()}
    for name, label in zip(names, ("Dealerships", "Success", "Failed", "Done by hand", "Success rate, %"), strict=True):
        value = float(getattr(seed, name))
        assert float(totals[name]) == value
        assert made["json"]["totals"][name] == value
        assert float(summary[label]) == value
    rate = f"{seed.success_rate_percent} %"
    assert f'Success rate</p><p class="stat-value">{rate}</p>' in made["page"]
    assert f'Done by hand</p><p class="stat-value">{seed.manual}</p>' in made["page"]
    assert f"Success rate {rate}" in made["pdf"]
    assert f"Done by hand {seed.manual}" in made["pdf"]


def test_the_error_query_of_the_seed_gives_what_every_rendering_shows(world: World, shown: Any) -> None:
    seed = raw(ERRORS.format(attempts=LIVE))
    made = shown("errors")

    wanted = {r.error_type: (r.occurrences, float(r.avg_duration), r.unique_dealerships) for r in seed}
    assert len(wanted) >= 5
    assert wanted == {
        r["error_type"]: (r["occurrences"], r["avg_duration"], r["unique_dealerships"])
        for r in made["json"]["tables"]["errors"] if r["status"] == "failed"
    }  # fmt: skip
    assert wanted == {
        r["error_type"]: (int(r["occurrences"]), float(r["avg_duration"]), int(r["unique_dealerships"]))
        for r in made["csv"] if r["section"] == "errors" and r["status"] == "failed"
    }  # fmt: skip
    assert wanted == {
        r["Failure"]: (int(r["Occurrences"]), r["Mean duration, s"], int(r["Dealerships"]))
        for r in sheet_of(made["xlsx"], "Failures by type") if r["Ended as"] == "failed"
    }  # fmt: skip
    assert [r["occurrences"] for r in made["json"]["tables"]["errors"] if r["status"] == "failed"] == [
        r.occurrences for r in seed
    ]
    for kind, (occurrences, duration, dealerships) in wanted.items():
        label, link = FAILURES[FailureType(kind)].label, f"/projects/{world.project.id}/attempts?error={kind}"
        assert f"{label} {kind} Failed {occurrences} {duration:.2f} s {dealerships} " in made["pdf"]
        assert f'<a href="{link}">{occurrences}</a>' in made["page"]
        assert f"{duration:.2f} s" in made["page"]
        assert FAILURES[FailureType(kind)].advice.replace("'", "&#39;") in made["page"]


def test_with_dry_runs_the_seeds_error_query_counts_every_attempt(world: World) -> None:
    seed = raw(ERRORS.format(attempts="automation_attempts"))
    found = rows(get_errors(scope_of(world.project, dry="1")), "errors")

    assert [(r.error_type, r.occurrences, float(r.avg_duration), r.unique_dealerships) for r in sorted(seed, key=lambda r: r.error_type)] == [
        (r["error_type"], r["occurrences"], r["avg_duration"], r["unique_dealerships"])
        for r in sorted(found, key=lambda r: r["error_type"]) if r["status"] == "failed"
    ]  # fmt: skip


def test_the_performance_query_of_the_seed_gives_what_every_rendering_shows(world: World, shown: Any) -> None:
    seed = raw(PERFORMANCE.format(attempts=LIVE))
    made = shown("performance")

    wanted = [
        (r.dealership_name, r.website, r.total_attempts, r.successful_attempts, float(r.avg_duration), int(r.avg_page_load_ms)) for r in seed
    ]  # fmt: skip
    assert len(wanted) > 20
    names = ("dealership_name", "website", "total_attempts", "successful_attempts", "avg_duration", "avg_page_load_ms")
    assert wanted == [tuple(row[name] for name in names) for row in made["json"]["tables"]["dealerships"]]
    kept = [row for row in made["csv"] if row["section"] == "dealerships"]
    assert [(r[1], r[2], r[3], r[4], r[5]) for r in wanted] == [
        (row["website"], int(row["total_attempts"]), int(row["successful_attempts"]), float(row["avg_duration"]), int(row["avg_page_load_ms"]))
        for row in kept
    ]  # fmt: skip
    sheet = sheet_of(made["xlsx"], "Dealerships with three atte")
    assert [r[2:] for r in wanted] == [
        (int(r["Attempts"]), int(r["Success"]), r["Mean duration, s"], int(r["Mean page load, ms"])) for r in sheet
    ]  # fmt: skip
    for _name, _website, total, won, duration, load in wanted:
        assert f"{total} {won} {duration:.2f} s {load:,} ms".replace(",", " ") in made["pdf"]
        assert f"{duration:.2f} s" in made["page"]


def table(document: Document, key: str) -> Table:
    return next(one for one in document.tables if one.key == key)


def rows(document: Document, key: str) -> list[dict[str, Any]]:
    found = table(document, key)
    return [dict(zip((column.key for column in found.columns), row, strict=True)) for row in found.rows]


def totals(document: Document) -> dict[str, Any]:
    return {fact.key: fact.value for fact in document.totals}


def scope_of(project: Project, **args: Any) -> Scope:
    return read_scope(args, project)[0]


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


@pytest.fixture
def polite(db: Any) -> Any:
    """A project that knocks on one host at ten, a minute apart, on a Monday; its dealership, and its run."""

    class Place:
        project: Project
        row: ProjectDealership

        def visit(self, minute: float, status: str = "success", **facts: Any) -> AutomationAttempt:
            at = datetime(2026, 6, 1, 14, 0, tzinfo=UTC) + timedelta(minutes=minute)
            self.count += 1
            given = {"user_agent": "Chrome Rebound/1.0 (+mailto:web@northside.example.com)", "started_at": at, "duration_seconds": 20,
                     "completed_at": at + timedelta(seconds=20), "attempt_number": self.count, **facts}  # fmt: skip
            return make_attempt(given.pop("row", self.row), given.pop("run", self.run), status, **given)

    made = Place()
    made.company, made.count = make_company(), 0
    made.project = make_project(
        made.company, window_open="09:00", window_close="17:00", window_days=[0, 1, 2, 3, 4], host_gap_seconds=60
    )
    made.list = make_list(made.company)
    made.dealership = make_dealership(made.list)
    made.row = make_project_dealership(made.project, made.dealership)
    made.request = make_contact_request(made.project)
    made.run = make_run(made.project, made.request, dry_run=False)
    return made


def broken(place: Any) -> dict[str, int]:
    return {r["check"]: r["broken"] for r in rows(get_compliance(scope_of(place.project)), "checks") if r["broken"]}


def test_a_polite_run_keeps_every_rule(polite: Any) -> None:
    polite.visit(0, "failed", error_type="network_error")
    polite.visit(
        1.4,
        fields=[
            {"kind": "marketing", "label": "Newsletter", "filled": False},
            {"kind": "honeypot", "label": "x", "filled": False},
        ],
    )
    polite.visit(3, "skipped", skip_reason="robots", error_message="User-agent: * Disallow: /contact")
    polite.visit(3.1, "skipped", skip_reason="do_not_contact", user_agent=None)
    document = get_compliance(scope_of(polite.project))

    assert broken(polite) == {}
    assert {r["check"]: r["looked_at"] for r in rows(document, "checks")} == {
        "robots": 1, "pace": 2, "per_day": 1, "per_minute": 2, "window": 3, "guard": 1, "walls": 0, "retry_after": 0, "marketing": 1,
        "honeypot": 1, "user_agent": 3,
    }  # fmt: skip
    assert [r["rule"] for r in rows(document, "robots")] == ["User-agent: * Disallow: /contact"]
    (host,) = rows(document, "pace_by_host")
    assert (host["visits"], host["smallest_gap_seconds"], host["limit_seconds"], host["violations"]) == (
        3,
        64.0,
        60.0,
        0,
    )
    assert rows(document, "guard") == [{"skip_reason": "do_not_contact", "attempts": 1}]
    assert rows(document, "user_agents")[0]["address"] == "web@northside.example.com"


def test_a_visit_too_soon_is_listed_also_after_one_of_another_project(polite: Any) -> None:
    other = make_project(polite.company, host_gap_seconds=90)
    theirs = polite.visit(0, row=make_project_dealership(other, polite.dealership), run=make_run(other, dry_run=True))
    soon = polite.visit(1)
    again = polite.visit(2)
    polite.visit(4)
    found = rows(get_compliance(scope_of(polite.project)), "too_soon")

    assert broken(polite) == {"pace": 2}
    assert [(r["before_id"], r["attempt_id"], r["gap_seconds"], r["limit_seconds"]) for r in found] == [
        (theirs.id, soon.id, 40.0, 90.0), (soon.id, again.id, 40.0, 60.0),
    ]  # fmt: skip


def test_a_hosts_own_crawl_delay_counts_where_it_is_longer(polite: Any) -> None:
    host = database.session.execute(
        sa.text("SELECT host FROM dealerships WHERE id = :id"), {"id": polite.row.dealership_id}
    ).scalar()
    database.session.add(HostPace(host=host, crawl_delay=300.0))
    database.session.commit()
    polite.visit(0)
    polite.visit(5)
    polite.visit(12)

    assert broken(polite) == {"pace": 1}


def test_a_knock_at_night_or_on_sunday_is_listed_unless_a_person_chose_it(polite: Any) -> None:
    by_hand = make_run(polite.project, polite.request, state="finished", dry_run=False, chosen=[polite.row.id])
    night, sunday = polite.visit(8 * 60), polite.visit(6 * 24 * 60)
    chosen = polite.visit(9 * 60, run=by_hand)
    polite.visit(26 * 60)
    found = rows(get_compliance(scope_of(polite.project)), "outside_window")

    assert broken(polite) == {"window": 2}
    assert [(r["attempt_id"], r["by_hand"]) for r in found] == [
        (night.id, False),
        (chosen.id, True),
        (sunday.id, False),
    ]


def test_a_try_after_a_wall_a_hasty_one_and_a_ticked_box_are_listed(polite: Any) -> None:
    wall = polite.visit(0, "blocked", error_type="captcha_detected", submit_pressed_at=None)
    again = polite.visit(5)
    polite.visit(10, "blocked", error_type="rate_limited", retry_after_seconds=600)
    polite.visit(15, fields=[{"kind": "marketing", "label": "Offers", "filled": True}, {"kind": "honeypot", "label": "url", "filled": True}],
                 user_agent="Mozilla/5.0 (a person, honestly)")  # fmt: skip
    document = get_compliance(scope_of(polite.project))

    assert broken(polite) == {"walls": 1, "retry_after": 1, "marketing": 1, "honeypot": 1, "user_agent": 1}
    assert [(r["attempt_id"], r["again_id"]) for r in rows(document, "walls_again")] == [(wall.id, again.id)]
    assert [(r["asked_seconds"], r["waited_seconds"]) for r in rows(document, "hasty")] == [(600, 280.0)]
    assert {r["kind"] for r in rows(document, "filled")} == {"marketing", "honeypot"}


def test_more_visits_than_a_day_or_a_minute_allows_are_listed(polite: Any) -> None:
    polite.project.per_minute = 2
    for n in range(3):
        polite.visit(n * 0.3, row=make_project_dealership(polite.project, polite.list), attempt_number=1)
    for n in range(21):
        polite.visit(10 + n * 2)

    assert broken(polite) == {"per_minute": 1, "per_day": 1}


def test_what_trying_again_brought_is_told_by_what_had_failed_before(polite: Any) -> None:
    other = make_project_dealership(polite.project, polite.list)
    polite.visit(0, "timeout", error_type="page_timeout")
    polite.visit(2, "timeout", error_type="page_timeout")
    polite.visit(4)
    polite.visit(6, "cancelled", row=other, attempt_number=1)
    polite.visit(8, "failed", error_type="network_error", row=other, attempt_number=2)
    polite.visit(10, "failed", error_type="form_not_found", row=other, attempt_number=3)
    document = get_performance(scope_of(polite.project))

    assert [tuple(r.values()) for r in rows(document, "by_try")] == [
        ("First", 2, 0, 0.0),
        ("Second", 2, 0, 0.0),
        ("Third", 1, 1, 100.0),
    ]
    assert [tuple(r.values()) for r in rows(document, "retries")] == [
        ("page_timeout", 2, 1, 50.0, 1),
        ("network_error", 1, 0, 0.0, 0),
    ]
    (run,) = rows(document, "throughput")
    assert (run["attempts"], run["working_seconds"], run["per_hour"]) == (5, 620, 29.03)


def test_speeds_are_told_by_mean_median_and_the_slow_end(polite: Any) -> None:
    for n, ms in enumerate((100, 200, 300, 400, 1000)):
        polite.visit(n * 3, page_load_time_ms=ms)
    speed = {r["measure"]: r for r in rows(get_performance(scope_of(polite.project)), "speed")}

    load = speed["page_load"]
    assert (load["count"], load["mean_ms"], load["p50_ms"], load["p95_ms"], load["max_ms"]) == (5, 400, 300, 880, 1000)
    assert speed["form_fill"]["count"] == 0
    assert speed["form_fill"]["mean_ms"] is None
