"""Pages of runs, attempts and mappings, as a manager and as a rep; what a site wrote stays harmless."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.automation.page_world import make_pages
from tests.automation.runs.run_world import NOON
from tests.factories import (
    make_company,
    make_contact_request,
    make_list,
    make_project,
    make_project_dealership,
    make_user,
    sign_in,
)
from webapp.automation.models import AutomationAttempt, AutomationSettings, FormMapping, Project, ProjectDealership, Run
from webapp.automation.service import recording, runs
from webapp.automation.service.claims import Claimed, claim_next
from webapp.core.db import db as database
from webapp.timeline.models import ContactAttempt


@pytest.fixture
def user(db: Any) -> Any:
    return make_user(make_company(), role="manager")


@pytest.fixture
def ids(user: Any) -> dict[str, Any]:
    return make_pages(user.company, user)


@pytest.fixture
def manager(client: Any, user: Any) -> Any:
    sign_in(client, user)
    return client


def small_project(user: Any, count: int = 2, **facts: Any) -> Any:
    project = make_project(user.company, dry_run=False, **facts)
    make_contact_request(project)
    lead_list = make_list(user.company)
    for n in range(count):
        make_project_dealership(project, lead_list, distance_miles=n)
    database.session.merge(AutomationSettings(company_id=user.company_id, user_agent="Rebound/1.0 (ops@example.com)"))
    database.session.commit()
    return project


def test_the_run_page_says_how_far_it_is_why_it_paused_and_what_to_press(manager: Any, ids: dict[str, Any]) -> None:
    text = manager.get(f"/runs/{ids['run_id']}").text
    for words in ("6</strong> of 8", "1 successful", "4 failed", "1 skipped", "The run has paused itself", "16 of the last 20", "Resume",
                  "Captcha", "Do it by hand", "Attempts by hour"):  # fmt: skip
        assert words in text, words
    assert "<b>" not in text.split("<main")[1], "a name of theirs is only a name"


def test_the_live_part_is_silent_while_nothing_changed_and_stops_when_the_run_has_ended(
    manager: Any, user: Any, ids: dict[str, Any]
) -> None:
    run = database.session.get_one(Run, ids["run_id"])
    live = f"/runs/{run.id}/live"
    assert manager.htmx(f"{live}?v={run.version}").status_code == 204
    part = manager.htmx(f"{live}?v=-1").text
    assert 'hx-trigger="every' in part
    runs.cancel_run(run.id, by=user)
    ended = manager.htmx(f"{live}?v={run.version}")
    assert ended.status_code == 200
    assert "hx-trigger" not in ended.text


def test_the_live_part_of_a_cancelled_run_goes_on_until_nothing_is_in_hand(
    manager: Any, user: Any, set_clock: Any
) -> None:
    set_clock(NOON)  # no quiet hour
    project = small_project(user)
    run = runs.start_run(project.id, by=user)
    claimed = claim_next(run.id, user.company_id)
    assert isinstance(claimed, Claimed)
    part = manager.htmx(f"/runs/{run.id}/cancellation", method="POST").text
    assert "In hand" in part
    assert 'hx-trigger="every' in part
    live = f"/runs/{run.id}/live?v={version_of(run)}"
    assert manager.htmx(live).status_code == 204
    recording.give_back(claimed, "Cancelled before anything was sent")
    ended = manager.htmx(live)
    assert ended.status_code == 200
    assert "In hand" not in ended.text
    assert "hx-trigger" not in ended.text


def test_the_live_part_of_a_run_that_waits_says_each_minute_how_long(manager: Any, user: Any, set_clock: Any) -> None:
    now = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)
    set_clock(now)
    run = runs.start_run(small_project(user).id, by=user)
    run.waiting_until, run.waiting_for = now + timedelta(minutes=52), "the next try of City Motors"
    database.session.commit()
    live = re.search(r'hx-get="([^"]*/live[^"]*)"', manager.get(f"/runs/{run.id}").text)
    assert live
    assert manager.htmx(live[1]).status_code == 204
    set_clock(now + timedelta(minutes=1))
    assert manager.htmx(live[1]).status_code == 200


def version_of(run: Run) -> int:
    return database.session.get_one(Run, run.id, populate_existing=True).version


def test_a_dry_run_starts_with_one_press_and_pressing_twice_is_one(manager: Any, user: Any) -> None:
    project = small_project(user)
    sent = {"kind": "dry", "form_token": "once"}
    first = manager.post(f"/projects/{project.id}/runs", data=sent)
    again = manager.post(f"/projects/{project.id}/runs", data=sent)
    assert first.headers["Location"] == again.headers["Location"]
    assert database.session.scalars(sa.select(Run.dry_run)).all() == [True]


def test_a_large_run_that_sends_needs_its_number_typed(manager: Any, user: Any) -> None:
    project = small_project(user, 100)
    url = f"/projects/{project.id}/runs"
    for typed in ("", "99", "all"):
        answer = manager.post(url, data={"kind": "live", "form_token": f"t{typed}", "confirm_typed": typed})
        assert answer.status_code == 422
        assert "Type 100 to confirm" in answer.text
    assert manager.post(url, data={"kind": "live", "form_token": "yes", "confirm_typed": "100"}).status_code == 303


def test_a_run_that_sends_is_refused_while_nobody_could_be_reached_about_it(manager: Any, user: Any) -> None:
    project = small_project(user)
    database.session.execute(sa.delete(AutomationSettings))
    answer = manager.post(f"/projects/{project.id}/runs", data={"kind": "live", "form_token": "x"})
    assert answer.status_code == 422
    assert "reach you" in answer.text
    assert "reach you" in manager.get(f"/projects/{project.id}").text


def test_what_cannot_start_says_why(manager: Any, user: Any) -> None:
    project = small_project(user)
    for data, words in (
        ({}, "Choose what to start"), ({"kind": "everything", "form_token": "x"}, "Choose what to start"),
    ):  # fmt: skip
        answer = manager.post(f"/projects/{project.id}/runs", data=data)
        assert answer.status_code == 422
        assert words in answer.text
    manager.post(f"/projects/{project.id}/runs", data={"kind": "dry", "form_token": "a"})
    busy = manager.post(f"/projects/{project.id}/runs", data={"kind": "dry", "form_token": "b"})
    assert busy.status_code == 422
    assert "is going on" in busy.text


def test_pause_resume_and_cancel_answer_with_the_part_and_say_so_when_it_is_too_late(
    manager: Any, ids: dict[str, Any]
) -> None:
    run = f"/runs/{ids['run_id']}"
    assert "Pause" in manager.htmx(f"{run}/resumption", method="POST").text
    assert "Resume" in manager.htmx(f"{run}/pause", method="POST").text
    assert "Cancelled" in manager.htmx(f"{run}/cancellation", method="POST").text
    assert "already" in manager.htmx(f"{run}/pause", method="POST").text
    assert manager.post(f"{run}/pause").status_code == 303


def test_an_attempt_shows_its_pictures_fields_evidence_and_facts(manager: Any, ids: dict[str, Any]) -> None:
    text = manager.get(f"/attempts/{ids['failed']}").text
    for words in ("No contact form on 5 pages", "Before sending", "At the end", "Membership number", "Trap: never filled",
                  "a vendor&#39;s frame is shown", "standard form", "812 ms", "Uncaught &lt;TypeError&gt;"):  # fmt: skip
        assert words in text, words


def test_pictures_are_pictures_and_a_pages_source_is_text_to_be_saved(manager: Any, ids: dict[str, Any]) -> None:
    whole = manager.get(f"/attempts/{ids['failed']}/evidence/before")
    small = manager.get(f"/attempts/{ids['failed']}/evidence/before?thumb=1")
    source = manager.get(f"/attempts/{ids['failed']}/evidence/source")
    assert (whole.mimetype, small.mimetype, source.mimetype) == ("image/png", "image/jpeg", "text/plain")
    assert len(small.data) < len(whole.data)
    assert source.headers["Content-Disposition"].startswith("attachment")
    for answer in (whole, small, source):
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert manager.get(f"/attempts/{ids['failed']}/evidence/after").status_code == 404
    assert manager.get(f"/attempts/{ids['failed']}/evidence/..%2f").status_code == 404


def test_attempts_are_filtered_by_error_result_and_run(manager: Any, ids: dict[str, Any]) -> None:
    base = f"/projects/{ids['project_id']}/attempts"
    assert "6</strong> attempts" in manager.get(base).text.replace("6 attempts", "6</strong> attempts")
    assert manager.get(f"{base}?error=captcha_detected").text.count('<tr id="attempt-') == 1
    assert manager.get(f"{base}?status=timeout").text.count('<tr id="attempt-') == 1
    assert "No attempts match" in manager.get(f"{base}?run=999999").text
    assert (
        manager.get(
            f"{base}?error=%00&status=<&run=99999999999999999999&after=x&sent=all&from_date=0001-01-01&to_date=%00"
        ).status_code
        == 200
    )


def test_attempts_are_filtered_by_dry_runs_and_days_of_the_projects_zone(
    manager: Any, user: Any, ids: dict[str, Any]
) -> None:
    base = f"/projects/{ids['project_id']}/attempts"
    database.session.execute(sa.update(Project).values(zone="America/New_York"))
    # 03:30 on the 2nd in London is 23:30 on the 1st in New York.
    database.session.execute(sa.update(AutomationAttempt).values(started_at=datetime(2026, 6, 9, 15, tzinfo=UTC)))
    night = database.session.get_one(AutomationAttempt, ids["failed"])
    night.started_at, night.dry_run = datetime(2026, 6, 2, 3, 30, tzinfo=UTC), True
    database.session.commit()

    def shown(query: str) -> list[int]:
        return [int(found) for found in re.findall(r'<tr id="attempt-(\d+)"', manager.get(f"{base}?{query}").text)]

    assert shown("sent=dry") == [night.id]
    assert (len(shown("sent=real")), night.id in shown("sent=real")) == (5, False)
    assert shown("from_date=2026-06-01&to_date=2026-06-01") == [night.id]
    assert shown("from_date=2026-06-02&to_date=2026-06-08") == []
    assert shown("to_date=2026-06-01&from_date=2026-06-02") == [night.id], "the wrong way round"
    assert len(shown("from_date=2026-06-02")) == 5
    text = manager.get(f"{base}?sent=dry&from_date=2026-06-01").text
    assert 'aria-label="Remove filter Runs: Dry runs"' in text
    assert 'aria-label="Remove filter From: 2026-06-01"' in text


def test_an_unknown_outcome_is_settled_on_its_page_once(manager: Any, user: Any, ids: dict[str, Any]) -> None:
    url = f"/attempts/{ids['unknown']}"
    assert "Nobody knows whether they have it" in manager.get(url).text
    assert manager.post(f"{url}/settlement", data={"arrived": "perhaps"}).status_code == 422
    assert manager.post(f"{url}/settlement", data={"arrived": "yes", "notes": "they rang"}).status_code == 303
    member = database.session.get_one(ProjectDealership, ids["member_unknown"], populate_existing=True)
    assert member.contact_status == "manual_override"
    assert manager.post(f"{url}/settlement", data={"arrived": "no"}).status_code == 409


def test_a_dealership_is_marked_by_hand_with_errors_beside_the_fields(manager: Any, ids: dict[str, Any]) -> None:
    url = f"/project-dealerships/{ids['member_blocked']}/override"
    assert "On your clock" in manager.get(url).text
    wrong = manager.post(
        url, data={"new_status": "manual_override", "contact_method": "pigeon", "contacted_at": "2999-01-01T10:00"}
    )
    assert wrong.status_code == 422
    late = manager.post(
        url,
        data={
            "new_status": "manual_override",
            "contact_method": "phone",
            "contacted_at": "2999-01-01T10:00",
            "notes": "Hm",
        },
    )
    assert late.status_code == 422
    assert "This lies in the future" in late.text
    assert "Hm</textarea>" in late.text
    skip = manager.post(url, data={"new_status": "skipped", "contact_method": "phone"})
    assert skip.status_code == 409
    done = manager.post(
        url,
        data={
            "new_status": "manual_override",
            "contact_method": "phone",
            "contacted_at": "2026-01-05T10:00",
            "notes": "Ok",
        },
    )
    assert done.status_code == 303
    contact = database.session.scalars(sa.select(ContactAttempt).where(ContactAttempt.method == "call")).one()
    assert contact.occurred_at.isoformat().startswith("2026-01-05T15:00"), "five hours after the clock in New York"


def test_a_retry_of_one_starts_a_run_of_its_own_or_says_why_not(manager: Any, user: Any, ids: dict[str, Any]) -> None:
    busy = manager.post(
        f"/project-dealerships/{ids['member_blocked']}/retry",
        data={"form_token": "a", "dry_run": "1"},
        follow_redirects=True,
    )
    assert "is going on" in busy.text
    runs.cancel_run(ids["run_id"], by=user)
    started = manager.post(f"/project-dealerships/{ids['member_blocked']}/retry", data={"form_token": "b"})
    run = database.session.scalars(sa.select(Run).order_by(Run.id.desc())).first()
    assert run is not None
    assert started.headers["Location"].endswith(f"/runs/{run.id}")
    assert (run.chosen, run.dry_run, run.total) == ([ids["member_blocked"]], False, 1)


def test_a_mapping_is_corrected_over_its_picture_as_a_new_version(manager: Any, ids: dict[str, Any]) -> None:
    url = f"/mappings/{ids['mapping_id']}"
    text = manager.get(url).text
    assert "<image" in text
    assert text.count('class="box ') == 3
    sent = {"version": "1", "contact_url": "https://dealer.example.com/contact", "key-1": "name", "kind-1": "full_name", "key-2": "email", "kind-2": "email", "key-3": "member", "kind-3": "stock_number",
            "text-3": "M-17", "key-4": "hp", "kind-4": "honeypot"}  # fmt: skip
    answer = manager.post(url, data=sent)
    made = database.session.scalars(sa.select(FormMapping).order_by(FormMapping.id.desc())).first()
    assert made is not None
    assert answer.headers["Location"].endswith(f"/mappings/{made.id}")
    assert (made.version, made.learned_by, made.fields["member"]["kind"], made.fields["member"]["text"]) == (
        2,
        "person",
        "stock_number",
        "M-17",
    )
    assert manager.post(url, data=sent).status_code == 409, "somebody has saved a newer one"
    assert "An older version" in manager.get(url).text
    wrong = manager.post(f"/mappings/{made.id}", data={**sent, "version": "2", "kind-1": "nonsense"})
    assert wrong.status_code == 422
    assert (
        manager.post(
            f"/mappings/{made.id}", data={**sent, "version": "2", "contact_url": "javascript:alert(1)"}
        ).status_code
        == 422
    )
    assert manager.post(f"/mappings/{made.id}/forget").status_code == 303
    assert "Forgotten" in manager.get(f"/mappings/{made.id}").text


def test_a_rep_reads_everything_and_presses_nothing(client: Any, user: Any, ids: dict[str, Any]) -> None:
    sign_in(client, make_user(user.company, role="rep"))
    for page in (f"/runs/{ids['run_id']}", f"/attempts/{ids['failed']}", f"/mappings/{ids['mapping_id']}", f"/projects/{ids['project_id']}/runs",
                 f"/projects/{ids['project_id']}/attempts", f"/project-dealerships/{ids['member_blocked']}"):  # fmt: skip
        text = client.get(page).text
        assert "Resume" not in text
        assert "Retry</" not in text
    for post in (f"/runs/{ids['run_id']}/pause", f"/projects/{ids['project_id']}/runs", f"/mappings/{ids['mapping_id']}",
                 f"/attempts/{ids['unknown']}/settlement", f"/project-dealerships/{ids['member_blocked']}/override"):  # fmt: skip
        assert client.post(post).status_code == 403
