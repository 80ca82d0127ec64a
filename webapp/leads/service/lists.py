"""Lead lists and saved views."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from webapp.accounts.models import User
from webapp.core.access import find_owned, role_at_least
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.once import keep_answer, take_once
from webapp.leads.models import Lead, LeadList, LeadTally, SavedView

# The list belongs to a campaign of the dialer, which is to the right: it is reached by its table's name.
_CAMPAIGN = sa.table("dial_campaigns", sa.column("id"), sa.column("company_id"))


# Told in the transaction in hand that a list changed its campaign: (list id).
list_hooks: list[Callable[[int], None]] = []


class NameTaken(Exception):
    """Another list of the company has this name."""


class NotEmpty(Exception):
    """Only an empty list can be deleted."""


@atomic
def create_list(name: str, *, by: User, campaign_id: int | None = None, form_token: str | None = None) -> LeadList:
    """Raises NameTaken, LookupError for a campaign that is not theirs."""
    if form_token:
        taken = take_once(by.company_id, "lists.create", form_token)
        if taken is not None:
            made = find_owned(LeadList, int((taken.body or {}).get("id", 0)), by.company_id)
            if made is None:
                raise LookupError("The list of this form is gone")
            return made
    lead_list = LeadList(company_id=by.company_id, name=name, dial_campaign_id=_own_campaign(campaign_id, by))
    db.session.add(lead_list)
    _flush_name(name)
    record_event("list_created", f"Created the list {name}", by=by, subject=lead_list)
    if form_token:
        keep_answer(by.company_id, "lists.create", form_token, 201, {"id": lead_list.id})
    db.session.refresh(lead_list)
    return lead_list


@atomic
def update_list(list_id: int, *, name: str, campaign_id: int | None, active: bool, by: User) -> LeadList:
    """Raises LookupError, NameTaken."""
    lead_list = _get(list_id, by)
    was = {"name": lead_list.name, "campaign": lead_list.dial_campaign_id, "active": lead_list.active}
    campaign = _own_campaign(campaign_id, by)
    now = {"name": name, "campaign": campaign, "active": active}
    if was == now:
        return lead_list
    lead_list.name, lead_list.dial_campaign_id, lead_list.active = name, campaign, active
    lead_list.version += 1
    _flush_name(name)
    if was["campaign"] != campaign:
        for hook in list_hooks:
            hook(lead_list.id)
    record_event("list_changed", f"Changed the list {name}", by=by, subject=lead_list, before=was, after=now)
    return lead_list


@atomic
def archive_list(list_id: int, *, by: User, archived: bool = True) -> LeadList:
    """An archived list is not dialed; its leads and history stay."""
    lead_list = _get(list_id, by)
    if (lead_list.archived_at is not None) == archived:
        return lead_list
    lead_list.archived_at = db_now() if archived else None
    lead_list.active = not archived
    lead_list.version += 1
    db.session.flush()
    db.session.refresh(lead_list)
    verb = "Archived" if archived else "Brought back"
    record_event(
        "list_archived" if archived else "list_restored", f"{verb} the list {lead_list.name}", by=by, subject=lead_list
    )
    return lead_list


@atomic
def delete_list(list_id: int, *, by: User) -> str:
    """Its name. Raises LookupError, NotEmpty."""
    lead_list = _get(list_id, by)
    held = db.session.scalar(sa.select(sa.exists().where(Lead.list_id == lead_list.id)))
    name = lead_list.name
    if held:
        raise NotEmpty
    record_event("list_deleted", f"Deleted the empty list {name}", by=by, subject=lead_list)
    try:
        db.session.execute(sa.delete(LeadTally).where(LeadTally.list_id == lead_list.id))
        db.session.delete(lead_list)
        db.session.flush()
    except IntegrityError as error:
        raise NotEmpty from error
    return name


def _get(list_id: int, by: User) -> LeadList:
    lead_list = find_owned(LeadList, list_id, by.company_id, lock=True)
    if lead_list is None:
        raise LookupError("No such list")
    return lead_list


def _own_campaign(campaign_id: int | None, by: User) -> int | None:
    if campaign_id is None:
        return None
    found = db.session.scalar(
        sa.select(_CAMPAIGN.c.id).where(_CAMPAIGN.c.id == campaign_id, _CAMPAIGN.c.company_id == by.company_id)
    )
    if found is None:
        raise LookupError("No such campaign")
    return campaign_id


def _flush_name(name: str) -> None:
    try:
        db.session.flush()
    except IntegrityError as error:
        if "uq_lead_lists_name" in str(error.orig):
            raise NameTaken(name) from error
        raise


# --- saved views -------------------------------------------------------------------------------------


@atomic
def save_view(name: str, query: str, *, by: User, list_id: int | None = None, shared: bool = False) -> SavedView:
    """Raises LookupError for a list that is not theirs."""
    if list_id is not None and find_owned(LeadList, list_id, by.company_id) is None:
        raise LookupError("No such list")
    view = SavedView(company_id=by.company_id, user_id=by.id, list_id=list_id, name=name, query=query, shared=shared)
    db.session.add(view)
    db.session.flush()
    return view


@atomic
def update_view(
    view_id: int, *, by: User, name: str | None = None, query: str | None = None, shared: bool | None = None
) -> SavedView:
    """Raises LookupError: only its owner, or a manager for a shared one, may change a view."""
    view = _own_view(view_id, by)
    view.name = view.name if name is None else name
    view.query = view.query if query is None else query
    view.shared = view.shared if shared is None else shared
    db.session.flush()
    return view


@atomic
def delete_view(view_id: int, *, by: User) -> SavedView:
    view = _own_view(view_id, by)
    db.session.delete(view)
    return view


def _own_view(view_id: int, by: User) -> SavedView:
    view = find_owned(SavedView, view_id, by.company_id, lock=True)
    if view is None or not (view.user_id == by.id or (view.shared and role_at_least(by.role, "manager"))):
        raise LookupError("No such view")
    return view
