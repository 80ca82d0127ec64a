from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for
from flask_login import current_user
from markupsafe import Markup

from webapp.core.access import requires, role_at_least
from webapp.core.web import go, is_fragment, render, toast
from webapp.core.work import request_cancel
from webapp.demo import queries, service
from webapp.demo.models import DemoLoad
from webapp.demo.plan import CALLS, LEADS, LISTS
from webapp.demo.words import TEAM

bp = Blueprint("demo", __name__)


@bp.app_template_global()
def demo_banner() -> Markup:
    """The label of demo data, for pages that show it: nothing where the company has none."""
    if not current_user.is_authenticated or current_user.company.demo_loaded_at is None:
        return Markup("")
    may_remove = role_at_least(current_user.role, "admin")
    return Markup(render_template("demo/_banner.html", may_remove=may_remove))  # noqa: S704  our own template, escaped there


@bp.get("/demo")
@requires("admin")
def index() -> Any:
    company_id = current_user.company_id
    return render(
        "demo/index.html", work=queries.last_work(company_id), size=queries.demo_size(company_id),
        loaded=queries.has_demo(company_id), planned={"leads": LEADS, "calls": CALLS, "lists": LISTS, "team": len(TEAM)},
        confirming=request.args.get("confirm") == "remove",
    )  # fmt: skip


@bp.post("/demo/load")
@requires("admin")
def load() -> Any:
    try:
        service.start_demo(current_user.company, by=current_user)
    except service.DemoRefused as refused:
        toast(str(refused), tone="warn")
    return go(url_for("demo.index"))


@bp.post("/demo/remove")
@requires("admin")
def remove() -> Any:
    try:
        service.start_removal(current_user.company, by=current_user)
    except service.DemoRefused as refused:
        toast(str(refused), tone="warn")
    return go(url_for("demo.index"))


def _own(row_id: int) -> DemoLoad:
    row = queries.find_work(current_user.company_id, row_id)
    if row is None:
        abort(404)
    return row


@bp.get("/demo/<int:row_id>")
@requires("admin")
def progress(row_id: int) -> Any:
    """The block that polls; at its end the whole page is asked for once."""
    row = _own(row_id)
    if not is_fragment() or row.is_resting:
        return go(url_for("demo.index"))
    if request.args.get("v", type=int) == row.version:
        return Response(status=204)
    return make_response(render_template("demo/_progress.html", work=row))


@bp.post("/demo/<int:row_id>/cancel")
@requires("admin")
def cancel(row_id: int) -> Any:
    row = _own(row_id)
    request_cancel(row)
    if is_fragment() and not row.is_resting:
        return make_response(render_template("demo/_progress.html", work=row))
    return go(url_for("demo.index"))
