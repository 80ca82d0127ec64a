"""A dialer's call log: the same calls as if the dialer had reported them, however often the file comes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_lead, make_list
from tests.harness.client import Client
from tests.imports.support import bring, check, columns_of, confirm, error_rows, newest, outcomes, signed_in, text_of
from webapp.core.db import db
from webapp.dialer.models import CallEvent, CallLog
from webapp.imports.call_rules import CallPlan, find_order, parse_call, parse_duration, parse_result, parse_time
from webapp.imports.cells import Refused
from webapp.leads.models import Lead
from webapp.timeline.models import DncEntry

LOG = (
    "uniqueid,call_date,phone_number_dialed,status,length_in_sec,full_name,comments\n"
    "c1,06/01/2026 09:00:00,2125550101,NA,20,,\n"
    "c2,06/01/2026 09:30:00,2125550101,SALE,180,Ana Ruiz,two seats\n"
    "c3,06/01/2026 10:00:00,2125550102,ADC,4,,\n"
    "c4,06/01/2026 10:05:00,2125550199,NA,20,,\n"
    "c5,13/45/2026 10:05:00,2125550101,NA,20,,\n"
    "c6,06/01/2026 10:10:00,2125550101,QXZ,20,,\n"
    "c1,06/01/2026 09:00:00,2125550101,NA,20,,\n"
    "c7,06/01/2026 11:00:00,2125550103,DNC,33,,never again\n"
)
TIMES = {"zone": "America/New_York", "order": "mdy"}


@pytest.fixture
def three(client: Client) -> list[Lead]:
    user = signed_in(client)
    target = make_list(user.company)
    return [make_lead(target, phone=f"+1212555010{n}") for n in (1, 2, 3)]


def run(client: Client, worker: Any) -> Any:
    row = check(client, worker, bring(client, worker, LOG, "log.csv", kind="calls"), **TIMES)
    return confirm(client, worker, row)


def test_each_row_is_foreseen_and_then_taken(client: Client, worker: Any, three: list[Lead]) -> None:
    row = bring(client, worker, LOG, "log.csv", kind="calls")
    assert set(row.columns.values()) >= {"call_id", "started_at", "phone", "call_status", "duration", "agent", "notes"}
    page = text_of(client.get(f"/imports/{row.id}").text)
    assert "09:00 EDT" in page
    row = check(client, worker, row, **TIMES)
    assert row.checked["counts"] == {"new": 4, "duplicate": 1, "quarantined": 1, "invalid": 2}
    assert client.get(f"/imports/{row.id}").status_code == 200
    assert db.session.scalar(sa.select(sa.func.count(CallLog.id))) == 0
    row = confirm(client, worker, row)
    assert row.result["counts"] == {"applied": 4, "duplicate": 1, "quarantined": 1, "invalid": 2}
    assert (row.stage, sum(row.result["counts"].values()), row.total) == ("imported", 8, 8)
    assert outcomes(row)[6] == ("invalid", "started: 13/45/2026 10:05:00 is not a date and time")
    db.session.expire_all()
    assert [lead.status for lead in three] == ["sale", "invalid", "dnc"]
    assert [lead.dial_attempts for lead in three] == [2, 1, 1]
    sale = db.session.scalars(sa.select(CallLog).where(CallLog.provider_call_id == "c2")).one()
    assert (sale.provider, sale.agent_name, sale.notes, sale.duration) == ("import", "Ana Ruiz", "two seats", 180)
    assert (sale.started_at, sale.import_id) == (datetime(2026, 6, 1, 13, 30, tzinfo=UTC), row.id)
    assert db.session.scalar(sa.select(sa.func.count(DncEntry.id))) == 1
    assert len(error_rows(client, row)) == 1 + 3
    assert client.get(f"/imports/{row.id}").status_code == 200


def test_the_same_log_again_changes_nothing(client: Client, worker: Any, three: list[Lead]) -> None:
    run(client, worker)
    before = [(c.id, c.started_at, c.disposition) for c in db.session.scalars(sa.select(CallLog).order_by(CallLog.id))]
    again = run(client, worker)
    assert again.result["counts"] == {"duplicate": 6, "invalid": 2}
    db.session.expire_all()
    assert [
        (c.id, c.started_at, c.disposition) for c in db.session.scalars(sa.select(CallLog).order_by(CallLog.id))
    ] == before
    assert [lead.dial_attempts for lead in three] == [2, 1, 1]
    assert db.session.scalar(sa.select(sa.func.count(CallEvent.id))) == 5


def test_a_corrected_row_adds_what_it_knows_to_the_same_call(client: Client, worker: Any, three: list[Lead]) -> None:
    run(client, worker)
    head, first = LOG.splitlines()[:2]
    fixed = f"{head},disposition\n{first},CALLBK\n"
    row = confirm(client, worker, check(client, worker, bring(client, worker, fixed, "log.csv", kind="calls"), **TIMES))
    assert row.result["counts"] == {"applied": 1}
    assert db.session.scalar(sa.select(sa.func.count(CallLog.id))) == 4


def test_a_mapping_without_times_or_results_is_refused(client: Client, worker: Any, three: list[Lead]) -> None:
    row = bring(client, worker, LOG, "log.csv", kind="calls")
    answer = client.post(f"/imports/{row.id}/mapping", data={"column-2": "phone", **TIMES})
    assert answer.status_code == 422
    assert "when the call started" in answer.text
    answer = client.post(f"/imports/{row.id}/mapping", data={**columns_of(row), "zone": "Mars/Base", "order": "mdy"})
    assert answer.status_code == 422
    assert newest().stage == "uploaded"


def test_a_call_log_cannot_be_undone(client: Client, worker: Any, three: list[Lead]) -> None:
    row = run(client, worker)
    assert "Undo import" not in client.get(f"/imports/{row.id}").text
    client.post(f"/imports/{row.id}/undo")
    assert worker() == []


def test_the_sample_log_fits_the_sample_leads(client: Client, worker: Any) -> None:
    from tests.imports.support import import_all
    from webapp.config import ROOT

    signed_in(client)
    import_all(client, worker, (ROOT / "static/samples/leads.csv").read_bytes())
    row = bring(client, worker, (ROOT / "static/samples/calls.csv").read_bytes(), "calls.csv", kind="calls")
    row = confirm(client, worker, check(client, worker, row, **TIMES))
    assert sum(row.result["counts"].values()) == 145
    assert row.result["counts"]["invalid"] == 3
    assert row.result["counts"]["duplicate"] >= 1
    assert row.result["counts"]["quarantined"] >= 1


PLAN = CallPlan(
    ((0, "Start", "started_at"), (1, "Phone", "phone"), (2, "Status", "call_status")), "US", "America/New_York", "mdy"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-09 09:00:00", "2026-03-09T13:00:00+00:00"),
        ("2026-03-06 09:00", "2026-03-06T14:00:00+00:00"),
        ("2026-06-01T14:00:00Z", "2026-06-01T14:00:00+00:00"),
        ("2026-06-01T14:00:00+02:00", "2026-06-01T12:00:00+00:00"),
        ("6/1/2026 2:05 PM", "2026-06-01T18:05:00+00:00"),
        ("6/1/26 12:05:07 AM", "2026-06-01T04:05:07+00:00"),
        ("1780315200", "2026-06-01T12:00:00+00:00"),
        ("2026-11-01 01:30:00", "2026-11-01T05:30:00+00:00"),  # comes twice; the first
    ],
)
def test_times_are_read_in_their_zone(text: str, expected: str) -> None:
    assert parse_time(text, PLAN, "started").isoformat() == expected


@pytest.mark.parametrize(
    "text",
    ["", "soon", "1969-12-31 10:00", "2100-01-02 10:00", "0000-01-01", "10000-01-01", "31/12/2026 10:00", "9" * 400],
)
def test_times_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse_time(text, PLAN, "started")


def test_the_order_of_day_and_month_is_found_where_the_dates_show_it() -> None:
    assert find_order(["01/02/2026 10:00", "13/02/2026 10:00"], "US") == ("dmy", True)
    assert find_order(["01/02/2026 10:00", "02/13/2026 10:00"], "GB") == ("mdy", True)
    assert find_order(["01/02/2026"], "US") == ("mdy", False)
    assert find_order(["01/02/2026"], "DE") == ("dmy", False)


@pytest.mark.parametrize(
    ("status", "disposition", "expected"),
    [
        ("NA", "", ("no_answer", None)), ("N", "", ("no_answer", None)), ("AB", "", ("busy", None)), ("B", "", ("busy", None)),
        ("ADCT", "", ("invalid_number", None)), ("ADC", "", ("invalid_number", None)), ("DC", "", ("invalid_number", None)),
        ("DROP", "", ("dropped", None)), ("PDROP", "", ("dropped", None)), ("SALE", "", ("answered", "sale")),
        ("NI", "", ("answered", "not_interested")), ("DNC", "", ("answered", "dnc")), ("CALLBK", "", ("answered", "callback")),
        ("A", "", ("machine", None)), ("Answered", "Not interested", ("answered", "not_interested")),
        ("answered", "Sale", ("answered", "sale")), ("", "Busy", ("busy", None)), ("No answer", "", ("no_answer", None)),
    ],
)  # fmt: skip
def test_codes_of_dialers_are_known(status: str, disposition: str, expected: tuple[str, str | None]) -> None:
    assert parse_result(status, disposition)[:2] == expected


def test_an_agents_own_word_is_kept_as_a_note() -> None:
    assert parse_result("ANSWER", "Left brochure") == ("answered", None, "Disposition: Left brochure")


def test_durations_and_rows_that_make_no_sense_are_refused() -> None:
    assert [parse_duration(text) for text in ("75", "1:15", "0:01:15", "75.9", "75 sec", "")] == [
        75,
        75,
        75,
        75,
        75,
        None,
    ]
    for text in ("-5", "long", "9999999"):
        with pytest.raises(Refused):
            parse_duration(text)
    assert parse_call(2, ["2026-06-01 10:00", "", "NA"], PLAN).reason == "names no lead: neither lead id nor phone"
    assert parse_call(2, ["", "2125550101", "NA"], PLAN).reason == "has no start time"
    assert parse_call(2, ["2026-06-01 10:00", "2125550101", ""], PLAN).reason == "has no call status"
