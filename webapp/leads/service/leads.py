"""One lead: made, edited, moved to another status by a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.audit import StatusChange
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.once import keep_answer, take_once
from webapp.core.states import advance
from webapp.leads.facts import LABELS, TEXTS, guess_zone, same
from webapp.leads.models import Lead, LeadChange, LeadList
from webapp.leads.states import LEAD, PROTECTED

# Called in the transaction in hand with the ids of leads that a person moved, where to, who and why.
# The timeline registers `dnc_hooks`, which add the entry of each lead's phone; the dialer `move_hooks`, which keep
# callbacks true.
MoveHook = Callable[[Sequence[int], str, User, "str | None"], None]
dnc_hooks: list[MoveHook] = []
move_hooks: list[MoveHook] = []
# Told in the transaction in hand which columns of these leads a person changed.
edit_hooks: list[Callable[[Sequence[int], frozenset[str]], None]] = []

EDITABLE = (*TEXTS, "owner_id", "tags", "custom", "list_id")


class StatusRefused(Exception):
    """The text tells the person why, and what to do instead. `field` is what must be given."""

    def __init__(self, text: str, field: str = "status"):
        self.field = field
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Difference:
    column: str
    label: str
    theirs: Any
    mine: Any


class StaleEdit(Exception):
    """The lead moved on since the form was made: who and when, and where the two disagree."""

    def __init__(self, lead: Lead, differences: list[Difference], who: str, at: datetime | None):
        self.lead, self.differences, self.who, self.at = lead, differences, who, at
        super().__init__(f"changed by {who}")


@atomic
def create_lead(
    list_id: int, facts: Mapping[str, Any], *, by: User, status: str | None = None, form_token: str | None = None
) -> Lead:
    """A new lead in a list of the person's company, with the zone of its place if none is given; the same `form_token` twice
    gives the same lead.

    Raises LookupError when the list is not theirs.
    """
    if form_token:
        taken = take_once(by.company_id, "leads.create", form_token)
        if taken is not None:
            made = find_owned(Lead, int((taken.body or {}).get("id", 0)), by.company_id)
            if made is None:
                raise LookupError("The lead of this form is gone")
            return made
    lead_list = find_owned(LeadList, list_id, by.company_id)
    if lead_list is None:
        raise LookupError("No such list")
    status = status or LEAD.initial
    facts = {**facts, "zone": facts.get("zone") or _zone_of(facts)}
    lead = Lead(
        company_id=by.company_id, list_id=lead_list.id, anchor_status=status, status=status,
        **{column: facts[column] for column in EDITABLE if column in facts and column != "list_id"},
    )  # fmt: skip
    db.session.add(lead)
    db.session.flush()
    db.session.add(
        StatusChange(company_id=by.company_id, machine=LEAD.name, subject_id=lead.id, old_status=None,
                     new_status=status, cause="user", user_id=by.id)
    )  # fmt: skip
    db.session.flush()
    if status == "dnc":
        _tell([lead.id], status, by, None)
    if form_token:
        keep_answer(by.company_id, "leads.create", form_token, 201, {"id": lead.id})
    db.session.refresh(lead)
    return lead


_PLACE = ("phone", "postal_code", "country", "state")  # a change of these is the time to look for a zone


def _zone_of(facts: Mapping[str, Any]) -> str | None:
    return guess_zone(facts.get("phone"), facts.get("postal_code") or "", facts.get("country") or "")


@atomic(retry=3)
def update_lead(lead_id: int, facts: Mapping[str, Any], *, version: int | None, by: User) -> Lead:
    """Write the given facts over the lead; `version` is the one the person saw, None writes regardless. A zone that is empty
    then, or is emptied, is taken from its place.

    Raises LookupError, or StaleEdit when another edit touched the same facts meanwhile. Edits that
    touched other facts do not stand in the way.
    """
    lead = find_owned(Lead, lead_id, by.company_id, lock=True)
    if lead is None:
        raise LookupError("No such lead")
    if not facts.get("zone", lead.zone) and any(name in facts for name in ("zone", *_PLACE)):
        place = {name: facts.get(name, getattr(lead, name)) for name in _PLACE}
        facts = {**facts, "zone": _zone_of(place)}
    changed = {
        column: facts[column]
        for column in EDITABLE
        if column in facts and not same(column, getattr(lead, column), facts[column])
    }
    if not changed:
        return lead
    if "list_id" in changed and find_owned(LeadList, changed["list_id"], by.company_id) is None:
        raise LookupError("No such list")
    if version is not None and version != lead.version:
        _check_overlap(lead, changed, by)
    before = {column: getattr(lead, column) for column in changed}
    for column, value in changed.items():
        setattr(lead, column, value)
    lead.version += 1
    db.session.add(
        LeadChange(
            company_id=lead.company_id, lead_id=lead.id, user_id=by.id, cause="user", before=before, after=changed
        )
    )
    db.session.flush()
    for hook in edit_hooks:
        hook([lead.id], frozenset(changed))
    db.session.refresh(lead)
    return lead


def _check_overlap(lead: Lead, mine: Mapping[str, Any], by: User) -> None:
    row = db.session.execute(
        sa.select(LeadChange, User.name)
        .outerjoin(User, User.id == LeadChange.user_id)
        .where(LeadChange.lead_id == lead.id)
        .order_by(LeadChange.id.desc())
        .limit(1)
    ).first()
    found = [Difference(column, LABELS[column], getattr(lead, column), value) for column, value in mine.items()]
    who = (row[1] if row else None) or "Rebound"
    raise StaleEdit(lead, found, who, row[0].created_at if row else lead.last_status_change)


@atomic(retry=3)
def set_status(lead_id: int, to: str, *, by: User, reason: str | None = None, seen: str | None = None) -> Lead:
    """A person's move. `seen` is the status the person saw ("" for none), if they saw one.

    Raises LookupError, StatusRefused, MoveRefused; StaleEdit when the status is no longer `seen`.
    """
    lead = find_owned(Lead, lead_id, by.company_id, lock=True)
    if lead is None:
        raise LookupError("No such lead")
    if seen is not None and seen != (lead.status or "") and to != lead.status:
        who, at = _last_mover(lead)
        raise StaleEdit(lead, [Difference("status", "Status", LEAD[lead.status].label, LEAD[to].label)], who, at)
    if lead.status == to:
        return lead
    refused = why_refused(lead.status, to, reason)
    if refused is not None:
        raise refused
    advance(
        lead, to, machine=LEAD, by=by.id, cause="user", reason=reason or None,
        values={**person_says(), "anchor_status": to, "version": lead.version + 1},
    )  # fmt: skip
    _tell([lead.id], to, by, reason)
    db.session.refresh(lead)
    return lead


def person_says() -> dict[str, Any]:
    """What a person's move sets beside the status. It is the last word: no call that has ended outlives it, a call
    that ended while this waited for the lead included, and the lead need not rest for a result that no longer counts.
    """
    at = sa.func.greatest(db_now(), Lead.__table__.c.last_result_at)
    return {"last_status_change": at, "anchor_at": at, "next_eligible_at": None}


def why_refused(old: str | None, new: str, reason: str | None) -> StatusRefused | None:
    if new not in LEAD.names:
        return StatusRefused("Choose one of the statuses.")
    if old == "dnc":
        return StatusRefused(
            "This lead is on Do Not Call. Lift its entry under Do not contact; the lead then goes back to New by itself."
        )
    if old in PROTECTED and not (reason or "").strip():
        return StatusRefused(f"{LEAD[old].label} is protected: say why it changes.", "reason")
    return None


def _last_mover(lead: Lead) -> tuple[str, datetime | None]:
    row = db.session.execute(
        sa.select(User.name, StatusChange.created_at)
        .select_from(StatusChange)
        .outerjoin(User, User.id == StatusChange.user_id)
        .where(StatusChange.machine == LEAD.name, StatusChange.subject_id == lead.id)
        .order_by(StatusChange.id.desc())
        .limit(1)
    ).first()
    return (row[0] or "Rebound", row[1]) if row else ("Rebound", lead.last_status_change)


def _tell(ids: Sequence[int], to: str, by: User, reason: str | None) -> None:
    for hook in (*(dnc_hooks if to == "dnc" else ()), *move_hooks):
        hook(ids, to, by, reason)
