"""Projects: all of them, one at a glance, its settings and retries, archived and copied."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, current_app, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.accounts.models import User
from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.automation.forms.projects import (
    ProjectForm,
    RetryForm,
    describe_facts,
    describe_place,
    describe_retries,
    describe_retry,
    describe_window,
)
from webapp.automation.models import Project
from webapp.automation.queries import keyset
from webapp.automation.queries import projects as queries
from webapp.automation.rules import NEVER, RetryConfig
from webapp.automation.service import projects as service
from webapp.automation.service.projects import NameTaken, ProjectBusy, StaleProject, place_of_project
from webapp.automation.service.requests import find_request
from webapp.automation.settings import find_contact, get_settings
from webapp.automation.states import CONTACT_STATUS, RUN
from webapp.automation.views import bp
from webapp.core.access import get_owned_or_404, requires, role_at_least
from webapp.core.once import new_form_token
from webapp.core.web import go, render, toast

bp.add_app_template_filter(describe_window, "window")
bp.add_app_template_global(CONTACT_STATUS.__getitem__, "contact_state")
NAME_TAKEN = "There is a project of this name already."
TABS = (
    ("Dealerships", "automation.project"),
    ("Contact request", "automation.contact_request"),
    ("Settings", "automation.edit_project"),
    ("Runs", "automation.project_runs"),
    ("Reports", "reports.project_report"),
)


def me() -> User:
    return current_user._get_current_object()


def may_manage() -> bool:
    return role_at_least(current_user.role, "manager")


def find_project(project_id: int) -> Project:
    return get_owned_or_404(Project, project_id, current_user.company_id)


@bp.app_template_global()
def project_tabs(project: Project, active: str) -> list[tuple[str, str, bool]]:
    """For `ui.tabs` of every page of a project; `active` an endpoint without its blueprint. Pages that do not exist are left out."""
    return [
        (label, url_for(endpoint, project_id=project.id), endpoint.rpartition(".")[2] == active)
        for label, endpoint in TABS
        if endpoint in current_app.view_functions
    ]


def status_parts(counts: dict[str, int], address: str) -> list[dict[str, Any]]:
    """For `ui.status_strip`: every status with its rows' address."""
    return [
        {"label": state.label, "count": counts.get(state.name, 0), "tone": state.tone, "href": f"{address}?status={state.name}"}
        for state in CONTACT_STATUS
    ]  # fmt: skip


@bp.get("/projects")
@requires("rep")
def projects() -> Response:
    archived = request.args.get("archived") == "1"
    company_id = current_user.company_id
    rows = queries.list_projects(company_id, archived=archived)
    return render(
        "automation/projects.html", rows=rows, archived=archived, may_manage=may_manage(), RUN=RUN,
        others=queries.count_projects(company_id, archived=not archived), most=queries.MOST_PROJECTS,
        parts={row.project.id: status_parts(row.counts, url_for("automation.project", project_id=row.project.id)) for row in rows},
    )  # fmt: skip


# --- its facts ---------------------------------------------------------------------------------------------------------


@bp.route("/projects/new", methods=["GET", "POST"])
@requires("manager")
def new_project() -> AnyResponse:
    if request.method == "GET":
        return _form_page(ProjectForm.of(None, me().company), None)
    form = ProjectForm(request.form)
    token = request.form.get("form_token", "")[:100] or new_form_token()
    if form.validate():
        try:
            made = service.create_project(form.facts, by=me(), form_token=token)
        except NameTaken:
            form.name.errors = [NAME_TAKEN]
        except LookupError:
            abort(404)
        else:
            toast(f"Created the project {made.name}. Give it something to say, and dealerships to reach.")
            return go(url_for("automation.project", project_id=made.id))
    return _form_page(form, None, 422, token=token)


@bp.route("/projects/<int:project_id>/settings", methods=["GET", "POST"])
@requires("rep")
def edit_project(project_id: int) -> AnyResponse:
    project = find_project(project_id)
    if request.method == "GET":
        return _form_page(ProjectForm.of(project, me().company), project)
    if not may_manage():
        abort(403)
    form = ProjectForm(request.form)
    if not form.validate():
        return _form_page(form, project, 422)
    moved = service.place_of_project(project)
    try:
        saved = service.update_project(project_id, form.facts, version=form.seen_version, by=me())
    except NameTaken:
        form.name.errors = [NAME_TAKEN]
        return _form_page(form, find_project(project_id), 422)
    except StaleProject:
        return _stale(find_project(project_id), form)
    toast("Saved, and the distances are new." if place_of_project(saved) != moved else "Saved.")
    return go(url_for("automation.edit_project", project_id=project_id))


def _stale(project: Project, form: ProjectForm) -> AnyResponse:
    theirs, mine = describe_facts(project), describe_facts(form.facts)
    rows = [(label, theirs[label], mine[label]) for label in mine if theirs[label] != mine[label]]
    return _form_page(form, project, 409, stale=_conflict(project, rows))


def _conflict(project: Project, rows: list[tuple[str, str, str]]) -> dict[str, Any]:
    who, at = queries.find_last_change(project)
    fields = {name: value for name, value in request.form.items() if name not in ("csrf_token", "version")}
    return {"who": who, "at": at or project.updated_at, "rows": rows, "fields": fields}


def _form_page(form: ProjectForm, project: Project | None, status: int = 200, **context: Any) -> Response:
    if project is None:
        return render("automation/project_new.html", status=status, form=form, **context)
    return _settings_page(project, form, RetryForm.of(project), status, **context)


def _settings_page(
    project: Project, form: ProjectForm, retry_form: RetryForm, status: int = 200, **context: Any
) -> Response:
    config = RetryConfig.from_json(project.retry)
    return render(
        "automation/project_settings.html", status=status, project=project, form=form, retry_form=retry_form, may_manage=may_manage(),
        facts=describe_facts(project), retries=describe_retries(config), never=[FAILURES[kind].label for kind in FailureType if kind in NEVER],
        place=place_of_project(project), FAILURES=FAILURES, told={kind: describe_retry(config, kind) for kind in FailureType},
        shipped=config.to_json() == RetryConfig().to_json(), **context,
    )  # fmt: skip


@bp.post("/projects/<int:project_id>/retries")
@requires("manager")
def save_retries(project_id: int) -> AnyResponse:
    """`reset` puts the shipped table in force."""
    project = find_project(project_id)
    form = RetryForm(request.form)
    reset = request.form.get("reset") == "1"
    if not reset and not form.validate():
        return _settings_page(project, ProjectForm.of(project, me().company), form, 422, failed=form)
    config = RetryConfig() if reset else form.config
    try:
        service.save_retries(project_id, config, version=form.seen_version, by=me())
    except StaleProject:
        project = find_project(project_id)
        theirs, mine = describe_retries(RetryConfig.from_json(project.retry)), describe_retries(config)
        rows = [(label, theirs[label], mine[label]) for label in mine if theirs[label] != mine[label]]
        stale = _conflict(project, rows)
        return _settings_page(project, ProjectForm.of(project, me().company), form, 409, retry_stale=stale)
    except LookupError:
        abort(404)
    toast("The retries are as shipped again." if reset else "Saved. Later failures go by the new table.")
    return go(url_for("automation.edit_project", project_id=project_id) + "#retries")


@bp.post("/projects/<int:project_id>/archive")
@requires("manager")
def archive_project(project_id: int) -> AnyResponse:
    project = find_project(project_id)
    archived = request.form.get("archived") == "1"
    try:
        service.archive_project(project_id, archived, by=me())
    except ProjectBusy as busy:
        toast(str(busy), tone="bad")
    else:
        toast(f"{'Archived' if archived else 'Brought back'} {project.name}.")
    return go(url_for("automation.project", project_id=project_id))


@bp.post("/projects/<int:project_id>/copy")
@requires("manager")
def copy_project(project_id: int) -> AnyResponse:
    find_project(project_id)
    token = request.form.get("form_token", "")[:100] or new_form_token()
    try:
        made = service.copy_project(
            project_id, dealerships=request.form.get("dealerships") == "1", by=me(), form_token=token
        )
    except LookupError:
        abort(404)
    toast(f"Copied as {made.name}. It is a dry run until you change that.")
    return go(url_for("automation.edit_project", project_id=made.id))


# --- at a glance -------------------------------------------------------------------------------------------------------


@bp.get("/projects/<int:project_id>")
@requires("rep")
def project(project_id: int) -> Response:
    found = find_project(project_id)
    wanted, cursor = queries.Wanted.parse(request.args), keyset.Cursor.parse(request.args)
    page = queries.list_members(project_id, wanted, cursor)
    counts = queries.get_counts(project_id)
    total = queries.count_members(project_id, wanted) if wanted.active else sum(counts.values())
    here = url_for("automation.project", project_id=project_id)
    context: dict[str, Any] = {
        "project": found, "wanted": wanted, "page": page, "total": total, "counts": counts, "here_url": here, "may_manage": may_manage(),
        "FAILURES": FAILURES, "errors": queries.get_errors(project_id), "pills": _pills(wanted, here), "states": list(CONTACT_STATUS),
        "prev_url": _page_url(here, wanted, before=page.prev), "next_url": _page_url(here, wanted, after=page.next),
    }  # fmt: skip
    contact_request = find_request(project_id)
    manners = get_settings(current_user.company_id)
    return render(
        "automation/project.html", "table", **context, metrics=queries.get_metrics(project_id), parts=status_parts(counts, here),
        contact_request=contact_request, unplaced=queries.count_unplaced(project_id), place=place_of_project(found),
        place_words=describe_place(place_of_project(found)), introduced=find_contact(manners.user_agent) is not None,
    )  # fmt: skip


def _page_url(address: str, wanted: queries.Wanted, **cursor: int | None) -> str | None:
    (name, row_id), *_ = cursor.items()
    if row_id is None:
        return None
    query = wanted.query_string()
    return f"{address}?{query}{'&' if query else ''}{name}={row_id}"


def _pills(wanted: queries.Wanted, address: str) -> list[dict[str, str]]:
    def without(**changes: Any) -> str:
        query = wanted.query_string(**changes)
        return f"{address}?{query}" if query else address

    pills = [
        {"label": "Status", "value": CONTACT_STATUS[name].label, "href": without(status=tuple(s for s in wanted.status if s != name))}
        for name in wanted.status
    ]  # fmt: skip
    if wanted.q:
        pills.append({"label": "Search", "value": wanted.q, "href": without(q="")})
    if wanted.error:
        pills.append({"label": "Error", "value": FAILURES[FailureType(wanted.error)].label, "href": without(error="")})
    if wanted.placed:
        pills.append({"label": "Place", "value": "Cannot be placed", "href": without(placed="")})
    return pills
