"""The rows behind a debug package, by pages of their keys, as plain data that may leave the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from webapp.automation.models import ContactRequest
from webapp.core.db import atomic, db
from webapp.reports.automation.debug import cleaned
from webapp.reports.automation.scope import Scope

CHUNK = 200  # an attempt's browser log may be long
_FACTS = """
  a.id, a.project_dealership_id, pd.dealership_id, d.name AS dealership, d.website, d.host, a.run_id, a.contact_request_id, a.attempt_number,
  a.dry_run, a.started_at, a.completed_at, a.duration_seconds, a.status, a.step, a.submit_pressed_at, a.error_type, a.error_message,
  a.error_stack_trace, a.submission, a.evidence, a.also, a.skip_reason, a.browser_logs, a.fields, a.automation_strategy, a.form_mapping_version,
  a.browser_type, a.user_agent, a.page_load_time_ms, a.form_fill_time_ms, a.submission_time_ms, a.contact_url, a.final_url,
  a.retry_after_seconds, a.retry_at, a.screenshot_before_path, a.screenshot_after_path, a.screenshot_error_path, a.page_source_path
"""
_BRIEF = """a.id, d.name AS dealership, a.contact_request_id, a.dry_run, a.started_at, a.status, a.error_type, a.screenshot_before_path,
  a.screenshot_after_path, a.screenshot_error_path, a.page_source_path"""
_FROM = """FROM automation_attempts a JOIN project_dealerships pd ON pd.id = a.project_dealership_id JOIN dealerships d ON d.id = pd.dealership_id"""
_BAD = "a.status IN ('failed', 'timeout', 'blocked')"
PATHS = ("screenshot_before_path", "screenshot_after_path", "screenshot_error_path", "page_source_path")


@atomic
def _read(scope: Scope, sql: str, **values: Any) -> list[Any]:
    return scope.rows(sql, **values)


def count_attempts(scope: Scope) -> int:
    return int(scope.rows(f"SELECT count(*) AS n FROM automation_attempts a WHERE {scope.where()}")[0].n)


def attempts(scope: Scope) -> Iterator[list[Any]]:
    """All of the choice, the oldest first."""
    sql = f"SELECT {_FACTS} {_FROM} WHERE {scope.where()} AND a.id > :last ORDER BY a.id LIMIT :size"
    return _by_key(scope, sql, 0)


def attempts_worst_first(scope: Scope) -> Iterator[list[Any]]:
    """Those that failed, the newest first; then the others: what names each, and where its evidence lies."""
    for bad in (_BAD, f"NOT ({_BAD})"):
        yield from _by_key(
            scope,
            f"SELECT {_BRIEF} {_FROM} WHERE {scope.where()} AND {bad} AND a.id < :last ORDER BY a.id DESC LIMIT :size",
            2**63 - 1,
        )


def _by_key(scope: Scope, sql: str, last: int) -> Iterator[list[Any]]:
    while True:
        found = _read(scope, sql, last=last, size=CHUNK)
        if found:
            yield found
        if len(found) < CHUNK:
            return
        last = found[-1].id


def attempt_data(attempt: Any) -> dict[str, Any]:
    """Without the storage's keys, and with what a log takes out taken out."""
    values = {name: value for name, value in attempt._mapping.items() if name not in PATHS and value is not None}
    kept = {name: values.pop(name) for name in ("id", "started_at", "completed_at", "submit_pressed_at", "retry_at", "error_stack_trace")
            if name in values}  # fmt: skip
    if "error_stack_trace" in kept:
        kept["error_stack_trace"] = cleaned({"stack": kept["error_stack_trace"]})["stack"]
    return kept | cleaned(values)


def events(scope: Scope) -> Iterator[dict[str, Any]]:
    """What the live page told."""
    parts = ["e.company_id = :company AND e.project_id = :project", *scope.bounds("e", "created_at")]
    if not scope.dry:
        parts.append("NOT EXISTS (SELECT FROM runs r WHERE r.id = e.run_id AND r.dry_run)")
    sql = f"""SELECT e.id, e.created_at, e.run_id, e.type, e.project_dealership_id, e.attempt_id, e.payload FROM run_events e
              WHERE {" AND ".join(parts)} AND e.id > :last ORDER BY e.id LIMIT :size"""
    for batch in _by_key(scope, sql, 0):
        for e in batch:
            yield {"id": e.id, "at": e.created_at, "run_id": e.run_id, "type": e.type, "project_dealership_id": e.project_dealership_id,
                   "attempt_id": e.attempt_id, **cleaned({"payload": e.payload})}  # fmt: skip


def status_changes(scope: Scope) -> Iterator[dict[str, Any]]:
    """Of the project's dealerships; with a run chosen, those that its attempts caused."""
    parts = ["s.company_id = :company AND s.machine = 'contact status' AND pd.project_id = :project"]
    if scope.run_id is not None:
        parts.append("s.evidence_id IN (SELECT a.id FROM automation_attempts a WHERE a.run_id = :run)")
    parts += [part for part in scope.bounds("s", "created_at") if "run_id" not in part]
    sql = f"""SELECT s.id, s.created_at, s.subject_id, s.old_status, s.new_status, s.cause, s.reason, s.notes, s.evidence_id, u.name AS changed_by
              FROM status_changes s JOIN project_dealerships pd ON pd.id = s.subject_id LEFT JOIN users u ON u.id = s.user_id
              WHERE {" AND ".join(parts)} AND s.id > :last ORDER BY s.id LIMIT :size"""
    for batch in _by_key(scope, sql, 0):
        for s in batch:
            yield {"id": s.id, "at": s.created_at, "project_dealership_id": s.subject_id, "old_status": s.old_status, "new_status": s.new_status,
                   "changed_by": s.changed_by, "cause": s.cause, "attempt_id": s.evidence_id,
                   **cleaned({"change_reason": s.reason, "notes": s.notes})}  # fmt: skip


@atomic
def get_request(scope: Scope, request_id: int) -> ContactRequest:
    query = sa.select(ContactRequest).where(
        ContactRequest.id == request_id, ContactRequest.company_id == scope.company_id
    )
    return db.session.scalars(query).one()


def request_shapes(scope: Scope) -> list[dict[str, Any]]:
    """Which fields each version gives, without what stands in them."""
    names = [column.name for column in ContactRequest.__table__.columns
             if column.name not in ("id", "company_id", "project_id", "version", "created_at", "used_at", "created_by_id", "consents")]  # fmt: skip
    query = sa.select(ContactRequest).where(
        ContactRequest.project_id == scope.project_id, ContactRequest.company_id == scope.company_id
    )
    return [
        {
            "id": r.id,
            "version": r.version,
            "consents": list(r.consents),
            "given": [name for name in names if getattr(r, name)],
        }
        for r in db.session.scalars(query.order_by(ContactRequest.version))
    ]
