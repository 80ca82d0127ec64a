"""Pages of imports. Everybody sees the history; managers import."""

from __future__ import annotations

import tempfile
from datetime import datetime
from itertools import islice
from typing import Any

from flask import Blueprint, Response, abort, current_app, request, send_file, url_for
from flask_login import current_user
from werkzeug.datastructures import CombinedMultiDict
from werkzeug.wrappers import Response as AnyResponse

from webapp.accounts.models import User
from webapp.accounts.places import zone_choices
from webapp.core.access import get_owned_or_404, requires
from webapp.core.storage import NoSuchFile, StorageError
from webapp.core.web import go, render, toast
from webapp.imports import call_rules, queries, results, service
from webapp.imports.cells import Refused
from webapp.imports.files import DELIMITERS, ENCODINGS, FileRefused
from webapp.imports.forms import MappingForm, ReadingForm, UploadForm
from webapp.imports.models import Import
from webapp.imports.service import CannotDo
from webapp.imports.tables import FIELDS, custom_key

bp = Blueprint("imports", __name__, url_prefix="/imports")
MIB = 1024 * 1024


@bp.url_value_preprocessor
def _allow_large_files(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Only the upload, and only of somebody signed in, may be larger than a form. Runs before the body is read."""
    if endpoint == "imports.new" and request.method == "POST" and current_user.is_authenticated:
        request.max_content_length = current_app.config["SETTINGS"].max_upload_mb * MIB + MIB


def _me() -> User:
    return current_user._get_current_object()


def _get(import_id: int) -> Import:
    return get_owned_or_404(Import, import_id, current_user.company_id)


@bp.get("")
@requires("rep")
def index() -> Response:
    before = request.args.get("before", type=int)
    entries, older = queries.list_imports(
        current_user.company_id, before=before if before and 0 < before < 2**63 else None
    )
    moving = [entry.work for entry in entries if not entry.work.is_resting]
    version = sum(entry.work.version for entry in entries)
    if moving and request.args.get("v", type=int) == version:
        return Response(status=204)
    return render(
        "imports/index.html", "table", entries=entries, older=older, before=before, moving=moving, version=version,
        total=queries.count_imports(current_user.company_id), stage_of=results.stage_of, kinds=results.KINDS,
        refused_count=results.refused_count,
    )  # fmt: skip


@bp.route("/new", methods=["GET", "POST"])
@requires("manager")
def new() -> AnyResponse:
    company = _me().company
    if request.method == "GET":
        given = {"kind": request.args.get("kind", "leads"), "list_id": request.args.get("list", "")}
        return _upload_page(UploadForm(company=company, **given))
    form = UploadForm(CombinedMultiDict([request.form, request.files]), company=company)
    if not form.validate():
        return _upload_page(form, 422)
    upload = form.file.data
    try:
        stored, kind = service.keep_file(upload.stream, upload.filename)
    except (FileRefused, StorageError) as refused:
        form.file.errors = [str(refused)]
        return _upload_page(form, 422)
    list_id = int(form.list_id.data) if form.list_id.data and not form.is_calls else None
    wanted = service.Wanted(form.kind.data, list_id, form.options())
    row = service.take_in(
        stored, kind, upload.filename, wanted, token=request.form.get("form_token", "")[:100], by=_me()
    )
    return go(url_for(".show", import_id=row.id))


def _upload_page(form: UploadForm, status: int = 200) -> Response:
    limit = current_app.config["SETTINGS"].max_upload_mb
    return render("imports/new.html", status=status, form=form, max_upload_mb=limit)


@bp.get("/<int:import_id>")
@requires("rep")
def show(import_id: int) -> Response:
    row = _get(import_id)
    return _page(row, remap=row.stage == "checked" and request.args.get("map") == "1")


def _page(row: Import, *, status: int = 200, mapping: MappingForm | None = None, reading_form: ReadingForm | None = None,
          remap: bool = False) -> Response:  # fmt: skip
    phase = _phase(row, remap=remap or mapping is not None or reading_form is not None)
    context: dict[str, Any] = {"work": row, "phase": phase, "list_name": queries.get_list_name(row.list_id)}
    if phase == "mapping":
        context |= _mapping_context(row, mapping) | {"reading": reading_form or ReadingForm(preview=row.preview)}
    elif phase in ("checked", "imported", "undone", "stopped"):
        counts = (row.checked if phase == "checked" else row.result).get("counts", {})
        context |= {
            "parts": results.breakdown(row, counts, done=phase != "checked"), "sum": sum(counts.values()), "counts": counts,
            "samples": row.checked.get("samples", {}) if phase == "checked" else {}, "refused": results.refused_count(row),
            "can_undo": service.can_undo(row), "undo": row.result.get("undo"),
        }  # fmt: skip
    return render(
        "imports/show.html",
        status=status,
        stage_of=results.stage_of,
        encodings=ENCODINGS,
        delimiters=DELIMITERS,
        **context,
    )


def _phase(row: Import, *, remap: bool) -> str:
    if not row.is_resting:
        return "working"
    if row.job in ("import_run", "call_import", "import_undo"):
        return row.stage if row.state == "done" else "stopped"
    if row.stage == "checked" and not remap and row.state == "done":
        return "checked"
    return "mapping"


def _mapping_context(row: Import, form: MappingForm | None) -> dict[str, Any]:
    headers: list[str] = row.preview.get("headers", [])
    rows: list[tuple[int, list[str]]] = row.preview.get("rows", [])
    chosen = form.columns if form else row.columns
    columns = [
        {"index": i, "header": header, "field": chosen.get(str(i), ""), "custom": f"custom:{custom_key(header)}",
         "examples": [cells[i] for _, cells in rows if i < len(cells) and cells[i]][:3]}
        for i, header in enumerate(headers)
    ]  # fmt: skip
    keep_as = form.keep_as if form else row.options.get("mapping", "")
    context = {"columns": columns, "header_columns": [{"label": header} for header in headers], "fields": FIELDS[row.kind], "errors": form.errors if form else [], "keep_as": keep_as,
               "kept": queries.list_mappings(row.company_id, row.kind)}  # fmt: skip
    if row.kind == "calls" and headers:
        context |= _times_context(row, chosen)
    return context


def _times_context(row: Import, chosen: dict[str, str]) -> dict[str, Any]:
    """How the file's times will be read, shown on its first rows."""
    company = _me().company
    found, sure = call_rules.order_hint(
        [cells for _, cells in row.preview["rows"]], chosen, row.options.get("country", "")
    )
    order, zone = row.options.get("order") or found, row.options.get("zone") or company.zone
    plan = call_rules.CallPlan((), row.options.get("country", ""), zone, order)
    column = next((int(i) for i, field in chosen.items() if field == "started_at"), None)
    read: list[tuple[int, str, datetime | None, str]] = []
    for line, cells in islice(row.preview["rows"], 4):
        if column is not None and column < len(cells) and cells[column]:
            try:
                read.append((line, cells[column], call_rules.parse_time(cells[column], plan, "started"), ""))
            except Refused as refused:
                read.append((line, cells[column], None, refused.reason))
    return {
        "orders": call_rules.ORDERS,
        "order": order,
        "order_sure": sure,
        "zone": zone,
        "zones": zone_choices(),
        "times": read,
    }


@bp.get("/<int:import_id>/progress")
@requires("rep")
def progress(import_id: int) -> AnyResponse:
    row = _get(import_id)
    if row.is_resting:
        return go(url_for(".show", import_id=row.id))
    if request.args.get("v", type=int) == row.version:
        return Response(status=204)
    return render("imports/_progress.html", work=row)


@bp.post("/<int:import_id>/reading")
@requires("manager")
def read_again(import_id: int) -> AnyResponse:
    row = _get(import_id)
    form = ReadingForm(request.form, preview=row.preview)
    if not form.validate():
        return _page(row, status=422, reading_form=form)
    return _do(row, lambda: service.read_again(row, form.changes(), by=_me()))


@bp.post("/<int:import_id>/mapping")
@requires("manager")
def map_columns(import_id: int) -> AnyResponse:
    row = _get(import_id)
    form = MappingForm(
        request.form,
        headers=row.preview.get("headers", []),
        kind=row.kind,
        without_phone=bool(row.options.get("without_phone")),
    )
    options: dict[str, Any] = {}
    if row.kind == "calls":
        zones = {name for group in zone_choices().values() for name in group}
        options = {"zone": request.form.get("zone", ""), "order": request.form.get("order", "")}
        if options["zone"] not in zones or options["order"] not in call_rules.ORDERS:
            form.errors.append("Choose the time zone and the order of dates.")
    if form.errors:
        return _page(row, status=422, mapping=form)
    return _do(row, lambda: service.map_columns(row, form.columns, keep_as=form.keep_as, options=options, by=_me()))


@bp.post("/<int:import_id>/confirmation")
@requires("manager")
def confirm(import_id: int) -> AnyResponse:
    row = _get(import_id)
    return _do(row, lambda: service.confirm(row, by=_me()))


@bp.post("/<int:import_id>/cancellation")
@requires("manager")
def cancel(import_id: int) -> AnyResponse:
    row = _get(import_id)
    return _do(row, lambda: service.cancel(row, by=_me()))


@bp.post("/<int:import_id>/continuation")
@requires("manager")
def go_on(import_id: int) -> AnyResponse:
    row = _get(import_id)
    return _do(row, lambda: service.go_on(row, by=_me()))


@bp.post("/<int:import_id>/undo")
@requires("manager")
def undo(import_id: int) -> AnyResponse:
    row = _get(import_id)
    return _do(row, lambda: service.request_undo(row, by=_me()))


@bp.post("/<int:import_id>/removal")
@requires("manager")
def discard(import_id: int) -> AnyResponse:
    row = _get(import_id)
    try:
        service.discard(row, by=_me())
    except CannotDo as refused:
        toast(str(refused), tone="bad")
        return go(url_for(".show", import_id=import_id))
    toast(f"Discarded {row.filename}. Nothing of it was imported.")
    return go(url_for(".index"))


def _do(row: Import, verb: Any) -> AnyResponse:
    try:
        verb()
    except CannotDo as refused:
        toast(str(refused), tone="bad")
    except NoSuchFile:
        toast("The file is no longer kept. Upload it again.", tone="bad")
    return go(url_for(".show", import_id=row.id))


@bp.get("/<int:import_id>/rows")
@requires("rep")
def rows(import_id: int) -> Response:
    row = _get(import_id)
    outcome, kept = request.args.get("outcome", ""), request.args.get("kept") == "1"
    if not kept and outcome not in results.KINDS[row.kind]:
        abort(404)
    after = request.args.get("after", default=0, type=int)
    found, further = queries.list_rows(row, outcome, after=after if 0 <= after < 2**63 else 0, kept=kept)
    return render(
        "imports/rows.html", "table", work=row, rows=found, further=further, after=after, outcome=outcome, kept=kept,
        kind=results.KINDS[row.kind].get(outcome), total=row.result.get("undo", {}).get("kept") if kept
        else row.result.get("counts", {}).get(outcome, 0),
    )  # fmt: skip


@bp.get("/<int:import_id>/errors.csv")
@requires("rep")
def errors(import_id: int) -> Response:
    row = _get(import_id)
    if not results.refused_count(row):
        abort(404)
    # Written out before it is sent: a failure half-way must not look like a short file.
    target = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    for part in results.write_errors(row):
        target.write(part.encode("utf-8"))
    target.seek(0)
    return send_file(
        target, mimetype="text/csv", as_attachment=True, download_name=f"refused-rows-of-import-{row.id}.csv", max_age=0
    )
