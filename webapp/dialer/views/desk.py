"""The agent's desk: the lead in hand, the keys, what is still without a result."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, abort, make_response, redirect, render_template, request, url_for
from flask_login import current_user

from webapp.core.access import find_owned, get_owned_or_404, requires, role_at_least
from webapp.core.web import go, is_fragment, render, toast
from webapp.dialer import claims, desk
from webapp.dialer.claims import ClaimLost
from webapp.dialer.desk import RESULTS, DeskRefused
from webapp.dialer.desk_queries import Card, find_card, list_open_campaigns, what_today
from webapp.dialer.desk_undo import undo_last
from webapp.dialer.eligible import REASONS, count_reasons
from webapp.dialer.hours import CallbackRefused
from webapp.dialer.in_hand import why_blocked
from webapp.dialer.models import DialCampaign
from webapp.dialer.views import bp
from webapp.dialer.views.typed import read_notes, read_said
from webapp.leads.models import Lead
from webapp.leads.states import LEAD
from webapp.timeline.views.lead import stream_context

STOP_POLLING = 286  # htmx's own
GONE = "The lead is no longer in your hand: its lease ran out, or you gave it back elsewhere."


@bp.get("/desk")
@requires("rep")
def desk_page() -> Response:
    return _draw()


def _draw(
    status: int = 200, *, error: str = "", times: tuple[datetime, ...] = (), typed: dict[str, str] | None = None, looked: bool = False,
    late: Lead | None = None,
) -> Response:  # fmt: skip
    """The desk in whatever state; `looked`: a lead was asked for just now; `late`: whose result came when it was out of hand."""
    card = find_card(current_user)
    campaigns = list_open_campaigns(current_user.company_id)
    chosen = _campaign(campaigns, card)
    context: dict[str, Any] = {
        "card": card, "campaigns": campaigns, "campaign": chosen, "results": RESULTS, "error": error, "times": times,
        "typed": typed or {}, "LEAD": LEAD, "unsaid": desk.list_unsaid(current_user), "today": what_today(current_user),
        "looked": looked, "why": None, "late": late, "REASONS": REASONS, "may_manage": role_at_least(current_user.role, "manager"),
    }  # fmt: skip
    if card is not None:
        context |= stream_context(card.lead) | {"lead": card.lead}
    elif looked and chosen is not None:
        campaign = get_owned_or_404(DialCampaign, chosen.id, current_user.company_id)
        context["why"] = count_reasons(campaign)
    return render("dialer/desk.html", "desk", status=status, **context)


def _campaign(campaigns: list[Any], card: Card | None) -> Any:
    wanted = str(card.entry.campaign_id) if card else request.values.get("campaign", "")
    found = next((row for row in campaigns if str(row.id) == wanted), None)
    return found or (campaigns[0] if len(campaigns) == 1 else None)


def _after(status: int = 200, **more: Any) -> Response:
    """htmx gets the desk as it is now, a browser is sent to it."""
    if is_fragment() or status >= 400:
        return _draw(status, **more)
    return redirect(url_for("dialer.desk_page", campaign=request.form.get("campaign") or None), code=303)  # type: ignore[return-value]


def _next() -> bool:
    """Take the next lead of the campaign that the form names; whether one is in hand now."""
    text = request.form.get("campaign", "")
    campaign_id = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
    try:
        return desk.take_next(campaign_id, by=current_user) is not None
    except LookupError:
        abort(404)


@bp.post("/desk/next")
@requires("rep")
def desk_next() -> Response:
    return _after(looked=not _next())


@bp.post("/desk/dial")
@requires("rep")
def desk_dial() -> Response:
    try:
        desk.start_dial(request.form.get("token", "")[:100], by=current_user)
    except ClaimLost:
        return _after(409, error=GONE)
    except DeskRefused:
        return _after(422)  # the card says why
    return _after()


@bp.post("/desk/result")
@requires("rep")
def desk_result() -> Response:
    """The result by its key; the next lead comes with the answer."""
    result, typed, when = read_said()
    token = request.form.get("token", "")[:100]
    try:
        desk.give_result(
            token, result, by=current_user, notes=typed["notes"], callback_local=when, own=typed["own"] == "1"
        )
    except ClaimLost:
        return _after(409, error=GONE, typed=typed | {"result": result, "token": token}, late=_late_lead(result))
    except CallbackRefused as refused:
        return _after(422, error=str(refused), times=refused.times, typed=typed)
    except DeskRefused as refused:
        return _after(422, error=str(refused), typed=typed)
    toast(f"{RESULTS[result].label.rstrip('…')} noted", action_label="Undo", action_url=url_for("dialer.desk_undo"))
    return _after(looked=not _next())


def _late_lead(result: str) -> Lead | None:
    """The lead that the form was drawn for, where a result for it can still be kept."""
    text = request.form.get("lead", "")
    lead_id = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
    return find_owned(Lead, lead_id, current_user.company_id) if result in RESULTS else None


@bp.post("/desk/late")
@requires("rep")
def desk_late() -> Response:
    """The result of a lead that was no longer in hand."""
    result, typed, when = read_said()
    lead = _late_lead(result)
    if lead is None:
        abort(404)
    token, own = request.form.get("token", "")[:100], typed["own"] == "1"
    try:
        desk.give_late(token, lead.id, result, by=current_user, notes=typed["notes"], callback_local=when, own=own)
    except LookupError:
        abort(404)
    except (CallbackRefused, DeskRefused) as refused:
        return _after(422, error=str(refused))
    toast(f"{RESULTS[result].label.rstrip('…')} noted for {lead.name}")
    return _after()


@bp.post("/desk/skip")
@requires("rep")
def desk_skip() -> Response:
    try:
        desk.skip(request.form.get("token", "")[:100], by=current_user)
    except ClaimLost:
        return _after(409, error=GONE)
    except DeskRefused as refused:
        return _after(422, error=str(refused))
    return _after(looked=not _next())


@bp.post("/desk/pause")
@requires("rep")
def desk_pause() -> Response:
    """Give the lead back where it stood, and rest."""
    try:
        claims.release(current_user.company_id, request.form.get("token", "")[:100])
    except ClaimLost:
        return _after(409, error="It was dialed: say what came of it.")
    return _after()


@bp.post("/desk/undo")
@requires("rep")
def desk_undo() -> Response:
    try:
        undo_last(by=current_user)
    except DeskRefused as refused:
        toast(str(refused), tone="bad")
        return go(url_for("dialer.desk_page"))
    toast("Taken back: the lead is in your hand again")
    return go(url_for("dialer.desk_page"))


@bp.get("/desk/beat")
@requires("rep")
def desk_beat() -> Response:
    """The open desk keeps its lead alive. When that is lost it says so and leaves what was typed; when the lead may no longer be
    dialed, or may again, the page is drawn anew.
    """
    token = request.args.get("token", "")[:100]
    try:
        claims.heartbeat(current_user.company_id, token)
    except ClaimLost:
        if not is_fragment():
            return go(url_for("dialer.desk_page"))
        lost = make_response(render_template("dialer/_desk_lost.html"), STOP_POLLING)
        lost.headers["HX-Reswap"] = "innerHTML"
        return lost
    entry = claims.find_claim(current_user.company_id, token)
    blocked = why_blocked(entry) if entry is not None else None
    if (blocked.label if blocked else "") != request.args.get("blocked", ""):
        return go(url_for("dialer.desk_page"))
    return make_response("", 204)


@bp.post("/desk/calls/<int:call_id>/result")
@requires("rep")
def desk_say(call_id: int) -> Response:
    """What came of a call that was left without a result."""
    try:
        desk.say_result(
            call_id, request.form.get("result", ""), by=current_user, notes=read_notes(),
            everybody=role_at_least(current_user.role, "manager"),
        )  # fmt: skip
    except LookupError:
        abort(404)
    except DeskRefused as refused:
        return _after(422, error=str(refused))
    toast("Noted")
    return _after()
