"""One change to many leads: previewed, run in chunks, written row by row into the trails, undone.

Preview and run share `outcome_sql`, so they cannot disagree.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.once import keep_answer, take_once
from webapp.core.states import advance_many
from webapp.core.work import WorkError, running, start_work, step
from webapp.leads.facts import clean_tag
from webapp.leads.filters import LeadFilter
from webapp.leads.models import BulkAction, Lead
from webapp.leads.queries.matching import Scope, get_list_ids, match_sql
from webapp.leads.service.leads import dnc_hooks, move_hooks, person_says
from webapp.leads.service.own import BulkRefused, check_size, own_actions, sentence_of
from webapp.leads.service.undo import undo_chunk
from webapp.leads.states import LEAD, PROTECTED

AT_ONCE = 500
CHUNK = 5_000
KEPT_IDS = 1_000  # skipped ids kept per reason, to show those rows
ACTIONS = ("status", "owner", "tag_add", "tag_remove")


class CountMoved(Exception):
    """The number of leads is no longer the one the person saw: ask again."""

    def __init__(self, now: int):
        self.now = now
        super().__init__(f"{now} leads now")


@dataclass(frozen=True, slots=True)
class Selection:
    """Chosen ids, or every lead of a filter (a query string)."""

    ids: tuple[int, ...] | None = None
    query: str = ""

    @property
    def filter(self) -> LeadFilter:
        return LeadFilter.from_query(self.query)


@dataclass(slots=True)
class Preview:
    """`moves` counts leads by what the changed column says now; `total` is all that were chosen."""

    total: int = 0
    change: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    moves: list[tuple[Any, int]] = field(default_factory=list)


def check_params(action: str, params: dict[str, Any], by: User) -> dict[str, Any]:
    """The action's parameters in their stored form. Raises BulkRefused."""
    if action == "status":
        to = params.get("to")
        if to not in LEAD.names:
            raise BulkRefused("Choose the status they should have.")
        return {"to": to, "reason": str(params.get("reason") or "")[:500]}
    if action == "owner":
        wanted = params.get("owner")
        if wanted in (None, "", "none"):
            return {"owner": None}
        owner = (
            find_owned(User, int(wanted), by.company_id) if str(wanted).isdecimal() and len(str(wanted)) < 19 else None
        )
        if owner is None or not owner.is_active:
            raise BulkRefused("Choose an owner from your team.")
        return {"owner": owner.id}
    if action in ("tag_add", "tag_remove"):
        tag = clean_tag(str(params.get("tag") or ""))
        if not tag:
            raise BulkRefused("Name a tag.")
        return {"tag": tag}
    if action in own_actions:
        return own_actions[action].check(params, by)
    raise BulkRefused("There is no such action.")


def outcome_sql(action: str, params: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Over `leads l`: the outcome ('change' or why not), the value it has now, and the parameters."""
    if action == "status":
        return (
            "CASE WHEN l.status = 'dnc' THEN 'dnc' WHEN l.status = :to THEN 'unchanged'"
            " WHEN l.status = ANY(:protected) THEN 'protected' ELSE 'change' END",
            "l.status", {"to": params["to"], "protected": list(PROTECTED)},
        )  # fmt: skip
    if action == "owner":
        return (
            "CASE WHEN l.owner_id IS NOT DISTINCT FROM cast(:new_owner AS bigint) THEN 'unchanged' ELSE 'change' END",
            "l.owner_id::text", {"new_owner": params["owner"]},
        )  # fmt: skip
    has = "l.tags @> ARRAY[:the_tag]::text[]"
    unchanged = has if action == "tag_add" else f"NOT {has}"
    return f"CASE WHEN {unchanged} THEN 'unchanged' ELSE 'change' END", "NULL::text", {"the_tag": params["tag"]}


def _chosen_sql(scope: Scope, selection: Selection) -> tuple[str, dict[str, Any]]:
    if selection.ids is not None:
        return "SELECT l.id FROM leads l WHERE l.company_id = :company AND l.id = ANY(:ids)", {
            "company": scope.company_id, "ids": list(selection.ids),
        }  # fmt: skip
    f = selection.filter
    return match_sql(scope, f, get_list_ids(scope, f), cap=None)


def preview(action: str, params: dict[str, Any], selection: Selection, *, by: User) -> Preview:
    """Raises BulkRefused when there are more leads than the action takes."""
    scope = Scope.of(by)
    chosen, values = _chosen_sql(scope, selection)
    if action in own_actions:
        ids = list(db.session.scalars(sa.text(f"SELECT id FROM ({chosen}) m ORDER BY id"), values))
        check_size(action, len(ids))
        codes = Counter(own_actions[action].judge(ids, params, by).values())
        found = Preview(len(ids), codes.pop("", 0), dict(codes.most_common()))
        return _with_missing(found, selection)
    outcome, now, more = outcome_sql(action, params)
    rows = db.session.execute(
        sa.text(
            f"WITH m AS ({chosen}) SELECT {outcome} AS outcome, {now} AS now, count(*) AS n"
            " FROM m JOIN leads l ON l.id = m.id GROUP BY 1, 2 ORDER BY 3 DESC"
        ),
        values | more,
    ).all()
    found = Preview(sum(row.n for row in rows))
    for row in rows:
        if row.outcome == "change":
            found.change += row.n
            found.moves.append((row.now, row.n))
        else:
            found.skipped[row.outcome] = found.skipped.get(row.outcome, 0) + row.n
    return _with_missing(found, selection)


def _with_missing(found: Preview, selection: Selection) -> Preview:
    if selection.ids is not None and len(selection.ids) > found.total:
        found.skipped["missing"] = len(selection.ids) - found.total
        found.total = len(selection.ids)
    return found


def count_chosen(scope: Scope, selection: Selection) -> int:
    if selection.ids is not None:
        return len(selection.ids)
    chosen, values = _chosen_sql(scope, selection)
    return int(db.session.scalar(sa.text(f"SELECT count(*) FROM ({chosen}) m"), values) or 0)


def run_bulk(
    action: str, params: dict[str, Any], selection: Selection, *, seen: int, by: User, form_token: str
) -> BulkAction:
    """Change the leads: at once up to 500, beyond that as work that a worker takes up.

    Raises BulkRefused, CountMoved when there are no longer `seen` leads to act on.
    """
    row = _open_bulk(action, params, selection, seen=seen, by=by, form_token=form_token)
    return _run(row)


def undo_bulk(action_id: int, *, by: User) -> BulkAction:
    """Put back every lead that has not changed since. Raises LookupError, BulkRefused."""
    return _run(_open_undo(action_id, by=by))


def _run(row: BulkAction) -> BulkAction:
    if row.state == "queued" and row.total is not None and row.total <= AT_ONCE:
        perform_bulk(row.id)
        db.session.refresh(row)
    return row


@atomic
def _open_bulk(
    action: str, params: dict[str, Any], selection: Selection, *, seen: int, by: User, form_token: str
) -> BulkAction:
    params = check_params(action, params, by)
    taken = take_once(by.company_id, "leads.bulk", form_token)
    if taken is not None:
        made = find_owned(BulkAction, int((taken.body or {}).get("id", 0)), by.company_id)
        if made is None:
            raise BulkRefused("This form was sent already.")
        return made
    scope = Scope.of(by)
    total = count_chosen(scope, selection)
    if total != seen:
        raise CountMoved(total)
    if total == 0:
        raise BulkRefused("There is no lead to change.")
    check_size(action, total)
    ids = selection.ids
    if ids is None and selection.filter.q:
        chosen, values = _chosen_sql(scope, selection)
        ids = tuple(db.session.scalars(sa.text(chosen), values))
    row = BulkAction(
        company_id=by.company_id, action=action, lead_ids=sorted(set(ids)) if ids is not None else None,
        filters={"query": selection.query, "zone": by.zone_name,
                 "up_to": db.session.scalar(sa.select(sa.func.max(Lead.id))) or 0},
        params=params, batch_id=uuid.uuid4(), requested_by_id=by.id, total=total,
    )  # fmt: skip
    _start(row)
    keep_answer(by.company_id, "leads.bulk", form_token, 303, {"id": row.id})
    record_event(
        f"bulk_{action}", f"{sentence_of(action)} {total} leads", by=by, subject=row, batch_id=row.batch_id,
        undo_url=None if params.get("to") == "dnc" else f"/bulk/{row.id}/undo", url=f"/bulk/{row.id}", **params,
    )  # fmt: skip
    return row


def _start(row: BulkAction) -> None:
    if (row.total or 0) > AT_ONCE:
        start_work(row)
        return
    # Done at once by the request that asks; were it to die, the sweep gives the row to a worker.
    row.job = BulkAction.JOB
    db.session.add(row)
    db.session.flush()


@atomic
def _open_undo(action_id: int, *, by: User) -> BulkAction:
    of = find_owned(BulkAction, action_id, by.company_id, lock=True)
    if of is None:
        raise LookupError("No such action")
    if of.action == "undo":
        raise BulkRefused("This is an undo already.")
    if not of.is_resting:
        raise BulkRefused("It is still running. Cancel it first, or wait for its end.")
    if of.undone_at is not None:
        raise BulkRefused("This was undone already.")
    if of.params.get("to") == "dnc":
        raise BulkRefused("Do Not Call is left by lifting the entries under Do not contact.")
    of.undone_at, of.undone_by_id = db_now(), by.id
    row = BulkAction(
        company_id=by.company_id, action="undo", params={"of": of.id, "action": of.action, "batch": str(of.batch_id)},
        batch_id=uuid.uuid4(), requested_by_id=by.id, total=of.done, filters={},
    )  # fmt: skip
    _start(row)
    record_event("bulk_undo", f"Undid: {sentence_of(of.action).lower()} {of.done} leads", by=by, subject=of,
                 batch_id=row.batch_id, url=f"/bulk/{row.id}")  # fmt: skip
    return row


def perform_bulk(row_id: int) -> None:
    with running(BulkAction, row_id) as row:
        if row is None:
            return
        by = db.session.get(User, row.requested_by_id)
        if by is None:
            raise WorkError("The person who asked is gone.")
        chunk = undo_chunk if row.action == "undo" else _chunk
        while chunk(row, by):
            pass
        if row.action != "undo":
            _count_missing(row)


def _next_ids(row: BulkAction, size: int) -> list[int]:
    scope = Scope(row.company_id, row.requested_by_id, row.filters.get("zone", "UTC"))
    selection = Selection(tuple(row.lead_ids) if row.lead_ids is not None else None, row.filters.get("query", ""))
    chosen, values = _chosen_sql(scope, selection)
    return list(
        db.session.scalars(
            sa.text(f"SELECT id FROM ({chosen}) m WHERE id > :position AND id <= :up_to ORDER BY id LIMIT :chunk"),
            values | {"position": row.position, "up_to": row.filters["up_to"], "chunk": size},
        )
    )


@atomic(retry=3)
def _chunk(row: BulkAction, by: User) -> bool:
    size = own_actions[row.action].chunk if row.action in own_actions else CHUNK
    ids = _next_ids(row, size)
    if not ids:
        return False
    if row.action in own_actions:
        codes = own_actions[row.action].run(ids, row, by)
        _count(
            row, [lead_id for lead_id in ids if not codes[lead_id]], {i: codes[i] for i in ids if codes[i]}, {}, ids[-1]
        )
        return len(ids) == size
    outcome, _, values = outcome_sql(row.action, row.params)
    locked = db.session.execute(
        sa.text(f"SELECT l.id, {outcome} AS outcome FROM leads l WHERE l.id = ANY(:ids) ORDER BY l.id FOR UPDATE"),
        values | {"ids": ids},
    ).all()
    change = [lead.id for lead in locked if lead.outcome == "change"]
    if row.action == "status":
        moves = _move(row, change, by)
    else:
        _edit(row, change, by)
        moves = {}
    left = {lead.id: lead.outcome for lead in locked if lead.outcome != "change"}
    _count(row, change, left, moves, ids[-1])
    return len(ids) == size


def _count(row: BulkAction, change: list[int], left: dict[int, str], moves: dict[str, int], position: int) -> None:
    """What a chunk did, onto the row: leads changed, and left with the reason."""
    counts = dict(row.counts)
    skipped, kept = dict(counts.get("skipped", {})), dict(counts.get("skipped_ids", {}))
    for lead_id, reason in left.items():
        skipped[reason] = skipped.get(reason, 0) + 1
        if len(kept.setdefault(reason, [])) < KEPT_IDS:
            kept[reason] = [*kept[reason], lead_id]
    merged = dict(counts.get("moves", {}))
    for name, number in moves.items():
        merged[name] = merged.get(name, 0) + number
    counts |= {
        "changed": counts.get("changed", 0) + len(change),
        "skipped": skipped,
        "skipped_ids": kept,
        "moves": merged,
    }
    step(row, done=len(change), skipped=len(left), position=position, counts=counts)


@atomic
def _count_missing(row: BulkAction) -> None:
    missing = (row.total or 0) - row.handled
    if row.lead_ids is not None and missing > 0:
        step(
            row, skipped=missing, counts=row.counts | {"skipped": row.counts.get("skipped", {}) | {"missing": missing}}
        )


def _move(row: BulkAction, ids: Sequence[int], by: User) -> dict[str, int]:
    t = Lead.__table__.c
    to, reason = row.params["to"], row.params.get("reason") or None
    kept = ("last_status_change", "anchor_status", "anchor_at", "next_eligible_at")
    picks = (
        sa.select(t.id, t.company_id, t.status.label("seen"), sa.literal(to).label("to_status"),
                  *(t[column].label(f"old_{column}") for column in kept))
        .where(t.id == sa.any_(sa.cast(list(ids), sa.ARRAY(sa.BigInteger))))
        .order_by(t.id).with_for_update()
    )  # fmt: skip
    written = db.session.execute(
        advance_many(
            picks, machine=LEAD, table=Lead.__table__, by=by.id, cause="user", batch_id=row.batch_id, reason=reason,
            values={**person_says(), "anchor_status": "to_status", "version": t.version + 1},
            before=kept,
        )
    ).all()  # fmt: skip
    for hook in (*(dnc_hooks if to == "dnc" else ()), *move_hooks):
        hook(list(ids), to, by, reason)
    moves: dict[str, int] = {}
    for change in written:
        name = change.old_status or ""
        moves[name] = moves.get(name, 0) + 1
    return moves


def _edit(row: BulkAction, ids: Sequence[int], by: User) -> None:
    if row.action == "owner":
        column, value, values = "owner_id", "cast(:value AS bigint)", {"value": row.params["owner"]}
    elif row.action == "tag_add":
        column, value, values = "tags", "l.tags || ARRAY[:value]::text[]", {"value": row.params["tag"]}
    else:
        column, value, values = "tags", "array_remove(l.tags, cast(:value AS text))", {"value": row.params["tag"]}
    db.session.execute(
        sa.text(
            f"WITH changed AS (UPDATE leads l SET {column} = {value}, version = l.version + 1"
            f" FROM (SELECT id, {column} AS was FROM leads WHERE id = ANY(:ids)) o WHERE l.id = o.id"
            f" RETURNING l.id, l.company_id, o.was, l.{column} AS now)"
            " INSERT INTO lead_changes (company_id, lead_id, user_id, cause, batch_id, before, after, created_at)"
            f" SELECT company_id, id, :by, 'bulk', :batch, jsonb_build_object('{column}', was),"
            f" jsonb_build_object('{column}', now), rebound_now() FROM changed"
        ),
        values | {"ids": list(ids), "by": by.id, "batch": row.batch_id},
    )
