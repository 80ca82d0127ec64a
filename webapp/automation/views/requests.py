"""The contact request of a project: its newest version as a form, with what a dealership gets; the older ones to read."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.automation.engine.outcome import CONSENTS
from webapp.automation.forms.requests import RequestForm, describe_request
from webapp.automation.models import ContactRequest, Project
from webapp.automation.queries import projects as queries
from webapp.automation.service import requests as service
from webapp.automation.service.requests import RequestFacts, StaleRequest, find_request, tell_request
from webapp.automation.views import bp
from webapp.automation.views.projects import find_project, may_manage, me
from webapp.core.access import get_owned_or_404, requires
from webapp.core.web import go, render, toast


@bp.route("/projects/<int:project_id>/request", methods=["GET", "POST"])
@requires("rep")
def contact_request(project_id: int) -> AnyResponse:
    """`preview` shows what a dealership would get of the words in the form, and saves nothing."""
    project = find_project(project_id)
    newest = find_request(project_id)
    if request.method == "GET":
        form = RequestForm.of(newest, seen=tell_request(newest), country=me().company.country)
        return _page(project, newest, form)
    if not may_manage():
        abort(403)
    form = RequestForm(request.form)
    if not form.validate():
        return _page(project, newest, form, 422)
    if request.form.get("preview"):
        return _page(project, newest, form, shown=form.facts)
    try:
        row, new = service.save_request(project_id, form.facts, seen=form.seen.data or "", by=me())
    except StaleRequest as stale:
        return _stale(project, stale.theirs, form)
    except LookupError:
        abort(404)
    said = f"Saved as version {row.version}: the one before had been used." if new and row.version > 1 else "Saved."
    toast(said)
    return go(url_for("automation.contact_request", project_id=project_id))


def _stale(project: Project, theirs: ContactRequest, form: RequestForm) -> Response:
    told, mine = describe_request(RequestFacts.of(theirs)), describe_request(form.facts)
    labels = dict.fromkeys((*told, *mine))
    rows = [
        (label, told.get(label, "–"), mine.get(label, "–")) for label in labels if told.get(label) != mine.get(label)
    ]
    who, at = queries.find_last_change(theirs)
    fields = {
        name: value for name, value in request.form.items() if name not in ("csrf_token", "seen", "version", "preview")
    }
    stale = {"who": who, "at": at or theirs.created_at, "rows": rows, "fields": fields | {"seen": tell_request(theirs)}}
    return _page(project, theirs, form, 409, stale=stale)


def _page(
    project: Project, newest: ContactRequest | None, form: RequestForm, status: int = 200, *, shown: RequestFacts | None = None,
    **context: Any,
) -> Response:  # fmt: skip
    facts = shown or (RequestFacts.of(newest) if newest else None)
    return render(
        "automation/request.html", status=status, project=project, newest=newest, form=form, may_manage=may_manage(), unsaved=shown is not None,
        preview=describe_request(facts) if facts else None, used=newest is not None and service.is_used(newest),
        versions=queries.list_versions(project.id), **context,
    )  # fmt: skip


@bp.get("/projects/<int:project_id>/request/<int:request_id>")
@requires("rep")
def request_version(project_id: int, request_id: int) -> Response:
    project = find_project(project_id)
    row = get_owned_or_404(ContactRequest, request_id, current_user.company_id)
    if row.project_id != project.id:
        abort(404)
    return render(
        "automation/request_version.html", project=project, row=row, preview=describe_request(RequestFacts.of(row)), CONSENTS=CONSENTS,
        who=queries.get_user_name(row.created_by_id) or "Rebound",
    )  # fmt: skip
