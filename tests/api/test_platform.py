"""What every operation has in common: keys, scopes, limits, problems, cursors, repeats."""

import json
import threading

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.api.keys import Api, make_key
from tests.factories import make_company, make_lead, make_list
from tests.harness.client import Client
from webapp.accounts.models import ApiKey, Company
from webapp.core.once import IdempotencyKey
from webapp.core.ratelimit import RateLimiter
from webapp.leads.models import Lead

READS = ("/calls", "/leads", "/lists")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi", "Bearer " + "x" * 5000]
)
def test_without_a_good_key_there_is_401_and_how_to_ask(client: Client, company: Company, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for path in READS:
        answer = client.get(f"/api/v1{path}", headers=headers)
        assert (answer.status_code, answer.mimetype, answer.json["code"]) == (
            401,
            "application/problem+json",
            "unauthorized",
        )
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_revoked_key_is_refused(api: Api, db: SQLAlchemy) -> None:
    assert api.get("/lists").status_code == 200
    db.session.execute(sa.update(ApiKey).values(revoked_at=sa.func.now()))
    assert api.get("/lists").status_code == 401


def test_a_key_may_be_remembered_only_for_seconds(api: Api, db: SQLAlchemy, monkeypatch: pytest.MonkeyPatch) -> None:
    from webapp.core import apikit

    now = [1000.0]
    monkeypatch.setitem(api.client.application.config, "API_KEY_SECONDS", apikit.KEY_SECONDS)
    monkeypatch.setattr(apikit.time, "monotonic", lambda: now[0])
    assert api.get("/lists").status_code == 200
    db.session.execute(sa.update(ApiKey).values(revoked_at=sa.func.now()))
    assert api.get("/lists").status_code == 200
    now[0] += apikit.KEY_SECONDS + 0.1
    assert api.get("/lists").status_code == 401
    assert apikit.KEY_SECONDS < 5


def test_a_key_does_only_what_its_scopes_say(client: Client, company: Company) -> None:
    writer = Api(client, make_key(company, "calls:write"))
    assert writer.post("/calls/events", {}).status_code == 422
    for path in READS:
        answer = writer.get(path)
        assert (answer.status_code, answer.json["code"]) == (403, "missing_scope")
    assert writer.post("/leads", {}).status_code == 403
    reader = Api(client, make_key(company, "leads:read"))
    assert reader.get("/leads").status_code == 200
    assert reader.post("/calls/events", {}).status_code == 403


def test_another_companys_rows_are_not_there(api: Api) -> None:
    other = make_list(make_company())
    lead = make_lead(other)
    for path in (
        f"/leads/{lead.id}",
        f"/lists/{other.id}/status-breakdown",
        "/calls/1",
        "/leads/9999999999999999999999",
    ):
        answer = api.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert api.call("PATCH", f"/leads/{lead.id}/status", {"status": "sale"}).status_code == 404
    assert api.get("/leads").json == {"items": [], "next": None}
    assert api.get(f"/leads?list_id={other.id}").json["items"] == []


def test_unknown_addresses_and_methods_are_problems_too(api: Api) -> None:
    gone = api.get("/nothing/here")
    assert (gone.status_code, gone.json["code"], gone.mimetype) == (404, "not_found", "application/problem+json")
    wrong = api.call("DELETE", "/calls")
    assert (wrong.status_code, wrong.json["code"]) == (405, "method_not_allowed")
    assert "GET" in wrong.headers["Allow"]


def test_head_and_options_answer_without_a_body(api: Api) -> None:
    head = api.call("HEAD", "/lists")
    assert (head.status_code, head.data) == (200, b"")
    options = api.call("OPTIONS", "/calls")
    assert (options.status_code, "GET" in options.headers["Allow"]) == (200, True)


def test_every_answer_names_its_request(api: Api) -> None:
    assert api.get("/lists", X_Request_Id="my-request-0001").headers["X-Request-Id"] == "my-request-0001"
    assert api.get("/lists", X_Request_Id="bad id\t").headers["X-Request-Id"] not in ("bad id\t", "")


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"\xff\xfe{", 400, "invalid_json"),
        (b"[" * 100_000, 413, "too_large"),
        (b"[" * 60_000, 400, "invalid_json"),
        (b"1" * 5000, 400, "invalid_json"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b'{"list_id": 9223372036854775808}', 422, "invalid"),
        (b'{"list_id": NaN}', 422, "invalid"),
        (b'{"list_id": 1e999}', 422, "invalid"),
        (b'{"list_id": true}', 422, "invalid"),
        (b'{"list_id": 1, "business": "\\u0000"}', 422, "invalid"),
        (b'{"list_id": 1, "business": "\\ud800"}', 422, "invalid"),
        (b'{"list_id": 1, "\\ud800": 1}', 422, "invalid"),
        (b'{"list_id": 1, "custom": ' + b'{"a":' * 60 + b"1" + b"}" * 60 + b"}", 422, "invalid"),
        (b'{"list_id": 1, "company_id": 7, "business": "x"}', 422, "invalid"),
        (b'{"list_id": 1, "business": "' + b"x" * 301 + b'"}', 422, "invalid"),
    ],
)
def test_bad_bodies_are_4xx_with_a_code(api: Api, raw: bytes, status: int, code: str) -> None:
    answer = api.call("POST", "/leads", raw=raw)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    if status == 422:
        assert all(set(error) == {"field", "message"} for error in answer.json["errors"])


def test_a_form_is_not_json(api: Api) -> None:
    answer = api.call("POST", "/leads", raw=b"a=1", Content_Type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")


def test_a_wrong_query_names_the_parameter(api: Api) -> None:
    for query, name in (
        ("limit=0", "limit"), ("limit=x", "limit"), ("cursor=zzz", "cursor"), ("nonsense=1", "nonsense"),
        ("from=2026-06-01", "from"), ("from=2026-06-01T00:00:00", "from"), ("lead_id=9223372036854775808", "lead_id"),
        ("status=nonsense", "status"), ("limit=1&limit=2", "limit"), ("cursor=W10", "cursor"),
    ):  # fmt: skip
        answer = api.get(f"/calls?{query}")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, name), query


def test_the_limit_of_one_key_stops_that_key_only(api: Api, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(api.client.application.config, "API_PER_MINUTE", 3)
    answers = [api.get("/lists") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json["code"] == "rate_limited"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert Api(api.client, make_key(company)).get("/lists").status_code == 200


def test_processes_count_together(settings) -> None:
    now = [6000.0]
    here, there = (RateLimiter(settings.redis_url, clock=lambda: now[0]) for _ in range(2))
    limit = 200
    passed = 0
    for _ in range(400):
        now[0] += 0.01
        passed += sum(limiter.hit("key:1", limit) == 0 for limiter in (here, there))
    assert limit <= passed <= limit * 1.1
    now[0] += 60
    assert here.hit("key:1", limit) == 0


def test_without_redis_a_process_counts_alone_and_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [6000.0]
    alone = RateLimiter("redis://127.0.0.1:1", clock=lambda: now[0])
    asked = []
    pipeline = alone._redis.pipeline
    monkeypatch.setattr(alone._redis, "pipeline", lambda **kwargs: asked.append(1) or pipeline(**kwargs))
    assert [alone.hit("key:1", 3) > 0 for _ in range(5)] == [False, False, False, True, True]
    assert len(asked) == 1


def test_a_lead_is_made_once_for_one_idempotency_key(api: Api, company: Company, db: SQLAlchemy) -> None:
    body = {
        "list_id": make_list(company).id,
        "first_name": "Ana",
        "phone": "(212) 555-0123",
        "email": "Ana@Example.com",
    }
    first = api.post("/leads", body, Idempotency_Key="lead-1")
    again = api.post("/leads", dict(reversed(body.items())), Idempotency_Key="lead-1")
    assert (first.status_code, again.status_code, first.json) == (201, 201, again.json)
    assert first.headers["Location"] == again.headers["Location"] == f"/api/v1/leads/{first.json['id']}"
    assert (first.json["phone"], first.json["email"], first.json["status"]) == (
        "+12125550123",
        "ana@example.com",
        "new",
    )
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Lead)) == 1
    other = api.post("/leads", body | {"first_name": "Bob"}, Idempotency_Key="lead-1")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_the_same_idempotency_key_of_two_companies_are_two(client: Client, api: Api, company: Company) -> None:
    other = make_company()
    for one, whose in ((api, company), (Api(client, make_key(other)), other)):
        answer = one.post("/leads", {"list_id": make_list(whose).id, "business": "x"}, Idempotency_Key="same")
        assert answer.status_code == 201


def test_twenty_at_once_with_one_idempotency_key_make_one_lead(api: Api, company: Company, db: SQLAlchemy) -> None:
    body = json.dumps({"list_id": make_list(company).id, "business": "Northside"})
    db.session.commit()
    answers: list[tuple[int, int]] = []

    def post() -> None:
        headers = {"Authorization": f"Bearer {api.token}", "Idempotency-Key": "once"}
        client = api.client.application.test_client()
        answer = client.open(
            "/api/v1/leads", method="POST", data=body, content_type="application/json", headers=headers
        )
        answers.append((answer.status_code, answer.json["id"]))

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1
    assert answers[0][0] == 201
    assert len(answers) == 8
    assert db.session.scalar(sa.select(sa.func.count()).select_from(IdempotencyKey)) == 1


def test_a_key_that_is_no_key_is_refused(api: Api, company: Company) -> None:
    answer = api.post("/leads", {"list_id": make_list(company).id, "business": "x"}, Idempotency_Key="a b" * 100)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")
