"""The verbs of an import: take a file in, read it again otherwise, map, check, confirm, go on, cancel, discard."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO
from uuid import uuid4

import sqlalchemy as sa
from flask import current_app

from webapp.accounts.models import User
from webapp.core.audit import record_event
from webapp.core.db import after_commit, atomic, db
from webapp.core.once import keep_answer, take_once
from webapp.core.queue import enqueue
from webapp.core.storage import Stored, get_storage
from webapp.core.work import RESTING, WorkError, keep_alive, request_cancel, rest, running, start_work
from webapp.imports import call_work, files, lead_work, reading, undo
from webapp.imports.cells import storable
from webapp.imports.files import FileRefused
from webapp.imports.models import Import, ImportMapping, ImportRow
from webapp.imports.queries import find_mapping
from webapp.imports.tables import normal_header, suggest_columns
from webapp.leads.models import LeadList


class CannotDo(Exception):
    """Not in this stage; the text is for the person."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person chose beside the file."""

    kind: str
    list_id: int | None
    options: dict[str, Any]


def keep_file(stream: BinaryIO, filename: str) -> tuple[Stored, str]:
    """Store an upload that is a table by its content. Gives its kind too. Raises FileRefused, StorageError."""
    kind = files.kind_of(stream)
    limit = current_app.config["SETTINGS"].max_upload_mb * 1024 * 1024
    return get_storage().save(stream, suffix=f".{'csv' if kind == 'text' else kind}", limit=limit), kind


def take_in(stored: Stored, file_kind: str, filename: str, wanted: Wanted, *, token: str, by: User) -> Import:
    """A row for the stored file; the same form sent twice gives the first one's. Text files are looked at here."""
    row, repeated = _take_in(stored, file_kind, filename, wanted, token=token, by=by)
    if repeated:
        get_storage().delete(stored.key)
    elif file_kind == "text":
        _look_here(row)
    return row


@atomic
def _take_in(
    stored: Stored, file_kind: str, filename: str, wanted: Wanted, *, token: str, by: User
) -> tuple[Import, bool]:  # fmt: skip
    if token and (before := take_once(by.company_id, "import", token)) is not None and before.body:
        return db.session.get_one(Import, before.body["import_id"]), True
    row = Import(
        company_id=by.company_id, kind=wanted.kind, list_id=wanted.list_id, filename=storable(filename)[:200] or "file",
        storage_key=stored.key, size=stored.size, sha256=stored.sha256, options=wanted.options, requested_by_id=by.id,
        job="import_check",
    )  # fmt: skip
    if file_kind == "text":
        row.state = "done"  # born at rest: nothing waits for a worker yet
        db.session.add(row)
        db.session.flush()
    else:
        start_work(row)
    if token:
        keep_answer(by.company_id, "import", token, 303, {"import_id": row.id})
    record_event("import_uploaded", f"Uploaded {row.filename} to import", by=by, subject=row, size=row.size)
    return row, False


def _look_here(row: Import) -> None:
    _keep_look(row, reading.look(row))


@atomic
def _keep_look(row: Import, seen: dict[str, Any]) -> None:
    """Store what was seen and suggest a mapping: a kept one whose headers are these, or by known names."""
    old = row.preview.get("table_key")
    row.preview = seen
    row.version += 1
    if "headers" in seen:
        kept = find_mapping(row.company_id, row.kind, seen["headers"]) if seen["has_header"] else None
        row.columns = apply_mapping(kept, seen["headers"]) if kept else suggest_columns(seen["headers"], row.kind)
        row.options = {**row.options, "mapping": kept.name if kept else ""}
    if old and old != seen.get("table_key"):
        after_commit(lambda: get_storage().delete(old))
    db.session.add(row)


def apply_mapping(kept: ImportMapping, headers: list[str]) -> dict[str, str]:
    found = {str(i): kept.columns.get(normal_header(header), "") for i, header in enumerate(headers)}
    return {index: field for index, field in found.items() if field}


@atomic
def read_again(row: Import, changes: dict[str, Any], *, by: User) -> None:
    """Another encoding, separator, sheet or header choice. Raises CannotDo."""
    _check_stage(row, "uploaded", "checked")
    row.options = {**row.options, **changes}
    row.checked, row.stage = {}, "uploaded"
    kind = row.preview.get("kind", "text")
    db.session.flush()
    if kind == "text":
        _look_here(row)
    else:
        row.preview = {"kind": kind, "table_key": row.preview.get("table_key"), "again": True}
        db.session.flush()
        _restart(row, "import_check")


@atomic
def map_columns(row: Import, columns: dict[str, str], *, keep_as: str, options: dict[str, Any], by: User) -> None:
    """Set the mapping, keep it by name when one is given, and start the dry run. Raises CannotDo."""
    _check_stage(row, "uploaded", "checked")
    if "headers" not in row.preview:
        raise CannotDo("The file has not been read yet.")
    row.columns, row.checked, row.stage = columns, {}, "uploaded"
    row.options = {**row.options, **options, "mapping": keep_as}
    if keep_as:
        _keep_mapping(row, keep_as, by)
    db.session.flush()
    _restart(row, "import_check")


def _keep_mapping(row: Import, name: str, by: User) -> None:
    headers = row.preview["headers"]
    columns = {normal_header(header): row.columns.get(str(index), "") for index, header in enumerate(headers)}
    kept = db.session.scalars(
        sa.select(ImportMapping).where(
            ImportMapping.company_id == row.company_id, ImportMapping.kind == row.kind,
            sa.func.lower(ImportMapping.name) == name.lower(),
        ).with_for_update()
    ).one_or_none()  # fmt: skip
    if kept is None:
        db.session.add(
            ImportMapping(company_id=row.company_id, kind=row.kind, name=name, columns=columns, created_by_id=by.id)
        )
    else:
        kept.columns = columns


@atomic
def confirm(row: Import, *, by: User) -> bool:
    """Start the run of a checked import; False when somebody has started it already. Raises CannotDo."""
    locked = _lock(row)
    if locked.job in ("import_run", "call_import"):
        return False
    _check_stage(locked, "checked")
    if locked.kind == "leads" and locked.list_id is None:
        locked.list_id = _make_list(locked)
    locked.batch_id, locked.result = uuid4(), {}
    db.session.flush()
    _restart(locked, "import_run" if locked.kind == "leads" else "call_import")
    record_event(
        "import_started", f"Started to import {locked.filename}", by=by, subject=locked, batch_id=locked.batch_id,
        expected=locked.checked.get("counts", {}),
    )  # fmt: skip
    return True


def _make_list(row: Import) -> int:
    name = row.options.get("new_list") or row.filename.rpartition(".")[0] or row.filename
    there = sa.select(LeadList).where(
        LeadList.company_id == row.company_id, sa.func.lower(LeadList.name) == name.lower()
    )
    made = db.session.scalars(there).one_or_none()
    if made is None:
        made = LeadList(company_id=row.company_id, name=name)
        db.session.add(made)
        db.session.flush()
    return made.id


@atomic
def go_on(row: Import, *, by: User) -> None:
    """Take up failed or cancelled work where it stopped. Raises CannotDo."""
    locked = _lock(row)
    if locked.state not in ("failed", "cancelled"):
        raise CannotDo("It has not stopped.")
    _queue(locked, locked.job, fresh=False)
    record_event("import_continued", f"Continued the import of {locked.filename}", by=by, subject=locked)


@atomic
def cancel(row: Import, *, by: User) -> None:
    request_cancel(row)
    record_event("import_cancelled", f"Cancelled work on {row.filename}", by=by, subject=row)


def can_undo(row: Import) -> bool:
    ran = row.stage == "imported" or (row.job == "import_run" and row.state in ("failed", "cancelled"))
    return (
        row.kind == "leads" and ran and row.job != "import_undo" and bool(row.result.get("counts")) and row.is_resting
    )


@atomic
def request_undo(row: Import, *, by: User) -> None:
    """Start to take back what the run did. A second ask is the first one's. Raises CannotDo."""
    locked = _lock(row)
    if locked.job == "import_undo":
        return
    if not can_undo(locked):
        raise CannotDo("There is nothing that can be undone.")
    db.session.flush()
    _restart(locked, "import_undo")
    record_event("import_undo_started", f"Started to undo the import of {locked.filename}", by=by, subject=locked,
                 batch_id=locked.batch_id)  # fmt: skip


@atomic
def discard(row: Import, *, by: User) -> None:
    """Forget a file that was never imported. Raises CannotDo."""
    locked = _lock(row)
    if (
        locked.stage not in ("uploaded", "checked")
        or not locked.is_resting
        or locked.job in ("import_run", "call_import")
    ):
        raise CannotDo("It is at work or has been imported already.")
    keys = [key for key in (locked.storage_key, locked.preview.get("table_key")) if key]
    record_event("import_discarded", f"Discarded {locked.filename} before it was imported", by=by, subject=locked)
    db.session.execute(sa.delete(ImportRow).where(ImportRow.import_id == locked.id))
    db.session.delete(locked)
    for key in keys:
        after_commit(partial(get_storage().delete, key))


def _lock(row: Import) -> Import:
    return db.session.scalars(
        sa.select(Import).where(Import.id == row.id).with_for_update().execution_options(populate_existing=True)
    ).one()


def _check_stage(row: Import, *stages: str) -> None:
    if not row.is_resting:
        raise CannotDo("It is at work. Wait until it has ended, or cancel it.")
    if row.stage not in stages or row.job in ("import_run", "call_import", "import_undo"):
        raise CannotDo("This file has been imported already.")


def _restart(row: Import, job: str) -> None:
    """Queue resting work for its next job, from its beginning."""
    _queue(row, job, fresh=True)


def _queue(row: Import, job: str, *, fresh: bool) -> None:
    now = sa.func.clock_timestamp()
    clean: dict[str, Any] = {"done": 0, "failed": 0, "skipped": 0, "position": 0, "total": None, "started_at": None}
    changed = db.session.scalar(
        sa.update(Import)
        .where(Import.id == row.id, Import.state.in_(RESTING))
        .values(
            state="queued", job=job, message="", version=Import.version + 1, finished_at=None, lease_until=None,
            heartbeat_at=now, cancel_requested_at=None, **(clean if fresh else {}),
        )
        .returning(Import.id)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    if changed is None:
        raise CannotDo("It is at work. Wait until it has ended, or cancel it.")
    enqueue(job, row.id, turn=row.fence)
    db.session.refresh(row)


# --- the jobs' halves ---------------------------------------------------------------------------------


def perform_check(import_id: int) -> None:
    """Look at a workbook that nobody has looked at; else the dry run."""
    with running(Import, import_id) as row:
        if row is None:
            return
        if "headers" not in row.preview:
            _look_in_worker(row)
            return
        _guarded(row, lambda: (lead_work if row.kind == "leads" else call_work).perform(row, write=False))


def _look_in_worker(row: Import) -> None:
    _keep_look(row, reading.look(row, wait=lambda: keep_alive(row, message="Reading the workbook")))
    rest(row, "done", "")


def perform_run(import_id: int) -> None:
    with running(Import, import_id) as row:
        if row is not None:
            _guarded(row, lambda: (lead_work if row.kind == "leads" else call_work).perform(row, write=True))


def perform_undo(import_id: int) -> None:
    with running(Import, import_id) as row:
        if row is not None:
            undo.perform(row)


def _guarded(row: Import, work: Any) -> None:
    try:
        work()
    except FileRefused as refused:
        raise WorkError(str(refused)) from None
