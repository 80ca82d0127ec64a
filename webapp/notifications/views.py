from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from flask_login import current_user

from webapp.core.access import requires
from webapp.core.nav import COUNTS
from webapp.core.web import go, local_path, render, toast
from webapp.notifications import contacts as contacts  # hears of contacts over their cap
from webapp.notifications import queries, service
from webapp.notifications.models import Notification

bp = Blueprint("notifications", __name__)

LEVEL_ICONS = {"info": "info", "ok": "circle-check", "warn": "triangle-alert", "bad": "circle-alert"}

# The count is the user's own; nav asks by company.
COUNTS["notifications.index"] = lambda company_id: queries.unread_count(current_user)


@bp.get("/notifications")
@requires("rep")
def index() -> Any:
    unread = request.args.get("show") == "unread"
    before = request.args.get("before", type=int)
    entries, following = queries.list_entries(current_user, unread=unread, before=before)
    return render(
        "notifications/index.html", entries=entries, following=following, before=before, unread=unread, icons=LEVEL_ICONS,
        waiting=queries.unread_count(current_user), most=queries.COUNT_TO,
    )  # fmt: skip


def _get(notification_id: int) -> Notification:
    note = queries.find_entry(current_user, notification_id)
    if note is None:
        abort(404)
    return note


@bp.get("/notifications/<int:notification_id>")
@requires("rep")
def show(notification_id: int) -> Any:
    """The entry's permanent link: reading it is what opening means."""
    note = _get(notification_id)
    service.mark_read(note, by=current_user)
    return redirect(local_path(note.url, url_for("notifications.index")), code=303)


@bp.post("/notifications/<int:notification_id>/read")
@requires("rep")
def mark(notification_id: int) -> Any:
    note = _get(notification_id)
    if request.form.get("read") == "no":
        service.mark_unread(note, by=current_user)
    else:
        service.mark_read(note, by=current_user)
    return go(local_path(request.form.get("next"), url_for("notifications.index")))


@bp.post("/notifications/read-all")
@requires("rep")
def mark_all() -> Any:
    up_to = request.form.get("up_to", 0, type=int)
    done = service.mark_all_read(by=current_user, up_to=max(0, min(up_to, 2**63 - 1)))
    toast(f"{done} marked as read." if done else "Everything was read already.")
    return go(url_for("notifications.index"))


from webapp.notifications import settings as settings  # noqa: E402  it adds its routes to bp
