"""Values that no column holds and no calendar has: refused or kept aside, never a 500, and the pages can still be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from tests.api.keys import Api, make_key
from tests.factories import make_company, make_lead, make_list, make_user, sign_in
from tests.faults.support import check_books
from tests.harness.client import Client
from webapp.core.db import db as database
from webapp.dialer.models import CallEvent, CallLog

GOOD = {"event_id": "good", "call_id": "C-good", "type": "ended", "call_status": "busy", "phone": "+12125550123"}
TEXTS = ["a\x00b", "\ud800", "\udfff tail", "x" * 30_000]
MOMENTS = ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00",
           "2026-02-30T00:00:00Z", "2026-06-01T14:00:00", "2026-06-01T24:00:01Z", 2**63, -(2**63) - 1, 1e308]  # fmt: skip
NUMBERS = [2**63, 2**63 - 1, -1, 0, 1.5, True, "1", [], {}, 10**400]
POISON = [
    *({field: text} for field in ("event_id", "call_id", "provider", "notes", "agent", "recording", "phone", "disposition") for text in TEXTS),
    *({field: at} for field in ("occurred_at", "started_at", "answered_at", "ended_at", "callback_at") for at in MOMENTS),
    *({field: number} for field in ("lead_id", "campaign_id", "duration") for number in NUMBERS),
    {"anything": "\x00"}, {"a\x00b": 1}, {"anything": {"deep": ["\ud800"]}},
]  # fmt: skip


@pytest.fixture
def api(client: Client) -> Api:
    company = make_company()
    make_lead(make_list(company), phone="+12125550123")
    return Api(client, make_key(company))


def test_each_poisoned_event_costs_nobody_but_itself(api: Api, db: Any) -> None:
    company_id = database.session.scalar(sa.select(sa.text("id")).select_from(sa.text("companies")))
    for number, poison in enumerate(POISON):
        good = GOOD | {"event_id": f"g{number}", "call_id": f"g{number}"}
        bad = GOOD | {"event_id": f"b{number}", "call_id": f"b{number}"} | poison
        answer = api.post("/calls/events", {"events": [bad, good]})
        assert answer.status_code < 500, (poison, answer.text)
        assert (
            database.session.scalar(sa.select(CallEvent.outcome).where(CallEvent.event_id == f"g{number}")) == "applied"
        ), poison
        assert api.post("/calls/events", bad).status_code < 500, poison
    assert api.get("/calls").status_code == 200
    check_books(company_id)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"event_id":"1","event_id":"2","call_id":"C","type":"ended","call_status":"busy","phone":"+12125550123"}',
        b'{"event_id":"n","call_id":"C","type":"ended","call_status":"busy","phone":"+12125550123","x":NaN}',
        b'{"event_id":"i","call_id":"C","type":"ended","call_status":"busy","phone":"+12125550123","duration":-Infinity}',
        b'{"event_id":"s","call_id":"C","type":"ended","call_status":"busy","phone":"+12125550123","notes":"\\ud800"}',
        b'{"event_id":"e","call_id":"C","type":"ended","call_status":"busy","phone":"+12125550123","duration":1e400}',
        b'{"event_id":"b","call_id":"C","type":"ended","call_status":"busy","phone":"+12125550123","lead_id":9223372036854775808}',
        b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe{}", b"nul\x00l", b'"\\u0000"', b"1" * 10_000, b"",
    ],
)  # fmt: skip
def test_odd_json_is_answered_and_stored_at_most_once(api: Api, raw: bytes) -> None:
    assert api.call("POST", "/calls/events", raw=raw).status_code < 500
    assert api.call("POST", "/calls/events", raw=raw).status_code < 500
    assert database.session.scalar(sa.select(sa.func.count(CallLog.id))) in (0, 1)
    stored = database.session.scalars(sa.select(CallEvent.event_id)).all()
    assert stored in ([], ["2"], ["1"], [json.loads(raw)["event_id"]] if stored else [])


def test_forms_take_poison_without_a_500(client: Client, db: Any) -> None:
    company = make_company()
    user, lead_list = make_user(company), make_list(company)
    lead_id, list_id = make_lead(lead_list).id, lead_list.id
    sign_in(client, user)
    numbers = [str(2**63), str(2**63 - 1), "-1", "NaN", "1e9", "٣", "", "1\x00", "9" * 400]
    for odd in [*TEXTS[:1], "\x00", "x" * 30_000, *numbers]:
        posts = {
            "/repairs": {"classes": odd, "seen": odd, "form_token": odd, "list": odd},
            f"/lists/{list_id}/recycle": {"statuses": odd, "target": odd, "seen": odd, "form_token": odd, "reset": odd},
            f"/leads/{lead_id}/status": {"status": odd, "to": odd, "seen": odd, "reason": odd},
            "/leads/bulk": {"action": "status", "to": odd, "ids": odd, "seen": odd, "form_token": odd, "query": odd},
            "/problems/count_without_log/accept": {"lead": odd, "seen": odd, "list": odd, "reason": odd},
            "/dnc": {"values": odd, "value": odd, "reason": odd, "form_token": odd},
        }
        for path, form in posts.items():
            assert client.post(path, data=form).status_code < 500, (path, odd[:20])
        for path in (
            "/leads",
            "/problems",
            "/calls",
            "/imports",
            f"/lists/{list_id}/recycle",
            "/problems/missing_status",
        ):
            query = dict.fromkeys(
                ("after", "before", "page", "list", "q", "status", "cursor", "v", "sort", "seen"), odd
            )
            assert client.get(path, query_string=query).status_code < 500, (path, odd[:20])
    for path in (f"/leads/{2**63}", f"/lists/{2**63}/recycle", f"/repairs/{2**63}", f"/imports/{2**63}", f"/leads/{'9' * 300}",
                 f"/recycle-batches/{2**63}", f"/undos/{2**64}", f"/bulk/{2**63}"):  # fmt: skip
        assert client.get(path).status_code == 404, path
