"""Problems of all lists by cause, and the preview of their repair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, request, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires
from webapp.core.db import db
from webapp.core.web import go, render, toast
from webapp.dialer.models import Callback
from webapp.leads.models import Lead, LeadList
from webapp.leads.problems import PROBLEMS, REPAIRABLE
from webapp.leads.queries.lists import list_names
from webapp.leads.states import LEAD
from webapp.recycling import queries
from webapp.recycling.names import name_of
from webapp.recycling.person import DEFAULT_REASON, DUE, LOG_CLASSES, CountMoved, ask_repair
from webapp.recycling.recycle import AT_ONCE
from webapp.recycling.repair import perform_repair, start_repair
from webapp.recycling.views import bp, form_token, may_act, people, read_number

FIXABLE = tuple(name for name, problem in PROBLEMS.items() if problem.repairable)
PAGE, SHOWN = 50, 50
TRIGGERS = {"nightly": "nightly", "light": "light pass", "cli": "command line", "user": ""}


@dataclass(frozen=True, slots=True)
class Shown:
    """One lead of a class as cards and tables show it; `to_status` and `in_call` only where a repair was asked."""

    id: int
    name: str
    status: str | None
    dials: int
    calls: int
    to_status: str | None = None
    in_call: bool = False
    list_id: int | None = None
    callback: Callback | None = None


@bp.get("/problems")
@requires("rep")
def problems() -> Response:
    return render("recycling/problems.html", "region", **overview())


def overview() -> dict[str, Any]:
    company_id = current_user.company_id
    counts = queries.problem_counts(company_id)
    cards = [
        {"problem": PROBLEMS[name], "count": count, "examples": examples(name, company_id)}
        for name, count in counts.items() if count
    ]  # fmt: skip
    repairs = queries.list_repairs(company_id)
    return shared() | {
        "counts": counts, "total": sum(counts.values()), "fixable": queries.fixable(counts), "cards": cards,
        "clear": [PROBLEMS[name] for name, count in counts.items() if not count], "checked": queries.last_check(company_id),
        "repairs": repairs, "undos": queries.undos_of(row.batch_id for row in repairs), "page": "overview",
    }  # fmt: skip


def examples(name: str, company_id: int) -> list[Shown]:
    """Three leads of a class, with what a repair would make of them where it would."""
    if name in REPAIRABLE:
        return [
            Shown(row.id, name_of(row), row.seen, row.dial_attempts, row.calls, row.to_status, row.in_call)
            for row in queries.preview_repair(company_id, classes=(name,), limit=3)
        ]
    return show(queries.example_leads(company_id, name))


def show(leads: list[Lead]) -> list[Shown]:
    open_now = queries.open_callbacks(lead.id for lead in leads)
    return [
        Shown(lead.id, lead.name, lead.status, lead.dial_attempts, lead.call_count, list_id=lead.list_id,
              callback=open_now.get(lead.id))
        for lead in leads
    ]  # fmt: skip


def shared() -> dict[str, Any]:
    return {
        "PROBLEMS": PROBLEMS, "LEAD": LEAD, "may_act": may_act(), "people": people(), "triggers": TRIGGERS,
        "list_names": list_names(current_user.company_id), "log_classes": LOG_CLASSES, "due": DUE, "default_reason": DEFAULT_REASON,
    }  # fmt: skip


@bp.get("/problems/<any({}):name>".format(", ".join(PROBLEMS)))
@requires("rep")
def problem(name: str) -> Response:
    return render("recycling/problem.html", "region", **one_class(name))


def one_class(name: str) -> dict[str, Any]:
    company_id = current_user.company_id
    after, list_id = read_number(request.values.get("after")) or 0, read_number(request.values.get("list"))
    if list_id is not None:
        get_owned_or_404(LeadList, list_id, company_id)
    found = queries.listed_leads(company_id, name, list_id=list_id, after=after, limit=PAGE + 1)
    leads = found[:PAGE]
    return shared() | {
        "problem": PROBLEMS[name], "count": queries.problem_counts(company_id, list_id)[name], "leads": show(leads),
        "total": queries.count_problems(company_id), "after": after, "list_id": list_id, "page": name, "next": leads[-1].id if len(found) > PAGE else None,
    }  # fmt: skip


# --- the repair ------------------------------------------------------------------------------------------


@bp.get("/problems/fix")
@requires("manager")
def fix() -> Response:
    given = request.args.getlist("classes")
    chosen = tuple(name for name in FIXABLE if name in given) if "chosen" in request.args else FIXABLE
    return _fix(chosen, read_number(request.args.get("list")))


@bp.post("/repairs")
@requires("manager")
def repair_start() -> Response:
    given = request.form.getlist("classes")
    classes, list_id = tuple(name for name in FIXABLE if name in given), read_number(request.form.get("list"))
    seen, token = read_number(request.form.get("seen")), form_token()
    if not classes or seen is None or token is None:
        error = (
            "Choose at least one kind of problem."
            if not classes
            else "This form was incomplete. Look at the preview again."
        )
        return _fix(classes, list_id, status=422, error=error)
    if list_id is not None:
        get_owned_or_404(LeadList, list_id, current_user.company_id)
    try:
        repair = ask_repair(
            current_user.company_id, classes=classes, seen=seen, by=current_user, form_token=token, list_id=list_id
        )
    except CountMoved as moved:
        return _fix(classes, list_id, status=409, moved=moved)
    if repair.state == "queued" and (repair.total or 0) <= AT_ONCE:
        perform_repair(repair.id)
        db.session.refresh(repair)
        if repair.done:
            toast(repair.message, action_label="Undo", action_url=url_for("recycling.repair_undo", repair_id=repair.id))
    return go(url_for("recycling.repair", repair_id=repair.id))


def _fix(
    classes: tuple[str, ...],
    list_id: int | None,
    *,
    status: int = 200,
    error: str | None = None,
    moved: CountMoved | None = None,
) -> Response:
    company_id = current_user.company_id
    lead_list = get_owned_or_404(LeadList, list_id, company_id) if list_id is not None else None
    counts = queries.problem_counts(company_id, list_id)
    chosen = tuple(name for name in classes if counts[name])
    held = tuple(name for name in chosen if PROBLEMS[name].on_lead)
    rows = queries.preview_repair(company_id, list_id=list_id, classes=held, limit=SHOWN) if held else []
    context = shared() | {
        "list": lead_list, "counts": counts, "classes": classes, "chosen": chosen, "rows": rows, "error": error, "moved": moved,
        "seen": sum(counts[name] for name in classes), "fixable": [PROBLEMS[name] for name in FIXABLE if counts[name]],
        "held": sum(counts[name] for name in held), "at_once": AT_ONCE, "shown": SHOWN, "all_fixable": queries.fixable(counts), "name_of": name_of,
    }  # fmt: skip
    return render("recycling/fix.html", "preview", status=status, **context)


@bp.post("/problems/check")
@requires("manager")
def check_now() -> Response:
    """Look again: with nothing to fix it leaves its time, otherwise it leads to the preview."""
    company_id = current_user.company_id
    if queries.fixable(queries.problem_counts(company_id)):
        return go(url_for("recycling.fix"))
    repair = start_repair(company_id, by=current_user)
    if repair.state == "queued":
        perform_repair(repair.id)
        db.session.refresh(repair)
    toast("Checked just now: nothing to fix." if repair.state == "done" else "A check is running.")
    return go(url_for("recycling.problems"))
