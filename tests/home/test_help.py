import json

from tests.factories import make_user, sign_in
from webapp.dialer.events import parse_event
from webapp.home.views import EXAMPLE_EVENT
from webapp.leads.problems import PROBLEMS


def test_help_explains_the_work_in_the_order_it_is_done(db, client):
    sign_in(client, make_user(role="rep"))
    page = client.get("/help").text
    places = [
        page.index(f'id="{name}"')
        for name in ("start", "import", "problems", "recycle", "reports", "calls", "statuses")
    ]
    assert places == sorted(places)
    assert all(problem.label in page for problem in PROBLEMS.values())


def test_the_example_of_help_is_an_event_the_api_takes():
    assert parse_event(json.loads(EXAMPLE_EVENT))["call_status"] == "no_answer"


def test_the_keys_page_lists_the_pages_this_role_can_go_to(db, client):
    sign_in(client, make_user(role="rep"))
    page = client.get("/help/keys").text
    assert "Today" in page
    assert "<kbd>" in page


def test_run_checks_refreshes_the_health_in_place(db, new_page):
    user = make_user()
    page = new_page()
    page.goto("/login")
    page.fill("[name=email]", user.email)
    page.fill("[name=password]", "correct horse battery")
    page.press("[name=password]", "Enter")
    page.wait_for_selector("h1")
    page.goto("/system")
    with page.expect_response(lambda response: response.url.endswith("/system")) as answer:
        page.click("#run-checks")
    assert answer.value.request.headers["hx-request"] == "true"
    page.wait_for_selector("#system-health")
    assert page.url.endswith("/system")
