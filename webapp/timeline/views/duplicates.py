"""Duplicate leads: found, compared side by side, merged, called different people, and taken apart again."""

from __future__ import annotations

import re
from typing import Any

from flask import abort, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.core.access import find_owned, get_owned_or_404, requires
from webapp.core.web import go, render, toast
from webapp.leads.facts import TEXTS
from webapp.leads.models import Lead
from webapp.leads.queries import lists as list_queries
from webapp.leads.states import LEAD
from webapp.timeline.merging import MOST, PICKED, MergeRefused, StaleMerge, fingerprint, further, merge
from webapp.timeline.models import LeadMerge
from webapp.timeline.queries import duplicates as queries
from webapp.timeline.queries.merges import list_merges
from webapp.timeline.unmerging import undo
from webapp.timeline.verdicts import set_apart, take_back_apart
from webapp.timeline.views import bp

KINDS = {"phone": "Phone", "email": "Email"}


def _ids(values: list[str]) -> list[int]:
    return list(dict.fromkeys(int(value) for value in values if re.fullmatch(r"[0-9]{1,18}", value)))


@bp.get("/duplicates")
@requires("rep")
def duplicates() -> AnyResponse:
    kind = request.args.get("kind", "phone")
    kind = kind if kind in KINDS else "phone"
    after = request.args.get("after", "")[:320].replace("\x00", "")
    groups, following = queries.find_groups(current_user.company_id, kind, after=after)
    return render(
        "timeline/duplicates.html", "groups", groups=groups, following=following, kind=kind, kinds=KINDS, after=after, LEAD=LEAD, most=MOST,
        may_merge=current_user.role != "rep",
    )  # fmt: skip


@bp.app_template_filter("merge_head")
def _merge_head(lead: Lead, survivor: Lead) -> dict[str, Any]:
    return {"label": f"{lead.name} (kept)" if lead is survivor else lead.name}


@bp.app_template_global("find_twins")
def _find_twins(lead: Lead) -> list[Any]:
    return queries.find_twins(lead)


def _leads(ids: list[int]) -> list[Lead]:
    """The leads that are to be compared, each the company's own; 404 where one is not."""
    if not 2 <= len(ids) <= MOST:
        abort(422, f"Choose two to {MOST} leads.")
    found = [find_owned(Lead, lead_id, current_user.company_id) for lead_id in ids]
    if any(lead is None for lead in found):
        abort(404)
    return [lead for lead in found if lead is not None]


@bp.route("/duplicates/merge", methods=["GET", "POST"])
@requires("manager")
def merge_leads() -> AnyResponse:
    values = request.form if request.method == "POST" else request.args
    ids = _ids(values.getlist("ids"))
    if request.method == "GET" and len(ids) < 2:
        return go(url_for("timeline.duplicates"))
    leads = _leads(ids)
    by_id = {lead.id: lead for lead in leads}
    chosen = _ids([values.get("survivor", "")])
    survivor = by_id.get(chosen[0]) if chosen else None
    survivor = survivor or max(leads, key=lambda lead: (lead.contact_count + lead.call_count, -lead.id))
    problem, status = "", 200
    if request.method == "POST":
        gone = [lead.id for lead in leads if lead is not survivor]
        picks = {
            name: found[0]
            for name in PICKED
            if (found := _ids([request.form.get(f"pick-{name}", "")])) and found[0] in by_id
        }
        try:
            [*_, last] = merge(survivor.id, gone, picks, request.form.get("seen", ""), by=current_user)
        except LookupError:
            abort(404)
        except StaleMerge as stale:
            problem, status = str(stale), 409
        except MergeRefused as refused:
            problem, status = str(refused), 422
        else:
            toast("Merged. Undo within 30 days under Duplicates, Merges.", action_label="Undo", action_url=url_for("timeline.undo_merge", merge_id=last.id))  # fmt: skip
            return go(url_for("leads.show", lead_id=survivor.id))
    return render("timeline/merge.html", "review", status=status, problem=problem, **_review(leads, survivor))


def _review(leads: list[Lead], survivor: Lead) -> dict[str, Any]:
    """Side by side: the facts in which they differ, with what each says."""
    people = list_queries.user_names(current_user.company_id)
    lists = list_queries.list_names(current_user.company_id)
    ordered = [survivor, *(lead for lead in leads if lead is not survivor)]
    differing = []
    for name in PICKED:
        values = {lead.id: getattr(lead, name) or "" for lead in ordered}
        if len({value for value in values.values() if value != ""}) > 1:
            said = {
                lead_id: people.get(int(value or 0), "") if name == "owner_id" else value
                for lead_id, value in values.items()
            }
            own = survivor.id if values[survivor.id] else next(lead_id for lead_id, value in values.items() if value)
            differing.append({"name": name, "label": TEXTS.get(name, "Owner"), "values": said, "chosen": own})
    status = survivor.status
    for lead in ordered:
        status = further(status, lead.status)
    return {
        "leads": ordered, "survivor": survivor, "differing": differing, "lists": lists, "LEAD": LEAD, "status_after": status,
        "seen": fingerprint(current_user.company_id, [lead.id for lead in ordered]), "people": people,
        "contacts": sum(lead.contact_count for lead in ordered), "calls": sum(lead.call_count for lead in ordered),
    }  # fmt: skip


@bp.post("/duplicates/apart")
@requires("rep")
def leads_apart() -> AnyResponse:
    ids = _ids(request.form.getlist("ids"))
    if len(ids) != 2:
        abort(422, "Choose two leads.")
    try:
        if request.form.get("back"):
            take_back_apart(*ids, by=current_user)
            toast("They are shown as duplicates again")
        else:
            set_apart(*ids, by=current_user)
            toast("Different people: they are no longer shown as duplicates")
    except LookupError:
        abort(404)
    kind = request.form.get("kind", "")
    return go(url_for("timeline.duplicates", kind=kind if kind in KINDS else "phone"))


@bp.get("/duplicates/merges")
@requires("rep")
def merges() -> AnyResponse:
    before = _ids([request.args.get("before", "")])
    rows, following = list_merges(current_user.company_id, before=before[0] if before else None)
    return render("timeline/merges.html", rows=rows, following=following, may_merge=current_user.role != "rep")


@bp.post("/duplicates/merges/<int:merge_id>/undo")
@requires("manager")
def undo_merge(merge_id: int) -> AnyResponse:
    row = get_owned_or_404(LeadMerge, merge_id, current_user.company_id)
    try:
        kept = undo(row.id, by=current_user)
    except LookupError:
        abort(404)
    except MergeRefused as refused:
        toast(str(refused), tone="bad")
        return go(url_for("timeline.merges"))
    toast(
        f"Two leads again. Changed since and left as it is: {', '.join(kept)}."
        if kept
        else "Two leads again, as they were."
    )
    return go(url_for("leads.show", lead_id=row.gone_id))
