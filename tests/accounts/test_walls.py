"""Roles and companies: who may open what."""

import pytest
import sqlalchemy as sa

from tests.factories import make_company, make_user, sign_in
from webapp.accounts.hosts import AllowedHost
from webapp.accounts.models import ApiKey, AuthSession, Company, Invitation, User
from webapp.core.audit import AuditEvent

ADMIN_ONLY = [
    ("GET", "/settings/team"), ("GET", "/settings/team/invite"), ("POST", "/settings/team/invite"),
    ("GET", "/settings/team/{user}"), ("POST", "/settings/team/{user}/role"), ("POST", "/settings/team/{user}/deactivate"),
    ("POST", "/settings/team/{user}/reactivate"), ("POST", "/settings/team/{user}/reset-link"),
    ("POST", "/settings/team/invitations/{invitation}/revoke"), ("GET", "/settings/company"), ("POST", "/settings/company"),
    ("GET", "/settings/keys"), ("GET", "/settings/keys/new"), ("POST", "/settings/keys/new"),
    ("POST", "/settings/keys/{key}/revoke"), ("GET", "/welcome"), ("GET", "/settings/allowed-hosts"),
    ("POST", "/settings/allowed-hosts"), ("POST", "/settings/allowed-hosts/{host}/remove"),
]  # fmt: skip
FOR_ALL = [
    ("GET", "/settings"), ("GET", "/settings/profile"), ("POST", "/settings/profile"), ("GET", "/settings/password"),
    ("POST", "/settings/password"), ("POST", "/settings/sessions/{session}/end"), ("GET", "/activity"),
    ("GET", "/activity.csv"), ("POST", "/logout"),
]  # fmt: skip
PUBLIC = {"/login", "/forgot", "/reset/<token>", "/invite/<token>", "/setup", "/settings/theme"}


@pytest.fixture
def rows(db):
    """A company's user, invitation, key and session, by what the routes call them."""
    user = make_user(make_company("Rival"), role="rep", name="Rita Rival", email="rita@example.com")
    facts = {"company_id": user.company_id, "token_hash": "x"}
    invitation = Invitation(email="guest@example.com", expires_at=sa.func.now() + sa.text("interval '1 day'"), **facts)
    key = ApiKey(name="Rival key", prefix="rb_00000000", scopes=[], **facts)
    session = AuthSession(user_id=user.id, token_hash="y", expires_at=sa.func.now() + sa.text("interval '1 day'"))
    host = AllowedHost(company_id=user.company_id, pattern="rival.internal")
    db.session.add_all([invitation, key, session, host])
    db.session.commit()
    return {"user": user, "invitation": invitation, "key": key, "session": session, "host": host}


def ids(rows):
    return {name: row.id for name, row in rows.items()}


def fingerprint(db):
    tables = (User, Invitation, ApiKey, Company, AllowedHost)
    return [
        db.session.scalars(sa.text(f"select md5(coalesce(string_agg(t::text, '' order by id), '')) from {model.__tablename__} t")).one()
        for model in tables
    ]  # fmt: skip


def test_the_lists_here_name_every_route_of_accounts(app):
    listed = {(method, path.replace("{user}", "<int:user_id>").replace("{key}", "<int:key_id>")
               .replace("{invitation}", "<int:invitation_id>").replace("{session}", "<int:session_id>").replace("{host}", "<int:host_id>"))
              for method, path in ADMIN_ONLY + FOR_ALL}  # fmt: skip
    real = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("accounts.") and rule.rule not in PUBLIC
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert real == listed


@pytest.mark.parametrize(("method", "path"), ADMIN_ONLY + FOR_ALL)
def test_visitors_are_sent_to_the_sign_in_page(client, rows, method, path):
    answer = client.open(path.format(**ids(rows)), method=method)
    assert answer.status_code == 303
    assert answer.location.startswith("/login")


@pytest.mark.parametrize("role", ["rep", "manager"])
def test_only_admins_open_and_change_what_is_theirs(client, rows, db, role):
    user = make_user(rows["user"].company, role=role)
    sign_in(client, user)
    before = fingerprint(db)
    for method, path in ADMIN_ONLY:
        assert client.open(path.format(**ids(rows)), method=method).status_code == 403, path
    assert fingerprint(db) == before
    tabs = client.get("/settings/profile").text
    assert "/settings/team" not in tabs
    assert "/settings/keys" not in tabs


def test_rows_of_another_company_are_not_there(as_admin, rows, db):
    before = fingerprint(db)
    for method, path in ADMIN_ONLY + FOR_ALL:
        if "{" not in path:
            continue
        form = {"role": "admin"} if method == "POST" else None
        theirs = as_admin.open(path.format(**ids(rows)), method=method, data=form)
        unknown = as_admin.open(path.format(**dict.fromkeys(ids(rows), 999_999_999)), method=method, data=form)
        huge = as_admin.open(path.format(**dict.fromkeys(ids(rows), 2**70)), method=method, data=form)
        assert (theirs.status_code, unknown.status_code, huge.status_code) == (404, 404, 404), path
    assert fingerprint(db) == before
    assert db.session.get(AuthSession, rows["session"].id).ended_at is None


def test_lists_show_nothing_of_another_company(as_admin, rows, db):
    db.session.add(AuditEvent(company_id=rows["user"].company_id, kind="signed_in", summary="Rival secret"))
    db.session.commit()
    for path in ("/settings/team", "/settings/keys", "/activity", "/activity.csv", f"/activity?user={rows['user'].id}"):
        text = as_admin.get(path).text
        assert "Rival" not in text, path
        assert "guest@example.com" not in text


def test_a_reset_row_cannot_be_withdrawn_as_an_invitation(as_admin, admin, db):
    as_admin.post(f"/settings/team/{admin.id}/reset-link")
    row_id = db.session.scalars(sa.select(Invitation.id)).one()
    assert as_admin.post(f"/settings/team/invitations/{row_id}/revoke").status_code == 404


def test_each_post_needs_its_token(as_admin, admin, db, rows):
    as_admin.csrf = False
    before = fingerprint(db)
    own = dict.fromkeys(ids(rows), admin.id)
    for method, path in ADMIN_ONLY + FOR_ALL:
        if method == "POST":
            assert as_admin.post(path.format(**own), data={"role": "rep"}).status_code == 400, path
    assert as_admin.post("/settings/theme", data={"theme": "dark"}).status_code == 400
    assert fingerprint(db) == before


def test_reading_changes_nothing(as_admin, rows, admin, db):
    own = dict.fromkeys(ids(rows), admin.id)
    paths = [path.format(**own) for method, path in ADMIN_ONLY + FOR_ALL if method == "GET"]
    for path in paths:
        as_admin.get(path)
    before = fingerprint(db), db.session.scalar(sa.select(sa.func.count()).select_from(AuditEvent))
    for path in paths:
        as_admin.get(path)
    assert (fingerprint(db), db.session.scalar(sa.select(sa.func.count()).select_from(AuditEvent))) == before
