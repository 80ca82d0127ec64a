"""Dealerships: those made of leads, what an edit moves, and the table that finds them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.datastructures import MultiDict

from tests.automation.projects.support import count
from tests.factories import make_company, make_dealership, make_lead, make_list, make_project, make_project_dealership
from webapp.accounts.models import User
from webapp.automation.models import Dealership, ProjectDealership
from webapp.automation.queries.dealerships import DealershipFilter, count_dealerships, list_dealerships
from webapp.automation.queries.keyset import Cursor
from webapp.automation.service import dealerships, from_bulk
from webapp.automation.service.dealerships import Facts, StaleDealership, chosen_sql, ids_sql, make_of_leads, sort_leads
from webapp.automation.websites import read_website
from webapp.core.db import db as database
from webapp.leads import service as leads_service
from webapp.leads.filters import LeadFilter
from webapp.leads.models import BulkAction


def test_leads_are_told_by_what_stands_in_their_way(manager: User) -> None:
    leads = make_list(manager.company)
    taken = make_lead(make_list(manager.company), website="taken.example")
    make_dealership(taken, website="https://www.taken.example/")
    new = make_lead(leads, business="City", website="City.example", postal_code="43215-1234")
    same = make_lead(leads, website="https://www.city.example/sales")
    other = make_lead(leads, website="http://taken.example")
    bad, none = make_lead(leads, website="not a site"), make_lead(leads)
    known = make_lead(leads, website="known.example")
    make_dealership(known, website="https://known.example/")
    found = sort_leads(*chosen_sql(LeadFilter(lists=(leads.id,)), manager), twins=False, by=manager)
    assert (found.total, found.no_website, found.known) == (6, 1, [known.id])
    assert [pick.lead_id for pick in found.new] == [new.id]
    assert found.codes == {same.id: "twin", other.id: "twin", bad.id: "bad_website"}
    assert none.id not in found.codes
    project = make_project(manager.company)
    made, added = make_of_leads(found.new, found.known, project_id=project.id, by=manager)
    assert (made, added and added.added) == (1, 2)
    row = database.session.scalars(sa.select(Dealership).where(Dealership.lead_id == new.id)).one()
    assert (row.name, row.host, row.placed_by, row.website) == (
        "City",
        "city.example",
        "postal_code",
        "https://city.example/",
    )
    again, added = make_of_leads(found.new, found.known, project_id=project.id, by=manager)
    assert (again, added and (added.added, added.there)) == (0, (0, 2))
    both = sort_leads(*chosen_sql(LeadFilter(lists=(leads.id,)), manager), twins=True, by=manager)
    assert [pick.lead_id for pick in both.new] == [same.id, other.id]


@pytest.mark.parametrize(("twins", "second"), [(False, 0), (True, 1)])
def test_of_two_who_picked_leads_of_one_website_the_second_makes_none_unless_twins_are_wanted(
    manager: User, twins: bool, second: int
) -> None:
    leads = make_list(manager.company)
    picks = [
        sort_leads(*ids_sql([make_lead(leads, website="one.example").id], manager), twins=twins, by=manager).new
        for _ in range(2)
    ]
    made = [make_of_leads(picked, [], project_id=None, by=manager)[0] for picked in picks]
    assert made == [1, second]


def test_a_postal_code_of_another_country_places_nobody_in_the_states(manager: User) -> None:
    leads = make_list(manager.company)
    for country in ("DE", ""):
        make_lead(leads, website=f"auto{country}.example", postal_code="43215", country=country)
    found = sort_leads(*chosen_sql(LeadFilter(lists=(leads.id,)), manager), twins=False, by=manager)
    make_of_leads(found.new, [], project_id=None, by=manager)
    placed = dict(row for row in database.session.execute(sa.select(Dealership.host, Dealership.placed_by)))
    assert placed == {"autode.example": None, "auto.example": "postal_code"}


def test_a_lead_of_another_company_is_never_made_one_of_ours(manager: User) -> None:
    theirs = make_lead(make_list(make_company()), website="theirs.example")
    assert sort_leads(*ids_sql([theirs.id], manager), twins=False, by=manager).total == 0
    pick = dealerships.Pick(theirs.id, read_website("theirs.example"), "", "US")
    assert make_of_leads([pick], [], project_id=None, by=manager) == (0, None)


def test_leads_of_a_bulk_action_join_a_project_and_leave_it_by_undo(manager: User, worker: Any) -> None:
    leads, project = make_list(manager.company), make_project(manager.company)
    good = [make_lead(leads, website=f"d{n}.example") for n in range(3)]
    bare = make_lead(leads)
    chosen = leads_service.Selection(tuple(lead.id for lead in [*good, bare]))
    params = leads_service.check_params("project", {"project": str(project.id)}, manager)
    shown = leads_service.preview("project", params, chosen, by=manager)
    assert (shown.total, shown.change, shown.skipped) == (4, 3, {"no_website": 1})
    row = leads_service.run_bulk("project", {"project": str(project.id)}, chosen, seen=4, by=manager, form_token="x")
    assert (row.state, row.done, row.skipped, count(ProjectDealership)) == ("done", 3, 1, 3)
    touched = database.session.scalars(sa.select(ProjectDealership).order_by(ProjectDealership.id)).first()
    assert touched is not None
    touched.contact_status, touched.contact_attempts = "in_progress", 1
    database.session.commit()
    back = leads_service.undo_bulk(row.id, by=manager)
    worker()
    database.session.refresh(back)
    assert (back.state, back.done, back.skipped) == ("done", 2, 1)
    assert (count(ProjectDealership), count(Dealership)) == (1, 3)
    database.session.get_one(BulkAction, row.id)
    assert from_bulk.judge([good[0].id, bare.id], {"project": project.id}, manager) == {
        good[0].id: "unchanged",
        bare.id: "no_website",
    }


# --- one of them -------------------------------------------------------------------------------------------------------


def facts(**changes: Any) -> Facts:
    given: dict[str, Any] = {
        "name": "City", "website": read_website("city.example"), "contact_url": "", "address": "", "city": "", "state": "",
        "postal_code": "45202", "point": None,
    }  # fmt: skip
    return Facts(**given | changes)


def test_a_new_place_moves_the_distance_in_every_project(manager: User) -> None:
    dealership = make_dealership(make_list(manager.company))
    rows = [make_project_dealership(make_project(manager.company), dealership) for _ in range(2)]
    bare = make_project_dealership(
        make_project(manager.company, search_location_lat=None, search_location_lng=None),
        dealership,
        distance_miles=None,
    )
    dealerships.update_dealership(dealership.id, facts(), version=1, by=manager)
    for row in rows:
        database.session.refresh(row)
        assert 95 < row.distance_miles < 105  # Cincinnati
    assert (dealership.placed_by, dealership.version) == ("postal_code", 2)
    with pytest.raises(StaleDealership):
        dealerships.update_dealership(dealership.id, facts(name="Other"), version=1, by=manager)
    dealerships.update_dealership(dealership.id, facts(postal_code="nowhere"), version=2, by=manager)
    for row in [*rows, bare]:
        database.session.refresh(row)
        assert row.distance_miles is None


def test_the_table_finds_the_unplaced_the_idle_and_those_that_share_a_website(manager: User) -> None:
    leads = make_list(manager.company)
    one, two = (make_dealership(leads, name=name, website="https://group.example/") for name in ("50%_off Motors", "B"))
    nowhere = make_dealership(leads, name="Nowhere", latitude=None, longitude=None)
    make_project_dealership(make_project(manager.company), one)
    make_dealership(make_list(make_company()), website="https://group.example/")

    def names(**wanted: str) -> list[str]:
        f = DealershipFilter.parse(MultiDict(wanted))
        page = list_dealerships(manager.company_id, f, Cursor())
        assert len(page.rows) == count_dealerships(manager.company_id, f)
        return [row.name for row in page.rows]

    assert names(twins="yes") == [one.name, two.name]
    assert names(placed="no") == [nowhere.name]
    assert names(project="none") == ["B", "Nowhere"]
    assert names(q="50%_") == [one.name]
    assert names(q="%") == [one.name]
    assert names(q="\x00", sort="nope", placed="x", project="y") == ["50%_off Motors", "B", "Nowhere"]
    assert names(q="GROUP.ex", sort="-name") == ["B", one.name]
