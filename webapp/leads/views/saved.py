"""Saved views: a name over a query string."""

from __future__ import annotations

from flask import Response, abort, request, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires
from webapp.core.web import go, render, toast
from webapp.leads import service
from webapp.leads.filters import MAX_ID, LeadFilter
from webapp.leads.forms import ViewForm
from webapp.leads.models import LeadList, SavedView
from webapp.leads.views import bp, view_href


def _list_of(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) <= MAX_ID):
        abort(404)
    return get_owned_or_404(LeadList, int(text), current_user.company_id).id


@bp.route("/leads/views/new", methods=["GET", "POST"])
@requires("rep")
def save_view() -> Response:
    list_id = _list_of(request.values.get("list"))
    f = LeadFilter.from_query(request.values.get("query", ""))
    f = f.without("lists") if list_id else f
    form = ViewForm(request.form if request.method == "POST" else None)
    if request.method == "GET" or not form.validate():
        status = 200 if request.method == "GET" else 422
        return render(
            "leads/view_form.html", "form", status=status, form=form, view=None, query=f.query_string(), list_id=list_id
        )
    view = service.save_view(
        form.name.data, f.query_string(), list_id=list_id, shared=form.shared.data, by=current_user
    )
    toast(f"Saved the view {view.name}")
    return go(view_href(view))


@bp.route("/leads/views/<int:view_id>", methods=["GET", "POST"])
@requires("rep")
def edit_view(view_id: int) -> Response:
    """Rename and share; with `query` the view takes that filter."""
    view = _mine_or_404(view_id)
    if request.method == "GET":
        return render(
            "leads/view_form.html", "form", form=ViewForm(obj=view), view=view, query=view.query, list_id=view.list_id
        )
    if "query" in request.form and "name" not in request.form:
        f = LeadFilter.from_query(request.form["query"])
        f = f.without("lists") if view.list_id else f
        view = service.update_view(view_id, query=f.query_string(), by=current_user)
        toast(f"{view.name} now has this filter")
        return go(view_href(view))
    form = ViewForm(request.form)
    if not form.validate():
        return render(
            "leads/view_form.html", "form", status=422, form=form, view=view, query=view.query, list_id=view.list_id
        )
    view = service.update_view(view_id, name=form.name.data, shared=form.shared.data, by=current_user)
    toast("Saved")
    return go(view_href(view))


@bp.post("/leads/views/<int:view_id>/delete")
@requires("rep")
def delete_view(view_id: int) -> Response:
    _mine_or_404(view_id)
    view = service.delete_view(view_id, by=current_user)
    toast(f"Deleted the view {view.name}")
    return go(url_for("leads.show_list", list_id=view.list_id) if view.list_id else url_for("leads.index"))


def _mine_or_404(view_id: int) -> SavedView:
    view = get_owned_or_404(SavedView, view_id, current_user.company_id)
    if view.user_id != current_user.id and not (view.shared and current_user.role != "rep"):
        abort(404)
    return view
