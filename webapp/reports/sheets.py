"""CSV and Excel as people's spreadsheets read them: typed, whole, and with no cell that runs as a formula.

A value is text, a whole number, a fraction (Excel shows it in percent, or as it is in a decimal column), a datetime, a date or None.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, Any

import xlsxwriter

from webapp.core.text import zone_info
from webapp.imports.cells import guard

BOM = "\ufeff"
XLSX_ROWS = 1_048_575  # below the head
XLSX_TEXT = 32_767
# A number or a phone may start with + or - and runs nothing.
HARMLESS = re.compile(r"^[+-]?\d[\d\s().,/x-]*$", re.ASCII)
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in characters; `kind`: text, number, percent, decimal, time, day."""

    label: str
    kind: str = "text"
    width: int = 16


def neutralise(text: str) -> str:
    """Text that a spreadsheet shows and never runs; an import of ours takes the apostrophe off again."""
    return text if HARMLESS.match(text) else guard(text)


def csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return neutralise(str(value).replace("\x00", ""))


class CsvFile:
    """Everything quoted but numbers, so that "007" and a line break survive."""

    def __init__(self, target: IO[str], columns: Sequence[Column]) -> None:
        target.write(BOM)
        self._writer = csv.writer(target, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
        self._writer.writerow([column.label for column in columns])

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        self._writer.writerows([csv_cell(value) for value in row] for row in rows)


class Book:
    """An Excel file written row by row in constant memory. Times are shown in `zone`, which their head names."""

    def __init__(self, path: str, *, title: str, author: str, zone: str) -> None:
        self._book = xlsxwriter.Workbook(
            path,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._book.set_properties({"title": fit(title), "author": fit(author), "comments": "Made by Rebound"})
        self._zone, self._zone_name = zone_info(zone), zone
        self._formats = {
            name: self._book.add_format(spec)
            for name, spec in {
                "head": {"bold": True, "bottom": 1, "bg_color": "#EAEEF2", "text_wrap": True, "valign": "top"},
                "title": {"bold": True, "font_size": 16}, "label": {"bold": True}, "note": {"font_color": "#57606A"},
                "text": {}, "number": {"num_format": "#,##0"}, "percent": {"num_format": "0.0%"},
                "decimal": {"num_format": "0.00"}, "time": {"num_format": "yyyy-mm-dd hh:mm"},
                "day": {"num_format": "yyyy-mm-dd"},
            }.items()
        }  # fmt: skip
        self._names: set[str] = set()

    def __enter__(self) -> Book:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._book.close()

    def summary(
        self, title: str, facts: Sequence[tuple[str, Any] | tuple[str, Any, str] | tuple[str, Any, str, str]]
    ) -> None:
        """The first sheet: name, value, perhaps a note, perhaps the value's kind a line; (name, None) alone is a heading."""
        sheet = self._book.add_worksheet(self._named("Summary"))
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 38)
        sheet.set_column(1, 1, 24)
        sheet.set_column(2, 2, 90)
        sheet.write_string(0, 0, fit(title), self._formats["title"])
        for index, fact in enumerate(facts, 2):
            label, value = fact[0], fact[1]
            sheet.write_string(index, 0, fit(label), self._formats["label"])
            self._write(sheet, index, 1, value, fact[3] if len(fact) > 3 else "")
            if len(fact) > 2:
                sheet.write_string(index, 2, fit(fact[2]), self._formats["note"])
        self._print(sheet)

    def sheet(self, name: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> int:
        """One sheet, or as many as the rows need; gives the number of rows."""
        total, row, sheet = 0, 0, self._open(name, columns)
        kinds = [column.kind for column in columns]
        for values in rows:
            if row == XLSX_ROWS:
                row, sheet = 0, self._open(name, columns)
            row += 1
            total += 1
            for index, value in enumerate(values):
                if value is not None and value != "":
                    self._write(sheet, row, index, value, kinds[index])
        if row:
            sheet.autofilter(0, 0, row, len(columns) - 1)
        return total

    def _open(self, name: str, columns: Sequence[Column]) -> Any:
        sheet = self._book.add_worksheet(self._named(name))
        sheet.freeze_panes(1, 1)
        for index, column in enumerate(columns):
            sheet.set_column(index, index, column.width)
        for index, column in enumerate(columns):
            label = f"{column.label} ({self._zone_name})" if column.kind == "time" else column.label
            sheet.write_string(0, index, label, self._formats["head"])
        sheet.repeat_rows(0)
        self._print(sheet)
        return sheet

    def _print(self, sheet: Any) -> None:
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&F&R&P / &N")

    def _named(self, name: str) -> str:
        """A name of at most 31 characters that no sheet has yet: "Leads", "Leads 2"."""
        base, number = re.sub(r"[\[\]:*?/\\']", " ", name)[:27], 1
        while (found := base if number == 1 else f"{base} {number}").casefold() in self._names:
            number += 1
        self._names.add(found.casefold())
        return found

    def _write(self, sheet: Any, row: int, column: int, value: Any, kind: str = "") -> None:
        if value is None or value == "":
            return
        if isinstance(value, str):
            sheet.write_string(row, column, fit(value))
        elif isinstance(value, bool):
            sheet.write_boolean(row, column, value)
        elif isinstance(value, int):
            sheet.write_number(row, column, value, self._formats["number"])
        elif isinstance(value, float):
            sheet.write_number(row, column, value, self._formats["decimal" if kind == "decimal" else "percent"])
        elif isinstance(value, datetime):
            sheet.write_datetime(row, column, value.astimezone(self._zone).replace(tzinfo=None), self._formats["time"])
        elif isinstance(value, date):
            sheet.write_datetime(row, column, datetime(value.year, value.month, value.day), self._formats["day"])  # noqa: DTZ001
        else:
            sheet.write_string(row, column, fit(str(value)))


def fit(text: str) -> str:
    """What an Excel cell can hold."""
    return (text if text.isprintable() else UNFIT.sub(" ", text))[:XLSX_TEXT]
