"""Open callbacks: who is to be called when, by whom; moved, handed over, closed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, abort, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.core.access import get_owned_or_404, requires
from webapp.core.web import go, render, toast
from webapp.dialer import callbacks as service
from webapp.dialer import campaign_queries as queries
from webapp.dialer.callbacks import CallbackBusy, NotYours, StaleCallback
from webapp.dialer.campaign_forms import CallbackForm, CloseForm
from webapp.dialer.hours import CallbackRefused, describe
from webapp.dialer.models import CALLBACK, Callback
from webapp.dialer.views import bp
from webapp.dialer.views.campaigns import may_manage
from webapp.leads.models import Lead
from webapp.leads.states import LEAD

WHO = {"all": "All", "mine": "Mine", "anyone": "Anyone's"}
DUE = {"": "Any time", "today": "Today and overdue", "later": "Later"}


@bp.get("/callbacks")
@requires("rep")
def callbacks() -> Response:
    who = request.args.get("who", "all") if request.args.get("who") in WHO else "all"
    due = request.args.get("due", "") if request.args.get("due") in DUE else ""
    rows = queries.list_callbacks(current_user, who, due)
    counts = queries.count_callbacks(current_user, due)
    return render(
        "dialer/callbacks.html", rows=rows, total=counts[who], may_manage=may_manage(), CALLBACK=CALLBACK,
        filtered=who != "all" or bool(due),
        tabs=[(label, url_for("dialer.callbacks", who=name, due=due or None), name == who, counts[name]) for name, label in WHO.items()],
        dues=[(label, url_for("dialer.callbacks", who=who, due=name or None), name == due) for name, label in DUE.items()],
        mine_zone=ZoneInfo(current_user.zone_name),
    )  # fmt: skip


def _find(callback_id: int) -> Callback:
    """Open and within this user's reach: a closed one is gone, another agent's is not a rep's to change."""
    callback = get_owned_or_404(Callback, callback_id, current_user.company_id)
    if not service.may_act(callback, current_user):
        abort(403)
    return callback


def _callers(callback: Callback) -> list[tuple[int, str]]:
    return queries.list_callers(current_user, everybody=may_manage())


@bp.route("/callbacks/<int:callback_id>/edit", methods=["GET", "POST"])
@requires("rep")
def edit_callback(callback_id: int) -> AnyResponse:
    callback = _find(callback_id)
    if callback.state == "closed":
        toast("That callback is closed already.", tone="warn")
        return go(url_for("dialer.callbacks"))
    lead = get_owned_or_404(Lead, callback.lead_id, current_user.company_id)
    if request.method == "GET":
        return _page(callback, lead, _form_of(callback, lead))
    form = CallbackForm(request.form).offer(_callers(callback))
    if _fill(form):
        return _page(callback, lead, form)
    if not form.validate():
        return _page(callback, lead, form, 422)
    try:
        service.reschedule(
            callback_id, form.due.data, agent_id=form.agent_id.data, notes=form.notes.data or "", by=current_user, seen=form.seen.data or "",
        )  # fmt: skip
    except CallbackRefused as refused:
        form.due.errors = [str(refused)]
        return _page(_find(callback_id), lead, form, 422, times=refused.times)
    except StaleCallback:
        return _page(_find(callback_id), lead, form, 409, stale=True)
    except CallbackBusy as busy:
        return _busy(busy)
    except NotYours:
        abort(403)
    except LookupError:
        form.agent_id.errors = ["Choose one of the people on the list."]
        return _page(_find(callback_id), lead, form, 422)
    toast(f"The callback of {lead.name} is changed.")
    return go(url_for("dialer.callbacks"))


def _fill(form: CallbackForm) -> bool:
    """One of the nearest times was pressed: it fills the field, and nothing is saved yet."""
    text = request.form.get("use", "")
    if not text:
        return False
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return False
    form.due.raw_data, form.due.data, form.due.process_errors = None, at.replace(tzinfo=None), []
    return True


def _form_of(callback: Callback, lead: Lead) -> CallbackForm:
    agent = callback.agent_id if callback.state == "open" else None
    people = _callers(callback)
    known = agent is None or agent in dict(people)
    return CallbackForm(
        data={"due": service.local_due(callback, lead), "agent_id": agent if known else None, "notes": callback.notes,
              "seen": service.tell(callback)}
    ).offer(people)  # fmt: skip


def _page(
    callback: Callback, lead: Lead, form: CallbackForm, status: int = 200, *, closing: CloseForm | None = None, **context: Any
) -> Response:  # fmt: skip
    local = service.local_due(callback, lead)
    return render(
        "dialer/callback_form.html", "form", status=status, callback=callback, lead=lead, form=form, local=local, closing=closing or CloseForm(),
        agent=queries.find_agent_name(callback), hours=describe(service.hours_for(lead)), CALLBACK=CALLBACK, LEAD=LEAD, seen=service.tell(callback), **context,
    )  # fmt: skip


def _busy(busy: CallbackBusy) -> AnyResponse:
    toast(str(busy), tone="warn")
    return go(url_for("dialer.callbacks"))


@bp.post("/callbacks/<int:callback_id>/close")
@requires("rep")
def close_callback(callback_id: int) -> AnyResponse:
    callback = _find(callback_id)
    lead = get_owned_or_404(Lead, callback.lead_id, current_user.company_id)
    closing = CloseForm(request.form)
    if not closing.validate():
        return _page(callback, lead, _form_of(callback, lead), 422, closing=closing)
    try:
        closed = service.close(callback_id, closing.reason.data, by=current_user)
    except CallbackBusy as busy:
        return _busy(busy)
    except NotYours:
        abort(403)
    if closed:
        toast(f"The callback of {lead.name} is closed.")
    else:
        toast("It was closed before.", tone="warn")
    return go(url_for("dialer.callbacks"))


@bp.post("/callbacks/<int:callback_id>/hand-over")
@requires("rep")
def hand_over_callback(callback_id: int) -> AnyResponse:
    callback = _find(callback_id)
    lead = get_owned_or_404(Lead, callback.lead_id, current_user.company_id)
    try:
        moved = service.hand_over(callback_id, by=current_user)
    except CallbackBusy as busy:
        return _busy(busy)
    except NotYours:
        abort(403)
    toast(
        f"Anyone may call {lead.name} now." if moved else "Anyone may call them already.",
        tone="ok" if moved else "warn",
    )
    return go(url_for("dialer.callbacks"))
