"""Repairs and recyclings over the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import Field

from webapp.accounts.models import User
from webapp.core.access import get_owned_or_404
from webapp.core.apikit import Caller, In, Out, api_blueprint, endpoint
from webapp.leads.models import LeadList
from webapp.leads.problems import PROBLEMS
from webapp.leads.states import RECYCLABLE
from webapp.recycling.models import RecycleBatch, Repair
from webapp.recycling.recycle import NONE, SKIPS, TARGETS, preview_recycle, start_recycle
from webapp.recycling.repair import start_repair

bp = api_blueprint("recycling_api", __name__)
TAG = "Recycling"

# The declarations of the features are the API's: built at run time, so the type checker takes them for words.
if TYPE_CHECKING:
    Class: TypeAlias = str
    Recyclable: TypeAlias = str
    Target: TypeAlias = str
else:
    Class = Literal[tuple(name for name, problem in PROBLEMS.items() if problem.repairable)]
    Recyclable = Literal[(*RECYCLABLE, "none")]
    Target = Literal[TARGETS]
Counts = dict[str, int]
State = Literal["queued", "running", "paused", "done", "failed", "cancelled"]


class WorkOut(Out):
    id: int
    state: State
    message: str
    total: int | None
    done: int
    skipped: int
    failed: int
    batch_id: Annotated[UUID, Field(description="Names the changed leads in their history.")]
    created_at: datetime
    finished_at: datetime | None
    undone_at: datetime | None


class RepairOut(WorkOut):
    list_id: int | None
    trigger: str
    classes: list[str]
    before: Annotated[Counts, Field(description="Leads by problem class when it was asked for.")]
    after: Annotated[Counts, Field(description="The same once it has ended; empty until then.")]
    result: Annotated[
        Counts, Field(description="fixed, in_call, calls_closed, counters, and to:<status> by new status.")
    ]


class RepairIn(In):
    classes: Annotated[
        list[Class] | None,
        Field(min_length=1, max_length=20, description="Problem classes to repair; all of them when left out."),
    ] = None


class BatchOut(WorkOut):
    list_id: int
    statuses: list[str]
    target_status: str
    reset_dial_count: bool
    preview: Annotated[dict[str, Any], Field(description="recycled, and skipped by reason, when it was asked for.")]
    result: Annotated[dict[str, Any], Field(description="recycled by status and skipped by reason, so far.")]


class RecycleIn(In):
    statuses: Annotated[
        list[Recyclable],
        Field(min_length=1, max_length=30, description="Leads of these are recycled; none is a missing status."),
    ]
    target_status: Annotated[Target, Field(description="What they become.")] = "new"
    reset_dial_count: Annotated[bool, Field(description="Start the new pass with 0 dials.")] = False
    dry_run: Annotated[bool, Field(description="Only say what would happen.")] = False


class RecycleOut(Out):
    """What would happen, and the batch unless it was a dry run."""

    dry_run: bool
    recycled: Annotated[Counts, Field(description="Leads by present status.")]
    skipped: Annotated[Counts, Field(description="Leads by reason: " + ", ".join(SKIPS) + ".")]
    batch: BatchOut | None = None


def _actor(caller: Caller) -> User:
    """Whoever made the key, as the services ask for it; not loaded and never saved."""
    return User(id=caller.user_id, company_id=caller.company_id, name="API", role="manager")


@endpoint(
    bp, "POST", "/lists/<int:list_id>/repairs", scope="leads:write", tag=TAG, summary="Repair a list's problematic leads",
    body=RepairIn, answer=RepairOut, status=202, once=True, example={"classes": ["dialed_but_new", "missing_status"]},
)  # fmt: skip
def repair_list(caller: Caller, list_id: int, body: RepairIn) -> Any:
    """Starts in the background: ask for it again until its state is done. While one of the list waits or runs, that one is given."""
    get_owned_or_404(LeadList, list_id, caller.company_id)
    classes = tuple(body.classes) if body.classes else None
    return start_repair(caller.company_id, by=_actor(caller), list_id=list_id, classes=classes)


@endpoint(bp, "GET", "/repairs/<int:repair_id>", scope="leads:read", tag=TAG, summary="One repair", answer=RepairOut)
def get_repair(caller: Caller, repair_id: int) -> Any:
    """Its progress, and its result once it has ended."""
    return get_owned_or_404(Repair, repair_id, caller.company_id)


@endpoint(
    bp, "POST", "/lists/<int:list_id>/recycle", scope="leads:write", tag=TAG, summary="Recycle leads of a list", body=RecycleIn,
    answer=RecycleOut, status=202, also={200: "A dry run: nothing was changed."}, once=True,
    example={"statuses": ["no_answer", "busy"], "target_status": "new", "reset_dial_count": True, "dry_run": True},
)  # fmt: skip
def recycle_list(caller: Caller, list_id: int, body: RecycleIn) -> Any:
    """Gives the leads of the chosen statuses a new pass. The preview and the run share one query, so a dry run says what a run does."""
    lead_list = get_owned_or_404(LeadList, list_id, caller.company_id)
    statuses = list(dict.fromkeys(NONE if name == "none" else name for name in body.statuses))
    choice = (lead_list, statuses, body.target_status)
    preview = preview_recycle(*choice, reset_dial_count=body.reset_dial_count)
    said = {"dry_run": body.dry_run, "recycled": preview.recycled, "skipped": preview.skipped}
    if body.dry_run:
        return said, 200
    batch = start_recycle(*choice, reset_dial_count=body.reset_dial_count, by=_actor(caller))
    return said | {"batch": batch}


@endpoint(
    bp, "GET", "/recycle-batches/<int:batch_id>", scope="leads:read", tag=TAG, summary="One recycling", answer=BatchOut
)
def get_recycle_batch(caller: Caller, batch_id: int) -> Any:
    """Its progress, and its result once it has ended."""
    return get_owned_or_404(RecycleBatch, batch_id, caller.company_id)
