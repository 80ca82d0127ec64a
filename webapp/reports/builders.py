"""What can be exported: one table from a kind to what writes its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from werkzeug.exceptions import NotFound

from webapp.accounts.models import Company
from webapp.core.db import atomic, db
from webapp.core.work import WorkError
from webapp.reports import data_files, dialing, dialing_files, outreach_files, status_files
from webapp.reports.automation import kinds as automation
from webapp.reports.models import Export
from webapp.reports.outreach import OutreachReport, get_outreach, read_filter, today_of
from webapp.reports.queries import who_asked
from webapp.reports.status import StatusReport, get_status_report

FORMAT_LABELS = {"pdf": "PDF", "xlsx": "Excel", "csv": "CSV", "json": "JSON", "zip": "Debug package"}
FORMAT_ICONS = {
    "pdf": "file-text",
    "xlsx": "file-spreadsheet",
    "csv": "file-spreadsheet",
    "json": "file",
    "zip": "archive",
}
MIMETYPES = {
    "pdf": "application/pdf", "csv": "text/csv", "json": "application/json", "zip": "application/zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip

Build = Callable[[Export, Path, data_files.Progress], int]


@dataclass(frozen=True, slots=True)
class Kind:
    """`role`: who may ask for it. `count`: the rows it will have, where that is known beforehand. `said`: more for the log."""

    name: str
    label: str
    role: str
    build: Mapping[str, Build]
    count: Callable[[Export], int | None] = lambda export: None
    said: Callable[[Export], dict[str, Any]] = lambda export: {}


def _list_id(export: Export) -> int | None:
    return int(export.params["list_id"]) if export.params.get("list_id") else None


@atomic
def _report(export: Export) -> StatusReport:
    try:
        return get_status_report(export.company_id, int(export.params["list_id"]))
    except NotFound:
        raise WorkError("The list is no longer there.") from None


def _status_pdf(export: Export, target: Path, progress: data_files.Progress) -> int:
    return status_files.write_report_pdf(_report(export), target, made_by=who_asked(export))


def _status_xlsx(export: Export, target: Path, progress: data_files.Progress) -> int:
    return status_files.write_xlsx(_report(export), target)


def _status_csv(export: Export, target: Path, progress: data_files.Progress) -> int:
    return status_files.write_csv(_report(export), target)


def _status_json(export: Export, target: Path, progress: data_files.Progress) -> int:
    return status_files.write_json(_report(export), target)


@atomic
def _outreach(export: Export) -> tuple[OutreachReport, str]:
    f, _notes = read_filter(export.params, today=today_of(export.company_id))
    return get_outreach(export.company_id, f), db.session.get_one(Company, export.company_id).country


def _outreach_pdf(export: Export, target: Path, progress: data_files.Progress) -> int:
    report, country = _outreach(export)
    return outreach_files.write_outreach_pdf(report, target, made_by=who_asked(export), country=country)


def _outreach_csv(export: Export, target: Path, progress: data_files.Progress) -> int:
    return outreach_files.write_csv(_outreach(export)[0], target)


@atomic
def _dialing(export: Export) -> tuple[dialing.DialingReport, str]:
    f, _notes = dialing.read_filter(export.params, today=today_of(export.company_id))
    return dialing.get_dialing(export.company_id, f), db.session.get_one(Company, export.company_id).country


def _dialing_pdf(export: Export, target: Path, progress: data_files.Progress) -> int:
    report, country = _dialing(export)
    return dialing_files.write_dialing_pdf(report, target, made_by=who_asked(export), country=country)


def _dialing_csv(export: Export, target: Path, progress: data_files.Progress) -> int:
    return dialing_files.write_csv(_dialing(export)[0], target)


def _list_name(export: Export) -> str:
    name = data_files.list_name(export.company_id, _list_id(export))
    if not name:
        raise WorkError("The list is no longer there.")
    return name


def _leads_csv(export: Export, target: Path, progress: data_files.Progress) -> int:
    return data_files.write_leads_csv(export, target, progress)


def _leads_xlsx(export: Export, target: Path, progress: data_files.Progress) -> int:
    company, facts = _about_leads(export)
    return data_files.write_book(
        target, "Leads", data_files.LEAD_COLUMNS, data_files.lead_pages(export), progress,
        title=export.title, company=company.name, zone=company.zone, facts=facts,
    )  # fmt: skip


@atomic
def _about_leads(export: Export) -> tuple[Company, list[tuple[str, Any]]]:
    company = db.session.get_one(Company, export.company_id)
    subject = export.title.partition(": ")[2]
    facts = [("Company", company.name), ("Leads of", subject), ("Filter", export.params.get("filter") or "none")]
    return company, [*facts, ("Number of leads", export.total), ("Made at", data_files.now())]


def _calls_csv(export: Export, target: Path, progress: data_files.Progress) -> int:
    _list_name(export)
    since, until = (
        datetime.fromisoformat(export.params[k]) if export.params.get(k) else None for k in ("since", "until")
    )
    pages = data_files.call_pages(export.company_id, _list_id(export), since, until)
    return data_files.write_csv(target, data_files.CALL_COLUMNS, pages, progress)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("status_report", "Status report", "rep",
             {"pdf": _status_pdf, "xlsx": _status_xlsx, "csv": _status_csv, "json": _status_json}),
        Kind("outreach", "Outreach", "rep", {"pdf": _outreach_pdf, "csv": _outreach_csv}),
        Kind("dialing", "Dialing", "rep", {"pdf": _dialing_pdf, "csv": _dialing_csv}),
        Kind("leads", "Leads", "manager", {"csv": _leads_csv, "xlsx": _leads_xlsx}, data_files.count_leads),
        Kind("calls", "Calls", "manager", {"csv": _calls_csv}),
        *(Kind(f"automation_{report.kind}", report.label, "rep", automation.builds(report), report.count, automation.said)
          for report in automation.REPORTS.values()),
        Kind(automation.PACKAGE, "Debug package", "manager", {"zip": automation.build_package}, automation.count_package, automation.said_of_package),
    )
}  # fmt: skip
