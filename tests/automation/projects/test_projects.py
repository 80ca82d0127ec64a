"""Projects: facts, retries, copies, the contact request's versions, and the seed's success rate."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa

from tests.automation.projects.support import facts, said
from tests.factories import (
    T0,
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
from webapp.automation.models import ProjectDealership
from webapp.automation.places import find_place
from webapp.automation.queries import projects as queries
from webapp.automation.rules import RetryConfig, Strategy, miles_between
from webapp.automation.service import membership, projects
from webapp.automation.service.membership import MembershipRefused
from webapp.automation.service.projects import NameTaken, ProjectBusy, StaleProject
from webapp.automation.service.requests import StaleRequest, find_request, save_request, tell_request
from webapp.core.db import db as database

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
