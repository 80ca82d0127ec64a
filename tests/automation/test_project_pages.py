"""The pages of projects, contact requests and dealerships."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import (
    make_attempt,
    make_company,
    make_contact_request,
    make_dealership,
    make_lead,
    make_list,
    make_project,
    make_project_dealership,
    make_run,
    make_user,
    sign_in,
)
from tests.harness.client import Client
from webapp.accounts.models import Company, User
from webapp.automation.models import ContactRequest, Dealership, Project, ProjectDealership
from webapp.core.db import db as database
from webapp.leads.models import LeadList

UGLY = 'Zoë\'s <b>"Motors"</b> & Söhne \u202eاب 🚗 {{ 7*7 }} %s 100%'


@dataclass
class Place:
    client: Client
    company: Company
    manager: User
    list: LeadList
    project: Project


@pytest.fixture
def place(client: Client) -> Place:
    company = make_company()
    manager = make_user(company, "manager", name="Mia")
    sign_in(client, manager)
    return Place(client, company, manager, make_list(company, name="Ohio"), make_project(company, name="Spring"))


def text_of(answer: Any) -> str:
    body = re.sub(r"<(script|style|head)\b.*?</\1>", " ", answer.text, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def form_of(client: Client, path: str, form_id: str) -> dict[str, Any]:
    """What a browser would send of a form as it stands."""
    page = client.get(path).text
    found = re.search(rf'<form[^>]*id="{form_id}".*?</form>', page, re.S)
    assert found, form_id
    part, sent = found[0], {}
    for tag in re.findall(r"<input\b[^>]*>", part):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if attributes.get("type") in ("checkbox", "radio") and " checked" not in tag:
            continue
        if "name" in attributes:
            sent[attributes["name"]] = unescape(attributes.get("value", "on"))
    for name, body in re.findall(r'<textarea\b[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', part, re.S):
        sent[name] = unescape(body).lstrip("\r\n")
    for name, body in re.findall(r'<select\b[^>]*name="([^"]*)"[^>]*>(.*?)</select>', part, re.S):
        chosen = re.search(r'<option selected value="([^"]*)"|<option value="([^"]*)" selected', body)
        first = re.search(r'<option[^>]*value="([^"]*)"', body)
        sent[name] = (
            unescape(next(filter(None, chosen.groups()), "")) if chosen else unescape(first[1]) if first else ""
        )
    sent.pop("csrf_token", None)
    return sent


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


# --- contact requests --------------------------------------------------------------------------------------------------

WORDS = {
    "first_name": "Ana",
    "last_name": "Ruiz",
    "email": "ana@example.com",
    "message": "Is it there?",
    "country": "US",
    "preferred_contact": "",
}


def test_the_message_is_previewed_before_it_is_saved_and_kept_as_it_was_typed(place: Place) -> None:
    path = f"/projects/{place.project.id}/request"
    sent = (
        form_of(place.client, path, "request-form")
        | WORDS
        | {"message": UGLY + "\r\n\r\nSecond line", "phone": "(614) 555-0142"}
    )
    sent["message"] = sent["message"].replace("{{ 7*7 }}", "")
    shown = place.client.post(path, data=sent | {"preview": "1"})
    assert "Not saved yet" in shown.text
    assert "(614)" not in text_of(shown).partition("What a dealership gets")[2] or "+16145550142" in shown.text
    assert database.session.scalar(sa.select(sa.func.count()).select_from(ContactRequest)) == 0
    assert place.client.post(path, data=sent).status_code == 303
    row = database.session.scalars(sa.select(ContactRequest)).one()
    assert row.message == sent["message"].replace("\r\n", "\n")
    assert (row.phone, sorted(row.consents)) == ("+16145550142", ["contact", "terms"])
    assert "<b>" not in place.client.get(path).text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"email": "nobody"}, "@"), ({"phone": "12"}, "cannot be a phone number"), ({"message": ""}, "Write the message"),
        ({"message": "Dear {dealer}"}, "{dealer} would be sent as it stands"), ({"subject": "Hi {{ name }}"}, "as it stands"),
        ({"message": "Dear [Dealer Name],"}, "as it stands"), ({"message": "x" * 5001}, "At most 5,000"), ({"message": "a\x00b"}, "control characters"),
        ({"vin": "123"}, "17 letters"), ({"vehicle_year": "24"}, "four digits"), ({"state": "Ohioo"}, "two letters"),
        ({"postal_code": "432"}, ""), ({"postal_code": "ABC"}, "five digits"), ({"preferred_contact": "sms", "phone": "(614) 555-0142"}, "agree to them"),
        ({"preferred_contact": "phone"}, "give the phone"), ({"country": "XX"}, "valid choice"),
    ],
)  # fmt: skip
def test_what_no_dealership_should_get_is_refused(place: Place, change: dict[str, str], why: str) -> None:
    answer = place.client.post(f"/projects/{place.project.id}/request", data=WORDS | change)
    assert answer.status_code == (303 if not why else 422)
    assert why in unescape(answer.text)


def test_saving_after_use_makes_a_new_version_and_the_old_one_stays_readable(place: Place) -> None:
    first = make_contact_request(place.project, created_by_id=place.manager.id)
    make_run(place.project, first)
    path = f"/projects/{place.project.id}/request"
    assert "What you save becomes version 2" in text_of(place.client.get(path))
    place.client.post(path, data=form_of(place.client, path, "request-form") | {"message": "New words"})
    text = text_of(place.client.get(path))
    assert "Version 2 what the next run sends" in text
    old = text_of(place.client.get(f"{path}/{first.id}"))
    assert "Hello, is the blue one still there?" in old
    assert "By Mia" in old


def test_two_who_write_at_once_see_both_messages(place: Place) -> None:
    path = f"/projects/{place.project.id}/request"
    make_contact_request(place.project)
    mine = form_of(place.client, path, "request-form") | {"message": "Mine"}
    place.client.post(path, data=form_of(place.client, path, "request-form") | {"message": "Theirs"})
    answer = place.client.post(path, data=mine)
    assert answer.status_code == 409
    assert "Message Theirs Mine" in text_of(answer)
    kept = re.search(r'id="request-conflict".*?</form>', answer.text, re.S)
    assert kept
    sent = {
        name: unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', kept[0])
    }
    assert place.client.post(path, data=sent).status_code == 303
    assert database.session.scalars(sa.select(ContactRequest.message)).all() == ["Mine"]


# --- dealerships -------------------------------------------------------------------------------------------------------


def test_the_dealerships_table_filters_and_adds_to_a_project_after_a_preview(place: Place) -> None:
    rows = [
        make_dealership(place.list, name=f"D{n}", latitude=None if n else 40, longitude=None if n else -83)
        for n in range(3)
    ]
    part = place.client.htmx("/dealerships?placed=no")
    assert part.text.lstrip().startswith('<div class="list" id="dealerships-region">')
    assert "D0" not in part.text
    chosen = {"scope": "all", "filter": "placed=no", "seen": "2"}
    assert "Choose…" in place.client.post("/dealerships/add", data=chosen).text
    shown = text_of(place.client.post("/dealerships/add", data=chosen | {"project": place.project.id}))
    assert "Will be added 2 In it already 0 Without a place 2" in shown
    moved = place.client.post(
        "/dealerships/add", data=chosen | {"project": place.project.id, "seen": "1", "confirm": "1"}
    )
    assert moved.status_code == 409
    done = place.client.post("/dealerships/add", data=chosen | {"project": place.project.id, "confirm": "1"})
    assert done.status_code == 303
    assert set(database.session.scalars(sa.select(ProjectDealership.dealership_id))) == {rows[1].id, rows[2].id}


def test_a_dealership_is_edited_and_two_edits_meet(place: Place) -> None:
    row = make_dealership(place.list, name="Old")
    path = f"/dealerships/{row.id}/edit"
    mine = form_of(place.client, path, "dealership-form") | {"name": "Mine"}
    sent = mine | {
        "name": UGLY,
        "website": "münchen.example",
        "contact_url": "/kontakt",
        "coordinates": "",
        "postal_code": "2139",
    }
    assert place.client.post(path, data=sent).status_code == 303
    database.session.refresh(row)
    assert (row.host, row.contact_url, row.postal_code, row.placed_by) == (
        "xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example/kontakt", "02139", "postal_code",
    )  # fmt: skip
    page = place.client.get(f"/dealerships/{row.id}")
    assert "münchen.example" in page.text
    assert "<b>" not in page.text
    assert place.client.post(path, data=mine).status_code == 409
    wrong = place.client.post(path, data=mine | {"website": "javascript:alert(1)", "coordinates": "north"})
    assert wrong.status_code == 422
    assert "latitude and longitude" in wrong.text


def test_leads_of_a_list_are_counted_then_made_and_added(place: Place) -> None:
    for website in ("a.example", "www.a.example", "", "nonsense"):
        make_lead(place.list, website=website)
    path = f"/dealerships/from-leads?list={place.list.id}&project={place.project.id}"
    assert "New dealerships 1 Known already 0 No website 1 Bad website 1 Same website twice 1" in text_of(
        place.client.get(path)
    )
    sent = form_of(place.client, path, "make")
    moved = place.client.post("/dealerships/from-leads", data=sent | {"seen": "7"})
    assert moved.status_code == 409
    assert place.client.post("/dealerships/from-leads", data=sent).location == f"/projects/{place.project.id}"
    assert database.session.scalar(sa.select(sa.func.count()).select_from(ProjectDealership)) == 1
    assert place.client.post("/dealerships/from-leads", data={}).status_code == 422


def test_a_file_is_looked_at_corrected_by_hand_and_made(place: Place) -> None:
    text = "Who,Where\nCity,city.example\nBad,\n"
    sent = form_of(place.client, "/dealerships/import", "upload-form") | {
        "list_id": "",
        "new_list": "From file",
        "project_id": place.project.id,
    }
    sent.pop("file", None)
    answer = place.client.post("/dealerships/import", data=sent | {"file": (BytesIO(text.encode()), "../../d.csv")})
    assert answer.status_code == 303
    assert "Choose the column with the website" in place.client.get(answer.location).text
    token = answer.location.rpartition("=")[2]
    columns = {"file": token, "do": "columns", "column-0": "name", "column-1": "website"}
    assert place.client.post("/dealerships/import/check", data=columns | {"column-1": "name"}).status_code == 422
    assert place.client.post("/dealerships/import/check", data=columns).status_code == 303
    shown = text_of(place.client.get(answer.location))
    assert "New dealerships 1" in shown
    assert "Line 3: no website" in shown
    assert database.session.scalar(sa.select(sa.func.count()).select_from(Dealership)) == 0
    assert place.client.post("/dealerships/import/check", data={"file": token, "do": "run"}).status_code == 303
    assert "Done" in text_of(place.client.get(answer.location))
    refused = place.client.get(f"/dealerships/import/refused.csv?file={token}")
    assert refused.text.splitlines() == ["line,reason,Who,Where", "3,no website,Bad,"]
    assert database.session.scalars(sa.select(LeadList.name).order_by(LeadList.id.desc())).first() == "From file"
    for path in ("/dealerships/import/check", "/dealerships/import/check?file=unknown"):
        assert place.client.get(path).status_code == 303
    assert place.client.get("/dealerships/import/refused.csv?file=unknown").status_code == 404


def test_an_upload_that_cannot_be_taken_says_so_beside_its_field(place: Place) -> None:
    for sent, why in (
        ({"new_list": "X"}, "Choose a file"),
        ({"new_list": "", "file": (BytesIO(b"website\na.example\n"), "d.csv")}, "Name the new list"),
        ({"new_list": "ohio", "file": (BytesIO(b"website\na.example\n"), "d.csv")}, "There is a list of this name"),
        ({"new_list": "X", "file": (BytesIO(b"%PDF-1.7"), "d.csv")}, "PDF"),
    ):
        answer = place.client.post("/dealerships/import", data=sent)
        assert answer.status_code == 422
        assert why in unescape(answer.text)


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
