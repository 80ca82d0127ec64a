"""An import's file as a table: its look (headers, first rows, guesses) and its rows."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from webapp.core.scratch import scratch_folder
from webapp.core.storage import get_storage
from webapp.imports import files
from webapp.imports.cells import storable, strip_guard
from webapp.imports.files import FileRefused
from webapp.imports.models import Import
from webapp.imports.tables import looks_like_header, unique_headers

PREVIEW_ROWS = 8
ODD_CELLS = 6
SHOWN = 80  # characters of a cell in the preview
READER = Path(__file__).with_name("sheet_reader.py")


def look(row: Import, *, wait: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """What the mapping page shows; `options` of the import override the guesses. Raises StorageError.

    A file that cannot be read gives `error` beside what was found out. A workbook is read by a process of
    its own; `wait` is called every few seconds meanwhile.
    """
    seen: dict[str, Any] = {"kind": row.preview.get("kind", "text")}
    try:
        _find_shape(row, seen, wait)
        _look_at_rows(row, seen)
    except FileRefused as refused:
        seen["error"] = str(refused)
    return seen


def _find_shape(row: Import, seen: dict[str, Any], wait: Callable[[], None]) -> None:
    with get_storage().open(row.storage_key) as stream:
        seen["kind"] = files.kind_of(stream)
        if seen["kind"] == "text":
            found = files.find_encoding(stream)
            seen |= {"encoding": row.options.get("encoding") or found.name, "sure": found.sure, "hint": found.hint}
            sample = files.read_sample(stream, seen["encoding"])
            seen["delimiter"] = row.options.get("delimiter") or files.find_delimiter(sample)
            return
    seen |= {"encoding": "utf-8", "delimiter": ",", "sure": True}
    _convert(row, row.options.get("sheet", ""), seen, wait)


def _look_at_rows(row: Import, seen: dict[str, Any]) -> None:
    rows = read_table(row, seen)
    first = next(rows, None)
    if first is None:
        raise FileRefused("The file has no rows.")
    number, cells = first
    given = row.options.get("has_header")
    header = given if given is not None else looks_like_header(cells)
    seen["has_header"], seen["header_line"] = header, number if header else number - 1
    some = list(islice(rows, 500))
    if header and not some:
        raise FileRefused("The file has a header and no rows below it.")
    if not header:
        some.insert(0, first)
    width = len(cells) if header else max(len(row_cells) for _, row_cells in some)
    cells = [strip_guard(cell.strip().strip("\ufeff")) for cell in cells] if header else [""] * width
    names = [_shown(name) for name in unique_headers(cells)]
    seen["headers"] = names
    seen["rows"] = [[line, [_shown(cell) for cell in row_cells[:width]]] for line, row_cells in some[:PREVIEW_ROWS]]
    seen["odd"] = _odd_cells(some, names)


def _shown(cell: str) -> str:
    text = "".join(char if char.isprintable() or char in "\t\n" else "\ufffd" for char in storable(cell)).strip()
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _odd_cells(rows: list[tuple[int, list[str]]], names: list[str]) -> list[list[Any]]:
    """The first cells beyond ASCII: whoever sees them knows whether the encoding is right."""
    odd = (
        [line, names[index], _shown(cell)]
        for line, cells in rows
        for index, cell in enumerate(cells[: len(names)])
        if not cell.isascii()
    )
    return list(islice(odd, ODD_CELLS))


def read_table(row: Import, seen: dict[str, Any]) -> Iterator[tuple[int, list[str]]]:
    """All records with their line number, the header among them."""
    stream = get_storage().open(seen.get("table_key") or row.storage_key)
    return files.read_rows(stream, seen["encoding"], seen["delimiter"])


def read_data(row: Import) -> Iterator[tuple[int, list[str]]]:
    """The records below the header."""
    skip = row.preview["header_line"]
    return (pair for pair in read_table(row, row.preview) if pair[0] > skip)


def _convert(row: Import, sheet: str, seen: dict[str, Any], wait: Callable[[], None]) -> None:
    """Store the chosen sheet as CSV under `table_key`."""
    storage = get_storage()
    with scratch_folder("sheet") as folder:
        book, table = folder / "book", folder / "table.csv"
        with storage.open(row.storage_key) as source, book.open("wb") as target:
            shutil.copyfileobj(source, target, 1024 * 1024)
        answer = _run_reader(book, table, sheet, wait)
        seen |= {name: answer[name] for name in ("sheets", "sheet") if name in answer}
        if "error" in answer:
            raise FileRefused(answer["error"])
        with table.open("rb") as result:
            seen["table_key"] = storage.save(result, suffix=".csv").key


def _run_reader(book: Path, table: Path, sheet: str, wait: Callable[[], None]) -> dict[str, Any]:
    process = subprocess.Popen(
        [sys.executable, str(READER), str(book), str(table), sheet], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                out, _ = process.communicate(timeout=5)
                break
            except subprocess.TimeoutExpired:
                wait()
    except BaseException:
        process.kill()
        process.communicate()
        raise
    if process.returncode != 0:
        raise FileRefused("This sheet claims more cells than can be read. Send it as CSV, or delete its empty cells.")
    answer: dict[str, Any] = json.loads(out)
    return answer
