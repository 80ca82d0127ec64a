"""Undoing a recycling or a repair: asked first, followed, and what it left."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires
from webapp.core.web import go, is_fragment, render, toast
from webapp.core.work import request_cancel
from webapp.leads.models import LeadList
from webapp.leads.states import LEAD
from webapp.recycling import queries
from webapp.recycling.models import RecycleBatch, Repair, Undo
from webapp.recycling.recycle import AT_ONCE
from webapp.recycling.undo import SKIPS, CannotUndo, find_undo, perform_undo, start_undo
from webapp.recycling.views import bp, may_act, people, progress, read_number

PAGE = 50


@bp.get("/recycle-batches/<int:batch_id>/undo")
@requires("manager")
def batch_undo_page(batch_id: int) -> Response:
    return _ask(get_owned_or_404(RecycleBatch, batch_id, current_user.company_id))


@bp.post("/recycle-batches/<int:batch_id>/undo")
@requires("manager")
def batch_undo(batch_id: int) -> Response:
    return _undo(get_owned_or_404(RecycleBatch, batch_id, current_user.company_id))


@bp.get("/repairs/<int:repair_id>/undo")
@requires("manager")
def repair_undo_page(repair_id: int) -> Response:
    return _ask(get_owned_or_404(Repair, repair_id, current_user.company_id))


@bp.post("/repairs/<int:repair_id>/undo")
@requires("manager")
def repair_undo(repair_id: int) -> Response:
    return _undo(get_owned_or_404(Repair, repair_id, current_user.company_id))


def _ask(row: RecycleBatch | Repair, *, refused: str | None = None) -> Response:
    existing = find_undo(row.batch_id)
    if existing is not None:
        return go(url_for("recycling.undo", undo_id=existing.id))
    if refused is None and not row.is_resting:
        refused = "It is still running. Cancel it first, or wait until it has ended."
    if refused is None and not row.done:
        refused = "It changed nothing, so there is nothing to undo."
    status = 409 if request.method == "POST" else 200
    return render("recycling/undo_ask.html", None, status=status, refused=refused, **_of(row))


def _undo(row: RecycleBatch | Repair) -> Response:
    try:
        undo = start_undo(row, by=current_user)
    except CannotUndo as refusal:
        return _ask(row, refused=str(refusal))
    if undo.state == "queued" and (undo.total or 0) <= AT_ONCE:
        perform_undo(undo.id)
        undo = get_owned_or_404(Undo, undo.id, undo.company_id)
        toast(undo.message)
    return go(url_for("recycling.undo", undo_id=undo.id))


def _of(row: RecycleBatch | Repair) -> dict[str, Any]:
    """What is undone, and where it is shown."""
    if isinstance(row, RecycleBatch):
        lead_list = get_owned_or_404(LeadList, row.list_id, row.company_id)
        return {
            "of": row, "name": "recycling", "of_url": url_for("recycling.batch", batch_id=row.id),
            "undo_url": url_for("recycling.batch_undo", batch_id=row.id), "what": f"Recycling of {lead_list.name}",
            "crumbs": [("Lists", url_for("leads.lists")), (lead_list.name, url_for("recycling.recycle_page", list_id=lead_list.id))],
        }  # fmt: skip
    return {
        "of": row, "name": "repair", "of_url": url_for("recycling.repair", repair_id=row.id),
        "undo_url": url_for("recycling.repair_undo", repair_id=row.id), "what": f"Repair {row.id}",
        "crumbs": [("Problems", url_for("recycling.problems"))],
    }  # fmt: skip


@bp.get("/undos/<int:undo_id>")
@requires("rep")
def undo(undo_id: int) -> Response:
    row = get_owned_or_404(Undo, undo_id, current_user.company_id)
    if is_fragment():
        return progress(row, "recycling/_undo_live.html", skips=SKIPS, may_act=may_act(), LEAD=LEAD, **_leftovers(row))
    kind: Any = RecycleBatch if row.subject == RecycleBatch.__tablename__ else Repair
    of = _of(get_owned_or_404(kind, row.subject_id, row.company_id))
    return render(
        "recycling/undo.html",
        None,
        row=row,
        skips=SKIPS,
        people=people(),
        may_act=may_act(),
        LEAD=LEAD,
        **of,
        **_leftovers(row),
    )


def _leftovers(row: Undo) -> dict[str, Any]:
    """A page of the leads it did not put back, once it has ended."""
    after = read_number(request.args.get("after")) or 0
    left = queries.left_by_undo(row, after=after, limit=PAGE + 1) if row.is_resting and row.skipped else []
    return {"left": left[:PAGE], "next": left[PAGE - 1].id if len(left) > PAGE else None, "after": after}


@bp.post("/undos/<int:undo_id>/cancel")
@requires("manager")
def undo_cancel(undo_id: int) -> Response:
    row = get_owned_or_404(Undo, undo_id, current_user.company_id)
    request_cancel(row)
    if is_fragment():
        return render(
            "recycling/_undo_live.html", None, row=row, skips=SKIPS, may_act=True, LEAD=LEAD, **_leftovers(row)
        )
    return go(url_for("recycling.undo", undo_id=row.id))
