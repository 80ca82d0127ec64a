"""A report as CSV, Excel, JSON and PDF. Each draws the Document it is given and computes nothing; a long table goes through by its pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from webapp.core.text import exact
from webapp.core.work import WorkError
from webapp.reports.automation.document import Column, Document, Row, Table
from webapp.reports.sheets import Book, CsvFile
from webapp.reports.sheets import Column as SheetColumn

Progress = Callable[[int], None]
PDF_ROWS = 2_000  # of the whole document: a row costs 12 ms and 150 kB
CHARTED_ROWS = 62  # of a table that a chart shows already
LANDSCAPE = ("results", "debug")
TYPES = {"number": "number", "ms": "number", "percent": "decimal", "decimal": "decimal", "seconds": "decimal", "duration": "decimal",
         "id": "number", "time": "time", "moment": "time", "day": "day"}  # fmt: skip


def _cell(value: Any) -> Any:
    """What a spreadsheet's cell takes."""
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


def _rows(table: Table, progress: Progress) -> Iterator[Row]:
    for batch in table.batches():
        yield from batch
        if table.pages is not None:
            progress(len(batch))


# --- CSV ----------------------------------------------------------------------------------------------------------------


def write_csv(document: Document, target: Path, progress: Progress) -> int:
    """A long table as it is; otherwise one file of all tables, whose rows name theirs and leave the others' columns empty."""
    long = document.streamed
    with target.open("w", encoding="utf-8", newline="") as file:
        return _write_table(long, file, progress) if long is not None else _write_all(document, file)


def _write_table(table: Table, file: IO[str], progress: Progress) -> int:
    columns = table.in_files()
    sheet = CsvFile(file, [SheetColumn(column.key) for _, column in columns])
    total = 0
    for batch in table.batches():
        sheet.write([_cell(row[index]) for index, _ in columns] for row in batch)
        total += len(batch)
        progress(len(batch))
    return total


def _write_all(document: Document, file: IO[str]) -> int:
    keys = dict.fromkeys(column.key for table in document.tables for _, column in table.in_files())
    sheet = CsvFile(file, [SheetColumn(name) for name in ("section", "name", "value", *keys)])
    empty = (None,) * len(keys)
    lines: list[tuple[Any, ...]] = [("project", name, value, *empty) for name, value in _about(document)]
    lines += [("total", fact.key, fact.value, *empty) for fact in document.totals]
    for table in document.tables:
        columns = table.in_files()
        for row in table.rows:
            values = {column.key: _cell(row[index]) for index, column in columns}
            lines.append((table.key, None, None, *(values.get(key) for key in keys)))
    lines += [("advice", advice.kind, advice.text, *empty) for advice in document.advice]
    sheet.write(lines)
    return len(lines)


def _about(document: Document) -> list[tuple[str, Any]]:
    return [
        ("Company", document.company),
        ("Project", document.project),
        *document.facts,
        ("Time zone", document.zone),
        ("Made at", document.made_at),
    ]


# --- Excel ----------------------------------------------------------------------------------------------------------------


def write_xlsx(document: Document, target: Path, progress: Progress) -> int:
    total = 0
    with Book(str(target), title=document.title, author=document.company, zone=document.zone) as book:
        facts: list[Any] = [*_about(document), ("", None)]
        facts += [(fact.label + _unit(fact.kind), _cell(fact.value), fact.hint, "decimal") for fact in document.totals]
        facts += [
            ("", None),
            *((f"{n}. {advice.action or 'Note'}", None, advice.text) for n, advice in enumerate(document.advice, 1)),
        ]
        facts += [("How it is counted", None, note) for note in document.notes]
        book.summary(document.title, facts)
        for table in document.tables:
            columns = table.in_files()
            sheet = [
                SheetColumn(column.label + _unit(column.kind), TYPES.get(column.kind, "text"), column.width)
                for _, column in columns
            ]
            total += book.sheet(table.title, sheet, (_typed(row, columns) for row in _rows(table, progress)))
    return total


def _unit(kind: str) -> str:
    return {"percent": ", %", "seconds": ", s", "duration": ", s", "ms": ", ms"}.get(kind, "")


def _typed(row: Row, columns: list[tuple[int, Column]]) -> list[Any]:
    found = []
    for index, column in columns:
        value = _cell(row[index])
        decimal = TYPES.get(column.kind) == "decimal" and isinstance(value, int) and not isinstance(value, bool)
        found.append(float(value) if decimal else value)
    return found


# --- JSON ----------------------------------------------------------------------------------------------------------------


def head_data(document: Document) -> dict[str, Any]:
    return {
        "report": document.kind, "title": document.title, "company": document.company, "made_at": document.made_at, "zone": document.zone,
        "project": {"id": document.project_id, "name": document.project}, "filter": dict(document.params),
        "totals": {fact.key: fact.value for fact in document.totals},
        "advice": [{"kind": advice.kind, "text": advice.text} for advice in document.advice], "notes": list(document.notes),
    }  # fmt: skip


def write_json(document: Document, target: Path, progress: Progress) -> int:
    """One object: the head, and below "tables" each table as a list of objects, written row by row."""
    total = 0
    with target.open("w", encoding="utf-8") as file:
        head = json.dumps(head_data(document), ensure_ascii=False, indent=1, default=plain)
        file.write(head.rstrip().removesuffix("}").rstrip() + ',\n "tables": {')
        for number, table in enumerate(document.tables):
            file.write(("," if number else "") + f"\n  {json.dumps(table.key)}: [")
            columns = table.in_files()
            for n, row in enumerate(_rows(table, progress)):
                values = {column.key: row[index] for index, column in columns}
                file.write(("," if n else "") + "\n   " + json.dumps(values, ensure_ascii=False, default=plain))
                total += 1
            file.write("\n  ]")
        file.write("\n }\n}\n")
    return total


def plain(value: Any) -> Any:
    """For JSON: times in UTC as ISO 8601."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a report")


# --- PDF ----------------------------------------------------------------------------------------------------------------


def write_pdf(document: Document, target: Path, made_by: str) -> int:
    """At most PDF_ROWS rows in all; a table that is cut says so and names the spreadsheet."""
    try:
        from webapp.reports import pdf
    except OSError as error:  # the rest of the program runs without the libraries that WeasyPrint loads
        raise WorkError(
            "PDFs need Pango, which is missing on the server; its operator finds it in docs/operations.md."
        ) from error
    parts, left = [], PDF_ROWS
    for table in document.tables:
        rows = [] if table.chart is not None and table.count > CHARTED_ROWS else _first(table, left)
        left -= len(rows)
        parts.append((table, rows))
    pdf.write_pdf(
        target, "pdf/automation.html", document=document, parts=parts, made_by=made_by, made_at=exact(document.made_at, document.zone),
        size=pdf.page_size(document.country) + (" landscape" if document.kind in LANDSCAPE else ""), rows_at_most=PDF_ROWS,
    )  # fmt: skip
    return PDF_ROWS - left


def _first(table: Table, most: int) -> list[Row]:
    found: list[Row] = []
    for batch in table.batches():
        found += batch[: most - len(found)]
        if len(found) >= most:
            break
    return found
