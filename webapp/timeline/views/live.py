"""The lead page's poll: 204 while nothing has changed, else the line of viewers and the news."""

from __future__ import annotations

import hashlib
import json
import re

from flask import Response, abort, make_response, redirect, render_template, request, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires
from webapp.core.web import is_fragment
from webapp.leads.models import Lead
from webapp.timeline.presence import beat
from webapp.timeline.queries.live import Live, Mark
from webapp.timeline.states import METHODS
from webapp.timeline.views import bp


def _number(name: str) -> int:
    text = request.args.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0


def _digest(live: Live) -> str:
    said = [live.viewers, [(item["kind"], item["id"]) for item in live.news]]
    return hashlib.blake2b(json.dumps(said).encode(), digest_size=8).hexdigest()


@bp.get("/leads/<int:lead_id>/live")
@requires("rep")
def live(lead_id: int) -> Response:
    if not is_fragment():
        get_owned_or_404(Lead, lead_id, current_user.company_id)
        return redirect(url_for("leads.show", lead_id=lead_id))  # type: ignore[return-value]
    mark = Mark(_number("contact"), _number("call"))
    found = beat(
        current_user.company_id, lead_id, current_user.id, mark,
        writing=request.args.get("writing") == "1", method=request.args.get("method", ""),
    )  # fmt: skip
    if found is None:
        abort(404)
    seen = _digest(found)
    if seen == request.args.get("seen"):
        return make_response("", 204)
    newest = f"{found.news[0]['kind']}-{found.news[0]['id']}" if found.news else ""
    response = make_response(
        render_template(
            "timeline/_live.html", lead_id=lead_id, live=found, mark=mark, seen=seen, told=newest, METHODS=METHODS
        )
    )
    if newest and newest != request.args.get("told"):
        response.headers["HX-Trigger-After-Swap"] = "guard-changed"
    return response
