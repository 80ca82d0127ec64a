"""The CSV of a filter or of chosen leads, streamed."""

from __future__ import annotations

from flask import Response, request
from flask_login import current_user

from webapp.core.access import requires
from webapp.core.clock import now
from webapp.leads.export import logged, record_export, stream_csv
from webapp.leads.filters import LeadFilter
from webapp.leads.views import bp
from webapp.leads.views.bulk import posted_selection


@bp.get("/leads/export.csv")
@requires("manager")
def export_csv() -> Response:
    return _stream(LeadFilter.parse(request.args.items(multi=True)), None)


@bp.post("/leads/export.csv")
@requires("manager")
def export_chosen() -> Response:
    selection = posted_selection()
    return _stream(selection.filter, list(selection.ids) if selection.ids is not None else None)


def _stream(f: LeadFilter, ids: list[int] | None) -> Response:
    record_export(f, by=current_user, ids=ids)
    blocks = stream_csv(current_user.company_id, f, viewer_id=current_user.id, zone=current_user.zone_name, ids=ids)
    facts = {"company_id": current_user.company_id, "user_id": current_user.id, "filter": list(f.active)}
    response = Response(logged(blocks, **facts), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="leads-{now():%Y-%m-%d}.csv"'
    return response
