"""Exports: asked for once, built by a worker, kept a week, then removed."""

from __future__ import annotations

import re
import time
import unicodedata
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import sqlalchemy as sa
import structlog

from webapp.core.access import check_role
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.once import keep_answer, take_once
from webapp.core.scratch import scratch_folder
from webapp.core.storage import NoSuchFile, StorageError, Stored, get_storage
from webapp.core.work import LeaseLost, WorkError, keep_alive, request_cancel, rest, running, start_work
from webapp.reports.builders import FORMAT_LABELS, KINDS
from webapp.reports.models import Export

log = structlog.get_logger(__name__)

KEEP = timedelta(days=7)
SCOPE = "export"


class Unknown(Exception):
    """There is no such kind of export, or not in that format."""


@atomic
def request_export(kind: str, format: str, *, by: Any, params: dict[str, Any], subject: str, token: str = "") -> Export:
    """Ask for a file. The same form token gives the export that its first use made.

    `params` must name only rows of the user's company: the caller has fetched them through core.access.
    """
    if kind not in KINDS or format not in KINDS[kind].build:
        raise Unknown(f"{kind}.{format}")
    check_role(by, KINDS[kind].role)
    earlier = take_once(by.company_id, SCOPE, token) if token else None
    if earlier is not None and earlier.body:
        return db.session.get_one(Export, int(earlier.body["export_id"]))
    title = f"{KINDS[kind].label}: {subject}"
    export = Export(
        company_id=by.company_id, kind=kind, format=format, title=title, params=params, requested_by_id=by.id
    )
    export.total = KINDS[kind].count(export)
    start_work(export)
    export.filename = file_name(kind, subject, format, export.id)
    record_event(
        "export",
        f"Asked for {title} as {FORMAT_LABELS[format]}",
        by=by,
        subject=export,
        format=format,
        rows=export.total,
        **params,
    )
    if token:
        keep_answer(by.company_id, SCOPE, token, 201, {"export_id": export.id})
    log.info("data_export", operation="data_export", company_id=by.company_id, user_id=by.id, project_id=params.get("project_id"),
             metadata={"export_id": export.id, "export_kind": kind, "export_format": format, "total_records": export.total, **params,
                       **KINDS[kind].said(export)})  # fmt: skip
    return export


def ask_again(export: Export, *, by: Any, token: str = "") -> Export:
    subject = export.title.partition(": ")[2] or export.title
    return request_export(export.kind, export.format, by=by, params=dict(export.params), subject=subject, token=token)


def cancel_export(export: Export, *, by: Any) -> None:
    request_cancel(export)


def run_export(export_id: int) -> Export | None:
    """Build the file from its beginning: what a killed worker had written went away with it."""
    started = time.monotonic()
    with running(Export, export_id) as row:
        if row is None:
            return None
        keep_alive(row, done=-row.done)
        with scratch_folder("export") as folder:
            target = folder / f"export.{row.format}"
            rows = KINDS[row.kind].build[row.format](row, target, lambda count: keep_alive(row, done=count))
            ratio = compression_ratio(target)
            _keep(row, target, rows)
    if row.state == "done":
        log.info("data_export_complete", operation="data_export_complete", company_id=row.company_id, user_id=row.requested_by_id,
                 project_id=row.params.get("project_id"), duration_ms=round((time.monotonic() - started) * 1000),
                 metadata={"export_id": row.id, "file_size_mb": round((row.size or 0) / 1e6, 3), "total_records": row.rows,
                           "compression_ratio": ratio, "download_url": f"/exports/{row.id}/download",
                           "expires_at": row.expires_at.isoformat() if row.expires_at else None})  # fmt: skip
    return row


def compression_ratio(path: Path) -> float | None:
    """Packed size by unpacked size, 0 to 1; None for a file that is not packed."""
    if not is_zipfile(path):
        return None
    with ZipFile(path) as archive:
        whole = sum(part.file_size for part in archive.infolist())
        return round(sum(part.compress_size for part in archive.infolist()) / whole, 3) if whole else None


def _keep(row: Export, target: Path, rows: int) -> None:
    storage = get_storage()
    try:
        with target.open("rb") as stream:
            stored: Stored = storage.save(stream, suffix=f".{row.format}")
    except StorageError as error:
        raise WorkError(str(error)) from error
    kept = rest(
        row,
        "done",
        "",
        storage_key=stored.key,
        size=stored.size,
        sha256=stored.sha256,
        rows=rows,
        expires_at=db_now() + KEEP,
    )
    if not kept:
        storage.delete(stored.key)
        raise LeaseLost(f"exports {row.id}")


@atomic
def note_download(export: Export, *, by: Any) -> None:
    record_event(
        "download",
        f"Downloaded {export.title} as {FORMAT_LABELS[export.format]}",
        by=by,
        subject=export,
        sha256=export.sha256,
    )


def expire_exports(limit: int = 500) -> int:
    """Remove the files whose week is over; the rows stay. Returns how many went. For the scheduler, at any time."""
    due = db.session.execute(
        sa.select(Export.id, Export.storage_key)
        .where(Export.removed_at.is_(None), Export.expires_at <= db_now())
        .order_by(Export.id)
        .limit(limit)
    ).all()
    for export_id, key in due:
        # The file first: a row that says "removed" is never wrong.
        if key:
            try:
                get_storage().delete(key)
            except NoSuchFile:
                log.warning("export_key_unfit", export_id=export_id)
        _mark_removed(export_id)
    return len(due)


@atomic
def _mark_removed(export_id: int) -> None:
    db.session.execute(
        sa.update(Export).where(Export.id == export_id, Export.removed_at.is_(None))
        .values(removed_at=db_now(), storage_key=None, version=Export.version + 1)
    )  # fmt: skip


def file_name(kind: str, subject: str, format: str, number: int) -> str:
    """ "status-report_delhi-80k_12.pdf": letters of any script, digits and hyphens, at most 80 of the subject."""
    plain = unicodedata.normalize("NFC", subject)
    words = re.sub(r"[^\w]+", "-", plain, flags=re.UNICODE).strip("-_").lower()[:80].strip("-_")
    return f"{kind.replace('_', '-')}_{words or 'list'}_{number}.{format}"
