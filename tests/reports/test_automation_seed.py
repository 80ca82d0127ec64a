"""The seed's own queries, run raw, give what every rendering of a report shows."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from tests.factories import sign_in
from tests.reports.automation_support import LIVE, raw, rows, scope_of
from tests.reports.automation_world import World
from tests.reports.pdf import text_of
from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.core.db import db as database
from webapp.reports.automation.errors import get_errors
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
        label = FAILURES[FailureType(kind)].label
        link = f"/projects/{world.project.id}/attempts?error={kind}&amp;status=failed&amp;sent=real"
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
