from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, make_company, sign_in
from webapp.accounts.models import Company, User

FORM = {
    "company": "Northside Motors", "country": "US", "zone": "America/Chicago", "days": ["0", "4"], "opens": "08:30",
    "closes": "17:00", "name": "Dana Whitfield", "email": "Dana@Example.com", "password": PASSWORD,
}  # fmt: skip


def test_a_new_installation_leads_from_anywhere_to_its_setup(client):
    first = client.get("/settings/profile")
    second = client.get(first.location)
    assert second.location == "/setup"
    assert "Create workspace" in client.get("/setup").text


def test_setting_up_makes_the_company_and_signs_its_first_admin_in(client, db, kinds):
    answer = client.post("/setup", data=FORM | {"role": "rep", "id": "77", "demo_loaded_at": "2020-01-01"})
    assert (answer.status_code, answer.location) == (303, "/welcome")
    user = db.session.scalars(sa.select(User)).one()
    assert (user.email, user.name, user.role, user.zone_name) == (
        "dana@example.com", "Dana Whitfield", "admin", "America/Chicago",
    )  # fmt: skip
    company = user.company
    assert (company.name, company.country, company.demo_loaded_at) == ("Northside Motors", "US", None)
    assert company.hours == {
        "0": ["08:30", "17:00"], "1": None, "2": None, "3": None, "4": ["08:30", "17:00"], "5": None, "6": None,
    }  # fmt: skip
    assert "Northside Motors is ready" in client.get("/welcome").text
    assert kinds() == ["user_joined", "signed_in"]
    client.post("/logout")
    sign_in(client, user)


def test_setup_is_gone_once_a_company_exists(client, db):
    make_company()
    assert client.get("/setup").status_code == 404
    assert client.post("/setup", data=FORM).status_code == 404
    assert db.session.scalar(sa.select(sa.func.count()).select_from(User)) == 0


def test_of_many_who_set_up_at_once_one_succeeds(new_client, db):
    clients = [new_client() for _ in range(6)]
    for n, client in enumerate(clients):
        client.lint = False
        client.get("/setup")
        client.form = FORM | {"email": f"admin{n}@example.com"}
    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(lambda client: client.post("/setup", data=client.form).status_code, clients))
    assert sorted(codes) == [303, 404, 404, 404, 404, 404]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Company)) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(User)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"company": ""}, {"company": "x" * 121}, {"company": "a\x00b"}, {"zone": "Mars/Olympus"}, {"country": "XX"},
        {"days": ["9"]}, {"opens": "25:00"}, {"opens": "18:00"}, {"email": "nobody"}, {"password": "short one"},
        {"name": "   "}, {"password": "x" * 201},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_and_what_fits_is_kept(client, db, change):
    answer = client.post("/setup", data=FORM | change)
    assert answer.status_code == 422
    assert "Please check these fields" in answer.text
    assert "<title>Error:" in answer.text
    if "company" not in change:
        assert 'value="Northside Motors"' in answer.text
    assert PASSWORD not in answer.text
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Company)) == 0


def test_setup_needs_its_token(client, db):
    client.csrf = False
    assert client.post("/setup", data=FORM).status_code == 400
