"""The way back from a merge: both leads as they were, but for what has been changed since."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.audit import StatusChange, record_event
from webapp.core.clock import read_now
from webapp.core.db import atomic, db
from webapp.leads.models import Lead, LeadChange
from webapp.leads.states import LEAD
from webapp.timeline import dealerships
from webapp.timeline.guard import lock_people
from webapp.timeline.merging import FOLLOWING, PICKED, SUMS, MergeRefused, check_calm, plain, set_merged_status
from webapp.timeline.models import DuplicateVerdict, LeadAlias, LeadMerge
from webapp.timeline.summary import recount

UNDO_FOR = timedelta(days=30)


def can_undo(row: LeadMerge, now: datetime) -> bool:
    return row.undone_at is None and now < row.created_at + UNDO_FOR


@atomic(retry=3)
def undo(merge_id: int, *, by: User) -> list[str]:
    """Both leads as they were; what was changed since stays with the survivor, and is named. Raises LookupError, MergeRefused."""
    row = find_owned(LeadMerge, merge_id, by.company_id)
    if row is None:
        raise LookupError("No such merge")
    lock_people(by.company_id, [row.survivor_id])
    row = find_owned(LeadMerge, merge_id, by.company_id, lock=True)
    survivor = find_owned(Lead, row.survivor_id if row else 0, by.company_id, lock=True)
    now = read_now()
    if row is None or row.undone_at is not None:
        raise MergeRefused("This merge was undone already.")
    if survivor is None:
        raise MergeRefused("The lead that was kept has been merged away itself. Undo that merge first.")
    assert now is not None
    if not can_undo(row, now):
        raise MergeRefused("A merge can be undone for 30 days.")
    later = db.session.scalar(
        sa.select(LeadMerge.id).where(LeadMerge.survivor_id == survivor.id, LeadMerge.id > row.id, LeadMerge.undone_at.is_(None)).limit(1)
    )  # fmt: skip
    if later is not None:
        raise MergeRefused("Another lead was merged into it since. Undo that merge first.")
    check_calm([survivor.id])
    batch_id = uuid.uuid4()
    _insert_gone(row)
    _move_back(row)
    kept = _restore_survivor(row, survivor, batch_id, by=by)
    db.session.add(
        StatusChange(company_id=row.company_id, machine=LEAD.name, subject_id=row.gone_id, old_status=None, new_status=row.gone["status"],
                     cause="undo", reason=f"no longer merged into lead {survivor.id}", batch_id=batch_id, user_id=by.id)
    )  # fmt: skip
    recount([survivor.id, row.gone_id])
    row.undone_at, row.undone_by_id = now, by.id
    record_event("merge_undone", f"Took lead {row.gone_id} out of lead {survivor.id} again", by=by, batch_id=batch_id, subject=row, kept=kept)  # fmt: skip
    return kept


# call_count and its like come back by the triggers when the calls do.
_COUNTED = ("call_count", "last_result_at", "call_contacts", "last_call_contact_at", "logged_contacts", "last_logged_at",
            "last_logged_method", "last_response_at")  # fmt: skip


def _insert_gone(row: LeadMerge) -> None:
    columns = ", ".join(column.name for column in Lead.__table__.columns if column.computed is None)
    blank = dict.fromkeys(_COUNTED) | {"call_count": 0, "call_contacts": 0, "logged_contacts": 0}
    db.session.execute(
        sa.text(f"INSERT INTO leads ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM jsonb_populate_record(NULL::leads, CAST(:gone AS jsonb))"),
        {"gone": json.dumps({**row.gone, **blank})},
    )  # fmt: skip


def _move_back(row: LeadMerge) -> None:
    given = {"to": row.gone_id, "from": row.survivor_id}
    for table in ("contact_attempts", *FOLLOWING):
        own = ", merged_from_id = nullif(merged_from_id, :to)" if table == "contact_attempts" else ""
        db.session.execute(
            sa.text(f"UPDATE {table} SET lead_id = :to{own} WHERE lead_id = :from AND id = ANY(:ids)"), {**given, "ids": row.moved[table]}
        )  # fmt: skip
    dealerships.move_back(row.survivor_id, row.gone_id, row.moved.get("dealership", {}))
    db.session.execute(
        sa.text("DELETE FROM dnc_entries WHERE id = ANY(:ids) AND lifted_at IS NULL"), {"ids": row.moved["dnc_added"]}
    )
    db.session.execute(sa.delete(LeadAlias).where(LeadAlias.gone_id == row.gone_id))
    db.session.execute(
        sa.update(LeadAlias).where(LeadAlias.gone_id.in_(row.moved["lead_aliases"]), LeadAlias.lead_id == row.survivor_id)
        .values(lead_id=row.gone_id)
    )  # fmt: skip
    for verdict in row.moved["verdicts"]:
        other = verdict["high"] if verdict["low"] == row.gone_id else verdict["low"]
        if find_owned(Lead, other, row.company_id) is not None:
            db.session.add(DuplicateVerdict(company_id=row.company_id, low_id=verdict["low"], high_id=verdict["high"], user_id=verdict["by"]))  # fmt: skip
    db.session.flush()


def _restore_survivor(row: LeadMerge, survivor: Lead, batch_id: uuid.UUID, *, by: User) -> list[str]:
    db.session.refresh(survivor)
    kept: list[str] = []
    before, after = row.kept_before, row.kept_after
    own = ("status", "anchor_status", "anchor_at", "last_status_change", "version", *SUMS)
    facts: dict[str, Any] = {}
    for name in before:
        if name in own:
            continue
        if plain({"v": getattr(survivor, name)})["v"] == after[name]:
            facts[name] = before[name]
        else:
            kept.append(name.removesuffix("_id").replace("_", " "))
    for name in SUMS:
        facts[name] = max(0, getattr(survivor, name) - int(row.gone[name]))
    typed = {name: Lead.__table__.c[name].type for name in facts}
    changed = {name: value for name, value in facts.items() if name in (*PICKED, "tags", "custom")}
    if changed:
        db.session.add(
            LeadChange(company_id=row.company_id, lead_id=survivor.id, user_id=by.id, cause="undo", batch_id=batch_id,
                       before=plain({name: getattr(survivor, name) for name in changed}), after=changed)
        )  # fmt: skip
    db.session.execute(
        sa.update(Lead.__table__).where(Lead.__table__.c.id == survivor.id)
        .values({name: _typed(value, typed[name]) for name, value in facts.items()} | {"version": survivor.version + 1})
    )  # fmt: skip
    db.session.refresh(survivor)
    if survivor.status != after["status"] and before["status"] != after["status"]:
        kept.append("status")
    elif before["status"] != after["status"]:
        set_merged_status(
            survivor, before["status"], batch_id, reason=f"no longer merged with lead {row.gone_id}", by=by
        )
    if before["status"] is None and after["status"] is not None and "status" not in kept:
        kept.append("status")
    if "status" not in kept:
        anchors = {
            name: _typed(before[name], Lead.__table__.c[name].type)
            for name in ("anchor_status", "anchor_at", "last_status_change")
        }
        db.session.execute(sa.update(Lead.__table__).where(Lead.__table__.c.id == survivor.id).values(anchors))
    db.session.refresh(survivor)
    return kept


def _typed(value: Any, kind: Any) -> Any:
    if isinstance(value, str) and isinstance(kind, sa.DateTime):
        return datetime.fromisoformat(value)
    if isinstance(value, str) and isinstance(kind, sa.Date):
        return datetime.fromisoformat(value).date()
    return value
