"""Lists: all of them, and their names, campaigns and ends."""

from __future__ import annotations

from flask import Response, abort, request, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires
from webapp.core.web import go, render, toast
from webapp.leads import service
from webapp.leads.filters import NO_STATUS
from webapp.leads.forms import ListForm
from webapp.leads.models import LeadList
from webapp.leads.queries import lists as list_queries
from webapp.leads.views import bp, url_if
from webapp.leads.views.table import list_links


@bp.get("/lists")
@requires("rep")
def lists() -> Response:
    archived = request.args.get("archived") == "1"
    rows = [
        {"row": row, "parts": [
            {"label": state.label, "count": count, "tone": state.tone,
             "href": url_for("leads.show_list", list_id=row.list.id, status=state.name or NO_STATUS)}
            for state, count in row.numbers.breakdown()]}
        for row in list_queries.list_rows(current_user.company_id, archived=archived)
    ]  # fmt: skip
    return render("leads/lists.html", None, rows=rows, archived=archived, form=_offer(ListForm()),
                  archived_count=list_queries.count_archived(current_user.company_id),
                  import_url=url_if("imports.new") or "/imports/new", may_edit=current_user.role != "rep")  # fmt: skip


@bp.route("/lists/new", methods=["GET", "POST"])
@requires("manager")
def new_list() -> Response:
    form = _offer(ListForm(request.form if request.method == "POST" else None))
    if request.method == "GET" or not form.validate():
        return render("leads/list_form.html", "form", status=200 if request.method == "GET" else 422, form=form, list=None,
                      token=request.form.get("form_token", "")[:100])  # fmt: skip
    try:
        made = service.create_list(
            form.name.data, campaign_id=form.campaign_id.data, by=current_user,
            form_token=request.form.get("form_token", "")[:100] or None,
        )  # fmt: skip
    except service.NameTaken:
        form.name.errors = [*form.name.errors, "There is a list of this name already."]
        return render("leads/list_form.html", "form", status=422, form=form, list=None, token="")
    except LookupError:
        abort(404)
    toast(f"Made the list {made.name}")
    return go(url_for("leads.show_list", list_id=made.id))


@bp.route("/lists/<int:list_id>/edit", methods=["GET", "POST"])
@requires("manager")
def edit_list(list_id: int) -> Response:
    lead_list = get_owned_or_404(LeadList, list_id, current_user.company_id)
    if request.method == "GET":
        form = _offer(
            ListForm(
                data={"name": lead_list.name, "campaign_id": lead_list.dial_campaign_id, "active": lead_list.active}
            )
        )
        return render("leads/list_form.html", "form", form=form, list=lead_list, token="")
    form = _offer(ListForm(request.form))
    if not form.validate():
        return render("leads/list_form.html", "form", status=422, form=form, list=lead_list, token="")
    try:
        service.update_list(
            list_id, name=form.name.data, campaign_id=form.campaign_id.data, active=form.active.data, by=current_user
        )
    except service.NameTaken:
        form.name.errors = [*form.name.errors, "There is a list of this name already."]
        return render(
            "leads/list_form.html",
            "form",
            status=422,
            form=form,
            list=get_owned_or_404(LeadList, list_id, current_user.company_id),
            token="",
        )
    except LookupError:
        abort(404)
    toast("Saved")
    return go(url_for("leads.show_list", list_id=list_id))


@bp.post("/lists/<int:list_id>/archive")
@requires("manager")
def archive_list(list_id: int) -> Response:
    get_owned_or_404(LeadList, list_id, current_user.company_id)
    away = request.form.get("restore") != "1"
    lead_list = service.archive_list(list_id, archived=away, by=current_user)
    if away:
        toast(f"Archived {lead_list.name}. Its leads are not dialed.", action_label="Undo",
              action_url=url_for("leads.restore_list", list_id=list_id))  # fmt: skip
    else:
        toast(f"{lead_list.name} is back")
    return go(url_for("leads.lists") if away else url_for("leads.show_list", list_id=list_id))


@bp.post("/lists/<int:list_id>/restore")
@requires("manager")
def restore_list(list_id: int) -> Response:
    get_owned_or_404(LeadList, list_id, current_user.company_id)
    lead_list = service.archive_list(list_id, archived=False, by=current_user)
    toast(f"{lead_list.name} is back")
    return go(url_for("leads.show_list", list_id=list_id))


@bp.post("/lists/<int:list_id>/delete")
@requires("manager")
def delete_list(list_id: int) -> Response:
    get_owned_or_404(LeadList, list_id, current_user.company_id)
    try:
        name = service.delete_list(list_id, by=current_user)
    except service.NotEmpty:
        toast("Only a list that has no leads and no history can be deleted. Archive it instead.", tone="bad")
        return go(url_for("leads.show_list", list_id=list_id))
    toast(f"Deleted {name}")
    return go(url_for("leads.lists"))


@bp.get("/lists/<int:list_id>/imports")
@requires("rep")
def list_imports(list_id: int) -> Response:
    lead_list = get_owned_or_404(LeadList, list_id, current_user.company_id)
    rows = list_queries.list_imports(current_user.company_id, list_id)
    return render("leads/list_imports.html", None, list=lead_list, rows=rows, links=list_links(lead_list))


def _offer(form: ListForm) -> ListForm:
    return form.offer(list_queries.campaign_choices(current_user.company_id))
