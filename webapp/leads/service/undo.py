"""Putting back what one bulk action changed, lead by lead, where nothing has happened to it since."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.db import atomic, db
from webapp.core.states import advance_many
from webapp.core.work import step
from webapp.leads.models import BulkAction, Lead
from webapp.leads.service.leads import move_hooks
from webapp.leads.service.own import own_actions
from webapp.leads.states import LEAD

CHUNK = 5_000

_STATUS = """
SELECT l.id, l.company_id, l.status AS seen, c.old_status AS to_status,
  (c.before->>'last_status_change')::timestamptz AS last_status_change, c.before->>'anchor_status' AS anchor_status,
  (c.before->>'anchor_at')::timestamptz AS anchor_at, (c.before->>'next_eligible_at')::timestamptz AS next_eligible_at
FROM status_changes c JOIN leads l ON l.id = c.subject_id
WHERE c.batch_id = :batch AND c.machine = 'lead' AND c.subject_id = ANY(:ids) AND l.status = c.new_status
  AND NOT EXISTS (SELECT FROM status_changes d WHERE d.machine = 'lead' AND d.subject_id = c.subject_id AND d.id > c.id)
ORDER BY l.id FOR UPDATE OF l
"""
_EDIT = """
WITH ours AS (
  SELECT l.id, l.{column} AS now, {old} AS was FROM lead_changes c JOIN leads l ON l.id = c.lead_id
  WHERE c.batch_id = cast(:batch AS uuid) AND c.lead_id = ANY(:ids) AND l.{column} IS NOT DISTINCT FROM {new}
  ORDER BY l.id FOR UPDATE OF l
), back AS (
  UPDATE leads l SET {column} = o.was, version = l.version + 1 FROM ours o WHERE l.id = o.id
  RETURNING l.id, l.company_id, o.now, o.was
), written AS (
  INSERT INTO lead_changes (company_id, lead_id, user_id, cause, batch_id, before, after, created_at)
  SELECT company_id, id, :by, 'undo', :undo, jsonb_build_object('{column}', now), jsonb_build_object('{column}', was), rebound_now()
  FROM back RETURNING lead_id
) SELECT lead_id FROM written
"""
_SHAPES = {
    "owner_id": ("(c.before->>'owner_id')::bigint", "(c.after->>'owner_id')::bigint"),
    "tags": (
        "array(SELECT jsonb_array_elements_text(c.before->'tags'))",
        "array(SELECT jsonb_array_elements_text(c.after->'tags'))",
    ),
}


@atomic(retry=3)
def undo_chunk(row: BulkAction, by: User) -> bool:
    """The next leads of the batch; False when there were no more."""
    batch = row.params["batch"]
    if row.params["action"] in own_actions:
        return _undo_own(row, by)
    table, column = (
        ("status_changes", "subject_id") if row.params["action"] == "status" else ("lead_changes", "lead_id")
    )
    wall = " AND machine = 'lead'" if table == "status_changes" else ""
    ids = list(
        db.session.scalars(
            sa.text(
                f"SELECT {column} FROM {table} WHERE batch_id = cast(:batch AS uuid) AND {column} > :position{wall}"
                f" ORDER BY {column} LIMIT :chunk"
            ),
            {"batch": batch, "position": row.position, "chunk": CHUNK},
        )
    )
    if not ids:
        return False
    back = _back_to_status(row, ids, by) if table == "status_changes" else _back_to_value(row, ids, by)
    _count(row, ids, back)
    return len(ids) == CHUNK


def _undo_own(row: BulkAction, by: User) -> bool:
    own = own_actions[row.params["action"]]
    ids, back = own.undo(db.session.get_one(BulkAction, row.params["of"]), row, row.position, by)
    if ids:
        _count(row, ids, back)
    return len(ids) == own.chunk


def _count(row: BulkAction, ids: list[int], back: set[int]) -> None:
    moved_on = sorted(set(ids) - back)
    counts = dict(row.counts)
    kept = [*counts.get("skipped_ids", {}).get("changed", []), *moved_on][:1000]
    counts |= {
        "changed": counts.get("changed", 0) + len(back),
        "skipped": {"changed": counts.get("skipped", {}).get("changed", 0) + len(moved_on)}
        if moved_on or counts.get("skipped")
        else {},
        "skipped_ids": {"changed": kept},
    }
    step(row, done=len(back), skipped=len(moved_on), position=ids[-1], counts=counts)


def _back_to_status(row: BulkAction, ids: list[int], by: User) -> set[int]:
    time = sa.DateTime(timezone=True)
    picks = (
        sa.text(_STATUS)
        .bindparams(sa.bindparam("batch", row.params["batch"], sa.UUID(as_uuid=False)),
                    sa.bindparam("ids", ids, sa.ARRAY(sa.BigInteger)))
        .columns(id=sa.BigInteger, company_id=sa.BigInteger, seen=sa.Text, to_status=sa.Text,
                 last_status_change=time, anchor_status=sa.Text, anchor_at=time,
                 next_eligible_at=time)
    )  # fmt: skip
    values: dict[str, Any] = {
        name: name for name in ("last_status_change", "anchor_status", "anchor_at", "next_eligible_at")
    }
    written = db.session.execute(
        advance_many(picks, machine=LEAD, table=Lead.__table__, by=by.id, cause="undo", batch_id=row.batch_id,
                     values=values | {"version": Lead.__table__.c.version + 1})
    ).all()  # fmt: skip
    groups: dict[str | None, list[int]] = {}
    for change in written:
        groups.setdefault(change.new_status, []).append(change.subject_id)
    for to, moved in groups.items():
        for hook in move_hooks:
            hook(moved, to or "", by, None)
    return {change.subject_id for change in written}


def _back_to_value(row: BulkAction, ids: list[int], by: User) -> set[int]:
    column = "owner_id" if row.params["action"] == "owner" else "tags"
    old, new = _SHAPES[column]
    found = db.session.scalars(
        sa.text(_EDIT.format(column=column, old=old, new=new)),
        {"batch": row.params["batch"], "undo": row.batch_id, "ids": ids, "by": by.id},
    )
    return set(found)
