"""The status report as files. Each writes what `status.get_status_report` found and computes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from webapp.core.text import exact
from webapp.core.work import WorkError
from webapp.leads.models import Lead
from webapp.leads.states import LEAD
from webapp.leads.tallies import DIAL_CAP
from webapp.reports.pages import read_page
from webapp.reports.sheets import Book, Column, CsvFile
from webapp.reports.status import StatusReport, report_data, sum_rows

PDF_LEADS = 40  # the leads named at the end of the PDF; the spreadsheet names all
CHUNK = 5_000

CSV_COLUMNS = (
    Column("section"), Column("name"), Column("label"), Column("value"), Column("of"), Column("share"),
    Column("never_dialed"), Column("dials"), Column("answered"), Column("exhausted"), Column("note"),
)  # fmt: skip
HEAVY_COLUMNS = (
    Column("Lead", width=28), Column("Lead ID", "number", 10), Column("Business", width=28), Column("Phone", width=18),
    Column("Status", width=18), Column("Dials", "number", 8), Column("Last result", width=16), Column("Last dial", "time", 22),
)  # fmt: skip


def write_json(report: StatusReport, target: Path) -> int:
    target.write_text(json.dumps(report_data(report), ensure_ascii=False, indent=2), encoding="utf-8")
    return len(report.breakdown)


def csv_rows(report: StatusReport) -> Iterator[tuple[Any, ...]]:
    """One line a number: section, name, label, value, of, share, never dialed, dials, answered, exhausted, note."""

    def line(section: str, name: str, label: str, value: Any, *rest: Any) -> tuple[Any, ...]:
        return (section, name, label, value, *rest, *[None] * (7 - len(rest)))

    for name, value in facts(report):
        yield line("report", name, name, value)
    for name, label, value in totals(report):
        yield line("totals", name, label, value)
    for row in report.breakdown:
        yield line("status", row.name, row.label, row.leads, report.total_leads, row.share, row.never_dialed, row.dials,
                   row.answered, row.exhausted)  # fmt: skip
    for ratio in report.ratios:
        yield line(
            "ratio", ratio.key, ratio.label, ratio.part, ratio.whole, ratio.share, None, None, None, None, ratio.formula
        )
    for problem in report.problems:
        yield line(
            "problem",
            problem.name,
            problem.label,
            problem.leads,
            report.total_leads,
            None,
            None,
            None,
            None,
            None,
            problem.rule,
        )
    for each in report.passes:
        yield line(
            "pass",
            str(each.number),
            f"Pass {each.number}",
            each.leads,
            None,
            None,
            each.leads - each.attempted,
            each.dials,
            each.answered,
        )
    for dialed in report.dial_rows:
        yield line(
            "dials",
            dialed.label,
            f"{dialed.label} dials",
            dialed.leads,
            report.total_leads,
            None,
            None,
            None,
            dialed.answered,
        )
    yield line(
        "heavy", "heavy_unanswered", "10 or more dials and no answer", report.heavy_unanswered, report.total_leads
    )
    for advice in report.recommendations:
        yield line("recommendation", advice.kind, advice.text, None)


def write_csv(report: StatusReport, target: Path) -> int:
    rows = list(csv_rows(report))
    with target.open("w", encoding="utf-8", newline="") as file:
        CsvFile(file, CSV_COLUMNS).write(rows)
    return len(rows)


def write_xlsx(report: StatusReport, target: Path) -> int:
    title = f"Status report: {report.list_name}"
    with Book(str(target), title=title, author=report.company, zone=report.zone) as book:
        lines: list[Any] = [(name, value) for name, value in facts(report)]
        lines += [("", None), *[(label, value) for _, label, value in totals(report)]]
        lines += [
            ("", None),
            *[
                (r.label, r.share if r.percent else r.text, f"{r.part:,} of {r.whole:,}: {r.formula}")
                for r in report.ratios
            ],
        ]
        lines += [
            ("", None),
            ("Problematic leads", report.problem_leads),
            ("10 or more dials and no answer", report.heavy_unanswered),
        ]
        book.summary(title, lines)
        rows = book.sheet(
            "Statuses",
            _columns("Status", "Leads", "Share", "Never dialed", "Dials", "Answered leads", "No dials left"),
            [(r.label, r.leads, r.share, r.never_dialed, r.dials, r.answered, r.exhausted) for r in report.breakdown],
        )
        rows += book.sheet(
            "Problems",
            (Column("Problem", width=32), Column("Leads", "number", 10), Column("What is done", width=70)),
            [(p.label, p.leads, p.rule) for p in report.problems],
        )
        rows += book.sheet(
            "Passes",
            _columns("Pass", "Leads", "Attempted", "Dials", "Answered leads", "Contact rate"),
            [(p.number, p.leads, p.attempted, p.dials, p.answered, p.reach) for p in report.passes],
        )
        rows += book.sheet(
            "Dials",
            _columns("Dials", "Leads", "Answered", "Never answered"),
            [(d.label, d.leads, d.answered, d.unanswered) for d in report.dial_rows],
        )
        rows += book.sheet(
            "Recommendations",
            (Column("Recommendation", width=110), Column("What to do", width=32)),
            [(a.text, a.action) for a in report.recommendations],
        )
        rows += book.sheet("10 dials and no answer", HEAVY_COLUMNS, heavy_leads(report.list_id))  # fmt: skip
    return rows


def write_report_pdf(report: StatusReport, target: Path, *, made_by: str) -> int:
    try:
        from webapp.reports.pdf import page_size, write_pdf
    except OSError as error:  # the rest of the program runs without the libraries that WeasyPrint loads
        raise WorkError(
            "PDFs need Pango, which is missing on the server; its operator finds it in docs/operations.md."
        ) from error
    leads = [] if not report.heavy_unanswered else list(heavy_leads(report.list_id, limit=PDF_LEADS))
    write_pdf(
        target, "pdf/status_report.html", report=report, sums=sum_rows(report.breakdown), totals=totals(report), leads=leads,
        made_by=made_by, made_at=exact(report.made_at, report.zone), size=page_size(report.country), zone=report.zone,
    )  # fmt: skip
    return len(report.breakdown) + len(leads)


def _columns(*labels: str) -> list[Column]:
    return [Column(labels[0], width=24), *[Column(label, "number", 14) for label in labels[1:]]]


def facts(report: StatusReport) -> list[tuple[str, Any]]:
    found = [
        ("Company", report.company), ("List", report.list_name), ("Dial campaign", report.campaign or "none"),
        ("Dials in a lifetime, at most", report.lifetime_dials), ("Dials per pass, at most", report.dials_per_pass),
        ("Made at", report.made_at),
    ]  # fmt: skip
    return [*found, ("No dials left", report.dials_note)] if report.dials_note else found


def totals(report: StatusReport) -> list[tuple[str, str, int]]:
    return [
        ("total_leads", "Total leads", report.total_leads), ("new_leads", "New", report.new_leads),
        ("contacted_leads", "Contacted", report.contacted_leads), ("remaining_leads", "Remaining", report.remaining_leads),
        ("attempted", "Attempted", report.attempted), ("dials", "Dials", report.dials),
        ("answered_calls", "Answered calls", report.answered_calls), ("exhausted", "No dials left", report.exhausted),
    ]  # fmt: skip


def heavy_leads(list_id: int, limit: int | None = None) -> Iterator[tuple[Any, ...]]:
    """Ten dials or more and never an answer, most dialed first, as HEAVY_COLUMNS."""
    lead = Lead.__table__.c
    after: tuple[int, int] | None = None
    left = limit
    while left is None or left > 0:
        size = CHUNK if left is None else min(CHUNK, left)
        query = (
            sa.select(lead.id, lead.first_name, lead.last_name, lead.business, lead.email, lead.phone, lead.status, lead.dial_attempts,
                      lead.dial_result, lead.last_dial_attempt)
            .where(lead.list_id == list_id, lead.dial_attempts >= DIAL_CAP, lead.answered_count == 0)
            .order_by(lead.dial_attempts.desc(), lead.id.desc()).limit(size)
        )  # fmt: skip
        if after is not None:
            query = query.where(sa.tuple_(lead.dial_attempts, lead.id) < after)
        rows = read_page(query)
        for r in rows:
            name = f"{r.first_name} {r.last_name}".strip() or r.business or r.email or r.phone or f"Lead {r.id}"
            yield (
                name,
                r.id,
                r.business,
                r.phone,
                LEAD[r.status].label,
                r.dial_attempts,
                r.dial_result,
                r.last_dial_attempt,
            )
        if len(rows) < size:
            return
        after = (rows[-1].dial_attempts, rows[-1].id)
        left = None if left is None else left - len(rows)
