"""The automation's API: the seed's keys and words, events in order, controls that refuse with a reason."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.api.keys import Api, make_key
from tests.automation.page_world import make_pages
from tests.automation.runs.run_world import NOON
from tests.automation.test_run_pages import small_project
from tests.factories import make_company, make_user
from webapp.automation.models import ProjectDealership, Run, RunEvent
from webapp.automation.service import recording
from webapp.automation.service.claims import Claimed, claim_next
from webapp.core.audit import AuditEvent
from webapp.core.db import db as database


@pytest.fixture
def user(db: Any) -> Any:
    return make_user(make_company(), role="manager")


@pytest.fixture
def api(client: Any, user: Any) -> Api:
    return Api(client, make_key(user.company, by=user))


def test_progress_has_the_seeds_keys_and_follows_the_run(api: Api, user: Any, set_clock: Any) -> None:
    set_clock(NOON)  # no quiet hour
    project = small_project(user, 2)
    assert api.get(f"/projects/{project.id}/progress").status_code == 404
    started = api.post(f"/projects/{project.id}/runs", {"dry_run": False, "confirm": 2})
    assert started.status_code == 201
    run = database.session.scalars(sa.select(Run)).one()
    claimed = claim_next(run.id, user.company_id)
    assert isinstance(claimed, Claimed)
    recording.beat(claimed, "filling_form")
    told = api.get(f"/projects/{project.id}/progress").json
    assert {"projectId", "totalDealerships", "processed", "successful", "failed", "currentDealership", "estimatedTimeRemaining", "startedAt",
            "averageTimePerAttempt"} <= set(told)  # fmt: skip
    assert (told["projectId"], told["totalDealerships"], told["processed"]) == (str(project.id), 2, 0)
    assert told["currentDealership"]["status"] == "filling_form"


def test_events_are_read_in_order_from_any_point(api: Api, user: Any) -> None:
    project = small_project(user, 1)
    api.post(f"/projects/{project.id}/runs", {"dry_run": False, "confirm": 1})
    run = database.session.scalars(sa.select(Run)).one()
    api.post(f"/runs/{run.id}/pause", {})
    first = api.get(f"/projects/{project.id}/events?limit=1").json
    assert [one["type"] for one in first["items"]] == ["automation_started"]
    rest = api.get(f"/projects/{project.id}/events?after={first['after']}").json
    assert [one["type"] for one in rest["items"]] == ["automation_paused"]
    assert api.get(f"/projects/{project.id}/events?after={rest['after']}").json == {"items": [], "after": rest["after"]}
    assert api.get(f"/projects/{project.id}/events?after=-1").status_code == 422
    assert database.session.scalar(sa.select(sa.func.count()).select_from(RunEvent)) == 2


def test_a_run_that_sends_must_say_how_many_it_may_reach(api: Api, user: Any) -> None:
    project = small_project(user, 3)
    for body in ({"dry_run": False}, {"dry_run": False, "confirm": 2}):
        answer = api.post(f"/projects/{project.id}/runs", body)
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "confirm"
    assert api.post(f"/projects/{project.id}/runs", {"dry_run": True}).status_code == 201
    refused = api.post(f"/projects/{project.id}/runs", {"dry_run": True})
    assert (refused.status_code, refused.json["code"]) == (409, "run_refused")


def test_controls_move_a_run_and_refuse_what_cannot_be(api: Api, user: Any) -> None:
    project = small_project(user, 1)
    run_id = api.post(f"/projects/{project.id}/runs", {"dry_run": True}).json["runId"]
    assert api.post(f"/runs/{run_id}/pause", {}).json["state"] == "paused"
    assert api.post(f"/runs/{run_id}/pause", {}).json["state"] == "paused"
    assert api.post(f"/runs/{run_id}/resumption", {}).json["state"] == "running"
    assert api.post(f"/runs/{run_id}/cancellation", {}).json["state"] == "cancelled"
    refused = api.post(f"/runs/{run_id}/pause", {})
    assert (refused.status_code, refused.json["code"]) == (409, "move_refused")


def test_a_manual_override_speaks_the_seeds_words(api: Api, user: Any) -> None:
    ids = make_pages(user.company, user)
    url = f"/project-dealerships/{ids['member_blocked']}/override"
    body = {
        "newStatus": "manual_override",
        "notes": "Spoke with sales manager",
        "contactMethod": "phone",
        "contactedAt": "2026-01-05T15:00:00Z",
    }
    for wrong, field in (
        ({**body, "followUpRequired": True}, "followUpDate"), ({**body, "contactedAt": "2026-01-05T15:00:00"}, "contactedAt"),
        ({**body, "contactedAt": "2999-01-05T15:00:00Z"}, "contactedAt"), ({**body, "newStatus": "success"}, "newStatus"),
    ):  # fmt: skip
        answer = api.post(url, wrong)
        assert answer.status_code == 422, answer.text
        assert answer.json["errors"][0]["field"] == field
    member = str(ids["member_blocked"])
    elsewhere = api.post(url, {**body, "projectDealershipId": str(ids["member_unknown"])})
    assert (elsewhere.status_code, elsewhere.json["errors"][0]["field"]) == (422, "projectDealershipId")
    told = api.post(url, {**body, "projectDealershipId": member, "contactedBy": "Grace Hopper"}).json
    audit = database.session.scalars(sa.select(AuditEvent).where(AuditEvent.kind == "manual_override")).one()
    assert audit.details["contacted_by"] == "Grace Hopper"
    assert (told["contact_status"], told["manual_notes"]) == ("manual_override", "Spoke with sales manager")
    assert api.post(url, body).status_code == 409
    row = database.session.get_one(ProjectDealership, ids["member_blocked"], populate_existing=True)
    assert row.manual_method == "phone"


def test_projects_are_listed_with_a_cursor_and_a_key_without_the_scope_is_refused(
    api: Api, client: Any, user: Any
) -> None:
    made = [small_project(user, 1).id for _ in range(3)]
    first = api.get("/projects?limit=2").json
    then = api.get(f"/projects?limit=2&cursor={first['next']}").json
    assert [one["id"] for one in (*first["items"], *then["items"])] == made
    assert then["next"] is None
    poor = Api(client, make_key(user.company, "leads:read", by=user))
    assert poor.get("/projects").status_code == 403
