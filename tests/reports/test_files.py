"""One report, five renderings: the page, CSV, Excel, JSON and PDF show the same numbers, whatever the names are."""

import csv
import io
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pypdfium2
import pypdfium2.raw as pdfium
import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from tests.factories import make_campaign, make_company, make_lead, make_list, make_user, sign_in
from tests.reports.conftest import fill
from tests.reports.pdf import text_of
from webapp.imports.cells import strip_guard
from webapp.reports import sheets
from webapp.reports.models import Export
from webapp.reports.pdf import OwnFiles, page_size, printable

RATIOS = {
    "Contact rate per dial": "21.4 %", "Contact rate per lead attempted": "42.9 %", "Attempted": "70.0 %",
    "Final, gross": "40.0 %", "Final, net": "33.3 %", "Saturation": "1.4",
}  # fmt: skip
STATUSES = {
    "New": 2,
    "Callback Scheduled": 1,
    "Sale": 1,
    "No Answer": 2,
    "Busy": 1,
    "Not Interested": 1,
    "Do Not Call": 1,
    "(none)": 1,
}


@pytest.fixture
def make(ana, worker, db):
    """Ask for a format of the list's report; gives the file's bytes."""

    def run(lead_list, format):
        answer = ana.post(
            "/exports", data={"list_id": lead_list.id, "format": format, "token": f"{lead_list.id}{format}"}
        )
        worker()
        export = db.session.scalars(sa.select(Export).order_by(Export.id.desc())).first()
        assert export.state == "done", export.message
        return ana.get(f"{answer.location}/download").data

    return run


def test_page_csv_excel_json_and_pdf_show_the_same_numbers(ana, ten, make):
    page = " ".join(ana.get(f"/lists/{ten.id}/status-report").text.split())
    lines = list(csv.DictReader(io.StringIO(make(ten, "csv").decode("utf-8-sig"))))
    book = CalamineWorkbook.from_filelike(io.BytesIO(make(ten, "xlsx")))
    data = json.loads(make(ten, "json"))
    text = text_of(make(ten, "pdf"))

    statuses = {line["label"]: int(line["value"]) for line in lines if line["section"] == "status"}
    sheet = book.get_sheet_by_name("Statuses").to_python()
    assert statuses == STATUSES
    assert {row[0]: row[1] for row in sheet[1:]} == STATUSES
    assert {row["label"]: row["leads"] for row in data["breakdown"]} == STATUSES
    summary = {row[0]: row[1] for row in book.get_sheet_by_name("Summary").to_python()}
    shares = {line["label"]: float(line["share"]) for line in lines if line["section"] == "ratio"}
    for label, shown in RATIOS.items():
        ratio = next(r for r in data["ratios"] if r["label"] == label)
        assert ratio["text"] == shown
        assert f'{label}</dt><dd><strong class="ratio-value">{shown}</strong>' in page
        assert f"{label} {shown} {ratio['part']} / {ratio['whole']} {ratio['formula']}" in text
        assert shares[label] == ratio["share"]
        assert summary[label] == (pytest.approx(ratio["share"], abs=1e-6) if ratio["percent"] else shown)
        assert ratio["formula"] in page
    for label, leads in STATUSES.items():
        assert f"{label} {leads} {leads * 10}.0 %" in text
    assert "Total leads 10" in text
    assert summary["Total leads"] == 10
    assert data["total_leads"] == 10


def test_json_of_the_page_is_the_export(ana, ten, make):
    page, file = ana.get(f"/lists/{ten.id}/status-report?format=json").json, json.loads(make(ten, "json"))

    for data in (page, file):
        data.pop("made_at")
    assert page == file


def test_the_pdf_has_title_language_tags_and_bookmarks(ten, make):
    with pypdfium2.PdfDocument(make(ten, "pdf")) as pdf:
        assert pdf.get_metadata_dict()["Title"] == "Status report: Delhi 80K"
        assert pdf.get_metadata_dict()["Author"] == "Northside Motors"
        assert pdfium.FPDFCatalog_IsTagged(pdf)
        assert re.search(rb"/Lang ?\(en\)", pdf_bytes(pdf))
        titles = [item.get_title() for item in pdf.get_toc()]
        assert titles[0] == "Delhi 80K"
        assert "Contact rate and penetration" in titles
        assert pdf.count_attachments() == 0
        assert pdf[0].get_size() == (612, 792)
        pages = len(pdf)
    assert f"1 / {pages}" in text_of(make(ten, "pdf"))


def pdf_bytes(pdf):
    out = io.BytesIO()
    pdf.save(out)
    return out.getvalue()


def test_paper_is_that_of_the_companys_country(db, worker, app):
    company = make_company(country="DE")
    client = sign_in(app.test_client(), make_user(company))
    lead_list = make_list(company)
    client.post("/exports", data={"list_id": lead_list.id, "format": "pdf", "token": "a"})
    worker()
    export = db.session.scalars(sa.select(Export)).one()
    with pypdfium2.PdfDocument(client.get(f"/exports/{export.id}/download").data) as pdf:
        assert [round(side) for side in pdf[0].get_size()] == [595, 842]
    assert (page_size("CA"), page_size("gb")) == ("letter", "A4")


@pytest.fixture
def canary():
    """A server nobody may call; it gives its address and the list of who did."""
    hits = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", hits
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_hostile_names_stay_text_and_nothing_is_fetched(company, make, canary, ana):
    address, hits = canary
    hostile = (
        f'<img src="{address}/a.png"><link rel=attachment href="file:///etc/passwd"><style>@import url({address}/b.css);</style>'
        f'<object data="{address}/c"></object>'
    )
    campaign = make_campaign(company, name=hostile + " campaign")
    lead_list = make_list(company, name=hostile, dial_campaign_id=campaign.id)
    for name in (hostile, "=1+1", "\u202eexe.fdp", "🦄 " * 50, "محمد علي", "x" * 5000):
        make_lead(lead_list, first_name=name, status="no_answer", dial_attempts=12)

    made = {format: make(lead_list, format) for format in ("pdf", "xlsx", "csv", "json")}
    page = ana.get(f"/lists/{lead_list.id}/status-report").text

    assert hits == []
    assert f"&lt;img src=&#34;{address}/a.png" in page
    text = text_of(made["pdf"])
    assert "<img src=" in text
    assert "root:" not in text
    with pypdfium2.PdfDocument(made["pdf"]) as pdf:
        assert pdf.count_attachments() == 0
    book = CalamineWorkbook.from_filelike(io.BytesIO(made["xlsx"]))
    names = [row[0] for row in book.get_sheet_by_name("10 dials and no answer").to_python()[1:]]
    assert "=1+1 Number" in " ".join(names)
    assert json.loads(made["json"])["list_name"] == hostile


def test_five_thousand_letters_and_a_formula_as_the_lists_name_harm_no_rendering(company, make, ana):
    for name in ("=cmd|'/c calc'!A0", "ש" * 5000, "a" * 5000, "👩‍👩‍👧 名前"):
        lead_list = make_list(company, name=name)
        fill(lead_list, [("no_answer", 12, 0)])
        assert ana.get(f"/lists/{lead_list.id}/status-report").status_code == 200
        for format in ("pdf", "xlsx", "csv"):
            assert make(lead_list, format)
    lines = list(csv.reader(io.StringIO(make(make_list(company, name="@SUM(A1)"), "csv").decode("utf-8-sig"))))
    assert lines[2][3] == "'@SUM(A1)"
    assert ana.get("/reports").status_code == 200
    assert ana.get("/exports").status_code == 200


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "https://example.com/x.css", "file:///etc/passwd", "static:../wsgi.py", "static:app.js",
                                 "static:nothing.css", "ftp://x/y", "FILE:///etc/passwd"])  # fmt: skip
def test_a_pdf_fetches_nothing_from_outside(url):
    with pytest.raises(ValueError, match=r"outside|no such file"):
        OwnFiles().fetch(url)


def test_a_pdf_may_use_our_own_styles_and_what_it_carries():
    assert b"@page" in OwnFiles().fetch("static:print/report-pdf.css").read()
    assert OwnFiles().fetch("data:text/plain,hello").read() == b"hello"


CELLS = (
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "＋1+1", "－1+1", "＠x", "=HYPERLINK(\"http://x\")",
    "-2+3+cmd|' /C calc'!A0", "+12125550100", "(212) 555-0100", "+1 (212) 555-0100", "-5", "007", "1e5", "Köln", "O'Neil", "a,b", 'a"b',
    "two\nlines", "محمد", "🦄", "", " ", "plain",
)  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_runs_nothing_and_comes_back_as_it_was(cell):
    out = io.StringIO()
    sheets.CsvFile(out, [sheets.Column("a")]).write([(cell,)])
    (_, (read,)) = list(csv.reader(io.StringIO(out.getvalue(), newline="")))

    assert strip_guard(read) == cell
    assert not sheets.neutralise(cell).lstrip(" ").startswith(("=", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    if cell.startswith("+1") and cell != "+1+1":
        assert read == cell


def test_a_sheet_that_is_full_goes_on_in_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "XLSX_ROWS", 10)
    with sheets.Book(str(tmp_path / "b.xlsx"), title="T", author="A", zone="UTC") as book:
        book.summary("T", [("Rows", 25)])
        assert book.sheet("Leads", [sheets.Column("N", "number")], ((n,) for n in range(25))) == 25

    read = CalamineWorkbook.from_path(tmp_path / "b.xlsx")
    assert read.sheet_names == ["Summary", "Leads", "Leads 2", "Leads 3"]
    assert [len(read.get_sheet_by_name(name).to_python()) - 1 for name in read.sheet_names[1:]] == [10, 10, 5]


def test_what_a_cell_or_a_page_cannot_hold_is_left_out():
    assert sheets.fit("a\x00b\x1fc" + "x" * 40_000) == "a b c" + "x" * (32_767 - 5)
    assert printable("a\x00\u202eb") == "ab"
