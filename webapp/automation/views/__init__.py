"""Pages of automation projects: what is to be reached, with what, and how far each dealership got."""

from typing import Any

from flask import Blueprint, current_app, url_for

from webapp.accounts.tabs import add_tab

bp = Blueprint("automation", __name__)
add_tab("Automation", "automation.settings", "manager")


@bp.app_template_global()
def url_if(endpoint: str, **values: Any) -> str | None:
    """The address of a page that another part of the program may bring; None where it does not."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else None


from webapp.automation.views import (  # noqa: E402, F401  they add their routes to bp
    attempts,
    dealership_by_hand,
    dealership_files,
    dealerships,
    leads_table,
    mappings,
    members,
    projects,
    requests,
    runs,
    settings,
)
