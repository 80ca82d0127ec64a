from __future__ import annotations

from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Any

from flask import Blueprint, Response, abort, jsonify, make_response, redirect, request, send_file, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires, role_at_least
from webapp.core.once import new_form_token
from webapp.core.storage import NoSuchFile, get_storage
from webapp.core.text import zone_info
from webapp.core.web import go, is_fragment, render, toast
from webapp.leads.filters import LeadFilter
from webapp.leads.models import LeadList
from webapp.leads.views.table import list_links
from webapp.reports import queries, service
from webapp.reports.builders import FORMAT_ICONS, FORMAT_LABELS, KINDS, MIMETYPES
from webapp.reports.forms import DataForm
from webapp.reports.status import get_status_report, report_data, sum_rows

bp = Blueprint("reports", __name__)


@bp.app_template_global()
def export_icon(format: str) -> str:
    return FORMAT_ICONS.get(format, "file")


@bp.get("/reports")
@requires("rep")
def index() -> Any:
    return _index(_data_form())


def _index(form: DataForm, status: int = 200) -> Response:
    page = max(1, min(request.args.get("page", 1, type=int), 10_000))
    q = request.args.get("q", "").replace("\x00", "").strip()[:100]
    rows, total = queries.list_rows(current_user.company_id, q, page)
    recent, _ = queries.list_exports(current_user, limit=5)
    return render(
        "reports/index.html", "lists", status, form=form, rows=rows, total=total, q=q, page=page, size=queries.PAGE, recent=recent,
        formats=FORMAT_LABELS, may_export=role_at_least(current_user.role, "manager"),
    )  # fmt: skip


def _data_form() -> DataForm:
    if request.method == "GET":
        f = LeadFilter.from_query(request.args.get("filter", ""))
        form = DataForm(formdata=None, token=new_form_token(), filter=f.without("sort").query_string())
    else:
        form = DataForm()
        form.list_id.data = form.list_id.data or ""
    form.list_id.choices = [
        ("", "All lists"),
        *((str(key), name) for key, name in queries.list_choices(current_user.company_id)),
    ]
    return form


# --- the status report ---------------------------------------------------------------------------------


@bp.get("/lists/<int:list_id>/status-report")
@requires("rep")
def status_report(list_id: int) -> Any:
    lead_list = get_owned_or_404(LeadList, list_id, current_user.company_id)
    report = get_status_report(current_user.company_id, lead_list.id)
    if request.args.get("format") == "json":
        return jsonify(report_data(report))
    return render(
        "reports/status_report.html",
        report=report,
        list=lead_list,
        links=list_links(lead_list),
        sums=sum_rows(report.breakdown),
        formats=("pdf", "xlsx", "csv"),
        labels=FORMAT_LABELS,
    )


# --- exports -----------------------------------------------------------------------------------------------


@bp.get("/exports")
@requires("rep")
def exports() -> Any:
    before = request.args.get("before", type=int)
    rows, following = queries.list_exports(current_user, before=before)
    return render("reports/exports.html", rows=rows, following=following, before=before, formats=FORMAT_LABELS)


@bp.post("/exports")
@requires("rep")
def create_status_export() -> Any:
    lead_list = get_owned_or_404(LeadList, request.form.get("list_id", 0, type=int), current_user.company_id)
    format = request.form.get("format", "")
    if format not in KINDS["status_report"].build:
        abort(422, "Choose PDF, Excel, CSV or JSON.")
    export = service.request_export(
        "status_report", format, by=current_user, params={"list_id": lead_list.id}, subject=lead_list.name,
        token=request.form.get("token", "")[:64],
    )  # fmt: skip
    return go(url_for("reports.export", export_id=export.id))


@bp.post("/exports/data")
@requires("manager")
def create_data_export() -> Any:
    form = _data_form()
    if not form.validate_on_submit():
        return _index(form, 422)
    kind, _, format = form.what.data.partition(":")
    params: dict[str, Any] = {}
    subject = "All lists"
    if form.list_id.data:
        lead_list = get_owned_or_404(LeadList, int(form.list_id.data), current_user.company_id)
        params["list_id"], subject = lead_list.id, lead_list.name
    if kind == "leads":
        named = params.pop("list_id", None)
        f = LeadFilter.from_query(f"list={named}" if named else form.filter.data or "")
        params["filter"] = f.query_string()
        subject = "Filtered" if f.active and not named else subject
    if kind == "calls":
        zone = zone_info(current_user.company.zone)
        for name, day, extra in (("since", form.since.data, 0), ("until", form.until.data, 1)):
            if day:
                start = datetime.combine(day + timedelta(days=extra), clock_time(), zone)
                params[name] = start.astimezone(UTC).isoformat()
    export = service.request_export(
        kind, format, by=current_user, params=params, subject=subject, token=(form.token.data or "")[:64]
    )
    return go(url_for("reports.export", export_id=export.id))


def _get_export(export_id: int) -> queries.ExportRow:
    row = queries.get_export(current_user, export_id)
    if row is None:
        abort(404)
    return row


@bp.get("/exports/<int:export_id>")
@requires("rep")
def export(export_id: int) -> Any:
    row = _get_export(export_id)
    if is_fragment() and request.args.get("v", type=int) == row.export.version:
        return "", 204
    return render("reports/export.html", "file", row=row, formats=FORMAT_LABELS, back=_back(row))


def _back(row: queries.ExportRow) -> str:
    """The page the file was asked for on."""
    list_id = row.export.params.get("list_id")
    if row.export.kind == "status_report" and list_id:
        return url_for("reports.status_report", list_id=list_id)
    if row.export.kind in ("outreach", "dialing"):
        return url_for(f"reports.{row.export.kind}", **row.export.params)
    if row.export.kind.startswith("automation_"):
        asked = {key: value for key, value in row.export.params.items() if not key.startswith("include_")}
        kind = row.export.kind.removeprefix("automation_")
        return url_for("reports.project_report", kind="debug" if kind == "package" else kind, **asked)
    return url_for("reports.index")


@bp.post("/exports/<int:export_id>/cancel")
@requires("rep")
def cancel(export_id: int) -> Any:
    row = _get_export(export_id)
    service.cancel_export(row.export, by=current_user)
    return (
        render("reports/export.html", "file", row=_get_export(export_id), formats=FORMAT_LABELS, back=_back(row))
        if is_fragment()
        else go(url_for("reports.export", export_id=export_id))
    )


@bp.post("/exports/<int:export_id>/again")
@requires("rep")
def again(export_id: int) -> Any:
    row = _get_export(export_id)
    made = service.ask_again(row.export, by=current_user, token=request.form.get("token", "")[:64])
    toast("Asked for again.")
    return go(url_for("reports.export", export_id=made.id))


@bp.get("/exports/<int:export_id>/download")
@requires("rep")
def download(export_id: int) -> Any:
    row = _get_export(export_id)
    export = row.export
    if row.expired:
        return _gone(row)
    if export.state != "done" or not export.storage_key:
        return redirect(url_for("reports.export", export_id=export.id), code=303)
    try:
        stream = get_storage().open(export.storage_key)
    except NoSuchFile:
        return _gone(row)
    service.note_download(export, by=current_user)
    answer = make_response(
        send_file(stream, mimetype=MIMETYPES[export.format], as_attachment=True, download_name=export.filename)
    )
    answer.headers["Content-Length"] = str(export.size)
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def _gone(row: queries.ExportRow) -> Response:
    return render("reports/gone.html", status=410, row=row)


from webapp.reports import dialing_views, outreach_views  # noqa: E402, F401  they add their routes to bp
from webapp.reports.automation import views as automation_views  # noqa: E402, F401
