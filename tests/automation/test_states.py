"""The moves of a contact status: what the declaration allows, service and database allow, and nothing else."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tests.factories import make_company, make_list, make_project, make_project_dealership
from webapp.automation.models import ProjectDealership
from webapp.automation.states import CONTACT_STATUS
from webapp.core.audit import StatusChange
from webapp.core.db import atomic
from webapp.core.db import db as database
from webapp.core.states import MoveRefused, advance

PAIRS = [(a, b) for a, b in itertools.product(CONTACT_STATUS.names, repeat=2) if a != b]


@pytest.fixture
def row(db: Any) -> ProjectDealership:
    company = make_company()
    return make_project_dealership(make_project(company), make_list(company))


def test_the_database_allows_the_declared_moves_and_names_them_when_it_refuses_another(row: ProjectDealership) -> None:
    put = sa.text("UPDATE project_dealerships SET contact_status = :to WHERE id = :id")
    wrong = []
    for old, new in PAIRS:
        database.session.execute(sa.text("ALTER TABLE project_dealerships DISABLE TRIGGER project_dealerships_move"))
        database.session.execute(put, {"to": old, "id": row.id})
        database.session.execute(sa.text("ALTER TABLE project_dealerships ENABLE TRIGGER project_dealerships_move"))
        try:
            database.session.execute(put, {"to": new, "id": row.id})
            allowed = True
        except IntegrityError as error:
            words = f"cannot go from {old} to {new}; allowed: {', '.join(CONTACT_STATUS[old].to) or 'none'}"
            allowed = words not in str(error.orig)
        database.session.rollback()
        if allowed != CONTACT_STATUS.can(old, new):
            wrong.append((old, new, allowed))
    assert wrong == []


def test_the_service_refuses_with_the_allowed_moves_and_writes_one_ledger_row_for_each_it_makes(
    row: ProjectDealership,
) -> None:
    move = atomic(
        lambda to: advance(row, to, machine=CONTACT_STATUS, by=None, cause="system", reason="a test", notes="why")
    )
    with pytest.raises(MoveRefused, match="allowed: in_progress, manual_override, skipped"):
        move("success")
    for to in ("in_progress", "failed", "in_progress", "success", "manual_override"):
        move(to)
    found = database.session.execute(
        sa.select(StatusChange.old_status, StatusChange.new_status, StatusChange.reason, StatusChange.notes)
        .where(StatusChange.machine == "contact status", StatusChange.subject_id == row.id)
        .order_by(StatusChange.id)
    ).all()
    assert [(f.old_status, f.new_status) for f in found] == [
        ("pending", "in_progress"), ("in_progress", "failed"), ("failed", "in_progress"), ("in_progress", "success"),
        ("success", "manual_override"),
    ]  # fmt: skip
    assert {(f.reason, f.notes) for f in found} == {("a test", "why")}


def test_miles_in_the_database_are_the_miles_of_the_rules(db: Any) -> None:
    from webapp.automation.rules import miles_between

    for place in ((40.7, -74.0, 34.05, -118.2), (0, 179.9, 0, -179.9), (90, 0, -90, 0), (1, 1, 1, 1)):
        found = database.session.scalar(
            sa.text("SELECT miles_between(:a, :b, :c, :d)"), dict(zip("abcd", place, strict=True))
        )
        assert found == pytest.approx(miles_between(*place), abs=1e-6)
