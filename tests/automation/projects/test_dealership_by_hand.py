"""One dealership made by hand: judged and written as a file's row is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.automation.projects.page_support import form_of, text_of
from tests.factories import (
    make_company,
    make_dealership,
    make_lead,
    make_list,
    make_project,
    make_user,
    sign_in,
)
from tests.faults.support import at_once
from tests.harness.client import Client
from webapp.accounts.models import Company, User
from webapp.automation.models import Dealership, ProjectDealership
from webapp.automation.service.dealership_by_hand import ByHand, DealershipKnown
from webapp.automation.service.dealership_by_hand import make_dealership as make_by_hand
from webapp.automation.service.dealerships import Facts, ids_sql, make_of_leads, sort_leads
from webapp.automation.states import CONTACT_STATUS
from webapp.automation.websites import read_website
from webapp.core.audit import AuditEvent, StatusChange
from webapp.core.clock import now
from webapp.core.db import db as database
from webapp.leads.models import Lead, LeadList
from webapp.timeline.models import DncEntry

NEW = "/dealerships/new"
FORM = "dealership-form"


@dataclass
class Place:
    client: Client
    company: Company
    manager: User
    list: LeadList

    def form(self, **typed: Any) -> dict[str, Any]:
        """The form as the browser has it, with City Motors typed into it."""
        given = {"name": "City Motors", "website": "www.City-Motors.example", "list_id": self.list.id}
        return form_of(self.client, NEW, FORM) | given | typed

    def post(self, **typed: Any) -> Any:
        return self.client.post(NEW, data=self.form(**typed))


@pytest.fixture
def place(client: Client) -> Place:
    company = make_company()
    manager = make_user(company, "manager", name="Mia")
    sign_in(client, manager)
    return Place(client, company, manager, make_list(company, name="Ohio"))


def count(model: Any) -> int:
    return database.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def the_dealership() -> Dealership:
    return database.session.scalars(sa.select(Dealership)).one()


def wanted(place: Place, website: str = "city.example", **changes: Any) -> ByHand:
    facts = Facts("City", read_website(website), "", "", "", "", "43215", None)
    given: dict[str, Any] = {
        "phone": None,
        "email": None,
        "list_id": place.list.id,
        "new_list": "",
        "project_id": None,
        "twins": False,
    }
    return ByHand(facts=facts, **given | changes)


# --- made --------------------------------------------------------------------------------------------------------------


def test_it_is_made_with_a_new_lead_and_its_place(place: Place) -> None:
    answer = place.post(
        contact_url="/contact", address="1 Main St", city="Columbus", state="Ohio", postal_code="43215", phone="(614) 555-0142",
        email="Sales@city-motors.example",
    )  # fmt: skip
    row = the_dealership()
    assert (answer.status_code, answer.location) == (303, f"/dealerships/{row.id}")
    assert (row.name, row.website, row.host, row.contact_url) == (
        "City Motors", "https://www.city-motors.example/", "city-motors.example", "https://www.city-motors.example/contact",
    )  # fmt: skip
    assert (row.address, row.city, row.state, row.postal_code, row.placed_by) == (
        "1 Main St",
        "Columbus",
        "OH",
        "43215",
        "postal_code",
    )
    lead = database.session.get_one(Lead, row.lead_id)
    assert (lead.list_id, lead.status, lead.business, lead.website, lead.phone, lead.email, lead.zone, lead.source) == (
        place.list.id, "new", "City Motors", "https://www.city-motors.example/", "+16145550142", "Sales@city-motors.example",
        "America/New_York", "",
    )  # fmt: skip
    assert "Made the dealership City Motors." in text_of(place.client.get(answer.location))
    assert "by hand" in text_of(place.client.get(f"/leads/{lead.id}"))


def test_its_history_and_the_audit_say_who_made_it(place: Place) -> None:
    place.post()
    row = the_dealership()
    ledger = database.session.scalars(sa.select(StatusChange).where(StatusChange.subject_id == row.lead_id)).one()
    assert (ledger.machine, ledger.old_status, ledger.new_status, ledger.cause, ledger.user_id) == (
        "lead",
        None,
        "new",
        "user",
        place.manager.id,
    )
    event = database.session.scalars(sa.select(AuditEvent).where(AuditEvent.kind == "dealership_made")).one()
    assert (event.summary, event.subject_type, event.subject_id, event.user_id) == (
        "Made the dealership City Motors", "dealerships", row.id, place.manager.id,
    )  # fmt: skip
    assert event.details["lead_id"] == row.lead_id


def test_its_own_coordinates_place_it_and_without_any_place_it_is_made_and_told(place: Place) -> None:
    place.post(coordinates="39.9612, -82.9988", postal_code="45202")
    row = the_dealership()
    assert (float(row.latitude or 0), float(row.longitude or 0), row.placed_by) == (39.9612, -82.9988, "own")
    answer = place.post(website="nowhere.example", name="Nowhere")
    assert "It cannot be placed on the map" in text_of(place.client.get(answer.location))


def test_a_new_list_is_made_for_its_lead(place: Place) -> None:
    assert place.post(list_id="", new_list="Typed ones").status_code == 303
    made = database.session.scalars(sa.select(LeadList).where(LeadList.name == "Typed ones")).one()
    assert database.session.get_one(Lead, the_dealership().lead_id).list_id == made.id


def test_it_joins_a_project_with_its_distance_and_history(place: Place) -> None:
    project = make_project(place.company, name="Spring")
    answer = place.post(postal_code="45202", project_id=project.id)
    member = database.session.scalars(sa.select(ProjectDealership)).one()
    assert (member.project_id, member.contact_status) == (project.id, "pending")
    assert 95 < member.distance_miles < 105  # Cincinnati
    ledger = database.session.scalars(
        sa.select(StatusChange).where(StatusChange.machine == CONTACT_STATUS.name, StatusChange.subject_id == member.id)
    ).one()
    assert (ledger.old_status, ledger.new_status, ledger.cause, ledger.reason) == (
        None,
        "pending",
        "user",
        "Added by hand",
    )
    text = text_of(place.client.get(answer.location))
    assert "Made the dealership City Motors and added it to Spring." in text
    assert "Spring Pending" in text


def test_pressed_twice_it_is_one(place: Place) -> None:
    project = make_project(place.company)
    sent = place.form(list_id="", new_list="Typed ones", project_id=project.id)
    first, second = (place.client.post(NEW, data=sent) for _ in range(2))
    assert (first.status_code, second.status_code, first.location) == (303, 303, second.location)
    assert (count(Dealership), count(Lead), count(ProjectDealership), count(LeadList)) == (1, 1, 1, 2)


# --- what is there -----------------------------------------------------------------------------------------------------


def test_a_website_that_another_has_is_refused_with_a_link_then_allowed_by_the_box(place: Place) -> None:
    there = make_dealership(place.list, name="City <b>North</b>", website="https://city-motors.example/north")
    sent = place.form(phone="(614) 555-0142", list_id="", new_list="Typed ones")
    assert "twins" not in sent
    answer = place.client.post(NEW, data=sent)
    assert answer.status_code == 422
    assert "City <b>North</b> has this website already." in unescape(answer.text)
    assert "<b>" not in answer.text
    website = re.search(r'id="website-error".*?<input[^>]*id="contact_url"', answer.text, re.S)
    assert website
    assert f'href="/dealerships/{there.id}"' in website[0]
    assert "It is another house with the same website" in website[0]
    assert (count(Dealership), count(Lead), count(LeadList)) == (1, 1, 1)
    allowed = place.client.post(NEW, data=sent | {"twins": "y"})
    assert allowed.status_code == 303
    assert "1 other dealership has the same website" in text_of(place.client.get(allowed.location))
    assert count(Dealership) == 2


def test_the_box_allows_no_second_of_the_same_name_and_place(place: Place) -> None:
    make_dealership(place.list, name="CITY Motors", website="https://city-motors.example/", postal_code="43215-1234")
    answer = place.post(twins="y", postal_code="43215")
    assert answer.status_code == 422
    assert "it is the same house" in answer.text
    assert re.search(r'<input checked[^>]*name="twins"', answer.text)
    assert count(Dealership) == 1
    assert place.post(twins="y", postal_code="45202").status_code == 303


def test_another_companys_dealership_is_no_twin(place: Place) -> None:
    make_dealership(make_list(make_company()), website="https://city-motors.example/")
    assert place.post().status_code == 303


@pytest.mark.parametrize(
    ("lead", "typed", "by"),
    [
        ({"website": "http://www.city-motors.example/x", "phone": None}, {}, "website"),
        ({"phone": "+16145550142"}, {"phone": "614.555.0142"}, "phone"),
        ({"email": "Sales@City.example", "phone": None}, {"email": "sales@city.example"}, "email"),
    ],
)
def test_a_lead_that_is_known_is_taken_and_the_page_says_so(
    place: Place, lead: dict[str, Any], typed: dict[str, str], by: str
) -> None:
    known = make_lead(place.list, first_name="Ann", last_name="Smith", **lead)
    answer = place.post(**typed)
    assert the_dealership().lead_id == known.id
    assert (count(Lead), count(StatusChange)) == (1, 0)
    text = text_of(place.client.get(answer.location))
    assert f"Its lead was known already by its {by}: Ann Smith." in text
    assert "stays as it is" not in text


def test_a_known_lead_keeps_its_own_facts_and_the_page_says_which_were_not_taken(place: Place) -> None:
    known = make_lead(place.list, website="city-motors.example", phone="+16145550142")
    answer = place.post(phone="(614) 555-0199", email="a@city.example")
    page = place.client.get(answer.location)
    assert "The lead stays as it is, without the phone and email you gave." in text_of(page)
    assert f"/leads/{known.id}/edit" in page.text
    database.session.refresh(known)
    assert (known.phone, known.email) == ("+16145550142", None)


def test_a_lead_of_another_list_or_with_a_dealership_of_its_own_is_not_taken(place: Place) -> None:
    make_lead(make_list(place.company), phone="+16145550142")
    make_dealership(make_lead(place.list, phone="+16145550142"), website="https://other.example/")
    assert place.post(phone="(614) 555-0142").status_code == 303
    assert count(Lead) == 3


@pytest.mark.parametrize(
    ("kind", "value", "field", "why"),
    [
        ("phone", "+16145550142", "phone", "Its phone is on the do-not-contact list: asked us."),
        ("email", "a@mail.example", "email", "Its email is on the do-not-contact list: asked us."),
        (
            "domain",
            "city-motors.example",
            "website",
            "The domain of its website or email is on the do-not-contact list",
        ),
    ],
)
def test_who_is_not_to_be_contacted_is_not_made(place: Place, kind: str, value: str, field: str, why: str) -> None:
    database.session.add(DncEntry(company_id=place.company.id, kind=kind, value=value, reason="asked us"))
    database.session.commit()
    answer = place.post(phone="(614) 555-0142", email="a@mail.example", list_id="", new_list="Typed ones")
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error".*?{re.escape(why)}', answer.text, re.S)
    assert (count(Dealership), count(Lead), count(LeadList)) == (0, 0, 1)


# --- wrong entries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("name", " ", "Give it a name"), ("name", "x" * 201, "At most 200"), ("website", "", "address of the website"),
        ("website", "dealer", "no ending"), ("website", "ftp://city.example", "http"), ("website", "https://me:pw@city.example", ""),
        ("contact_url", "javascript:alert(1)", "/contact"), ("coordinates", "north", "latitude and longitude"),
        ("coordinates", "91, 0", "latitude and longitude"), ("phone", "12", "area code"), ("phone", "(614) 055-0142", "No such number"),
        ("email", "nobody", "@"), ("new_list", "", "Name the new list"), ("new_list", "ohio", "of this name already"),
        ("list_id", "999999", "valid choice"), ("project_id", "999999", "valid choice"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_told_beside_its_field_and_nothing_typed_is_lost(
    place: Place, field: str, value: str, why: str
) -> None:
    typed = {
        "name": "Kept & <sound>",
        "address": "1 Main St",
        "phone": "(614) 555-0142",
        "email": "a@city.example",
        "city": "Columbus",
    }
    into = {"list_id": ""} if field == "new_list" else {}
    sent = place.form(**typed | {field: value} | into)
    answer = place.client.post(NEW, data=sent)
    assert answer.status_code == 422
    told = re.search(rf'id="{field}-error".*?</p>', answer.text, re.S)
    assert told
    assert why in unescape(told[0])
    assert "<title>Error:" in answer.text
    for name, text in (typed | {"website": sent["website"]}).items():
        assert name == field or re.search(rf'name="{name}"[^>]*value="{re.escape(text)}"', unescape(answer.text)), name
    assert sent["form_token"] in answer.text
    assert (count(Dealership), count(Lead), count(LeadList)) == (0, 0, 1)


def test_a_corrected_form_is_taken_with_the_token_it_was_refused_with(place: Place) -> None:
    sent = place.form(phone="12")
    assert place.client.post(NEW, data=sent).status_code == 422
    make_dealership(place.list, website="https://taken.example/")
    assert place.client.post(NEW, data=sent | {"phone": "", "website": "taken.example"}).status_code == 422
    assert place.client.post(NEW, data=sent | {"phone": ""}).status_code == 303


# --- who may, and what is theirs ---------------------------------------------------------------------------------------


def test_a_rep_is_refused_and_sees_no_way_to_it(place: Place) -> None:
    assert place.client.get("/dealerships").text.count(f'href="{NEW}"') == 2  # the button, and the empty state
    place.client.post("/logout")
    sign_in(place.client, make_user(place.company, "rep"))
    assert NEW not in place.client.get("/dealerships").text
    assert place.client.get(NEW).status_code == 403
    assert place.client.post(NEW, data={"name": "X", "website": "x.example"}).status_code == 403
    assert count(Dealership) == 0


def test_another_companys_list_or_project_is_refused_and_so_is_what_is_archived(place: Place) -> None:
    other = make_company()
    lists = [make_list(other), make_list(place.company, archived_at=now())]
    projects = [make_project(other), make_project(place.company, archived_at=now())]
    for field, rows in (("list_id", lists), ("project_id", projects)):
        for row in rows:
            answer = place.post(**{field: row.id})
            assert answer.status_code == 422
            assert f'id="{field}-error"' in answer.text
    for changes in ({"list_id": lists[0].id}, {"list_id": lists[1].id}, {"project_id": projects[0].id}):
        with pytest.raises(LookupError):
            make_by_hand(wanted(place, **changes), by=place.manager, form_token="t")
    assert (count(Dealership), count(Lead)) == (0, 0)


def test_the_form_opens_with_the_list_and_project_of_its_address(place: Place) -> None:
    project = make_project(place.company)
    sent = form_of(place.client, f"{NEW}?list={place.list.id}&project={project.id}", FORM)
    assert (sent["list_id"], sent["project_id"]) == (str(place.list.id), str(project.id))
    assert f"{NEW}?project={project.id}" in place.client.get(f"/projects/{project.id}/dealerships/add").text
    assert place.client.get(f"{NEW}?list=x&project={'9' * 30}").status_code == 200


# --- at once -----------------------------------------------------------------------------------------------------------


def test_two_who_make_one_in_the_same_second_make_it_once(place: Place, app: Flask) -> None:
    user_id, given = place.manager.id, wanted(place)

    def call(token: str) -> Any:
        return lambda: make_by_hand(given, by=database.session.get_one(User, user_id), form_token=token)

    errors = at_once(app, [call(token) for token in ("a", "a", "b", "c")])
    assert (count(Dealership), count(Lead)) == (1, 1)
    assert all(isinstance(error, DealershipKnown) for error in errors)
    assert len(errors) in (2, 3)  # the form that was pressed twice is one, whoever came first


def test_a_lead_that_becomes_a_dealership_meanwhile_is_told_and_not_made_twice(place: Place, monkeypatch: Any) -> None:
    lead = make_lead(place.list, phone="+16145550142", website="other.example", business="Other")
    from webapp.automation.service import file_matching

    write = file_matching.write_dealerships

    def late(rows: Any, *, company_id: int) -> list[int]:
        make_of_leads(
            sort_leads(*ids_sql([lead.id], place.manager), twins=False, by=place.manager).new,
            [],
            project_id=None,
            by=place.manager,
        )
        return write(rows, company_id=company_id)

    monkeypatch.setattr(file_matching, "write_dealerships", late)
    with pytest.raises(DealershipKnown, match="Other was made this moment of the lead with the same phone"):
        make_by_hand(wanted(place, phone="+16145550142"), by=place.manager, form_token="t")
