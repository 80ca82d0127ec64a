"""The debug package: one zip with the logs, the attempts, their pictures and page sources, and a list of what is in it.

It is written to disk file by file. The logs are whole; pictures and page sources are taken, failed attempts first, until
EVIDENCE_BYTES are full, and the manifest names what was left out. Names in it are made here; index.html opens without a network.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import platform
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import sqlalchemy as sa
from flask import render_template

from webapp.automation.models import Project
from webapp.config import ROOT
from webapp.core import clock
from webapp.core.db import atomic, db
from webapp.core.storage import NoSuchFile, Storage, get_storage
from webapp.core.work import WorkError
from webapp.reports.automation import trails
from webapp.reports.automation.debug import COLUMNS as LOG_COLUMNS
from webapp.reports.automation.debug import count_lines, log_pages
from webapp.reports.automation.document import Document
from webapp.reports.automation.evidence import SOURCE, Enquiry, folder_of, keys_of, open_picture, read_source
from webapp.reports.automation.files import plain, write_json
from webapp.reports.automation.scope import Scope

EVIDENCE_BYTES = 500 * 1024 * 1024  # of pictures and page sources, before compression
IN_INDEX = 2_000  # attempts named on the index page
STEP = 20  # attempts between two signs of life
BLOCK = 256 * 1024
PACKAGES = ("flask", "sqlalchemy", "psycopg", "rq", "playwright", "weasyprint")
STORED = (".png", ".jpg", ".webp")  # compressed already

Progress = Callable[[int], None]


class Package:
    """The zip while it is written. `files` describes each for the manifest; `left_out` says what has no place in it, and why."""

    def __init__(self, target: ZipFile) -> None:
        self._zip, self._at = target, clock.now().astimezone(UTC)
        self.files: list[dict[str, Any]] = []
        self.left_out: list[dict[str, Any]] = []

    @contextmanager
    def _open(self, name: str) -> Iterator[Callable[[bytes], None]]:
        info = ZipInfo(name, self._at.timetuple()[:6])
        info.compress_type = ZIP_STORED if name.endswith(STORED) else ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        digest, size = hashlib.sha256(), 0

        def write(block: bytes) -> None:
            nonlocal size
            digest.update(block)
            size += len(block)
            stream.write(block)

        with self._zip.open(info, "w", force_zip64=True) as stream:
            yield write
        self.files.append({"name": name, "size": size, "sha256": digest.hexdigest()})

    def add(self, name: str, content: bytes | str | BinaryIO) -> int:
        """Its size in bytes."""
        source = (
            io.BytesIO(content.encode() if isinstance(content, str) else content)
            if isinstance(content, bytes | str)
            else content
        )
        with self._open(name) as write, source:
            while block := source.read(BLOCK):
                write(block)
        return int(self.files[-1]["size"])

    def add_lines(self, name: str, rows: Iterable[dict[str, Any]]) -> int:
        """JSON lines; how many."""
        count = 0
        with self._open(name) as write:
            for row in rows:
                write((json.dumps(row, ensure_ascii=False, default=plain) + "\n").encode())
                count += 1
        return count

    def finish(self, facts: dict[str, Any]) -> None:
        """The manifest, which names every file but itself."""
        content = {**facts, "left_out": self.left_out, "files": self.files}
        self._zip.writestr(
            ZipInfo("manifest.json", self._at.timetuple()[:6]),
            json.dumps(content, ensure_ascii=False, indent=1, default=plain),
            ZIP_DEFLATED,
        )


def count_rows(scope: Scope, *, logs: bool, pictures: bool) -> int:
    """What the progress counts up to."""
    return (count_lines(scope) if logs else 0) + trails.count_attempts(scope) * (2 if pictures else 1)


def write_package(
    scope: Scope,
    reports: Iterable[Document],
    target: Path,
    progress: Progress,
    *,
    logs: bool,
    pictures: bool,
    made_by: str,
) -> int:
    """The rows that went in: log lines and attempts. Raises WorkError when the disk is full."""
    try:
        with ZipFile(target, "w", ZIP_DEFLATED, allowZip64=True) as archive:
            return _fill(
                Package(archive),
                scope,
                list(reports),
                target.parent,
                progress,
                logs=logs,
                pictures=pictures,
                made_by=made_by,
            )
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise WorkError(
                "There is no space left for the package; take fewer days, or leave out the pictures."
            ) from error
        raise


def _fill(
    package: Package, scope: Scope, reports: list[Document], scratch: Path, progress: Progress, *, logs: bool, pictures: bool, made_by: str
) -> int:  # fmt: skip
    project = about_project(scope)
    counts = {"log_lines": 0, "events": 0, "status_changes": 0, "pictures": 0, "page_sources": 0}
    if logs:
        counts["log_lines"] = package.add_lines("logs/run_log.jsonl", _log_lines(scope, progress))
        counts["events"] = package.add_lines("logs/events.jsonl", trails.events(scope))
        counts["status_changes"] = package.add_lines("logs/status_changes.jsonl", trails.status_changes(scope))
    counts["attempts"] = package.add_lines("attempts.jsonl", _attempt_lines(scope, progress, pictures=pictures))
    for report in reports:
        path = scratch / f"{report.kind}.json"
        write_json(report, path, lambda count: None)
        package.add(f"reports/{report.kind}.json", path.open("rb"))
        path.unlink()
    if pictures:
        _add_evidence(package, scope, counts, progress)
    package.add("project.json", json.dumps(project, ensure_ascii=False, indent=1, default=plain))
    package.add("versions.json", json.dumps(versions(scope), ensure_ascii=False, indent=1))
    package.add("style.css", (ROOT / "static" / "print" / "package.css").read_bytes())
    facts = {
        "package": "Rebound debug package", "made_at": clock.now(), "made_by": made_by, "project": {"id": project["id"], "name": project["name"]},
        "filter": scope.params(), "include_logs": logs, "include_screenshots": pictures, "counts": counts,
        "taken_out": "Secrets, message texts and addresses of people in logs and attempts; the enquiry's own words in page sources. "
                     "Pictures show the filled form as it was.",
        "evidence_bytes_at_most": EVIDENCE_BYTES,
    }  # fmt: skip
    package.add("index.html", _index(package, scope, facts))
    package.finish(facts)
    return counts["log_lines"] + counts["attempts"]


def _log_lines(scope: Scope, progress: Progress) -> Iterator[dict[str, Any]]:
    names = [column.key for column in LOG_COLUMNS]
    for batch in log_pages(scope):
        for row in batch:
            yield {name: value for name, value in zip(names, row, strict=True) if value is not None}
        progress(len(batch))


def _attempt_lines(scope: Scope, progress: Progress, *, pictures: bool) -> Iterator[dict[str, Any]]:
    for batch in trails.attempts(scope):
        for attempt in batch:
            files = [name for name, _key in _names(attempt)] if pictures else []
            yield trails.attempt_data(attempt) | {"evidence_files": files}
        progress(len(batch))


def _names(attempt: Any) -> list[tuple[str, str]]:
    """(name in the package without a picture's ending, storage key)."""
    folder = folder_of(attempt.id)
    found = [(f"{folder}/{name}", key) for name, key in keys_of(attempt)]
    return [*found, *([(f"{folder}/page_source.txt", getattr(attempt, SOURCE))] if getattr(attempt, SOURCE) else [])]


def _add_evidence(package: Package, scope: Scope, counts: dict[str, int], progress: Progress) -> None:
    storage, used, waiting = get_storage(), 0, 0
    enquiries: dict[int, Enquiry] = {}
    for batch in trails.attempts_worst_first(scope):
        for attempt in batch:
            waiting += 1
            for name, key in _names(attempt):
                size = _size(storage, key)
                if size is None:
                    package.left_out.append({"name": name, "reason": "it is no longer in the storage"})
                elif used + size > EVIDENCE_BYTES:
                    package.left_out.append({"name": name, "reason": "the package was full", "size": size})
                elif name.endswith(".txt"):
                    request = attempt.contact_request_id
                    if request not in enquiries:
                        enquiries[request] = Enquiry.of(trails.get_request(scope, request))
                    content = read_source(storage, key, enquiries[request])
                    if content is not None:
                        used += package.add(name, content)
                        counts["page_sources"] += 1
                elif (found := open_picture(storage, key)) is not None:
                    used += package.add(name + found[1], found[0])
                    counts["pictures"] += 1
            if waiting == STEP:
                progress(waiting)
                waiting = 0
    progress(waiting)


def _size(storage: Storage, key: str) -> int | None:
    try:
        return storage.size(key)
    except NoSuchFile:
        return None


def _index(package: Package, scope: Scope, facts: dict[str, Any]) -> str:
    rows = []
    for batch in trails.attempts_worst_first(scope):
        rows += batch
        if len(rows) >= IN_INDEX:
            break
    files: dict[str, list[str]] = {}
    for file in package.files:
        files.setdefault(file["name"].rpartition("/")[0], []).append(file["name"])
    return render_template(
        "reports/automation_package.html", facts=facts, rows=rows[:IN_INDEX], folder_of=folder_of, files=files, all_files=package.files,
        left_out=package.left_out, zone=scope.zone,
    )  # fmt: skip


@atomic
def about_project(scope: Scope) -> dict[str, Any]:
    """Its settings, and which parts of the enquiry are given, without their text."""
    project = db.session.scalars(
        sa.select(Project).where(Project.id == scope.project_id, Project.company_id == scope.company_id)
    ).one()
    names = (
        "id", "name", "search_place", "search_postal_code", "radius_miles", "window_open", "window_close", "window_days", "zone",
        "host_gap_seconds", "per_minute", "parallel_pages", "dry_run", "auto_pause", "retry", "created_at", "archived_at",
    )  # fmt: skip
    return {name: getattr(project, name) for name in names} | {"contact_requests": trails.request_shapes(scope)}


@atomic
def versions(scope: Scope) -> dict[str, Any]:
    """Of the program, its libraries, the database and the browsers that made the attempts."""
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    server = db.session.execute(
        sa.text(
            "SELECT current_setting('server_version') AS server, (SELECT version_num FROM alembic_version) AS schema"
        )
    ).one()
    browsers = scope.rows(
        f"SELECT DISTINCT a.browser_type, a.user_agent FROM automation_attempts a WHERE {scope.where()} AND a.user_agent IS NOT NULL LIMIT 50"
    )
    return {
        "rebound": ours, "python": platform.python_version(), "system": platform.platform(), "postgresql": server.server, "schema": server.schema,
        "libraries": {name: version(name) for name in PACKAGES},
        "browsers": [{"browser": row.browser_type, "user_agent": row.user_agent} for row in browsers],
        "made_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
