"""Runs: started from the project, watched live, paused, resumed, cancelled."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.accounts.models import User
from webapp.automation.engine.failures import FAILURES
from webapp.automation.models import Project, Run
from webapp.automation.queries import progress as queries
from webapp.automation.queries import runs as run_queries
from webapp.automation.service import runs as service
from webapp.automation.service.runs import RunRefused
from webapp.automation.settings import find_contact, get_settings
from webapp.automation.states import ACTIVE_RUN, ATTEMPT, RUN
from webapp.automation.views import bp
from webapp.automation.views.projects import find_project, may_manage, me
from webapp.core.access import get_owned_or_404, requires
from webapp.core.charts import stacked
from webapp.core.clock import read_now
from webapp.core.db import db
from webapp.core.once import new_form_token
from webapp.core.states import MoveRefused
from webapp.core.web import go, is_fragment, render, toast

TYPED_FROM = 100  # dealerships; a live run of so many is confirmed with its number
LABELS = (("successful", "ok"), ("failed", "bad"), ("skipped", "neutral"))


def find_run(run_id: int) -> Run:
    return get_owned_or_404(Run, run_id, current_user.company_id)


def start_facts(project: Project) -> dict[str, Any]:
    """For the start buttons of a project: what is due, and what stands in the way."""
    due = run_queries.count_due(project)
    return {
        "due": due, "active": run_queries.find_active(project.id), "typed_from": TYPED_FROM,
        "introduced": find_contact(get_settings(project.company_id).user_agent) is not None, "start_token": new_form_token(),
    }  # fmt: skip


bp.add_app_template_global(start_facts)
bp.add_app_template_global(RUN.__getitem__, "run_state")
bp.add_app_template_global(ATTEMPT.__getitem__, "attempt_state")
bp.add_app_template_global(lambda kind: FAILURES[kind], "failure_of")


@bp.get("/projects/<int:project_id>/runs")
@requires("rep")
def project_runs(project_id: int) -> Response:
    return _runs_page(find_project(project_id))


def _runs_page(project: Project, status: int = 200, error: str = "") -> Response:
    rows = run_queries.list_runs(project.id)
    return render(
        "automation/project_runs.html", status=status, project=project, rows=rows, error=error, may_manage=may_manage()
    )


@bp.post("/projects/<int:project_id>/runs")
@requires("manager")
def start_run(project_id: int) -> AnyResponse:
    """`kind`: dry, live or again; a large live run comes with the number it would reach."""
    project = find_project(project_id)
    kind = request.form.get("kind", "")
    token = request.form.get("form_token", "")[:100]
    if kind not in ("dry", "live", "again") or not token:
        return _runs_page(project, 422, "Choose what to start.")
    due = run_queries.count_due(project)
    wanted = due["again"] if kind == "again" else due["due"]
    if (
        kind != "dry"
        and wanted >= TYPED_FROM
        and request.form.get("confirm_typed", "").strip().replace(",", "") != str(wanted)
    ):
        return _runs_page(project, 422, f"Type {wanted:,} to confirm: so many dealerships would be contacted.")
    try:
        run = service.start_run(
            project_id, by=me(), dry_run=kind == "dry", retry_failed=kind == "again", form_token=token
        )
    except RunRefused as refused:
        return _runs_page(project, 422, str(refused))
    toast("The run has started." if not run.dry_run else "The dry run has started: forms are filled, nothing is sent.")
    return go(url_for("automation.run", run_id=run.id))


@bp.get("/runs/<int:run_id>")
@requires("rep")
def run(run_id: int) -> Response:
    return _run_page(find_run(run_id))


@bp.get("/runs/<int:run_id>/live")
@requires("rep")
def run_live(run_id: int) -> AnyResponse:
    """The polled part; 204 while the version that the page has is the newest and another may come."""
    row = find_run(run_id)
    if request.args.get("v") == _version(row) and queries.is_moving(row):
        return make_response("", 204)
    if not is_fragment():
        return go(url_for("automation.run", run_id=run_id))
    return render("automation/_run_live.html", **_live(row))


def _version(row: Run) -> str:
    """Of what the page shows; a run that waits has less time left each minute."""
    return f"{row.version}.{int(read_now().timestamp() // 60)}" if row.waiting_until else str(row.version)


def _live(row: Run) -> dict[str, Any]:
    project = db.session.get_one(Project, row.project_id)
    hours = queries.count_by_hour(row, project.zone)
    chart = None
    if hours:
        bars = [(f"{at:%a %H}:00", [ok, bad, left]) for at, ok, bad, left in hours[-48:]]
        chart = stacked(bars, list(LABELS), "Attempts by hour", width=1040, height=160)
    return {
        "run": row, "project": project, "progress": queries.get_progress(row), "latest": queries.list_latest(row), "chart": chart,
        "failures": queries.list_failures(row), "may_manage": may_manage(), "hours": [(f"{at:%a %d %b, %H}:00", ok, bad, left) for at, ok, bad, left in hours], "zone": project.zone,
        "is_active": row.state in ACTIVE_RUN, "version": _version(row),
    }  # fmt: skip


def _run_page(row: Run, status: int = 200) -> Response:
    starter = db.session.get(User, row.started_by_id) if row.started_by_id else None
    return render("automation/run.html", status=status, starter=starter.name if starter else "", **_live(row))


def _move(run_id: int, call: Any, words: str) -> AnyResponse:
    find_run(run_id)
    try:
        row = call(run_id, by=me())
    except MoveRefused:
        row = find_run(run_id)
        db.session.refresh(row)
        toast(f"It is {RUN[row.state].label.lower()} already.", tone="warn")
    else:
        toast(words)
    if is_fragment():
        return render("automation/_run_live.html", **_live(row))
    return go(url_for("automation.run", run_id=run_id))


@bp.post("/runs/<int:run_id>/pause")
@requires("manager")
def pause_run(run_id: int) -> AnyResponse:
    return _move(run_id, service.pause_run, "Paused. What is in hand is finished first.")


@bp.post("/runs/<int:run_id>/resumption")
@requires("manager")
def resume_run(run_id: int) -> AnyResponse:
    return _move(run_id, service.resume_run, "It goes on.")


@bp.post("/runs/<int:run_id>/cancellation")
@requires("manager")
def cancel_run(run_id: int) -> AnyResponse:
    return _move(run_id, service.cancel_run, "Cancelled. What was not sent is pending again.")
