"""The harness itself: what it promises to other tests."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask, g, request
from flask_sqlalchemy import SQLAlchemy
from itsdangerous import URLSafeTimedSerializer
from playwright.sync_api import Page

from tests.harness.client import Client
from tests.harness.databases import Sweeper, connect
from tests.harness.isolated import fresh, in_thread
from tests.harness.lint import faults_of
from tests.harness.web import LiveServer, Watched, check_accessible
from webapp.config import Settings

GOOD = """<!doctype html><html lang="en"><head><title>T</title><link rel="stylesheet" href="/static/a.css">
<script src="/static/a.js" defer></script></head><body><h1>One</h1>
<form method="post" action="/x"><label for="a">A</label><input id="a" name="a">
<label>B <select name="b"><option>1<option>2</select></label><input type="hidden" name="c">
<input name="q" aria-label="Search" aria-describedby="d"><p id="d">Help<p>More
<button type="submit"><svg aria-label="Save"></svg></button></form>
<img src="/x.png" alt=""></body></html>"""


def test_a_sound_page_has_no_faults() -> None:
    assert faults_of(GOOD) == []


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        (GOOD.replace("<h1>One</h1>", ""), "0 <h1>"),
        (GOOD.replace("</h1>", "</h1><h1>Two</h1>"), "2 <h1>"),
        (GOOD.replace("<title>T</title>", ""), "no title"),
        (GOOD.replace(' lang="en"', ""), "no lang"),
        (GOOD.replace('aria-describedby="d"', 'aria-describedby="gone"'), "'gone', which is not on the page"),
        ('<p id="a"></p><p id="a"></p>', "there twice"),
        ('<input name="a">', "'a' has no label"),
        ('<p style="color:red">x</p>', "style attribute"),
        ("<style>p{}</style>", "inline style"),
        ("<script>x()</script>", "inline script"),
        ('<p onclick="x()">x</p>', "inline handler"),
        ('<p hx-on:click="x()">x</p>', "inline handler"),
        ('<a href="javascript:x()">x</a>', "javascript: address"),
        ('<img src="/x.png">', "no alt"),
        ('<script src="https://cdn.example.com/x.js"></script>', "from elsewhere"),
        ('<form action="/x"></form>', "no method"),
        ('<form method="post"></form>', "no action"),
        ("<button>x</button>", "no type"),
        ('<button type="button"></button>', "says nothing"),
        ('<a href="/x"><button type="button">x</button></a>', "stands inside <a>"),
        ("<div><p>x</div></section>", "closes nothing"),
        ("<div><span>x</div>", "while <span> is open"),
        ("<div>", "never closed"),
        ('<a href="/x" href="/y">x</a>', "same attribute twice"),
        ('<a href="/x" target="_blank">x</a>', "noopener"),
    ],
    ids=lambda value: value[:30] if not value.startswith("<!") else "page",
)
def test_the_lint_sees(html: str, fault: str) -> None:
    assert any(fault in found for found in faults_of(html)), faults_of(html)


def test_two_requests_share_nothing_but_their_cookies(app: Flask, client: Client) -> None:
    """With the test's own app context around them, `g` would live on from one to the next."""
    seen: list[tuple[bool, int]] = []

    def note() -> None:
        if request.path == "/healthz":
            seen.append(("mark" in g, id(g._get_current_object())))
            g.mark = True

    app.before_request_funcs[None].append(note)
    try:
        client.get("/healthz")
        client.get("/healthz")
    finally:
        app.before_request_funcs[None].remove(note)
    assert [had for had, _ in seen] == [False, False]


def test_what_a_test_has_added_is_seen_by_its_request(app: Flask, client: Client, db: SQLAlchemy) -> None:
    db.session.execute(sa.text("CREATE TABLE IF NOT EXISTS harness_probe (id int)"))
    db.session.execute(sa.text("INSERT INTO harness_probe VALUES (1)"))
    client.get("/healthz")
    with db.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM harness_probe")).scalar() == 1
    db.session.execute(sa.text("DROP TABLE harness_probe"))
    db.session.commit()


def test_a_form_carries_the_token_of_its_session_unless_told_not_to(app: Flask) -> None:
    client = app.test_client()
    assert isinstance(client, Client)
    client.csrf = False
    assert client.post("/nowhere-at-all").status_code == 404
    token = fresh(client.csrf_token)
    with client.session_transaction() as kept:
        serializer = URLSafeTimedSerializer(str(app.secret_key), salt="wtf-csrf-token")
        assert serializer.loads(token) == kept["csrf_token"]


def test_the_sweeper_empties_tables_and_leaves_what_migrations_made(
    new_database: Callable[..., str], settings: Settings
) -> None:
    url = new_database()
    with connect(url) as connection:
        connection.execute("CREATE TABLE parents (id int PRIMARY KEY)")
        connection.execute("CREATE TABLE children (id int, parent int NOT NULL REFERENCES parents)")
        connection.execute("CREATE TABLE big (text text)")
    sweeper = Sweeper(url, settings.redis_url)
    with connect(url) as connection:
        connection.execute("INSERT INTO parents VALUES (1)")
        connection.execute("INSERT INTO children VALUES (1, 1)")
        connection.execute("INSERT INTO big SELECT repeat(md5(n::text), 20) FROM generate_series(1, 5000) n")
        sweeper.sweep()
        for table in ("parents", "children", "big"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # type: ignore[call-overload]
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    sweeper.close()


def test_an_error_in_a_thread_reaches_the_test() -> None:
    with pytest.raises(ZeroDivisionError):
        in_thread(lambda: 1 / 0)


BODY = "<!doctype html><html lang=en><head><title>T</title></head><body><main><h1>T</h1>{}</main></body></html>"


@pytest.fixture(scope="module")
def pages() -> Iterator[LiveServer]:
    """A server with pages that misbehave."""
    app = Flask("misbehaving")
    app.add_url_rule("/fine", view_func=lambda: BODY.format("<p>fine</p>"), endpoint="fine")
    app.add_url_rule("/throws", view_func=lambda: BODY.format("<script>nothing.here()</script>"), endpoint="throws")
    app.add_url_rule("/says", view_func=lambda: BODY.format("<script>console.error('bad')</script>"), endpoint="says")
    app.add_url_rule(
        "/leaves", view_func=lambda: BODY.format("<img src='http://127.0.0.1:1/x.png' alt=''>"), endpoint="leaves"
    )
    app.add_url_rule("/misses", view_func=lambda: BODY.format("<img src='/gone.png' alt=''>"), endpoint="misses")
    app.add_url_rule("/unnamed", view_func=lambda: BODY.format("<input>"), endpoint="unnamed")
    server = LiveServer(app)
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("path", "problem"),
    [("/throws", "script error"), ("/says", "console: bad"), ("/leaves", "left the server"), ("/misses", "404 from")],
)
def test_a_page_that_misbehaves_fails_its_test(browser: object, pages: LiveServer, path: str, problem: str) -> None:
    watched = Watched(browser, pages.url)  # type: ignore[arg-type]
    page = watched.context.new_page()
    page.goto("/fine")
    watched.check()
    page.goto(path, wait_until="networkidle")
    with pytest.raises(AssertionError, match=problem):
        watched.check()
    watched.allow(problem.split()[0])
    watched.context.close()


def test_axe_finds_a_field_without_a_name(browser: object, pages: LiveServer) -> None:
    watched = Watched(browser, pages.url)  # type: ignore[arg-type]
    page = watched.context.new_page()
    page.goto("/fine")
    check_accessible(page)
    page.goto("/unnamed")
    with pytest.raises(AssertionError, match="label"):
        check_accessible(page)
    watched.context.close()


def test_the_live_server_serves_the_app_under_test(page: Page) -> None:
    page.goto("/healthz")
    assert page.evaluate("JSON.parse(document.body.innerText).status") == "ok"
