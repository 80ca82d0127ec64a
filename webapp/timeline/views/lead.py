"""The lead page: the timeline first, the guard's word, then the composer."""

from __future__ import annotations

from typing import Any

from flask import abort, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.core.access import find_owned, get_owned_or_404, requires
from webapp.core.web import is_fragment
from webapp.leads.facts import LABELS
from webapp.leads.filters import LeadFilter
from webapp.leads.models import Lead, LeadList
from webapp.leads.problems import PROBLEMS
from webapp.leads.queries import lists as list_queries
from webapp.leads.queries.matching import Scope, count_matches
from webapp.leads.queries.pages import find_key, find_keys
from webapp.leads.states import LEAD
from webapp.leads.views import url_if
from webapp.timeline.forms import ComposerForm
from webapp.timeline.guard import look
from webapp.timeline.queries.contacts import find_survivor
from webapp.timeline.queries.live import find_mark
from webapp.timeline.queries.stream import SOURCES, StreamFilter, find_stream, list_planned
from webapp.timeline.rules import Decision
from webapp.timeline.service import REASONS, Answer
from webapp.timeline.states import CONTACT, DIRECTIONS, METHODS  # fmt: skip
from webapp.timeline.states import SOURCES as ORIGINS
from webapp.timeline.views import bp


@requires("rep")
def show(lead_id: int) -> AnyResponse:
    lead = find_owned(Lead, lead_id, current_user.company_id)
    if lead is None:
        survivor = find_survivor(current_user.company_id, lead_id)
        if survivor is None:
            abort(404)
        return redirect(url_for("leads.show", lead_id=survivor), code=301)
    if is_fragment():
        template = "timeline/_entries.html" if request.args.get("older") else "timeline/_stream.html"
        return make_response(render_template(template, lead=lead, **stream_context(lead)))
    return render_page(lead, composer_context(lead, _blank_form(lead)))


def render_page(lead: Lead, composer: dict[str, Any], status: int = 200) -> AnyResponse:
    """The whole lead page around a composer in whatever state."""
    context = stream_context(lead) | composer | {
        "list": get_owned_or_404(LeadList, lead.list_id, current_user.company_id), "problem": PROBLEMS.get(lead.problem or ""),
        "walk": _walk(lead), "recycle_url": url_if("recycling.recycle_page", list_id=lead.list_id), "live_mark": find_mark(lead.id),
    }  # fmt: skip
    return make_response(render_template("timeline/lead.html", lead=lead, **context), status)


# The page keeps the address and the name it had among the leads: half the program links to it.
bp.record(lambda state: state.app.add_url_rule("/leads/<int:lead_id>", endpoint="leads.show", view_func=show))


def stream_context(lead: Lead) -> dict[str, Any]:
    """What templates/timeline/_stream.html and _entries.html draw."""
    f = StreamFilter.parse(request.args)
    entries, older = find_stream(lead, f, older_than=request.args.get("older"), reach=request.args.get("entry"))
    company = current_user.company_id
    return {
        "entries": entries, "older": older, "filter": f, "planned": [] if f.active else list_planned(lead),
        "people": list_queries.user_names(company), "list_names": list_queries.list_names(company), "labels": LABELS, "LEAD": LEAD,
        "CONTACT": CONTACT, "METHODS": METHODS, "DIRECTIONS": DIRECTIONS, "ORIGINS": ORIGINS, "SOURCES": SOURCES,
    }  # fmt: skip


def _blank_form(lead: Lead) -> ComposerForm:
    wanted = request.args.get("log", "")
    form = ComposerForm(zone=current_user.zone_name)
    if wanted in METHODS:
        form.method.data = wanted
    elif not lead.email and lead.phone:
        form.method.data = "call"
    return form


def composer_context(
    lead: Lead, form: ComposerForm, *, answer: Answer | None = None, reason: str = ""
) -> dict[str, Any]:
    """What templates/timeline/_composer.html draws: the guard's word on the form's method, and the form."""
    method = form.method.data if form.method.data in METHODS else "email"
    decision = answer.decision if answer is not None else decide_now(lead, method)
    return {
        "form": form, "decision": decision, "method": METHODS[method], "answer": answer, "reasons": REASONS, "reason": reason,
        "METHODS": METHODS, "lead_zone": lead.zone or current_user.company.zone, "given_token": request.form.get("form_token", "")[:100],
    }  # fmt: skip


def decide_now(lead: Lead, method: str) -> Decision:
    return look(lead.company_id, [lead.id], method).decisions[lead.id]


@bp.get("/leads/<int:lead_id>/guard")
@requires("rep")
def guard_line(lead_id: int) -> AnyResponse:
    """The guard's word on one method, and the buttons that go with it; asked when the method or the facts change."""
    lead = get_owned_or_404(Lead, lead_id, current_user.company_id)
    if not is_fragment():
        return redirect(url_for("leads.show", lead_id=lead.id, log=request.args.get("method")))
    form = ComposerForm(request.args, zone=current_user.zone_name)
    return make_response(render_template("timeline/_guard.html", lead=lead, oob=True, **composer_context(lead, form)))


def _walk(lead: Lead) -> dict[str, Any] | None:
    """Previous and next in the list one came from."""
    if "from" not in request.args:
        return None
    f = LeadFilter.from_query(request.args["from"])
    scope = Scope.of(current_user)
    count = count_matches(scope, f)
    here = find_key(scope, lead, f.sort_key)
    n = request.args.get("n", "")
    position = int(n) if n.isascii() and n.isdecimal() and 0 < len(n) < 10 else None

    def link(backward: bool) -> str | None:
        found = find_keys(scope, f, count, key=here, backward=backward, size=1)
        if not found:
            return None
        step: dict[str, Any] = {} if position is None else {"n": max(1, position + (-1 if backward else 1))}
        return url_for("leads.show", lead_id=found[0].id, **({"from": f.query_string()} | step))

    rest = f.without("lists") if len(f.lists) == 1 else f
    back = url_for("leads.show_list", list_id=f.lists[0]) if len(f.lists) == 1 else url_for("leads.index")
    query = rest.query_string()
    return {
        "position": position if count.exact and position and position <= count.number else None,
        "total": count.number if count.exact else None, "prev": link(True), "next": link(False),
        "back": f"{back}{'?' + query if query else ''}#lead-{lead.id}",
    }  # fmt: skip
