import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, make_company, make_user
from webapp.accounts.models import Company, User
from webapp.accounts.tabs import TABS, add_tab
from webapp.core.audit import AuditEvent

PROFILE = {"name": "Ana Ruiz", "email": "ana@example.com", "zone": "Europe/Madrid", "shortcuts": "y"}
COMPANY = {"name": "Acme Two", "country": "CA", "zone": "America/Toronto", "open_0": "08:00", "close_0": "16:00"}


def changes(db):
    query = sa.select(AuditEvent.details).where(AuditEvent.kind == "setting_changed").order_by(AuditEvent.id)
    return [details["changes"] for details in db.session.scalars(query)]


def test_settings_begin_with_the_profile(as_admin):
    assert as_admin.get("/settings").location == "/settings/profile"


def test_a_profile_is_saved_and_what_changed_is_written_down(as_admin, admin, db):
    extra = {"role": "rep", "company_id": "9", "password_hash": "x", "id": "3", "preferences": "{}"}
    answer = as_admin.post("/settings/profile", data=PROFILE | extra)
    assert (answer.status_code, answer.location) == (303, "/settings/profile")
    user = db.session.get(User, admin.id)
    assert (user.name, user.zone_name, user.role, user.company_id) == (
        "Ana Ruiz", "Europe/Madrid", "admin", admin.company_id,
    )  # fmt: skip
    assert (user.shortcuts_off, user.compact_rows) == (False, False)
    assert changes(db)[0]["name"] == {"before": "Ana Admin", "after": "Ana Ruiz"}
    assert "Profile saved." in as_admin.get("/settings/profile").text


def test_saving_what_is_there_already_writes_nothing_down(as_admin, db):
    as_admin.post("/settings/profile", data=PROFILE)
    as_admin.post("/settings/profile", data=PROFILE)
    assert len(changes(db)) == 1


def test_shortcuts_off_and_compact_rows_reach_the_page(as_admin):
    page = as_admin.get("/settings/profile").text
    assert "data-shortcuts" not in page
    as_admin.post(
        "/settings/profile", data={k: v for k, v in PROFILE.items() if k != "shortcuts"} | {"compact_rows": "y"}
    )
    page = as_admin.get("/settings/profile").text
    assert 'data-shortcuts="off"' in page
    assert "data-compact" in page


def test_a_new_email_address_takes_the_password(as_admin, admin, db):
    form = PROFILE | {"email": "Ana.Ruiz@example.com"}
    answer = as_admin.post("/settings/profile", data=form)
    assert answer.status_code == 422
    assert "Enter your current password" in answer.text
    assert as_admin.post("/settings/profile", data=form | {"current_password": "wrong one"}).status_code == 422
    assert as_admin.post("/settings/profile", data=form | {"current_password": PASSWORD}).status_code == 303
    assert db.session.get(User, admin.id).email == "ana.ruiz@example.com"


def test_the_address_of_somebody_else_is_refused(as_admin, db):
    make_user(make_company(), email="Taken@example.com")
    form = PROFILE | {"email": "taken@example.com", "current_password": PASSWORD}
    answer = as_admin.post("/settings/profile", data=form)
    assert answer.status_code == 422
    assert "has an account already" in answer.text


@pytest.mark.parametrize("change", [{"name": ""}, {"zone": "Nowhere"}, {"email": "x"}, {"name": "a\x07b"}])
def test_a_profile_that_does_not_fit_is_refused(as_admin, change, db):
    answer = as_admin.post("/settings/profile", data=PROFILE | change)
    assert answer.status_code == 422
    assert not changes(db)


def test_the_company_is_saved_with_its_hours(as_admin, admin, db):
    answer = as_admin.post("/settings/company", data=COMPANY | {"id": "5", "settings": "{}", "demo_loaded_at": "x"})
    assert answer.status_code == 303
    company = db.session.get(Company, admin.company_id)
    assert (company.name, company.country, company.zone) == ("Acme Two", "CA", "America/Toronto")
    assert company.hours["0"] == ["08:00", "16:00"]
    assert company.hours["6"] is None
    page = as_admin.get("/settings/company").text
    assert 'value="08:00"' in page
    assert set(changes(db)[0]) == {"name", "country", "zone", "hours"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"close_0": ""}, "Give both times of Monday"),
        ({"close_0": "07:00"}, "Closing comes after opening."),
        ({"open_3": "99:99"}, "Not a valid time value."),
        ({"zone": "Mars"}, "Not a valid choice"),
        ({"name": " "}, "Enter your company"),
    ],
)
def test_a_company_that_does_not_fit_is_refused(as_admin, change, says, db):
    answer = as_admin.post("/settings/company", data=COMPANY | change)
    assert answer.status_code == 422
    assert says in answer.text
    assert not changes(db)


def test_the_theme_is_kept_in_a_cookie_and_leads_back(client, db):
    answer = client.post("/settings/theme", data={"theme": "dark", "next": "/forgot?"})
    assert (answer.status_code, answer.location) == (303, "/forgot")
    assert "Max-Age=31536000" in answer.headers["Set-Cookie"]
    assert 'data-theme="dark"' in client.get("/forgot").text
    assert client.post("/settings/theme", data={"theme": "pink"}).status_code == 422
    assert client.post("/settings/theme", data={"theme": "dark", "next": "//evil.example"}).location == "/"


def test_a_feature_adds_its_own_tab_for_those_who_may_open_it(as_admin, admin, monkeypatch):
    monkeypatch.setattr("webapp.accounts.tabs.TABS", list(TABS))
    add_tab("My trail", "accounts.activity", "admin")
    add_tab("My trail", "accounts.activity", "admin")
    add_tab("Not built", "nowhere.page")
    page = as_admin.get("/settings/profile").text
    assert page.count(">My trail</a>") == 1
    assert "Not built" not in page
