import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, make_company, make_user, sign_in
from tests.harness.client import Client
from webapp.accounts import throttle
from webapp.accounts.models import AuthSession, SignInCounter, User
from webapp.accounts.service import sessions

LOCAL = "/settings/profile?tab=1"
WRONG = "That email and password do not belong together."


def enter(client, email, password=PASSWORD, **kwargs):
    return client.post("/login", data={"email": email, "password": password}, **kwargs)


def test_the_right_password_opens_a_session_and_leads_home(client, admin, kinds, db):
    answer = enter(client, " ANA@example.com ")
    assert (answer.status_code, answer.location) == (303, "/")
    assert client.get("/settings/profile").status_code == 200
    row = db.session.scalars(sa.select(AuthSession)).one()
    assert (row.user_id, row.address) == (admin.id, "127.0.0.1")
    assert kinds() == ["signed_in"]
    assert db.session.get(User, admin.id).last_seen_at is not None


def test_a_wrong_password_an_unknown_user_and_a_deactivated_one_read_the_same(client, admin, kinds, db):
    left = make_user(admin.company, deactivated_at=sa.func.now())
    texts = []
    for email, password in (
        ("ana@example.com", "not her password"),
        ("nobody@example.com", PASSWORD),
        (left.email, PASSWORD),
    ):
        answer = enter(client, email, password)
        assert answer.status_code == 422
        assert WRONG in answer.text
        texts.append(answer.text.replace(email, "").split("<main")[1].split("csrf_token")[1][150:])
        assert f'value="{email}"' in answer.text
        assert password not in answer.text
    assert texts[0] == texts[1] == texts[2]
    assert kinds() == ["sign_in_failed"] * 3
    assert client.get("/settings/profile").status_code == 303


@pytest.mark.parametrize("email", ["a\x00b@example.com", "\ud800", "x" * 400, "'; drop table users", ""])
def test_an_odd_address_is_refused_and_breaks_nothing(client, admin, email):
    answer = enter(client, email.encode("utf-8", "replace").decode())
    assert answer.status_code == 422


def test_an_overlong_password_is_wrong_without_being_hashed_whole(client, admin):
    assert enter(client, admin.email, PASSWORD + "x" * 5000).status_code == 422


def test_the_title_says_error_after_a_refused_sign_in(client, admin):
    assert "<title>Error: Sign in" in enter(client, admin.email, "not it at all").text


def test_sign_in_without_a_token_is_refused(client, admin):
    client.csrf = False
    assert enter(client, admin.email).status_code == 400


def test_sign_in_sent_by_another_site_is_refused(client, admin):
    assert enter(client, admin.email, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400


def test_another_browsers_token_is_refused(client, new_client, admin):
    client.csrf = False
    token = new_client().csrf_token()
    answer = client.post("/login", data={"email": admin.email, "password": PASSWORD, "csrf_token": token})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "http:evil.example",
        "javascript:alert(1)", "evil.example", "/\t/evil.example", "/\n/evil.example", " //evil.example", "@evil.example",
        "/%0d\n", "\x00/", "",
    ],
)  # fmt: skip
def test_after_signing_in_one_stays_on_this_site(client, admin, target):
    answer = client.post("/login", data={"email": admin.email, "password": PASSWORD, "next": target})
    assert answer.location == "/"


def test_after_signing_in_one_is_where_one_wanted_to_be(client, admin):
    first = client.get(LOCAL)
    assert first.status_code == 303
    page = client.get(first.location)
    assert 'name="next" value="/settings/profile?tab=1"' in page.text
    answer = client.post("/login", data={"email": admin.email, "password": PASSWORD, "next": LOCAL})
    assert answer.location == LOCAL
    assert client.get("/login?next=/settings/keys").location == "/settings/keys"


def test_a_session_that_ended_during_an_htmx_call_leads_to_the_whole_sign_in_page(client, admin):
    answer = client.htmx("/activity", headers={"HX-Current-URL": "http://localhost/activity?kind=signed_in"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?next=/activity?kind%3Dsigned_in"
    assert answer.text == ""


def test_unchecked_fields_of_the_form_change_nothing(client, admin, db):
    data = {"email": admin.email, "password": PASSWORD, "role": "rep", "company_id": "99", "id": "1", "_user_id": "7"}
    client.post("/login", data=data)
    assert db.session.get(User, admin.id).role == "admin"
    assert db.session.scalars(sa.select(AuthSession.user_id)).one() == admin.id


# --- throttling ----------------------------------------------------------------------------------------


def test_the_sixth_wrong_password_must_wait_and_each_further_one_twice_as_long(client, admin, travel):
    for _ in range(6):
        assert enter(client, admin.email, "wrong wrong").status_code == 422
    answer = enter(client, admin.email, "wrong wrong")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 5
    assert "Too many tries. Wait" in answer.text
    assert enter(client, admin.email).status_code == 429, "the right password waits too"
    travel(seconds=10)
    assert enter(client, admin.email, "wrong wrong").status_code == 422
    assert enter(client, admin.email).headers["Retry-After"] == "10"


def test_the_delay_stops_growing_at_a_quarter_of_an_hour(client, admin, db, travel):
    enter(client, admin.email, "wrong wrong")
    db.session.execute(sa.update(SignInCounter).values(failures=500).where(SignInCounter.subject.startswith("email:")))
    assert enter(client, admin.email, "wrong wrong").status_code == 422
    assert 890 < int(enter(client, admin.email).headers["Retry-After"]) <= 900


def test_the_right_password_after_the_wait_forgets_the_failures(client, admin, travel, db):
    for _ in range(7):
        enter(client, admin.email, "wrong wrong")
    travel(minutes=1)
    assert enter(client, admin.email).status_code == 303
    rest = db.session.scalars(sa.select(SignInCounter.subject).where(SignInCounter.failures > 0)).all()
    assert [subject.partition(":")[0] for subject in rest] == ["address"]


def test_failures_are_forgotten_after_an_hour(client, admin, travel):
    for _ in range(5):
        enter(client, admin.email, "wrong wrong")
    travel(minutes=61)
    for _ in range(6):
        assert enter(client, admin.email, "wrong wrong").status_code == 422


def test_one_address_that_tries_many_accounts_is_stopped(client, db):
    make_company()
    codes = [enter(client, f"guess{n}@example.com", "wrong wrong").status_code for n in range(25)]
    assert codes == [422] * 21 + [429] * 4
    other = {"REMOTE_ADDR": "198.51.100.7"}
    assert enter(client, "guess99@example.com", "wrong wrong", environ_base=other).status_code == 422


def test_one_account_tried_from_many_addresses_is_stopped(client, admin):
    codes = [
        enter(client, admin.email, "wrong wrong", environ_base={"REMOTE_ADDR": f"198.51.100.{n}"}).status_code
        for n in range(10)
    ]
    assert codes == [422] * 6 + [429] * 4


def test_a_forged_client_address_is_not_believed(client, admin, db):
    enter(client, admin.email, headers={"X-Forwarded-For": "6.6.6.6"})
    assert db.session.scalars(sa.select(AuthSession.address)).one() == "127.0.0.1"


def test_unknown_accounts_are_throttled_like_known_ones(client, db):
    make_company()
    codes = [enter(client, "nobody@example.com", "wrong wrong").status_code for _ in range(8)]
    assert codes == [422] * 6 + [429] * 2
    stored = db.session.scalars(sa.select(SignInCounter.subject)).all()
    assert not [subject for subject in stored if "nobody" in subject], "what people type by mistake is not kept"


def test_counters_and_sessions_that_no_longer_count_are_swept(client, admin, travel, db):
    enter(client, admin.email, "wrong wrong")
    sign_in(client, admin)
    assert (throttle.forget_old(), sessions.forget_old()) == (0, 0)
    travel(days=29)
    assert (throttle.forget_old(), sessions.forget_old()) == (1, 0)
    travel(days=32)
    assert sessions.forget_old() == 1
    assert db.session.scalars(sa.select(AuthSession)).all() == []


def test_a_throttled_try_looks_at_no_password(client, admin, monkeypatch):
    for _ in range(6):
        enter(client, admin.email, "wrong wrong")
    monkeypatch.setattr("webapp.accounts.service.sessions.check_password", None)
    assert enter(client, admin.email).status_code == 429


def test_signing_in_works_without_redis(new_database, tmp_path):
    from webapp import create_app
    from webapp.accounts.service import workspace
    from webapp.config import Settings
    from webapp.core.db import db

    settings = Settings(
        env="test", database_url=new_database(), redis_url="redis://127.0.0.1:1", secret_key="k" * 20, var_dir=tmp_path
    )
    app = create_app(settings)
    app.test_client_class = Client
    with app.app_context():
        from webapp.accounts.passwords import hash_password

        workspace.create_workspace(
            company="A", zone="UTC", country="US", hours={}, name="Ana", email="ana@example.com",
            password_hash=hash_password(PASSWORD),
        )  # fmt: skip
    sign_in(app.test_client(), User(email="ana@example.com"))
    with app.app_context():
        db.engine.dispose()
