"""A lead's status, edited where it stands; without scripts it is a page."""

from __future__ import annotations

from flask import Response, abort, make_response, render_template, request, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires
from webapp.core.states import MoveRefused
from webapp.core.web import go, is_fragment, local_path, render, toast
from webapp.leads import service
from webapp.leads.models import Lead
from webapp.leads.states import LEAD, PROTECTED
from webapp.leads.views import bp


@bp.get("/leads/<int:lead_id>/status")
@requires("rep")
def status(lead_id: int) -> Response:
    lead = get_owned_or_404(Lead, lead_id, current_user.company_id)
    if is_fragment() and request.args.get("cell"):
        return make_response(render_template("leads/_status.html", lead=lead, LEAD=LEAD))
    return _form(lead)


@bp.post("/leads/<int:lead_id>/status")
@requires("rep")
def change_status(lead_id: int) -> Response:
    lead = get_owned_or_404(Lead, lead_id, current_user.company_id)
    to = request.form.get("status", "")
    reason = " ".join(request.form.get("reason", "").replace("\x00", " ").split())[:500]
    try:
        moved = service.set_status(lead.id, to, by=current_user, reason=reason or None, seen=request.form.get("seen"))
    except service.StaleEdit as stale:
        return _form(stale.lead, to=to, reason=reason, status=409, stale=stale)
    except service.StatusRefused as refused:
        return _form(lead, to=to, reason=reason, status=422, error=str(refused), field=refused.field)
    except MoveRefused as refused:
        return _form(lead, to=to, reason=reason, status=422, error=str(refused))
    except LookupError:
        abort(404)
    toast(f"{moved.name}: {LEAD[moved.status].label}")
    if is_fragment():
        return make_response(render_template("leads/_status.html", lead=moved, LEAD=LEAD))
    return go(local_path(request.form.get("next"), url_for("leads.show", lead_id=lead_id)))


def _form(
    lead: Lead, *, to: str = "", reason: str = "", status: int = 200, error: str | None = None, field: str = "",
    stale: service.StaleEdit | None = None,
) -> Response:  # fmt: skip
    context = {
        "lead": lead,
        "LEAD": LEAD,
        "to": to or lead.status or "",
        "reason": reason,
        "error": error,
        "stale": stale,
        "needs_reason": lead.status in PROTECTED or field == "reason",
        "next": local_path(request.values.get("next"), ""),
        "choices": [state for state in LEAD if lead.status != "dnc" or state.name == "dnc"],
    }
    return render("leads/status.html", "form", status=status, **context)
