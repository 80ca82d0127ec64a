import csv
import io
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from tests.factories import make_user, sign_in
from webapp.accounts import activity
from webapp.core.audit import AuditEvent


@pytest.fixture
def events(admin, db):
    """Call it for events of the company, oldest first."""

    def make(*summaries, **facts):
        facts.setdefault("kind", "exported")
        rows = [AuditEvent(company_id=admin.company_id, summary=text, **facts) for text in summaries]
        for row in rows:
            db.session.add(row)
            db.session.flush()
        db.session.commit()
        return rows

    return make


def table(page):
    return page.text.split("<tbody>")[1].split("</tbody>")[0] if "<tbody>" in page.text else ""


def test_the_newest_event_comes_first_with_who_what_when_why_and_where(as_admin, admin, events):
    events("Older")
    events("Released 40 leads", user_id=admin.id, address="203.0.113.9", details={"reason": "wrong list"})
    text = table(as_admin.get("/activity"))
    assert text.index("Released 40 leads") < text.index("Older")
    for part in ("because: wrong list", "203.0.113.9", "Ana Admin", "Exported", "<time"):
        assert part in text


def test_htmx_gets_the_list_alone_and_a_browser_the_page(as_admin):
    assert as_admin.htmx("/activity").text.lstrip().startswith('<div class="list" id="activity-region"')
    assert (
        "<html" in as_admin.get("/activity", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"}).text
    )


def test_filters_live_in_the_address(as_admin, admin, events):
    sam = make_user(admin.company, name="Sam")
    events("Ana in March", user_id=admin.id, kind="imported", created_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    events("Sam in April", user_id=sam.id, created_at=datetime(2026, 4, 1, 12, tzinfo=UTC))

    def shown(query):
        text = table(as_admin.get(f"/activity?{query}"))
        return ("Ana in March" in text, "Sam in April" in text)

    assert shown("") == (True, True)
    assert shown("kind=imported") == (True, False)
    assert shown(f"user={sam.id}") == (False, True)
    assert shown("from=2026-03-15") == (False, True)
    assert shown("to=2026-03-15") == (True, False)
    assert shown("from=2026-03-01&to=2026-03-01") == (True, False)
    assert shown(f"kind=imported&user={sam.id}") == (False, False)
    assert "Clear all" in as_admin.get(f"/activity?kind=imported&user={admin.id}").text
    assert "Nothing matches" in as_admin.get("/activity?kind=never").text


def test_a_day_is_the_viewers_day(as_admin, admin, events, db):
    admin.zone = "America/New_York"
    events("Late on the first", created_at=datetime(2026, 3, 2, 3, tzinfo=UTC))
    assert "Late on the first" in table(as_admin.get("/activity?from=2026-03-01&to=2026-03-01"))
    assert "Late on the first" not in table(as_admin.get("/activity?from=2026-03-02&to=2026-03-02"))


@pytest.mark.parametrize(
    "query",
    [
        "kind=%00", "kind='", "user=x", "user=99999999999999999999", "user=-1", "from=2026-02-30", "from=x", "to=9999-12-31",
        "before=0", "before=9223372036854775808", "after=9", "before=abc", "from=1969-01-01", "_external=1&_scheme=javascript",
    ],
)  # fmt: skip
def test_an_address_typed_by_hand_never_breaks_the_page(as_admin, query):
    assert as_admin.get(f"/activity?{query}").status_code == 200
    assert as_admin.get(f"/activity.csv?{query}").status_code == 200


def test_pages_follow_one_another_and_lead_back(as_admin, events):
    events(*[f"Event {n:03}." for n in range(120)], kind="paged")
    first = as_admin.get("/activity?kind=paged")
    assert "Event 119." in first.text
    assert "Event 069." not in first.text

    def follow(page, rel):
        tag = page.text.split(f'rel="{rel}"')[1]
        return as_admin.get(tag.split('href="')[1].split('"')[0].replace("&amp;", "&"))

    second = follow(first, "next")
    assert "Event 069." in second.text
    assert "Event 070." not in second.text
    third = follow(second, "next")
    assert "Event 000." in third.text
    assert 'rel="next"' not in third.text
    back = follow(third, "prev")
    assert table(back) == table(second)


def test_a_rep_sees_only_what_the_rep_did(client, admin, events):
    rep = make_user(admin.company, role="rep", name="Rep")
    events("By somebody else", user_id=admin.id)
    events("By the system")
    events("By the rep", user_id=rep.id)
    sign_in(client, rep)
    for path in ("/activity", "/activity.csv", f"/activity?user={admin.id}", f"/activity.csv?user={admin.id}"):
        text = client.get(path).text
        assert "By somebody else" not in text
        assert "By the system" not in text
    assert "By the rep" in client.get("/activity").text


def test_the_file_has_every_row_of_the_filter(as_admin, events, monkeypatch):
    monkeypatch.setattr(activity, "CHUNK", 7)
    events(*[f"Row {n}" for n in range(20)], kind="filed")
    answer = as_admin.get("/activity.csv?kind=filed&before=1")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="activity.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["what"] for row in rows] == [f"Row {n}" for n in reversed(range(20))]
    assert rows[0].keys() == set(activity.COLUMNS)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", " =1", "＝1", "\n=1"])
def test_no_cell_of_the_file_is_a_formula(as_admin, events, text):
    events(text, kind="filed")
    rows = list(
        csv.DictReader(io.StringIO(as_admin.get("/activity.csv?kind=filed").get_data(as_text=True), newline=""))
    )
    assert rows[0]["what"] == f"'{text}"


def test_markup_in_an_event_is_text(as_admin, events):
    events("<script>alert(1)</script>", details={"reason": "<img src=x>"})
    text = as_admin.get("/activity").text
    assert "<script>alert" not in text
    assert "<img" not in text


@pytest.mark.parametrize(
    ("url", "drawn"),
    [
        ("/logout", 'action="/logout"'),
        ("/settings/profile", 'href="/settings/profile">'),
        ("https://evil.example/", None),
        ("//evil.example", None),
        ("/no/such/page", None),
        ("javascript:alert(1)", None),
        (7, None),
    ],
)
def test_undo_is_a_button_where_it_is_posted_a_link_where_it_is_a_page_and_nothing_else(as_admin, events, url, drawn):
    events("Something undoable", details={"undo_url": url})
    text = table(as_admin.get("/activity?kind=exported"))
    assert ("Undo" in text) == (drawn is not None)
    if drawn:
        assert drawn in text


def test_events_stay_as_they_were_written(db, events):
    events("As it was")
    with pytest.raises(sa.exc.DatabaseError, match="append-only"):
        db.session.execute(sa.update(AuditEvent).values(summary="changed"))
    db.session.rollback()
