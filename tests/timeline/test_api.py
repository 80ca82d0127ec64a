"""Contacts over the API: the design's bodies and side effects, and the acceptance scenarios of the guard."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.api.keys import Api, make_key
from tests.factories import make_call, make_company, make_lead, make_list
from tests.timeline.conftest import NOON, Place
from webapp.core.db import db as database
from webapp.timeline.models import ContactAttempt, GuardNotice, LeadAlias, LeadMerge

BODY = {
    "method": "email", "direction": "outbound", "subject": "Quick question about your tech stack",
    "body": "Hi John, I noticed you're using...", "metadata": {"email_id": "msg_123", "thread_id": "thread_456"},
}  # fmt: skip


@pytest.fixture
def api_of(app: Any, place: Place) -> Any:
    def make(user: Any, *scopes: str) -> Api:
        return Api(app.test_client(), make_key(place.company, *scopes, by=user))

    return make


@pytest.fixture
def alice(api_of: Any, place: Place) -> Api:
    return api_of(place.alice)


@pytest.fixture
def bob(api_of: Any, place: Place) -> Api:
    return api_of(place.bob)


def log(api: Api, lead: Any, **facts: Any) -> Any:
    return api.post(f"/leads/{lead.id}/contacts", {"method": "email"} | facts)


def patch(api: Api, contact_id: int, body: Any, **headers: str) -> Any:
    return api.call("PATCH", f"/contacts/{contact_id}/responded", body, **headers)


def count() -> int:
    database.session.rollback()
    return database.session.scalar(sa.select(sa.func.count(ContactAttempt.id))) or 0


def test_logging_a_contact_answers_as_the_design_says_and_has_its_side_effects(
    alice: Api, place: Place, set_clock: Any
) -> None:
    set_clock(NOON)
    answer = alice.post(f"/leads/{place.lead.id}/contacts", BODY)
    assert answer.status_code == 201
    made = answer.json
    assert {name: made[name] for name in ("lead_id", "user_id", "method", "direction", "lead_status")} == {
        "lead_id": place.lead.id, "user_id": place.alice.id, "method": "email", "direction": "outbound", "lead_status": "contacted",
    }  # fmt: skip
    assert datetime.fromisoformat(made["created_at"]) == NOON
    database.session.refresh(place.lead)
    assert (place.lead.last_contacted_at, place.lead.last_contact_method, place.lead.contact_count) == (
        NOON,
        "email",
        1,
    )
    assert alice.get(f"/contacts/{made['id']}").json["metadata"] == BODY["metadata"]


def test_the_history_is_newest_first_with_people_calls_and_a_cursor(
    alice: Api, bob: Api, place: Place, set_clock: Any
) -> None:
    set_clock(NOON)
    make_call(place.lead, "no_answer", started_at=NOON - timedelta(days=9), agent_id=place.bob.id)
    log(alice, place.lead, method="linkedin", occurred_at=(NOON - timedelta(days=2)).isoformat())
    log(bob, place.lead, subject="Quick question")
    first = alice.get(f"/leads/{place.lead.id}/contacts?limit=2").json
    assert first["total"] == 3
    assert [(row["method"], row["user"]["name"], row["call_id"]) for row in first["data"]] == [
        ("email", "Bob", None), ("linkedin", "Alice", None),
    ]  # fmt: skip
    rest = alice.get(f"/leads/{place.lead.id}/contacts?limit=2&cursor={first['next']}").json
    assert [(row["id"], row["source"], row["user"]["name"]) for row in rest["data"]] == [(None, "call", "Bob")]
    assert rest["next"] is None
    assert alice.get(f"/leads/{place.lead.id}/contacts?method=linkedin").json["total"] == 1


# --- the acceptance scenarios ------------------------------------------------------------------------------------


def test_s1_a_warning_names_who_when_and_what_and_writes_nothing(
    alice: Api, bob: Api, place: Place, set_clock: Any
) -> None:
    set_clock(NOON - timedelta(days=2))
    log(alice, place.lead, subject="Quick question")
    set_clock(NOON)
    warned = log(bob, place.lead)
    assert (warned.status_code, warned.json["code"]) == (409, "recent_contact")
    [shown] = warned.json["contacts"]
    assert (shown["who"], shown["subject"], shown["replied"]) == ("Alice", "Quick question", False)
    assert datetime.fromisoformat(shown["at"]) == NOON - timedelta(days=2)
    assert count() == 1


def test_s2_an_override_passes_once_with_a_reason_and_is_kept(
    alice: Api, bob: Api, place: Place, set_clock: Any
) -> None:
    set_clock(NOON - timedelta(days=2))
    first = log(alice, place.lead).json
    set_clock(NOON)
    token = log(bob, place.lead).json["override_token"]
    assert log(bob, place.lead, override_token=token).json["errors"][0]["field"] == "reason"
    passed = log(bob, place.lead, override_token=token, reason="asked by phone")
    assert passed.status_code == 201
    notice = database.session.scalars(sa.select(GuardNotice).where(GuardNotice.state == "overridden")).one()
    assert ([shown["id"] for shown in notice.shown], notice.contact_id) == ([first["id"]], passed.json["id"])
    set_clock(NOON + timedelta(days=1))
    again = log(bob, place.lead, override_token=token, reason="asked by phone")
    assert (again.status_code, again.json["code"]) == (409, "recent_contact")


def test_s4_the_cap_ends_to_the_second_and_binds_one_method(alice: Api, bob: Api, place: Place, set_clock: Any) -> None:
    set_clock(NOON)
    log(alice, place.lead)
    log(alice, place.lead, direction="inbound", occurred_at=(NOON - timedelta(hours=1)).isoformat())
    set_clock(NOON + timedelta(hours=24) - timedelta(seconds=1))
    refused = log(bob, place.lead)
    assert (refused.status_code, refused.json["code"], refused.headers["Retry-After"]) == (429, "contact_cap", "1")
    assert datetime.fromisoformat(refused.json["next_allowed_at"]) == NOON + timedelta(hours=24)
    assert log(bob, place.lead, method="linkedin").status_code == 201
    set_clock(NOON + timedelta(hours=24))
    assert log(bob, place.lead).json["code"] == "recent_contact"


def test_s6_a_response_comes_once_and_goes_with_all_it_did(alice: Api, place: Place, set_clock: Any) -> None:
    set_clock(NOON)
    made = log(alice, place.lead).json
    set_clock(NOON + timedelta(hours=5))
    body = {"responded": True, "response_at": (NOON + timedelta(hours=2.5)).isoformat()}
    first = patch(alice, made["id"], body)
    assert (first.status_code, first.json["responded"]) == (200, True)
    assert patch(alice, made["id"], body).data == first.data
    database.session.refresh(place.lead)
    assert (place.lead.status, place.lead.last_response_at) == ("conversing", NOON + timedelta(hours=2.5))
    patch(alice, made["id"], {"responded": False})
    database.session.refresh(place.lead)
    assert (place.lead.status, place.lead.last_response_at) == ("contacted", None)
    early = patch(alice, made["id"], {"responded": True, "response_at": (NOON - timedelta(hours=1)).isoformat()})
    assert (early.status_code, early.json["errors"][0]["field"]) == (422, "response_at")


# --- what else stands in the way ---------------------------------------------------------------------------------


def test_do_not_contact_is_403_and_says_which_rule(alice: Api, place: Place) -> None:
    closed = make_lead(place.list, status="dnc")
    answer = log(alice, closed)
    assert (answer.status_code, answer.json["code"]) == (403, "do_not_contact")
    assert alice.get(f"/leads/{closed.id}/guard").json["verdict"] == "refused"


def test_the_guards_preview_writes_nothing(alice: Api, place: Place) -> None:
    log(alice, place.lead)
    preview = alice.get(f"/leads/{place.lead.id}/guard?method=email").json
    assert (preview["verdict"], preview["code"], len(preview["contacts"])) == ("refused", "contact_cap", 1)
    assert [line["method"] for line in alice.get(f"/leads/{place.lead.id}/guard?method=sms").json["lines"]] == ["email"]
    assert database.session.scalar(sa.select(sa.func.count(GuardNotice.id))) == 0


def test_an_idempotency_key_is_one_contact_and_a_stopped_attempt_leaves_it_free(
    alice: Api, bob: Api, place: Place, set_clock: Any
) -> None:
    set_clock(NOON)
    body = {"method": "email", "subject": "Hi"}
    first = alice.post(f"/leads/{place.lead.id}/contacts", body, Idempotency_Key="k1")
    again = alice.post(f"/leads/{place.lead.id}/contacts", body, Idempotency_Key="k1")
    assert (first.status_code, again.status_code, again.json["id"]) == (201, 201, first.json["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    other = alice.post(f"/leads/{place.lead.id}/contacts", body | {"subject": "Ho"}, Idempotency_Key="k1")
    assert (other.status_code, other.json["errors"][0]["field"]) == (422, "Idempotency-Key")
    set_clock(NOON + timedelta(days=2))
    warned = bob.post(f"/leads/{place.lead.id}/contacts", body, Idempotency_Key="k2")
    passed = bob.post(
        f"/leads/{place.lead.id}/contacts", body | {"override_token": warned.json["override_token"], "reason": "agreed"},
        Idempotency_Key="k2",
    )  # fmt: skip
    assert (warned.status_code, passed.status_code, count()) == (409, 201, 2)


def test_a_version_that_moved_on_is_412(alice: Api, place: Place) -> None:
    made = log(alice, place.lead).json
    tag = alice.get(f"/contacts/{made['id']}").headers["ETag"]
    assert patch(alice, made["id"], {"responded": True}, If_Match=tag).status_code == 200
    assert patch(alice, made["id"], {"responded": False}, If_Match=tag).status_code == 412


def test_a_merged_away_lead_is_found_where_it_lives_on(alice: Api, place: Place) -> None:
    import uuid

    merge = LeadMerge(company_id=place.company.id, survivor_id=place.lead.id, gone_id=987_654, batch_id=uuid.uuid4(), fingerprint="",
                      gone={}, kept_before={}, kept_after={}, moved={})  # fmt: skip
    database.session.add(merge)
    database.session.flush()
    database.session.add(
        LeadAlias(gone_id=987_654, company_id=place.company.id, lead_id=place.lead.id, merge_id=merge.id)
    )
    database.session.commit()
    assert alice.post("/leads/987654/contacts", {"method": "sms"}).json["lead_id"] == place.lead.id


def test_the_wall_the_scopes_and_the_keys_without_a_person(api_of: Any, alice: Api, place: Place) -> None:
    foreign = make_lead(make_list(make_company()))
    for path in (
        f"/leads/{foreign.id}/contacts",
        f"/leads/{foreign.id}/guard",
        "/leads/99999999/contacts",
        "/contacts/99999",
    ):
        assert alice.get(path).status_code == 404
    assert log(alice, foreign).status_code == 404
    assert patch(alice, 99_999, {"responded": True}).status_code == 404
    assert log(api_of(place.alice, "contacts:read"), place.lead).json["code"] == "missing_scope"
    assert log(api_of(None), place.lead).json["code"] == "key_without_user"


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"method": "pigeon"}, "method"),
        ({"direction": "up"}, "direction"),
        ({"subject": "x" * 501}, "subject"),
        ({"subject": "a\x00b"}, "subject"),
        ({"body": "\ud800"}, "body"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {"a": "x" * 17_000}}, "metadata"),
        ({"metadata": {"a\x00": 1}}, "metadata"),
        ({"occurred_at": "2026-06-10T12:00:00"}, "occurred_at"),
        ({"occurred_at": "1960-01-01T00:00:00Z"}, "occurred_at"),
        ({"occurred_at": "2099-01-01T00:00:00Z"}, "occurred_at"),
        ({"occurred_at": 2**63}, "occurred_at"),
        ({"responded": True, "direction": "inbound"}, "responded"),
        ({"response_at": "2026-06-10T12:00:00Z"}, "response_at"),
        ({"follow_up_on": "soon"}, "follow_up_on"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_ugly_input_is_422_with_its_field(alice: Api, place: Place, facts: dict[str, Any], field: str) -> None:
    answer = log(alice, place.lead, **facts)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"].startswith(field)
    assert count() == 0


def test_metadata_of_16_kib_and_a_long_body_are_kept(alice: Api, place: Place) -> None:
    given = {"metadata": {"a": "x" * 16_370, "deep": [[1]]}, "body": "é" * 50_000}
    answer = log(alice, place.lead, **{**given, "metadata": {"a": "x" * 16_300}})
    assert answer.status_code == 201, answer.json
    assert len(answer.json["body"]) == 50_000


def test_nan_in_metadata_is_refused(alice: Api, place: Place) -> None:
    raw = b'{"method": "email", "metadata": {"a": NaN}}'
    assert alice.call("POST", f"/leads/{place.lead.id}/contacts", raw=raw).status_code in (400, 422)
    assert count() == 0
