"""One lead: its form. Its page is the timeline's (webapp/timeline/views/lead.py)."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, make_response, render_template, request, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires
from webapp.core.web import go, is_fragment, render, toast
from webapp.leads import service
from webapp.leads.forms import LeadForm
from webapp.leads.models import Lead
from webapp.leads.queries import lists as list_queries
from webapp.leads.views import bp


@bp.get("/leads/new")
@requires("rep")
def new() -> Response:
    form = _offer(LeadForm())
    wanted = request.args.get("list", "")
    if wanted.isdecimal() and len(wanted) < 19 and int(wanted) in dict(form.list_id.choices):
        form.list_id.data = int(wanted)
    return _new_page(form)


@bp.post("/leads/new")
@requires("rep")
def create() -> Response:
    form = _offer(LeadForm(request.form))
    if not form.list_id.choices:
        form.form_errors.append("Make a list first: each lead is in one.")
        return _new_page(form, 422)
    if not form.validate():
        return _new_page(form, 422)
    try:
        lead = service.create_lead(
            form.list_id.data, form.facts(), by=current_user, status=form.status.data,
            form_token=request.form.get("form_token", "")[:100] or None,
        )  # fmt: skip
    except LookupError:
        abort(404)
    toast(f"Added {lead.name}")
    return go(url_for("leads.show", lead_id=lead.id))


def _new_page(form: LeadForm, status: int = 200) -> Response:
    return render("leads/new.html", "form", status=status, form=form, may_list=current_user.role != "rep",
                  token=request.form.get("form_token", "")[:100])  # fmt: skip


def _offer(form: LeadForm, lead: Lead | None = None) -> LeadForm:
    company = current_user.company_id
    return form.offer(list_queries.owner_choices(company), list_queries.list_choices(company), lead)


@bp.get("/leads/<int:lead_id>/edit")
@requires("rep")
def edit(lead_id: int) -> Response:
    lead = get_owned_or_404(Lead, lead_id, current_user.company_id)
    form = _offer(LeadForm(obj=lead), lead)
    form.tags.data = ", ".join(lead.tags)
    return _edit_page(form, lead)


@bp.post("/leads/<int:lead_id>/edit")
@requires("rep")
def update(lead_id: int) -> Response:
    lead = get_owned_or_404(Lead, lead_id, current_user.company_id)
    form = _offer(LeadForm(request.form), lead)
    del form.status
    if not form.validate():
        return _edit_page(form, lead, 422)
    text = request.form.get("version", "")
    version = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
    try:
        service.update_lead(lead.id, form.facts() | {"list_id": form.list_id.data}, version=version, by=current_user)
    except service.StaleEdit as stale:
        return _conflict_page(form, stale)
    except LookupError:
        abort(404)
    toast("Saved")
    return go(url_for("leads.show", lead_id=lead_id))


def _edit_page(form: LeadForm, lead: Lead, status: int = 200) -> Response:
    version = request.form.get("version", lead.version)
    return render("leads/edit.html", "form", status=status, form=form, lead=lead, version=version)


def _conflict_page(form: LeadForm, stale: service.StaleEdit) -> Response:
    people = list_queries.user_names(current_user.company_id)
    lists = list_queries.list_names(current_user.company_id)

    def say(column: str, value: Any) -> str:
        if column == "owner_id":
            return people.get(value, "Nobody")
        if column == "list_id":
            return lists.get(value, "")
        return ", ".join(value) if isinstance(value, list) else str(value or "empty")

    rows = [(d.label, say(d.column, d.theirs), say(d.column, d.mine)) for d in stale.differences]
    fields = {name: "" if field.data is None else field.data for name, field in form._fields.items()}
    template = "leads/_conflict.html" if is_fragment() else "leads/conflict.html"
    body = render_template(template, lead=stale.lead, stale=stale, rows=rows, fields=fields)
    return make_response(body, 409)
