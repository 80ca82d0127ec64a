"""The hopper over the API: claimed once, kept alive, given back, told once; and nobody else's."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tests.api.keys import Api, make_key
from tests.dialer_api.floor import BUSY, NOON, NY, Floor, at, code_of, count, entries
from tests.factories import make_call, make_campaign, make_company, make_user
from tests.faults.support import check_books
from webapp.core.db import db as database
from webapp.dialer import claims
from webapp.dialer.claims import sweep_claims
from webapp.dialer.models import Callback, CallEvent, CallLog

# --- the loop ----------------------------------------------------------------------------------------------------


def test_a_dialer_claims_keeps_alive_and_says_what_came_of_it(floor: Floor) -> None:
    lead = floor.lead(first_name="Eva", extension="12", custom={"fleet": 7})
    claim = floor.claim({"agent_id": floor.agent.id, "lease_seconds": 60})
    assert (claim["source"], claim["campaign_id"]) == ("standard", floor.campaign.id)
    assert datetime.fromisoformat(claim["lease_until"]) - NOON < timedelta(seconds=70)
    shown = {
        name: claim["lead"][name] for name in ("id", "first_name", "phone", "extension", "zone", "status", "custom")
    }
    assert shown == {
        "id": lead.id, "first_name": "Eva", "phone": lead.phone, "extension": "12", "zone": NY, "status": "new", "custom": {"fleet": 7},
    }  # fmt: skip
    assert (claim["lead"]["dial_attempts"], claim["lead"]["pass_number"]) == (0, 1)
    assert floor.api.post(at(claim, "heartbeat")).status_code == 200
    told = {
        "call_status": "answered", "disposition": "callback", "started_at": "2026-06-10T15:58:00Z",
        "answered_at": "2026-06-10T15:58:10Z", "ended_at": "2026-06-10T15:59:00Z", "duration": 50, "recording": "a.wav",
        "notes": "Tomorrow, é", "callback_at": "2026-06-11T15:00:00Z", "provider": "acme", "call_id": "c-9",
    }  # fmt: skip
    answer = floor.api.post(at(claim, "result"), told)
    assert answer.status_code == 200, answer.text
    call = database.session.scalars(sa.select(CallLog)).one()
    assert answer.json["call_id"] == call.id
    assert (answer.json["lead_id"], answer.json["lead_status"]) == (lead.id, "callback")
    assert (call.provider, call.provider_call_id, call.phone, call.campaign_id) == (
        "acme",
        "c-9",
        lead.phone,
        floor.campaign.id,
    )
    assert (call.agent_id, call.agent_name, call.duration, call.notes) == (floor.agent.id, "Ana", 50, "Tomorrow, é")
    due = database.session.scalars(sa.select(Callback)).one()
    assert due.due_at == datetime(2026, 6, 11, 15, tzinfo=UTC)
    assert entries() == []
    database.session.refresh(lead)
    assert (lead.status, lead.dial_attempts) == ("callback", 1)
    check_books(floor.company.id)


def test_a_bare_result_is_the_tokens_own_call_and_ends_now(floor: Floor) -> None:
    floor.lead()
    claim = floor.claim()
    assert floor.api.post(at(claim, "result"), BUSY).json["lead_status"] == "busy"
    call = database.session.scalars(sa.select(CallLog)).one()
    assert (call.provider, call.provider_call_id, call.agent_id) == ("api", claim["token"], None)
    assert call.ended_at is not None
    assert abs(call.ended_at - NOON) < timedelta(minutes=1)


def test_a_result_closes_the_call_that_its_events_had_begun(floor: Floor) -> None:
    lead = floor.lead()
    claim = floor.claim()
    event = {"provider": "acme", "call_id": "c-1", "lead_id": lead.id, "started_at": "2026-06-10T15:59:00Z"}
    floor.api.post("/calls/events", {**event, "event_id": "1", "type": "dialing"})
    released = floor.api.call("DELETE", at(claim))
    assert code_of(released) == (409, "conflict")
    answer = floor.api.post(at(claim, "result"), {**BUSY, "provider": "acme", "call_id": "c-1"})
    assert answer.status_code == 200, answer.text
    assert count(CallLog) == 1
    database.session.refresh(lead)
    assert (lead.status, lead.dial_attempts) == ("busy", 1)
    check_books(floor.company.id)


def test_with_nothing_to_dial_the_claim_is_null_and_why_is_told_to_whoever_asks(floor: Floor) -> None:
    assert floor.api.post(floor.path).json == {"claim": None}
    floor.lead(phone=None)
    floor.lead(status="sale")
    assert floor.api.post(floor.path, {}).json == {"claim": None}
    assert floor.api.post(f"{floor.path}?why=1", {}).json == {"claim": None, "why": {"no_phone": 1, "final": 1}}
    floor.lead()
    assert set(floor.api.post(f"{floor.path}?why=1").json) == {"claim"}


def test_a_campaign_that_is_off_hands_out_nothing(floor: Floor) -> None:
    floor.lead()
    floor.campaign.active = False
    database.session.commit()
    assert floor.api.post(floor.path).json == {"claim": None}


def test_a_callback_kept_for_an_agent_is_handed_out_for_that_agent_only(floor: Floor) -> None:
    lead = floor.lead(status="callback")
    due = NOON - timedelta(minutes=5)
    database.session.add(Callback(company_id=floor.company.id, lead_id=lead.id, due_at=due, agent_id=floor.agent.id))
    database.session.commit()
    assert floor.claim() is None
    claim = floor.claim({"agent_id": floor.agent.id})
    assert (claim["lead"]["id"], claim["source"]) == (lead.id, "callback")


# --- leases ------------------------------------------------------------------------------------------------------


def test_a_heartbeat_extends_the_lease_and_without_one_the_lead_goes_back(floor: Floor, set_clock: Any) -> None:
    lead = floor.lead()
    claim = floor.claim({"lease_seconds": 60})
    set_clock(NOON + timedelta(seconds=50))
    until = floor.api.post(at(claim, "heartbeat"), {"lease_seconds": 120}).json["lease_until"]
    assert datetime.fromisoformat(until) >= NOON + timedelta(seconds=170)
    set_clock(NOON + timedelta(seconds=100))
    assert sweep_claims(floor.company.id) == {"back": 0, "closed": 0, "done": 0}
    set_clock(NOON + timedelta(seconds=300))
    assert sweep_claims(floor.company.id)["back"] == 1
    assert entries() == [(lead.id, "ready")]
    for verb, body in (("heartbeat", {}), ("result", BUSY)):
        assert code_of(floor.api.post(at(claim, verb), body)) == (409, "claim_lost")
    assert code_of(floor.api.call("DELETE", at(claim))) == (409, "claim_lost")
    assert (count(CallLog), count(CallEvent)) == (0, 0)
    again = floor.claim()
    assert again["lead"]["id"] == lead.id
    assert again["token"] != claim["token"]


def test_giving_a_lead_back_leaves_it_uncounted_for_the_next_one(floor: Floor) -> None:
    lead = floor.lead()
    claim = floor.claim()
    assert floor.claim() is None
    assert floor.api.call("DELETE", at(claim)).json == {"released": True}
    assert code_of(floor.api.call("DELETE", at(claim))) == (409, "claim_lost")
    assert floor.claim()["lead"]["id"] == lead.id
    database.session.refresh(lead)
    assert lead.dial_attempts == 0


# --- once --------------------------------------------------------------------------------------------------------


def test_the_same_key_is_one_claim_and_one_result(floor: Floor) -> None:
    floor.lead()
    floor.lead()
    first = floor.claim({"lease_seconds": 90}, Idempotency_Key="a")
    assert floor.claim({"lease_seconds": 90}, Idempotency_Key="a") == first
    assert sorted(status for _, status in entries()) == ["locked", "ready"]
    answers = [floor.api.post(at(first, "result"), BUSY, Idempotency_Key="r") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json == answers[1].json
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert (count(CallLog), count(CallEvent)) == (1, 1)
    other = floor.api.post(at(first, "result"), {"call_status": "no_answer"}, Idempotency_Key="r")
    assert code_of(other) == (422, "idempotency_key_reused")
    assert code_of(floor.api.post(at(first, "result"), BUSY)) == (409, "claim_lost")


def test_a_refused_result_leaves_the_key_free(floor: Floor) -> None:
    floor.lead()
    claim = floor.claim()
    early = BUSY | {"started_at": "2026-06-10T15:00:00Z", "ended_at": "2026-06-10T14:00:00Z"}
    assert code_of(floor.api.post(at(claim, "result"), early, Idempotency_Key="r")) == (422, "invalid")
    assert floor.api.post(at(claim, "result"), BUSY, Idempotency_Key="r").status_code == 200


def test_a_race_for_a_phone_is_run_again_also_under_a_key(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    lead = floor.lead()
    real, raced = claims._claim_once, []

    def once(*args: Any) -> Any:
        if not raced:
            raced.append(1)
            raise IntegrityError("", {}, Exception("uq_hopper_entries_phone"))
        return real(*args)

    monkeypatch.setattr(claims, "_claim_once", once)
    assert floor.claim({}, Idempotency_Key="a")["lead"]["id"] == lead.id
    assert raced == [1]


def test_claims_at_once_never_get_the_same_lead(app: Any, floor: Floor) -> None:
    leads = {floor.lead().id for _ in range(6)}
    token, path = floor.api.token, floor.path
    got: list[Any] = []
    gate = threading.Barrier(8)

    def run(number: int) -> None:
        api = Api(app.test_client(), token)
        gate.wait()
        headers = {"Idempotency_Key": f"k{number}"} if number % 2 else {}
        answer = api.post(path, {}, **headers)
        got.append((answer.status_code, answer.json.get("claim")))

    database.session.rollback()
    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [status for status, _ in got] == [200] * 8
    claimed = [claim["lead"]["id"] for _, claim in got if claim is not None]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) <= leads
    while (claim := floor.claim()) is not None:  # whoever found the filler at work asks again
        claimed.append(claim["lead"]["id"])
    assert sorted(claimed) == sorted(leads)


# --- who may -----------------------------------------------------------------------------------------------------


def test_scopes_part_readers_from_claimers(floor: Floor, client: Any) -> None:
    floor.lead()
    reader = Api(client, make_key(floor.company, "calls:read", "calls:write", "leads:read"))
    claimer = Api(client, make_key(floor.company, "hopper:claim"))
    claim = claimer.post(floor.path).json["claim"]
    assert code_of(reader.post(floor.path)) == (403, "missing_scope")
    assert code_of(reader.post(at(claim, "heartbeat"))) == (403, "missing_scope")
    assert code_of(reader.post(at(claim, "result"), BUSY)) == (403, "missing_scope")
    assert code_of(reader.call("DELETE", at(claim))) == (403, "missing_scope")
    for path in ("/campaigns", f"/campaigns/{floor.campaign.id}/why"):
        assert reader.get(path).status_code == 200
        assert code_of(claimer.get(path)) == (403, "missing_scope")
    assert claimer.call("DELETE", at(claim)).status_code == 200


def test_another_company_finds_no_campaign_no_token_and_no_agent(floor: Floor, client: Any) -> None:
    lead = floor.lead()
    claim = floor.claim()
    stranger = make_company()
    other = Api(client, make_key(stranger))
    assert code_of(other.post(floor.path)) == (404, "not_found")
    assert code_of(other.get(f"/campaigns/{floor.campaign.id}/why")) == (404, "not_found")
    assert other.get("/campaigns").json == {"items": [], "next": None}
    assert code_of(other.post(at(claim, "heartbeat"))) == (409, "claim_lost")
    assert code_of(other.post(at(claim, "result"), BUSY)) == (409, "claim_lost")
    assert code_of(other.call("DELETE", at(claim))) == (409, "claim_lost")
    assert entries() == [(lead.id, "locked")]
    assert count(CallEvent) == 0
    gone = make_user(floor.company, "rep", deactivated_at=NOON)
    for user in (make_user(stranger).id, gone.id, 2**63 - 1):
        answer = floor.api.post(floor.path, {"agent_id": user})
        assert code_of(answer) == (422, "invalid")
        assert [error["field"] for error in answer.json["errors"]] == ["agent_id"]


def test_a_result_may_not_take_over_another_leads_call(floor: Floor) -> None:
    other = floor.lead(status="busy")
    call = make_call(other, "busy", provider="acme", provider_call_id="theirs")
    lead = floor.lead()
    claim = floor.claim()
    assert claim["lead"]["id"] == lead.id
    answer = floor.api.post(at(claim, "result"), BUSY | {"provider": "acme", "call_id": "theirs"})
    assert code_of(answer) == (422, "invalid")
    assert answer.json["errors"][0]["field"] == "call_id"
    assert (lead.id, "locked") in entries()
    assert (count(CallLog), count(CallEvent)) == (1, 0)
    database.session.refresh(call)
    assert call.lead_id == other.id


# --- reading -----------------------------------------------------------------------------------------------------


def test_campaigns_tell_what_their_hoppers_hold_page_by_page(floor: Floor) -> None:
    for _ in range(3):
        floor.lead()
    floor.claim()
    second = make_campaign(floor.company, active=False, hopper_level=9)
    first = floor.api.get("/campaigns?limit=1").json
    assert first["items"] == [
        {
            "id": floor.campaign.id,
            "name": floor.campaign.name,
            "active": True,
            "hopper_level": 50,
            "ready": 2,
            "claimed": 1,
        }
    ]
    rest = floor.api.get(f"/campaigns?limit=1&cursor={first['next']}").json
    assert rest["next"] is None
    assert rest["items"] == [
        {"id": second.id, "name": second.name, "active": False, "hopper_level": 9, "ready": 0, "claimed": 0}
    ]
    assert code_of(floor.api.get("/campaigns?cursor=nonsense")) == (422, "invalid_cursor")


def test_why_counts_every_lead_by_its_reason(floor: Floor) -> None:
    later = NOON + timedelta(hours=2)
    floor.lead()
    floor.lead()
    floor.lead(status="dnc")
    floor.lead(status="busy", next_eligible_at=later)
    floor.claim()
    told = floor.api.get(f"/campaigns/{floor.campaign.id}/why").json
    assert told["counts"] == {"ready": 1, "claimed": 1, "dnc": 1, "cooling": 1}
    assert (told["total"], told["dialable"]) == (4, 1)
    assert set(told["counts"]) <= set(told["labels"])
    assert told["labels"]["dnc"] == "Do not contact"
    assert datetime.fromisoformat(told["next_at"]) == later


# --- junk --------------------------------------------------------------------------------------------------------

JUNK_TOKENS = ["x", "%00", "a%00b", "%ED%A0%80", "%FF", "é", "x" * 10_000, "..", "%20", "'--", "%2e%2e"]
JUNK_BODIES = [
    b"[]", b"null", b"1", b'"x"', b"{", b"\xff", b'{"agent_id": true}', b'{"agent_id": 1e999}', b'{"agent_id": -1}',
    b'{"agent_id": 9223372036854775808}', b'{"agent_id": "1"}', b'{"lease_seconds": 59}', b'{"lease_seconds": 3601}',
    b'{"lease_seconds": null}', b'{"lease_seconds": 60.5}', b'{"x\\u0000": 1}', b'{"\\ud800": 1}', b'{"unknown": 1}',
]  # fmt: skip
JUNK_RESULTS = [
    {}, {"call_status": "unknown"}, {"call_status": "dialing"}, {"call_status": None}, {"call_status": "\ud800"},
    BUSY | {"disposition": "nothing"}, BUSY | {"notes": "\x00"}, BUSY | {"notes": "\udc00"}, BUSY | {"notes": "x" * 10_001},
    BUSY | {"call_id": ""}, BUSY | {"call_id": "  "}, BUSY | {"call_id": "x" * 201}, BUSY | {"provider": "\x00"}, BUSY | {"provider": 1},
    BUSY | {"duration": -1}, BUSY | {"duration": 2**63}, BUSY | {"duration": 1.5}, BUSY | {"duration": "1"},
    BUSY | {"ended_at": "1970-01-02T00:00:00Z", "duration": 604_800}, BUSY | {"ended_at": "2026-06-10T14:00:00"},
    BUSY | {"ended_at": "9999-12-31T23:59:59-14:00"}, BUSY | {"ended_at": True}, BUSY | {"ended_at": 1e308},
    BUSY | {"ended_at": "2026-06-20T14:00:00Z"}, BUSY | {"started_at": "2099-01-01T00:00:00Z"}, BUSY | {"callback_at": "soon"},
    BUSY | {"lead_id": 1}, BUSY | {"phone": "+12125550199"}, BUSY | {"recording": "x" * 501},
]  # fmt: skip


@pytest.mark.parametrize("token", JUNK_TOKENS)
def test_a_token_that_is_none_holds_no_lead(floor: Floor, token: str) -> None:
    for method, path, body in (
        ("POST", f"/hopper/claims/{token}/heartbeat", None),
        ("POST", f"/hopper/claims/{token}/result", BUSY),
        ("DELETE", f"/hopper/claims/{token}", None),
    ):
        answer = floor.api.call(method, path, body)
        assert answer.status_code in (404, 405, 409), (path[:80], answer.text)


def test_a_body_that_is_none_is_refused_and_moves_nothing(floor: Floor) -> None:
    lead = floor.lead()
    for raw in JUNK_BODIES:
        answer = floor.api.call("POST", floor.path, raw=raw)
        assert answer.status_code in (400, 422), (raw, answer.text)
    assert entries() == []
    claim = floor.claim()
    for raw in JUNK_BODIES:
        answer = floor.api.call("POST", at(claim, "heartbeat"), raw=raw)
        assert answer.status_code in (400, 422), (raw, answer.text)
    for body in JUNK_RESULTS:
        answer = floor.api.post(at(claim, "result"), body)
        assert answer.status_code == 422, (body, answer.text)
        assert answer.json["errors"]
    assert code_of(floor.api.post(at(claim, "result"))) == (415, "unsupported_media_type")
    assert entries() == [(lead.id, "locked")]
    assert (count(CallLog), count(CallEvent)) == (0, 0)
    for query in ("why=maybe", "why=%00", "x=1"):
        assert code_of(floor.api.post(f"{floor.path}?{query}")) == (422, "invalid")
    for campaign in (0, 2**63, 10**40):
        assert code_of(floor.api.post(f"/campaigns/{campaign}/hopper/claim")) == (404, "not_found")
        assert code_of(floor.api.get(f"/campaigns/{campaign}/why")) == (404, "not_found")


@pytest.mark.parametrize("status", ["answered", "no_answer", "failed", "network", "congestion", "dropped", "machine", "invalid_number"])  # fmt: skip
def test_every_call_status_and_disposition_can_be_said(floor: Floor, status: str) -> None:
    for disposition in (None, "contacted", "callback", "sale", "qualified", "not_interested", "dnc", "invalid"):
        floor.lead()
        claim = floor.claim()
        told = {"call_status": status, **({"disposition": disposition} if disposition else {})}
        answer = floor.api.post(at(claim, "result"), told | {"started_at": "2026-06-10T23:00:00Z", "duration": 604_800})
        assert answer.status_code == 200, (told, answer.text)
    check_books(floor.company.id)
