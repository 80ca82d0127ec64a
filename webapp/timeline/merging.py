"""Two leads that are one person become one lead: everything moves, the strictest consent wins, and it can be undone.

The lead that ends is kept whole as JSON and leaves `leads`, so that tallies, search, hopper and matching lose it by the
database's own means. An alias leads its old address and id to the survivor for as long as the merge stands.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.audit import StatusChange, record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.states import advance_many
from webapp.leads.facts import NULLABLE, TEXTS
from webapp.leads.models import Lead, LeadChange
from webapp.leads.service.leads import move_hooks
from webapp.leads.states import LEAD
from webapp.timeline import dealerships
from webapp.timeline.guard import lock_people
from webapp.timeline.models import LeadAlias, LeadMerge
from webapp.timeline.summary import recount

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST = 5
# Which of two statuses tells more of a lead: later in this row.
RANK = ("", "new", "enriched", "invalid", "failed", "congestion", "dropped", "no_answer", "busy", "not_interested", "contacted",
        "callback", "conversing", "qualified", "converted", "sale", "dnc")  # fmt: skip
PICKED = (*TEXTS, "owner_id")
# Rows that hang on a lead and follow it, by table; each has an id and lead_id.
FOLLOWING = ("call_logs", "call_events", "callbacks", "lead_changes", "guard_notices")
SUMS = ("dial_attempts", "answered_count", "pass_dials")


class MergeRefused(Exception):
    """Says what stands in the way, and what to do about it."""


class StaleMerge(Exception):
    """One of the leads changed since the review."""


def fingerprint(company_id: int, ids: Sequence[int]) -> str:
    """What a review showed: versions, statuses and the newest contact and call of each lead."""
    rows = db.session.execute(
        sa.text(
            "SELECT l.id, l.version, l.status, (SELECT max(id) FROM contact_attempts a WHERE a.lead_id = l.id) AS contact,"
            " (SELECT max(id) FROM call_logs c WHERE c.lead_id = l.id) AS call FROM leads l"
            " WHERE l.company_id = :company AND l.id = ANY(:ids) ORDER BY l.id"
        ),
        {"company": company_id, "ids": list(ids)},
    )
    return hashlib.blake2b(json.dumps([list(row) for row in rows]).encode(), digest_size=12).hexdigest()


def further(a: str | None, b: str | None) -> str | None:
    """The status that tells more; Do Not Call wins over all."""
    return max((a, b), key=lambda status: RANK.index(status or ""))


@atomic(retry=3)
def merge(
    survivor_id: int, gone_ids: Sequence[int], picks: Mapping[str, int], seen: str, *, by: User
) -> list[LeadMerge]:  # fmt: skip
    """Merge the gone leads into the survivor. `picks`: column -> id of the lead whose value is kept; `seen` the fingerprint
    of the review. Raises LookupError, MergeRefused, StaleMerge.
    """
    ids = [survivor_id, *gone_ids]
    if not gone_ids or len(set(ids)) != len(ids) or len(ids) > MOST:
        raise MergeRefused(f"Choose two to {MOST} different leads.")
    lock_people(by.company_id, ids)
    leads = {lead_id: find_owned(Lead, lead_id, by.company_id, lock=True) for lead_id in sorted(ids)}
    if any(lead is None for lead in leads.values()):
        raise LookupError("A lead is no longer there")
    if fingerprint(by.company_id, ids) != seen:
        raise StaleMerge("One of the leads has changed since this page was made. Look again.")
    check_calm(ids)
    batch_id = uuid.uuid4()
    wanted = {
        column: getattr(leads[lead_id], column)
        for column, lead_id in picks.items()
        if column in PICKED and leads.get(lead_id)
    }
    done = []
    for number, gone_id in enumerate(gone_ids, 1):
        last = number == len(gone_ids)
        done.append(_merge_pair(leads[survivor_id], leads[gone_id], wanted if last else {}, batch_id, by=by))  # type: ignore[arg-type]
    names = ", ".join(str(lead_id) for lead_id in gone_ids)
    record_event("leads_merged", f"Merged lead {names} into lead {survivor_id}", by=by, batch_id=batch_id, subject=leads[survivor_id],
                 survivor=survivor_id, gone=list(gone_ids))  # fmt: skip
    return done


def check_calm(ids: Sequence[int]) -> None:
    claimed = db.session.scalar(
        sa.text("SELECT lead_id FROM hopper_entries WHERE lead_id = ANY(:ids) AND status <> 'ready' LIMIT 1"), {"ids": list(ids)}
    )  # fmt: skip
    if claimed:
        raise MergeRefused(f"Lead {claimed} is being called right now. Merge when the call has ended.")
    calling = db.session.scalar(
        sa.text("SELECT lead_id FROM call_logs WHERE lead_id = ANY(:ids) AND is_open AND started_at > rebound_now() - interval '4 hours' LIMIT 1"),
        {"ids": list(ids)},
    )  # fmt: skip
    if calling:
        raise MergeRefused(f"Lead {calling} has a call in progress. Merge when it has ended.")
    automation = dealerships.why_not_merge(ids)
    if automation is not None:
        raise MergeRefused(automation)
    open_callbacks = db.session.scalar(
        sa.text("SELECT count(*) FROM callbacks WHERE lead_id = ANY(:ids) AND state <> 'closed'"), {"ids": list(ids)}
    )  # fmt: skip
    if (open_callbacks or 0) > 1:
        raise MergeRefused(
            "More than one of these leads has an open callback. Close all but one first: only one can be kept."
        )


def _merge_pair(survivor: Lead, gone: Lead, wanted: Mapping[str, Any], batch_id: uuid.UUID, *, by: User) -> LeadMerge:
    db.session.flush()
    db.session.refresh(survivor)
    db.session.refresh(gone)
    whole = db.session.scalar(sa.text("SELECT to_jsonb(l) FROM leads l WHERE id = :id"), {"id": gone.id})
    facts = _combine(survivor, gone, wanted)
    changed = {name: value for name, value in facts.items() if getattr(survivor, name) != value}
    before = {name: getattr(survivor, name) for name in changed}
    status = further(survivor.status, gone.status)
    old_status = survivor.status
    anchors = {
        name: getattr(survivor, name) for name in ("anchor_status", "anchor_at", "last_status_change", "version")
    }
    made = LeadMerge(
        company_id=survivor.company_id, survivor_id=survivor.id, gone_id=gone.id, user_id=by.id, batch_id=batch_id, fingerprint="",
        gone=whole, kept_before={}, kept_after={}, moved={},
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()
    moved = _move_rows(survivor, gone, made, by=by)
    for name, value in changed.items():
        setattr(survivor, name, value)
    survivor.version += 1
    db.session.flush()
    db.session.execute(sa.delete(Lead).where(Lead.id == gone.id).execution_options(synchronize_session=False))
    db.session.expunge(gone)
    db.session.add(
        StatusChange(company_id=survivor.company_id, machine=LEAD.name, subject_id=made.gone_id, old_status=gone.status, new_status=None,
                     cause="system", reason=f"merged into lead {survivor.id}", batch_id=batch_id, user_id=by.id)
    )  # fmt: skip
    facts_only = {name: value for name, value in changed.items() if name in (*PICKED, "tags", "custom")}
    if facts_only:
        db.session.add(
            LeadChange(company_id=survivor.company_id, lead_id=survivor.id, user_id=by.id, cause="user", batch_id=batch_id,
                       before=plain({name: before[name] for name in facts_only}), after=plain(facts_only))
        )  # fmt: skip
    set_merged_status(survivor, status, batch_id, reason=f"merged with lead {made.gone_id}", by=by)
    recount([survivor.id])
    db.session.refresh(survivor)
    made.kept_before = plain({**before, "status": old_status, **anchors})
    made.kept_after = plain({**{name: getattr(survivor, name) for name in changed}, "status": survivor.status,
                              **{name: getattr(survivor, name) for name in anchors}})  # fmt: skip
    made.moved = moved
    db.session.flush()
    return made


def _combine(survivor: Lead, gone: Lead, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The survivor's facts after the merge: what was picked, else its own, else what only the other knows."""
    facts: dict[str, Any] = {}
    for column in PICKED:
        own, other = getattr(survivor, column), getattr(gone, column)
        facts[column] = wanted.get(column, own if own not in ("", None) else other)
        if facts[column] in ("", None):
            facts[column] = None if column in (*NULLABLE, "owner_id") else ""
    facts["tags"] = list(dict.fromkeys([*survivor.tags, *gone.tags]))
    facts["custom"] = {**gone.custom, **survivor.custom}
    for column in SUMS:
        facts[column] = getattr(survivor, column) + getattr(gone, column)
    facts["pass_number"] = max(survivor.pass_number, gone.pass_number)
    dialed = [lead for lead in (survivor, gone) if lead.last_dial_attempt]
    later = max(dialed, key=lambda lead: lead.last_dial_attempt or EPOCH, default=None)
    facts["last_dial_attempt"] = later.last_dial_attempt if later else None
    facts["dial_result"] = later.dial_result if later else survivor.dial_result
    facts["next_eligible_at"] = max(filter(None, (survivor.next_eligible_at, gone.next_eligible_at)), default=None)
    facts["follow_up_on"] = min(filter(None, (survivor.follow_up_on, gone.follow_up_on)), default=None)
    facts["follow_up_by_id"] = survivor.follow_up_by_id or gone.follow_up_by_id
    return facts


def _move_rows(survivor: Lead, gone: Lead, made: LeadMerge, *, by: User) -> dict[str, Any]:
    """Everything that hangs on the gone lead goes over; returns the ids by table, for the way back."""
    given = {"to": survivor.id, "from": gone.id, "company": survivor.company_id, "by": by.id, "merge": made.id}

    def ids(sql: str) -> list[Any]:
        statement = sa.text(sql)
        return list(db.session.scalars(statement, {name: given[name] for name in statement._bindparams}))

    moved: dict[str, Any] = {
        "contact_attempts": ids("UPDATE contact_attempts SET lead_id = :to, merged_from_id = coalesce(merged_from_id, :from)"
                                " WHERE lead_id = :from RETURNING id"),
        **{table: ids(f"UPDATE {table} SET lead_id = :to WHERE lead_id = :from RETURNING id") for table in FOLLOWING},
        # Who asked for no contact as either of the two asked as both.
        "dnc_added": ids(
            "INSERT INTO dnc_entries (company_id, kind, value, method, reason, source, lead_id, added_by_id)"
            " SELECT company_id, 'lead', CAST(:to AS text), method, reason, source, :to, added_by_id FROM dnc_entries"
            " WHERE company_id = :company AND kind = 'lead' AND value = CAST(:from AS text) AND lifted_at IS NULL"
            " ON CONFLICT DO NOTHING RETURNING id"),
        "lead_aliases": ids("UPDATE lead_aliases SET lead_id = :to WHERE lead_id = :from RETURNING gone_id"),
        "verdicts": ids("SELECT jsonb_build_object('low', low_id, 'high', high_id, 'by', user_id) FROM duplicate_verdicts"
                        " WHERE low_id = :from OR high_id = :from"),
    }  # fmt: skip
    moved["dealership"] = dealerships.move(survivor.id, gone.id)
    db.session.execute(sa.text("DELETE FROM hopper_entries WHERE lead_id = :from"), {"from": gone.id})
    db.session.add(
        LeadAlias(gone_id=gone.id, company_id=survivor.company_id, lead_id=survivor.id, merge_id=made.id, phone=gone.phone,
                  email=(gone.email or "").lower() or None)
    )  # fmt: skip
    db.session.flush()
    return moved


def set_merged_status(lead: Lead, to: str | None, batch_id: uuid.UUID, *, reason: str, by: User) -> None:
    """To this status, with the anchor there: calls of either lead that ended before now have had their say."""
    t = Lead.__table__
    moment = sa.func.greatest(db_now(), t.c.last_result_at)
    if to is None or to == lead.status:
        db.session.execute(sa.update(t).where(t.c.id == lead.id).values(anchor_status=lead.status, anchor_at=moment))
        return
    picks = (
        sa.select(t.c.id, t.c.company_id, t.c.status.label("seen"), sa.literal(to).label("to_status")).where(t.c.id == lead.id).with_for_update()
    )  # fmt: skip
    values = {"anchor_status": "to_status", "anchor_at": moment, "last_status_change": moment}
    db.session.execute(
        advance_many(
            picks, machine=LEAD, table=t, by=by.id, cause="user", batch_id=batch_id, reason=reason, values=values
        )
    ).all()
    for hook in move_hooks:
        hook([lead.id], to, by, reason)


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()}
