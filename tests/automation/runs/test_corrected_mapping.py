"""A form that could not be filled has its mapping: a person corrects it, and the next dry run goes by that. In a real Chromium."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from demo_sites.server import SiteServer
from tests.automation.engine_support import explain, run
from tests.factories import make_company
from webapp.automation.engine.browser import EngineBrowser
from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.automation.engine.outcome import Outcome
from webapp.automation.models import AutomationAttempt, Dealership, FormMapping
from webapp.automation.service import mappings
from webapp.core.db import db as database


class Desk:
    """Dry runs of one dealership, whose form is a demo site's."""

    def __init__(self, w: Any, engine: EngineBrowser, sites: SiteServer) -> None:
        self.w, self.engine, self.sites = w, engine, sites
        self.host = database.session.get_one(Dealership, w.rows[0].dealership_id).host

    def try_at(self, name: str) -> tuple[Outcome, AutomationAttempt]:
        saved = mappings.saved_for(self.w.company.id, self.host)
        outcome = run(self.engine, self.sites, name, dry_run=True, mapping=saved)
        claimed = self.w.attempt(self.w.start(dry_run=True), outcome)
        return outcome, database.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)

    def versions(self) -> list[FormMapping]:
        database.session.expire_all()
        return list(database.session.scalars(sa.select(FormMapping).order_by(FormMapping.version)))


@pytest.fixture
def desk(world: Any, engine: EngineBrowser, sites: SiteServer) -> Desk:
    return Desk(world(1), engine, sites)


@pytest.mark.parametrize(
    ("name", "kind", "key", "said"),
    [
        ("fail-field-not-found", FailureType.FIELD_NOT_FOUND, "x9", {"kind": "unknown", "text": "none"}),
        ("fail-dropdown-option-missing", FailureType.DROPDOWN_OPTION_MISSING, "make", {"kind": "vehicle_make", "option": "Lucid"}),
    ],
)  # fmt: skip
def test_what_stopped_the_filling_is_corrected_on_the_mapping_and_the_next_dry_run_goes_by_it(
    desk: Desk, name: str, kind: FailureType, key: str, said: dict[str, str]
) -> None:
    outcome, attempt = desk.try_at(name)
    assert outcome.failure is kind, explain(outcome)
    (learned,) = desk.versions()
    assert (attempt.form_mapping_id, attempt.form_mapping_version) == (learned.id, "v1")
    assert {"name", "email", "message", key} <= learned.fields.keys()
    assert learned.attempt_id == attempt.id
    mappings.correct(learned.id, {key: said}, contact_url=learned.contact_url, version=1, by=desk.w.user)
    outcome, attempt = desk.try_at(name)
    assert outcome.ok, explain(outcome)
    assert {one.key: one.filled for one in outcome.fields}[key]
    assert (attempt.automation_strategy, attempt.form_mapping_version) == ("saved_mapping", "v2")


def test_a_mapping_whose_filling_failed_is_no_measure_of_a_changed_form(desk: Desk) -> None:
    desk.try_at("fail-field-not-found")
    assert mappings.saved_for(desk.w.company.id, desk.host) is None
    outcome, attempt = desk.try_at("fail-field-not-found")
    assert outcome.failure is FailureType.FIELD_NOT_FOUND, explain(outcome)
    (kept,) = desk.versions()
    assert (attempt.form_mapping_id, kept.attempt_id) == (kept.id, attempt.id)
    outcome, attempt = desk.try_at("fail-dropdown-option-missing")
    assert outcome.failure is FailureType.DROPDOWN_OPTION_MISSING, (
        "another form is read for itself, and has not changed"
    )
    assert [row.attempt_id == attempt.id for row in desk.versions()] == [False, True]
    outcome, _ = desk.try_at("visit-home")
    assert outcome.ok, explain(outcome)
    saved = mappings.saved_for(desk.w.company.id, desk.host)
    assert saved is not None
    assert saved.version == "v3"


def test_a_mapping_that_a_filling_proved_outlives_a_filling_that_fails(desk: Desk) -> None:
    outcome, _ = desk.try_at("visit-home")
    learned = outcome.learned
    assert learned is not None
    proven = mappings.saved_for(desk.w.company.id, desk.host)
    outcome = run(desk.engine, desk.sites, "fail-field-not-found", dry_run=True)
    desk.w.attempt(desk.w.start(dry_run=True), replace(outcome, failure=FailureType.FORM_CHANGED))
    assert mappings.saved_for(desk.w.company.id, desk.host) == proven


def test_several_forms_are_sent_to_what_a_person_can_do() -> None:
    advice = FAILURES[FailureType.MULTIPLE_FORMS].advice
    assert "mapping" not in advice
    assert "contact page" in advice
    assert "by hand" in advice


def test_a_mapping_whose_attempt_is_gone_is_believed(db: Any) -> None:
    company = make_company()
    row = FormMapping(
        company_id=company.id,
        host="a.example.com",
        version=1,
        contact_url="",
        fingerprint="f",
        fields={},
        attempt_id=999_999,
    )
    database.session.add(row)
    database.session.commit()
    assert mappings.saved_for(company.id, "a.example.com") is not None
