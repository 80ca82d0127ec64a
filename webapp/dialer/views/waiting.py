"""Events nobody could place."""

from __future__ import annotations

import json

from flask import Response, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.core.access import get_owned_or_404, requires
from webapp.core.text import plural
from webapp.core.web import go, render, toast
from webapp.dialer import quarantine as service
from webapp.dialer import queries
from webapp.dialer.forms import AssignForm, DismissForm
from webapp.dialer.models import CallEvent
from webapp.dialer.views import bp
from webapp.dialer.views.calls import tabs


def after_id() -> int | None:
    text = request.args.get("after", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


@bp.get("/calls/quarantine")
@requires("rep")
def quarantine() -> Response:
    rows, following = queries.list_quarantine(current_user.company_id, after=after_id())
    return render(
        "dialer/quarantine.html", rows=rows, next=following, first_page=after_id() is None, tabs=tabs("quarantine")
    )


@bp.get("/calls/quarantine/<int:event_id>")
@requires("rep")
def waiting_event(event_id: int) -> Response:
    return _event_page(_event(event_id))


def _event(event_id: int) -> CallEvent:
    return get_owned_or_404(CallEvent, event_id, current_user.company_id)


def _event_page(
    event: CallEvent, status: int = 200, *, assign: AssignForm | None = None, dismiss: DismissForm | None = None
) -> Response:
    failed = assign or dismiss
    return render(
        "dialer/event.html", status=status, event=event, payload=json.dumps(event.payload, indent=2, ensure_ascii=False),
        form=failed, assign=assign or AssignForm(), dismiss=dismiss or DismissForm(),
    )  # fmt: skip


@bp.post("/calls/quarantine/replay")
@requires("manager")
def replay_all() -> AnyResponse:
    tried, placed = service.replay_all(by=current_user)
    left = tried - placed
    toast(
        f"{plural(placed, 'event')} placed, {left} still waiting." if tried else "Nothing was waiting.",
        tone="ok" if placed or not tried else "warn",
    )
    return go(url_for("dialer.quarantine"))


@bp.post("/calls/quarantine/<int:event_id>/replay")
@requires("rep")
def replay_event(event_id: int) -> AnyResponse:
    event = _event(event_id)
    if service.replay(event, by=current_user):
        toast("The event found its call.")
        return go(
            url_for("dialer.call", call_id=event.call_log_id) if event.call_log_id else url_for("dialer.quarantine")
        )
    toast("Still nobody it belongs to. Assign it to a lead, or add the lead first.", tone="warn")
    return go(url_for("dialer.waiting_event", event_id=event_id))


@bp.post("/calls/quarantine/<int:event_id>/lead")
@requires("rep")
def assign_event(event_id: int) -> AnyResponse:
    event = _event(event_id)
    form = AssignForm(request.form)
    if not form.validate():
        return _event_page(event, 422, assign=form)
    try:
        lead = service.assign(event, form.lead_id.data, by=current_user)
    except LookupError:
        form.lead_id.errors = ["There is no such lead."]
        return _event_page(event, 422, assign=form)
    if event.call_log_id is None:
        toast("The event could not be placed: its time lies in the future.", tone="warn")
        return go(url_for("dialer.waiting_event", event_id=event_id))
    toast(f"The call is now one of {lead.name}.")
    return go(url_for("dialer.call", call_id=event.call_log_id))


@bp.post("/calls/quarantine/<int:event_id>/dismissal")
@requires("rep")
def dismiss_event(event_id: int) -> AnyResponse:
    event = _event(event_id)
    form = DismissForm(request.form)
    if not form.validate():
        return _event_page(event, 422, dismiss=form)
    if service.dismiss(event, form.reason.data or "", by=current_user):
        toast("Dismissed. The event stays to be read.")
    else:
        toast("Somebody had settled it before.", tone="warn")
    return go(url_for("dialer.quarantine"))
