"""The pages of dealerships: their table, one of them, those of leads and those of a file."""

from __future__ import annotations

from html import unescape
from io import BytesIO

import sqlalchemy as sa

from tests.automation.projects.page_support import UGLY, Place, form_of, text_of
from tests.factories import make_dealership, make_lead
from webapp.automation.models import Dealership, ProjectDealership
from webapp.core.db import db as database
from webapp.leads.models import LeadList


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
