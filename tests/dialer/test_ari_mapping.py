"""What one message of an Asterisk means: which call, which number, which result."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
import sqlalchemy as sa

from tests.dialer.ari_messages import Message, ari, destroyed, dial, whole_call
from tests.factories import make_campaign, make_company, make_lead, make_list
from webapp.accounts.models import Company
from webapp.core.db import db as database
from webapp.dialer.ari import CAUSES, DIAL_STATUS, Channels, Malformed
from webapp.dialer.ari_listener import AriServer, delays
from webapp.dialer.events import CallEventIn, parse_event
from webapp.dialer.models import CallLog
from webapp.dialer.results import CALL
from webapp.dialer.service import record_events
from webapp.leads.models import Lead


@pytest.fixture
def lead(db: Any) -> Lead:
    return make_lead(make_list(make_company()))


def read(*messages: Message) -> list[Message]:
    channels = Channels("hq")
    events = [event for message in messages if (event := channels.read(message)) is not None]
    for event in events:
        parse_event(event)
    return events


def test_every_hangup_cause_has_a_status_that_events_take() -> None:
    assert list(CAUSES) == list(range(128))
    allowed = set(CALL.names) - {"unknown", "dialing", "ringing"}
    assert {*CAUSES.values(), *DIAL_STATUS.values()} <= allowed
    for cause in CAUSES:
        (event,) = read(destroyed(9, "Ringing", cause, connected="+12125550100"))
        assert event["call_status"] == CAUSES[cause]
        assert CallEventIn.model_validate(event).call_status == CAUSES[cause]


@pytest.mark.parametrize("cause", [None, True, "17", 17.0, -1, 128, 10**30])
def test_a_cause_that_is_none_is_a_failure_with_its_reason(cause: object) -> None:
    (event,) = read({**destroyed(9, "Down", 0, connected="+12125550100"), "cause": cause})
    assert (event["call_status"], event["notes"]) == ("failed", "Asterisk: no reason given (cause 0)")


@pytest.mark.parametrize("cause", [16, 0, 31, 38, 127])
def test_an_answered_call_stays_answered_whatever_ended_it(cause: int) -> None:
    event = read(ari("ChannelStateChange", 5, "Up", connected="+12125550100"), destroyed(65, "Up", cause))[-1]
    assert (event["call_status"], event["duration"]) == ("answered", 60)


@pytest.mark.parametrize(
    ("facts", "phone"),
    [
        ({"connected": "+12125550100"}, "+12125550100"),
        ({"exten": "12125550100"}, "12125550100"),
        ({"connected": "101", "exten": "12125550100"}, "12125550100"),
        ({"name": "SIP/12125550100-0000a1b2"}, "12125550100"),
        ({"name": "PJSIP/+12125550100@trunk-0000a1b2"}, "+12125550100"),
    ],
)
def test_the_dialed_number_is_found_where_asterisk_has_put_it(facts: dict[str, str], phone: str) -> None:
    (event,) = read(ari("ChannelCreated", 0, "Down", **facts))
    assert (event["type"], event["phone"]) == ("dialing", phone)


@pytest.mark.parametrize(
    ("dialstring", "phone"),
    [
        ("12125550100@trunk", "12125550100"),
        ("PJSIP/12125550100@trunk", "12125550100"),
        ("trunk/sip:+12125550100@10.0.0.1:5060", "+12125550100"),
        ("g1/12125550100", "12125550100"),
        ("18005550000/12125550100", "12125550100"),
        ("101", None),
        ("trunk/sip:localhost:5061", None),
        ("trunk/sip:192.168.100.200", None),
    ],
)
def test_the_dial_string_tells_the_number_or_an_extension(dialstring: str, phone: str | None) -> None:
    events = read(ari("ChannelCreated", 0, "Down"), dial(0, "", dialstring=dialstring, connected="+18005550000"))
    assert [event["phone"] for event in events] == ([phone] if phone else [])


def test_legs_inside_the_house_are_no_calls() -> None:
    inside = [
        ari("ChannelCreated", 0, "Ring", name="PJSIP/101-00000001", exten="12125550100"),
        ari("ChannelStateChange", 1, "Up", name="PJSIP/101-00000001", exten="12125550100"),
        destroyed(9, "Up", 16, name="PJSIP/101-00000001", exten="12125550100"),
        ari("ChannelCreated", 0, "Down", call="l", name="Local/12125550100@out-00000001;1", exten="12125550100"),
        ari("ChannelCreated", 0, "Down", call="x", name="PJSIP/102-00000002"),
        dial(0, "", call="x", name="PJSIP/102-00000002", dialstring="102", connected="+12125550100"),
        destroyed(9, "Down", 16, call="x", name="PJSIP/102-00000002", connected="+12125550100"),
    ]
    assert read(*inside) == []


def test_the_dialplan_names_lead_campaign_and_agent(lead: Lead) -> None:
    campaign = make_campaign(database.session.get_one(Company, lead.company_id))
    variables = {"REBOUND_LEAD": str(lead.id), "REBOUND_CAMPAIGN": str(campaign.id), "REBOUND_AGENT": "Ann"}
    (event,) = read(destroyed(9, "Ringing", 17, variables=variables))
    assert (event["lead_id"], event["campaign_id"], event["agent"]) == (lead.id, campaign.id, "Ann")
    assert record_events(lead.company_id, [parse_event(event)], source="ari")[0].outcome == "applied"
    assert database.session.scalars(sa.select(CallLog.agent_name)).all() == ["Ann"]


@pytest.mark.parametrize("value", ["", "0", "-4", "4.5", "٤", "x", "9" * 30])
def test_a_lead_that_is_no_number_is_not_named(value: str) -> None:
    (event,) = read(destroyed(9, "Ringing", 17, connected="+12125550100", variables={"REBOUND_LEAD": value}))
    assert "lead_id" not in event


def test_the_same_message_has_the_same_id_and_another_has_another() -> None:
    messages = whole_call("12125550100", call="c" * 190)
    once, twice = read(*messages), [event for message in messages for event in read(*messages[:1], message)]
    ids = {event["event_id"] for event in once}
    assert len(ids) == len(once) == 5
    assert max(map(len, ids)) <= 200
    assert ids >= {event["event_id"] for event in twice if event["type"] == "answered"}


@pytest.mark.parametrize("message", [None, 5, {}, {"type": "Dial"}, {"type": "ChannelCreated", "channel": {"id": "1"}}])
def test_a_message_without_its_parts_is_malformed(message: object) -> None:
    with pytest.raises(Malformed):
        Channels("hq").read(message)


def test_waits_grow_from_one_second_to_thirty_with_jitter() -> None:
    runs = [list(islice(delays(), 12)) for _ in range(50)]
    assert all(1 <= wait <= 30 for run in runs for wait in run)
    assert all(run[0] <= 2 and run[-1] >= 15 for run in runs)
    assert len({run[-1] for run in runs}) > 1


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("http://127.0.0.1:8088", "ws://127.0.0.1:8088/ari/events?"),
        ("https://pbx.example.com/asterisk/", "wss://pbx.example.com/asterisk/ari/events?"),
        ("wss://pbx.example.com/ari", "wss://pbx.example.com/ari/events?"),
    ],
)
def test_the_address_of_the_events_follows_from_asterisks(url: str, start: str) -> None:
    server = AriServer(url, "u", "geheim")
    assert server.events_url.startswith(start)
    assert "geheim" not in repr(server)
