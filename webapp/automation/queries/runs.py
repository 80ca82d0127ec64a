"""Runs and attempts for pages: what is due, what was done, one attempt and its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.automation.engine.failures import FailureType
from webapp.automation.models import AutomationAttempt, FormMapping, Project, ProjectDealership, Run
from webapp.automation.queries.keyset import Cursor, Page, fetch
from webapp.automation.service.counting import DUE_SQL, WALLS
from webapp.automation.states import ACTIVE_RUN, ATTEMPT
from webapp.core.access import owned
from webapp.core.db import db

MOST_RUNS = 100
SENT = {"real": "Real ones", "dry": "Dry runs"}
_DUE = sa.text(f"SELECT count(*) FROM project_dealerships pd WHERE pd.project_id = :project AND {DUE_SQL}")


def count_due(project: Project) -> dict[str, int]:
    """What a run started now would take: `due`, `dry`, and `again`, those that failed before included."""
    facts = {"run": 0, "project": project.id, "chosen": None, "walls": list(WALLS), "stays": "24 hours"}

    def count(**how: bool) -> int:
        return int(db.session.scalar(_DUE, facts | {"dry": False, "again": False} | how) or 0)

    return {"due": count(), "dry": count(dry=True), "again": count(again=True)}


def find_active(project_id: int) -> Run | None:
    return db.session.scalars(sa.select(Run).where(Run.project_id == project_id, Run.state.in_(ACTIVE_RUN))).first()


def list_runs(project_id: int, limit: int = MOST_RUNS) -> list[tuple[Run, str]]:
    """The newest first, each with who started it."""
    query = (
        sa.select(Run, sa.func.coalesce(User.name, "Rebound"))
        .outerjoin(User, User.id == Run.started_by_id)
        .where(Run.project_id == project_id)
        .order_by(Run.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in db.session.execute(query)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of a project's attempts, as its URL says them. Days are the project's own, both included."""

    error: str = ""
    status: str = ""
    run: int | None = None
    sent: str = ""  # of SENT
    from_date: date | None = None
    to_date: date | None = None

    @classmethod
    def parse(cls, args: Any) -> Wanted:
        error, status, run, sent = (args.get(name, "") for name in ("error", "status", "run", "sent"))
        days = sorted(day for name in ("from_date", "to_date") if (day := _day(args.get(name, ""))))
        both = len(days) == 2  # the wrong way round, they are exchanged
        return cls(
            error if error in set(FailureType) else "", status if status in ATTEMPT.names else "",
            int(run) if run.isascii() and run.isdecimal() and len(run) < 19 else None, sent if sent in SENT else "",
            days[0] if both else _day(args.get("from_date", "")), days[1] if both else _day(args.get("to_date", "")),
        )  # fmt: skip

    def params(self) -> dict[str, Any]:
        """For an address: only what is asked for."""
        given = {
            "run": self.run, "error": self.error, "status": self.status, "sent": self.sent,
            "from_date": self.from_date and self.from_date.isoformat(), "to_date": self.to_date and self.to_date.isoformat(),
        }  # fmt: skip
        return {name: value for name, value in given.items() if value}

    def where(self, zone: str) -> tuple[str, dict[str, Any]]:
        parts: list[str] = ["a.project_id = :project"]
        values: dict[str, Any] = {}
        if self.sent:
            parts.append("a.dry_run" if self.sent == "dry" else "NOT a.dry_run")
        for name, day, bound in (
            ("from_date", self.from_date, ">= CAST(:from_date AS timestamp)"),
            ("to_date", self.to_date, "< CAST(:to_date AS timestamp) + interval '1 day'"),
        ):
            if day:
                parts.append(f"a.started_at AT TIME ZONE :zone {bound}")
                values |= {name: day, "zone": zone}
        if self.error:  # one that a person settled as arrived is none any more
            parts.append("a.status <> 'success'")
        for name, column, value in (
            ("error", "error_type", self.error),
            ("status", "status", self.status),
            ("run", "run_id", self.run),
        ):
            if value:
                parts.append(f"a.{column} = :{name}")
                values[name] = value
        return " AND ".join(parts), values


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 <= day.year < 2100 else None


def list_attempts(project: Project, wanted: Wanted, cursor: Cursor) -> Page:
    where, values = wanted.where(project.zone)
    return fetch(
        "a.*, d.name, d.host, pd.id AS member_id",
        "automation_attempts a JOIN project_dealerships pd ON pd.id = a.project_dealership_id JOIN dealerships d ON d.id = pd.dealership_id",
        where, {"project": project.id, **values}, key="a.started_at", row_id="a.id", falling=True, cursor=cursor,
    )  # fmt: skip


def count_attempts(project: Project, wanted: Wanted) -> int:
    where, values = wanted.where(project.zone)
    return int(
        db.session.scalar(
            sa.text(f"SELECT count(*) FROM automation_attempts a WHERE {where}"), {"project": project.id, **values}
        )
        or 0
    )


def find_neighbours(attempt: AutomationAttempt) -> tuple[int | None, int | None]:
    """Ids of the same dealership's attempt before and after this one."""
    mine = owned(AutomationAttempt, attempt.company_id).where(
        AutomationAttempt.project_dealership_id == attempt.project_dealership_id
    )
    before = (
        mine.where(AutomationAttempt.attempt_number < attempt.attempt_number)
        .order_by(AutomationAttempt.attempt_number.desc())
        .limit(1)
    )
    after = (
        mine.where(AutomationAttempt.attempt_number > attempt.attempt_number)
        .order_by(AutomationAttempt.attempt_number)
        .limit(1)
    )
    found = [db.session.scalars(query).first() for query in (before, after)]
    return (found[0].id if found[0] else None), (found[1].id if found[1] else None)


def find_last_real(project_dealership_id: int) -> AutomationAttempt | None:
    """The newest attempt that visited for real and was recorded: no dry run, neither skipped nor given back."""
    query = sa.select(AutomationAttempt).where(
        AutomationAttempt.project_dealership_id == project_dealership_id,
        sa.not_(AutomationAttempt.dry_run),
        AutomationAttempt.status.not_in(("skipped", "cancelled")),
    )
    return db.session.scalars(query.order_by(AutomationAttempt.attempt_number.desc()).limit(1)).first()


def find_refused(row: ProjectDealership) -> AutomationAttempt | None:
    """The newest attempt whose message the site refused, while the row stands so."""
    if row.submission != "rejected":
        return None
    query = sa.select(AutomationAttempt).where(
        AutomationAttempt.project_dealership_id == row.id, AutomationAttempt.submission == "rejected"
    )
    return db.session.scalars(query.order_by(AutomationAttempt.attempt_number.desc()).limit(1)).first()


def find_unsettled(row: ProjectDealership) -> AutomationAttempt | None:
    """The attempt whose unknown outcome a person has yet to settle, else None."""
    if (row.contact_status, row.submission) != ("failed", "unconfirmed"):
        return None
    last = find_last_real(row.id)
    return last if last and last.submission == "unconfirmed" and last.settled_by_id is None else None


def list_mappings(company_id: int, host: str) -> list[tuple[FormMapping, str]]:
    """Every version of a host's, the newest first, each with who made it."""
    query = (
        sa.select(FormMapping, sa.func.coalesce(User.name, "Rebound"))
        .outerjoin(User, User.id == FormMapping.user_id)
        .where(FormMapping.company_id == company_id, FormMapping.host == host)
        .order_by(FormMapping.version.desc())
    )
    return [(row[0], row[1]) for row in db.session.execute(query)]
