"""States are data: every allowed and every refused move of every machine, and the page in docs/ that shows them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_company, make_lead, make_list, make_user
from webapp.config import ROOT
from webapp.core.audit import StatusChange
from webapp.core.db import atomic
from webapp.core.db import db as database
from webapp.core.states import MACHINES, LostRace, MoveRefused, advance, describe_machines
from webapp.leads.models import Lead
from webapp.leads.states import LEAD


@pytest.mark.usefixtures("app")
def test_the_page_of_states_shows_what_the_code_declares() -> None:
    assert (ROOT / "docs" / "states.md").read_text() == describe_machines()


@pytest.mark.usefixtures("app")
def test_every_machine_moves_only_where_it_says() -> None:
    for machine in MACHINES:
        for old in machine:
            for new in machine.names:
                assert machine.can(old.name, new) == (new in old.to), (machine.name, old.name, new)
                if new not in old.to:
                    with pytest.raises(MoveRefused, match="allowed"):
                        machine.check_move(old.name, new)


@atomic
def move(lead: Lead, to: str) -> bool:
    return advance(lead, to, machine=LEAD, by=None, cause="user")


@pytest.fixture
def lead(db: Any) -> Lead:
    return make_lead(make_list(make_company()))


def test_a_move_writes_its_ledger_row_and_a_move_to_the_same_status_none(lead: Lead) -> None:
    assert move(lead, "busy")
    assert not move(lead, "busy")
    rows = database.session.scalars(sa.select(StatusChange).where(StatusChange.subject_id == lead.id)).all()
    assert [(row.old_status, row.new_status) for row in rows] == [("new", "busy")]


def test_a_move_from_a_status_that_is_no_longer_there_loses_and_leaves_nothing(lead: Lead) -> None:
    database.session.execute(sa.text("UPDATE leads SET status = 'sale' WHERE id = :id"), {"id": lead.id})
    database.session.commit()
    with pytest.raises(LostRace):
        move(lead, "busy")
    assert database.session.scalar(sa.select(sa.func.count(StatusChange.id))) == 0


def test_the_database_refuses_a_status_nobody_declared(lead: Lead) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        database.session.execute(sa.text("UPDATE leads SET status = 'sold' WHERE id = :id"), {"id": lead.id})
    database.session.rollback()


@pytest.mark.parametrize("table", ["status_changes", "audit_events"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET created_at = now()", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_trails_can_only_grow(lead: Lead, table: str, verb: str) -> None:
    make_user()
    move(lead, "busy")
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        database.session.execute(sa.text(verb.format(table)))
    database.session.rollback()
