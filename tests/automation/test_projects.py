"""Projects: facts, place, retries, the contact request's versions, which dealerships are theirs."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from tests.factories import (
    T0,
    make_attempt,
    make_company,
    make_contact_request,
    make_dealership,
    make_list,
    make_project,
    make_project_dealership,
    make_run,
    make_user,
)
from webapp.accounts.models import User
from webapp.automation.models import Dealership, Project, ProjectDealership
from webapp.automation.places import Place, PlaceUnknown, bounds, find_place, parse_point, place_of
from webapp.automation.queries import projects as queries
from webapp.automation.queries.keyset import Cursor
from webapp.automation.rules import RetryConfig, Strategy, miles_between
from webapp.automation.service import membership, projects
from webapp.automation.service.membership import MembershipRefused
from webapp.automation.service.projects import Facts, NameTaken, ProjectBusy, StaleProject
from webapp.automation.service.requests import RequestFacts, StaleRequest, find_request, save_request, tell_request
from webapp.core.audit import StatusChange
from webapp.core.db import db as database

COLUMBUS = Place(39.9671, -83.0044, "43215", "Columbus, OH")
# The seed's "Project success rate", as it is written there.
SEED = """
SELECT
    p.name,
    COUNT(*) as total_dealerships,
    COUNT(CASE WHEN pd.contact_status = 'success' THEN 1 END) as successful,
    COUNT(CASE WHEN pd.contact_status = 'failed' THEN 1 END) as failed,
    COUNT(CASE WHEN pd.contact_status = 'manual_override' THEN 1 END) as manual,
    ROUND(
        COUNT(CASE WHEN pd.contact_status IN ('success', 'manual_override') THEN 1 END) * 100.0 / COUNT(*),
        2
    ) as success_rate_percent
FROM projects p
JOIN project_dealerships pd ON p.id = pd.project_id
GROUP BY p.id, p.name
"""


def facts(**changes: Any) -> Facts:
    given: dict[str, Any] = {
        "name": "Spring", "place": COLUMBUS, "radius_miles": 50, "window_open": "09:00", "window_close": "17:00",
        "window_days": [0, 1, 2, 3, 4], "zone": "America/New_York", "host_gap_seconds": 60, "per_minute": 20, "parallel_pages": 2,
        "dry_run": True, "auto_pause": True,
    }  # fmt: skip
    return Facts(**given | changes)


def said(**changes: Any) -> RequestFacts:
    given = {"first_name": "Ana", "last_name": "Ruiz", "email": "ana@example.com", "message": "Is it there?"}
    return RequestFacts(**given | changes)


@pytest.fixture
def manager(db: Any) -> User:
    return make_user(make_company(), "manager")


# --- places ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["43215", " 43215-1234 ", "432151234"])
def test_a_postal_code_has_a_place_with_or_without_its_four_more_digits(text: str) -> None:
    found = find_place(text)
    assert found is not None
    assert (found.postal_code, found.name) == ("43215", "Columbus, OH")
    assert place_of(text) == (found.lat, found.lng)
    assert miles_between(found.lat, found.lng, 39.9612, -82.9988) < 3


@pytest.mark.parametrize("text", ["39.96, -83.00", "39.96 -83", " +39.96;-83.00 "])
def test_coordinates_are_read_as_people_write_them(text: str) -> None:
    assert parse_point(text) == (39.96, -83.0)


@pytest.mark.parametrize(
    "text", ["91, 0", "0, 181", "39.96", "1,2,3", "١٢, ٣٤", "nan, nan", "Columbus", "00000", "09007"]
)
def test_what_is_no_place_is_refused_with_what_can_be_given(text: str) -> None:
    with pytest.raises(PlaceUnknown, match=r"39\.96, -83\.00"):
        find_place(text)


def test_a_box_of_bounds_holds_its_circle_across_the_date_line_and_over_a_pole() -> None:
    box = bounds(0, 179.9, 50)
    assert box.west > box.east  # across
    assert miles_between(0, 179.9, 0, box.east) >= 50
    assert bounds(89.9, 0, 50).west == -180
    for lat, lng in ((40.0, -83.0), (64.8, -147.7), (-33.9, 151.2)):
        box = bounds(lat, lng, 100)
        assert min(miles_between(lat, lng, lat, box.east), miles_between(lat, lng, box.north, lng)) >= 100


# --- facts -------------------------------------------------------------------------------------------------------------


def test_the_same_form_twice_is_one_project_with_the_seeds_retries(manager: User) -> None:
    first, second = (projects.create_project(facts(), by=manager, form_token="once") for _ in range(2))
    assert first.id == second.id
    assert (first.search_postal_code, first.search_place, first.dry_run) == ("43215", "Columbus, OH", True)
    assert RetryConfig.from_json(first.retry) == RetryConfig()


def test_a_name_is_taken_once_a_company_whatever_its_case(manager: User) -> None:
    projects.create_project(facts(), by=manager, form_token="a")
    with pytest.raises(NameTaken):
        projects.create_project(facts(name="SPRING"), by=manager, form_token="b")
    other = make_user(make_company(), "manager")
    assert projects.create_project(facts(), by=other, form_token="b").company_id == other.company_id


def test_an_edit_of_what_nobody_sees_any_more_is_refused_and_changes_nothing(manager: User) -> None:
    project = projects.create_project(facts(), by=manager, form_token="a")
    projects.update_project(project.id, facts(radius_miles=80), version=1, by=manager)
    with pytest.raises(StaleProject):
        projects.update_project(project.id, facts(radius_miles=20), version=1, by=manager)
    assert (project.radius_miles, project.version) == (80, 2)
    assert (
        projects.update_project(project.id, facts(radius_miles=80), version=1, by=manager).version == 2
    )  # the same again


def test_a_new_search_location_moves_every_distance_and_a_dealership_without_a_place_keeps_none(manager: User) -> None:
    leads = make_list(manager.company)
    project = projects.create_project(facts(), by=manager, form_token="a")
    near, nowhere = make_dealership(leads), make_dealership(leads, latitude=None, longitude=None)
    membership.add_chosen(project.id, [near.id, nowhere.id], by=manager)
    cincinnati = find_place("45202")
    projects.update_project(project.id, facts(place=cincinnati), version=1, by=manager)
    rows = {
        row.dealership_id: row
        for row in database.session.scalars(sa.select(ProjectDealership).execution_options(populate_existing=True))
    }
    assert cincinnati is not None
    miles = miles_between(cincinnati.lat, cincinnati.lng, 39.9612, -82.9988)
    assert float(rows[near.id].distance_miles) == pytest.approx(miles, abs=0.01)
    assert rows[nowhere.id].distance_miles is None
    assert {float(row.search_location_lat) for row in rows.values()} == {cincinnati.lat}
    projects.update_project(project.id, facts(place=None), version=2, by=manager)
    database.session.expire_all()
    assert {row.distance_miles for row in rows.values()} == {None}


def test_retries_are_kept_with_their_version_and_a_wall_stays_a_wall(manager: User) -> None:
    project = projects.create_project(facts(), by=manager, form_token="a")
    config = RetryConfig(2, 30, False, {**RetryConfig().retry_strategies, "page_timeout": Strategy(0)})
    projects.save_retries(project.id, config, version=1, by=manager)
    assert RetryConfig.from_json(project.retry) == config
    with pytest.raises(StaleProject):
        projects.save_retries(project.id, RetryConfig(), version=1, by=manager)


def test_a_project_is_archived_only_while_no_run_of_it_goes_on(manager: User) -> None:
    project = projects.create_project(facts(), by=manager, form_token="a")
    run = make_run(project)
    with pytest.raises(ProjectBusy):
        projects.archive_project(project.id, True, by=manager)
    run.state = "finished"
    database.session.commit()
    assert projects.archive_project(project.id, True, by=manager).archived_at is not None
    with pytest.raises(MembershipRefused):
        membership.add_unplaced(project.id, by=manager)
    assert projects.archive_project(project.id, False, by=manager).archived_at is None


def test_a_copy_has_a_free_name_the_message_and_the_dealerships_as_pending(manager: User) -> None:
    source = projects.create_project(facts(dry_run=False), by=manager, form_token="a")
    save_request(source.id, said(message="Old words"), seen="", by=manager)
    make_project_dealership(source, make_list(manager.company), contact_status="success", contact_attempts=3)
    copies = [
        projects.copy_project(source.id, dealerships=True, by=manager, form_token=token) for token in ("b", "b", "c")
    ]
    assert [copy.name for copy in copies] == ["Spring (copy)", "Spring (copy)", "Spring (copy 2)"]
    request = find_request(copies[0].id)
    assert request is not None
    assert (request.version, request.message, request.used_at) == (1, "Old words", None)
    assert (copies[0].dry_run, source.dry_run) == (True, False)
    row = database.session.scalars(
        sa.select(ProjectDealership).where(ProjectDealership.project_id == copies[0].id)
    ).one()
    assert (row.contact_status, row.contact_attempts) == ("pending", 0)


# --- contact requests --------------------------------------------------------------------------------------------------


def test_a_request_nobody_used_is_changed_and_a_used_one_gets_a_next_version(manager: User) -> None:
    project = make_project(manager.company)
    first, new = save_request(project.id, said(), seen="", by=manager)
    assert (first.version, new) == (1, True)
    again, new = save_request(project.id, said(message="Better"), seen=tell_request(first), by=manager)
    assert (again.id, again.message, new) == (first.id, "Better", False)
    first.used_at = T0
    database.session.commit()
    second, new = save_request(project.id, said(message="Best"), seen=tell_request(first), by=manager)
    assert (second.version, new) == (2, True)
    database.session.refresh(first)
    assert first.message == "Better"


def test_a_run_that_was_started_keeps_the_words_it_began_with(manager: User) -> None:
    project = make_project(manager.company)
    first = make_contact_request(project)
    make_run(project, first)
    second, new = save_request(project.id, said(message="Other"), seen=tell_request(first), by=manager)
    assert (new, second.version) == (True, 2)
    database.session.refresh(first)
    assert first.message != "Other"


def test_two_who_write_the_request_at_once_do_not_lose_the_first(manager: User) -> None:
    project = make_project(manager.company)
    first, _ = save_request(project.id, said(), seen="", by=manager)
    seen = tell_request(first)
    save_request(project.id, said(message="Hers"), seen=seen, by=manager)
    with pytest.raises(StaleRequest) as stale:
        save_request(project.id, said(message="His"), seen=seen, by=manager)
    assert stale.value.theirs.message == "Hers"


# --- membership --------------------------------------------------------------------------------------------------------


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


# --- numbers -----------------------------------------------------------------------------------------------------------


def test_the_success_rate_is_the_seeds_own(manager: User) -> None:
    leads = make_list(manager.company)
    project, other = make_project(manager.company), make_project(manager.company)
    for status, number in (("success", 4), ("manual_override", 1), ("failed", 1), ("pending", 1)):
        for _ in range(number):
            make_project_dealership(project, leads, contact_status=status)
    make_project_dealership(other, leads, contact_status="blocked")
    seed = {row.name: tuple(row[1:]) for row in database.session.execute(sa.text(SEED))}
    for one in (project, other):
        found = queries.get_metrics(one.id)
        assert (
            found.total_dealerships,
            found.successful,
            found.failed,
            found.manual,
            found.success_rate_percent,
        ) == seed[one.name]
    assert queries.get_metrics(project.id).success_rate_percent == Decimal("71.43")
    assert queries.get_metrics(make_project(manager.company).id).success_rate_percent is None


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
