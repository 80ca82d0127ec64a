"""Undo of an import: leads it made go when nothing has come of them, leads it changed go back when nobody
has changed them since; the others stay, each with the reason on its row."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.audit import record_event
from webapp.core.db import atomic, db
from webapp.core.states import advance_many
from webapp.core.work import keep_alive, rest, step
from webapp.imports.models import Import, ImportRow
from webapp.imports.staging import TEXTS
from webapp.leads.models import Lead
from webapp.leads.states import LEAD

CHUNK = 5_000
_FACTS = (*TEXTS, "phone", "email", "owner_id", "zone", "tags", "custom")

_STAGE = """
CREATE TEMP TABLE undone ON COMMIT DROP AS
SELECT r.number, r.outcome, r.lead_id, r.before -> 'before' AS was, l.status,
  CASE
    WHEN l.id IS NULL THEN 'gone already'
    WHEN r.outcome = 'new' AND (l.call_count > 0 OR l.dial_attempts > 0) THEN 'has calls'
    WHEN r.outcome = 'new' AND (l.contact_count > 0 OR l.last_contacted_at IS NOT NULL) THEN 'was contacted'
    WHEN EXISTS (SELECT FROM hopper_entries h WHERE h.lead_id = l.id AND h.status <> 'ready') THEN 'is claimed for a call'
    WHEN r.outcome = 'new' AND EXISTS (SELECT FROM callbacks c WHERE c.lead_id = l.id) THEN 'has a callback'
    WHEN r.outcome = 'new' AND EXISTS (SELECT FROM dealerships d WHERE d.lead_id = l.id) THEN 'is a dealership of a project'
  END AS why
FROM import_rows r LEFT JOIN leads l ON l.id = r.lead_id
WHERE r.import_id = :import AND r.number > :after AND r.number <= :upto AND r.outcome IN ('new', 'update')
"""
_LATER = """
UPDATE undone u SET why = 'was changed since'
FROM leads l
WHERE l.id = u.lead_id AND u.why IS NULL AND (
  EXISTS (SELECT FROM status_changes s WHERE s.machine = 'lead' AND s.subject_id = u.lead_id
          AND s.batch_id IS DISTINCT FROM :batch
          AND (u.outcome = 'new' OR s.id > coalesce((SELECT max(o.id) FROM status_changes o WHERE o.machine = 'lead'
               AND o.subject_id = u.lead_id AND o.batch_id = :batch), 9223372036854775807)))
  OR EXISTS (SELECT FROM lead_changes c WHERE c.lead_id = u.lead_id AND c.batch_id IS DISTINCT FROM :batch
             AND (u.outcome = 'new' OR c.id > coalesce((SELECT max(o.id) FROM lead_changes o WHERE o.lead_id = u.lead_id
                  AND o.batch_id = :batch), 9223372036854775807)))
  OR EXISTS (SELECT FROM import_rows r, jsonb_each(r.before -> 'after') AS kv
             WHERE r.import_id = :import AND r.number = u.number AND to_jsonb(l) -> kv.key IS DISTINCT FROM kv.value)
)
"""
_REMOVE = """
WITH gone AS (
  DELETE FROM leads l USING undone u WHERE l.id = u.lead_id AND u.outcome = 'new' AND u.why IS NULL
  RETURNING l.id, l.status
)
INSERT INTO status_changes (company_id, machine, subject_id, old_status, new_status, cause, reason, evidence_id, batch_id, user_id)
SELECT :company, 'lead', id, status, NULL, 'undo', 'removed with its import', :import, :undo, :by FROM gone ORDER BY id
"""
_RESTORE = f"""
WITH back AS (
  UPDATE leads l SET {", ".join(f"{name} = p.{name}" for name in _FACTS)}, version = l.version + 1
  FROM (SELECT u.lead_id, (jsonb_populate_record(o, u.was)).* FROM undone u JOIN leads o ON o.id = u.lead_id
        WHERE u.outcome = 'update' AND u.why IS NULL AND u.was IS NOT NULL) AS p
  WHERE l.id = p.lead_id RETURNING l.id
)
INSERT INTO lead_changes (company_id, lead_id, user_id, cause, batch_id, before, after)
SELECT :company, back.id, :by, 'undo', :undo, r.before -> 'after', r.before -> 'before'
FROM back JOIN undone u ON u.lead_id = back.id AND u.outcome = 'update' JOIN import_rows r ON r.import_id = :import AND r.number = u.number
"""
_NOTE = """
UPDATE import_rows r SET reason = CASE WHEN u.why IS NOT NULL THEN 'kept: ' || u.why WHEN u.outcome = 'new' THEN 'removed' ELSE 'restored' END
FROM undone u WHERE r.import_id = :import AND r.number = u.number
"""


def perform(row: Import) -> None:
    """The job's half, in chunks by line; `result["undo"]` counts removed, restored and kept."""
    if row.total is None:
        undoable = sa.select(sa.func.count()).where(
            ImportRow.import_id == row.id, ImportRow.outcome.in_(("new", "update"))
        )
        keep_alive(row, total=db.session.scalar(undoable))
    while _perform_chunk(row):
        pass
    _finish(row)


@atomic(retry=3)
def _perform_chunk(row: Import) -> bool:
    lines = (
        sa.select(ImportRow.number)
        .where(ImportRow.import_id == row.id, ImportRow.number > row.position, ImportRow.outcome.in_(("new", "update")))
        .order_by(ImportRow.number).limit(CHUNK).subquery()
    )  # fmt: skip
    upto = db.session.scalar(sa.select(sa.func.max(lines.c.number)))
    if upto is None:
        return False
    given = {
        "import": row.id, "company": row.company_id, "batch": row.batch_id, "undo": _batch(row), "by": row.requested_by_id,
        "after": row.position, "upto": upto,
    }  # fmt: skip

    def run(sql: str) -> Any:
        bound = sa.text(sql)
        return db.session.execute(bound, {name: given[name] for name in bound._bindparams})

    run(
        "SELECT l.id FROM leads l JOIN import_rows r ON r.lead_id = l.id WHERE r.import_id = :import AND r.number > :after"
        " AND r.number <= :upto AND r.outcome IN ('new', 'update') ORDER BY l.id FOR UPDATE OF l"
    )
    for sql in (_STAGE, _LATER, _REMOVE, _RESTORE):
        run(sql)
    _restore_statuses(row, given["undo"])
    run(_NOTE)
    found = (
        run(
            "SELECT count(*) FILTER (WHERE why IS NULL AND outcome = 'new') AS removed,"
            " count(*) FILTER (WHERE why IS NULL AND outcome = 'update') AS restored,"
            " count(*) FILTER (WHERE why IS NOT NULL) AS kept FROM undone"
        )
        .one()
        ._mapping
    )
    before = row.result.get("undo", {})
    step(
        row, done=found["removed"] + found["restored"], skipped=found["kept"], position=upto,
        result={**row.result, "undo": {name: before.get(name, 0) + found[name] for name in found}},
    )  # fmt: skip
    return True


def _batch(row: Import) -> UUID:
    """One batch for all chunks of this undo, also after a restart."""
    assert row.batch_id is not None
    return uuid5(row.batch_id, "undo")


def _restore_statuses(row: Import, batch_id: UUID) -> None:
    """Statuses that the import set; a status that was missing before is not put back: nothing here writes that."""
    lead = Lead.__table__
    picks = (
        sa.text(
            """
            SELECT l.id, l.company_id, l.status AS seen, s.old_status AS to_status, s.id AS evidence_id,
              (s.before ->> 'last_status_change')::timestamptz AS was_change, s.before ->> 'anchor_status' AS was_anchor,
              (s.before ->> 'anchor_at')::timestamptz AS was_anchor_at
            FROM undone u JOIN leads l ON l.id = u.lead_id
            JOIN status_changes s ON s.machine = 'lead' AND s.subject_id = l.id AND s.batch_id = :batch AND s.new_status = l.status
            WHERE u.outcome = 'update' AND u.why IS NULL AND s.old_status IS NOT NULL
            """
        )
        .bindparams(batch=row.batch_id)
        .columns(
            sa.column("id", sa.BigInteger), sa.column("company_id", sa.BigInteger), sa.column("seen", sa.Text),
            sa.column("to_status", sa.Text), sa.column("evidence_id", sa.BigInteger),
            sa.column("was_change", sa.DateTime(timezone=True)), sa.column("was_anchor", sa.Text),
            sa.column("was_anchor_at", sa.DateTime(timezone=True)),
        )
    )  # fmt: skip
    db.session.execute(
        advance_many(
            picks, machine=LEAD, table=lead, by=row.requested_by_id, cause="undo", batch_id=batch_id,
            values={"last_status_change": "was_change", "anchor_status": "was_anchor", "anchor_at": "was_anchor_at",
                    "version": lead.c.version + 1},
        )
    )  # fmt: skip


@atomic
def _finish(row: Import) -> None:
    counts = row.result.get("undo", {"removed": 0, "restored": 0, "kept": 0})
    message = f"{counts['removed']:,} removed, {counts['restored']:,} restored, {counts['kept']:,} kept."
    if rest(row, "done", message, stage="undone", undone_at=sa.func.rebound_now()):
        user = db.session.get(User, row.requested_by_id) if row.requested_by_id else None
        record_event("import_undone", f"Undid the import of {row.filename}: {message}", by=user, company_id=row.company_id,
                     subject=row, batch_id=row.batch_id, counts=counts)  # fmt: skip
