"""Lists: their pages, names, campaigns and ends; and saved views over them."""

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_campaign, make_company, make_lead, make_list, make_user, sign_in
from webapp.leads.models import LeadList, SavedView


def test_the_first_list_is_made_from_the_empty_page(client, db: SQLAlchemy):
    user = make_user(role="manager")
    campaign = make_campaign(user.company, name="Autumn")
    sign_in(client, user)
    assert "Create your first list" in client.get("/lists").text
    data = {"name": "  Dealers   Northeast ", "campaign_id": campaign.id, "form_token": "once"}
    first, second = client.post("/lists/new", data=data), client.post("/lists/new", data=data)
    assert first.location == second.location
    made = db.session.query(LeadList).one()
    assert (made.name, made.dial_campaign_id, made.active) == ("Dealers Northeast", campaign.id, True)
    page = client.get("/lists").text
    assert "Dealers Northeast" in page
    assert "Autumn" in page


def test_a_name_that_is_taken_or_missing_is_said_beside_the_field(client, db: SQLAlchemy):
    user = make_user()
    make_list(user.company, name="Dealers")
    other = make_list(user.company, name="Others")
    sign_in(client, user)
    for path in ("/lists/new", f"/lists/{other.id}/edit"):
        taken = client.post(path, data={"name": "DEALERS", "active": "1"})
        assert taken.status_code == 422
        assert "of this name already" in taken.text
        assert client.post(path, data={"name": "  "}).status_code == 422
        assert client.htmx(path, method="POST", data={"name": "dealers"}).status_code == 422
    make_list(make_company(), name="Free")
    assert client.post("/lists/new", data={"name": "Free"}).status_code == 303
    assert (
        client.post("/lists/new", data={"name": "X", "campaign_id": make_campaign(make_company()).id}).status_code
        == 422
    )


def test_a_list_shows_its_breakdown_with_none_and_each_row_filters(client, db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company)
    make_lead(lead_list, status=sa.null())
    make_lead(lead_list, status="busy")
    make_lead(lead_list, status="busy", last_name="Shown")
    sign_in(client, user)
    page = client.get(f"/lists/{lead_list.id}").text
    for word in (
        "(none)",
        "Busy",
        "status=none",
        "status=busy",
        "1 problematic lead",
        f"/lists/{lead_list.id}/recycle",
    ):
        assert word in page
    assert "Shown" not in client.get(f"/lists/{lead_list.id}?status=none").text
    part = client.htmx(f"/lists/{lead_list.id}?status=busy").text
    assert part.lstrip().startswith('<div class="list" id="leads-region">')


def test_an_archived_list_is_not_dialled_and_comes_back(client, db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company, name="Old dealers")
    sign_in(client, user)
    assert client.post(f"/lists/{lead_list.id}/archive").status_code == 303
    db.session.refresh(lead_list)
    assert (lead_list.archived_at is not None, lead_list.active) == (True, False)
    assert client.get("/lists?archived=1").text.count("Old dealers")
    assert client.post(f"/lists/{lead_list.id}/restore").status_code == 303
    db.session.refresh(lead_list)
    assert (lead_list.archived_at, lead_list.active) == (None, True)


def test_only_an_empty_list_is_deleted(client, db: SQLAlchemy):
    user = make_user()
    full, empty = make_list(user.company), make_list(user.company)
    lead = make_lead(full)
    sign_in(client, user)
    client.post(f"/lists/{full.id}/delete")
    client.post(f"/lists/{empty.id}/delete")
    assert [row.id for row in db.session.query(LeadList)] == [full.id]
    assert lead.list_id == full.id


def test_a_rep_sees_lists_and_changes_none(client, db: SQLAlchemy):
    user = make_user(role="rep")
    lead_list = make_list(user.company)
    sign_in(client, user)
    assert client.get("/lists").status_code == client.get(f"/lists/{lead_list.id}").status_code == 200
    for path in (
        "/lists/new",
        f"/lists/{lead_list.id}/edit",
        f"/lists/{lead_list.id}/archive",
        f"/lists/{lead_list.id}/delete",
    ):
        assert client.post(path, data={"name": "x"}).status_code == 403


def test_the_empty_texts_tell_nothing_yet_from_no_match(client, db: SQLAlchemy):
    user = make_user()
    sign_in(client, user)
    assert "No leads yet" in client.get("/leads").text
    lead_list = make_list(user.company)
    assert "This list has no leads yet" in client.get(f"/lists/{lead_list.id}").text
    make_lead(lead_list)
    page = client.get("/leads?status=sale").text
    assert "No leads match" in page
    assert "Clear filters" in page


def test_a_saved_view_is_a_name_over_the_filter_with_a_live_count(client, db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company)
    make_lead(lead_list, status="sale")
    sign_in(client, user)
    saved = client.post("/leads/views/new", data={"name": "Sold", "query": "status=sale&zzz=1&sort=name"})
    view = db.session.query(SavedView).one()
    assert (view.query, view.shared, view.list_id) == ("status=sale&sort=name", False, None)
    assert saved.location == f"/leads?status=sale&sort=name&view={view.id}"
    page = client.get(saved.location).text
    assert "modified" not in page
    sidebar = page.split('id="sidebar"')[1].split("</nav>")[0]
    assert "Sold" in sidebar
    assert '<span class="count">1</span>' in sidebar.split("Sold")[1]
    changed = client.get(f"/leads?status=busy&view={view.id}").text
    assert "modified" in changed
    assert "Reset" in changed
    client.post(f"/leads/views/{view.id}", data={"query": "status=busy"})
    client.post(f"/leads/views/{view.id}", data={"name": "Busy ones", "shared": "1"})
    db.session.refresh(view)
    assert (view.name, view.query, view.shared) == ("Busy ones", "status=busy", True)
    client.post(f"/leads/views/{view.id}/delete")
    assert db.session.query(SavedView).count() == 0


def test_a_private_view_is_its_owners_and_a_shared_one_the_companys(client, db: SQLAlchemy):
    owner = make_user()
    mate = make_user(owner.company, role="rep")
    stranger = make_user()
    for shared in (False, True):
        db.session.add(
            SavedView(company_id=owner.company_id, user_id=owner.id, name=f"Shared {shared}", query="", shared=shared)
        )
    db.session.commit()
    views = db.session.query(SavedView).order_by(SavedView.id).all()
    sign_in(client, mate)
    page = client.get("/leads").text
    assert "Shared True" in page
    assert "Shared False" not in page
    for view in views:
        assert client.post(f"/leads/views/{view.id}/delete").status_code == 404
        assert client.get(f"/leads/views/{view.id}").status_code == 404
    client.post("/logout")
    sign_in(client, stranger)
    assert "Shared True" not in client.get("/leads").text
    assert client.get(f"/leads/views/{views[1].id}").status_code == 404
    assert client.post("/leads/views/new", data={"name": "x", "list": make_list(owner.company).id}).status_code == 404
    assert db.session.query(SavedView).count() == 2


def test_a_view_of_one_list_stays_with_it(client, db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company)
    sign_in(client, user)
    saved = client.post(
        "/leads/views/new", data={"name": "Here", "query": f"list={lead_list.id}&status=new", "list": lead_list.id}
    )
    assert saved.location.startswith(f"/lists/{lead_list.id}?status=new&view=")
    assert "modified" not in client.get(saved.location).text
    assert "Here" in client.get(f"/lists/{lead_list.id}").text


def test_filters_columns_and_sort_are_links_that_keep_each_other(client, db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company)
    for _ in range(60):
        make_lead(lead_list, status="busy", tags=["vip"], email="shown@example.com")
    sign_in(client, user)
    page = client.get("/leads?status=busy&tag=vip&sort=name&cols=email&cols=status").text
    assert 'aria-sort="ascending"' in page
    assert "shown@example.com" in page
    assert "Remove filter Status: Busy" in page
    assert 'href="/leads?tag=vip&amp;sort=name&amp;cols=email&amp;cols=status"' in page
    assert "Clear all" in page
    assert "1–50 of 60" in page
    after = page.split('id="pager-next"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    second = client.get(after).text
    assert "51–60 of 60" in second
    before = second.split('id="pager-prev"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    assert "1–50 of 60" in client.get(before).text
