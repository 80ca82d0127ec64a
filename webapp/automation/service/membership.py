"""Which dealerships a project is to reach: added in sets, taken out while nothing has happened to them, and their distances."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.automation.models import Project
from webapp.automation.places import bounds
from webapp.automation.queries.projects import UNTOUCHED
from webapp.automation.states import CONTACT_STATUS
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.db import atomic, db
from webapp.core.text import plural

MOST_MILES = 12_500


class MembershipRefused(Exception):
    """The text says why."""


@dataclass(frozen=True, slots=True)
class Added:
    """`added` now, `there` before; `batch_id` ties the rows of the ledger."""

    added: int
    there: int
    batch_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Reach:
    """Of the dealerships that a choice means: how many are new to the project, there already, and cannot be placed."""

    new: int
    there: int
    unplaced: int


# A dealership without a place has no distance; so has every one while the project has no search location.
_MILES = (
    "CASE WHEN d.latitude IS NOT NULL THEN round(miles_between(:lat, :lng, d.latitude, d.longitude)::numeric, 2) END"
)
_ADD = """
WITH picked AS MATERIALIZED (
  SELECT d.id, {miles} AS miles FROM dealerships d WHERE d.company_id = :company AND ({which})
), made AS (
  INSERT INTO project_dealerships (company_id, project_id, dealership_id, distance_miles, search_location_lat, search_location_lng)
  SELECT :company, :project, id, miles, :lat, :lng FROM picked ORDER BY miles NULLS LAST, id
  ON CONFLICT (project_id, dealership_id) DO NOTHING RETURNING id
), noted AS (
  INSERT INTO status_changes (company_id, machine, subject_id, old_status, new_status, cause, reason, batch_id, user_id, created_at)
  SELECT :company, :machine, id, NULL, :pending, 'user', :reason, CAST(:batch AS uuid), :by, rebound_now() FROM made ORDER BY id
)
SELECT (SELECT count(*) FROM picked) AS meant, (SELECT count(*) FROM made) AS added
"""


def _where(project: Project) -> dict[str, Any]:
    lat, lng = project.search_location_lat, project.search_location_lng
    return {"lat": None if lat is None else float(lat), "lng": None if lng is None else float(lng)}


def circle(project: Project, miles: float) -> tuple[str, dict[str, Any]]:
    """SQL over `dealerships d` for those within `miles` of the search location. Raises MembershipRefused without one."""
    where = _where(project)
    if where["lat"] is None:
        raise MembershipRefused("The project has no search location: give it one in its settings first.")
    box = bounds(where["lat"], where["lng"], miles)
    across = "AND" if box.west <= box.east else "OR"
    return (
        "d.latitude BETWEEN :south AND :north AND (d.longitude >= :west " + across + " d.longitude <= :east)"
        " AND miles_between(:lat, :lng, d.latitude, d.longitude) <= :miles",
        {"south": box.south, "north": box.north, "west": box.west, "east": box.east, "miles": miles} | where,
    )  # fmt: skip


UNPLACED = "d.latitude IS NULL"


def measure(project: Project, which: str, params: dict[str, Any]) -> Reach:
    """What `add` would do with this choice."""
    row = db.session.execute(
        sa.text(
            "SELECT count(*) FILTER (WHERE pd.id IS NULL) AS new, count(*) FILTER (WHERE pd.id IS NOT NULL) AS there,"
            f" count(*) FILTER (WHERE pd.id IS NULL AND {UNPLACED}) AS unplaced"
            " FROM dealerships d LEFT JOIN project_dealerships pd ON pd.dealership_id = d.id AND pd.project_id = :project"
            f" WHERE d.company_id = :company AND ({which})"
        ),
        {"company": project.company_id, "project": project.id} | params,
    ).one()
    return Reach(row.new, row.there, row.unplaced)


def measure_circle(project: Project, miles: float) -> Reach:
    """Raises MembershipRefused."""
    return measure(project, *circle(project, miles))


def measure_unplaced(project: Project) -> Reach:
    return measure(project, UNPLACED, {})


LIST = "d.lead_id IN (SELECT l.id FROM leads l WHERE l.list_id = :list AND l.company_id = :company)"


def measure_list(project: Project, list_id: int) -> Reach:
    return measure(project, LIST, {"list": list_id})


@atomic
def add_circle(project_id: int, miles: int, *, by: User) -> Added:
    """All of the company's dealerships within so many miles, nearest first. Raises LookupError, MembershipRefused."""
    project = open_project(project_id, by)
    which, params = circle(project, miles)
    return _add(project, which, params, f"within {miles} miles", by)


@atomic
def add_unplaced(project_id: int, *, by: User) -> Added:
    """All that nobody can place on a map. Raises LookupError, MembershipRefused."""
    return _add(open_project(project_id, by), UNPLACED, {}, "without a place", by)


@atomic
def add_list(project_id: int, list_id: int, *, by: User) -> Added:
    """All whose lead is in the list. Raises LookupError, MembershipRefused."""
    return _add(open_project(project_id, by), LIST, {"list": list_id}, "from a lead list", by)


@atomic
def add_chosen(project_id: int, dealership_ids: Sequence[int], *, by: User) -> Added:
    """Other companies' ids mean nothing. Raises LookupError, MembershipRefused."""
    return add_ids(open_project(project_id, by), dealership_ids, by=by)


@atomic
def add_filtered(project_id: int, which: str, params: dict[str, Any], *, seen: int, by: User) -> Added:
    """All of a filter of the dealerships' table, whose SQL over `d` the queries gave. Raises LookupError, MembershipRefused."""
    project = open_project(project_id, by)
    now = measure(project, which, params)
    if now.new + now.there != seen:
        raise MembershipRefused(f"You saw {seen:,}; now {now.new + now.there:,} match. Look at them again.")
    return _add(project, which, params, "from the table", by)


def add_ids(
    project: Project,
    dealership_ids: Sequence[int],
    *,
    by: User,
    reason: str = "by hand",
    batch_id: uuid.UUID | None = None,
) -> Added:
    """In the transaction in hand."""
    which = "d.id = ANY(CAST(:ids AS bigint[]))"
    return _add(project, which, {"ids": list(dealership_ids)}, reason, by, batch_id)


def open_project(project_id: int, by: User) -> Project:
    """Locked, in the transaction in hand. Raises LookupError, MembershipRefused for an archived one."""
    project = find_owned(Project, project_id, by.company_id, lock=True)
    if project is None:
        raise LookupError("No such project")
    if project.archived_at is not None:
        raise MembershipRefused("The project is archived. Bring it back first.")
    return project


def _add(
    project: Project, which: str, params: dict[str, Any], reason: str, by: User, batch_id: uuid.UUID | None = None
) -> Added:
    batch = batch_id or uuid.uuid4()
    values = params | _where(project) | {
        "company": project.company_id, "project": project.id, "machine": CONTACT_STATUS.name, "pending": CONTACT_STATUS.initial,
        "batch": str(batch), "by": by.id, "reason": f"Added {reason}",
    }  # fmt: skip
    miles = _MILES if values["lat"] is not None else "NULL::numeric"
    row = db.session.execute(
        sa.text(_ADD.format(which=which, miles=miles)).bindparams(
            sa.bindparam("lat", type_=sa.Float), sa.bindparam("lng", type_=sa.Float)
        ),
        values,
    ).one()
    if row.added:
        record_event(
            "dealerships_added", f"Added {plural(row.added, 'dealership')} {reason} to {project.name}", by=by, subject=project,
            batch_id=batch, added=row.added, there=row.meant - row.added,
        )  # fmt: skip
    return Added(row.added, row.meant - row.added, batch)


def copy_dealerships(source: Project, target: Project, by: User) -> Added:
    """As pending, in the transaction in hand."""
    which = "d.id IN (SELECT pd.dealership_id FROM project_dealerships pd WHERE pd.project_id = :source)"
    return _add(target, which, {"source": source.id}, f"from {source.name}", by)


@atomic
def remove_pending(project_id: int, ids: Sequence[int] | None, *, by: User) -> tuple[int, int]:
    """Take out of a project what nothing has happened to: `ids` of project_dealerships, None for all that are pending.

    (taken out, left because something has happened to them or a worker holds them). Raises LookupError.
    """
    project = find_owned(Project, project_id, by.company_id, lock=True)
    if project is None:
        raise LookupError("No such project")
    chosen = "" if ids is None else " AND pd.id = ANY(CAST(:ids AS bigint[]))"
    params: dict[str, Any] = {"project": project.id} | ({} if ids is None else {"ids": list(ids)})
    total = db.session.scalar(
        sa.text(
            "SELECT count(*) FROM project_dealerships pd WHERE pd.project_id = :project"
            + (chosen or " AND pd.contact_status = 'pending'")
        ),
        params,
    )
    gone = db.session.scalar(
        sa.text(
            "WITH picked AS MATERIALIZED (SELECT pd.id FROM project_dealerships pd"
            f" WHERE pd.project_id = :project{chosen} AND {UNTOUCHED} ORDER BY pd.id FOR UPDATE SKIP LOCKED),"
            " gone AS (DELETE FROM project_dealerships pd USING picked WHERE pd.id = picked.id RETURNING pd.id)"
            " SELECT count(*) FROM gone"
        ),
        params,
    )
    if gone:
        record_event(
            "dealerships_removed",
            f"Took {gone:,} dealerships out of {project.name}",
            by=by,
            subject=project,
            removed=gone,
        )
    return int(gone or 0), int(total or 0) - int(gone or 0)


def recompute_distances(project: Project) -> None:
    """From the project's search location as it is now, for all of its dealerships in one statement."""
    where = _where(project)
    miles = _MILES if where["lat"] is not None else "NULL"
    _move("pd.project_id = :project AND d.company_id = :company", miles, where | {"project": project.id, "company": project.company_id})  # fmt: skip


def _move(which: str, miles: str, params: dict[str, Any]) -> None:
    db.session.execute(
        sa.text(
            f"UPDATE project_dealerships pd SET distance_miles = {miles}, search_location_lat = :lat, search_location_lng = :lng,"
            f" updated_at = rebound_now() FROM dealerships d WHERE d.id = pd.dealership_id AND {which}"
        ).bindparams(sa.bindparam("lat", type_=sa.Float), sa.bindparam("lng", type_=sa.Float)),
        params,
    )


def follow_dealerships(dealership_ids: Sequence[int]) -> None:
    """In the transaction in hand: these dealerships moved, and so did their distances in every project."""
    db.session.execute(
        sa.text(
            "UPDATE project_dealerships pd SET updated_at = rebound_now(), distance_miles ="
            " CASE WHEN d.latitude IS NOT NULL AND pd.search_location_lat IS NOT NULL THEN"
            " round(miles_between(pd.search_location_lat, pd.search_location_lng, d.latitude, d.longitude)::numeric, 2) END"
            " FROM dealerships d WHERE d.id = pd.dealership_id AND d.id = ANY(CAST(:ids AS bigint[]))"
        ),
        {"ids": list(dealership_ids)},
    )
