"""Projects: made, edited, copied, archived; their retries; their distances, which follow the search location."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from webapp.accounts.models import User
from webapp.automation.models import ContactRequest, Project, Run
from webapp.automation.places import Place
from webapp.automation.rules import RetryConfig
from webapp.automation.service import runs
from webapp.automation.service.membership import copy_dealerships, recompute_distances
from webapp.automation.service.requests import copy_request
from webapp.automation.states import ACTIVE_RUN
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.once import keep_answer, take_once

MOST_NAME = 120
PACE = {"window_open", "window_close", "window_days", "zone", "host_gap_seconds", "per_minute"}


class NameTaken(Exception):
    """Another project of the company has this name."""


class StaleProject(Exception):
    """Somebody else changed the project since the form was made."""


class ProjectBusy(Exception):
    """The text says what stands in the way."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the form holds. `place` None: no search location; `window_days` Monday 0."""

    name: str
    place: Place | None
    radius_miles: int
    window_open: str
    window_close: str
    window_days: list[int]
    zone: str
    host_gap_seconds: int
    per_minute: int
    parallel_pages: int
    dry_run: bool
    auto_pause: bool

    def columns(self) -> dict[str, Any]:
        found = {name: value for name, value in asdict(self).items() if name != "place"}
        place = self.place
        return found | {
            "search_location_lat": place.lat if place else None, "search_location_lng": place.lng if place else None,
            "search_postal_code": place.postal_code if place else "", "search_place": place.name if place else "",
        }  # fmt: skip


def place_of_project(project: Project) -> Place | None:
    lat, lng = project.search_location_lat, project.search_location_lng
    if lat is None or lng is None:
        return None
    return Place(float(lat), float(lng), project.search_postal_code, project.search_place)


@atomic
def create_project(facts: Facts, *, by: User, form_token: str) -> Project:
    """Raises NameTaken. The same form twice is one project."""
    made = _made_before(form_token, by)
    if made is not None:
        return made
    project = Project(company_id=by.company_id, created_by_id=by.id, retry=RetryConfig().to_json(), **facts.columns())
    return _keep_new(project, by, form_token, f"Created the project {project.name}")


def _made_before(form_token: str, by: User) -> Project | None:
    taken = take_once(by.company_id, "automation.project", form_token)
    if taken is None:
        return None
    made = find_owned(Project, int((taken.body or {}).get("id", 0)), by.company_id)
    if made is None:
        raise LookupError("The project of this form is gone")
    return made


def _keep_new(project: Project, by: User, form_token: str, said: str) -> Project:
    db.session.add(project)
    _flush(project.name)
    record_event("project_created", said, by=by, subject=project)
    keep_answer(by.company_id, "automation.project", form_token, 201, {"id": project.id})
    db.session.refresh(project)
    return project


@atomic
def update_project(project_id: int, facts: Facts, *, version: int, by: User) -> Project:
    """A new search location moves the distances of all its dealerships; a new window or pace wakes its run.

    Raises LookupError, NameTaken, StaleProject.
    """
    run = runs.find_running(project_id, by.company_id)
    project = get_locked(project_id, by)
    before = {name: value for name, value in _now(project).items() if facts.columns()[name] != value}
    if not before:
        return project
    _check_version(project, version)
    after = {name: facts.columns()[name] for name in before}
    for name, value in after.items():
        setattr(project, name, value)
    _touch(project)
    _flush(facts.name)
    if {"search_location_lat", "search_location_lng"} & before.keys():
        recompute_distances(project)
    if run is not None and PACE & before.keys():
        runs.look_again(run)
    record_event(
        "project_changed", f"Changed the project {project.name}", by=by, subject=project, before=before, after=after
    )
    db.session.refresh(project)
    return project


def _now(project: Project) -> dict[str, Any]:
    """Its columns as `Facts.columns` gives them."""
    names = (
        "name", "radius_miles", "window_open", "window_close", "window_days", "zone", "host_gap_seconds", "per_minute",
        "parallel_pages", "dry_run", "auto_pause", "search_postal_code", "search_place",
    )  # fmt: skip
    place = place_of_project(project)
    return {name: getattr(project, name) for name in names} | {
        "search_location_lat": place.lat if place else None, "search_location_lng": place.lng if place else None,
    }  # fmt: skip


@atomic
def save_retries(project_id: int, config: RetryConfig, *, version: int, by: User) -> Project:
    """Raises LookupError, StaleProject. What waits for its next try keeps its time; later failures go by the new table."""
    project = get_locked(project_id, by)
    was = RetryConfig.from_json(project.retry).to_json()
    if was == config.to_json():
        return project
    _check_version(project, version)
    project.retry = config.to_json()
    _touch(project)
    record_event(
        "project_retries",
        f"Changed the retries of {project.name}",
        by=by,
        subject=project,
        before=was,
        after=project.retry,
    )
    db.session.flush()
    db.session.refresh(project)
    return project


@atomic
def archive_project(project_id: int, archived: bool, *, by: User) -> Project:
    """An archived project runs no more; all of it stays readable. Raises LookupError, ProjectBusy."""
    project = get_locked(project_id, by)
    if (project.archived_at is not None) == archived:
        return project
    if archived and db.session.scalar(sa.select(Run.id).where(Run.project_id == project.id, Run.state.in_(ACTIVE_RUN))):
        raise ProjectBusy("A run of this project is going on: cancel it first, or let it finish.")
    project.archived_at = db_now() if archived else None
    _touch(project)
    db.session.flush()
    verb = "Archived" if archived else "Brought back"
    record_event(
        "project_archived" if archived else "project_restored", f"{verb} the project {project.name}", by=by, subject=project
    )  # fmt: skip
    db.session.refresh(project)
    return project


@atomic
def copy_project(project_id: int, *, dealerships: bool, by: User, form_token: str) -> Project:
    """Its facts, retries and newest contact request under a free name, a dry run again; its dealerships, as pending, where
    asked for. Raises LookupError.
    """
    made = _made_before(form_token, by)
    if made is not None:
        return made
    source = get_locked(project_id, by)
    skip = ("id", "created_at", "updated_at", "version", "archived_at", "name", "dry_run", "created_by_id", "is_demo")
    facts = {c.name: getattr(source, c.name) for c in Project.__table__.columns if c.name not in skip}
    project = Project(**facts, name=_free_name(source), created_by_id=by.id)
    _keep_new(project, by, form_token, f"Copied the project {source.name} as {project.name}")
    request = db.session.scalars(
        sa.select(ContactRequest).where(ContactRequest.project_id == source.id).order_by(ContactRequest.version.desc()).limit(1)
    ).first()  # fmt: skip
    if request is not None:
        copy_request(request, project, by)
    if dealerships:
        copy_dealerships(source, project, by)
    return project


def _free_name(source: Project) -> str:
    taken = set(
        db.session.scalars(sa.select(sa.func.lower(Project.name)).where(Project.company_id == source.company_id))
    )
    number = 1
    while True:
        ending = " (copy)" if number == 1 else f" (copy {number})"
        name = source.name[: MOST_NAME - len(ending)] + ending
        if name.lower() not in taken:
            return name
        number += 1


def get_locked(project_id: int, by: User) -> Project:
    project = find_owned(Project, project_id, by.company_id, lock=True)
    if project is None:
        raise LookupError("No such project")
    return project


def _check_version(project: Project, version: int) -> None:
    if project.version != version:
        raise StaleProject


def _touch(project: Project) -> None:
    project.version += 1
    project.updated_at = db_now()


def _flush(name: str) -> None:
    try:
        db.session.flush()
    except IntegrityError as error:
        if "uq_projects_name" in str(error.orig):
            raise NameTaken(name) from error
        raise
