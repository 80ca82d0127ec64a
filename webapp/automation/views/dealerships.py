"""Dealerships of the company: the table, one of them, those made of leads, and their way into a project."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request, url_for
from flask_login import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from webapp.automation.forms.dealerships import DealershipForm, describe_dealership
from webapp.automation.models import Dealership
from webapp.automation.queries import dealerships as queries
from webapp.automation.queries import keyset
from webapp.automation.queries import projects as project_queries
from webapp.automation.queries.dealerships import DealershipFilter
from webapp.automation.service import dealerships as service
from webapp.automation.service import membership
from webapp.automation.service.dealerships import StaleDealership, TooMany
from webapp.automation.service.membership import MembershipRefused
from webapp.automation.views import bp
from webapp.automation.views.members import posted_ids, posted_number, say_added
from webapp.automation.views.projects import find_project, may_manage, me
from webapp.automation.websites import path_of, spoken_host
from webapp.core.access import get_owned_or_404, requires
from webapp.core.text import plural
from webapp.core.web import go, render, toast
from webapp.leads.filters import LeadFilter

bp.add_app_template_filter(spoken_host, "spoken_host")
bp.add_app_template_filter(path_of, "path_of")


@bp.app_template_global()
def site_link(url: str, text: str) -> Markup | str:
    """A link to a dealership's own site; the bare text of what is no web address."""
    if not url.startswith(("http://", "https://")):
        return text
    return Markup('<a href="{}" rel="noopener noreferrer"><bdi>{}</bdi></a>').format(url, spoken_host(text))


def find_dealership(dealership_id: int) -> Dealership:
    return get_owned_or_404(Dealership, dealership_id, current_user.company_id)


@bp.get("/dealerships")
@requires("rep")
def dealerships() -> Response:
    wanted, cursor = DealershipFilter.parse(request.args), keyset.Cursor.parse(request.args)
    company_id = current_user.company_id
    page = queries.list_dealerships(company_id, wanted, cursor)
    here = url_for("automation.dealerships")
    choices = project_queries.project_choices(company_id)
    return render(
        "automation/dealerships.html", "table", wanted=wanted, page=page, total=queries.count_dealerships(company_id, wanted), here_url=here,
        pills=_pills(wanted, here, dict(choices)), placed=queries.PLACED, projects=choices, project_kinds=queries.PROJECTS, may_manage=may_manage(),
        prev_url=_page_url(here, wanted, before=page.prev), next_url=_page_url(here, wanted, after=page.next),
    )  # fmt: skip


def _page_url(address: str, wanted: DealershipFilter, **cursor: int | None) -> str | None:
    (name, row_id), *_ = cursor.items()
    if row_id is None:
        return None
    query = wanted.query_string()
    return f"{address}?{query}{'&' if query else ''}{name}={row_id}"


def _pills(wanted: DealershipFilter, address: str, projects: dict[int, str]) -> list[dict[str, str]]:
    def without(name: str) -> str:
        query = wanted.query_string(**{name: ""})
        return f"{address}?{query}" if query else address

    said = {
        "q": ("Search", wanted.q), "placed": ("Place", queries.PLACED.get(wanted.placed, "")),
        "project": ("Project", queries.PROJECTS.get(wanted.project) or projects.get(int(wanted.project or 0) if wanted.project.isdecimal() else 0, "one that is gone")),
        "twins": ("Website", "shared with another"),
    }  # fmt: skip
    return [
        {"label": label, "value": value, "href": without(name)}
        for name, (label, value) in said.items()
        if getattr(wanted, name)
    ]


@bp.get("/dealerships/<int:dealership_id>")
@requires("rep")
def dealership(dealership_id: int) -> Response:
    row = find_dealership(dealership_id)
    return render(
        "automation/dealership.html", dealership=row, lead=queries.get_lead(row), memberships=queries.list_memberships(row.id),
        twins=queries.list_twins(row), placed=queries.PLACED, may_manage=may_manage(),
        projects=project_queries.project_choices(row.company_id),
    )  # fmt: skip


@bp.route("/dealerships/<int:dealership_id>/edit", methods=["GET", "POST"])
@requires("manager")
def edit_dealership(dealership_id: int) -> AnyResponse:
    row = find_dealership(dealership_id)
    if request.method == "GET":
        return _form_page(DealershipForm.of(row), row)
    form = DealershipForm(request.form)
    if not form.validate():
        return _form_page(form, row, 422)
    facts = form.facts(service.country_of(queries.get_lead(row)))
    try:
        service.update_dealership(dealership_id, facts, version=form.seen_version, by=me())
    except StaleDealership:
        row = find_dealership(dealership_id)
        theirs, mine = describe_dealership(row), describe_dealership(facts)
        rows = [(label, theirs[label], mine[label]) for label in mine if theirs[label] != mine[label]]
        who, at = project_queries.find_last_change(row)
        fields = {name: value for name, value in request.form.items() if name not in ("csrf_token", "version")}
        return _form_page(
            form, row, 409, stale={"who": who, "at": at or row.updated_at, "rows": rows, "fields": fields}
        )
    except LookupError:
        abort(404)
    toast("Saved.")
    return go(url_for("automation.dealership", dealership_id=dealership_id))


def _form_page(form: DealershipForm, row: Dealership, status: int = 200, **context: Any) -> Response:
    return render(
        "automation/dealership_form.html", status=status, form=form, dealership=row, placed=queries.PLACED, **context
    )


# --- into a project ----------------------------------------------------------------------------------------------------


@bp.post("/dealerships/add")
@requires("manager")
def add_to_project() -> AnyResponse:
    """Of the table's checked rows, or all of its filter: first asks which project, then adds them."""
    everything = request.form.get("scope") == "all"
    wanted = DealershipFilter.from_query(request.form.get("filter", ""))
    ids = [] if everything else posted_ids()
    project_id, error, status = posted_number("project"), "", 200
    which, params = wanted.sql() if everything else ("d.id = ANY(CAST(:ids AS bigint[]))", {"ids": ids})
    if project_id is not None:
        project = find_project(project_id)
        if request.form.get("confirm") == "1":
            try:
                if everything:
                    added = membership.add_filtered(project.id, which, params, seen=posted_number("seen") or 0, by=me())
                else:
                    added = membership.add_chosen(project.id, ids, by=me())
            except MembershipRefused as refused:
                error, status = str(refused), 409
            else:
                toast(say_added(added), action_label="Open the project", action_url=url_for("automation.project", project_id=project.id),
                      action_method="get")  # fmt: skip
                return go(url_for("automation.project", project_id=project.id))
        reach = membership.measure(project, which, params)
        total = reach.new + reach.there
    else:
        project, reach = None, None
        total = queries.count_dealerships(current_user.company_id, wanted) if everything else len(ids)
    return render(
        "automation/dealerships_add.html", status=status, everything=everything, ids=ids, query=wanted.query_string(), project=project,
        reach=reach, total=total, error=error, projects=project_queries.project_choices(current_user.company_id),
    )  # fmt: skip


# --- of leads ----------------------------------------------------------------------------------------------------------


@bp.route("/dealerships/from-leads", methods=["GET", "POST"])
@requires("manager")
def dealerships_of_leads() -> AnyResponse:
    """The address takes every filter of the leads' table, `project` and `twins` beside them."""
    posted = request.method == "POST"
    given = request.form if posted else request.args
    f = (
        LeadFilter.from_query(request.form.get("query", ""))
        if posted
        else LeadFilter.parse(request.args.items(multi=True))
    )
    project_id, twins, error, status = posted_number("project", given), given.get("twins") == "yes", "", 200
    project = find_project(project_id) if project_id else None
    found = None
    if f.active:
        try:
            found = service.sort_leads(*service.chosen_sql(f, me()), twins=twins, by=me())
        except TooMany as many:
            error, status = str(many), 422
    elif posted:
        error, status = "Choose a lead list first.", 422
    if posted and found is not None:
        if len(found.new) != (posted_number("seen") or 0):
            error, status = "The number of leads moved. Look at the preview again before you go on.", 409
        else:
            try:
                made, added = service.make_of_leads(found.new, found.known, project_id=project_id, by=me())
            except MembershipRefused as refused:
                error, status = str(refused), 409
            else:
                toast(f"Made {plural(made, 'dealership')}." + (f" {say_added(added)}" if added else ""))
                return go(
                    url_for("automation.project", project_id=project_id)
                    if project_id
                    else url_for("automation.dealerships", sort="-newest")
                )
    return render(
        "automation/dealerships_of_leads.html", status=status, filter=f, query=f.query_string(), found=found, error=error, twins=twins, project=project,
        lists=queries.list_choices(current_user.company_id), projects=project_queries.project_choices(current_user.company_id),
        chosen_list=f.lists[0] if len(f.lists) == 1 else None, others=[name for name in f.active if name != "lists"],
    )  # fmt: skip
