"""The tabs of Settings. A feature adds its own: `add_tab("Recycling rules", "recycling.rules", "manager")`."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, request, url_for
from flask_login import current_user

from webapp.core.access import role_at_least


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    endpoint: str
    role: str = "rep"


TABS = [
    Tab("Profile", "accounts.profile"),
    Tab("Password", "accounts.password"),
    Tab("Team", "accounts.team", "admin"),
    Tab("Company", "accounts.company", "admin"),
    Tab("API keys", "accounts.keys", "admin"),
]


def add_tab(label: str, endpoint: str, role: str = "rep") -> None:
    tab = Tab(label, endpoint, role)
    if tab not in TABS:
        TABS.append(tab)


def settings_tabs() -> list[tuple[str, str, bool]]:
    """For `ui.tabs`: those whose page exists and which this user may open."""
    shown = []
    for tab in TABS:
        if tab.endpoint in current_app.view_functions and role_at_least(current_user.role, tab.role):
            href = url_for(tab.endpoint)
            shown.append((tab.label, href, request.path == href or request.path.startswith(href + "/")))
    return shown
