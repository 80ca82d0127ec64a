"""The pages of projects, of their dealerships, and of how the automation introduces itself."""

from __future__ import annotations

import re
from html import unescape

import pytest
import sqlalchemy as sa

from tests.automation.projects.page_support import UGLY, Place, form_of, text_of
from tests.factories import (
    make_attempt,
    make_company,
    make_contact_request,
    make_dealership,
    make_project_dealership,
    make_run,
    make_user,
    sign_in,
)
from tests.harness.client import Client
from webapp.automation.models import ContactRequest, Project, ProjectDealership
from webapp.core.db import db as database


def test_every_page_opens(place: Place) -> None:
    dealership = make_dealership(place.list, name=UGLY)
    row = make_project_dealership(
        place.project, dealership, contact_status="failed", error_type="captcha_detected", reason=UGLY
    )
    run = make_run(place.project)
    make_attempt(row, run, "failed", error_type="captcha_detected", error_message=UGLY)
    p, d = place.project.id, dealership.id
    request_id = database.session.scalar(sa.select(ContactRequest.id))
    for path in (
        "/projects", "/projects?archived=1", "/projects/new", f"/projects/{p}", f"/projects/{p}/settings", f"/projects/{p}/request",
        f"/projects/{p}/request/{request_id}", f"/projects/{p}/dealerships/add", f"/project-dealerships/{row.id}", "/dealerships",
        f"/dealerships/{d}", f"/dealerships/{d}/edit", "/dealerships/from-leads", "/dealerships/import", "/dealerships/new", "/settings/automation",
    ):  # fmt: skip
        answer = place.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        assert "<b>" not in answer.text, path


# --- projects ----------------------------------------------------------------------------------------------------------


def test_without_projects_a_manager_is_led_to_make_one_and_a_rep_is_told_who_does(client: Client) -> None:
    company = make_company()
    sign_in(client, make_user(company, "manager"))
    assert "Create a project" in text_of(client.get("/projects"))
    client.post("/logout")
    sign_in(client, make_user(company, "rep"))
    answer = client.get("/projects")
    assert "A manager makes them" in answer.text
    assert "/projects/new" not in answer.text


def test_the_table_tells_each_projects_statuses_rate_and_last_run(place: Place) -> None:
    for status in ("success", "failed", "pending", "pending"):
        make_project_dealership(place.project, place.list, contact_status=status)
    make_run(place.project, state="finished")
    text = text_of(place.client.get("/projects"))
    assert "Spring Dry run · within 50 mi of 43215 4 " in text
    assert "2 pending, 1 success, 1 failed 25.00 % Finished" in text


def test_a_new_project_is_a_dry_run_on_the_companys_clock_and_pressed_twice_is_one(place: Place) -> None:
    sent = form_of(place.client, "/projects/new", "project-form")
    assert (sent["zone"], sent["window_open"], sent["dry_run"]) == (place.company.zone, "09:00", "y")
    sent |= {"name": UGLY, "location": "43215"}
    first, second = (place.client.post("/projects/new", data=sent) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    made = database.session.scalars(sa.select(Project).order_by(Project.id.desc())).first()
    assert made is not None
    assert (made.name, made.search_place, made.dry_run, made.window_days) == (
        UGLY.replace("  ", " "),
        "Columbus, OH",
        True,
        [0, 1, 2, 3, 4],
    )
    page = place.client.get(first.location)
    assert "<b>" not in page.text
    assert "Write the contact request" in text_of(page)


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("name", "  ", "Give the project a name"), ("name", "x" * 121, "At most 120"), ("name", "spring", "of this name already"),
        ("location", "00000", "not known"), ("location", "Columbus", "postal code such as"), ("radius_miles", "0", "from 1 to 12,500"),
        ("radius_miles", "many", "from 1 to 12,500"), ("window_open", "25:00", "time"), ("zone", "Mars/Base", "valid choice"),
        ("per_minute", "121", "from 1 to 120"), ("parallel_pages", "9", "from 1 to 8"), ("host_gap_seconds", "-1", "from 0 to 86,400"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_told_beside_its_field_and_nothing_typed_is_lost(
    place: Place, field: str, value: str, why: str
) -> None:
    sent = (
        form_of(place.client, "/projects/new", "project-form") | {"name": "Kept", "location": "43215"} | {field: value}
    )
    answer = place.client.post("/projects/new", data=sent)
    assert answer.status_code == 422
    assert why in unescape(answer.text)
    assert "<title>Error:" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert field == "name" or 'value="Kept"' in answer.text
    assert database.session.scalar(sa.select(sa.func.count()).select_from(Project)) == 1


def test_a_project_without_a_day_is_refused(place: Place) -> None:
    sent = form_of(place.client, "/projects/new", "project-form") | {"name": "Never"}
    sent = {name: value for name, value in sent.items() if not name.startswith("day_")}
    answer = place.client.post("/projects/new", data=sent)
    assert answer.status_code == 422
    assert "Choose at least one day" in answer.text


def test_two_edits_at_once_show_both_values_and_mine_can_be_kept(place: Place) -> None:
    path = f"/projects/{place.project.id}/settings"
    mine = form_of(place.client, path, "project-form") | {"radius_miles": "20"}
    place.client.post(
        path, data=form_of(place.client, path, "project-form") | {"radius_miles": "80", "location": "45202"}
    )
    answer = place.client.post(path, data=mine)
    assert answer.status_code == 409
    text = text_of(answer)
    assert "Changed by Mia" in text
    assert "Radius 80 miles 20 miles" in text
    kept = re.search(r'id="project-conflict".*?</form>', answer.text, re.S)
    assert kept
    sent = {
        name: unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', kept[0])
    }
    assert place.client.post(path, data=sent).status_code == 303
    database.session.refresh(place.project)
    assert (place.project.radius_miles, place.project.search_postal_code) == (20, "43215")


def test_retries_are_edited_by_type_and_reset_to_the_shipped_ones(place: Place) -> None:
    path = f"/projects/{place.project.id}/settings"
    sent = form_of(place.client, path, "retries")
    assert (sent["max_attempts"], sent["base_delay"], sent["tries_page_timeout"], sent["delay_page_timeout"]) == (
        "3",
        "60",
        "2",
        "30",
    )
    assert (sent["tries_network_error"], sent["delay_form_not_found"], sent["tries_browser_crash"]) == ("5", "300", "")
    assert "tries_captcha_detected" not in sent
    wrong = place.client.post(f"/projects/{place.project.id}/retries", data=sent | {"tries_page_timeout": "11"})
    assert wrong.status_code == 422
    assert "from 0 to 10, or leave it empty" in wrong.text
    done = place.client.post(
        f"/projects/{place.project.id}/retries",
        data=sent | {"tries_page_timeout": "0", "delay_field_disabled": "5", "tries_network_error": ""},
    )
    assert done.status_code == 303
    database.session.refresh(place.project)
    kept = place.project.retry["retry_strategies"]
    assert kept["page_timeout"] == {"max_attempts": 0, "delay": 30}
    assert kept["field_disabled"] == {"max_attempts": 3, "delay": 5}
    assert kept["network_error"] == {"max_attempts": 3, "delay": 10}
    assert kept["captcha_detected"] == {"max_attempts": 0}
    again = form_of(place.client, path, "retries")
    assert (again["tries_page_timeout"], again["delay_field_disabled"], again["tries_network_error"]) == ("0", "5", "3")
    late = place.client.post(f"/projects/{place.project.id}/retries", data=sent | {"base_delay": "10"})
    assert late.status_code == 409
    place.client.post(f"/projects/{place.project.id}/retries", data={"reset": "1", "version": again["version"]})
    assert form_of(place.client, path, "retries")["tries_page_timeout"] == "2"


def test_reps_read_and_managers_write(place: Place) -> None:
    row = make_project_dealership(place.project, place.list)
    p = place.project.id
    place.client.post("/logout")
    sign_in(place.client, make_user(place.company, "rep"))
    for path in (
        f"/projects/{p}",
        f"/projects/{p}/settings",
        f"/projects/{p}/request",
        f"/project-dealerships/{row.id}",
        "/dealerships",
    ):
        answer = place.client.get(path)
        assert answer.status_code == 200, path
        assert "Save" not in text_of(answer), path
    for path in (
        "/projects/new", f"/projects/{p}/settings", f"/projects/{p}/retries", f"/projects/{p}/archive", f"/projects/{p}/copy",
        f"/projects/{p}/request", f"/projects/{p}/dealerships/add", f"/projects/{p}/dealerships/remove", "/dealerships/add",
        "/dealerships/from-leads", "/dealerships/import", "/dealerships/import/check", "/dealerships/new", f"/dealerships/{row.dealership_id}/edit",
        "/settings/automation",
    ):  # fmt: skip
        assert place.client.post(path, data={}).status_code == 403, path
    assert place.client.get("/settings/automation").status_code == 403


# --- the project's page ------------------------------------------------------------------------------------------------


def test_the_page_shows_the_rate_the_nearest_first_and_why_each_waits(place: Place) -> None:
    make_contact_request(place.project)
    near = make_dealership(place.list, name="Near")
    make_project_dealership(place.project, near, distance_miles=1, contact_status="success", contact_attempts=1)
    far = make_dealership(place.list, name="Far")
    make_project_dealership(
        place.project,
        far,
        distance_miles=31.26,
        contact_status="failed",
        error_type="page_timeout",
        reason="Tried again in 30 s",
    )
    make_project_dealership(place.project, make_dealership(place.list, name="Nowhere"), distance_miles=None)
    page = place.client.get(f"/projects/{place.project.id}")
    text = text_of(page)
    assert "Success rate 33.33 %" in text
    assert text.index("Near") < text.index("Far") < text.index("Nowhere")
    assert re.search(r"Far dealer\d+\.example\.com Failed 0 – – Page too slow Tried again in 30 s 31\.3", text)
    assert "no place" in text
    assert "Before a run can start" not in text
    part = place.client.htmx(f"/projects/{place.project.id}?status=failed&error=page_timeout&q=far&sort=-name")
    assert part.text.lstrip().startswith('<div class="list" id="members">')
    assert "Far" in part.text
    assert "Near" not in part.text
    assert "No dealerships match" in place.client.get(f"/projects/{place.project.id}?q=nobody").text


def test_taking_out_shows_first_what_stays(place: Place) -> None:
    fresh = make_project_dealership(place.project, place.list)
    done = make_project_dealership(place.project, place.list, contact_status="success")
    path = f"/projects/{place.project.id}/dealerships/remove"
    shown = place.client.post(path, data={"ids": [fresh.id, done.id], "scope": "selected"})
    assert "Will be taken out 1 Will stay 1" in text_of(shown)
    assert database.session.scalar(sa.select(sa.func.count()).select_from(ProjectDealership)) == 2
    place.client.post(path, data={"scope": "all", "filter": "", "confirm": "1"})
    assert list(database.session.scalars(sa.select(ProjectDealership.id))) == [done.id]


def test_adding_by_distance_counts_first_and_names_those_it_cannot_place(place: Place) -> None:
    make_dealership(place.list)
    make_dealership(place.list, latitude=None, longitude=None)
    path = f"/projects/{place.project.id}/dealerships/add"
    text = text_of(place.client.get(f"{path}?miles=5&list={place.list.id}"))
    assert "1 new." in text
    assert "Add 2 dealerships" in text  # of the list, the unplaced one told
    assert "1 of the new ones cannot be placed" in text
    assert place.client.post(path, data={"choice": "circle", "miles": "0"}).status_code == 422
    assert place.client.post(path, data={"choice": "list", "list": "9999"}).status_code == 422
    assert place.client.post(path, data={}).status_code == 422
    assert place.client.post(path, data={"choice": "circle", "miles": "5"}).status_code == 303
    place.client.post(path, data={"choice": "unplaced"})
    assert database.session.scalar(sa.select(sa.func.count()).select_from(ProjectDealership)) == 2


def test_a_dealership_of_a_project_tells_its_attempts_and_its_history(place: Place) -> None:
    dealership = make_dealership(place.list, name=UGLY)
    place.client.post(f"/projects/{place.project.id}/dealerships/add", data={"choice": "list", "list": place.list.id})
    row = database.session.scalars(sa.select(ProjectDealership)).one()
    make_attempt(
        row,
        make_run(place.project),
        "blocked",
        error_type="captcha_detected",
        error_message="A checkbox asks for a person",
    )
    text = text_of(place.client.get(f"/project-dealerships/{row.id}"))
    assert "No. 1 Dry run Blocked Captcha A checkbox asks for a person 12 s" in text
    assert "Added to the project" in text
    assert f"/leads/{dealership.lead_id}" in place.client.get(f"/project-dealerships/{row.id}").text


# --- settings ----------------------------------------------------------------------------------------------------------


def test_the_introduction_must_name_an_address_and_two_editors_meet(place: Place) -> None:
    sent = form_of(place.client, "/settings/automation", "manners-form")
    for text in ("Just a bot", "Bot (+https://rebound.invalid/x)", "Böt bot@example.com"):
        assert place.client.post("/settings/automation", data=sent | {"user_agent": text}).status_code == 422, text
    good = sent | {"user_agent": "ExampleBot/1.0 (+https://example.com/bot)", "daily_per_host": "5"}
    assert place.client.post("/settings/automation", data=good).status_code == 303
    assert place.client.post("/settings/automation", data=good).status_code == 303  # the same again
    late = place.client.post("/settings/automation", data=sent | {"daily_per_host": "7"})
    assert late.status_code == 409
    assert "ExampleBot" in late.text
