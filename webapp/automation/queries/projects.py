"""Projects for their pages and reports: counts by status, the success rate, the dealerships and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlencode

import sqlalchemy as sa
from werkzeug.datastructures import MultiDict

from webapp.accounts.models import User
from webapp.automation.engine.failures import FailureType
from webapp.automation.models import AutomationAttempt, ContactRequest, Dealership, Project, ProjectDealership, Run
from webapp.automation.queries.keyset import Cursor, Page, fetch
from webapp.automation.states import CONTACT_STATUS
from webapp.core.audit import AuditEvent, StatusChange
from webapp.core.db import db
from webapp.leads.models import Lead

# Over `project_dealerships pd`: nothing has happened to it, no attempt, no hold, nobody's word.
UNTOUCHED = """pd.contact_status = 'pending' AND pd.contact_attempts = 0 AND pd.lease_until IS NULL
  AND NOT EXISTS (SELECT FROM automation_attempts a WHERE a.project_dealership_id = pd.id)"""
MOST_PROJECTS = 500
MOST_VERSIONS = 200
MOST_HISTORY = 200
# The seed's "Project success rate", of one project; NULLIF for one without dealerships.
_RATE = """ROUND(
        COUNT(CASE WHEN pd.contact_status IN ('success', 'manual_override') THEN 1 END) * 100.0 / NULLIF(COUNT(pd.id), 0),
        2
    )"""
METRICS = f"""
SELECT
    COUNT(pd.id) as total_dealerships,
    COUNT(CASE WHEN pd.contact_status = 'success' THEN 1 END) as successful,
    COUNT(CASE WHEN pd.contact_status = 'failed' THEN 1 END) as failed,
    COUNT(CASE WHEN pd.contact_status = 'manual_override' THEN 1 END) as manual,
    {_RATE} as success_rate_percent
FROM project_dealerships pd
WHERE pd.project_id = :project
"""


@dataclass(frozen=True, slots=True)
class Metrics:
    """`success_rate_percent` has two digits; None for a project without dealerships."""

    total_dealerships: int
    successful: int
    failed: int
    manual: int
    success_rate_percent: Decimal | None


@dataclass(frozen=True, slots=True)
class ProjectRow:
    project: Project
    counts: dict[str, int]
    success_rate_percent: Decimal | None
    last_run: Run | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def get_metrics(project_id: int) -> Metrics:
    return Metrics(*db.session.execute(sa.text(METRICS), {"project": project_id}).one())


def list_projects(company_id: int, *, archived: bool) -> list[ProjectRow]:
    """The newest first, at most MOST_PROJECTS."""
    stands = Project.archived_at.is_not(None) if archived else Project.archived_at.is_(None)
    projects = db.session.scalars(
        sa.select(Project)
        .where(Project.company_id == company_id, stands)
        .order_by(Project.id.desc())
        .limit(MOST_PROJECTS)
    ).all()
    ids = [project.id for project in projects]
    counts: dict[int, dict[str, int]] = {project_id: {} for project_id in ids}
    for project_id, status, number in db.session.execute(
        sa.select(ProjectDealership.project_id, ProjectDealership.contact_status, sa.func.count())
        .where(ProjectDealership.project_id.in_(ids))
        .group_by(ProjectDealership.project_id, ProjectDealership.contact_status)
    ):
        counts[project_id][status] = number
    rates = {
        row.project_id: row.rate
        for row in db.session.execute(
            sa.text(
                f"SELECT pd.project_id, {_RATE} AS rate FROM project_dealerships pd"
                " WHERE pd.project_id = ANY(CAST(:ids AS bigint[])) GROUP BY pd.project_id"
            ),
            {"ids": ids},
        )
    }
    newest = sa.select(sa.func.max(Run.id)).where(Run.project_id.in_(ids)).group_by(Run.project_id)
    runs = {run.project_id: run for run in db.session.scalars(sa.select(Run).where(Run.id.in_(newest)))}
    return [
        ProjectRow(project, counts[project.id], rates.get(project.id), runs.get(project.id)) for project in projects
    ]


def count_projects(company_id: int, *, archived: bool) -> int:
    stands = Project.archived_at.is_not(None) if archived else Project.archived_at.is_(None)
    return (
        db.session.scalar(
            sa.select(sa.func.count()).select_from(Project).where(Project.company_id == company_id, stands)
        )
        or 0
    )


def project_choices(company_id: int) -> list[tuple[int, str]]:
    """Those that dealerships can be added to."""
    query = (
        sa.select(Project.id, Project.name)
        .where(Project.company_id == company_id, Project.archived_at.is_(None))
        .order_by(sa.func.lower(Project.name))
    )
    return [(row.id, row.name) for row in db.session.execute(query)]


def get_counts(project_id: int) -> dict[str, int]:
    """By contact status; those of none are left out."""
    query = sa.select(ProjectDealership.contact_status, sa.func.count()).where(
        ProjectDealership.project_id == project_id
    )
    return {row[0]: row[1] for row in db.session.execute(query.group_by(ProjectDealership.contact_status))}


def get_errors(project_id: int) -> dict[str, int]:
    """By error type, of those whose last attempt had one."""
    query = sa.select(ProjectDealership.error_type, sa.func.count()).where(
        ProjectDealership.project_id == project_id, ProjectDealership.error_type.is_not(None)
    )
    found = db.session.execute(query.group_by(ProjectDealership.error_type)).all()
    return {kind: number for kind, number in found if kind}


def find_last_change(row: Project | ContactRequest | Dealership) -> tuple[str, datetime | None]:
    """Who changed it last, and when, by the audit."""
    found = db.session.execute(
        sa.select(User.name, AuditEvent.created_at)
        .outerjoin(User, User.id == AuditEvent.user_id)
        .where(AuditEvent.subject_type == row.__tablename__, AuditEvent.subject_id == row.id)
        .order_by(AuditEvent.id.desc())
        .limit(1)
    ).first()
    return (found[0] or "Rebound", found[1]) if found else ("Rebound", None)


# --- the dealerships of one project ------------------------------------------------------------------------------------

SORTS = {
    "distance": "coalesce(pd.distance_miles, 1000000)", "name": "lower(d.name)", "attempts": "pd.contact_attempts",
    "last": "coalesce(extract(epoch FROM pd.last_attempt_at), -1e18)",
    "retry": "coalesce(extract(epoch FROM coalesce(pd.next_retry_at, pd.deferred_until)), 1e18)",
}  # fmt: skip
DEFAULT_SORT = "distance"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a project's dealerships, in which order; what cannot be used is left out."""

    q: str = ""
    status: tuple[str, ...] = ()
    error: str = ""
    placed: str = ""  # "no": those without a distance
    sort: str = DEFAULT_SORT

    @classmethod
    def parse(cls, given: Any) -> Wanted:
        """Of a MultiDict."""
        sort = given.get("sort", DEFAULT_SORT)
        error = given.get("error", "")
        return cls(
            q=search_text(given.get("q", "")),
            status=tuple(name for name in CONTACT_STATUS.names if name in given.getlist("status")),
            error=error if error in {str(kind) for kind in FailureType} else "",
            placed="no" if given.get("placed") == "no" else "",
            sort=sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT,
        )

    @classmethod
    def from_query(cls, query: str) -> Wanted:
        found = parse_qs(query[:8000], errors="replace")
        return cls.parse(MultiDict((name, value) for name, values in found.items() for value in values))

    @property
    def active(self) -> bool:
        return bool(self.q or self.status or self.error or self.placed)

    def query_string(self, **changes: Any) -> str:
        w = replace(self, **changes)
        pairs = [("q", w.q), *(("status", name) for name in w.status), ("error", w.error), ("placed", w.placed)]
        pairs += [("sort", w.sort if w.sort != DEFAULT_SORT else "")]
        return urlencode([pair for pair in pairs if pair[1]])

    def sql(self) -> tuple[str, dict[str, Any]]:
        """Over `project_dealerships pd JOIN dealerships d`."""
        parts = ["pd.project_id = :project"]
        params: dict[str, Any] = {}
        if self.q:
            parts.append(SEARCH_SQL)
            params["q"] = like(self.q)
        if self.status:
            parts.append("pd.contact_status = ANY(CAST(:statuses AS text[]))")
            params["statuses"] = list(self.status)
        if self.error:
            parts.append("pd.error_type = :error")
            params["error"] = self.error
        if self.placed:
            parts.append("pd.distance_miles IS NULL")
        return " AND ".join(parts), params


SEARCH_SQL = "(d.name ILIKE :q OR d.host ILIKE :q OR d.city ILIKE :q OR d.postal_code ILIKE :q)"


def search_text(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:200]


def like(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


_SOURCE = "project_dealerships pd JOIN dealerships d ON d.id = pd.dealership_id"


# Of one that was not tried for real yet: what its last dry run said.
_LAST_DRY = """ CASE WHEN pd.contact_status = 'pending' AND pd.reason = '' THEN (
  SELECT 'Dry run: ' || CASE WHEN a.status = 'success' THEN 'filled, not sent' ELSE coalesce(a.error_message, a.status) END
  FROM automation_attempts a WHERE a.project_dealership_id = pd.id AND a.dry_run AND a.status NOT IN ('running', 'cancelled')
  ORDER BY a.attempt_number DESC LIMIT 1) END AS last_dry"""


def list_members(project_id: int, wanted: Wanted, cursor: Cursor) -> Page:
    """Rows with `pd` columns, and the dealership's name, host, city and state."""
    where, params = wanted.sql()
    return fetch(
        "pd.contact_status, pd.contact_attempts, pd.last_attempt_at, pd.next_retry_at, pd.deferred_until, pd.reason, pd.error_type,"
        " pd.distance_miles, pd.submission, pd.dealership_id, d.name, d.host, d.website, d.city, d.state," + _LAST_DRY,
        _SOURCE, where, params | {"project": project_id}, key=SORTS[wanted.sort.removeprefix("-")], row_id="pd.id",
        falling=wanted.sort.startswith("-"), cursor=cursor,
    )  # fmt: skip


def count_members(project_id: int, wanted: Wanted) -> int:
    where, params = wanted.sql()
    query = f"SELECT count(*) FROM {_SOURCE} WHERE {where}"
    return int(db.session.scalar(sa.text(query), params | {"project": project_id}) or 0)


def list_member_ids(project_id: int, wanted: Wanted) -> list[int]:
    """Of every row that a filter means."""
    where, params = wanted.sql()
    return list(
        db.session.scalars(
            sa.text(f"SELECT pd.id FROM {_SOURCE} WHERE {where} ORDER BY pd.id"), params | {"project": project_id}
        )
    )


def count_untouched(project_id: int, ids: Sequence[int]) -> int:
    """Of these, those that can be taken out of the project."""
    query = f"SELECT count(*) FROM project_dealerships pd WHERE pd.project_id = :project AND pd.id = ANY(CAST(:ids AS bigint[])) AND {UNTOUCHED}"
    return int(db.session.scalar(sa.text(query), {"project": project_id, "ids": list(ids)}) or 0)


def list_names(project_id: int, ids: Sequence[int]) -> list[str]:
    query = (
        sa.select(Dealership.name)
        .join(ProjectDealership, ProjectDealership.dealership_id == Dealership.id)
        .where(ProjectDealership.project_id == project_id, ProjectDealership.id.in_(ids))
    )
    return list(db.session.scalars(query.order_by(sa.func.lower(Dealership.name))))


@dataclass(frozen=True, slots=True)
class Member:
    row: ProjectDealership
    dealership: Dealership
    project: Project
    lead: Lead


def get_member(row: ProjectDealership) -> Member:
    dealership = db.session.get_one(Dealership, row.dealership_id)
    return Member(
        row, dealership, db.session.get_one(Project, row.project_id), db.session.get_one(Lead, dealership.lead_id)
    )


def list_attempts(project_dealership_id: int) -> list[AutomationAttempt]:
    """The newest first."""
    query = sa.select(AutomationAttempt).where(AutomationAttempt.project_dealership_id == project_dealership_id)
    return list(db.session.scalars(query.order_by(AutomationAttempt.attempt_number.desc()).limit(MOST_HISTORY)))


def list_history(project_dealership_id: int, company_id: int) -> list[tuple[StatusChange, str]]:
    """Its status changes, the newest first, each with who."""
    query = (
        sa.select(StatusChange, sa.func.coalesce(User.name, "Rebound"))
        .outerjoin(User, User.id == StatusChange.user_id)
        .where(
            StatusChange.machine == CONTACT_STATUS.name, StatusChange.subject_id == project_dealership_id,
            StatusChange.company_id == company_id,
        )
        .order_by(StatusChange.id.desc())
        .limit(MOST_HISTORY)
    )  # fmt: skip
    return [(row[0], row[1]) for row in db.session.execute(query)]


def list_versions(project_id: int) -> list[tuple[ContactRequest, str]]:
    """Of the contact request, the newest first, each with who wrote it."""
    query = (
        sa.select(ContactRequest, sa.func.coalesce(User.name, "Rebound"))
        .outerjoin(User, User.id == ContactRequest.created_by_id)
        .where(ContactRequest.project_id == project_id)
        .order_by(ContactRequest.version.desc())
        .limit(MOST_VERSIONS)
    )
    return [(row[0], row[1]) for row in db.session.execute(query)]


def get_user_name(user_id: int | None) -> str | None:
    return db.session.scalar(sa.select(User.name).where(User.id == user_id)) if user_id else None


def count_unplaced(project_id: int) -> int:
    query = sa.select(sa.func.count()).where(
        ProjectDealership.project_id == project_id, ProjectDealership.distance_miles.is_(None)
    )
    return db.session.scalar(query) or 0
