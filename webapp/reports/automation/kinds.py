"""The six reports by name, and how each becomes a page or a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from webapp.automation.models import Project
from webapp.core.access import find_owned
from webapp.core.db import atomic
from webapp.core.work import WorkError
from webapp.reports.automation import files
from webapp.reports.automation.compliance import get_compliance
from webapp.reports.automation.debug import count_lines, get_debug, whole_debug
from webapp.reports.automation.document import Document
from webapp.reports.automation.errors import get_errors
from webapp.reports.automation.package import count_rows, write_package
from webapp.reports.automation.performance import get_performance
from webapp.reports.automation.results import count_results, get_results, whole_results
from webapp.reports.automation.scope import Scope, read_scope
from webapp.reports.automation.summary import get_summary
from webapp.reports.models import Export
from webapp.reports.queries import who_asked

FORMATS = ("pdf", "xlsx", "csv", "json")
PACKAGE = "automation_package"
Page = Callable[[Scope, str], tuple[Document, str | None]]


def _no_count(export: Export) -> int | None:
    return None


@dataclass(frozen=True, slots=True)
class Report:
    """`page` takes the place where the page begins and gives that of the next; `whole` is for files; `count` the rows it streams."""

    kind: str
    label: str
    page: Page
    whole: Callable[[Scope], Document]
    count: Callable[[Export], int | None] = _no_count


def _one_page(get: Callable[[Scope], Document]) -> Page:
    return lambda scope, place: (get(scope), None)


@atomic
def scope_of(export: Export) -> Scope:
    """Raises WorkError when the project is gone."""
    project = find_owned(Project, int(export.params.get("project_id", 0)), export.company_id)
    if project is None:
        raise WorkError("The project is no longer there.")
    return read_scope(export.params, project)[0]


def _lines_of(export: Export) -> int:
    return count_lines(scope_of(export))


REPORTS: dict[str, Report] = {
    report.kind: report
    for report in (
        Report("summary", "Project summary", _one_page(get_summary), get_summary),
        Report("results", "Detailed results", get_results, whole_results, lambda export: count_results(scope_of(export))),
        Report("errors", "Error analysis", _one_page(get_errors), get_errors),
        Report("performance", "Performance", _one_page(get_performance), get_performance),
        Report("compliance", "Compliance", _one_page(get_compliance), get_compliance),
        Report("debug", "Debug log", get_debug, whole_debug, _lines_of),
    )
}  # fmt: skip
TABS = {
    "summary": "Summary",
    "results": "Results",
    "errors": "Errors",
    "performance": "Performance",
    "compliance": "Compliance",
    "debug": "Debug",
}


def builds(report: Report) -> dict[str, Callable[[Export, Path, files.Progress], int]]:
    return {format: partial(_build, report, format) for format in FORMATS}


def _build(report: Report, format: str, export: Export, target: Path, progress: files.Progress) -> int:
    document = atomic(report.whole)(scope_of(export))
    if format == "pdf":
        return files.write_pdf(document, target, who_asked(export))
    write = {"csv": files.write_csv, "xlsx": files.write_xlsx, "json": files.write_json}[format]
    return write(document, target, progress)


def _chosen(export: Export) -> dict[str, bool]:
    return {
        "logs": bool(export.params.get("include_logs", True)),
        "pictures": bool(export.params.get("include_screenshots", True)),
    }


def count_package(export: Export) -> int:
    return count_rows(scope_of(export), **_chosen(export))


def build_package(export: Export, target: Path, progress: files.Progress) -> int:
    scope = scope_of(export)
    documents = [atomic(REPORTS[kind].whole)(scope) for kind in ("summary", "errors", "performance", "compliance")]
    return write_package(scope, documents, target, progress, made_by=who_asked(export), **_chosen(export))


def said(export: Export) -> dict[str, Any]:
    """For the log line of asking."""
    scope = scope_of(export)
    return {"date_range": f"{scope.from_date or 'the first day'} to {scope.to_date or 'today'}"}


def said_of_package(export: Export) -> dict[str, Any]:
    chosen = _chosen(export)
    return said(export) | {
        "export_format": "debug_package", "include_logs": chosen["logs"], "include_screenshots": chosen["pictures"],
        "log_entries": _lines_of(export) if chosen["logs"] else 0,
    }  # fmt: skip
