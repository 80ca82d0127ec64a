import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, make_company, make_user, sign_in
from webapp.accounts.models import AuthSession


def cookie_of(client):
    return client.get_cookie("rebound").value


def is_in(client):
    return client.get("/settings/profile").status_code == 200


def test_a_planted_cookie_gets_another_value_at_sign_in(client, admin):
    client.get("/login")
    before, token = cookie_of(client), client.csrf_token()
    sign_in(client, admin)
    assert cookie_of(client) != before
    with client.session_transaction() as session:
        assert session.get("csrf_token") is None or client.csrf_token() != token
        assert len(session["auth"]) >= 40


def test_each_sign_in_has_a_token_of_its_own_and_ends_the_one_before_in_this_browser(client, new_client, admin, db):
    sign_in(client, admin)
    other = sign_in(new_client(), admin)
    with client.session_transaction() as session:
        first = session["auth"]
    sign_in(client, admin)
    with client.session_transaction() as session:
        assert session["auth"] != first
    assert is_in(other)
    assert db.session.scalar(sa.select(sa.func.count()).where(AuthSession.ended_at.is_(None))) == 2


def test_the_database_knows_only_the_hash_of_the_token(client, admin, db):
    sign_in(client, admin)
    with client.session_transaction() as session:
        token = session["auth"]
    assert token not in db.session.scalars(sa.select(AuthSession.token_hash)).one()


def test_a_copied_cookie_is_worth_nothing_after_sign_out(client, new_client, admin, kinds):
    sign_in(client, admin)
    copy = cookie_of(client)
    answer = client.post("/logout")
    assert (answer.status_code, answer.location) == (303, "/login")
    assert answer.headers["Clear-Site-Data"] == '"storage"'
    thief = new_client()
    thief.set_cookie("rebound", copy)
    assert thief.get("/settings/profile").status_code == 303
    assert not is_in(client)
    assert kinds() == ["signed_in", "signed_out"]


def test_signing_out_takes_a_post_with_a_token(as_admin):
    assert as_admin.get("/logout").status_code == 405
    as_admin.csrf = False
    assert as_admin.post("/logout").status_code == 400
    assert is_in(as_admin)


def test_the_cookie_is_for_http_and_this_site_only(client, admin):
    answer = client.post("/login", data={"email": admin.email, "password": PASSWORD})
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("rebound="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Expires" not in cookie
    assert "Max-Age" not in cookie


def test_behind_https_the_cookie_is_secure_and_bound_to_the_host(settings, app):
    from webapp import create_app

    secure = create_app(settings.model_copy(update={"secure_cookies": True, "smtp_url": "smtp://localhost"}))
    answer = secure.test_client().get("/forgot")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-rebound=")
    assert "; Secure" in cookie
    assert "Domain" not in cookie


def test_a_session_ends_after_its_idle_hours(as_admin, travel):
    travel(hours=11, minutes=59)
    assert is_in(as_admin)
    travel(hours=23, minutes=58)
    assert is_in(as_admin), "using it moves the limit on"
    travel(hours=36)
    assert not is_in(as_admin)


def test_most_requests_write_nothing(as_admin, db, travel):
    def seen():
        return db.session.scalars(sa.select(AuthSession.last_seen_at)).one()

    first = seen()
    is_in(as_admin)
    assert seen() == first
    travel(minutes=2)
    is_in(as_admin)
    assert seen() > first


def test_a_deactivated_user_is_out_at_once(client, admin, new_client):
    rep = make_user(admin.company, role="rep")
    theirs = sign_in(new_client(), rep)
    sign_in(client, admin).post(f"/settings/team/{rep.id}/deactivate")
    assert theirs.get("/settings/profile").status_code == 303
    answer = theirs.post("/login", data={"email": rep.email, "password": PASSWORD})
    assert answer.status_code == 422
    client.post(f"/settings/team/{rep.id}/reactivate")
    assert theirs.get("/settings/profile").status_code == 303, "the old session stays ended"
    sign_in(theirs, rep)


def test_one_sees_ones_sessions_and_can_end_the_others(as_admin, admin, new_client, db):
    other = sign_in(new_client(), admin)
    page = as_admin.get("/settings/profile").text
    assert page.count('/end"') == 1
    row_id = db.session.scalars(sa.select(sa.func.max(AuthSession.id))).one()
    assert as_admin.post(f"/settings/sessions/{row_id}/end").status_code == 303
    assert not is_in(other)
    assert is_in(as_admin)
    assert as_admin.post(f"/settings/sessions/{row_id}/end").status_code == 404


def test_nobody_ends_a_session_of_somebody_else(as_admin, admin, new_client, db):
    colleague = make_user(admin.company)
    theirs = sign_in(new_client(), colleague)
    row_id = db.session.scalars(sa.select(sa.func.max(AuthSession.id))).one()
    assert as_admin.post(f"/settings/sessions/{row_id}/end").status_code == 404
    assert is_in(theirs)


def test_changing_the_password_ends_every_other_session_and_renews_this_one(as_admin, admin, new_client, kinds):
    other = sign_in(new_client(), admin)
    copy = cookie_of(as_admin)
    answer = as_admin.post("/settings/password", data={"current": PASSWORD, "password": "a brand new one"})
    assert answer.status_code == 303
    assert is_in(as_admin)
    assert not is_in(other)
    thief = new_client()
    thief.set_cookie("rebound", copy)
    assert not is_in(thief)
    assert other.post("/login", data={"email": admin.email, "password": PASSWORD}).status_code == 422
    assert other.post("/login", data={"email": admin.email, "password": "a brand new one"}).status_code == 303
    assert kinds().count("password_changed") == 1


@pytest.mark.parametrize(
    ("current", "new", "says"),
    [
        ("not the password", "a brand new one", "That is not your current password."),
        (PASSWORD, "tiny-pw", "Use at least 10 characters."),
        (PASSWORD, "x" * 201, "Use at most 200 characters."),
        ("", "a brand new one", "Enter your current password."),
    ],
)
def test_a_password_is_not_changed_by_a_form_that_does_not_fit(as_admin, current, new, says):
    answer = as_admin.post("/settings/password", data={"current": current, "password": new})
    assert answer.status_code == 422
    assert says in answer.text
    assert new not in answer.text


def test_guessing_the_current_password_in_an_open_browser_is_throttled(as_admin):
    form = {"current": "wrong wrong", "password": "a brand new one"}
    codes = [as_admin.post("/settings/password", data=form).status_code for _ in range(8)]
    assert codes == [422] * 6 + [429] * 2


def test_a_user_id_in_the_cookie_without_its_token_is_nobody(client, admin):
    with client.session_transaction() as session:
        session["_user_id"] = str(admin.id)
        session["_fresh"] = True
    assert not is_in(client)


def test_a_token_does_not_open_somebody_elses_session(as_admin, admin):
    other = make_user(make_company())
    with as_admin.session_transaction() as session:
        session["_user_id"] = str(other.id)
    assert not is_in(as_admin)


def test_when_the_database_is_away_a_signed_in_browser_gets_the_page_that_says_so(settings):
    from tests.harness.client import Client
    from webapp import create_app

    away = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    app = create_app(settings.model_copy(update={"database_url": away}))
    app.test_client_class = Client
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["auth"] = "1", "x" * 43
    assert client.get("/settings/profile").status_code == 503
    assert client.get("/no/such/page").status_code == 404
    assert client.get("/healthz").status_code == 200
