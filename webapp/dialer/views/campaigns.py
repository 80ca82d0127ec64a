"""Dial campaigns: all of them, one at a glance, its facts, lists and recycling rules."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.core.access import get_owned_or_404, requires, role_at_least
from webapp.core.clock import read_now
from webapp.core.once import new_form_token
from webapp.core.text import plural
from webapp.core.web import go, render, toast
from webapp.dialer import campaign_queries as queries
from webapp.dialer import campaigns as service
from webapp.dialer.campaign_forms import (
    CampaignForm,
    ListsForm,
    RulesForm,
    delay_words,
    describe_facts,
    minutes,
    tell_rules,
)
from webapp.dialer.campaigns import Facts, NameTaken, StaleCampaign
from webapp.dialer.desk import SCRIPT_FIELDS
from webapp.dialer.hours import describe
from webapp.dialer.models import ORDERS, DialCampaign
from webapp.dialer.rules import DEFAULT_RULES
from webapp.dialer.views import bp
from webapp.leads.states import LEAD

bp.add_app_template_filter(describe, "hours")
bp.add_app_template_filter(minutes, "minutes")


def find_campaign(campaign_id: int) -> DialCampaign:
    return get_owned_or_404(DialCampaign, campaign_id, current_user.company_id)


def may_manage() -> bool:
    return role_at_least(current_user.role, "manager")


def tabs(campaign: DialCampaign, active: str) -> list[tuple[str, str, bool]]:
    pages = (
        ("Overview", "dialer.campaign"),
        ("Rules", "dialer.rules"),
        ("Hopper", "dialer.hopper"),
        ("Why not?", "dialer.why"),
    )
    return [(label, url_for(name, campaign_id=campaign.id), name == f"dialer.{active}") for label, name in pages]


@bp.get("/campaigns")
@requires("rep")
def campaigns() -> Response:
    return render(
        "dialer/campaigns.html", rows=queries.list_campaigns(current_user.company_id), may_manage=may_manage()
    )


# --- its facts -------------------------------------------------------------------------------------------------------


@bp.route("/campaigns/new", methods=["GET", "POST"])
@requires("manager")
def new_campaign() -> AnyResponse:
    if request.method == "GET":
        return _form_page(CampaignForm.of(None), None)
    form = CampaignForm(request.form)
    token = request.form.get("form_token", "")[:100] or new_form_token()
    if form.validate():
        try:
            made = service.create_campaign(form.facts, by=current_user, form_token=token)
        except NameTaken:
            form.name.errors = ["There is a campaign of this name already."]
        except LookupError:
            abort(404)
        else:
            toast(f"Made the campaign {made.name}. Give it lists to dial.")
            return go(url_for("dialer.campaign", campaign_id=made.id))
    return _form_page(form, None, 422, token=token)


@bp.route("/campaigns/<int:campaign_id>/edit", methods=["GET", "POST"])
@requires("manager")
def edit_campaign(campaign_id: int) -> AnyResponse:
    campaign = find_campaign(campaign_id)
    if request.method == "GET":
        return _form_page(CampaignForm.of(campaign), campaign)
    form = CampaignForm(request.form)
    if not form.validate():
        return _form_page(form, campaign, 422)
    try:
        service.update_campaign(campaign_id, form.facts, version=form.seen_version, by=current_user)
    except NameTaken:
        form.name.errors = ["There is a campaign of this name already."]
        return _form_page(form, find_campaign(campaign_id), 422)
    except StaleCampaign:
        return _stale(campaign, form)
    except LookupError:
        abort(404)
    _follow(campaign_id)
    toast("Saved.")
    return go(url_for("dialer.campaign", campaign_id=campaign_id))


def _stale(campaign: DialCampaign, form: CampaignForm) -> AnyResponse:
    theirs, mine = describe_facts(campaign), describe_facts(form.facts)
    rows = [(label, theirs[label], mine[label]) for label in mine if theirs[label] != mine[label]]
    if not rows and _same(campaign, form.facts):
        toast("Somebody had saved the same before.", tone="warn")
        return go(url_for("dialer.campaign", campaign_id=campaign.id))
    who, at = queries.find_last_change(campaign)
    fields = {name: value for name, value in request.form.items() if name not in ("csrf_token", "version")}
    return _form_page(form, campaign, 409, stale={"who": who, "at": at, "rows": rows, "fields": fields})


def _same(campaign: DialCampaign, facts: Facts) -> bool:
    return campaign.script == facts.script


def _form_page(form: CampaignForm, campaign: DialCampaign | None, status: int = 200, **context: Any) -> Response:
    return render(
        "dialer/campaign_form.html", status=status, form=form, campaign=campaign, script_fields=SCRIPT_FIELDS, **context
    )


def _follow(campaign_id: int) -> None:
    """The leads' next times, as far as one request may take; the rest follows within minutes."""
    service.recompute(current_user.company_id, campaign_id, most=service.AT_ONCE)


# --- at a glance, switched, its lists --------------------------------------------------------------------------------


@bp.get("/campaigns/<int:campaign_id>")
@requires("rep")
def campaign(campaign_id: int) -> Response:
    found = find_campaign(campaign_id)
    choices = queries.list_choices(found)
    return _overview(found, choices, _lists_form(choices))


def _lists_form(choices: list[queries.ListChoice], sent: Any = None) -> ListsForm:
    form = ListsForm({choice.list.id: choice.list.name for choice in choices})
    data: dict[str, Any] = {}
    for choice in choices:
        data |= {f"list_{choice.list.id}": choice.chosen, f"weight_{choice.list.id}": choice.list.weight}
    form.process(sent, data=data)
    return form


def _overview(
    found: DialCampaign, choices: list[queries.ListChoice], form: ListsForm, status: int = 200, *, stale: bool = False
) -> Response:
    return render(
        "dialer/campaign.html", status=status, row=queries.get_row(found), campaign=found, choices=choices, form=form,
        stale=stale, seen=queries.tell_lists(choices), tabs=tabs(found, "campaign"), may_manage=may_manage(), orders=ORDERS,
        rules=[(LEAD[status], delay_words(rule), rule) for status, rule in service.rules_of(found.id).items() if status in DEFAULT_RULES],
        defaults=DEFAULT_RULES,
    )  # fmt: skip


@bp.post("/campaigns/<int:campaign_id>/switch")
@requires("manager")
def switch(campaign_id: int) -> AnyResponse:
    found = find_campaign(campaign_id)
    active = request.form.get("active") == "1"
    service.switch_campaign(campaign_id, active, by=current_user)
    if active:
        toast(f"{found.name} is on. Its hopper fills within a minute.")
    else:
        toast(f"{found.name} is off. What agents have in hand they may finish.")
    return go(url_for("dialer.campaign", campaign_id=campaign_id))


@bp.post("/campaigns/<int:campaign_id>/lists")
@requires("manager")
def campaign_lists(campaign_id: int) -> AnyResponse:
    found = find_campaign(campaign_id)
    choices = queries.list_choices(found)
    form = _lists_form(choices, request.form)
    try:
        weights = form.weights()
    except ValueError:
        return _overview(found, choices, form, 422)
    now = {choice.list.id: choice.list.weight for choice in choices if choice.chosen}
    if weights != now and request.form.get("seen", "") != queries.tell_lists(choices):
        return _overview(found, choices, form, 409, stale=True)
    try:
        service.save_lists(campaign_id, weights, by=current_user)
    except LookupError:
        abort(404)
    _follow(campaign_id)
    toast(f"{plural(len(weights), 'list')} in the campaign." if weights != now else "Nothing had changed.")
    return go(url_for("dialer.campaign", campaign_id=campaign_id))


# --- recycling rules -------------------------------------------------------------------------------------------------


@bp.route("/campaigns/<int:campaign_id>/rules", methods=["GET", "POST"])
@requires("rep")
def rules(campaign_id: int) -> AnyResponse:
    found = find_campaign(campaign_id)
    kept = service.rules_of(campaign_id)
    if request.method == "GET":
        return _rules_page(found, RulesForm.of(kept), kept)
    if not may_manage():
        abort(403)
    form = RulesForm(request.form)
    if not form.validate():
        return _rules_page(found, form, kept, 422)
    if request.form.get("preview"):
        return _rules_page(found, form, form.rules, asked=True)
    if form.rules != {status: kept[status] for status in DEFAULT_RULES}:
        if (form.seen.data or "") != tell_rules(kept):
            return _rules_page(found, form, form.rules, 409, stale=kept)
        service.save_rules(campaign_id, form.rules, by=current_user)
        _follow(campaign_id)
        toast("Saved. The leads that wait follow the new rules.")
    else:
        toast("Nothing had changed.")
    return go(url_for("dialer.rules", campaign_id=campaign_id))


def _rules_page(
    found: DialCampaign, form: RulesForm, shown: dict[str, service.Rule], status: int = 200, *, asked: bool = False,
    stale: dict[str, service.Rule] | None = None,
) -> Response:  # fmt: skip
    now = read_now()
    words = {
        name: queries.forecast_words(number, now, current_user.zone_name) if number is not None else ""
        for name, number in queries.forecast_all(found, shown, asked=asked).items()
    }
    return render(
        "dialer/campaign_rules.html", "form", status=status, campaign=found, form=form, words=words, asked=asked, stale=stale,
        rules=shown, delay_words=delay_words, seen=tell_rules(stale) if stale else form.seen.data or "", LEAD=LEAD,
        defaults={status: service.Rule(status, delay, redials) for status, (delay, redials) in DEFAULT_RULES.items()},
        tabs=tabs(found, "rules"), may_manage=may_manage(), zone=current_user.zone_name,
        changed=asked and tell_rules(service.rules_of(found.id)) != tell_rules(shown),
    )  # fmt: skip
