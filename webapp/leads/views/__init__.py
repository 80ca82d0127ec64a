"""Pages of leads, lists, saved views, bulk changes and the CSV export."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, request, url_for

from webapp.core import nav
from webapp.leads.queries import lists as list_queries
from webapp.leads.queries.matching import Scope

bp = Blueprint("leads", __name__)


def url_if(endpoint: str, **values: Any) -> str | None:
    """The address of a page of a feature to the right, or None while it is not installed."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else None


def view_href(view: Any) -> str:
    target = url_for("leads.show_list", list_id=view.list_id) if view.list_id else url_for("leads.index")
    return f"{target}?{view.query}{'&' if view.query else ''}view={view.id}"


bp.add_app_template_filter(view_href)


def _sidebar(user: Any) -> list[dict[str, Any]]:
    scope = Scope.of(user)
    return [
        {"label": view.name, "href": view_href(view), "count": list_queries.count_view(scope, view),
         "active": request.args.get("view") == str(view.id)}
        for view in list_queries.list_views(user, everywhere=True)[:8]
    ]  # fmt: skip


nav.CHILDREN["leads.index"] = _sidebar

from webapp.leads.views import bulk, export, lead, lists, saved, status, table  # noqa: E402, F401  they add their routes
