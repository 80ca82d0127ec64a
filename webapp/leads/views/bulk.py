"""Changing many leads: preview, run, progress, result, undo."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, make_response, render_template, request, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires
from webapp.core.web import go, is_fragment, render, toast
from webapp.core.work import request_cancel
from webapp.leads import service
from webapp.leads.filters import MAX_ID, LeadFilter
from webapp.leads.methods import METHODS
from webapp.leads.models import BulkAction
from webapp.leads.queries import lists as list_queries
from webapp.leads.queries.matching import COUNT_CAP, SEARCH_CAP, Scope
from webapp.leads.states import IMPORTABLE, LEAD
from webapp.leads.views import bp

TITLES = {
    "status": "Change the status",
    "owner": "Change the owner",
    "tag_add": "Add a tag",
    "tag_remove": "Remove a tag",
}
REASONS = {
    "protected": "Sale, Converted and Qualified are changed one by one, with a reason",
    "dnc": "Do Not Call is left only by lifting the entry under Do not contact",
    "unchanged": "They are so already",
    "missing": "They are gone since",
    "changed": "They changed since; undoing would lose that",
}


def posted_selection() -> service.Selection:
    """`scope=all` is the filter, anything else the checked ids; what is no id is left out."""
    if request.form.get("scope") == "all":
        return service.Selection(None, LeadFilter.from_query(request.form.get("filter", "")).query_string())
    ids = [int(text) for text in request.form.getlist("ids") if text.isascii() and text.isdecimal() and len(text) < 20]
    return service.Selection(tuple(sorted({i for i in ids if 0 < i <= MAX_ID})), request.form.get("filter", "")[:8000])


def _number(name: str) -> int | None:
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None


def _given(action: str) -> dict[str, Any]:
    if action in service.own_actions:
        return {name: request.form[name] for name in service.own_actions[action].fields if name in request.form}
    names = {"status": ("to", "reason"), "owner": ("owner",)}.get(action, ("tag",))
    return {
        name: " ".join(request.form[name].replace("\x00", " ").split())[:500] for name in names if name in request.form
    }


def title_of(action: str) -> str:
    """404 where there is no such action."""
    if action in service.own_actions:
        return service.own_actions[action].title
    if action not in TITLES:
        abort(404)
    return TITLES[action]


def reasons_of(action: str) -> dict[str, str]:
    return REASONS | (service.own_actions[action].reasons if action in service.own_actions else {})


@bp.post("/leads/bulk/<action>")
@requires("manager")
def bulk_preview(action: str) -> Response:
    return _preview(action)


def _preview(action: str, *, status: int = 200, moved_to: int | None = None, error: str | None = None) -> Response:
    title, scope, selection, given = title_of(action), Scope.of(current_user), posted_selection(), _given(action)
    shown, params = None, None
    own = service.own_actions.get(action)
    chosen = any(name in given for name in (own.fields if own else ("to", "owner", "tag")))
    if chosen and error is None:
        try:
            params = service.check_params(action, given, current_user)
            shown = service.preview(action, params, selection, by=current_user)
        except service.BulkRefused as refused:
            error, status = str(refused), 422
    seen = _number("seen")
    total = shown.total if shown is not None else service.count_chosen(scope, selection)
    caps = (COUNT_CAP, SEARCH_CAP)
    if (
        selection.ids is None
        and moved_to is None
        and seen is not None
        and seen != total
        and not (seen in caps and total > seen)
    ):
        moved_to = total
    context = {
        "action": action, "title": title, "own": own, "METHODS": METHODS, "total": total, "preview": shown, "given": given, "params": params,
        "selection": selection, "seen": seen, "moved_to": moved_to, "error": error, "reasons": reasons_of(action), "LEAD": LEAD,
        "owners": list_queries.owner_choices(current_user.company_id), "people": list_queries.user_names(current_user.company_id),
        "statuses": [LEAD[name] for name in (*IMPORTABLE, "dnc")], "tags": list_queries.list_tags(current_user.company_id),
        "back": _back(selection), "at_once": service.AT_ONCE,
    }  # fmt: skip
    return render("leads/bulk_preview.html", "form", status=status, **context)


def _back(selection: service.Selection) -> str:
    f = selection.filter
    if len(f.lists) == 1:
        query = f.without("lists").query_string()
        return url_for("leads.show_list", list_id=f.lists[0]) + (f"?{query}" if query else "")
    return url_for("leads.index") + (f"?{f.query_string()}" if f.query_string() else "")


@bp.post("/leads/bulk/<action>/run")
@requires("manager")
def bulk_run(action: str) -> Response:
    title_of(action)
    token = request.form.get("form_token", "")[:100]
    if not token:
        return _preview(action, status=422, error="This form had no token. Look at the preview again.")
    try:
        row = service.run_bulk(
            action, _given(action), posted_selection(), seen=_number("seen") or 0, by=current_user, form_token=token
        )
    except service.CountMoved as moved:
        return _preview(action, status=409, moved_to=moved.now)
    except service.BulkRefused as refused:
        return _preview(action, status=422, error=str(refused))
    if row.state == "done":
        own = service.own_actions.get(action)
        can_undo = row.done and row.params.get("to") != "dnc"
        undo = {"action_label": "Undo", "action_url": url_for("leads.bulk_undo", bulk_id=row.id)} if can_undo else {}
        toast(
            f"{own.sentence} {row.done} of {row.total} leads" if own else f"Changed {row.done} of {row.total} leads",
            **undo,
        )
    return go(url_for("leads.bulk", bulk_id=row.id))


@bp.get("/bulk/<int:bulk_id>")
@requires("manager")
def bulk(bulk_id: int) -> Response:
    row = get_owned_or_404(BulkAction, bulk_id, current_user.company_id)
    people = list_queries.user_names(current_user.company_id)
    of = get_owned_or_404(BulkAction, row.params["of"], current_user.company_id) if row.action == "undo" else None
    moves = [(LEAD[name or None], count) for name, count in (row.counts.get("moves") or {}).items()]
    return render(
        "leads/bulk.html",
        None,
        row=row,
        people=people,
        of=of,
        title=title_of((of or row).action),
        own=service.own_actions.get((of or row).action),
        reasons=reasons_of((of or row).action),
        LEAD=LEAD,
        moves=moves,
    )


@bp.get("/bulk/<int:bulk_id>/progress")
@requires("manager")
def bulk_progress(bulk_id: int) -> Response:
    row = get_owned_or_404(BulkAction, bulk_id, current_user.company_id)
    if request.args.get("v") == str(row.version):
        return make_response("", 204)
    if row.is_resting and is_fragment():
        # The result stands on the page itself: load it once, whole.
        return go(url_for("leads.bulk", bulk_id=row.id))
    return make_response(render_template("leads/_progress.html", row=row))


@bp.post("/bulk/<int:bulk_id>/cancel")
@requires("manager")
def bulk_cancel(bulk_id: int) -> Response:
    row = get_owned_or_404(BulkAction, bulk_id, current_user.company_id)
    request_cancel(row)
    if is_fragment() and not row.is_resting:
        return make_response(render_template("leads/_progress.html", row=row))
    return go(url_for("leads.bulk", bulk_id=bulk_id))


@bp.post("/bulk/<int:bulk_id>/undo")
@requires("manager")
def bulk_undo(bulk_id: int) -> Response:
    get_owned_or_404(BulkAction, bulk_id, current_user.company_id)
    try:
        row = service.undo_bulk(bulk_id, by=current_user)
    except service.BulkRefused as refused:
        toast(str(refused), tone="bad")
        return go(url_for("leads.bulk", bulk_id=bulk_id))
    except LookupError:
        abort(404)
    if row.state == "done":
        left = f" {row.skipped} had changed since and stay." if row.skipped else ""
        toast(f"Put back {row.done} leads.{left}")
    return go(url_for("leads.bulk", bulk_id=row.id))
