"""The reports of automation projects as pages, and their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import abort, request, url_for
from flask_login import current_user

from webapp.automation.models import Project
from webapp.automation.states import CONTACT_STATUS
from webapp.core.access import get_owned_or_404, requires, role_at_least
from webapp.core.db import db
from webapp.core.web import go, is_fragment, render
from webapp.reports import service
from webapp.reports.automation.document import Table, short_time, shown, state_of
from webapp.reports.automation.kinds import FORMATS, PACKAGE, REPORTS, TABS
from webapp.reports.automation.scope import LEVELS, Scope, list_runs, read_scope
from webapp.reports.builders import FORMAT_LABELS
from webapp.reports.views import bp

SHOWN = 100  # rows of one table on a page; the files hold all
bp.app_template_global("report_value")(shown)
bp.app_template_global("report_state")(state_of)
bp.app_template_global("report_time")(short_time)


@bp.get("/reports/automation")
@requires("rep")
def automation() -> Any:
    return render("reports/automation_index.html", projects=list_projects(current_user.company_id), tabs=TABS)


def list_projects(company_id: int) -> list[Any]:
    """Each with its dealerships, how many are reached, and when it was last at work; archived ones last."""
    return list(
        db.session.execute(
            sa.text(
                """
                SELECT p.id, p.name, p.archived_at, n.dealerships, n.reached, n.failed, n.rate, a.last_at
                FROM projects p
                CROSS JOIN LATERAL (
                  SELECT count(*) AS dealerships, count(*) FILTER (WHERE pd.contact_status IN ('success', 'manual_override')) AS reached,
                         count(*) FILTER (WHERE pd.contact_status IN ('failed', 'blocked')) AS failed,
                         round(count(*) FILTER (WHERE pd.contact_status IN ('success', 'manual_override')) * 100.0 / nullif(count(*), 0), 2) AS rate
                  FROM project_dealerships pd WHERE pd.project_id = p.id) AS n
                LEFT JOIN LATERAL (SELECT max(a.started_at) AS last_at FROM automation_attempts a WHERE a.project_id = p.id) AS a ON true
                WHERE p.company_id = :company ORDER BY p.archived_at IS NOT NULL, lower(p.name), p.id LIMIT 500
                """
            ),
            {"company": company_id},
        )
    )


def arranged(tables: Sequence[Table]) -> list[tuple[str, list[Table]]]:
    """Tables that are drawn as charts stand side by side, in twos."""
    found: list[tuple[str, list[Table]]] = []
    for table in tables:
        kind = "charts" if table.chart is not None else "table"
        if kind == "charts" and found and found[-1][0] == "charts" and len(found[-1][1]) < 2:
            found[-1][1].append(table)
        else:
            found.append((kind, [table]))
    return found


@bp.get("/projects/<int:project_id>/reports", defaults={"kind": "summary"})
@bp.get("/projects/<int:project_id>/reports/<kind>")
@requires("rep")
def project_report(project_id: int, kind: str) -> Any:
    project = get_owned_or_404(Project, project_id, current_user.company_id)
    report = REPORTS.get(kind) or abort(404)
    scope, notes = read_scope(request.args, project)
    place = request.args.get("after", "")[:60]
    document, following = report.page(scope, place)
    return render(
        "reports/automation.html", "numbers", report=report, project=project, document=document, scope=scope, notes=notes, oob=is_fragment(),
        parts=arranged(document.tables), following=following, place=place, runs=list_runs(scope), tabs=_tabs(scope, kind), here=_here(scope, kind),
        statuses=CONTACT_STATUS, levels=LEVELS, formats=FORMATS, labels=FORMAT_LABELS, shown_rows=SHOWN,
        may_package=role_at_least(current_user.role, "manager"),
    )  # fmt: skip


def _here(scope: Scope, kind: str) -> Any:
    """here(after=...): this report under its filter, with some parameters changed."""

    def make(**changes: Any) -> str:
        return url_for("reports.project_report", kind=kind, **(scope.params() | changes))

    return make


def _tabs(scope: Scope, kind: str) -> list[tuple[str, str, bool]]:
    """The filter goes along, but for what only one report knows."""
    shared = {key: value for key, value in scope.params().items() if key not in ("status", "level")}
    return [
        (label, url_for("reports.project_report", kind=name, **shared), name == kind) for name, label in TABS.items()
    ]


@bp.post("/projects/<int:project_id>/reports/<kind>/files")
@requires("rep")
def create_project_export(project_id: int, kind: str) -> Any:
    project = get_owned_or_404(Project, project_id, current_user.company_id)
    report = REPORTS.get(kind) or abort(404)
    format = request.form.get("format", "")
    params = read_scope(request.form, project)[0].params()
    name = f"automation_{report.kind}"
    if format == "zip" and kind == "debug":
        name = PACKAGE
        params |= {f"include_{part}": request.form.get(f"include_{part}") == "1" for part in ("logs", "screenshots")}
    elif format not in FORMATS:
        abort(422, "Choose PDF, Excel, CSV or JSON.")
    export = service.request_export(
        name, format, by=current_user, params=params, subject=project.name, token=request.form.get("token", "")[:64]
    )
    return go(url_for("reports.export", export_id=export.id))
