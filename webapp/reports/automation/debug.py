"""Debug: every operation of a project's or a run's own log, with what an attempt failed of beside its line.

Secrets, message bodies and addresses of people are taken out as in every log that leaves the server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from webapp.core.db import atomic
from webapp.core.log import redact
from webapp.reports.automation.document import Column, Document, Fact, Row, Table
from webapp.reports.automation.scope import LEVELS, Scope

ON_PAGE = 50
CHUNK = 2_000
COLUMNS = (
    Column("id", "Line", "id", pdf=7, page=False, width=10), Column("at", "When", "moment", pdf=19, width=22),
    Column("level", "Level", "level", pdf=7, width=9), Column("operation", "Operation", pdf=23, width=26),
    Column("message", "Message", "long", pdf=25, width=60, below=True), Column("dealership", "Dealership", pdf=15, width=28),
    Column("attempt_id", "Attempt", "id", pdf=9, link="/attempts/{attempt_id}", width=10), Column("run_id", "Run", "id", pdf=0, link="/runs/{run_id}", width=8),
    Column("duration_ms", "Took", "ms", pdf=10, width=10), Column("metadata", "Metadata", "dict", pdf=38, width=70),
    Column("error_type", "Error", "error", pdf=0, width=22), Column("error_message", "Error message", "long", pdf=0, width=60, below=True),
    Column("error_stack_trace", "Stack trace", "trace", pdf=0, width=60, below=True), Column("page_url", "Page", "url", pdf=0, page=False, width=40),
    Column("screenshot", "Picture", "flag", pdf=0, page=False, width=9), Column("dealership_id", "Dealership ID", "id", pdf=0, page=False, width=12),
)  # fmt: skip
_PAGE = """
SELECT l.id, l.created_at, l.level, l.operation, l.message, l.run_id, l.attempt_id, l.dealership_id, l.duration_ms, l.metadata, d.name,
       t.error_type, t.error_message, t.error_stack_trace, coalesce(t.final_url, t.contact_url) AS page_url,
       t.screenshot_error_path IS NOT NULL OR t.screenshot_after_path IS NOT NULL AS screenshot
FROM run_log l LEFT JOIN dealerships d ON d.id = l.dealership_id AND d.company_id = l.company_id
LEFT JOIN automation_attempts t ON t.id = l.attempt_id AND t.company_id = l.company_id AND l.level IN ('warn', 'warning', 'error', 'critical')
WHERE {where} AND {place} ORDER BY l.id {order} LIMIT :size
"""
AT_LEAST = {
    "debug": "", "info": "l.level <> 'debug'", "warn": "l.level IN ('warn', 'warning', 'error', 'critical')",
    "error": "l.level IN ('error', 'critical')",
}  # fmt: skip


def _where(scope: Scope) -> str:
    parts = ["l.company_id = :company AND l.project_id = :project", *scope.bounds("l", "created_at")]
    if not scope.dry:
        parts.append("NOT EXISTS (SELECT FROM runs r WHERE r.id = l.run_id AND r.dry_run)")
    if AT_LEAST.get(scope.level):
        parts.append(AT_LEAST[scope.level])
    return " AND ".join(parts)


def cleaned(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as a log may carry them: one line each, and nobody's secrets, words or addresses."""
    return dict(redact(None, "info", dict(values)))


def _row(r: Any) -> Row:
    kept = cleaned(
        {"message": r.message, "metadata": r.metadata, "error_message": r.error_message, "page_url": r.page_url}
    )
    trace = cleaned({"stack": r.error_stack_trace})["stack"] if r.error_stack_trace else None
    return (
        r.id, r.created_at, "warn" if r.level == "warning" else r.level, r.operation, kept["message"], r.name, r.attempt_id, r.run_id,
        r.duration_ms, kept["metadata"] or None, r.error_type, kept["error_message"], trace, kept["page_url"],
        bool(r.screenshot) if r.attempt_id and r.error_type else None, r.dealership_id,
    )  # fmt: skip


@atomic
def _read(scope: Scope, place: str, order: str, size: int, **values: Any) -> list[Any]:
    return scope.rows(_PAGE.format(where=_where(scope), place=place, order=order), size=size, **values)


def log_pages(scope: Scope, size: int = CHUNK) -> Iterator[list[Row]]:
    """All lines in the order in which they were written."""
    last = 0
    while True:
        found = _read(scope, "l.id > :last", "ASC", size, last=last)
        if found:
            yield [_row(r) for r in found]
        if len(found) < size:
            return
        last = found[-1].id


def count_lines(scope: Scope) -> int:
    return int(scope.rows(f"SELECT count(*) AS n FROM run_log l WHERE {_where(scope)}")[0].n)


def get_debug(scope: Scope, place: str = "", size: int = ON_PAGE) -> tuple[Document, str | None]:
    """One page of the log, the newest line first, and where the next page begins."""
    before = int(place) if place.isascii() and place.isdecimal() and len(place) < 19 else 2**63 - 1
    found = _read(scope, "l.id < :before", "DESC", size + 1, before=before)
    following = str(found[size - 1].id) if len(found) > size else None
    return _document(scope, tuple(_row(r) for r in found[:size])), following


def whole_debug(scope: Scope) -> Document:
    """For files: no line is held."""
    return _document(scope, ())


def _document(scope: Scope, rows: tuple[Row, ...]) -> Document:
    counts = scope.rows(
        f"""SELECT count(*) AS lines, count(*) FILTER (WHERE {AT_LEAST["error"]}) AS errors, count(*) FILTER (WHERE l.level IN ('warn', 'warning'))
        AS warnings, count(DISTINCT l.run_id) AS runs, count(DISTINCT l.operation) AS operations FROM run_log l WHERE {_where(scope)}"""
    )[0]  # fmt: skip
    table = Table("log", "Operation log", COLUMNS, rows, pages=lambda: log_pages(scope), total=counts.lines,
                  empty="No operation is on record for this choice.")  # fmt: skip
    return scope.document(
        "debug", "Debug log",
        (
            Fact("lines", "Lines", counts.lines), Fact("errors", "Errors", counts.errors), Fact("warnings", "Warnings", counts.warnings),
            Fact("runs", "Runs", counts.runs), Fact("operations", "Kinds of operation", counts.operations),
        ),
        (table,),
        notes=("A line of an error carries what its attempt failed of. Secrets, message texts and addresses of people are taken out. Files "
               "hold every line in the order in which it was written; the page shows the newest first.",),
    )  # fmt: skip


__all__ = ["LEVELS", "get_debug", "log_pages", "whole_debug"]
