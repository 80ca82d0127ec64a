"""One repair: its progress, what it changed, and what it left."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires
from webapp.core.web import go, is_fragment, render
from webapp.core.work import request_cancel
from webapp.leads.models import LeadList
from webapp.leads.problems import PROBLEMS
from webapp.leads.states import LEAD
from webapp.recycling.models import Repair
from webapp.recycling.undo import find_undo
from webapp.recycling.views import bp, may_act, people, progress
from webapp.recycling.views.problems import TRIGGERS


def _context(row: Repair) -> dict[str, Any]:
    lead_list = get_owned_or_404(LeadList, row.list_id, row.company_id) if row.list_id is not None else None
    moves = sorted(
        ((LEAD[key.removeprefix("to:")], number) for key, number in row.result.items() if key.startswith("to:")),
        key=lambda pair: -pair[1],
    )
    return {
        "row": row, "list": lead_list, "PROBLEMS": PROBLEMS, "LEAD": LEAD, "moves": moves, "undo": find_undo(row.batch_id),
        "people": people(), "may_act": may_act(), "triggers": TRIGGERS,
        "left": sum(row.after.values()) if row.after else None,
    }  # fmt: skip


@bp.get("/repairs/<int:repair_id>")
@requires("rep")
def repair(repair_id: int) -> Response:
    row = get_owned_or_404(Repair, repair_id, current_user.company_id)
    context = _context(row)
    if is_fragment():
        context.pop("row")
        return progress(row, "recycling/_repair_live.html", **context)
    return render("recycling/repair.html", None, **context)


@bp.post("/repairs/<int:repair_id>/cancel")
@requires("manager")
def repair_cancel(repair_id: int) -> Response:
    row = get_owned_or_404(Repair, repair_id, current_user.company_id)
    request_cancel(row)
    if is_fragment():
        return render("recycling/_repair_live.html", None, **_context(row))
    return go(url_for("recycling.repair", repair_id=row.id))
