"""What a run says of itself: each alert once, read from its rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import (
    make_attempt,
    make_company,
    make_dealership,
    make_list,
    make_project,
    make_project_dealership,
    make_run,
)
from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.automation.models import AutomationAttempt, Run
from webapp.core.clock import read_now
from webapp.core.db import db as database
from webapp.notifications.kinds import ALERTS, choices
from webapp.notifications.models import Notification
from webapp.notifications.runs import send_run_alerts


class Floor:
    """One run of one company, and the attempts that it made."""

    def __init__(self, **facts: Any) -> None:
        self.company = make_company()
        self.project = make_project(self.company, name="Honda dealers")
        self.list = make_list(self.company)
        self.run: Run = make_run(self.project, **{"state": "running", "progress_at": self.now(), **facts})

    def now(self) -> datetime:
        return read_now()

    def tried(self, *errors: str) -> Floor:
        """An attempt for each: "" succeeded."""
        for error in errors:
            row = make_project_dealership(self.project, make_dealership(self.list))
            make_attempt(row, self.run, "failed" if error else "success", error_type=error or None)
        return self

    def alerts(self) -> dict[str, Notification]:
        send_run_alerts(self.company.id)
        rows = database.session.scalars(sa.select(Notification).where(Notification.company_id == self.company.id)).all()
        assert len({row.kind for row in rows}) == len(rows), "each kind once"
        assert {row.kind for row in rows} <= set(ALERTS), "each can be switched"
        return {row.kind: row for row in rows}


@pytest.mark.usefixtures("db")
def test_a_run_that_goes_well_says_nothing_until_it_has_finished() -> None:
    floor = Floor().tried("", "", "page_timeout")
    assert floor.alerts() == {}
    floor.run.state, floor.run.ended_at = "finished", floor.now()
    floor.run.total, floor.run.successful, floor.run.failed = 3, 2, 1
    database.session.commit()
    alert = floor.alerts()["completion"]
    assert alert.title == "Honda dealers has finished its dry run"
    assert alert.body == "2 successful, 1 failed, 0 skipped of 3."
    assert alert.url == f"/runs/{floor.run.id}"


@pytest.mark.usefixtures("db")
def test_the_worst_kind_is_of_attempts_that_failed_still_and_not_of_those_settled_as_arrived() -> None:
    floor = Floor().tried(*["form_not_found", "page_timeout"] * 3, *["submission_failed"] * 4)
    database.session.execute(
        sa.update(AutomationAttempt).where(AutomationAttempt.error_type == "submission_failed").values(status="success")
    )
    database.session.commit()
    assert FAILURES[FailureType.SUBMISSION_FAILED].label.lower() not in floor.alerts()["high_failure_rate"].body


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(("failures", "told"), [(5, False), (6, True)])
def test_more_than_half_of_ten_attempts_failing_is_told_with_the_worst_kind(failures: int, told: bool) -> None:
    floor = Floor().tried(*["form_not_found"] * failures, *[""] * (10 - failures))
    alerts = floor.alerts()
    assert ("high_failure_rate" in alerts) is told
    if told:
        assert alerts["high_failure_rate"].title == "Honda dealers: 6 of 10 attempts failed"
        assert "no contact form" in alerts["high_failure_rate"].body
        assert len(floor.alerts()) == len(alerts), "asked again, nothing is said twice"


@pytest.mark.usefixtures("db")
def test_nine_failures_of_nine_are_too_few_for_a_rate() -> None:
    assert "high_failure_rate" not in Floor().tried(*["form_not_found"] * 9).alerts()


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(("minutes", "told"), [(9, False), (11, True)])
def test_a_run_without_progress_for_ten_minutes_is_stuck(minutes: int, told: bool) -> None:
    floor = Floor()
    floor.run.progress_at = floor.now() - timedelta(minutes=minutes)
    database.session.commit()
    assert ("automation_stuck" in floor.alerts()) is told


@pytest.mark.usefixtures("db")
def test_a_run_that_waits_for_its_hour_is_not_stuck() -> None:
    floor = Floor()
    floor.run.progress_at = floor.now() - timedelta(hours=12)
    floor.run.waiting_until = floor.now() + timedelta(hours=2)
    database.session.commit()
    assert floor.alerts() == {}


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("errors", "told"),
    [
        (["captcha_detected"] * 3, True),
        (["captcha_detected", "captcha_detected", ""], False),
        (["", *["captcha_detected"] * 3, ""], True),
        (["captcha_detected", ""] * 5, True),
        (["captcha_detected", ""] * 4, False),
    ],
)
def test_three_captchas_in_a_row_or_five_in_all_are_told(errors: list[str], told: bool) -> None:
    assert ("captcha_blocking" in Floor().tried(*errors).alerts()) is told


@pytest.mark.usefixtures("db")
def test_two_forms_that_changed_are_told() -> None:
    floor = Floor().tried("form_changed", "")
    assert "site_changes" not in floor.alerts()
    assert floor.tried("form_changed").alerts()["site_changes"].title == "Honda dealers: 2 forms have changed"


@pytest.mark.usefixtures("db")
def test_one_changed_form_that_is_tried_again_is_one() -> None:
    floor = Floor()
    row = make_project_dealership(floor.project, make_dealership(floor.list))
    for number in (1, 2):
        make_attempt(row, floor.run, "failed", error_type="form_changed", attempt_number=number)
    assert "site_changes" not in floor.alerts()
    assert floor.tried("form_changed").alerts()["site_changes"].title == "Honda dealers: 2 forms have changed"


@pytest.mark.usefixtures("db")
def test_a_run_that_pauses_itself_says_why_each_time_and_one_paused_by_hand_says_nothing() -> None:
    floor = Floor(state="paused", paused_at=None, paused_reason="")
    assert floor.alerts() == {}
    first = floor.now()
    for number, at in enumerate((first, first + timedelta(minutes=5)), start=1):
        floor.run.paused_at, floor.run.paused_reason = at, "16 of the last 20 attempts failed"
        database.session.commit()
        send_run_alerts(floor.company.id)
        send_run_alerts(floor.company.id)
        rows = database.session.scalars(sa.select(Notification).where(Notification.kind == "automation_paused")).all()
        assert [row.body for row in rows] == ["16 of the last 20 attempts failed"] * number
    assert "automation_paused" in choices(personal=False), "a channel can take it"


@pytest.mark.usefixtures("db")
def test_a_run_that_ended_long_ago_is_looked_at_no_more() -> None:
    floor = Floor()
    floor.run.state, floor.run.ended_at = "finished", floor.now() - timedelta(hours=7)
    database.session.commit()
    assert floor.alerts() == {}


@pytest.mark.usefixtures("db")
def test_one_companys_run_is_told_to_that_company_alone() -> None:
    mine, other = Floor().tried(*["captcha_detected"] * 3), make_company()
    assert send_run_alerts(other.id) == 0
    assert "captcha_blocking" in mine.alerts()
