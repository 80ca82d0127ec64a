"""POST /api/v1/calls/events: each delivery ends in a named outcome, and nothing sent makes a 500."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.api.keys import Api, make_key
from tests.factories import make_company, make_lead, make_list
from tests.harness.web import LiveServer
from webapp.accounts.models import Company
from webapp.dialer.models import CallEvent, CallLog
from webapp.leads.models import Lead


def event(**facts: Any) -> dict[str, Any]:
    return {
        "provider": "acme", "event_id": "e-1", "call_id": "c-1", "type": "ended", "call_status": "no_answer",
        "started_at": "2026-06-01T14:00:00Z", "ended_at": "2026-06-01T14:00:25Z",
    } | facts  # fmt: skip


def lead_of(company: Company, **facts: Any) -> Lead:
    return make_lead(make_list(company), **facts)


def count(db: SQLAlchemy, model: Any) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def test_an_event_makes_the_call_and_moves_the_lead(api: Api, company: Company, db: SQLAlchemy) -> None:
    lead = lead_of(company)
    answer = api.post("/calls/events", event(lead_id=lead.id))
    assert answer.status_code == 200
    assert answer.json["outcome"] == "applied"
    assert answer.json["lead_id"] == lead.id
    assert api.get(f"/calls/{answer.json['call_id']}").json["call_status"] == "no_answer"
    db.session.refresh(lead)
    assert (lead.status, lead.dial_attempts) == ("no_answer", 1)


def test_a_lead_is_found_by_its_phone_as_people_write_it(api: Api, company: Company) -> None:
    lead = lead_of(company, phone="+12125550123")
    answer = api.post("/calls/events", event(phone="(212) 555-0123"))
    assert (answer.status_code, answer.json["lead_id"]) == (200, lead.id)


def test_the_same_event_again_is_a_duplicate_without_effect(api: Api, company: Company, db: SQLAlchemy) -> None:
    lead = lead_of(company)
    api.post("/calls/events", event(lead_id=lead.id))
    again = api.post("/calls/events", event(lead_id=lead.id))
    assert (again.status_code, again.json["outcome"]) == (200, "duplicate")
    db.session.refresh(lead)
    assert lead.dial_attempts == 1


def test_an_event_nobody_can_place_is_kept_and_answered_202(api: Api, db: SQLAlchemy) -> None:
    answer = api.post("/calls/events", event(phone="+12125550999"))
    assert (answer.status_code, answer.json["outcome"]) == (202, "quarantined")
    assert answer.json["reason"]
    assert count(db, CallEvent) == 1


def test_another_companys_lead_is_an_unknown_lead(api: Api, db: SQLAlchemy) -> None:
    foreign = lead_of(make_company())
    answer = api.post("/calls/events", event(lead_id=foreign.id))
    assert (answer.status_code, answer.json["outcome"], answer.json["lead_id"]) == (202, "quarantined", None)
    assert "unknown lead" in answer.json["reason"]
    db.session.refresh(foreign)
    assert (foreign.status, foreign.dial_attempts) == ("new", 0)
    assert count(db, CallLog) == 0


def test_a_refused_event_names_its_fields_and_stores_nothing(api: Api, db: SQLAlchemy) -> None:
    answer = api.post("/calls/events", {"provider": "acme", "event_id": "e", "call_id": "c", "type": "exploded"})
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.json["code"] == "invalid"
    assert [error["field"] for error in answer.json["errors"]] == ["type"]
    assert count(db, CallEvent) == 0


def test_a_batch_tells_what_became_of_each_item_in_order(api: Api, company: Company) -> None:
    lead = lead_of(company)
    items = [
        event(lead_id=lead.id),
        event(lead_id=lead.id),
        event(event_id="e-2", call_id="c-2", phone="+12125550999"),
        {"event_id": "e-3"},
        "not an event",
    ]
    for body in ({"events": items}, items):
        answer = api.post("/calls/events", body)
        assert answer.status_code == 200
        assert [each["index"] for each in answer.json["outcomes"]] == [0, 1, 2, 3, 4]
        assert [each["outcome"] for each in answer.json["outcomes"]][3:] == ["refused", "refused"]
        counts = {name: answer.json[name] for name in ("applied", "duplicate", "stale", "quarantined", "refused")}
        assert sum(counts.values()) == answer.json["received"] == 5
    assert counts == {"applied": 0, "duplicate": 3, "stale": 0, "quarantined": 0, "refused": 2}


def test_one_poison_event_in_a_thousand_costs_only_itself(api: Api, company: Company, db: SQLAlchemy) -> None:
    lead = lead_of(company)
    items = [event(event_id=f"e-{n}", call_id=f"c-{n}", lead_id=lead.id) for n in range(1000)]
    for n, poison in enumerate(('"\\u0000"', '"\\ud800"', "NaN", "1e999", "9" * 30, "[" * 60 + "]" * 60)):
        items[500]["extra"] = "PLACE"
        for item in items:
            item["provider"] = f"acme-{n}"
        raw = json.dumps(items).replace('"PLACE"', poison).encode()
        answer = api.call("POST", "/calls/events", raw=raw)
        assert answer.status_code == 200, answer.text[:300]
        assert (answer.json["applied"], answer.json["refused"]) == (999, 1), poison
        assert answer.json["outcomes"][500]["errors"][0]["field"].startswith("extra")
    assert count(db, CallEvent) == 6 * 999


def test_more_than_a_thousand_events_and_none_at_all_are_refused(api: Api) -> None:
    assert api.post("/calls/events", [event()] * 1001).status_code == 422
    assert api.post("/calls/events", []).status_code == 422
    assert api.post("/calls/events", {"events": []}).status_code == 422


def test_a_body_over_two_mebibytes_is_413_also_when_it_is_packed(api: Api) -> None:
    fat = json.dumps([event(notes="x" * 10_000)] * 300).encode()
    assert api.call("POST", "/calls/events", raw=fat).status_code == 413
    packed = gzip.compress(fat)
    assert api.call("POST", "/calls/events", raw=packed, Content_Encoding="gzip").status_code == 413


def test_a_packed_body_is_read(api: Api, company: Company) -> None:
    lead = lead_of(company)
    packed = gzip.compress(json.dumps([event(lead_id=lead.id)]).encode())
    answer = api.call("POST", "/calls/events", raw=packed, Content_Encoding="gzip")
    assert (answer.status_code, answer.json["applied"]) == (200, 1)
    assert api.call("POST", "/calls/events", raw=packed[:-9], Content_Encoding="gzip").status_code == 400
    assert api.call("POST", "/calls/events", raw=b"no", Content_Encoding="gzip").status_code == 400
    assert api.call("POST", "/calls/events", raw=b"{}", Content_Encoding="br").status_code == 415


def test_fifty_at_once_are_one_effect_and_fifty_good_answers(
    live_server: LiveServer, company: Company, db: SQLAlchemy
) -> None:
    lead = lead_of(company)
    token = make_key(company)
    body = json.dumps(event(lead_id=lead.id))
    host = urlsplit(live_server.url).netloc

    def post(_: int) -> tuple[int, str]:
        connection = HTTPConnection(host, timeout=60)
        connection.request(
            "POST",
            "/api/v1/calls/events",
            body,
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        read = json.loads(answer.read())
        connection.close()
        return answer.status, read.get("outcome", read)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(post, range(50)))
    assert [status for status, _ in answers] == [200] * 50
    assert sorted(outcome for _, outcome in answers) == ["applied"] + ["duplicate"] * 49
    db.session.expire_all()
    assert count(db, CallLog) == count(db, CallEvent) == 1
    assert db.session.get(Lead, lead.id).dial_attempts == 1
    assert db.session.scalar(sa.select(CallEvent.duplicates)) == 49


def test_a_repeated_idempotency_key_gets_the_first_answer(api: Api, company: Company) -> None:
    lead = lead_of(company)
    first = api.post("/calls/events", event(lead_id=lead.id), Idempotency_Key="k-1")
    again = api.post("/calls/events", event(lead_id=lead.id), Idempotency_Key="k-1")
    assert first.json == again.json
    assert (first.json["outcome"], again.headers["Idempotent-Replayed"]) == ("applied", "true")
    other = api.post("/calls/events", event(lead_id=lead.id, event_id="e-2"), Idempotency_Key="k-1")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_a_refused_request_leaves_its_idempotency_key_free(api: Api, company: Company) -> None:
    lead = lead_of(company)
    assert api.post("/calls/events", {"type": "ended"}, Idempotency_Key="k-1").status_code == 422
    assert api.post("/calls/events", event(lead_id=lead.id), Idempotency_Key="k-1").status_code == 200


def test_an_end_so_early_that_the_call_began_before_1970_is_refused_not_a_fault(client: Any, db: Any) -> None:
    lead = make_lead(make_list(make_company()))
    api = Api(client, make_key(db.session.get_one(Company, lead.company_id), "calls:write"))
    told = {
        "event_id": "1",
        "call_id": "1",
        "type": "ended",
        "call_status": "busy",
        "lead_id": lead.id,
        "duration": 604_800,
    }
    assert api.post("/calls/events", told | {"ended_at": "1970-01-02T00:00:00Z"}).status_code == 422
    assert api.post("/calls/events", told | {"ended_at": "1970-01-10T00:00:00Z"}).status_code == 200
