"""What a report counts: one project, perhaps one run, perhaps some days; dry runs only when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import Company
from webapp.automation.models import Project, Run
from webapp.automation.states import CONTACT_STATUS
from webapp.core.access import MAX_ID
from webapp.core.clock import db_now
from webapp.core.db import db
from webapp.core.text import exact, zone_info
from webapp.reports.automation.document import Advice, Document, Fact, Table

RUNS = 200  # offered in the filter, newest first
LEVELS = ("debug", "info", "warn", "error")


@dataclass(frozen=True, slots=True)
class Scope:
    """Days are inclusive and the project's. `status` bounds the detailed results, `level` the debug log, upwards."""

    company_id: int
    project_id: int
    zone: str
    run_id: int | None = None
    from_date: date | None = None
    to_date: date | None = None
    dry: bool = False
    status: str = ""
    level: str = ""

    @property
    def is_whole(self) -> bool:
        return self.run_id is None and self.from_date is None and self.to_date is None

    def params(self) -> dict[str, Any]:
        """For an address or an export's row."""
        found: dict[str, Any] = {"project_id": self.project_id}
        for name, value in (
            ("run", self.run_id), ("from_date", self.from_date and self.from_date.isoformat()),
            ("to_date", self.to_date and self.to_date.isoformat()), ("dry", 1 if self.dry else None),
            ("status", self.status), ("level", self.level),
        ):  # fmt: skip
            if value:
                found[name] = value
        return found

    def attempts_path(self, **chosen: str) -> str:
        """The page with the attempts that are counted, and of them those that are chosen; {keys} stay as they are."""
        given = {name: value for name, value in self.params().items() if name in ("run", "from_date", "to_date")}
        given = chosen | ({} if self.dry else {"sent": "real"}) | given
        return f"/projects/{self.project_id}/attempts?" + "&".join(f"{name}={value}" for name, value in given.items())

    def where(self, alias: str = "a", *, at: str = "started_at", dry: bool | None = None) -> str:
        """The project's attempts that are counted; `dry` False leaves dry runs out whatever was asked."""
        parts = [f"{alias}.company_id = :company AND {alias}.project_id = :project", *self.bounds(alias, at)]
        if not (self.dry if dry is None else dry):
            parts.append(f"NOT {alias}.dry_run")
        return " AND ".join(parts)

    def bounds(self, alias: str, at: str = "started_at") -> list[str]:
        """Of the run and the days alone."""
        parts = []
        if self.run_id is not None:
            parts.append(f"{alias}.run_id = :run")
        if self.from_date is not None:
            parts.append(f"{alias}.{at} >= :since")
        if self.to_date is not None:
            parts.append(f"{alias}.{at} < :upto")
        return parts

    @property
    def values(self) -> dict[str, Any]:
        """Parameters of `where`, and the zone."""
        info = zone_info(self.zone)
        found: dict[str, Any] = {"company": self.company_id, "project": self.project_id, "zone": self.zone}
        if self.run_id is not None:
            found["run"] = self.run_id
        if self.from_date is not None:
            found["since"] = datetime.combine(self.from_date, time(), info).astimezone(UTC)
        if self.to_date is not None:
            found["upto"] = datetime.combine(self.to_date + timedelta(days=1), time(), info).astimezone(UTC)
        return found

    def rows(self, sql: str, **more: Any) -> list[Any]:
        return list(db.session.execute(sa.text(sql), _named(sql, self.values | more)))

    def document(
        self, kind: str, label: str, totals: tuple[Fact, ...], tables: tuple[Table, ...], *, advice: tuple[Advice, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> Document:  # fmt: skip
        project, company, made_at = db.session.execute(
            sa.select(Project, Company, db_now()).join(Company, Company.id == Project.company_id)
            .where(Project.id == self.project_id, Project.company_id == self.company_id)
        ).one()  # fmt: skip
        return Document(
            kind=kind, label=label, project_id=self.project_id, project=project.name, company=company.name, country=company.country,
            zone=self.zone, made_at=made_at, params=self.params(), facts=tuple(_facts(self)), totals=totals, tables=tables,
            advice=advice, notes=(*notes, *_notes(self)),
        )  # fmt: skip


def _named(sql: str, values: dict[str, Any]) -> dict[str, Any]:
    """Those of the parameters that the statement names: a Text refuses none, but the driver sends what it is given."""
    return {name: value for name, value in values.items() if f":{name}" in sql}


def _facts(scope: Scope) -> list[tuple[str, Any]]:
    days = "all days"
    if scope.from_date or scope.to_date:
        first = exact(scope.from_date) if scope.from_date else "the first day"
        days = f"{first} to {exact(scope.to_date) if scope.to_date else 'today'}"
    found: list[tuple[str, Any]] = [("Days", days), ("Run", f"run {scope.run_id}" if scope.run_id else "all runs")]
    found.append(("Dry runs", "shown, counted as no success" if scope.dry else "left out"))
    if scope.status:
        found.append(("Status", CONTACT_STATUS[scope.status].label))
    if scope.level:
        found.append(("Level", f"{scope.level} and above"))
    return found


def _notes(scope: Scope) -> tuple[str, ...]:
    return (
        f"Days and hours are of {scope.zone}. A dry run fills a form and sends nothing, so it never counts as a success.",
    )


def read_scope(args: Mapping[str, Any], project: Project) -> tuple[Scope, list[str]]:
    """From a query string or an export's row; what cannot be used is left out and named."""
    notes: list[str] = []
    scope = Scope(project.company_id, project.id, project.zone, dry=str(args.get("dry") or "") not in ("", "0"))
    since, upto = _day(args, "from_date", notes), _day(args, "to_date", notes)
    if since and upto and since > upto:
        notes.append("The last day lies before the first; the two were exchanged.")
        since, upto = upto, since
    scope = replace(scope, from_date=since, to_date=upto)
    status, level = str(args.get("status") or ""), str(args.get("level") or "")
    if status and status not in CONTACT_STATUS.names:
        notes.append("There is no such status; all are shown.")
        status = ""
    if level and level not in LEVELS:
        notes.append("There is no such level; all are shown.")
        level = ""
    scope = replace(scope, status=status, level=level)
    asked = str(args.get("run") or "").strip()
    if not asked:
        return scope, notes
    run = _run(project, asked)
    if run is None:
        notes.append("There is no such run in this project; all runs are counted.")
        return scope, notes
    if run.dry_run and not scope.dry:
        notes.append("This run is a dry run, so dry runs are shown. They count as no success.")
    return replace(scope, run_id=run.id, dry=scope.dry or run.dry_run), notes


def _day(args: Mapping[str, Any], name: str, notes: list[str]) -> date | None:
    text = str(args.get(name) or "").strip()
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        found = None
    if text and (found is None or not 1970 <= found.year <= 2100):
        notes.append(f"{name.replace('_', ' ').capitalize()} is no day; it was left out.")
        return None
    return found


def _run(project: Project, asked: str) -> Run | None:
    if not (asked.isascii() and asked.isdecimal() and len(asked) < 20 and 0 < int(asked) <= MAX_ID):
        return None
    query = sa.select(Run).where(
        Run.id == int(asked), Run.project_id == project.id, Run.company_id == project.company_id
    )
    return db.session.scalars(query).one_or_none()


def list_runs(scope: Scope) -> list[Run]:
    query = sa.select(Run).where(Run.company_id == scope.company_id, Run.project_id == scope.project_id)
    return list(db.session.scalars(query.order_by(Run.id.desc()).limit(RUNS)))
