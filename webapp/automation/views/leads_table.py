"""What automation brings to the leads' table: "Add to a project" as a bulk action."""

from __future__ import annotations

from typing import Any

from flask_login import current_user

from webapp.accounts.models import User
from webapp.automation.models import Project
from webapp.automation.queries.projects import project_choices
from webapp.automation.service import from_bulk
from webapp.automation.views import bp
from webapp.core.access import find_owned
from webapp.leads.service.own import BulkRefused, OwnAction, own_actions

MOST = 100_000
REASONS = {
    "no_website": "They have no website",
    "bad_website": "Their website cannot be read",
    "twin": "Another dealership has the same website",
    "unchanged": "They are in the project already",
}


@bp.app_template_global()
def open_projects() -> list[tuple[int, str]]:
    return project_choices(current_user.company_id)


def _check(given: dict[str, Any], by: User) -> dict[str, Any]:
    text = str(given.get("project") or "")
    project = (
        find_owned(Project, int(text), by.company_id)
        if text.isascii() and text.isdecimal() and len(text) < 19
        else None
    )
    if project is None or project.archived_at is not None:
        raise BulkRefused("Choose one of your projects.")
    return {"project": project.id, "label": project.name}


own_actions["project"] = OwnAction(
    title="Add to a project:", sentence="Added to a project:", words=("Will be added", "Add", "Added"), template="automation/_bulk_project.html",
    fields=("project",), reasons=REASONS, check=_check, judge=from_bulk.judge, run=from_bulk.run, undo=from_bulk.undo, chunk=1_000, most=MOST,
)  # fmt: skip
