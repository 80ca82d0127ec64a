"""Whatever is posted as an event, the answer is below 500 and every page of calls can still be read."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.keys import Api
from tests.factories import make_lead, make_list
from webapp.accounts.models import Company

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text("\x00\ud800é/", max_size=3)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=8
)
IDS = st.sampled_from(["a", "b", "", " ", "x" * 300]) | st.integers()
TIMES = st.sampled_from(
    ["2026-06-01T14:00:00Z", "2026-06-01T14:00:00", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "2099-01-01T00:00:00Z",
     "1969-12-31T23:59:59Z", "2026-06-01T16:00:00+02:00", 0, -1, 2**63, 1e308, ""]
)  # fmt: skip
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "provider": IDS | SCALARS, "event_id": IDS | SCALARS, "call_id": IDS | SCALARS,
        "lead_id": st.sampled_from([1, 2**63, 2**63 - 1, -1, 0, True, "1"]) | SCALARS,
        "phone": st.sampled_from(["+12125550123", "911", "+" * 59, "212-555-0123;ext=5"]) | SCALARS,
        "type": st.sampled_from(["dialing", "ringing", "answered", "ended", "completed"]) | SCALARS,
        "call_status": st.sampled_from(["answered", "busy", "machine", "unknown"]) | SCALARS,
        "disposition": st.sampled_from(["dnc", "callback", "sale", ""]) | SCALARS,
        "occurred_at": TIMES | SCALARS, "started_at": TIMES | SCALARS, "answered_at": TIMES | SCALARS,
        "ended_at": TIMES | SCALARS, "callback_at": TIMES | SCALARS,
        "duration": st.sampled_from([0, 604_800, -1, 1.5, 2**31]) | SCALARS,
        "recording": SCALARS, "notes": SCALARS, "agent": SCALARS,
        "campaign_id": st.sampled_from([1, 2**63 - 1]) | SCALARS, "anything": ANYTHING,
    },
)  # fmt: skip
LIKELY = st.fixed_dictionaries(
    {
        "provider": st.sampled_from(["p", "q"]), "event_id": st.sampled_from(["1", "2", "3"]),
        "call_id": st.sampled_from(["1", "2"]), "type": st.sampled_from(["dialing", "answered", "ended"]),
        "phone": st.just("+12125550123"),
    },
    optional={
        "call_status": st.sampled_from(["answered", "busy", "machine", "dropped"]),
        "disposition": st.sampled_from(["dnc", "callback", "sale"]),
        "occurred_at": TIMES, "started_at": TIMES, "answered_at": TIMES, "ended_at": TIMES, "callback_at": TIMES,
        "duration": st.integers(0, 604_800), "campaign_id": st.sampled_from([1, 2**62]), "notes": st.text(max_size=20),
        "anything": ANYTHING,
    },
)  # fmt: skip
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=150, deadline=None, suppress_health_check=QUIET)
@given(
    body=EVENT | LIKELY | st.lists(EVENT | LIKELY | ANYTHING, max_size=6) | st.fixed_dictionaries({"events": ANYTHING})
)
def test_no_event_makes_a_500(api: Api, company: Company, body: object) -> None:
    if not getattr(company, "seeded", False):
        make_lead(make_list(company), phone="+12125550123")
        company.seeded = True
    answer = api.call("POST", "/calls/events", raw=json.dumps(body).encode())
    assert answer.status_code < 500, answer.text
    assert api.get("/calls").status_code == 200


@settings(max_examples=100, deadline=None, suppress_health_check=QUIET)
@given(raw=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_make_a_500(api: Api, raw: bytes) -> None:
    assert 400 <= api.call("POST", "/calls/events", raw=raw).status_code < 500


@settings(max_examples=100, deadline=None, suppress_health_check=QUIET)
@given(names=st.dictionaries(
    st.sampled_from(["cursor", "limit", "lead_id", "from", "to", "status", "list_id", "phone", "email", "x"]), st.text(max_size=30), max_size=4,
))  # fmt: skip
def test_no_query_makes_a_500(api: Api, names: dict[str, str]) -> None:
    given_names = {
        name: value.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for name, value in names.items()
    }
    for path in ("/calls", "/leads", "/lists"):
        answer = api.client.get(
            f"/api/v1{path}", query_string=given_names, headers={"Authorization": f"Bearer {api.token}"}
        )
        assert answer.status_code < 500, (path, given_names)
