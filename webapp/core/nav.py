"""The sidebar as data: endpoint, label, icon, the key after `g`, and who may see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import current_app, request, url_for
from flask_login import current_user

from webapp.core.access import role_at_least


@dataclass(frozen=True, slots=True)
class Item:
    label: str
    endpoint: str
    icon: str
    key: str = ""
    role: str = "rep"
    prefix: str | tuple[str, ...] = ""  # paths under it mark the item active; default: its own url
    bottom: bool = False  # in the phone's bar
    tone: str = "neutral"  # of its count


NAV: tuple[tuple[str, tuple[Item, ...]], ...] = (
    ("", (Item("Today", "home.today", "house", "t", bottom=True),)),
    ("Leads", (
        Item("Leads", "leads.index", "users", "l", prefix="/leads", bottom=True),
        Item("Lists", "leads.lists", "list", "s", prefix="/lists", bottom=True),
        Item("Imports", "imports.index", "upload", "i", prefix="/imports"),
        Item("Duplicates", "timeline.duplicates", "merge", prefix="/duplicates"),
        Item("Do not contact", "timeline.dnc", "shield-ban", "d"),
    )),
    ("Calls", (
        Item("Desk", "dialer.desk_page", "headset", "k", prefix="/desk", bottom=True),
        Item("Calls", "dialer.calls", "phone", "c", prefix="/calls"),
        Item("Callbacks", "dialer.callbacks", "calendar-clock", "b", prefix="/callbacks"),
        Item("Campaigns", "dialer.campaigns", "radar", "m", prefix="/campaigns"),
    )),
    ("Outreach", (
        Item("Projects", "automation.projects", "mouse-pointer-click", "f",
             prefix=("/projects", "/project-dealerships", "/runs", "/attempts", "/mappings")),
        Item("Dealerships", "automation.dealerships", "building-2", prefix="/dealerships"),
    )),
    ("", (Item("Problems", "recycling.problems", "triangle-alert", "p", prefix="/problems", bottom=True, tone="bad"),)),
    ("Reports", (
        Item("Reports", "reports.index", "chart-column", "r", prefix="/reports"),
        Item("Outreach", "reports.outreach", "send", "o"),
        Item("Dialing", "reports.dialing", "phone-outgoing"),
        Item("Exports", "reports.exports", "download", "x", prefix="/exports"),
        Item("Activity", "accounts.activity", "history", "a"),
    )),
)  # fmt: skip
FOOT: tuple[Item, ...] = (
    Item("Notifications", "notifications.index", "bell", "n"),
    Item("Settings", "accounts.settings", "settings", prefix="/settings"),
    Item("System", "home.system", "activity", role="admin"),
    Item("Help", "home.help", "circle-help", prefix="/help"),
)
# Counts by endpoint, filled by the features: company_id -> number, cheap enough for every page.
COUNTS: dict[str, Callable[[int], int]] = {}
# Entries below an item (saved views below Leads): user -> list of {label, href, count}.
CHILDREN: dict[str, Callable[[Any], list[dict[str, Any]]]] = {}


@dataclass(slots=True)
class Nav:
    groups: list[dict[str, Any]] = field(default_factory=list)
    foot: list[dict[str, Any]] = field(default_factory=list)
    bottom: list[dict[str, Any]] = field(default_factory=list)

    def __iter__(self) -> Any:
        return iter(self.groups)

    def __len__(self) -> int:
        return len(self.groups)


def build_nav() -> Nav:
    nav = Nav()
    if not current_user or not current_user.is_authenticated:
        return nav
    for label, items in NAV:
        shown = [entry for item in items if (entry := _entry(item))]
        if shown:
            nav.groups.append({"label": label, "items": shown})
            nav.bottom += [entry for entry in shown if entry["bottom"]]
    nav.foot = [entry for item in FOOT if (entry := _entry(item))]
    return nav


def _entry(item: Item) -> dict[str, Any] | None:
    if item.endpoint not in current_app.view_functions or not role_at_least(current_user.role, item.role):
        return None
    href = url_for(item.endpoint)
    prefix = item.prefix or href
    active = request.path == href or (prefix != "/" and request.path.startswith(prefix))
    count = COUNTS[item.endpoint](current_user.company_id) if item.endpoint in COUNTS else None
    children = CHILDREN[item.endpoint](current_user) if item.endpoint in CHILDREN else []
    return {
        "label": item.label, "href": href, "icon": item.icon, "key": item.key, "active": active, "count": count,
        "children": children, "bottom": item.bottom, "tone": item.tone,
    }  # fmt: skip
