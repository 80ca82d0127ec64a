"""A list's recycle page: its breakdown, the preview, the run and its result."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from webapp.core.access import get_owned_or_404, requires
from webapp.core.db import db
from webapp.core.web import go, is_fragment, render, toast
from webapp.core.work import request_cancel
from webapp.leads.filters import NO_STATUS
from webapp.leads.models import LeadList
from webapp.leads.problems import PROBLEMS
from webapp.leads.queries.lists import campaign_choices
from webapp.leads.states import LEAD, RECYCLABLE
from webapp.leads.tallies import get_cells
from webapp.leads.views.table import list_links
from webapp.recycling import queries
from webapp.recycling.forms import RecycleForm, why_not
from webapp.recycling.models import RecycleBatch
from webapp.recycling.names import name_of
from webapp.recycling.person import CountMoved, ask_recycle
from webapp.recycling.recycle import (
    AT_ONCE,
    NONE,
    SKIPS,
    differs_from_preview,
    is_small,
    perform_recycle,
    preview_examples,
    preview_recycle,
)  # fmt: skip
from webapp.recycling.undo import find_undo
from webapp.recycling.views import bp, form_token, may_act, people, progress, read_number

PAGE = 50


@bp.get("/lists/<int:list_id>/recycle")
@requires("rep")
def recycle_page(list_id: int) -> Response:
    """`?status=busy` (repeated) comes with these statuses chosen: the report's advice links here so."""
    lead_list = get_owned_or_404(LeadList, list_id, current_user.company_id)
    chosen = [name for name in request.args.getlist("status")[:50] if name in RECYCLABLE]
    return _page(lead_list, RecycleForm(data={"statuses": chosen, "target": "new", "reset_dial_count": False}))


@bp.get("/lists/<int:list_id>/recycle/preview")
@requires("manager")
def recycle_preview(list_id: int) -> Response:
    lead_list = get_owned_or_404(LeadList, list_id, current_user.company_id)
    return _preview(lead_list, request.args)


@bp.post("/lists/<int:list_id>/recycle")
@requires("manager")
def recycle_run(list_id: int) -> Response:
    lead_list = get_owned_or_404(LeadList, list_id, current_user.company_id)
    form = RecycleForm(request.form)
    seen, token = read_number(request.form.get("seen")), form_token()
    if not form.validate() or seen is None or token is None:
        return _preview(lead_list, request.form, status=422)
    try:
        batch = ask_recycle(
            lead_list, form.statuses.data, form.target.data, reset_dial_count=form.reset_dial_count.data, seen=seen,
            by=current_user, form_token=token,
        )  # fmt: skip
    except CountMoved as moved:
        return _preview(lead_list, request.form, status=409, moved=moved)
    if is_small(batch) and batch.state == "queued":
        perform_recycle(batch.id)
        db.session.refresh(batch)
        if batch.done:
            toast(batch.message, action_label="Undo", action_url=url_for("recycling.batch_undo", batch_id=batch.id))
    return go(url_for("recycling.batch", batch_id=batch.id))


def _preview(
    lead_list: LeadList, given: MultiDict[str, str], *, status: int = 200, moved: CountMoved | None = None
) -> Response:
    form = RecycleForm(given)
    if not form.validate():
        return _page(lead_list, form, status=422)
    choice = (form.statuses.data, form.target.data)
    preview = preview_recycle(lead_list, *choice, reset_dial_count=form.reset_dial_count.data)
    examples: dict[str | None, list[Any]] = {}
    for row in preview_examples(lead_list, *choice, reset_dial_count=form.reset_dial_count.data):
        examples.setdefault(row.skipped, []).append(row)
    return _page(lead_list, form, status=status, preview=preview, examples=examples, moved=moved)


def _page(lead_list: LeadList, form: RecycleForm, *, status: int = 200, **shown: Any) -> Response:
    context = {
        "list": lead_list,
        "form": form,
        "skips": SKIPS,
        "LEAD": LEAD,
        "NONE": NONE,
        "at_once": AT_ONCE,
        "name_of": name_of,
        **shown,
    }
    if not is_fragment():
        context |= _facts(lead_list, form)
    return render("recycling/recycle.html", "preview", status=status, **context)


def _facts(lead_list: LeadList, form: RecycleForm) -> dict[str, Any]:
    """What the page shows around the preview."""
    company_id = current_user.company_id
    rows = queries.breakdown(get_cells(company_id, list_id=lead_list.id))
    total = sum(row.leads for row in rows)
    counts = queries.problem_counts(company_id, lead_list.id)
    statuses = [
        {"row": row, "state": LEAD[row.status], "name": row.status or NONE, "why": why_not(row.status),
         "href": url_for("leads.index", list=lead_list.id, status=row.status or NO_STATUS),
         "checked": (row.status or NONE) in (form.statuses.data or [])}
        for row in rows
    ]  # fmt: skip
    batches = queries.list_batches(company_id, lead_list.id)
    return {
        "statuses": statuses, "total": total, "counts": counts, "problems": sum(counts.values()),
        "fixable": queries.fixable(counts), "PROBLEMS": PROBLEMS, "links": list_links(lead_list), "may_act": may_act(),
        "batches": batches, "undos": queries.undos_of(row.batch_id for row in batches), "people": people(),
        "campaign": dict(campaign_choices(company_id)).get(lead_list.dial_campaign_id or 0),
        "strip": [{"label": LEAD[r.status].label, "count": r.leads, "tone": LEAD[r.status].tone} for r in rows],
    }  # fmt: skip


# --- one recycling ---------------------------------------------------------------------------------------


def _batch_context(batch: RecycleBatch) -> dict[str, Any]:
    lead_list = get_owned_or_404(LeadList, batch.list_id, batch.company_id)
    return {
        "row": batch, "list": lead_list, "LEAD": LEAD, "NONE": NONE, "skips": SKIPS, "undo": find_undo(batch.batch_id),
        "differences": differs_from_preview(batch) if batch.state == "done" else [], "people": people(),
        "links": list_links(lead_list), "may_act": may_act(),
    }  # fmt: skip


@bp.get("/recycle-batches/<int:batch_id>")
@requires("rep")
def batch(batch_id: int) -> Response:
    row = get_owned_or_404(RecycleBatch, batch_id, current_user.company_id)
    if is_fragment():
        return progress(row, "recycling/_batch_live.html", **_without(_batch_context(row), "row"))
    return render("recycling/batch.html", None, **_batch_context(row))


@bp.post("/recycle-batches/<int:batch_id>/cancel")
@requires("manager")
def batch_cancel(batch_id: int) -> Response:
    row = get_owned_or_404(RecycleBatch, batch_id, current_user.company_id)
    request_cancel(row)
    if is_fragment():
        return render("recycling/_batch_live.html", None, **_batch_context(row))
    return go(url_for("recycling.batch", batch_id=row.id))


@bp.get("/recycle-batches/<int:batch_id>/skipped/<reason>")
@requires("rep")
def batch_skipped(batch_id: int, reason: str) -> Response:
    row = get_owned_or_404(RecycleBatch, batch_id, current_user.company_id)
    after = read_number(request.args.get("after")) or 0
    leads = queries.skipped_by_batch(row, reason, after=after, limit=PAGE + 1) if reason in SKIPS else []
    context = _batch_context(row) | {
        "reason": reason, "leads": leads[:PAGE], "next": leads[PAGE - 1].id if len(leads) > PAGE else None, "after": after,
    }  # fmt: skip
    return render("recycling/skipped.html", None, status=200 if reason in SKIPS else 404, **context)


def _without(context: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in context.items() if key != name}
