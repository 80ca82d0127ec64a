"""Turns one sheet of a workbook into CSV, in a process of its own with limits on memory and time.

`python sheet_reader.py BOOK OUT [SHEET]` prints {"sheets", "sheet", "rows"} or {"error"} as JSON. It imports
nothing of ours, so it starts at once; a sheet that claims a billion cells ends this process, not the worker.
"""

from __future__ import annotations

import csv
import json
import math
import resource
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path

MEMORY = 3 << 30  # bytes of address space
SECONDS = 300  # of processor time
MAX_COLUMNS = 500
MAX_ROWS = 1_048_576


def text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
            return str(int(value))
        return repr(value) if math.isfinite(value) else "NaN"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(int(value.total_seconds()))
    return str(value)


def convert(book_path: str, out_path: str, wanted: str) -> dict[str, object]:
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_path(book_path)
    names = list(book.sheet_names)
    if not names:
        return {"error": "The workbook has no sheet."}
    name = wanted if wanted in names else names[0]
    sheet = book.get_sheet_by_name(name)
    end = sheet.end
    if end is None:
        return {"error": f"The sheet {name} is empty. Choose another.", "sheets": names, "sheet": name}
    if end[1] + 1 > MAX_COLUMNS:
        return {
            "error": f"The sheet {name} has {end[1] + 1:,} columns; {MAX_COLUMNS} is the limit.",
            "sheets": names,
            "sheet": name,
        }
    if end[0] + 1 > MAX_ROWS:
        return {"error": f"The sheet {name} has more than {MAX_ROWS:,} rows.", "sheets": names, "sheet": name}
    rows = 0
    first_row, first_column = sheet.start or (0, 0)
    lead = [""] * first_column
    with Path(out_path).open("w", encoding="utf-8", errors="surrogatepass", newline="") as out:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL)
        writer.writerows([""] for _ in range(first_row))
        for row in sheet.iter_rows():
            writer.writerow(lead + [text_of(value) for value in row])
            rows += 1
    return {"sheets": names, "sheet": name, "rows": rows}


def main(arguments: list[str]) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    from python_calamine import CalamineError, PasswordError

    try:
        answer = convert(arguments[0], arguments[1], arguments[2] if len(arguments) > 2 else "")
    except PasswordError:
        answer = {"error": "This workbook is protected by a password. Save it without one."}
    except MemoryError:
        answer = {"error": "This sheet is too large to read. Send it as CSV."}
    except (CalamineError, OSError, ValueError) as error:
        answer = {"error": f"This workbook cannot be read: {str(error)[:200] or type(error).__name__}."}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
