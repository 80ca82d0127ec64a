from __future__ import annotations

from typing import Any
from zlib import crc32

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request, url_for
from flask_login import current_user

from webapp.core.access import requires, role_at_least
from webapp.core.nav import FOOT, NAV
from webapp.core.web import go, is_fragment, render, toast
from webapp.core.work import WORK
from webapp.home import queries, service, system
from webapp.home.keys import KEYS
from webapp.home.links import find_url, work_label, work_url
from webapp.leads.problems import PROBLEMS
from webapp.leads.states import LEAD
from webapp.recycling.queries import problem_counts

EXAMPLE_EVENT = (
    '{"provider": "my-dialer", "event_id": "e-1", "call_id": "c-1", "type": "ended",\n'
    '       "phone": "+12125550142", "call_status": "no_answer"}'
)
bp = Blueprint("home", __name__)
bp.add_app_template_global(work_label)
bp.add_app_template_global(work_url)
bp.add_app_template_global(find_url)


@bp.get("/")
@requires("rep")
def today() -> Any:
    company_id = current_user.company_id
    manages = role_at_least(current_user.role, "manager")
    cells = queries.company_cells(company_id)
    leads = sum(cell.leads for cell in cells)
    problems = {name: count for name, count in problem_counts(company_id).items() if count} if manages else {}
    running = queries.running_work(current_user)
    return render(
        "home/today.html", None, callbacks=queries.my_callbacks(current_user), leads=leads,
        follow_ups=queries.my_follow_ups(current_user), prevented=queries.count_prevented(current_user), LEAD=LEAD,
        team=queries.team_numbers(company_id, current_user.zone_name), problems=problems, labels=PROBLEMS, manages=manages,
        running=running, running_version=_version(running), states=WORK,
        failed=queries.failed_work(current_user, days=1, limit=5) if manages else [],
        lists=queries.lists_at_a_glance(company_id, cells), steps=_steps(leads > 0) if manages else [],
    )  # fmt: skip


def _version(running: list[queries.Running]) -> int:
    """Another number after every visible change."""
    return crc32(repr([(row.table, row.id, row.version) for row in running]).encode())


@bp.get("/running")
@requires("rep")
def running() -> Any:
    """The polled block of unfinished work."""
    if not is_fragment():
        return go(url_for("home.today"))
    rows = queries.running_work(current_user)
    if request.args.get("v", type=int) == _version(rows):
        return Response(status=204)
    return make_response(
        render_template("home/_running.html", running=rows, running_version=_version(rows), states=WORK, polled=True)
    )


def _steps(has_leads: bool) -> list[dict[str, Any]]:
    """The five first steps, or nothing once all are done or the user has put them away."""
    if current_user.preferences.get(service.DISMISSED):
        return []
    done = queries.first_steps(current_user.company_id, has_leads)
    if all(done.values()):
        return []
    is_admin = role_at_least(current_user.role, "admin")
    load = find_url("demo.index") if is_admin else None
    steps = (
        ("workspace", "Create your workspace", None, None),
        ("leads", "Import a list or load demo data", find_url("imports.new") or load, "CSV or Excel; nothing is written before you confirm."),
        ("problems", "Fix problematic leads", find_url("recycling.problems"), "Leads whose status does not fit their calls."),
        ("calls", "Connect your dialer", find_url("accounts.keys") if is_admin else find_url("home.help", _anchor="calls"),
         "Make an API key and send the first call."),
        ("recycle", "Recycle a list or take a report", find_url("leads.lists"), "Open a list; both are at its top."),
    )  # fmt: skip
    return [
        {"text": text, "href": href, "hint": None if done[name] else hint, "done": done[name]}
        for name, text, href, hint in steps
    ]


@bp.post("/first-steps/dismiss")
@requires("manager")
def dismiss_steps() -> Any:
    service.dismiss_first_steps(by=current_user)
    toast("The first steps are put away. Help has them too.")
    return go(url_for("home.today"))


# --- system ----------------------------------------------------------------------------------------------


@bp.get("/system", endpoint="system")
@requires("admin")
def show_system() -> Any:
    return render(
        "home/system.html", "health", checks=system.checks(), queues=system.queues(), database=system.database(),
        schedules=system.schedules(current_user.company_id), disk=system.disk(), versions=system.versions(),
        running=queries.running_work(current_user), failed=queries.failed_work(current_user, days=30, limit=20), states=WORK,
    )  # fmt: skip


@bp.post("/system/work/<table>/<int:row_id>/again")
@requires("admin")
def restart(table: str, row_id: int) -> Any:
    if not service.restart_failed(table, row_id, by=current_user):
        abort(404)
    toast(f"{work_label(table)} {row_id} goes on where it stopped.")
    return go(url_for("home.system"))


# --- help ------------------------------------------------------------------------------------------------


@bp.get("/help")
@requires("rep")
def help() -> Any:
    base = current_app.config["SETTINGS"].base_url.rstrip("/")
    return render("home/help.html", None, problems=PROBLEMS, statuses=LEAD, base=base, example=EXAMPLE_EVENT)


@bp.get("/help/keys")
@requires("rep")
def keys() -> Any:
    pages = [
        (f"g {item.key}", item.label)
        for item in (*(item for _, items in NAV for item in items), *FOOT)
        if item.key and role_at_least(current_user.role, item.role) and find_url(item.endpoint)
    ]
    return render("home/keys.html", None, pages=pages, groups=KEYS)
