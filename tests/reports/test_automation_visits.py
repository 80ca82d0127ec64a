"""Reports of automation, visit by visit: the rules that were kept or broken, what trying again brought, and speeds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import (
    make_attempt,
    make_company,
    make_contact_request,
    make_dealership,
    make_list,
    make_project,
    make_project_dealership,
    make_run,
)
from tests.reports.automation_support import rows, scope_of
from webapp.automation.models import AutomationAttempt, HostPace, Project, ProjectDealership
from webapp.core.db import db as database
from webapp.reports.automation.compliance import get_compliance
from webapp.reports.automation.performance import get_performance


@pytest.fixture
def polite(db: Any) -> Any:
    """A project that knocks on one host at ten, a minute apart, on a Monday; its dealership, and its run."""

    class Place:
        project: Project
        row: ProjectDealership

        def visit(self, minute: float, status: str = "success", **facts: Any) -> AutomationAttempt:
            at = datetime(2026, 6, 1, 14, 0, tzinfo=UTC) + timedelta(minutes=minute)
            self.count += 1
            given = {"user_agent": "Chrome Rebound/1.0 (+mailto:web@northside.example.com)", "started_at": at, "duration_seconds": 20,
                     "completed_at": at + timedelta(seconds=20), "attempt_number": self.count, **facts}  # fmt: skip
            return make_attempt(given.pop("row", self.row), given.pop("run", self.run), status, **given)

    made = Place()
    made.company, made.count = make_company(), 0
    made.project = make_project(
        made.company, window_open="09:00", window_close="17:00", window_days=[0, 1, 2, 3, 4], host_gap_seconds=60
    )
    made.list = make_list(made.company)
    made.dealership = make_dealership(made.list)
    made.row = make_project_dealership(made.project, made.dealership)
    made.request = make_contact_request(made.project)
    made.run = make_run(made.project, made.request, dry_run=False)
    return made


def broken(place: Any) -> dict[str, int]:
    return {r["check"]: r["broken"] for r in rows(get_compliance(scope_of(place.project)), "checks") if r["broken"]}


def test_a_polite_run_keeps_every_rule(polite: Any) -> None:
    polite.visit(0, "failed", error_type="network_error")
    polite.visit(
        1.4,
        fields=[
            {"kind": "marketing", "label": "Newsletter", "filled": False},
            {"kind": "honeypot", "label": "x", "filled": False},
        ],
    )
    polite.visit(3, "skipped", skip_reason="robots", error_message="User-agent: * Disallow: /contact")
    polite.visit(3.1, "skipped", skip_reason="do_not_contact", user_agent=None)
    document = get_compliance(scope_of(polite.project))

    assert broken(polite) == {}
    assert {r["check"]: r["looked_at"] for r in rows(document, "checks")} == {
        "robots": 1, "pace": 2, "per_day": 1, "per_minute": 2, "window": 3, "guard": 1, "walls": 0, "retry_after": 0, "marketing": 1,
        "honeypot": 1, "user_agent": 3,
    }  # fmt: skip
    assert [r["rule"] for r in rows(document, "robots")] == ["User-agent: * Disallow: /contact"]
    (host,) = rows(document, "pace_by_host")
    assert (host["visits"], host["smallest_gap_seconds"], host["limit_seconds"], host["violations"]) == (
        3,
        64.0,
        60.0,
        0,
    )
    assert rows(document, "guard") == [{"skip_reason": "do_not_contact", "attempts": 1}]
    assert rows(document, "user_agents")[0]["address"] == "web@northside.example.com"


def test_a_visit_too_soon_is_listed_also_after_one_of_another_project(polite: Any) -> None:
    other = make_project(polite.company, host_gap_seconds=90)
    theirs = polite.visit(0, row=make_project_dealership(other, polite.dealership), run=make_run(other, dry_run=True))
    soon = polite.visit(1)
    again = polite.visit(2)
    polite.visit(4)
    found = rows(get_compliance(scope_of(polite.project)), "too_soon")

    assert broken(polite) == {"pace": 2}
    assert [(r["before_id"], r["attempt_id"], r["gap_seconds"], r["limit_seconds"]) for r in found] == [
        (theirs.id, soon.id, 40.0, 90.0), (soon.id, again.id, 40.0, 60.0),
    ]  # fmt: skip


def test_a_hosts_own_crawl_delay_counts_where_it_is_longer(polite: Any) -> None:
    host = database.session.execute(
        sa.text("SELECT host FROM dealerships WHERE id = :id"), {"id": polite.row.dealership_id}
    ).scalar()
    database.session.add(HostPace(host=host, crawl_delay=300.0))
    database.session.commit()
    polite.visit(0)
    polite.visit(5)
    polite.visit(12)

    assert broken(polite) == {"pace": 1}


def test_a_knock_at_night_or_on_sunday_is_listed_unless_a_person_chose_it(polite: Any) -> None:
    by_hand = make_run(polite.project, polite.request, state="finished", dry_run=False, chosen=[polite.row.id])
    night, sunday = polite.visit(8 * 60), polite.visit(6 * 24 * 60)
    chosen = polite.visit(9 * 60, run=by_hand)
    polite.visit(26 * 60)
    found = rows(get_compliance(scope_of(polite.project)), "outside_window")

    assert broken(polite) == {"window": 2}
    assert [(r["attempt_id"], r["by_hand"]) for r in found] == [
        (night.id, False),
        (chosen.id, True),
        (sunday.id, False),
    ]


def test_a_try_after_a_wall_a_hasty_one_and_a_ticked_box_are_listed(polite: Any) -> None:
    wall = polite.visit(0, "blocked", error_type="captcha_detected", submit_pressed_at=None)
    again = polite.visit(5)
    polite.visit(10, "blocked", error_type="rate_limited", retry_after_seconds=600)
    polite.visit(15, fields=[{"kind": "marketing", "label": "Offers", "filled": True}, {"kind": "honeypot", "label": "url", "filled": True}],
                 user_agent="Mozilla/5.0 (a person, honestly)")  # fmt: skip
    document = get_compliance(scope_of(polite.project))

    assert broken(polite) == {"walls": 1, "retry_after": 1, "marketing": 1, "honeypot": 1, "user_agent": 1}
    assert [(r["attempt_id"], r["again_id"]) for r in rows(document, "walls_again")] == [(wall.id, again.id)]
    assert [(r["asked_seconds"], r["waited_seconds"]) for r in rows(document, "hasty")] == [(600, 280.0)]
    assert {r["kind"] for r in rows(document, "filled")} == {"marketing", "honeypot"}


def test_more_visits_than_a_day_or_a_minute_allows_are_listed(polite: Any) -> None:
    polite.project.per_minute = 2
    for n in range(3):
        polite.visit(n * 0.3, row=make_project_dealership(polite.project, polite.list), attempt_number=1)
    for n in range(21):
        polite.visit(10 + n * 2)

    assert broken(polite) == {"per_minute": 1, "per_day": 1}


def test_what_trying_again_brought_is_told_by_what_had_failed_before(polite: Any) -> None:
    other = make_project_dealership(polite.project, polite.list)
    polite.visit(0, "timeout", error_type="page_timeout")
    polite.visit(2, "timeout", error_type="page_timeout")
    polite.visit(4)
    polite.visit(6, "cancelled", row=other, attempt_number=1)
    polite.visit(8, "failed", error_type="network_error", row=other, attempt_number=2)
    polite.visit(10, "failed", error_type="form_not_found", row=other, attempt_number=3)
    document = get_performance(scope_of(polite.project))

    assert [tuple(r.values()) for r in rows(document, "by_try")] == [
        ("First", 2, 0, 0.0),
        ("Second", 2, 0, 0.0),
        ("Third", 1, 1, 100.0),
    ]
    assert [tuple(r.values()) for r in rows(document, "retries")] == [
        ("page_timeout", 2, 1, 50.0, 1),
        ("network_error", 1, 0, 0.0, 0),
    ]
    (run,) = rows(document, "throughput")
    assert (run["attempts"], run["working_seconds"], run["per_hour"]) == (5, 620, 29.03)


def test_speeds_are_told_by_mean_median_and_the_slow_end(polite: Any) -> None:
    for n, ms in enumerate((100, 200, 300, 400, 1000)):
        polite.visit(n * 3, page_load_time_ms=ms)
    speed = {r["measure"]: r for r in rows(get_performance(scope_of(polite.project)), "speed")}

    load = speed["page_load"]
    assert (load["count"], load["mean_ms"], load["p50_ms"], load["p95_ms"], load["max_ms"]) == (5, 400, 300, 880, 1000)
    assert speed["form_fill"]["count"] == 0
    assert speed["form_fill"]["mean_ms"] is None
