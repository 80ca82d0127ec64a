"""/activity: who did what, when and why."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, request, url_for
from flask_login import current_user

from webapp.accounts import activity as trail
from webapp.accounts import queries
from webapp.accounts.views import bp
from webapp.accounts.views.settings import _me
from webapp.core.access import requires
from webapp.core.text import exact
from webapp.core.web import render


@bp.get("/activity")
@requires("rep")
def activity() -> Response:
    filters = trail.Filters.read(request.args)
    page = trail.get_page(_me(), filters)
    users = (
        []
        if current_user.role == "rep"
        else [(user.id, user.name) for user in queries.list_users(current_user.company_id)]
    )
    return render(
        "accounts/activity.html", "region", page=page, filters=filters, users=users,
        kinds=trail.kind_choices(current_user.company_id), pills=_pills(filters, dict(users)), label=trail.kind_label,
        why=trail.why, undo=trail.undo_of,
    )  # fmt: skip


def _pills(filters: trail.Filters, users: dict[int, str]) -> list[dict[str, str]]:
    shown = []
    if filters.kind:
        shown.append(("Kind", trail.kind_label(filters.kind), "kind"))
    if filters.user_id:
        shown.append(("By", users.get(filters.user_id, "unknown"), "user"))
    if filters.since:
        shown.append(("From", exact(filters.since), "from"))
    if filters.until:
        shown.append(("To", exact(filters.until), "to"))
    pills = []
    for label, value, name in shown:
        rest: dict[str, Any] = {key: request.args.get(key) for key in ("kind", "user", "from", "to") if key != name}
        pills.append({"label": label, "value": value, "href": url_for("accounts.activity", **rest)})
    return pills


@bp.get("/activity.csv")
@requires("rep")
def activity_csv() -> Response:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    return Response(
        trail.csv_lines(app, _me(), trail.Filters.read(request.args)), mimetype="text/csv",
        headers={"Content-Disposition": 'attachment; filename="activity.csv"'},
    )  # fmt: skip
