"""Repairs and recyclings over the API: the same runs as by the pages."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.api.keys import Api, make_key
from tests.factories import make_company, make_list
from tests.recycling_pages.conftest import Place, tracked
from webapp.core.db import db as database
from webapp.recycling.models import RecycleBatch, Repair


@pytest.fixture
def api(place: Place) -> Api:
    return Api(place.client, make_key(place.company))


def test_a_repair_is_started_followed_and_ended(place: Place, api: Api, worker: Any) -> None:
    made = api.post(f"/lists/{place.list.id}/repairs", {})
    assert made.status_code == 202
    assert made.json["state"] == "queued"
    assert made.json["before"]["dialed_but_new"] == 3
    worker()
    ended = api.get(f"/repairs/{made.json['id']}").json
    assert ended["state"] == "done"
    assert ended["after"]["dialed_but_new"] == 0
    assert ended["result"]["fixed"] == 6


def test_a_repair_may_name_its_classes(place: Place, api: Api, worker: Any) -> None:
    made = api.post(f"/lists/{place.list.id}/repairs", {"classes": ["missing_status"]}).json
    worker()
    assert api.get(f"/repairs/{made['id']}").json["done"] == 1
    assert api.post(f"/lists/{place.list.id}/repairs", {"classes": ["count_mismatch_above"]}).status_code == 422
    assert api.post(f"/lists/{place.list.id}/repairs", {"classes": []}).status_code == 422


def test_a_dry_run_says_what_the_run_then_does(place: Place, api: Api, worker: Any) -> None:
    tracked(place.list, "no_answer")
    body = {"statuses": ["no_answer", "new", "none"]}
    dry = api.post(f"/lists/{place.list.id}/recycle", {**body, "dry_run": True})
    assert dry.status_code == 200
    assert dry.json["batch"] is None
    assert database.session.scalars(sa.select(RecycleBatch)).all() == []
    made = api.post(f"/lists/{place.list.id}/recycle", body)
    assert made.status_code == 202
    worker()
    ended = api.get(f"/recycle-batches/{made.json['batch']['id']}").json
    assert ended["result"]["recycled"] == dry.json["recycled"] == {"no_answer": 3}
    assert ended["result"]["skipped"] == dry.json["skipped"] == {"needs_repair": 4}


def test_a_repeated_request_starts_one_recycling(place: Place, api: Api) -> None:
    body = {"statuses": ["no_answer"]}
    first = api.post(f"/lists/{place.list.id}/recycle", body, Idempotency_Key="one")
    assert api.post(f"/lists/{place.list.id}/recycle", body, Idempotency_Key="one").json == first.json
    assert len(database.session.scalars(sa.select(RecycleBatch)).all()) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"statuses": []},
        {"statuses": ["sale"]},
        {"statuses": ["busy"], "target_status": "sale"},
        {"statuses": ["x"]},
        {},
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(place: Place, api: Api, body: dict[str, Any]) -> None:
    assert api.post(f"/lists/{place.list.id}/recycle", body).status_code == 422


def test_a_key_needs_the_scope_and_sees_its_company_only(place: Place, api: Api) -> None:
    made = api.post(f"/lists/{place.list.id}/repairs", {}).json
    batch = api.post(f"/lists/{place.list.id}/recycle", {"statuses": ["no_answer"]}).json["batch"]
    reader = Api(place.client, make_key(place.company, "leads:read"))
    assert reader.post(f"/lists/{place.list.id}/repairs", {}).status_code == 403
    assert reader.get(f"/repairs/{made['id']}").status_code == 200
    company = make_company()
    make_list(company)
    other = Api(place.client, make_key(company))
    assert other.post(f"/lists/{place.list.id}/repairs", {}).status_code == 404
    assert other.post(f"/lists/{place.list.id}/recycle", {"statuses": ["busy"]}).status_code == 404
    assert other.get(f"/repairs/{made['id']}").status_code == 404
    assert other.get(f"/recycle-batches/{batch['id']}").status_code == 404
    assert database.session.scalars(sa.select(Repair.company_id)).all() == [place.company.id]
