"""The company's dealerships: the table with its filters, one of them with its projects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlencode

import sqlalchemy as sa
from werkzeug.datastructures import MultiDict

from webapp.automation.models import Dealership, Project, ProjectDealership
from webapp.automation.queries.keyset import Cursor, Page, fetch
from webapp.automation.queries.projects import SEARCH_SQL, like, search_text
from webapp.core.db import db
from webapp.leads.models import Lead, LeadList

SORTS = {"name": "lower(d.name)", "website": "d.host", "newest": "d.id"}
DEFAULT_SORT = "name"
PLACED = {"own": "By its own coordinates", "postal_code": "By its postal code", "no": "Cannot be placed"}
PROJECTS = {"any": "In a project", "none": "In no project"}


@dataclass(frozen=True, slots=True)
class DealershipFilter:
    """`project` is any, none, or a project's id; `twins` those whose website another one has too."""

    q: str = ""
    placed: str = ""
    project: str = ""
    twins: str = ""
    sort: str = DEFAULT_SORT

    @classmethod
    def parse(cls, given: MultiDict[str, str]) -> DealershipFilter:
        project, sort = given.get("project", ""), given.get("sort", DEFAULT_SORT)
        known = project in PROJECTS or (project.isascii() and project.isdecimal() and len(project) < 19)
        return cls(
            q=search_text(given.get("q", "")),
            placed=given.get("placed", "") if given.get("placed") in PLACED else "",
            project=project if known else "",
            twins="yes" if given.get("twins") == "yes" else "",
            sort=sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT,
        )

    @classmethod
    def from_query(cls, query: str) -> DealershipFilter:
        found = parse_qs(query[:8000], errors="replace")
        return cls.parse(MultiDict((name, value) for name, values in found.items() for value in values))

    @property
    def active(self) -> bool:
        return bool(self.q or self.placed or self.project or self.twins)

    def query_string(self, **changes: Any) -> str:
        f = replace(self, **changes)
        pairs = [("q", f.q), ("placed", f.placed), ("project", f.project), ("twins", f.twins)]
        return urlencode([pair for pair in [*pairs, ("sort", f.sort if f.sort != DEFAULT_SORT else "")] if pair[1]])

    def sql(self) -> tuple[str, dict[str, Any]]:
        """Over `dealerships d` of the company."""
        parts = ["d.company_id = :company"]
        params: dict[str, Any] = {}
        if self.q:
            parts.append(SEARCH_SQL)
            params["q"] = like(self.q)
        if self.placed == "no":
            parts.append("d.placed_by IS NULL")
        elif self.placed:
            parts.append("d.placed_by = :placed")
            params["placed"] = self.placed
        member = "EXISTS (SELECT FROM project_dealerships m WHERE m.dealership_id = d.id{})"
        if self.project in PROJECTS:
            parts.append(("NOT " if self.project == "none" else "") + member.format(""))
        elif self.project:
            parts.append(member.format(" AND m.project_id = :wanted_project"))
            params["wanted_project"] = int(self.project)
        if self.twins:
            parts.append(
                "d.host IN (SELECT t.host FROM dealerships t WHERE t.company_id = :company GROUP BY t.host HAVING count(*) > 1)"
            )
        return " AND ".join(parts), params


_PROJECT_COUNT = "(SELECT count(*) FROM project_dealerships m WHERE m.dealership_id = d.id) AS projects"


def list_dealerships(company_id: int, wanted: DealershipFilter, cursor: Cursor) -> Page:
    where, params = wanted.sql()
    return fetch(
        f"d.name, d.host, d.website, d.contact_url, d.city, d.state, d.postal_code, d.placed_by, d.lead_id, {_PROJECT_COUNT}",
        "dealerships d", where, params | {"company": company_id}, key=SORTS[wanted.sort.removeprefix("-")], row_id="d.id",
        falling=wanted.sort.startswith("-"), cursor=cursor,
    )  # fmt: skip


def count_dealerships(company_id: int, wanted: DealershipFilter) -> int:
    where, params = wanted.sql()
    return int(
        db.session.scalar(
            sa.text(f"SELECT count(*) FROM dealerships d WHERE {where}"), params | {"company": company_id}
        )
        or 0
    )


def count_twins(company_id: int) -> int:
    """Dealerships whose website another one of the company has too."""
    return count_dealerships(company_id, DealershipFilter(twins="yes"))


@dataclass(frozen=True, slots=True)
class Membership:
    row: ProjectDealership
    project: Project


def list_memberships(dealership_id: int) -> list[Membership]:
    query = (
        sa.select(ProjectDealership, Project)
        .join(Project, Project.id == ProjectDealership.project_id)
        .where(ProjectDealership.dealership_id == dealership_id)
        .order_by(Project.id.desc())
    )
    return [Membership(*found) for found in db.session.execute(query)]


def list_twins(row: Dealership) -> list[Dealership]:
    """Others of the company with its website."""
    query = sa.select(Dealership).where(
        Dealership.company_id == row.company_id, Dealership.host == row.host, Dealership.id != row.id
    )
    return list(db.session.scalars(query.order_by(sa.func.lower(Dealership.name), Dealership.id).limit(20)))


def get_lead(row: Dealership) -> Lead:
    return db.session.get_one(Lead, row.lead_id)


def list_choices(company_id: int) -> list[tuple[int, str]]:
    """Lead lists that are not archived."""
    query = sa.select(LeadList.id, LeadList.name).where(
        LeadList.company_id == company_id, LeadList.archived_at.is_(None)
    )
    found = db.session.execute(query.order_by(sa.func.lower(LeadList.name), LeadList.id))
    return [(row.id, row.name) for row in found]


def find_list(list_id: int, company_id: int) -> LeadList | None:
    return db.session.scalars(
        sa.select(LeadList).where(LeadList.id == list_id, LeadList.company_id == company_id)
    ).one_or_none()


def find_list_by_name(name: str, company_id: int) -> LeadList | None:
    return db.session.scalars(
        sa.select(LeadList).where(LeadList.company_id == company_id, sa.func.lower(LeadList.name) == name.lower())
    ).one_or_none()
