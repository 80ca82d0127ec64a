import re

import pytest
import sqlalchemy as sa

from tests.factories import make_company, make_user
from webapp.accounts.keys import find_key
from webapp.accounts.models import ApiKey

FORM = {"name": "Dialer", "scopes": ["calls:write", "leads:read"], "form_token": "once-and-only"}


def created(client, **facts):
    answer = client.post("/settings/keys/new", data={**FORM, **facts})
    assert (answer.status_code, answer.location) == (303, "/settings/keys")
    found = re.search(r'id="shown-value">(rb_[0-9a-f]{8}_[\w-]{43})<', client.get("/settings/keys").text)
    assert found
    return found[1]


def test_a_key_is_shown_once_and_kept_as_its_hash(as_admin, admin, db, kinds):
    token = created(as_admin, company_id="9", token_hash="mine", last_used_at="2020-01-01")
    page = as_admin.get("/settings/keys").text
    assert token not in page
    assert token[:11] in page
    row = db.session.scalars(sa.select(ApiKey)).one()
    assert (row.company_id, row.created_by_id, row.prefix, row.last_used_at) == (
        admin.company_id,
        admin.id,
        token[:11],
        None,
    )
    assert token not in row.token_hash
    assert "mine" not in row.token_hash
    assert kinds()[-1] == "key_created"


def test_a_key_is_found_by_its_whole_token_with_company_scopes_and_maker(as_admin, admin):
    token = created(as_admin)
    key = find_key(token)
    assert (key.company_id, key.created_by_id, key.scopes) == (
        admin.company_id,
        admin.id,
        ["calls:write", "leads:read"],
    )


@pytest.mark.parametrize(
    "wrong", [lambda t: t[:-1] + ("A" if t[-1] != "A" else "B"), lambda t: t[:-1], lambda t: t + "x", lambda t: "", lambda t: "\x00",
              lambda t: " " + t, lambda t: "rb_" + "\ud800" * 52, lambda t: "x" * 100_000]
)  # fmt: skip
def test_nearly_a_key_is_no_key(as_admin, wrong):
    assert find_key(wrong(created(as_admin))) is None


def test_the_last_use_is_noted_at_most_once_a_minute(as_admin, db, travel):
    token = created(as_admin)

    def used():
        db.session.expire_all()
        return db.session.scalars(sa.select(ApiKey.last_used_at)).one()

    find_key(token)
    first = used()
    assert first is not None
    find_key(token)
    assert used() == first
    travel(seconds=90)
    find_key(token)
    assert used() > first


def test_a_revoked_key_is_refused_at_once_and_stays_listed(as_admin, db, kinds):
    token = created(as_admin)
    row_id = db.session.scalars(sa.select(ApiKey.id)).one()
    assert as_admin.post(f"/settings/keys/{row_id}/revoke").status_code == 303
    assert find_key(token) is None
    assert "Revoked" in as_admin.get("/settings/keys").text
    as_admin.post(f"/settings/keys/{row_id}/revoke")
    assert kinds().count("key_revoked") == 1


def test_a_double_click_makes_one_key(as_admin, db):
    created(as_admin)
    as_admin.post("/settings/keys/new", data=FORM)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ApiKey)) == 1


@pytest.mark.parametrize("change", [{"name": ""}, {"scopes": []}, {"scopes": ["everything"]}, {"form_token": "x"}])
def test_a_key_form_that_does_not_fit_is_refused(as_admin, change, db):
    assert as_admin.post("/settings/keys/new", data={**FORM, **change}).status_code == 422
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ApiKey)) == 0


def test_keys_of_two_companies_stay_apart(as_admin, admin, db):
    token = created(as_admin)
    make_user(make_company())
    assert find_key(token).company_id == admin.company_id
