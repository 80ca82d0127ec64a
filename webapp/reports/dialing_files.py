"""The dialing report as files: what `dialing.get_dialing` found, and nothing computed anew."""

from __future__ import annotations

from pathlib import Path

from webapp.core.text import exact
from webapp.core.work import WorkError
from webapp.reports.dialing import SHOWN, DialingReport, csv_lines
from webapp.reports.outreach import WEEKDAYS
from webapp.reports.sheets import Column, CsvFile

COLUMNS = (
    Column("section"), Column("key"), Column("label"), Column("dials"), Column("contacts"), Column("contact_rate_percent"),
    Column("talk_seconds"), Column("mean_talk_seconds"), Column("sales"), Column("callbacks"), Column("qualified"),
    Column("leads"), Column("of_leads"), Column("share_percent"), Column("note"),
)  # fmt: skip


def write_csv(report: DialingReport, target: Path) -> int:
    rows = list(csv_lines(report))
    with target.open("w", encoding="utf-8", newline="") as file:
        CsvFile(file, COLUMNS).write(rows)
    return len(rows)


def write_dialing_pdf(report: DialingReport, target: Path, *, made_by: str, country: str) -> int:
    try:
        from webapp.reports.pdf import page_size, write_pdf
    except OSError as error:  # the rest of the program runs without the libraries that WeasyPrint loads
        raise WorkError(
            "PDFs need Pango, which is missing on the server; its operator finds it in docs/operations.md."
        ) from error
    write_pdf(
        target, "pdf/dialing.html", report=report, made_by=made_by, made_at=exact(report.made_at, report.zone),
        size=page_size(country), zone=report.zone, weekdays=WEEKDAYS, shown=SHOWN,
    )  # fmt: skip
    return len(report.agents) + len(report.campaigns)
