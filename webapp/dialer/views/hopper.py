"""The hopper of a campaign, and why its other leads are not in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, abort, current_app, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.core.access import MAX_ID, find_owned, requires, role_at_least
from webapp.core.text import plural
from webapp.core.web import go, is_fragment, render, toast
from webapp.dialer import campaign_queries as queries
from webapp.dialer.eligible import REASONS, Reason, count_reasons, judge
from webapp.dialer.filling import add_manually, fill_hopper
from webapp.dialer.forms import AssignForm
from webapp.dialer.models import HOPPER, ORDERS, DialCampaign
from webapp.dialer.views import bp
from webapp.dialer.views.campaigns import find_campaign, may_manage, tabs
from webapp.leads.models import Lead

READY = Reason("In the hopper", "Next to be taken, in the hopper's order.", "ok")
DIALABLE = Reason("Dialable", "It may be dialed now: next to be taken into the hopper.", "ok")
ON_TOP = {"ready": READY, "dialable": DIALABLE}
ON_TOP_NOW = {
    "added": "It stands on top.", "raised": "It stood in the hopper already: now it stands on top.", "on_top": "It stands on top already.",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WhyRow:
    name: str
    reason: Reason
    count: int
    href: str
    cure: tuple[str, str] | None
    next_at: datetime | None = None


def _leads_of(campaign: DialCampaign, name: str) -> str:
    return url_for("leads.index", dial=f"{campaign.id}.{name}")


def cure_of(campaign: DialCampaign, name: str, reason: Reason) -> tuple[str, str] | None:
    """Words and address of what this user can do about it, where there is such a page."""
    view = current_app.view_functions.get(reason.endpoint)
    if not reason.cure or view is None or not role_at_least(current_user.role, getattr(view, "required_role", "rep")):
        return None
    if reason.on_leads:
        return reason.cure, _leads_of(campaign, name)
    wanted = {each for rule in current_app.url_map.iter_rules(reason.endpoint) for each in rule.arguments}
    values: dict[str, Any] = {"campaign_id": campaign.id} if "campaign_id" in wanted else {}
    return reason.cure, url_for(reason.endpoint, **values)


@bp.get("/campaigns/<int:campaign_id>/why")
@requires("rep")
def why(campaign_id: int) -> Response:
    """Counts by reason, or one lead's with `?lead=`; htmx gets the block alone."""
    campaign = find_campaign(campaign_id)
    asked = request.args.get("lead", "").strip()
    context: dict[str, Any] = {
        "campaign": campaign,
        "tabs": tabs(campaign, "why"),
        "asked": asked,
        "one": None,
        "may_manage": may_manage(),
    }
    if asked:
        return render("dialer/why.html", "why", **context | {"one": _one(campaign, asked)})
    found = count_reasons(campaign)
    reasons = {**ON_TOP, **REASONS}
    rows = [
        WhyRow(name, reason, found.counts.get(name, 0), _leads_of(campaign, name), cure_of(campaign, name, reason),
               found.next_at if name == "cooling" else None)
        for name, reason in reasons.items() if found.counts.get(name) or name in ON_TOP
    ]  # fmt: skip
    return render(
        "dialer/why.html",
        "why",
        rows=rows,
        total=found.total,
        leads=queries.count_leads(campaign),
        compact=is_fragment(),
        **context,
    )


def _one(campaign: DialCampaign, asked: str) -> dict[str, Any]:
    """What is to be said of the lead with this number. Another company's is the same 404 as none."""
    if not (asked.isascii() and asked.isdecimal() and len(asked) < 20 and 0 < int(asked) <= MAX_ID):
        return {"error": "Enter the number at the end of the lead's address."}
    lead = find_owned(Lead, int(asked), current_user.company_id)
    if lead is None:
        abort(404)
    found = judge(campaign, [lead.id])
    if lead.id not in found:
        return {"lead": lead, "error": "Its list belongs to another campaign, or to none: this one never dials it."}
    entry = queries.find_entry(lead)
    name = found[lead.id] or ("ready" if entry is not None and entry.status == "ready" else "dialable")
    reason = {**ON_TOP, **REASONS}[name]
    next_at = lead.next_eligible_at if name == "cooling" else None
    if not campaign.active and name == "outside_hours":  # no hour is one of a campaign that is off
        return {"lead": lead}
    return {"lead": lead, "reason": reason, "cure": cure_of(campaign, name, reason), "next_at": next_at, "name": name}


@bp.get("/campaigns/<int:campaign_id>/hopper")
@requires("rep")
def hopper(campaign_id: int) -> Response:
    return _hopper_page(find_campaign(campaign_id), AssignForm())


def _hopper_page(campaign: DialCampaign, form: AssignForm, status: int = 200) -> Response:
    rows, total = queries.list_hopper(campaign, f"Its turn: {ORDERS[campaign.lead_order].lower()}")
    return render(
        "dialer/hopper.html", status=status, campaign=campaign, row=queries.get_row(campaign), rows=rows, total=total, form=form,
        HOPPER=HOPPER, tabs=tabs(campaign, "hopper"), may_manage=may_manage(),
    )  # fmt: skip


@bp.post("/campaigns/<int:campaign_id>/hopper/fill")
@requires("manager")
def fill(campaign_id: int) -> AnyResponse:
    campaign = find_campaign(campaign_id)
    added = fill_hopper(current_user.company_id, campaign_id)
    here = url_for("dialer.hopper", campaign_id=campaign_id)
    if added is None:
        toast("It is being filled at this moment.", tone="warn")
    elif added:
        toast(f"{plural(added, 'lead')} added.")
    elif not campaign.active:
        toast("The campaign is off: switch it on first.", tone="warn")
    elif (ready := queries.get_row(campaign).ready) >= campaign.hopper_level:
        toast(f"Nothing to add: {ready} stand in it, its level is {campaign.hopper_level}.")
    else:
        toast("No other lead may be dialed now. “Why not?” says why.", tone="warn")
    return go(here)


@bp.post("/campaigns/<int:campaign_id>/hopper/leads")
@requires("manager")
def add_to_hopper(campaign_id: int) -> AnyResponse:
    campaign = find_campaign(campaign_id)
    form = AssignForm(request.form)
    if not form.validate():
        return _hopper_page(campaign, form, 422)
    try:
        if not campaign.active:
            raise ValueError("The campaign is off: switch it on first.")
        done = add_manually(current_user.company_id, campaign_id, form.lead_id.data, by_id=current_user.id)
    except LookupError:
        form.lead_id.errors = ["There is no such lead."]
        return _hopper_page(campaign, form, 422)
    except ValueError as refused:
        form.lead_id.errors = [str(refused)]
        return _hopper_page(find_campaign(campaign_id), form, 422)
    toast(ON_TOP_NOW[done])
    return go(url_for("dialer.hopper", campaign_id=campaign_id))
