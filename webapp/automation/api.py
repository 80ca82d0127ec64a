"""Automation over the API: projects, where a run stands, its events in order, its controls, and what a person did by hand.

Progress, events and overrides speak the seed's words: camelCase keys, ids as text.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from webapp.accounts.models import User
from webapp.automation.models import Project, ProjectDealership, Run
from webapp.automation.queries import progress, runs
from webapp.automation.service import manual
from webapp.automation.service import runs as service
from webapp.automation.service.manual import Override, OverrideRefused
from webapp.automation.service.runs import RunRefused
from webapp.core.access import MAX_ID, get_owned_or_404, owned
from webapp.core.api import ApiProblem
from webapp.core.apikit import Caller, In, Out, PageQuery, api_blueprint, endpoint, read_cursor, write_cursor
from webapp.core.db import db
from webapp.core.states import MoveRefused

bp = api_blueprint("automation_api", __name__)
TAG = "Automation"
READ, WRITE = "automation:read", "automation:write"
Status = Literal["pending", "in_progress", "success", "failed", "manual_override", "skipped", "blocked"]
RunState = Literal["running", "paused", "cancelled", "finished"]
_FIELDS = {
    "new_status": "newStatus",
    "contact_method": "contactMethod",
    "contacted_at": "contactedAt",
    "contacted_by": "contactedBy",
    "follow_up_on": "followUpDate",
}


def _actor(caller: Caller) -> User:
    """Whoever made the key, as the services ask for it; not loaded and never saved."""
    return User(id=caller.user_id, company_id=caller.company_id, name="API", role="manager")


class ProjectOut(Out):
    id: int
    name: str
    radius_miles: int
    zone: str
    dry_run: bool
    archived_at: datetime | None
    created_at: datetime


class ProjectsOut(Out):
    items: list[ProjectOut]
    next: str | None


class ProjectCursor(In):
    id: Annotated[int, Field(gt=0, le=MAX_ID)]


class Current(Out):
    name: str
    status: Literal["starting", "loading_page", "filling_form", "submitting"]


class ProgressOut(Out):
    """The seed's AutomationProgress, of the run that is going on or else the last; the keys behind `averageTimePerAttempt` are Rebound's."""

    projectId: str
    totalDealerships: int
    processed: int
    successful: int
    failed: int
    currentDealership: Annotated[Current | None, Field(description="The first in hand, and its step.")]
    estimatedTimeRemaining: Annotated[
        int | None, Field(description="Seconds; null until 10 s and 5 dealerships have shown the pace.")
    ]
    startedAt: datetime
    averageTimePerAttempt: Annotated[float | None, Field(description="Seconds.")]
    skipped: int
    attempts: int
    runId: str
    state: RunState
    dryRun: bool
    endedAt: datetime | None
    pausedReason: str
    waitingUntil: datetime | None
    waitingFor: str


class EventOut(Out):
    id: int
    type: str
    runId: str
    projectDealershipId: str | None
    attemptId: str | None
    timestamp: datetime
    payload: dict[str, Any]


class EventsOut(Out):
    items: list[EventOut]
    after: Annotated[int, Field(description="Ask with it for what comes next; the same as asked when nothing is new.")]


class EventsQuery(In):
    after: Annotated[int, Field(ge=0, le=MAX_ID, description="Only events with a higher id.")] = 0
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class RunIn(In):
    dry_run: Annotated[bool | None, Field(description="Left out: as the project says.")] = None
    retry_failed: Annotated[bool, Field(description="Those that failed before get all their tries anew.")] = False
    confirm: Annotated[
        int | None,
        Field(description="For a run that sends: how many dealerships it may reach at most.", ge=1, le=10**7),
    ] = None


class OverrideIn(In):
    """The seed's ManualOverride. The key's owner sets it; `contactedBy` is whoever spoke with them."""

    projectDealershipId: Annotated[str | int | None, Field(description="The one of the address, when given.")] = None
    newStatus: Literal["manual_override", "skipped"]
    notes: Annotated[str, Field(max_length=5000)] = ""
    contactMethod: Literal["phone", "email", "in_person", "other"] = "phone"
    contactedBy: Annotated[str, Field(max_length=255, description="Kept in the log and in the audit.")] = ""
    contactedAt: datetime | None = None
    followUpRequired: bool = False
    followUpDate: date | None = None


class MemberOut(Out):
    """One dealership of a project, with the seed's columns."""

    id: int
    project_id: int
    dealership_id: int
    contact_status: Status
    contact_attempts: int
    distance_miles: float | None
    last_attempt_at: datetime | None
    next_retry_at: datetime | None
    error_type: str | None
    reason: str
    manual_status_set_by: str | None
    manual_status_set_at: datetime | None
    manual_notes: str | None


@endpoint(bp, "GET", "/projects", scope=READ, tag=TAG, summary="List projects", query=PageQuery, answer=ProjectsOut)
def list_projects_api(caller: Caller, query: PageQuery) -> Any:
    """Oldest first, archived ones included."""
    rows = owned(Project, caller.company_id).order_by(Project.id).limit(query.limit + 1)
    if query.cursor is not None:
        rows = rows.where(Project.id > read_cursor(ProjectCursor, query.cursor).id)
    found = list(db.session.scalars(rows))
    more = len(found) > query.limit
    return {"items": found[: query.limit], "next": write_cursor(found[query.limit - 1].id) if more else None}


@endpoint(
    bp, "GET", "/projects/<int:project_id>/progress", scope=READ, tag=TAG, summary="Where a project's run stands", answer=ProgressOut,
    problems=("no_run",),
)  # fmt: skip
def get_progress_api(caller: Caller, project_id: int) -> Any:
    """Ask every second or two while `state` is running."""
    project = get_owned_or_404(Project, project_id, caller.company_id)
    run = progress.find_run_of(project.id, caller.company_id)
    if run is None:
        raise ApiProblem(404, "no_run", detail="The project has not run yet.")
    return progress.get_progress(run).as_json()


@endpoint(
    bp, "GET", "/projects/<int:project_id>/events", scope=READ, tag=TAG, summary="A project's events, in order", query=EventsQuery,
    answer=EventsOut,
)  # fmt: skip
def list_events_api(caller: Caller, project_id: int, query: EventsQuery) -> Any:
    """automation_started, dealership_started, dealership_completed, error_occurred, automation_paused, automation_completed and ours;
    none is ever skipped, from whatever point you read.
    """
    project = get_owned_or_404(Project, project_id, caller.company_id)
    found = progress.list_events(project, query.after, query.limit)
    items = [
        {"id": one.id, "type": one.type, "runId": str(one.run_id), "timestamp": one.created_at, "payload": one.payload,
         "projectDealershipId": str(one.project_dealership_id) if one.project_dealership_id else None,
         "attemptId": str(one.attempt_id) if one.attempt_id else None}
        for one in found
    ]  # fmt: skip
    return {"items": items, "after": found[-1].id if found else query.after}


@endpoint(
    bp, "POST", "/projects/<int:project_id>/runs", scope=WRITE, tag=TAG, summary="Start a run", body=RunIn, body_optional=True, answer=ProgressOut,
    status=201, once=True, problems=("conflict",), example={"dry_run": True},
)  # fmt: skip
def start_run_api(caller: Caller, project_id: int, body: RunIn) -> Any:
    """A run that sends needs `confirm`, at least as high as the number of dealerships that are due."""
    project = get_owned_or_404(Project, project_id, caller.company_id)
    dry_run = project.dry_run if body.dry_run is None else body.dry_run
    due = runs.count_due(project)
    wanted = due["again"] if body.retry_failed else due["due"]
    if not dry_run and (body.confirm is None or body.confirm < wanted):
        raise ApiProblem(
            422,
            errors=[
                {"field": "confirm", "message": f"must be at least {wanted}: so many dealerships would be contacted"}
            ],
        )
    try:
        run = service.start_run(project.id, by=_actor(caller), dry_run=dry_run, retry_failed=body.retry_failed)
    except RunRefused as refused:
        raise ApiProblem(409, "run_refused", detail=str(refused)) from None
    return progress.get_progress(run).as_json()


def _move(caller: Caller, run_id: int, call: Any) -> Any:
    get_owned_or_404(Run, run_id, caller.company_id)
    try:
        run = call(run_id, by=_actor(caller))
    except MoveRefused as refused:
        raise ApiProblem(409, "move_refused", detail=str(refused)) from None
    return progress.get_progress(run).as_json()


@endpoint(
    bp, "POST", "/runs/<int:run_id>/pause", scope=WRITE, tag=TAG, summary="Pause a run", answer=ProgressOut, once=True
)
def pause_run_api(caller: Caller, run_id: int) -> Any:
    """Stops after the dealerships in hand."""
    return _move(caller, run_id, service.pause_run)


@endpoint(
    bp,
    "POST",
    "/runs/<int:run_id>/resumption",
    scope=WRITE,
    tag=TAG,
    summary="Resume a run",
    answer=ProgressOut,
    once=True,
)
def resume_run_api(caller: Caller, run_id: int) -> Any:
    """Goes on where it stopped."""
    return _move(caller, run_id, service.resume_run)


@endpoint(
    bp,
    "POST",
    "/runs/<int:run_id>/cancellation",
    scope=WRITE,
    tag=TAG,
    summary="Cancel a run",
    answer=ProgressOut,
    once=True,
)
def cancel_run_api(caller: Caller, run_id: int) -> Any:
    """What is in hand goes back to pending within seconds, unless it was sent already."""
    return _move(caller, run_id, service.cancel_run)


@endpoint(
    bp, "POST", "/project-dealerships/<int:project_dealership_id>/override", scope=WRITE, tag=TAG, summary="Mark a dealership by hand",
    body=OverrideIn, answer=MemberOut, once=True, example={"newStatus": "manual_override", "notes": "Spoke with sales manager", "contactMethod": "phone"},
)  # fmt: skip
def override_api(caller: Caller, project_dealership_id: int, body: OverrideIn) -> Any:
    """Written to the ledger and, when they were contacted, to the lead's timeline."""
    get_owned_or_404(ProjectDealership, project_dealership_id, caller.company_id)
    if body.projectDealershipId is not None and str(body.projectDealershipId) != str(project_dealership_id):
        raise ApiProblem(422, errors=[{"field": "projectDealershipId", "message": "is not the one of the address"}])
    if body.followUpRequired and body.followUpDate is None:
        raise ApiProblem(422, errors=[{"field": "followUpDate", "message": "is needed when a follow-up is required"}])
    if body.contactedAt is not None and body.contactedAt.tzinfo is None:
        raise ApiProblem(422, errors=[{"field": "contactedAt", "message": "needs an offset, such as Z"}])
    given = Override(
        body.newStatus, body.notes, body.contactMethod, body.contactedAt, body.followUpDate, body.contactedBy
    )
    try:
        return manual.override(project_dealership_id, given, by=_actor(caller))
    except OverrideRefused as refused:
        raise ApiProblem(
            422, errors=[{"field": _FIELDS.get(refused.field, refused.field or "(body)"), "message": str(refused)}]
        ) from None
    except MoveRefused as refused:
        raise ApiProblem(409, "move_refused", detail=str(refused)) from None
