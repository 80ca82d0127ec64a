"""One lead: its page, its history, and its form."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, make_response, render_template, request, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires
from webapp.core.web import go, is_fragment, render, toast
from webapp.leads import service
from webapp.leads.facts import LABELS
from webapp.leads.filters import LeadFilter
from webapp.leads.forms import LeadForm
from webapp.leads.models import Lead, LeadList
from webapp.leads.problems import PROBLEMS
from webapp.leads.queries import lists as list_queries
from webapp.leads.queries.history import find_history
from webapp.leads.queries.matching import Scope, count_matches
from webapp.leads.queries.pages import find_key, find_keys
from webapp.leads.states import LEAD
from webapp.leads.views import bp, url_if

CONFLICT = "conflict"


@bp.get("/leads/<int:lead_id>")
@requires("rep")
def show(lead_id: int) -> Response:
    lead = get_owned_or_404(Lead, lead_id, current_user.company_id)
    entries, older = find_history(lead, older_than=request.args.get("older"), reach=request.args.get("entry"))
    lead_list = get_owned_or_404(LeadList, lead.list_id, current_user.company_id)
    people = list_queries.user_names(current_user.company_id)
    context: dict[str, Any] = {
        "lead": lead, "entries": entries, "older": older, "list": lead_list, "people": people, "labels": LABELS,
        "LEAD": LEAD, "problem": PROBLEMS.get(lead.problem or ""), "walk": _walk(lead), "list_names": list_queries.list_names(current_user.company_id),
        "recycle_url": url_if("recycling.recycle_page", list_id=lead.list_id),
        "desk_url": url_if("dialer.log_call", lead_id=lead.id),
    }  # fmt: skip
    return render("leads/lead.html", "history", **context)


def _walk(lead: Lead) -> dict[str, Any] | None:
    """Previous and next in the list one came from."""
    if "from" not in request.args:
        return None
    f = LeadFilter.from_query(request.args["from"])
    scope = Scope.of(current_user)
    count = count_matches(scope, f)
    here = find_key(scope, lead, f.sort_key)
    n = request.args.get("n", "")
    position = int(n) if n.isascii() and n.isdecimal() and 0 < len(n) < 10 else None

    def link(backward: bool) -> str | None:
        found = find_keys(scope, f, count, key=here, backward=backward, size=1)
        if not found:
            return None
        step: dict[str, Any] = {} if position is None else {"n": max(1, position + (-1 if backward else 1))}
        return url_for("leads.show", lead_id=found[0].id, **({"from": f.query_string()} | step))

    rest = f.without("lists") if len(f.lists) == 1 else f
    back = url_for("leads.show_list", list_id=f.lists[0]) if len(f.lists) == 1 else url_for("leads.index")
    query = rest.query_string()
    return {
        "position": position if count.exact and position and position <= count.number else None,
        "total": count.number if count.exact else None, "prev": link(True), "next": link(False),
        "back": f"{back}{'?' + query if query else ''}#lead-{lead.id}",
    }  # fmt: skip


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
