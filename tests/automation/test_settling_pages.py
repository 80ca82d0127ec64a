"""Pages about what may have been sent, was refused, or was settled: they offer what can be done, and say who said what."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from tests.automation.page_world import make_pages
from tests.factories import make_attempt, make_company, make_user, sign_in
from webapp.automation.models import AutomationAttempt, Project, ProjectDealership, Run
from webapp.automation.service import manual, runs
from webapp.core.db import db as database


@pytest.fixture
def user(db: Any) -> Any:
    return make_user(make_company(), role="manager", name="Ada Byron")


@pytest.fixture
def ids(user: Any) -> dict[str, Any]:
    return make_pages(user.company, user)


@pytest.fixture
def manager(client: Any, user: Any) -> Any:
    sign_in(client, user)
    return client


def dry_attempt(ids: dict[str, Any], name: str, status: str = "success") -> AutomationAttempt:
    """A dry run of a dealership after its real attempt."""
    project = database.session.get_one(Project, ids["project_id"])
    run = database.session.get_one(Run, ids["run_id"])
    dry = Run(
        company_id=project.company_id, project_id=project.id, contact_request_id=run.contact_request_id, dry_run=True, state="finished"
    )  # fmt: skip
    database.session.add(dry)
    database.session.commit()
    member = database.session.get_one(ProjectDealership, ids[f"member_{name}"])
    return make_attempt(member, dry, status, attempt_number=3)


def test_after_a_dry_run_the_link_to_settle_leads_to_the_attempt_that_may_have_been_sent(
    manager: Any, ids: dict[str, Any]
) -> None:
    dry = dry_attempt(ids, "unknown")
    page = manager.get(f"/project-dealerships/{ids['member_unknown']}").text
    assert f'<a href="/attempts/{ids["unknown"]}">settle it</a>' in page
    assert "They have it" not in manager.get(f"/attempts/{dry.id}").text
    assert manager.post(f"/attempts/{ids['unknown']}/settlement", data={"arrived": "no"}).status_code == 303
    assert "Outcome unknown" not in manager.get(f"/project-dealerships/{ids['member_unknown']}").text


def test_nothing_is_left_to_settle_once_a_person_has_contacted_them_otherwise(
    manager: Any, user: Any, ids: dict[str, Any]
) -> None:
    manual.override(ids["member_unknown"], manual.Override("manual_override", "Rang them"), by=user)
    page = manager.get(f"/attempts/{ids['unknown']}").text
    assert "They have it" not in page
    assert "Nobody knew whether they had it" in page
    assert "done by hand, by Ada Byron" in page
    assert "settle it" not in manager.get(f"/project-dealerships/{ids['member_unknown']}").text


def test_a_dealership_that_only_a_dry_run_has_seen_says_what_it_said(
    manager: Any, user: Any, ids: dict[str, Any]
) -> None:
    query = sa.select(ProjectDealership).where(ProjectDealership.contact_status == "pending").limit(1)
    member = database.session.scalars(query).one()
    dry_attempt({**ids, "member_new": member.id}, "new")
    assert "Dry run: filled, not sent" in manager.get(f"/project-dealerships/{member.id}").text
    assert "Dry run: filled, not sent" in manager.get(f"/projects/{ids['project_id']}").text


def test_a_dealership_whose_site_refused_offers_a_retry_and_quotes_the_site(
    manager: Any, user: Any, ids: dict[str, Any]
) -> None:
    member = database.session.get_one(ProjectDealership, ids["member_unknown"])
    attempt = database.session.get_one(AutomationAttempt, ids["unknown"])
    member.submission = attempt.submission = "rejected"
    attempt.error_message = "Your message looks like spam"
    runs.cancel_run(ids["run_id"], by=user)
    for url in (f"/project-dealerships/{member.id}", f"/attempts/{attempt.id}"):
        page = manager.get(url).text
        assert "Retry, though the site refused the last message" in page
        assert "The site refused the last message: “Your message looks like spam”" in page
        assert "Try in a dry run" in page
    started = manager.post(f"/project-dealerships/{member.id}/retry", data={"form_token": "a"})
    assert "/runs/" in started.headers["Location"]


def test_while_a_run_goes_on_the_page_says_what_a_retry_does_and_why_a_dry_run_waits(
    manager: Any, ids: dict[str, Any]
) -> None:
    page = manager.get(f"/project-dealerships/{ids['member_blocked']}").text
    assert "a retry comes first in it" in page
    assert 'id="member-dry"' not in page
    there = manager.post(f"/project-dealerships/{ids['member_blocked']}/retry", data={"form_token": "a"})
    assert there.headers["Location"].endswith(f"/runs/{ids['run_id']}")


@pytest.mark.parametrize(("arrived", "words"), [("yes", "they have it"), ("no", "they have not got it")])
def test_pages_say_that_a_person_settled_it_and_no_site_confirmed_it(
    manager: Any, user: Any, ids: dict[str, Any], arrived: str, words: str
) -> None:
    url = f"/attempts/{ids['unknown']}"
    manager.post(f"{url}/settlement", data={"arrived": arrived})
    page = manager.get(url).text.split("<main")[1]
    assert f"Settled by Ada Byron: {words}" in page
    for wrong in ("Confirmed by the site", "Submission failed", "banner tone-bad", "before sending again"):
        assert wrong not in page, wrong
    lists = (
        f"/projects/{ids['project_id']}/attempts?run={ids['run_id']}",
        f"/runs/{ids['run_id']}",
        f"/project-dealerships/{ids['member_unknown']}",
    )
    for where in lists:
        row = re.split(rf'id="(?:attempt|latest)-{ids["unknown"]}"', manager.get(where).text)[1].split("</tr>")[0]
        assert f"Settled by Ada Byron: {words}" in row, where
    member = manager.get(f"/project-dealerships/{ids['member_unknown']}").text
    assert "Confirmed by the site" not in member


def test_a_runs_number_of_failures_opens_just_those_that_are_failures_still(manager: Any, ids: dict[str, Any]) -> None:
    manager.post(f"/attempts/{ids['unknown']}/settlement", data={"arrived": "yes"})
    run = manager.get(f"/runs/{ids['run_id']}").text
    assert "2 successful" in run
    assert "error=submission_failed" not in run
    found = manager.get(f"/projects/{ids['project_id']}/attempts?error=submission_failed").text
    assert "No attempts match" in found
