"""A run's bookkeeping without a browser: a project of so many dealerships, a clock that moves, outcomes handed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tests.factories import (
    make_company,
    make_contact_request,
    make_list,
    make_project,
    make_project_dealership,
    make_user,
)
from webapp.automation.engine.failures import FailureType
from webapp.automation.engine.outcome import Outcome
from webapp.automation.models import AutomationSettings, Dealership, ProjectDealership, Run
from webapp.automation.service import recording, runs
from webapp.automation.service.claims import Claimed, claim_next
from webapp.core.db import db as database
from webapp.timeline.models import ContactAttempt

NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)  # a Wednesday
OK = Outcome(
    True, submission="confirmed", strategy="standard_form", page_load_ms=500, form_fill_ms=300, submission_ms=200
)


def failed(kind: FailureType, **facts: Any) -> Outcome:
    return Outcome(False, kind, f"it was {kind}", **facts)


class World:
    """A company with a project of so many dealerships, the nearest first."""

    def __init__(self, set_clock: Any, count: int = 3, **facts: Any) -> None:
        self.set_clock, self.at = set_clock, NOON
        set_clock(NOON)
        self.company = make_company()
        self.user = make_user(self.company, role="manager")
        self.list = make_list(self.company)
        database.session.add(AutomationSettings(company_id=self.company.id, user_agent="Rebound/1.0 (ops@example.com)"))
        database.session.commit()
        facts = {"dry_run": False, "host_gap_seconds": 0, "per_minute": 120, **facts}
        self.project = make_project(self.company, **facts)
        self.request = make_contact_request(self.project)
        self.rows = [make_project_dealership(self.project, self.list, distance_miles=n) for n in range(1, count + 1)]

    def later(self, **how: float) -> None:
        self.at += timedelta(**how)
        self.set_clock(self.at)

    def start(self, **how: Any) -> Run:
        return runs.start_run(self.project.id, by=self.user, **how)

    def claim(self, run: Run) -> Claimed:
        got = claim_next(run.id, self.company.id)
        assert isinstance(got, Claimed), got
        return got

    def attempt(self, run: Run, outcome: Outcome, *, press: bool | None = None) -> Claimed:
        """Claim, press where the outcome says that something was sent, record."""
        claimed = self.claim(run)
        if press if press is not None else outcome.submission in ("confirmed", "rejected", "unconfirmed"):
            recording.press(claimed)
        assert recording.record(claimed, outcome)
        return claimed

    def status(self, number: int) -> str:
        database.session.expire_all()
        return database.session.get_one(ProjectDealership, self.rows[number].id).contact_status

    def row(self, number: int) -> ProjectDealership:
        return database.session.get_one(ProjectDealership, self.rows[number].id, populate_existing=True)

    def lead_id(self, number: int) -> int:
        return int(database.session.get_one(Dealership, self.rows[number].dealership_id).lead_id)

    def contacts(self, number: int) -> list[ContactAttempt]:
        database.session.expire_all()
        query = sa.select(ContactAttempt).where(ContactAttempt.lead_id == self.lead_id(number))
        return list(database.session.scalars(query.order_by(ContactAttempt.id)))


def fresh(run: Run) -> Run:
    return database.session.get_one(Run, run.id, populate_existing=True)
