"""Which dealerships are a project's: added by distance or by hand, taken out, and the table that walks over them."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from tests.automation.projects.support import facts
from tests.factories import (
    T0,
    make_attempt,
    make_company,
    make_dealership,
    make_list,
    make_project,
    make_project_dealership,
    make_run,
)
from webapp.accounts.models import User
from webapp.automation.models import Dealership, Project, ProjectDealership
from webapp.automation.places import Place, find_place
from webapp.automation.queries import projects as queries
from webapp.automation.queries.keyset import Cursor
from webapp.automation.rules import miles_between
from webapp.automation.service import membership, projects
from webapp.automation.service.membership import MembershipRefused
from webapp.core.audit import StatusChange
from webapp.core.db import db as database


def test_those_within_the_radius_come_nearest_first_and_those_without_a_place_only_when_asked_for(
    manager: User,
) -> None:
    leads = make_list(manager.company)
    project = projects.create_project(facts(), by=manager, form_token="a")
    far = make_dealership(leads, latitude=41.4993, longitude=-81.6944)  # Cleveland
    middle = make_dealership(leads, latitude=40.10, longitude=-83.10)
    near = make_dealership(leads, latitude=39.968, longitude=-83.005)
    nowhere = make_dealership(leads, latitude=None, longitude=None)
    theirs = make_dealership(make_list(make_company()))
    reach = membership.measure_circle(project, 50)
    added = membership.add_circle(project.id, 50, by=manager)
    assert (reach.new, reach.there, added.added, added.there) == (2, 0, 2, 0)
    rows = database.session.scalars(sa.select(ProjectDealership).order_by(ProjectDealership.id)).all()
    assert [row.dealership_id for row in rows] == [near.id, middle.id]
    assert membership.add_circle(project.id, 150, by=manager) == membership.Added(1, 2, membership_batch(project, far))
    assert membership.measure_unplaced(project).new == 1
    membership.add_unplaced(project.id, by=manager)
    last = database.session.scalars(sa.select(ProjectDealership).order_by(ProjectDealership.id.desc())).first()
    assert last is not None
    assert (last.dealership_id, last.distance_miles) == (nowhere.id, None)
    assert membership.add_chosen(project.id, [theirs.id], by=manager).added == 0


def membership_batch(project: Project, dealership: Dealership) -> Any:
    """The batch that the ledger tells for the row."""
    return database.session.scalar(
        sa.select(StatusChange.batch_id)
        .join(ProjectDealership, ProjectDealership.id == StatusChange.subject_id)
        .where(StatusChange.machine == "contact status", ProjectDealership.project_id == project.id,
               ProjectDealership.dealership_id == dealership.id)
    )  # fmt: skip


def test_the_distance_in_the_database_is_the_rules_own_at_the_ends_of_the_earth(manager: User) -> None:
    leads = make_list(manager.company)
    project = projects.create_project(facts(place=Place(71.29, -156.79)), by=manager, form_token="a")
    spots = [(-71.0, 23.0), (71.29, 179.9), (-45.0, 170.5), (0.0, -180.0), (89.99, 0.0)]
    made = [make_dealership(leads, latitude=lat, longitude=lng) for lat, lng in spots]
    assert membership.add_circle(project.id, 12_500, by=manager).added == 5
    rows = database.session.execute(sa.select(ProjectDealership.dealership_id, ProjectDealership.distance_miles)).all()
    found = {row[0]: float(row[1]) for row in rows}
    for dealership, (lat, lng) in zip(made, spots, strict=True):
        assert found[dealership.id] == pytest.approx(miles_between(71.29, -156.79, lat, lng), abs=0.006)
    projects.update_project(project.id, facts(place=Place(0.0, 179.99)), version=1, by=manager)
    edge = make_dealership(leads, latitude=0.0, longitude=-179.99)
    assert membership.measure_circle(project, 5).new == 1  # across the date line
    assert membership.add_circle(project.id, 5, by=manager).added == 1
    assert found.get(edge.id) is None


def test_without_a_search_location_nothing_is_added_by_distance(manager: User) -> None:
    project = projects.create_project(facts(place=None), by=manager, form_token="a")
    with pytest.raises(MembershipRefused, match="search location"):
        membership.add_circle(project.id, 10, by=manager)
    dealership = make_dealership(make_list(manager.company))
    assert membership.add_chosen(project.id, [dealership.id], by=manager).added == 1


def test_only_pending_ones_that_nobody_touched_are_taken_out(manager: User) -> None:
    leads = make_list(manager.company)
    project = make_project(manager.company)
    fresh, done, tried, held = (
        make_project_dealership(project, leads, **values)
        for values in ({}, {"contact_status": "success"}, {}, {"lease_until": T0 + timedelta(days=99_000)})
    )
    make_attempt(tried, make_run(project), "cancelled")
    ids = [fresh.id, done.id, tried.id, held.id]
    assert queries.count_untouched(project.id, ids) == 1
    assert membership.remove_pending(project.id, ids, by=manager) == (1, 3)
    left = set(database.session.scalars(sa.select(ProjectDealership.id)))
    assert left == {done.id, tried.id, held.id}


def test_twenty_thousand_are_added_in_one_statement_with_their_history(manager: User) -> None:
    leads = make_list(manager.company)
    project = projects.create_project(facts(radius_miles=500), by=manager, form_token="a")
    database.session.execute(
        sa.text("SET LOCAL session_replication_role = replica")
    )  # the leads' own triggers are not asked
    database.session.execute(
        sa.text(
            "WITH made AS (INSERT INTO leads (company_id, list_id, business, status, website)"
            " SELECT :c, :l, 'Dealer ' || n, 'new', 'https://d' || n || '.example.com/' FROM generate_series(1, 20000) n RETURNING id, business, website)"
            " INSERT INTO dealerships (company_id, lead_id, name, website, host, latitude, longitude, placed_by)"
            " SELECT :c, id, business, website, 'd' || id, 38 + (id % 400) / 100.0, -85 + (id % 397) / 100.0, 'own' FROM made"
        ),
        {"c": manager.company_id, "l": leads.id},
    )
    database.session.commit()
    statements: list[str] = []

    def listen(_c: Any, _x: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", listen)
    try:
        assert membership.add_circle(project.id, 500, by=manager).added == 20_000
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", listen)
    assert sum("INSERT INTO project_dealerships" in statement for statement in statements) == 1
    assert len(statements) < 10
    assert (
        database.session.scalar(
            sa.select(sa.func.count()).select_from(StatusChange).where(StatusChange.machine == "contact status")
        )
        == 20_000
    )
    seen: list[int] = []
    cursor = Cursor()
    for _ in range(3):
        page = queries.list_members(project.id, queries.Wanted(), cursor)
        seen += [row.id for row in page.rows]
        cursor = Cursor(after=page.next)
    wanted = list(
        database.session.scalars(
            sa.select(ProjectDealership.id).order_by(ProjectDealership.distance_miles, ProjectDealership.id).limit(150)
        )
    )
    assert seen == wanted
    back = queries.list_members(project.id, queries.Wanted(), Cursor(before=seen[100]))
    assert [row.id for row in back.rows] == seen[50:100]
    projects.update_project(project.id, facts(radius_miles=500, place=find_place("45202")), version=1, by=manager)
    assert membership.remove_pending(project.id, None, by=manager) == (20_000, 0)


def test_one_dealership_is_once_in_a_project_whoever_adds_it(app: Flask, manager: User) -> None:
    project = make_project(manager.company)
    ids = [make_dealership(make_list(manager.company)).id for _ in range(20)]
    project_id, user_id = project.id, manager.id
    added: list[int] = []

    def add() -> None:
        with app.app_context():
            added.append(membership.add_chosen(project_id, ids, by=database.session.get_one(User, user_id)).added)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == [0, 0, 0, 20]
    assert database.session.scalar(sa.select(sa.func.count()).select_from(ProjectDealership)) == 20
    with pytest.raises(IntegrityError):
        make_project_dealership(project, database.session.get_one(Dealership, ids[0]))
    database.session.rollback()


# --- the table ---------------------------------------------------------------------------------------------------------


def test_a_page_of_a_table_survives_a_cursor_that_is_gone(manager: User) -> None:
    project, leads = make_project(manager.company), make_list(manager.company)
    row = make_project_dealership(project, leads)
    for cursor in (Cursor(after=row.id + 999), Cursor(before=row.id + 999), Cursor(after=2**63 - 1)):
        assert [found.id for found in queries.list_members(project.id, queries.Wanted(), cursor).rows] == [row.id]


@pytest.mark.parametrize("sort", [way + name for name in queries.SORTS for way in ("", "-")])
def test_every_order_walks_forth_and_back_over_all_rows(manager: User, sort: str, monkeypatch: Any) -> None:
    project, leads = make_project(manager.company), make_list(manager.company)
    for n in range(7):
        make_project_dealership(
            project, make_dealership(leads, name=f"D{n % 3}"), distance_miles=None if n == 4 else n % 3, contact_attempts=n % 2,
            last_attempt_at=None if n % 3 else T0, next_retry_at=T0 if n % 2 else None,
        )  # fmt: skip
    monkeypatch.setattr("webapp.automation.queries.keyset.fetch.__kwdefaults__", {"size": 2})
    wanted, walked, cursor = queries.Wanted(sort=sort), [], Cursor()
    while True:
        page = queries.list_members(project.id, wanted, cursor)
        walked.append([row.id for row in page.rows])
        if page.next is None:
            break
        cursor = Cursor(after=page.next)
    assert sorted(row_id for part in walked for row_id in part) == sorted(
        database.session.scalars(sa.select(ProjectDealership.id))
    )
    assert [len(part) for part in walked] == [2, 2, 2, 1]
    for earlier in reversed(walked[:-1]):
        assert page.prev is not None
        page = queries.list_members(project.id, wanted, Cursor(before=page.prev))
        assert [row.id for row in page.rows] == earlier
    assert page.prev is None
