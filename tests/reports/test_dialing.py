"""Dialing in numbers: a slow count over any calls gives the same, and so do page, files and API."""

from __future__ import annotations

import csv
import io
import re
import statistics
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.keys import Api, make_key
from tests.factories import make_call, make_campaign, make_company, make_lead, make_list, make_user, sign_in
from webapp.core.db import db as database
from webapp.dialer.models import CallLog
from webapp.dialer.results import CALL, DISPOSITIONS, is_human
from webapp.reports.dialing import DialingFilter, Dials, get_dialing, get_penetration, read_filter
from webapp.reports.models import Export
from webapp.reports.status import get_status_report

JUNE = DialingFilter(date(2026, 6, 1), date(2026, 6, 30))
QUERY = "from_date=2026-06-01&to_date=2026-06-30"
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)


@pytest.fixture
def place(db: Any) -> Any:
    """Ten dials in June in UTC: four contacts, 600 seconds of talk, two sales; dials on the 1st and 20th of May."""

    class Place:
        company = make_company("Northside", zone="UTC")
        campaign = make_campaign(company, name="Autumn calls", lifetime_dials=3)
        list = make_list(company, dial_campaign_id=campaign.id)
        lead = make_lead(list, dial_attempts=8)
        ana = make_user(company, "rep", name="Ana Agent")

    made = Place()
    for n, (status, facts) in enumerate([
        ("answered", {"duration": 300, "disposition": "sale"}), ("answered", {"duration": 200, "disposition": "callback"}),
        ("answered", {"duration": 100}), ("no_answer", {"disposition": "sale"}), ("no_answer", {}), ("no_answer", {}),
        ("busy", {"duration": 7}), ("machine", {"duration": 20}), ("failed", {}), ("invalid_number", {"disposition": "invalid"}),
    ]):  # fmt: skip
        given: dict[str, Any] = {"agent_id": made.ana.id} if n < 6 else {"agent_name": "Dialer Seat 4"} if n < 9 else {}
        if n < 8:
            given["campaign_id"] = made.campaign.id
        make_call(made.lead, status, started_at=NOON + timedelta(hours=n % 3, days=n), **given, **facts)
    for day in (1, 20):
        make_call(made.lead, "answered", started_at=datetime(2026, 5, day, 9, tzinfo=UTC), duration=50)
    return made


def numbers(row: Dials) -> tuple[int, ...]:
    return row.dials, row.contacts, row.talk, row.sales, row.callbacks, row.qualified


def test_dials_contacts_talk_and_results_are_counted(place: Any) -> None:
    report = get_dialing(place.company.id, JUNE)
    assert numbers(report.total) == (10, 4, 600, 2, 1, 0)
    assert (report.total.share, report.total.mean_talk) == (0.4, 200.0)
    assert {row.label: row.dials for row in report.statuses} == {
        "Answered": 3, "No answer": 3, "Busy": 1, "Failed": 1, "Answering machine": 1, "Invalid number": 1,
    }  # fmt: skip
    assert {row.label: row.dials for row in report.dispositions} == {
        "Callback Scheduled": 1,
        "Sale": 2,
        "Invalid": 1,
        "No disposition": 6,
    }


def test_agents_are_known_by_their_account_by_a_name_or_not_at_all(place: Any) -> None:
    report = get_dialing(place.company.id, JUNE)
    assert [(row.key, row.label, row.dials) for row in report.agents] == [
        (place.ana.id, "Ana Agent", 6), (None, "Dialer Seat 4", 3), (None, "No agent named", 1),
    ]  # fmt: skip
    assert [(row.key, row.label, row.dials) for row in report.campaigns] == [
        (place.campaign.id, "Autumn calls", 8),
        (None, "No campaign", 2),
    ]


def test_the_period_before_is_of_the_same_length(place: Any) -> None:
    report = get_dialing(place.company.id, JUNE)
    assert numbers(report.previous) == (1, 1, 50, 0, 0, 0)
    assert get_dialing(place.company.id, DialingFilter(date(2026, 5, 21), date(2026, 5, 31))).previous.dials == 1


def test_campaign_and_agent_narrow_every_number(place: Any) -> None:
    by_agent = get_dialing(place.company.id, DialingFilter(JUNE.from_date, JUNE.to_date, None, place.ana.id))
    assert (by_agent.total.dials, by_agent.agent, len(by_agent.agents)) == (6, "Ana Agent", 1)
    both = get_dialing(place.company.id, DialingFilter(JUNE.from_date, JUNE.to_date, place.campaign.id, place.ana.id))
    assert (both.total.dials, both.campaign, sum(map(sum, both.grid))) == (6, "Autumn calls", 6)
    assert [row.label for row in both.campaigns] == ["Autumn calls"]


def test_page_csv_pdf_and_api_say_the_same(client: Any, place: Any, worker: Any) -> None:
    sign_in(client, make_user(place.company, "rep"))
    query = f"{QUERY}&campaign_id={place.campaign.id}"
    page = client.get(f"/analytics/dialing?{query}").text
    for words in ("50.0 %", "10 min 00 s", "3 min 20 s", "Ana Agent", "Dialer Seat 4", "Final, gross"):
        assert words in page, words
    answer = Api(client, make_key(place.company)).get(f"/analytics/dialing?{query}").json
    assert {name: answer[name] for name in ("dials", "contacts", "contact_rate", "talk_seconds", "mean_talk_seconds", "sales")} == {
        "dials": 8, "contacts": 4, "contact_rate": 0.5, "talk_seconds": 600, "mean_talk_seconds": 200.0, "sales": 2,
    }  # fmt: skip
    assert answer["by_status"] == {"answered": 3, "no_answer": 3, "busy": 1, "machine": 1}
    assert answer["previous"]["from_date"] == "2026-05-02"
    assert answer["penetration"]["attempted"]["share"] == 1.0
    for format in ("csv", "pdf"):
        client.post("/analytics/dialing/files", data={**dict(p.split("=") for p in query.split("&")), "format": format})
    worker()
    exports = list(database.session.scalars(sa.select(Export)))
    files = {row.format: client.get(f"/exports/{row.id}/download").data for row in exports}
    rows = list(csv.DictReader(io.StringIO(files["csv"].decode("utf-8-sig"))))
    total = next(row for row in rows if row["section"] == "total")
    assert (total["dials"], total["contacts"], float(total["contact_rate_percent"]), total["talk_seconds"]) == (
        "8",
        "4",
        50.0,
        "600",
    )
    assert {row["key"]: int(row["dials"]) for row in rows if row["section"] == "status"} == answer["by_status"]
    assert sum(int(row["dials"]) for row in rows if row["section"] == "weekday_hour") == 8
    assert {row["key"]: row["share_percent"] for row in rows if row["section"] == "penetration"}["attempted"] == "100"
    text = "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(files["pdf"]))
    for words in ("50.0 %", "3 min 20 s", "Ana Agent", "Dialer Seat 4", "Autumn calls", "Final, gross"):
        assert words in text, words
    for export in exports:
        assert f"campaign_id={place.campaign.id}" in unescape(client.get(f"/exports/{export.id}").text)


def test_each_number_opens_exactly_its_calls_where_the_call_log_can_filter(client: Any, place: Any) -> None:
    sign_in(client, make_user(place.company, "rep"))
    page = client.get(f"/analytics/dialing?{QUERY}").text
    links = [(unescape(href), int(n)) for href, n in re.findall(r'<a href="(/calls\?[^"]+)">(\d+)</a>', page)]
    assert len(links) > 10
    for href, dials in links:
        assert len(set(re.findall(r'href="/calls/(\d+)"', client.get(href).text))) == dials, href


@pytest.mark.parametrize("reader", ["one campaign", "another zone"])
def test_no_link_is_given_that_would_open_other_calls(client: Any, place: Any, reader: str) -> None:
    zone = "Asia/Tokyo" if reader == "another zone" else None
    sign_in(client, make_user(place.company, "rep", zone=zone))
    query = QUERY + (f"&campaign_id={place.campaign.id}" if zone is None else "")
    page = client.get(f"/analytics/dialing?{query}").text
    assert "Ana Agent" in page
    assert "/calls?" not in page


def test_penetration_is_what_the_status_reports_of_the_campaigns_lists_add_up_to(place: Any) -> None:
    company, campaign = place.company, place.campaign
    second = make_list(company, dial_campaign_id=campaign.id)
    for n, status in enumerate(("new", "no_answer", "busy", "sale", "dnc", "invalid", "callback")):
        make_lead(second, status=status, dial_attempts=n, pass_dials=n)
    make_lead(make_list(company), dial_attempts=1)
    make_lead(make_list(company, dial_campaign_id=campaign.id, archived_at=NOON), dial_attempts=1)
    lists, ratios = get_penetration(company.id, campaign.id)
    reports = [get_status_report(company.id, found.id) for found in (place.list, second)]
    assert lists == 2
    assert [ratio.key for ratio in ratios] == ["attempted", "final_gross", "final_net"]
    for ratio in ratios:
        parts = [report.ratio(ratio.key) for report in reports]
        assert (ratio.part, ratio.whole) == (sum(p.part for p in parts), sum(p.whole for p in parts)), ratio.key
        assert (ratio.label, ratio.formula) == (parts[0].label, parts[0].formula)


def test_the_formulas_are_on_the_page_and_a_campaign_without_a_list_says_so(client: Any, place: Any) -> None:
    sign_in(client, make_user(place.company, "rep"))
    page = client.get(f"/analytics/dialing?{QUERY}&campaign_id={place.campaign.id}").text
    assert "leads dialed at least once ÷ all leads" in page
    idle = make_campaign(place.company)
    assert "This campaign dials no list" in client.get(f"/analytics/dialing?campaign_id={idle.id}").text
    assert "Penetration" not in client.get("/analytics/dialing").text


def test_another_companys_calls_agents_and_campaigns_are_not_there(client: Any, place: Any) -> None:
    other = make_company(zone="UTC")
    sign_in(client, make_user(other, "rep"))
    for extra in ("", f"&user_id={place.ana.id}", f"&campaign_id={place.campaign.id}"):
        page = client.get(f"/analytics/dialing?{QUERY}{extra}").text
        assert "No dials in this period" in page
        for secret in ("Ana Agent", "Autumn calls", "Dialer Seat 4", "Penetration"):
            assert secret not in page
        assert Api(client, make_key(other)).get(f"/analytics/dialing?{QUERY}{extra}").json["dials"] == 0
    assert get_penetration(other.id, place.campaign.id)[0] == 0


def test_rates_of_nothing_are_a_dash_and_an_empty_company_is_told_what_to_do(client: Any, db: Any) -> None:
    company = make_company()
    sign_in(client, make_user(company, "rep"))
    page = client.get("/analytics/dialing").text
    assert "No dials in this period" in page
    assert '<p class="stat-value">–</p>' in page
    answer = Api(client, make_key(company)).get("/analytics/dialing").json
    assert (answer["contact_rate"], answer["mean_talk_seconds"], answer["penetration"]) == (None, None, None)


def test_a_filter_changes_the_numbers_and_the_files_one_would_ask_for(client: Any, place: Any) -> None:
    sign_in(client, make_user(place.company, "rep"))
    part = client.get(f"/analytics/dialing?{QUERY}&user_id={place.ana.id}", headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert 'id="dialing-files" hx-swap-oob' in part
    assert f'name="user_id" value="{place.ana.id}"' in part
    assert (
        "hx-swap-oob"
        not in client.get(f"/analytics/dialing?{QUERY}").text.split('id="dialing"')[0].split("dialing-files")[1]
    )


def test_a_rep_finds_it_beside_outreach_and_only_one_is_marked(client: Any, place: Any) -> None:
    sign_in(client, make_user(place.company, "rep"))
    for here in ("outreach", "dialing"):
        page = client.get(f"/analytics/{here}").text
        marked = re.findall(r'<a[^>]*href="(/analytics/\w+)"[^>]*aria-current="page"', page)
        assert set(marked) == {f"/analytics/{here}"}


@pytest.mark.parametrize(
    "query",
    [
        "from_date=soon&to_date=2026-13-40",
        "from_date=2026-06-30&to_date=2026-06-01",
        "from_date=0001-01-01&to_date=9999-12-31",
        "from_date=1970-01-01&to_date=2100-12-31",
        "campaign_id=x&user_id=-1",
        "campaign_id=99999999999999999999&user_id=9223372036854775807",
        "campaign_id=0&user_id=%00",
        "campaign_id=٣&colour=red",
    ],
)
def test_an_odd_address_shows_a_page_that_says_what_it_left_out(client: Any, place: Any, query: str) -> None:
    sign_in(client, make_user(place.company, "rep"))
    answer = client.get(f"/analytics/dialing?{query}")
    assert answer.status_code == 200
    assert "tone-warn" in answer.text
    assert client.post(f"/analytics/dialing/files?{query}", data={"format": "xlsx"}).status_code == 422


@pytest.mark.parametrize("query", ["from_date=soon", "from_date=2026-06-30&to_date=2026-06-01", "user_id=x", "campaign_id=0", "colour=red"])  # fmt: skip
def test_the_api_refuses_what_the_page_leaves_out(client: Any, place: Any, query: str) -> None:
    assert Api(client, make_key(place.company)).get(f"/analytics/dialing?{query}").status_code == 422


def test_without_days_it_is_the_last_thirty() -> None:
    f, notes = read_filter({}, today=date(2026, 6, 30))
    assert (f, notes) == (JUNE, [])
    assert (f.before().from_date, f.before().to_date) == (date(2026, 5, 2), date(2026, 5, 31))
    whole = replace(f, campaign_id=7, user_id=8)
    assert read_filter(whole.params(), today=date(2030, 1, 1)) == (whole, [])


def test_days_and_hours_are_the_companys_over_a_change_of_clocks(db: Any) -> None:
    """On 1 November 2026 New York has 25 hours; the one from one to two comes twice."""
    company = make_company(zone="America/New_York")
    lead = make_lead(make_list(company))
    for hour, minute in ((3, 59), (4, 0), (5, 30), (6, 30), (28, 59), (29, 0)):
        make_call(lead, started_at=datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour, minutes=minute))
    day = date(2026, 11, 1)
    report = get_dialing(company.id, DialingFilter(day, day))
    assert (report.total.dials, report.previous.dials, len(report.days)) == (4, 1, 1)
    assert [(row.label, row.dials) for row in report.hours if row.dials] == [("00:00", 1), ("01:00", 2), ("23:00", 1)]
    assert sum(report.grid[6]) == 4


ROW = st.tuples(
    st.integers(-200, 900), st.sampled_from(CALL.names), st.none() | st.sampled_from(list(DISPOSITIONS)), st.integers(0, 3),
    st.integers(0, 2), st.none() | st.integers(0, 5_000),
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(ROW, max_size=30),
    zone=st.sampled_from(["America/New_York", "Asia/Kathmandu", "UTC"]),
    which=st.integers(-1, 1),
    who=st.integers(-1, 1),
)
@pytest.mark.usefixtures("db")
def test_any_calls_count_as_a_slow_and_obvious_count_does(rows: list[Any], zone: str, which: int, who: int) -> None:
    """Three weeks of autumn, over the change of clocks."""
    company, other = make_company(zone=zone), make_company(zone=zone)
    users, campaigns = [make_user(company) for _ in range(2)], [make_campaign(company) for _ in range(2)]
    lead, theirs = make_lead(make_list(company)), make_lead(make_list(other))
    f = DialingFilter(
        date(2026, 10, 22),
        date(2026, 11, 12),
        campaigns[which].id if which >= 0 else None,
        users[who].id if who >= 0 else None,
    )
    kept: list[CallLog] = []
    for n, (hours, status, disposition, agent, campaign, seconds) in enumerate(rows):
        at = datetime(2026, 10, 20, tzinfo=UTC) + timedelta(hours=hours)
        facts: dict[str, Any] = {
            "call_status": status,
            "disposition": disposition,
            "duration": seconds,
            "started_at": at,
            "provider": "test",
        }
        row = CallLog(company_id=company.id, lead_id=lead.id, provider_call_id=f"a{n}", agent_id=users[agent].id if agent < 2 else None,
                      agent_name="Seat 4" if agent == 2 else "", campaign_id=campaigns[campaign].id if campaign < 2 else None, **facts)  # fmt: skip
        database.session.add(row)
        database.session.add(CallLog(company_id=other.id, lead_id=theirs.id, provider_call_id=f"b{n}", **facts))
        if (f.from_date <= at.astimezone(ZoneInfo(zone)).date() <= f.to_date
                and f.campaign_id in (None, row.campaign_id) and f.user_id in (None, row.agent_id)):  # fmt: skip
            kept.append(row)
    database.session.commit()
    report = get_dialing(company.id, f)

    def slow(found: list[CallLog]) -> tuple[int, ...]:
        talk = sum(row.duration or 0 for row in found if row.call_status == "answered")
        wins = (sum(row.disposition == name for row in found) for name in ("sale", "callback", "qualified"))
        return len(found), sum(is_human(row.call_status, row.disposition) for row in found), talk, *wins

    def groups(key: Any) -> dict[Any, tuple[int, ...]]:
        return {name: slow([row for row in kept if key(row) == name]) for name in {key(row) for row in kept}}

    def local(row: CallLog) -> datetime:
        return row.started_at.astimezone(ZoneInfo(zone))

    def found(part: tuple[Dials, ...]) -> dict[Any, tuple[int, ...]]:
        return {row.key: numbers(row) for row in part if row.dials}

    times = [row.duration for row in kept if row.call_status == "answered" and row.duration is not None]
    assert numbers(report.total) == slow(kept)
    assert report.total.mean_talk == (pytest.approx(statistics.mean(times)) if times else None)
    assert found(report.statuses) == groups(lambda row: row.call_status)
    assert found(report.dispositions) == groups(lambda row: row.disposition)
    assert found(report.campaigns) == groups(lambda row: row.campaign_id)
    assert found(report.days) == groups(lambda row: local(row).date())
    assert found(report.hours) == groups(lambda row: local(row).hour)
    assert {(row.key, row.label): numbers(row) for row in report.agents} == groups(
        lambda row: (
            row.agent_id,
            {u.id: u.name for u in users}.get(row.agent_id) or row.agent_name or "No agent named",
        )
    )
    assert {(d, h): n for d, line in enumerate(report.grid) for h, n in enumerate(line) if n} == Counter(
        (local(row).weekday(), local(row).hour) for row in kept
    )
    assert sum(row.dials for row in report.working_hours) == len(kept)
