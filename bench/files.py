"""Files: the Excel export beside bare XlsxWriter, the status report's PDF beside bare WeasyPrint of the same HTML."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
import xlsxwriter
from weasyprint import HTML

from bench.clock import Job, timed
from bench.world import Seeded, World
from webapp.reports import pdf
from webapp.reports.builders import KINDS
from webapp.reports.models import Export
from webapp.reports.status import get_status_report
from webapp.reports.status_files import write_report_pdf

EXCEL_ROWS = 100_000


def run(world: World, source: Seeded) -> Iterator[Job]:
    rows = min(EXCEL_ROWS, source.leads)
    with tempfile.TemporaryDirectory() as folder, world.clone(source) as name, world.in_app(name) as session:
        session.execute(sa.text("UPDATE leads SET list_id = :other WHERE id > (SELECT min(id) + :n - 1 FROM leads)"),
                        {"other": _other_list(session, source), "n": rows})  # fmt: skip
        session.commit()
        book = Path(folder) / "book.xlsx"
        export = Export(
            company_id=source.company_id, kind="leads", format="xlsx", title="", params={"list_id": source.list_id}
        )

        def ours() -> float:
            return timed(lambda: KINDS["leads"].build["xlsx"](export, book, lambda *a, **k: None))

        def floor() -> float:
            # The same cells as ours, so that what is compared is the way and not the file.
            query = sa.text("SELECT id, first_name, last_name, business, title, phone, extension, email, website, city, state, postal_code,"
                            " country, zone, status, dial_attempts, answered_count, dial_result, last_dial_attempt::timestamp,"
                            " last_contacted_at::timestamp, source, array_to_string(tags, ', ') FROM leads WHERE list_id = :l")  # fmt: skip

            def write() -> None:
                options = {
                    "constant_memory": True,
                    "strings_to_formulas": False,
                    "default_date_format": "yyyy-mm-dd hh:mm",
                }
                with xlsxwriter.Workbook(str(book), options) as made:
                    sheet = made.add_worksheet()
                    for number, row in enumerate(session.execute(query, {"l": source.list_id}).yield_per(5000)):
                        sheet.write_row(number, 0, row)

            return timed(write)

        yield Job("Excel export", "1.2 x XlsxWriter", rows=rows, size=f"{rows:,}").run(ours, floor)

        report = get_status_report(source.company_id, source.list_id)
        kept: dict[str, str] = {}
        real = HTML.__init__

        def spy(self: HTML, *args: object, **kwargs: object) -> None:
            kept.setdefault("html", str(kwargs.get("string", "")))
            real(self, *args, **kwargs)

        HTML.__init__ = spy  # type: ignore[method-assign]
        try:
            write_report_pdf(report, Path(folder) / "report.pdf", made_by="Bench")
        finally:
            HTML.__init__ = real  # type: ignore[method-assign]
        assert kept["html"], pdf.__name__
        yield Job("status report, query", "page < 200 ms", size=f"{source.leads:,}").run(
            lambda: timed(lambda: get_status_report(source.company_id, source.list_id)), None
        )
        yield Job("status report, PDF", "1.2 x WeasyPrint", size="1 report").run(
            lambda: timed(lambda: write_report_pdf(report, Path(folder) / "report.pdf", made_by="Bench")),
            lambda: timed(
                lambda: HTML(string=kept["html"], url_fetcher=pdf.OwnFiles(), base_url="static:").write_pdf(
                    str(Path(folder) / "bare.pdf"), pdf_variant="pdf/ua-1"
                )
            ),
        )


def _other_list(session: object, source: Seeded) -> int:
    made: int = session.execute(  # type: ignore[attr-defined]
        sa.text("INSERT INTO lead_lists (company_id, name) VALUES (:c, 'Rest') RETURNING id"), {"c": source.company_id}
    ).scalar_one()
    return made
