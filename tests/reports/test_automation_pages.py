"""The report pages of an automation project, the rows they page through, and who may see them."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from tests.factories import make_company, make_project, make_user, sign_in
from tests.reports.automation_support import rows, scope_of
from tests.reports.automation_world import UGLY, World, keep, make_world, png
from tests.reports.pdf import text_of
from webapp.automation.models import AutomationAttempt, RunLog
from webapp.core.audit import AuditEvent
from webapp.core.db import db as database
from webapp.reports.automation import debug, files, results
from webapp.reports.automation.kinds import REPORTS
from webapp.reports.models import Export


@pytest.fixture
def ana(client: Any, world: World) -> Any:
    return sign_in(client, world.ana)


def ask(client: Any, project_id: int, kind: str, format: str, **data: Any) -> Any:
    return client.post(
        f"/projects/{project_id}/reports/{kind}/files",
        data={"format": format, "token": f"{kind}{format}{data}", **data},
    )


@pytest.fixture
def make(ana: Any, world: World, worker: Any) -> Any:
    """make("results", "csv"): the file's bytes."""

    def run(kind: str, format: str, **data: Any) -> bytes:
        answer = ask(ana, world.project.id, kind, format, **data)
        assert answer.status_code == 303, answer.text
        worker()
        export = database.session.scalars(sa.select(Export).order_by(Export.id.desc())).first()
        assert export is not None
        assert export.state == "done", export.message
        return ana.get(f"{answer.location}/download").data

    return run


def lines_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("query", ["", "dry=1", "from_date={day}&to_date={day}", "run={run}"])
def test_a_number_of_failures_opens_just_those_attempts(ana: Any, world: World, query: str) -> None:
    attempt = database.session.scalars(sa.select(AutomationAttempt).where(AutomationAttempt.status == "failed")).first()
    assert attempt is not None
    day = attempt.started_at.astimezone(ZoneInfo(world.project.zone)).date()
    page = ana.get(f"/projects/{world.project.id}/reports/errors?{query.format(day=day, run=attempt.run_id)}").text
    links = re.findall(r'<a href="(/projects/\d+/attempts[^"]+)">(\d+)</a>', page)
    assert links
    for href, number in links:
        shown = ana.get(html.unescape(href)).text
        assert re.search(rf"\b{number}(</\w+>)? attempts?\b", shown), (href, number)
        assert shown.count('<tr id="attempt-') == int(number)


def test_every_report_has_a_page_with_its_tabs_its_filter_and_its_files(ana: Any, world: World) -> None:
    for kind, report in REPORTS.items():
        page = ana.get(f"/projects/{world.project.id}/reports/{kind}", follow_redirects=True)
        assert page.status_code == 200
        assert f"<h1>{report.label}</h1>" in page.text
        assert 'aria-current="page">' in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt; Motors" in page.text or kind in ("summary", "errors")
        assert "<script>alert" not in page.text
        part = ana.htmx(f"/projects/{world.project.id}/reports/{kind}?dry=1", follow_redirects=True)
        assert 'id="report"' in part.text
        assert "<html" not in part.text
        assert 'name="dry" value="1"' in part.text  # the files follow the filter


def test_the_reports_of_all_projects_are_found_from_the_reports_page(ana: Any, world: World) -> None:
    assert 'href="/reports/automation"' in ana.get("/reports").text
    page = ana.get("/reports/automation").text
    assert f'href="/projects/{world.project.id}/reports"' in page
    assert "47.50 %" in page


def test_a_project_without_attempts_explains_itself(ana: Any, world: World) -> None:
    empty = make_project(world.company, name="Nothing yet")
    for kind in REPORTS:
        page = ana.get(f"/projects/{empty.id}/reports/{kind}", follow_redirects=True).text
        assert "empty-title" in page or kind == "summary"
    assert "This project has no dealerships yet" in ana.get(f"/projects/{empty.id}/reports").text
    assert "Widen the days" in ana.get(f"/projects/{empty.id}/reports/errors?from_date=2026-01-01").text


def test_another_company_finds_none_of_it(world: World, app: Any) -> None:
    stranger = sign_in(app.test_client(), make_user(make_company(), role="admin"))
    for kind in REPORTS:
        assert stranger.get(f"/projects/{world.project.id}/reports/{kind}", follow_redirects=True).status_code == 404
        for format in ("pdf", "zip", "nonsense"):
            assert ask(stranger, world.project.id, kind, format).status_code == 404
    assert "No projects yet" in stranger.get("/reports/automation").text
    assert database.session.scalar(sa.select(sa.func.count()).select_from(Export)) == 0


def test_another_companys_attempts_on_the_same_run_numbers_change_nothing(world: World) -> None:
    before = {kind: report.whole(scope_of(world.project)).totals for kind, report in REPORTS.items()}
    make_world(make_company("Other", zone="UTC"))
    assert {kind: report.whole(scope_of(world.project)).totals for kind, report in REPORTS.items()} == before


def test_what_is_no_report_or_no_format_is_refused(ana: Any, world: World) -> None:
    assert ana.get(f"/projects/{world.project.id}/reports/gossip").status_code == 404
    assert ask(ana, world.project.id, "gossip", "csv").status_code == 404
    assert ask(ana, world.project.id, "summary", "exe").status_code == 422
    assert ask(ana, world.project.id, "summary", "zip").status_code == 422
    assert ana.get("/projects/99999999999999999999/reports").status_code == 404


def test_a_rep_takes_reports_but_no_debug_package(world: World, app: Any) -> None:
    rep = sign_in(app.test_client(), make_user(world.company, role="rep"))
    assert "Make the package" not in rep.get(f"/projects/{world.project.id}/reports/debug").text
    assert ask(rep, world.project.id, "debug", "zip").status_code == 403
    assert ask(rep, world.project.id, "debug", "csv").status_code == 303


def test_an_export_follows_the_pages_filter_and_leads_back_to_it(ana: Any, world: World, worker: Any) -> None:
    answer = ask(ana, world.project.id, "errors", "json", run=world.live[1].id, from_date="2026-06-02")
    worker()
    page = ana.get(answer.location).text
    back = re.search(r'href="(/projects/[^"]+/reports/errors[^"]*)"', page)
    assert back
    assert f"run={world.live[1].id}" in back[1]
    assert "from_date=2026-06-02" in back[1]
    made = json.loads(ana.get(f"{answer.location}/download").data)
    assert made["totals"]["failures"] == sum(
        a.run_id == world.live[1].id and a.status in ("failed", "timeout", "blocked") and a.started_at.date().isoformat() >= "2026-06-02"
        for a in world.attempts
    )  # fmt: skip
    (event,) = database.session.scalars(sa.select(AuditEvent).where(AuditEvent.kind == "export"))
    assert event.details["project_id"] == world.project.id


def test_detailed_results_tell_each_dealership_once_however_they_are_paged(
    ana: Any, world: World, make: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(results, "CHUNK", 7)
    seen, place = [], ""
    while True:
        document, following = results.get_results(scope_of(world.project), place, 9)
        seen += rows(document, "results")
        if following is None:
            break
        place = following
    lines = lines_of(make("results", "csv"))

    assert [r["project_dealership_id"] for r in seen] == [
        row.id for row in sorted(world.rows, key=lambda r: (r.distance_miles is None, r.distance_miles or 0, r.id))
    ]  # fmt: skip
    assert [int(line["dealership_id"]) for line in lines] == [r["dealership_id"] for r in seen]
    newest = {
        a.project_dealership_id: a for a in sorted(world.attempts, key=lambda a: a.attempt_number) if not a.dry_run
    }
    for line, row in zip(lines, seen, strict=True):
        last = newest[row["project_dealership_id"]]
        assert line["error_type"] == (last.error_type or "")
        assert int(line["last_attempt_id"]) == last.id
        assert int(line["duration_seconds"]) == last.duration_seconds
        assert int(line["attempts"]) == sum(
            a.project_dealership_id == row["project_dealership_id"] and not a.dry_run and a.status not in ("skipped", "cancelled")
            for a in world.attempts
        )  # fmt: skip
        assert line["contact_status"] == row["contact_status"]
    by_hand = [line for line in lines if line["contact_status"] == "manual_override"]
    assert len(by_hand) == 5
    assert {(line["manual_set_by"], line["manual_method"], line["follow_up_on"]) for line in by_hand} == {
        ("Ana Ruiz", "phone", "2026-07-01")
    }
    kept = newest[world.rows[15].id]
    kept.screenshot_before_path, kept.page_source_path = keep(png(), ".png"), keep(b"<p>", ".html")
    database.session.commit()
    page = ana.get(f"/projects/{world.project.id}/reports/results").text
    assert f'<a href="/attempts/{kept.id}/evidence/before">before</a>' in page
    assert f'<a href="/attempts/{kept.id}/evidence/source">source</a>' in page
    page = ana.get(f"/projects/{world.project.id}/reports/results?status=blocked").text
    assert page.count('<th scope="row">') == 4


def test_a_formula_in_a_name_or_a_message_stays_text_in_every_file(world: World, make: Any) -> None:
    text = make("results", "csv").decode("utf-8-sig")
    names = [line["dealership"] for line in lines_of(make("results", "csv"))]
    assert '"\'=HYPERLINK(""http://evil.example"",""Click"")"' in text
    assert "'@SUM(A1:A9) Autos" in names
    assert "'-2+3+cmd|' /C calc'!A0" in names
    for cell in next(csv.reader(io.StringIO(text))) + [
        cell for line in csv.reader(io.StringIO(text, newline="")) for cell in line
    ]:
        assert not cell.lstrip().startswith(("=", "@", "+", "\t", "\r"))
    for kind in ("errors", "debug", "compliance"):
        for line in csv.reader(io.StringIO(make(kind, "csv").decode("utf-8-sig"), newline="")):
            assert not any(cell.lstrip().startswith(("=", "@")) for cell in line)
    book = CalamineWorkbook.from_filelike(io.BytesIO(make("results", "xlsx")))
    read = [row[0] for row in book.get_sheet_by_name("Dealerships").to_python()[1:]]
    assert set(UGLY) <= set(read)
    assert {row["dealership"] for row in json.loads(make("results", "json"))["tables"]["results"]} >= set(UGLY)


def test_a_workbook_has_a_summary_and_typed_cells_under_heads_that_stay(make: Any, world: World) -> None:
    content = make("summary", "xlsx")
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert book.sheet_names == [
        "Summary",
        "By contact status",
        "Funnel",
        "Attempts by day",
        "By run",
        "Failures by type",
    ]
    head, first = book.get_sheet_by_name("Attempts by day").to_python()[:2]
    assert head[:2] == ["Day", "Attempts"]
    assert first[0].isoformat()[:10] == "2026-06-01"
    assert isinstance(first[1], float)
    from zipfile import ZipFile

    with ZipFile(io.BytesIO(content)) as parts:
        assert b'state="frozen"' in parts.read("xl/worksheets/sheet2.xml")


def test_a_pdf_that_would_be_too_long_says_so(world: World, make: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(files, "PDF_ROWS", 6)
    text = text_of(make("results", "pdf"))
    assert "The first 6 of 40 rows: a PDF holds at most 6 in all. The CSV and the spreadsheet hold every row." in text
    assert "Dealer 12" not in text


def test_a_pdf_is_tagged_has_bookmarks_and_hides_no_name(make: Any, world: World) -> None:
    import pypdfium2
    import pypdfium2.raw as pdfium

    with pypdfium2.PdfDocument(make("compliance", "pdf")) as pdf:
        assert pdfium.FPDFCatalog_IsTagged(pdf)
        assert pdf.get_metadata_dict()["Title"] == "Compliance: Ohio dealers <spring> & more"
        titles = [item.get_title() for item in pdf.get_toc()]
        assert titles[0] == "Ohio dealers <spring> & more"
        assert {"The rules", "Pace by host", "Captchas and walls"} <= set(titles)
        assert pdf[0].get_size() == (612, 792)
        assert pdf.count_attachments() == 0


def test_the_debug_log_is_paged_on_the_page_and_whole_in_files(
    ana: Any, world: World, make: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(debug, "CHUNK", 13)
    live = [a.id for a in world.attempts[:120] if not a.dry_run]
    first, following = debug.get_debug(scope_of(world.project), "", 60)
    second, end = debug.get_debug(scope_of(world.project), following or "", 60)
    seen = [r["attempt_id"] for r in (*rows(first, "log"), *rows(second, "log"))]

    assert end is None
    assert seen == sorted(live, reverse=True)
    lines = lines_of(make("debug", "csv"))
    assert [int(line["attempt_id"]) for line in lines] == sorted(live)
    assert len(json.loads(make("debug", "json"))["tables"]["log"]) == len(live)
    assert "Next" in ana.get(f"/projects/{world.project.id}/reports/debug").text
    assert len(lines_of(make("debug", "csv", dry="1"))) == 120
    errors = lines_of(make("debug", "csv", level="error"))
    assert {line["level"] for line in errors} == {"error"}
    assert all(line["error_type"] and line["error_message"] for line in errors)
    assert any("Traceback" in line["error_stack_trace"] for line in errors)


def test_no_persons_address_and_no_secret_leaves_in_a_log(ana: Any, world: World, make: Any) -> None:
    database.session.add(RunLog(company_id=world.company.id, project_id=world.project.id, run_id=None, operation="note", level="warn",
                                message="mailed zelda.quimby@example.com at +1 (212) 555-0147", details={"token": "s3cret", "body": "Hello there"}))  # fmt: skip
    database.session.commit()
    for format, since in (("csv", ""), ("json", ""), ("xlsx", "2026-07-01"), ("pdf", "2026-07-01")):
        content = make("debug", format, from_date=since)
        text = text_of(content) if format == "pdf" else content.decode("utf-8", "replace")
        if format == "xlsx":
            book = CalamineWorkbook.from_filelike(io.BytesIO(content))
            text = str(book.get_sheet_by_name("Operation log").to_python())
        assert "mailed [email] at [phone]" in text
        for known in ("zelda.quimby@example.com", "5550147", "555-0147", "s3cret", "Hello there"):
            assert known not in text
    assert "zelda.quimby@example.com" not in ana.get(f"/projects/{world.project.id}/reports/debug").text
