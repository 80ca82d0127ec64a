"""The dealerships of a project: added by distance, list or hand, taken out, and one of them with its attempts."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.automation.engine.failures import FAILURES
from webapp.automation.models import ProjectDealership
from webapp.automation.queries import dealerships as dealership_queries
from webapp.automation.queries import projects as queries
from webapp.automation.queries import runs as run_queries
from webapp.automation.service import membership as service
from webapp.automation.service.membership import Added, MembershipRefused
from webapp.automation.service.projects import place_of_project
from webapp.automation.states import ATTEMPT, METHODS_BY_HAND
from webapp.automation.views import bp
from webapp.automation.views.projects import find_project, may_manage, me
from webapp.core.access import get_owned_or_404, requires
from webapp.core.text import plural
from webapp.core.web import go, render, toast
from webapp.leads.filters import MAX_ID


def posted_number(name: str, given: Any = None) -> int | None:
    text = (request.form if given is None else given).get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 20 and int(text) <= MAX_ID else None


def posted_ids() -> list[int]:
    """What is no id is left out."""
    found = (text for text in request.form.getlist("ids") if text.isascii() and text.isdecimal() and len(text) < 20)
    return sorted({int(text) for text in found if 0 < int(text) <= MAX_ID})


def say_added(added: Added) -> str:
    there = f" {added.there:,} were in it already." if added.there else ""
    return f"Added {plural(added.added, 'dealership')}.{there}"


@bp.route("/projects/<int:project_id>/dealerships/add", methods=["GET", "POST"])
@requires("manager")
def add_dealerships(project_id: int) -> AnyResponse:
    project = find_project(project_id)
    if request.method == "GET":
        return _add_page(project_id)
    choice, added = request.form.get("choice", ""), None
    try:
        if choice == "circle":
            miles = posted_number("miles")
            if miles is None or not 0 < miles <= service.MOST_MILES:
                return _add_page(project_id, 422, error=f"Give a radius from 1 to {service.MOST_MILES:,} miles.")
            added = service.add_circle(project_id, miles, by=me())
        elif choice == "unplaced":
            added = service.add_unplaced(project_id, by=me())
        elif choice == "list":
            lead_list = dealership_queries.find_list(posted_number("list") or 0, current_user.company_id)
            if lead_list is None:
                return _add_page(project_id, 422, error="Choose a lead list.")
            added = service.add_list(project_id, lead_list.id, by=me())
        else:
            return _add_page(project_id, 422, error="Choose what to add.")
    except MembershipRefused as refused:
        return _add_page(project_id, 422, error=str(refused))
    toast(say_added(added))
    return go(url_for("automation.project", project_id=project.id))


def _add_page(project_id: int, status: int = 200, error: str = "") -> Response:
    project = find_project(project_id)
    given = request.form if request.method == "POST" else request.args
    miles = posted_number("miles", given)
    if miles is None or not 0 < miles <= service.MOST_MILES:
        miles = project.radius_miles
    place = place_of_project(project)
    chosen = dealership_queries.find_list(posted_number("list", given) or 0, current_user.company_id)
    return render(
        "automation/project_add.html", status=status, project=project, error=error, miles=miles, place=place, most=service.MOST_MILES,
        circle=service.measure_circle(project, miles) if place else None, unplaced=service.measure_unplaced(project),
        lists=dealership_queries.list_choices(current_user.company_id), chosen=chosen,
        reach=service.measure_list(project, chosen.id) if chosen else None,
        known=dealership_queries.count_dealerships(current_user.company_id, dealership_queries.DealershipFilter()),
    )  # fmt: skip


@bp.post("/projects/<int:project_id>/dealerships/remove")
@requires("manager")
def remove_dealerships(project_id: int) -> AnyResponse:
    """First shows what goes and what stays; `confirm` takes them out."""
    project = find_project(project_id)
    everything = request.form.get("scope") == "all"
    wanted = queries.Wanted.from_query(request.form.get("filter", ""))
    ids = queries.list_member_ids(project_id, wanted) if everything else posted_ids()
    if request.form.get("confirm") == "1":
        gone, left = service.remove_pending(project_id, ids, by=me())
        stay = f" {plural(left, 'dealership')} stayed: something has happened to them." if left else ""
        toast(f"Took {plural(gone, 'dealership')} out of the project.{stay}", tone="ok" if gone else "warn")
        return go(url_for("automation.project", project_id=project_id))
    goes = queries.count_untouched(project_id, ids)
    return render(
        "automation/project_remove.html", project=project, total=len(ids), goes=goes, ids=[] if everything else ids, everything=everything,
        query=wanted.query_string(), sample=queries.list_names(project_id, ids[:10]),
    )  # fmt: skip


@bp.get("/project-dealerships/<int:project_dealership_id>")
@requires("rep")
def project_dealership(project_dealership_id: int) -> Response:
    row = get_owned_or_404(ProjectDealership, project_dealership_id, current_user.company_id)
    member = queries.get_member(row)
    return render(
        "automation/project_dealership.html", member=member, row=row, project=member.project, dealership=member.dealership, lead=member.lead,
        attempts=queries.list_attempts(row.id), history=queries.list_history(row.id, row.company_id), may_manage=may_manage(),
        unsettled=run_queries.find_unsettled(row), FAILURES=FAILURES, ATTEMPT=ATTEMPT, METHODS_BY_HAND=METHODS_BY_HAND,
    )  # fmt: skip
