"""Dealerships from a file: upload, columns and preview, the run, and the rows that were refused."""

from __future__ import annotations

import tempfile
from typing import TypeVar

from flask import Response, abort, current_app, request, send_file, url_for
from flask_login import current_user
from werkzeug.datastructures import CombinedMultiDict
from werkzeug.wrappers import Response as AnyResponse

from webapp.automation.dealership_rows import FIELDS
from webapp.automation.forms.dealerships import LIST_TAKEN, IntoList, UploadForm, read_columns
from webapp.automation.queries import dealerships as queries
from webapp.automation.queries import projects as project_queries
from webapp.automation.service import dealership_files as service
from webapp.automation.service.dealership_files import FileRefused, NoSuchFile, Upload
from webapp.automation.service.membership import MembershipRefused
from webapp.automation.views import bp
from webapp.automation.views.projects import me
from webapp.core.access import requires
from webapp.core.once import new_form_token
from webapp.core.storage import StorageError
from webapp.core.text import plural
from webapp.core.web import go, render, toast

MIB = 1024 * 1024
FORGOTTEN = "This file is no longer kept. Upload it again."


@bp.url_value_preprocessor
def _allow_large_files(endpoint: str | None, values: object) -> None:
    """Only the upload, and only of somebody signed in, may be larger than a form. Runs before the body is read."""
    if endpoint == "automation.import_dealerships" and request.method == "POST" and current_user.is_authenticated:
        request.max_content_length = current_app.config["SETTINGS"].max_upload_mb * MIB + MIB


F = TypeVar("F", bound=IntoList)


def offer(form: F) -> F:
    company_id = current_user.company_id
    return form.offer(queries.list_choices(company_id), project_queries.project_choices(company_id))


def chosen_before() -> dict[str, int]:
    """The list and the project that the address names, for a form that is still empty."""
    given = {"list_id": request.args.get("list", ""), "project_id": request.args.get("project", "")}
    return {name: int(text) for name, text in given.items() if text.isascii() and text.isdecimal() and len(text) < 19}


@bp.route("/dealerships/import", methods=["GET", "POST"])
@requires("manager")
def import_dealerships() -> AnyResponse:
    if request.method == "GET":
        return _upload_page(offer(UploadForm(**chosen_before())))
    form = offer(UploadForm(CombinedMultiDict([request.form, request.files])))
    if not form.validate():
        return _upload_page(form, 422)
    if form.list_id.data is None and queries.find_list_by_name(form.new_list.data, current_user.company_id):
        form.new_list.errors = [LIST_TAKEN]
        return _upload_page(form, 422)
    wanted = Upload(
        token=request.form.get("form_token", "")[:60] or new_form_token(), filename=form.file.data.filename, storage_key="",
        list_id=form.list_id.data, new_list="" if form.list_id.data else form.new_list.data, project_id=form.project_id.data,
    )  # fmt: skip
    try:
        kept = service.keep_upload(form.file.data.stream, wanted, by=me())
    except (FileRefused, StorageError) as refused:
        form.file.errors = [str(refused)]
        return _upload_page(form, 422)
    return go(url_for("automation.check_dealerships", file=kept.token))


def _upload_page(form: UploadForm, status: int = 200) -> Response:
    return render(
        "automation/dealerships_import.html", status=status, form=form, fields=FIELDS, most=service.MOST_ROWS,
        max_upload_mb=current_app.config["SETTINGS"].max_upload_mb,
    )  # fmt: skip


def _asked(token: str) -> Upload | None:
    return service.find_upload(token[:60], me()) if token else None


@bp.route("/dealerships/import/check", methods=["GET", "POST"])
@requires("manager")
def check_dealerships() -> AnyResponse:
    """`file` names the upload. POST with `do=columns` corrects them, with `do=run` makes the dealerships."""
    upload = _asked(request.values.get("file", ""))
    if upload is None:
        if request.values.get("file"):
            toast(FORGOTTEN, tone="warn")
        return go(url_for("automation.import_dealerships"))
    if request.method == "GET":
        return _check_page(upload)
    if request.form.get("do") == "columns":
        columns, errors = read_columns(request.form, upload.headers)
        if errors:
            return _check_page(upload, 422, errors=errors, columns=columns)
        service.choose(upload, columns, twins=request.form.get("twins") == "yes", by=me())
        return go(url_for("automation.check_dealerships", file=upload.token) + "#preview")
    return _run(upload)


def _run(upload: Upload) -> AnyResponse:
    if "website" not in upload.columns.values():
        return _check_page(upload, 422, errors=["Choose the column with the website."])
    try:
        done = service.perform(upload, by=me())
    except (FileRefused, NoSuchFile, MembershipRefused) as refused:
        return _check_page(upload, 422, errors=[str(refused)])
    except LookupError:
        return _check_page(
            upload, 422, errors=["The list or the project is gone. Upload the file again and choose another."]
        )
    toast(f"Made {plural(done.result['new'], 'dealership')} of {done.filename}.")
    return go(url_for("automation.check_dealerships", file=upload.token))


def _check_page(
    upload: Upload, status: int = 200, *, errors: list[str] | None = None, columns: dict[str, str] | None = None
) -> Response:
    judged, failed = None, ""
    if "website" in upload.columns.values() and not upload.result:
        try:
            judged, _ = service.judge(upload, by=me())
        except (FileRefused, NoSuchFile) as refused:
            failed = str(refused)
    company_id = current_user.company_id
    lists, projects = dict(queries.list_choices(company_id)), dict(project_queries.project_choices(company_id))
    list_id = upload.result.get("list_id") or upload.list_id
    return render(
        "automation/dealerships_check.html", status=status, upload=upload, judged=judged, failed=failed, errors=errors or [],
        columns=upload.columns if columns is None else columns, fields=FIELDS, list_name=lists.get(list_id or 0) or upload.new_list, list_id=list_id,
        project_name=projects.get(upload.project_id or 0),
    )  # fmt: skip


@bp.get("/dealerships/import/refused.csv")
@requires("manager")
def refused_dealerships() -> Response:
    upload = _asked(request.args.get("file", ""))
    if upload is None:
        abort(404)
    try:
        _, rows = service.judge(upload, by=me())
    except (FileRefused, NoSuchFile):
        abort(404)
    # Written out before it is sent: a failure half-way must not look like a short file.
    target = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    for part in service.write_refused(upload, rows):
        target.write(part.encode("utf-8"))
    target.seek(0)
    return send_file(
        target, mimetype="text/csv", as_attachment=True, download_name="refused-dealerships.csv", max_age=0
    )
