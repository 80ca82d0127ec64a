"""Detailed results: a row per dealership, the nearest first, with its last attempt that is counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from flask import current_app

from webapp.core.db import atomic
from webapp.reports.automation.document import Column, Document, Fact, Row, Table
from webapp.reports.automation.scope import Scope

ON_PAGE = 50
CHUNK = 5_000
LAST = "/attempts/{last_attempt_id}"
COLUMNS = (
    Column("dealership", "Dealership", pdf=22, link="/project-dealerships/{project_dealership_id}", width=30),
    Column("website", "Website", "url", pdf=19, width=34, below=True),
    Column("distance_miles", "Miles", "decimal", pdf=7, width=10), Column("contact_status", "Status", "status", pdf=15),
    Column("reason", "Why", "long", pdf=0, width=40, below=True),
    Column("attempts", "Attempts", "number", pdf=9, width=10),
    Column("last_attempt_at", "Last attempt", "time", pdf=17, link=LAST, width=22),
    Column("duration_seconds", "Took", "seconds", pdf=8, width=10, below=True),
    Column("strategy", "Strategy", "strategy", pdf=0, width=18, below=True),
    Column("ended_as", "Attempt ended as", "attempt", pdf=0, page=False),
    Column("error_type", "Error", "error", pdf=18, width=24), Column("error_message", "Error message", "long", pdf=24, width=60, below=True),
    Column("submission", "Submission", "submission", pdf=12, width=16), Column("evidence", "Evidence", "evidence", pdf=0, link=LAST, width=30, below=True),
    Column("next_retry_at", "Next try", "time", pdf=0, width=22),
    Column("manual_set_by", "By hand by", pdf=0, width=20), Column("manual_method", "By hand, how", "method", pdf=0, width=14, below=True),
    Column("manual_set_at", "By hand, said at", "time", pdf=0, page=False, width=22),
    Column("manual_contacted_at", "By hand, contacted at", "time", pdf=0, page=False, width=22),
    Column("manual_notes", "By hand, notes", "long", pdf=0, width=50, below=True),
    Column("follow_up_on", "Follow up on", "day", pdf=0, width=14, below=True),
    Column("dealership_id", "Dealership ID", "id", pdf=0, page=False, width=12),
    Column("last_attempt_id", "Last attempt ID", "id", pdf=0, page=False, width=12),
    Column("evidence_url", "Evidence, address", "url", pdf=0, page=False, width=44),
    Column("project_dealership_id", "Row", "id", pdf=0, page=False, file=False), Column("project_id", "Project", "id", pdf=0, page=False, file=False),
)  # fmt: skip
_FAR = Decimal("99999.99")  # stands for a distance that nobody knows
_MANUAL = """pd.manual_status_set_by, pd.manual_method, pd.manual_status_set_at, pd.manual_contacted_at, pd.manual_notes, pd.follow_up_on"""
# The rows of a page first, then what each needs: the last attempt and their number, by the index on the dealership's attempts.
_PAGE = """
WITH page AS (
  SELECT pd.* , coalesce(pd.distance_miles, :far) AS miles FROM project_dealerships pd
  WHERE {which} AND (coalesce(pd.distance_miles, :far), pd.id) > (:miles, :after) ORDER BY miles, pd.id LIMIT :size
)
SELECT pd.id, pd.miles, d.id AS dealership_id, d.name, d.website, pd.distance_miles, pd.contact_status, n.attempts, t.id AS attempt_id, t.started_at,
       t.duration_seconds, t.automation_strategy, t.status, t.error_type, t.error_message, t.submission, t.screenshot_before_path,
       t.screenshot_after_path, t.screenshot_error_path, t.page_source_path, pd.next_retry_at, pd.reason, {manual}
FROM page pd JOIN dealerships d ON d.id = pd.dealership_id
LEFT JOIN LATERAL (SELECT count(*) AS attempts FROM automation_attempts a
                   WHERE a.project_dealership_id = pd.id AND {where} AND a.status NOT IN ('skipped', 'cancelled')) n ON true
LEFT JOIN LATERAL (SELECT * FROM automation_attempts a WHERE a.project_dealership_id = pd.id AND {where}
                   ORDER BY a.attempt_number DESC LIMIT 1) t ON true
ORDER BY pd.miles, pd.id
"""


def _which(scope: Scope) -> str:
    """Of a run or some days: the dealerships that were tried then."""
    parts = ["pd.company_id = :company AND pd.project_id = :project"]
    if scope.status:
        parts.append("pd.contact_status = :status")
    if not scope.is_whole:
        parts.append(
            f"EXISTS (SELECT FROM automation_attempts a WHERE a.project_dealership_id = pd.id AND {scope.where()})"
        )
    return " AND ".join(parts)


@atomic
def _read(scope: Scope, after: tuple[Decimal, int], size: int) -> list[Any]:
    sql = _PAGE.format(which=_which(scope), where=scope.where(), manual=_MANUAL)
    return scope.rows(sql, far=_FAR, miles=after[0], after=after[1], size=size, status=scope.status)


def _row(r: Any, scope: Scope, base: str) -> Row:
    evidence = [
        name for name, key in (("before", r.screenshot_before_path), ("after", r.screenshot_after_path),
                               ("error", r.screenshot_error_path), ("source", r.page_source_path)) if key
    ]  # fmt: skip
    return (
        r.name, r.website, None if r.distance_miles is None else float(r.distance_miles), r.contact_status, r.reason, int(r.attempts),
        r.started_at, r.duration_seconds, r.automation_strategy, r.status, r.error_type, r.error_message, r.submission, evidence,
        r.next_retry_at, r.manual_status_set_by, r.manual_method, r.manual_status_set_at, r.manual_contacted_at, r.manual_notes,
        r.follow_up_on, r.dealership_id, r.attempt_id, f"{base}/attempts/{r.attempt_id}" if evidence else None, r.id, scope.project_id,
    )  # fmt: skip


def _pages(scope: Scope) -> Iterator[list[Row]]:
    base = base_url()
    after = (Decimal(-1), 0)
    while True:
        found = _read(scope, after, CHUNK)
        if found:
            yield [_row(r, scope, base) for r in found]
        if len(found) < CHUNK:
            return
        after = (found[-1].miles, found[-1].id)


def base_url() -> str:
    """Of this installation, without a slash at its end."""
    return str(current_app.config["SETTINGS"].base_url).rstrip("/")


def count_results(scope: Scope) -> int:
    sql = f"SELECT count(*) AS n FROM project_dealerships pd WHERE {_which(scope)}"
    return int(scope.rows(sql, status=scope.status)[0].n)


def get_results(scope: Scope, place: str = "", size: int = ON_PAGE) -> tuple[Document, str | None]:
    """One page and where the next begins: `place` is what an earlier call gave for that."""
    after = _read_place(place)
    found = _read(scope, after, size + 1)
    rows = tuple(_row(r, scope, base_url()) for r in found[:size])
    following = f"{found[size - 1].miles}~{found[size - 1].id}" if len(found) > size else None
    return _document(scope, rows), following


def whole_results(scope: Scope) -> Document:
    """For files: no row is held."""
    return _document(scope, ())


def _document(scope: Scope, rows: tuple[Row, ...]) -> Document:
    counts = {
        row.contact_status: int(row.n)
        for row in scope.rows(
            f"SELECT pd.contact_status, count(*) AS n FROM project_dealerships pd WHERE {_which(scope)} GROUP BY 1", status=scope.status
        )
    }  # fmt: skip
    total = sum(counts.values())
    facts = [Fact("dealerships", "Dealerships", total, tile=False)]
    facts += [Fact(name, label, counts.get(name, 0), tile=False) for name, label in STATUSES if counts.get(name)]
    table = Table("results", "Dealerships", COLUMNS, rows, pages=lambda: _pages(replace(scope)), total=total,
                  empty="No dealership fits this choice.")  # fmt: skip
    return scope.document(
        "results", "Detailed results", tuple(facts), (table,),
        notes=("Each row tells the dealership's status of today and its last attempt of the choice; what the attempt left as evidence is "
               "on the attempt's own page.",),
    )  # fmt: skip


STATUSES = (
    ("success", "Success"), ("manual_override", "Done by hand"), ("failed", "Failed"), ("blocked", "Blocked"), ("skipped", "Skipped"),
    ("in_progress", "In progress"), ("pending", "Pending"),
)  # fmt: skip


def _read_place(text: str) -> tuple[Decimal, int]:
    miles, _, row_id = text.partition("~")
    if (
        len(text) < 40
        and miles.replace(".", "", 1).isdecimal()
        and miles.isascii()
        and row_id.isascii()
        and row_id.isdecimal()
    ):
        return Decimal(miles), min(int(row_id), 2**63 - 1)
    return Decimal(-1), 0


__all__ = ["COLUMNS", "count_results", "get_results", "whole_results"]
