"""Bad files: name, content, file name, and what must become of it.

`refused`: the upload is refused with this text. `fault`: the mapping page says this. Otherwise a dict of
outcomes that the dry run must count; its numbers are all rows of the file.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

import xlsxwriter


def book(rows: list[list[Any]], *, name: str = "Sheet1") -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False}) as made:
        sheet = made.add_worksheet(name)
        for y, row in enumerate(rows):
            for x, cell in enumerate(row):
                sheet.write(y, x, cell)
    return out.getvalue()


def bomb() -> bytes:
    """A workbook of a few kB whose one sheet unpacks to 40 MB."""
    rows = b"".join(b'<row r="%d"><c r="A%d"><v>1</v></c></row>' % (n, n) for n in range(1, 2)) + b" " * (40 << 20)
    sheet = (
        b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    )
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(book([["Phone"], ["212-555-0101"]]))) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            body = old.read(entry.filename)
            new.writestr(
                entry.filename,
                sheet + rows + b"</sheetData></worksheet>" if entry.filename.endswith("sheet1.xml") else body,
            )
    return out.getvalue()


def far_cell() -> bytes:
    """Two cells that span seventeen billion."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as made:
        sheet = made.add_worksheet()
        sheet.write(0, 0, "Phone")
        sheet.write(1_048_575, 16_383, "x")
    return out.getvalue()


def plain_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("leads.csv", "Phone\n212-555-0101\n")
    return out.getvalue()


def rows(*lines: str) -> str:
    return "Phone,Name\n" + "".join(line + "\n" for line in lines)


_TWO = rows("212-555-0101,Ann", "212-555-0102,Bob")
CASES: list[tuple[str, bytes, str, dict[str, Any]]] = [
    (name, content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"), filename, want)
    for name, content, filename, want in (
        ("empty file", b"", "a.csv", {"refused": "The file is empty"}),
        ("white space alone", b"  \r\n \n", "a.csv", {"refused": "The file is empty"}),
        ("header alone", b"Phone,Name\n", "a.csv", {"fault": "no rows below it"}),
        ("a picture", b"\x89PNG\r\n\x1a\n" + b"x" * 50, "a.csv", {"refused": "a picture"}),
        ("a pdf named csv", b"%PDF-1.7 x", "leads.csv", {"refused": "a PDF"}),
        ("a web page", b"<!doctype html><html></html>", "leads.csv", {"refused": "a web page"}),
        ("a zip that is no workbook", plain_zip(), "a.xlsx", {"refused": "zip archive"}),
        ("a torn workbook", book([["Phone"], ["1"]])[:300], "a.xlsx", {"refused": "damaged"}),
        ("a zip bomb", bomb(), "a.xlsx", {"refused": "hundredfold"}),
        ("two cells far apart", far_cell(), "a.xlsx", {"fault": "more cells than can be read"}),
        ("a workbook named csv", book([["Phone", "Name"], ["212-555-0101", "Ann"]]), "leads.csv", {"new": 1}),
        ("a csv named xlsx", _TWO, "leads.xlsx", {"new": 2}),
        ("numbers as numbers", book([["Phone", "Name"], [2125550101, "Ann"], [12125550102, 7]]), "a.xlsx", {"new": 2}),
        ("20,000 columns", ",".join(f"c{n}" for n in range(20_000)) + "\n1\n", "a.csv", {"fault": "20,000 columns"}),
        ("600 columns in a sheet", book([[f"c{n}" for n in range(600)], ["1"]]), "a.xlsx", {"fault": "600 columns"}),
        (
            "an open quote",
            'Phone,Name\n212-555-0101,Ann\n212-555-0102,"Bob\n212-555-0103,Cay\n',
            "a.csv",
            {"fault": "Line 3: a quote is opened"},
        ),
        (
            "text after a quote",
            'Phone,Name\n212-555-0101,"Ann" Lee\n',
            "a.csv",
            {"fault": "text follows a closing quote"},
        ),
        ("a field of 200 kB", rows("212-555-0101," + "x" * 200_000), "a.csv", {"fault": "131,072"}),
        (
            "a cell of 40,000 characters",
            rows("212-555-0101," + "x" * 40_000, "212-555-0102,Bob"),
            "a.csv",
            {"new": 1, "invalid": 1},
        ),
        ("a NUL in a cell", rows("212-555-0101,An\x00n", "212-555-0102,Bob"), "a.csv", {"new": 1, "invalid": 1}),
        (
            "control characters",
            rows("212-555-0101,An\x07n", "212-555-0102,Bo\x1bb", "212-555-0103,C"),
            "a.csv",
            {"new": 1, "invalid": 2},
        ),
        (
            "a lone surrogate",
            rows("212-555-0101,An\ud800n", "212-555-0102,Bob"),
            "a.csv",
            {"new": 2},
        ),  # not UTF-8: read as cp1252
        (
            "NaN and errors",
            rows("NaN,Ann", "#REF!,Bob", "212-555-0103,Infinity", "212-555-0104,D"),
            "a.csv",
            {"new": 1, "invalid": 3},
        ),
        ("CR alone ends lines", _TWO.replace("\n", "\r"), "a.csv", {"new": 2}),
        ("CRLF", _TWO.replace("\n", "\r\n"), "a.csv", {"new": 2}),
        ("a BOM", b"\xef\xbb\xbf" + _TWO.encode(), "a.csv", {"new": 2}),
        ("UTF-16 with a BOM", _TWO.encode("utf-16"), "a.csv", {"new": 2}),
        ("UTF-16 without a BOM", _TWO.encode("utf-16-le"), "a.csv", {"new": 2}),
        ("Windows-1252", rows("212-555-0101,Zoë", "212-555-0102,François").encode("cp1252"), "a.csv", {"new": 2}),
        (
            "mixed encodings",
            rows("212-555-0101,Zoë").encode() + "212-555-0102,Zoë\n".encode("cp1252"),
            "a.csv",
            {"new": 2},
        ),
        ("semicolons", _TWO.replace(",", ";"), "a.csv", {"new": 2}),
        ("tabs", _TWO.replace(",", "\t"), "a.tsv", {"new": 2}),
        ("pipes", _TWO.replace(",", "|"), "a.txt", {"new": 2}),
        (
            "more cells than columns",
            rows("212-555-0101,Ann,extra", "212-555-0102,Bob,"),
            "a.csv",
            {"new": 1, "invalid": 1},
        ),
        ("fewer cells than columns", rows("212-555-0101", "212-555-0102,Bob"), "a.csv", {"new": 2}),
        (
            "blank lines inside",
            rows("212-555-0101,Ann", "", ",,", "212-555-0102,Bob", "", ""),
            "a.csv",
            {"new": 2, "missing": 2},
        ),
        (
            "right-to-left marks and emoji",
            rows("\u202a+1 212 555 0101\u202c,‏אנה", "212-555-0102,😀 Bob"),
            "a.csv",
            {"new": 2},
        ),
        ("a guarded formula", rows("'+1 212 555 0101,'=cmd()", "212-555-0102,=1+1"), "a.csv", {"new": 2}),
        (
            "dates beyond",
            "Phone,Seen\n212-555-0101,10000-01-01\n212-555-0102,0000-01-01\n212-555-0103,2026-02-30 12:00\n",
            "a.csv",
            {"new": 1, "invalid": 2},
        ),
        (
            "a number of 5,000 digits",
            rows("1" * 5000 + ",Ann", "9223372036854775808,Bob", "212-555-0101,Cay"),
            "a.csv",
            {"new": 1, "invalid": 2},
        ),
        ("same header twice", "Phone,Phone,Name\n212-555-0101,212-555-0102,Ann\n", "a.csv", {"new": 1}),
        ("no header", "212-555-0101,Ann\n212-555-0102,Bob\n", "a.csv", {"new": 2}),
        ("one column", "Phone\n212-555-0101\n\n212-555-0102\n", "a.csv", {"new": 2, "missing": 1}),
        ("a file name that hurts", _TWO, "..\\..\\<script>\u202e.csv", {"new": 2}),
    )
]
