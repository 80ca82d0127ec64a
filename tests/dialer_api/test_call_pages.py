"""/calls, one call, the waiting events and the calls without a result, as people use them."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.api.keys import Api, make_key
from tests.factories import T0, make_call, make_company, make_lead, make_list, make_user, sign_in
from tests.harness.client import Client
from webapp.accounts.models import Company
from webapp.core.audit import AuditEvent
from webapp.dialer import queries
from webapp.dialer.models import CallEvent, CallLog
from webapp.leads.models import Lead


@pytest.fixture
def signed_in(client: Client, company: Company) -> Client:
    return sign_in(client, make_user(company, role="manager"))


def post(client: Client, company: Company, **facts: Any) -> Any:
    event = {"provider": "acme", "event_id": "e-1", "call_id": "c-1", "type": "ended", "call_status": "busy",
             "ended_at": "2026-06-01T14:00:25Z"}  # fmt: skip
    return Api(client, make_key(company)).post("/calls/events", event | facts)


def test_the_log_shows_calls_newest_first_and_only_the_companys(signed_in: Client, company: Company) -> None:
    lead = make_lead(make_list(company), first_name="Ana", last_name="Ruiz")
    make_call(lead, "busy", started_at=T0)
    make_call(
        lead,
        "answered",
        started_at=T0 + timedelta(hours=1),
        disposition="sale",
        disposition_at=T0,
        agent_name="Dana",
        duration=75,
    )
    make_call(make_lead(make_list(make_company()), first_name="Foreign"), "busy")
    page = signed_in.get("/calls").text
    assert page.index("Answered</") < page.index("Busy</", page.index("<tbody>"))
    assert all(text in page for text in ("Ana Ruiz", "Dana", "Sale", "1 min 15 s"))
    assert "Foreign" not in page


def test_an_empty_log_says_how_calls_come_in(signed_in: Client) -> None:
    assert "No calls yet" in signed_in.get("/calls").text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=busy", {"busy"}),
        ("status=busy&status=machine", {"busy", "machine"}),
        ("disposition=sale", {"answered"}),
        ("disposition=none", {"busy", "machine"}),
        ("from=2026-06-02", {"machine"}),
        ("to=2026-06-01", {"busy", "answered"}),
        ("q=(212) 555-7777", {"busy", "answered", "machine"}),
        ("q=212-555-0000", set()),
        ("status=nonsense&from=never&agent=x&after=bad&lead=0", {"busy", "answered", "machine"}),
    ],
)
def test_filters_come_from_the_address(signed_in: Client, company: Company, query: str, found: set[str]) -> None:
    lead = make_lead(make_list(company), phone="+12125557777")
    make_call(lead, "busy", started_at=T0)
    make_call(lead, "answered", started_at=T0 + timedelta(hours=1), disposition="sale", disposition_at=T0)
    make_call(lead, "machine", started_at=T0 + timedelta(days=2))
    answer = signed_in.htmx(f"/calls?{query}")
    rows = answer.text.partition("<tbody>")[2].partition("</tbody>")[0]
    labels = {"busy": "Busy", "answered": "Answered", "machine": "Answering machine"}
    assert {name for name, label in labels.items() if f"{label}</" in rows} == found
    assert "<html" not in answer.text


def test_pages_go_forth_and_back_over_every_call_once(signed_in: Client, company: Company) -> None:
    lead = make_lead(make_list(company))
    for n in range(120):
        make_call(lead, "busy", provider_call_id=f"n-{n}", started_at=T0 + timedelta(seconds=n // 3))
    wanted = queries.CallFilter()
    pages, after = [], None
    while True:
        page = queries.list_calls(company.id, wanted, after=after)
        pages.append([row.id for row in page.rows])
        if page.next is None:
            break
        after = page.next
    ids = [row_id for rows in pages for row_id in rows]
    assert [len(rows) for rows in pages] == [50, 50, 20]
    assert len(set(ids)) == 120
    back = queries.list_calls(company.id, wanted, before=page.previous)
    assert [row.id for row in back.rows] == pages[1]
    assert signed_in.get("/calls").text.count("<tr id=") == 50


def test_a_rare_result_is_found_by_looking_further_back(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "SCAN", 10)
    lead = make_lead(make_list(company))
    for n in range(35):
        make_call(lead, "machine" if n == 2 else "busy", started_at=T0 + timedelta(seconds=n))
    wanted, after, looks = queries.CallFilter(statuses=("machine",)), None, 0
    while True:
        page = queries.list_calls(company.id, wanted, after=after)
        looks += 1
        if page.rows:
            break
        assert page.searched_to is not None
        after = page.next
    assert (looks, page.rows[0].call_status, page.next) == (4, "machine", None)


def test_one_call_shows_its_events_as_received(signed_in: Client, company: Company) -> None:
    lead = make_lead(make_list(company))
    call_id = post(signed_in, company, lead_id=lead.id, extra="<b>loud</b>").json["call_id"]
    post(signed_in, company, lead_id=lead.id)
    page = signed_in.get(f"/calls/{call_id}").text
    assert "came 1 more times" in page
    assert "\\u003cb\\u003eloud" in page
    assert "<b>loud" not in page


def test_another_companys_call_and_event_are_not_found(signed_in: Client, db: SQLAlchemy) -> None:
    other = make_company()
    foreign = make_call(make_lead(make_list(other)), "unknown", needs_review=True)
    post(signed_in, other, phone="+12125550999")
    event_id = db.session.scalar(sa.select(CallEvent.id))
    for method, path in (
        ("GET", f"/calls/{foreign.id}"), ("POST", f"/calls/{foreign.id}/review"), ("GET", f"/calls/quarantine/{event_id}"),
        ("POST", f"/calls/quarantine/{event_id}/replay"), ("POST", f"/calls/quarantine/{event_id}/lead"),
        ("POST", f"/calls/quarantine/{event_id}/dismissal"), ("GET", "/calls/9999999999999999999999"),
    ):  # fmt: skip
        assert (
            signed_in.open(
                path, method=method, data={"lead_id": "1", "reason": "x"} if method == "POST" else None
            ).status_code
            == 404
        )
    assert "Needs a result" in signed_in.get("/calls").text
    assert "Nothing is waiting" in signed_in.get("/calls/quarantine").text


def test_a_waiting_event_is_listed_with_its_reason_and_counted_on_the_tab(signed_in: Client, company: Company) -> None:
    post(signed_in, company, phone="+12125550999")
    page = signed_in.get("/calls/quarantine").text
    assert "Unknown lead" in page
    assert "(1) Waiting events" in page


def test_a_waiting_event_tried_again_finds_a_lead_that_was_added_since(
    signed_in: Client, company: Company, db: SQLAlchemy
) -> None:
    post(signed_in, company, phone="+12125550999")
    event = db.session.scalars(sa.select(CallEvent)).one()
    assert (
        signed_in.post(f"/calls/quarantine/{event.id}/replay")
        .headers["Location"]
        .endswith(f"/calls/quarantine/{event.id}")
    )
    lead = make_lead(make_list(company), phone="+12125550999")
    answer = signed_in.post(f"/calls/quarantine/{event.id}/replay")
    db.session.refresh(event)
    db.session.refresh(lead)
    assert answer.headers["Location"] == f"/calls/{event.call_log_id}"
    assert (event.outcome, event.lead_id, lead.status, lead.dial_attempts) == ("applied", lead.id, "busy", 1)
    assert event.settled_at is not None


def test_all_waiting_events_are_tried_at_once(signed_in: Client, company: Company, db: SQLAlchemy) -> None:
    for n in range(3):
        post(signed_in, company, event_id=f"e-{n}", call_id=f"c-{n}", phone=f"+1212555099{n}")
    lead = make_lead(make_list(company), phone="+12125550991")
    assert signed_in.post("/calls/quarantine/replay").status_code == 303
    left = db.session.scalars(
        sa.select(CallEvent.event_id).where(CallEvent.settled_at.is_(None), CallEvent.outcome == "quarantined")
    ).all()
    assert sorted(left) == ["e-0", "e-2"]
    db.session.refresh(lead)
    assert lead.status == "busy"


def test_an_event_is_assigned_to_a_lead_with_all_that_waits_for_its_call(
    signed_in: Client, company: Company, db: SQLAlchemy
) -> None:
    post(
        signed_in,
        company,
        event_id="e-1",
        type="dialing",
        call_status=None,
        ended_at=None,
        occurred_at="2026-06-01T14:00:00Z",
    )
    post(signed_in, company, event_id="e-2")
    event = db.session.scalars(sa.select(CallEvent).order_by(CallEvent.id)).first()
    lead = make_lead(make_list(company))
    foreign = make_lead(make_list(make_company()))
    for wrong in (str(foreign.id), "0", "x", ""):
        assert signed_in.post(f"/calls/quarantine/{event.id}/lead", data={"lead_id": wrong}).status_code == 422
    assert signed_in.post(f"/calls/quarantine/{event.id}/lead", data={"lead_id": str(lead.id)}).status_code == 303
    call = db.session.scalars(sa.select(CallLog)).one()
    assert (call.lead_id, call.call_status) == (lead.id, "busy")
    assert set(db.session.scalars(sa.select(CallEvent.call_log_id))) == {call.id}
    assert db.session.scalar(sa.select(AuditEvent.kind).order_by(AuditEvent.id.desc())) == "event_assigned"


def test_a_dismissed_event_leaves_the_list_with_a_reason_on_record(
    signed_in: Client, company: Company, db: SQLAlchemy
) -> None:
    post(signed_in, company, phone="+12125550999")
    event = db.session.scalars(sa.select(CallEvent)).one()
    assert signed_in.post(f"/calls/quarantine/{event.id}/dismissal", data={"reason": " "}).status_code == 422
    signed_in.post(f"/calls/quarantine/{event.id}/dismissal", data={"reason": "A test call"})
    assert "Nothing is waiting" in signed_in.get("/calls/quarantine").text
    assert "Dismissed" in signed_in.get(f"/calls/quarantine/{event.id}").text
    audit = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.kind == "event_dismissed")).one()
    assert audit.details["reason"] == "A test call"
    make_lead(make_list(company), phone="+12125550999")
    signed_in.post(f"/calls/quarantine/{event.id}/replay")
    db.session.refresh(event)
    assert event.call_log_id is None


def test_a_call_closed_as_unknown_is_reviewed_once(signed_in: Client, company: Company, db: SQLAlchemy) -> None:
    call = make_call(make_lead(make_list(company)), "unknown", needs_review=True)
    assert "(1) Needs a result" in signed_in.get("/calls/review").text
    for _ in range(2):
        signed_in.post(f"/calls/{call.id}/review")
    db.session.refresh(call)
    assert not call.needs_review
    assert "Nothing needs a result" in signed_in.get("/calls/review").text
    assert len(db.session.scalars(sa.select(AuditEvent).where(AuditEvent.kind == "call_reviewed")).all()) == 1


def test_a_rep_does_not_try_all_waiting_events(client: Client, company: Company) -> None:
    sign_in(client, make_user(company, role="rep"))
    assert client.post("/calls/quarantine/replay").status_code == 403


def test_a_stranger_is_sent_to_sign_in(client: Client) -> None:
    for path in ("/calls", "/calls/1", "/calls/quarantine", "/calls/review", "/dnc", "/dnc/new"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/login")


def test_a_lead_is_counted_right_after_its_events_came_out_of_quarantine(
    signed_in: Client, company: Company, db: SQLAlchemy
) -> None:
    for n in range(2):
        post(signed_in, company, event_id=f"e-{n}", call_id=f"c-{n}", phone="+12125550999")
    lead = make_lead(make_list(company), phone="+12125550999")
    signed_in.post("/calls/quarantine/replay")
    db.session.refresh(lead)
    assert (lead.dial_attempts, lead.call_count, lead.problem) == (2, 2, None)
    assert db.session.get(Lead, lead.id).status == "busy"
