"""Outreach in numbers: the design's queries, the acceptance scenario, and a slow count, all give the same."""

from __future__ import annotations

import csv
import io
import statistics
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.keys import Api, make_key
from tests.factories import make_call, make_company, make_lead, make_list, make_user, sign_in
from webapp.core.db import db as database
from webapp.reports.models import Export
from webapp.reports.outreach import OutreachFilter, get_outreach, page_of_rows, read_filter, wilson
from webapp.timeline.models import ContactAttempt, GuardNotice
from webapp.timeline.states import METHODS

JUNE = OutreachFilter(date(2026, 6, 1), date(2026, 6, 30))


def contact(lead: Any, at: datetime, user: Any = None, hours: float | None = None, **facts: Any) -> ContactAttempt:
    given: dict[str, Any] = {"method": "email", "direction": "outbound"} | facts
    row = ContactAttempt(
        company_id=lead.company_id, lead_id=lead.id, user_id=user.id if user else None, user_name=user.name if user else "",
        occurred_at=at, created_at=at, responded=hours is not None, response_at=at + timedelta(hours=hours) if hours is not None else None,
        **given,
    )  # fmt: skip
    database.session.add(row)
    return row


@pytest.fixture
def place(db: Any) -> Any:
    """S10: 20 emails of which 7 were answered, 5 inbound, 3 that failed, in a company nine hours ahead of UTC."""

    class Place:
        company = make_company("Tokyo", zone="Asia/Tokyo")
        list = make_list(company)
        lead = make_lead(list)
        ana = make_user(company, "rep", name="Ana")
        gone = make_user(company, "rep", name="Gone Rep", deactivated_at=datetime(2026, 7, 1, tzinfo=UTC))

    made = Place()
    tokyo = ZoneInfo("Asia/Tokyo")
    first = datetime(2026, 6, 1, 0, 30, tzinfo=tokyo).astimezone(UTC)
    for n in range(20):
        user = made.ana if n < 11 else made.gone
        contact(made.lead, first + timedelta(days=n), user, hours=2.5 + n if n < 7 else None)
    for n in range(5):
        contact(made.lead, first + timedelta(days=n), made.ana, direction="inbound")
    for n in range(3):
        contact(made.lead, first + timedelta(days=n), made.ana, state="failed")
    hidden = contact(made.lead, first, made.ana)
    hidden.hidden_at = first
    contact(made.lead, first, made.ana, state="reserved", scheduled_for=first + timedelta(days=1))
    database.session.commit()
    return made


def test_s10_counts_what_went_out_on_the_companys_days(place: Any) -> None:
    report = get_outreach(place.company.id, JUNE)
    assert (report.total.attempts, report.total.responses, report.total.percent) == (20, 7, 35.0)
    assert (report.days[0].key, report.days[0].attempts) == (date(2026, 6, 1), 1)
    assert report.total.mean_hours == pytest.approx(5.5)
    assert report.total.median_hours == pytest.approx(5.5)
    assert [(row.label, row.attempts, row.ranked) for row in report.reps] == [("Ana", 11, True), ("Gone Rep", 9, False)]
    assert report.hours[0][0] > 0
    assert sum(map(sum, report.hours)) == 20


def test_s10_page_csv_pdf_and_api_say_the_same(client: Any, place: Any, worker: Any) -> None:
    user = make_user(place.company, "rep")
    sign_in(client, user)
    query = "from_date=2026-06-01&to_date=2026-06-30"
    page = client.get(f"/analytics/outreach?{query}").text
    assert "35.0 %" in page
    assert "too few" in page
    assert "Gone Rep" in page
    answer = Api(client, make_key(place.company)).get(f"/analytics/outreach?{query}").json
    assert {name: answer[name] for name in ("total_attempts", "by_method", "response_rate", "avg_response_time_hours")} == {
        "total_attempts": 20, "by_method": {"email": 20}, "response_rate": 0.35, "avg_response_time_hours": 5.5,
    }  # fmt: skip
    for format in ("csv", "pdf"):
        client.post(
            "/analytics/outreach/files", data={"from_date": "2026-06-01", "to_date": "2026-06-30", "format": format}
        )
    worker()
    files = {
        row.format: client.get(f"/exports/{row.id}/download").data
        for row in database.session.scalars(sa.select(Export))
    }
    rows = list(csv.DictReader(io.StringIO(files["csv"].decode("utf-8-sig"))))
    total = next(row for row in rows if row["section"] == "total")
    assert (total["attempts"], total["responses"], float(total["response_rate_percent"])) == ("20", "7", 35.0)
    assert [row["note"] for row in rows if row["label"] == "Gone Rep"] == ["too few"]
    text = "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(files["pdf"]))
    for words in ("35.0 %", "20", "Gone Rep", "too few", "5.5 h"):
        assert words in text, words


def test_the_designs_three_queries_give_exactly_these_numbers(db: Any) -> None:
    company = make_company(zone="UTC")
    lead, users = make_lead(make_list(company)), [make_user(company, name=f"Rep {n}") for n in range(3)]
    start = datetime(2026, 6, 2, 12, tzinfo=UTC)
    for n in range(40):
        contact(lead, start + timedelta(hours=n), users[n % 3], hours=1 + n % 7 if n % 3 == 0 or n % 8 == 0 else None,
                method=["email", "linkedin", "call"][n % 3])  # fmt: skip
    db.session.commit()
    report = get_outreach(company.id, JUNE)
    by_channel = db.session.execute(
        sa.text("SELECT method, count(*), count(*) FILTER (WHERE responded), round(count(*) FILTER (WHERE responded)::numeric / count(*)::numeric * 100, 2)"
                " FROM contact_attempts WHERE company_id = :c GROUP BY method ORDER BY count(*) DESC, method"), {"c": company.id},
    ).all()  # fmt: skip
    assert sorted((row.key, row.attempts, row.responses, row.percent) for row in report.methods) == sorted(
        (method, attempts, responses, float(rate)) for method, attempts, responses, rate in by_channel
    )
    times = dict(
        db.session.execute(
            sa.text("SELECT method, avg(extract(epoch FROM (response_at - created_at)) / 3600)::float8 FROM contact_attempts"
                    " WHERE company_id = :c AND responded GROUP BY method"), {"c": company.id},
        ).all()
    )  # fmt: skip
    assert {row.key: row.mean_hours for row in report.methods if row.mean_hours is not None} == pytest.approx(times)
    top = db.session.execute(
        sa.text("SELECT u.name, count(*), count(*) FILTER (WHERE ca.responded) FROM contact_attempts ca JOIN users u ON u.id = ca.user_id"
                " WHERE ca.company_id = :c GROUP BY u.id HAVING count(*) >= 10"), {"c": company.id},
    ).all()  # fmt: skip
    assert sorted((row.label, row.attempts, row.responses) for row in report.reps if row.ranked) == sorted(
        map(tuple, top)
    )


def test_a_dialers_calls_count_when_they_reached_a_phone_and_are_answered_by_a_voice(db: Any) -> None:
    company = make_company(zone="UTC")
    lead = make_lead(make_list(company))
    for result in ("answered", "no_answer", "congestion"):
        make_call(lead, result)
    report = get_outreach(company.id, JUNE)
    assert (report.total.attempts, report.total.responses, report.total.mean_hours) == (2, 1, None)


def test_the_period_before_is_of_the_same_length(db: Any) -> None:
    company = make_company(zone="UTC")
    lead = make_lead(make_list(company))
    for day, hours in ((31, None), (30, 2.0), (2, None)):
        contact(lead, datetime(2026, 5, day, 12, tzinfo=UTC), hours=hours)
    contact(lead, datetime(2026, 5, 1, 12, tzinfo=UTC))
    db.session.commit()
    report = get_outreach(company.id, JUNE)
    assert (report.total.attempts, report.previous.attempts, report.previous.responses) == (0, 3, 1)


def test_what_the_guard_prevented_is_counted_once_each(db: Any) -> None:
    company = make_company(zone="UTC")
    lead, user = make_lead(make_list(company)), make_user(company)
    at = datetime(2026, 6, 5, tzinfo=UTC)
    for state, code in (
        ("stopped", "recent_contact"),
        ("refused", "contact_cap"),
        ("refused", "do_not_contact"),
        ("overridden", "recent_contact"),
        ("void", "recent_contact"),
    ):
        db.session.add(
            GuardNotice(
                company_id=company.id,
                lead_id=lead.id,
                user_id=user.id,
                method="email",
                code=code,
                state=state,
                created_at=at,
                times=3,
            )
        )
    db.session.commit()
    found = get_outreach(company.id, JUNE).guarded
    assert (found.prevented, found.stopped, found.refused, found.warned, found.overridden) == (2, 1, 1, 3, 1)


def test_another_companys_contacts_and_reps_are_not_there(client: Any, place: Any) -> None:
    other = make_company()
    sign_in(client, make_user(other))
    page = client.get(f"/analytics/outreach?from_date=2026-06-01&to_date=2026-06-30&user_id={place.ana.id}").text
    assert "No contacts in this period" in page
    assert "Ana" not in page
    assert page_of_rows(other.id, JUNE)[0] == []


def test_each_number_opens_its_rows(client: Any, place: Any) -> None:
    sign_in(client, make_user(place.company))
    query = "from_date=2026-06-01&to_date=2026-06-30"
    assert client.get(f"/analytics/outreach/contacts?{query}").text.count("data-row") == 20
    answered = client.get(f"/analytics/outreach/contacts?{query}&answered=1").text
    assert answered.count("data-row") == 7
    assert f"/leads/{place.lead.id}?entry=contact-" in answered


def test_the_rows_are_paged_without_a_gap_or_a_double(place: Any) -> None:
    for n in range(120):
        contact(place.lead, datetime(2026, 6, 25, tzinfo=UTC) + timedelta(minutes=n // 3))
    database.session.commit()
    seen, after = [], None
    while True:
        rows, last = page_of_rows(place.company.id, JUNE, after=after)
        seen += [row.id for row in rows]
        if last is None:
            break
        after = (last.occurred_at, last.rank, last.id)
    assert len(seen) == len(set(seen)) == 140


@pytest.mark.parametrize(
    "query",
    [
        "from_date=soon&to_date=2026-13-40",
        "from_date=2026-06-30&to_date=2026-06-01",
        "from_date=0001-01-01",
        "method=pigeon",
        "user_id=-1&after=x",
        "to_date=9999-12-31",
        "from_date=1970-01-01",
    ],
)
def test_an_odd_address_shows_a_page_that_says_what_it_left_out(client: Any, place: Any, query: str) -> None:
    sign_in(client, make_user(place.company))
    for path in ("/analytics/outreach", "/analytics/outreach/contacts"):
        assert client.get(f"{path}?{query}").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "from_date=soon",
        "from_date=2026-06-30&to_date=2026-06-01",
        "method=pigeon",
        "user_id=x",
        "colour=red",
        "from_date=0001-01-01",
    ],
)
def test_the_api_refuses_what_the_page_leaves_out(client: Any, place: Any, query: str) -> None:
    assert Api(client, make_key(place.company)).get(f"/analytics/outreach?{query}").status_code == 422


def test_the_interval_is_wilsons() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(7, 20)
    assert (round(low, 4), round(high, 4)) == (0.1812, 0.5671)


def test_without_days_it_is_the_last_thirty() -> None:
    f, notes = read_filter({}, today=date(2026, 6, 30))
    assert (f.from_date, f.to_date, f.days, notes) == (date(2026, 6, 1), date(2026, 6, 30), 30, [])
    assert (f.before().from_date, f.before().to_date) == (date(2026, 5, 2), date(2026, 5, 31))


ROW = st.tuples(
    st.integers(-200, 900), st.sampled_from(list(METHODS)), st.sampled_from(["outbound", "outbound", "outbound", "inbound"]),
    st.sampled_from(["recorded", "sent", "unknown", "failed"]), st.integers(0, 2), st.none() | st.integers(0, 5_000), st.booleans(),
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(ROW, max_size=30),
    zone=st.sampled_from(["America/New_York", "Asia/Kathmandu", "UTC"]),
    method=st.sampled_from(["", "email"]),
    who=st.integers(-1, 2),
)
@pytest.mark.usefixtures("db")
def test_any_contacts_count_as_a_slow_and_obvious_count_does(rows: list[Any], zone: str, method: str, who: int) -> None:
    """Three weeks of autumn, over the change of clocks."""
    company = make_company(zone=zone)
    users, lead = [make_user(company) for _ in range(2)], make_lead(make_list(company))
    origin = datetime(2026, 10, 20, tzinfo=UTC)
    f = OutreachFilter(date(2026, 10, 22), date(2026, 11, 12), method, users[who].id if 0 <= who < 2 else None)
    kept: list[ContactAttempt] = []
    for hours, name, direction, state, rep, minutes, hidden in rows:
        row = contact(lead, origin + timedelta(hours=hours), users[rep] if rep < 2 else None, method=name, direction=direction, state=state,
                      hours=minutes / 60 if minutes is not None and direction == "outbound" else None)  # fmt: skip
        row.hidden_at = origin if hidden and hours % 5 == 0 else None
        day = row.occurred_at.astimezone(ZoneInfo(zone)).date()
        if (direction == "outbound" and state != "failed" and row.hidden_at is None and f.from_date <= day <= f.to_date
                and (not method or name == method) and (f.user_id is None or row.user_id == f.user_id)):  # fmt: skip
            kept.append(row)
    database.session.commit()
    report = get_outreach(company.id, f)
    times = [(row.response_at - row.occurred_at).total_seconds() / 3600 for row in kept if row.response_at]
    assert (report.total.attempts, report.total.responses) == (len(kept), len(times))
    assert report.total.mean_hours == (pytest.approx(statistics.mean(times)) if times else None)
    assert report.total.median_hours == (pytest.approx(statistics.median(times)) if times else None)
    assert report.by_method == Counter(row.method for row in kept)
    assert {row.key: row.attempts for row in report.reps} == Counter(row.user_id for row in kept)
    local = [row.occurred_at.astimezone(ZoneInfo(zone)) for row in kept]
    assert {row.key: row.attempts for row in report.days if row.attempts} == Counter(at.date() for at in local)
    assert {(d, h): n for d, line in enumerate(report.hours) for h, n in enumerate(line) if n} == Counter(
        (at.weekday(), at.hour) for at in local
    )
    assert sum(page_len for page_len in [len(page_of_rows(company.id, f)[0])]) == len(kept)


def test_the_files_are_of_the_filter_that_was_just_chosen(client: Any, place: Any) -> None:
    sign_in(client, make_user(place.company))
    part = client.get(
        "/analytics/outreach?from_date=2026-05-01&to_date=2026-05-20&method=email", headers={"HX-Request": "true"}
    ).text
    files = part[part.index('id="outreach-files"') : part.index('id="outreach"')]
    assert 'hx-swap-oob="outerHTML"' in files
    assert files.count('name="from_date" value="2026-05-01"') == 2
    assert "hx-swap-oob" not in client.get("/analytics/outreach").text


def test_a_rep_that_can_not_be_is_said_and_a_large_number_is_nobody() -> None:
    today = date(2026, 6, 10)
    f, notes = read_filter({"user_id": str(2**63 - 1)}, today=today)
    assert (f.user_id, notes) == (2**63 - 1, [])
    f, notes = read_filter({"user_id": str(2**63)}, today=today)
    assert (f.user_id, len(notes)) == (None, 1)
