"""The table of leads, of the company and of one list: filters, columns, sort, pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import Response, request, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires, role_at_least
from webapp.core.text import exact
from webapp.core.web import render
from webapp.leads.filters import DEFAULT_SORT, NO_STATUS, LeadFilter
from webapp.leads.methods import METHODS
from webapp.leads.models import LeadList
from webapp.leads.problems import PROBLEMS
from webapp.leads.queries import lists as list_queries
from webapp.leads.queries.matching import SEARCH_CAP, Scope
from webapp.leads.queries.pages import PAGE, Page, column_facts, find_page, parse_key
from webapp.leads.states import LEAD
from webapp.leads.views import bp, url_if, view_href

# Column -> label, sort key, falling first, number.
COLUMNS: dict[str, dict[str, Any]] = {
    "phone": {"label": "Phone"},
    "status": {"label": "Status", "key": "status"},
    "owner": {"label": "Owner"},
    "attempts": {"label": "Attempts", "num": True},
    "dialed": {"label": "Last dial", "key": "dialed", "falling": True},
    "tags": {"label": "Tags"},
    "list": {"label": "List"},
    "email": {"label": "Email"},
    "place": {"label": "Place"},
    "contacted": {"label": "Last contact", "key": "contacted", "falling": True},
    "contacted_by": {"label": "Contacted by"},
    "method": {"label": "Last method"},
    "contacts": {"label": "Contacts", "num": True},
    "responded": {"label": "Last response"},
    "follow_up": {"label": "Follow up"},
    "changed": {"label": "Status since"},
    "source": {"label": "Source"},
    "pass": {"label": "Pass", "num": True},
    "created": {"label": "Added", "key": "newest", "falling": True},
}
FOLLOW_UPS = {"due": "due", "set": "has a day", "none": "has none"}
DEFAULT_COLUMNS = ("phone", "status", "owner", "attempts", "dialed", "tags")


@bp.get("/leads")
@requires("rep")
def index() -> Response:
    f = LeadFilter.parse(request.args.items(multi=True))
    return render("leads/index.html", "region", **table_context(f))


@bp.get("/lists/<int:list_id>")
@requires("rep")
def show_list(list_id: int) -> Response:
    lead_list = get_owned_or_404(LeadList, list_id, current_user.company_id)
    f = replace(LeadFilter.parse(request.args.items(multi=True)), lists=(lead_list.id,))
    numbers = list_queries.get_numbers(current_user.company_id, lead_list.id)
    numbers.problems += list_queries.more_problems(current_user.company_id).get(lead_list.id, 0)
    rows = [
        {"state": state, "label": state.label, "count": count, "tone": state.tone,
         "href": url_for("leads.show_list", list_id=list_id, status=state.name or NO_STATUS),
         "chosen": (state.name or NO_STATUS) in f.status}
        for state, count in numbers.breakdown()
    ]  # fmt: skip
    return render(
        "leads/list.html", "region", list=lead_list, numbers=numbers, breakdown=rows,
        links=list_links(lead_list), **table_context(f, lead_list),
    )  # fmt: skip


def list_links(lead_list: LeadList) -> dict[str, str | None]:
    """Pages of other features about this list."""
    return {
        "recycle": url_if("recycling.recycle_page", list_id=lead_list.id) or f"/lists/{lead_list.id}/recycle",
        "report": url_if("reports.status_report", list_id=lead_list.id) or f"/lists/{lead_list.id}/status-report",
        "import": url_if("imports.new", list=lead_list.id) or f"/imports/new?list={lead_list.id}",
    }


class Address:
    """Addresses of one table with its filter changed; the columns stay."""

    def __init__(self, f: LeadFilter, lead_list: LeadList | None, columns: list[str], view: str):
        self.f, self.list, self.view = f, lead_list, view
        self.columns = [] if tuple(columns) == DEFAULT_COLUMNS else columns
        self.base = url_for("leads.show_list", list_id=lead_list.id) if lead_list else url_for("leads.index")

    def __call__(self, f: LeadFilter | None = None, *, columns: list[str] | None = None, **extra: Any) -> str:
        pairs = [pair for pair in (f or self.f).pairs() if not (self.list and pair[0] == "list")]
        pairs += [("cols", name) for name in (self.columns if columns is None else columns)]
        pairs += [("view", self.view)] if self.view else []
        pairs += [(name, str(value)) for name, value in extra.items() if value is not None]
        return f"{self.base}?{urlencode(pairs)}" if pairs else self.base


def table_context(f: LeadFilter, lead_list: LeadList | None = None) -> dict[str, Any]:
    company = current_user.company_id
    scope = Scope.of(current_user)
    chosen = [name for name in request.args.getlist("cols") if name in COLUMNS]
    columns = list(dict.fromkeys(chosen)) or [*DEFAULT_COLUMNS]
    notes = list(f.notes)
    after, before = request.args.get("after"), request.args.get("before")
    key_after, key_before = parse_key(after, f.sort_key), parse_key(before, f.sort_key)
    if (after and not key_after) or (before and not key_before):
        notes.append("The page in the address cannot be used; this is the first one.")
    page = find_page(scope, f, after=None if key_before else key_after, before=key_before)
    owners = list_queries.owner_choices(company)
    names = list_queries.list_names(company)
    views, view, changed = _views(f, lead_list)
    address = Address(f, lead_list, columns if chosen else [], str(view.id) if view else "")
    if f.q and not page.count.exact:
        notes.append(
            f"More than {SEARCH_CAP:,} leads match these words; these are {SEARCH_CAP:,} of them. Add a word to narrow it."
        )
    if not page.leads and (key_after or key_before):
        notes.append("This page is past the end.")
    ids = [lead.id for lead in page.leads]
    facts = {name: column_facts[name](company, ids) for name in columns if name in column_facts}
    counts = list_queries.get_numbers(company, lead_list.id if lead_list else None).by_status
    return {
        "filter": f, "page": page, "columns": columns, "all_columns": COLUMNS, "facts": facts, "METHODS": METHODS, "notes": notes, "address": address,
        "owners": owners, "people": list_queries.user_names(company), "list_names": names, "LEAD": LEAD,
        "lists": list_queries.list_choices(company) if lead_list is None else [], "problems": PROBLEMS,
        "status_choices": [(NO_STATUS, "(none)", counts.get(None, 0))] * bool(counts.get(None) or NO_STATUS in f.status)
        + [(state.name, state.label, counts.get(state.name, 0)) for state in LEAD if counts.get(state.name) or state.name in f.status],
        "pills": pills(f, address, dict(owners), names, lead_list), "pager": pager(page, address),
        "views": views, "view": view, "view_changed": changed, "may_bulk": role_at_least(current_user.role, "manager"),
        "query": f.query_string(), "here_list": lead_list, "total_label": "10 000+" if not page.count.exact else None,
        "any_leads": bool(counts), "sort": f.sort, "default_sort": DEFAULT_SORT, "recycle_url": url_if("recycling.problems"),
    }  # fmt: skip


def _views(f: LeadFilter, lead_list: LeadList | None) -> tuple[list[dict[str, Any]], Any, bool]:
    """The saved views of this table, the one in the address, and whether the filter left it."""
    found = list_queries.list_views(current_user, lead_list.id if lead_list else None)
    bare = f.without("lists") if lead_list else f
    here = next((view for view in found if request.args.get("view") == str(view.id)), None)
    changed = here is not None and LeadFilter.from_query(here.query).query_string() != bare.query_string()
    views = [
        {"name": view.name, "href": view_href(view), "active": view is here, "modified": view is here and changed,
         "private": not view.shared}
        for view in found
    ]  # fmt: skip
    return views, here, changed


def pager(page: Page, address: Address) -> dict[str, Any]:
    """`n` counts the rows before this page, so that a deep page can say where it is."""
    text = request.args.get("n", "0")
    n = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if not (request.args.get("after") or request.args.get("before")):
        n = 0
    known = page.count.exact and n + len(page.leads) <= page.count.number
    back = max(0, n - PAGE)
    return {
        "prev": address(before=page.previous.encode(), n=back or None) if page.previous else None,
        "next": address(after=page.next.encode(), n=n + len(page.leads)) if page.next else None,
        "first": n + 1 if known and page.leads else None, "last": n + len(page.leads) if known and page.leads else None,
        "total": page.count.number if page.count.exact else None, "n": n,
    }  # fmt: skip


def pills(
    f: LeadFilter, address: Address, owners: dict[int, str], lists: dict[int, str], lead_list: LeadList | None
) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []

    def add(label: str, value: str, without: LeadFilter) -> None:
        found.append({"label": label, "value": value, "href": address(without)})

    if f.q:
        add("Search", f.q, f.without("q"))
    for status in f.status:
        label = "(none)" if status == NO_STATUS else LEAD[status].label
        add("Status", label, replace(f, status=tuple(s for s in f.status if s != status)))
    if f.owner:
        who = {"me": "me", "none": "nobody"}.get(f.owner) or owners.get(int(f.owner), "unknown")
        add("Owner", who, f.without("owner"))
    if f.contacted_by:
        add(
            "Contacted by",
            "me" if f.contacted_by == "me" else owners.get(int(f.contacted_by), "unknown"),
            f.without("contacted_by"),
        )
    if f.free:
        when = f" in {f.free_in} h" if f.free_in else " now"
        add("Free to contact", METHODS[f.free].label + when, f.without("free", "free_in"))
    if f.dial:
        add("Dialing", f.dial.partition(".")[2].replace("_", " "), f.without("dial"))
    if not lead_list:
        for list_id in f.lists:
            add("List", lists.get(list_id, "unknown"), replace(f, lists=tuple(i for i in f.lists if i != list_id)))
    if f.problem:
        add("Problem", PROBLEMS[f.problem].label, f.without("problem"))
    plain = {
        "tag": ("Tag", f.tag), "attempts_min": ("Attempts", f"{f.attempts_min} or more"),
        "attempts_max": ("Attempts", f"{f.attempts_max} or fewer"),
        "answered": ("Answered", "at least once" if f.answered == "yes" else "never"),
        "not_contacted_days": ("Not contacted for", f"{f.not_contacted_days} days"),
        "method": ("Last contact by", METHODS[f.method].label if f.method else ""),
        "contacts_min": ("Contacts", f"{f.contacts_min} or more"), "awaiting": ("Awaiting", "a reply"),
        "follow_up": ("Follow up", FOLLOW_UPS.get(f.follow_up, "")),
        "dialed_after": ("Dialed from", exact(f.dialed_after)), "dialed_before": ("Dialed before", exact(f.dialed_before)),
        "country": ("Country", f.country), "state": ("State", f.state), "imported": ("Import", f"no. {f.imported}"),
        "batch": ("Changed by", "one action"), "skipped": ("Left out", f.skipped.partition(".")[2].replace("_", " ")),
    }  # fmt: skip
    for name, (label, value) in plain.items():
        if name in f.active:
            add(label, value, f.without(name))
    return found
