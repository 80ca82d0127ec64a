from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tests.factories import make_company, make_user, sign_in
from webapp.notifications import queries, service
from webapp.notifications.models import Notification
from webapp.notifications.service import notify


@pytest.fixture
def company(db):
    return make_company()


@pytest.fixture
def manager(company):
    return make_user(company, role="manager")


@pytest.fixture
def ana(client, manager):
    return sign_in(client, manager)


def ids(user, **options):
    return [entry.note.id for entry in queries.list_entries(user, **options)[0]]


def test_an_empty_inbox_says_so(ana):
    assert "You&#39;re up to date" in ana.get("/notifications").text


def test_one_for_every_manager_reaches_managers_and_admins_but_no_rep(company, manager):
    note = notify(company.id, "repair", "1 200 leads were repaired", level="warn", url="/problems")
    rep, admin = make_user(company, role="rep"), make_user(company, role="admin")

    assert ids(manager) == ids(admin) == [note.id]
    assert ids(rep) == []
    assert queries.unread_count(manager) == 1


def test_one_for_a_user_is_seen_by_that_user_alone(company, manager):
    rep = make_user(company, role="rep")
    note = notify(company.id, "export_done", "Your file is ready", user_id=rep.id)

    assert ids(rep) == [note.id]
    assert ids(manager) == []


def test_the_same_alert_in_its_window_comes_once(company):
    first = notify(company.id, "spike", "Failures rise", dedupe_key="spike-7-2026-06-01")

    assert first is not None
    assert notify(company.id, "spike", "Failures rise", dedupe_key="spike-7-2026-06-01") is None
    assert notify(make_company().id, "spike", "Failures rise", dedupe_key="spike-7-2026-06-01") is not None
    assert notify(company.id, "spike", "Without a key") is not None
    assert notify(company.id, "spike", "Without a key") is not None


def test_ten_workers_with_one_alert_make_one_line(app, company, db):
    company_id = company.id
    db.session.commit()

    def tell(_):
        with app.app_context():
            return notify(company_id, "spike", "Failures rise", dedupe_key="k") is not None

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(tell, range(10))) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Notification)) == 1


@pytest.mark.parametrize("url", ["https://example.com", "//example.com", "javascript:alert(1)", "problems"])
def test_it_leads_to_our_own_pages_only(company, url):
    with pytest.raises(ValueError, match="page of ours"):
        notify(company.id, "x", "y", url=url)


def test_an_unknown_level_is_refused(company):
    with pytest.raises(ValueError, match="No such level"):
        notify(company.id, "x", "y", level="loud")


def test_a_long_or_hostile_title_stays_one_short_line(ana, company):
    note = notify(company.id, "x", "<script>alert(1)</script>\n\x00" + "y" * 500, body="\u202e" + "z" * 9000)

    assert len(note.title) == 200
    assert len(note.body) == 2000
    page = ana.get("/notifications").text
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page


def test_opening_one_reads_it_and_goes_where_it_leads(ana, company, manager):
    note = notify(company.id, "repair", "Look", url="/exports")

    answer = ana.get(f"/notifications/{note.id}")

    assert (answer.status_code, answer.location) == (303, "/exports")
    assert queries.unread_count(manager) == 0


def test_one_can_be_marked_read_and_unread_again(ana, company, manager):
    note = notify(company.id, "repair", "Look")

    ana.post(f"/notifications/{note.id}/read", data={"read": "yes", "next": "/notifications?show=unread"})
    assert ids(manager, unread=True) == []
    assert "Nothing is unread" in ana.get("/notifications?show=unread").text
    ana.post(f"/notifications/{note.id}/read", data={"read": "no"})
    assert ids(manager, unread=True) == [note.id]


def test_marking_leads_to_no_foreign_page(ana, company):
    note = notify(company.id, "repair", "Look")

    answer = ana.post(f"/notifications/{note.id}/read", data={"read": "yes", "next": "https://example.com/"})
    assert answer.location == "/notifications"


def test_all_read_takes_what_was_seen_and_leaves_what_came_meanwhile(ana, company, manager):
    seen = notify(company.id, "a", "Seen")
    later = notify(company.id, "b", "Later")

    ana.post("/notifications/read-all", data={"up_to": seen.id})

    assert ids(manager, unread=True) == [later.id]
    assert "1 marked as read" in ana.get("/notifications").text


def test_reading_is_each_users_own(company, manager):
    note = notify(company.id, "a", "For all")
    other = make_user(company, role="admin")

    service.mark_read(note, by=manager)
    service.mark_read(note, by=manager)

    assert (queries.unread_count(manager), queries.unread_count(other)) == (0, 1)


def test_another_companys_line_is_not_there(ana):
    theirs = notify(make_company().id, "a", "Theirs")

    assert ana.get(f"/notifications/{theirs.id}").status_code == 404
    assert ana.post(f"/notifications/{theirs.id}/read", data={"read": "yes"}).status_code == 404
    assert ana.get("/notifications/99999999999999999999").status_code == 404
    assert "Theirs" not in ana.get("/notifications").text


def test_a_rep_finds_no_line_for_managers(company, db, app):
    note = notify(company.id, "a", "For managers")
    rep = sign_in(app.test_client(), make_user(company, role="rep"))

    assert rep.get(f"/notifications/{note.id}").status_code == 404


def test_the_sidebar_and_the_title_count_what_is_unread(ana, company):
    for n in range(3):
        notify(company.id, "a", f"Number {n}")

    page = ana.get("/notifications").text
    assert "<title>(3) Notifications" in page
    assert page.count("Mark read") == 3


def test_older_lines_are_on_the_next_page(ana, company, monkeypatch):
    made = [notify(company.id, "a", f"Number {n}").id for n in range(queries.PAGE + 5)]
    first = ana.get("/notifications").text

    assert f'id="note-{made[-1]}"' in first
    assert f'id="note-{made[0]}"' not in first
    assert f"before={made[5]}" in first
    assert f'id="note-{made[0]}"' in ana.get(f"/notifications?before={made[5]}").text


def test_the_count_stops_at_a_hundred(company, manager, db):
    db.session.execute(
        sa.text("INSERT INTO notifications (company_id, kind, title) SELECT :c, 'a', 'n' FROM generate_series(1, 150)"),
        {"c": company.id},
    )
    assert queries.unread_count(manager) == 100
