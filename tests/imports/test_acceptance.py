"""S9 of the acceptance scenarios, exactly as written."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_campaign, make_lead, make_list
from tests.harness.client import Client
from tests.imports.support import S9, bring, check, confirm, error_rows, import_all, outcomes, signed_in
from webapp.core.audit import StatusChange
from webapp.core.db import db
from webapp.leads.models import Lead, LeadList
from webapp.timeline.models import DncEntry


@pytest.fixture
def scene(client: Client) -> LeadList:
    """+12125550101 in list A, 0102 in B of A's campaign X, 0103 in C of campaign Y; 0104 is blocked."""
    company = signed_in(client).company
    x, y = make_campaign(company, name="X"), make_campaign(company, name="Y")
    a = make_list(company, name="A", dial_campaign_id=x.id)
    make_lead(a, phone="+12125550101")
    make_lead(make_list(company, name="B", dial_campaign_id=x.id), phone="+12125550102")
    make_lead(make_list(company, name="C", dial_campaign_id=y.id), phone="+12125550103")
    db.session.add(DncEntry(company_id=company.id, kind="phone", value="+12125550104", reason="asked"))
    db.session.commit()
    return a


def test_each_row_of_s9_ends_as_written(client: Client, worker: Any, scene: LeadList) -> None:
    row = check(client, worker, bring(client, worker, S9, list_id=scene.id, scope="campaign"))
    expected = {
        "new": 4, "duplicate_in_list": 1, "duplicate_in_campaign": 1, "duplicate_in_file": 1, "dnc": 1, "invalid": 1, "missing": 1,
    }  # fmt: skip
    assert row.checked["counts"] == expected
    assert db.session.scalar(sa.select(sa.func.count(Lead.id))) == 3  # nothing is written by the check
    row = confirm(client, worker, row)
    assert (row.stage, row.state, row.result["counts"]) == ("imported", "done", expected)
    assert outcomes(row) == {
        2: ("duplicate_in_list", "same phone as a lead of A"),
        3: ("duplicate_in_campaign", "same phone as a lead of B"),
        4: ("new", ""),
        5: ("dnc", "its phone is on the do-not-contact list: asked"),
        6: ("new", ""),
        7: ("duplicate_in_file", "same phone as line 6"),
        8: ("invalid", "phone: invalid length"),
        9: ("missing", "missing phone"),
        10: ("new", ""),
        11: ("new", ""),
    }
    made = {lead.phone: lead for lead in db.session.scalars(sa.select(Lead).where(Lead.import_id == row.id))}
    assert set(made) == {"+12125550103", "+12125550105", "+12125550106", "+442079460018"}
    assert made["+12125550106"].extension == "9"
    assert made["+442079460018"].zone == "Europe/London"
    assert {lead.zone for phone, lead in made.items() if phone.startswith("+1")} == {"America/New_York"}
    assert {(lead.status, lead.anchor_status, lead.last_status_change) for lead in made.values()} == {
        ("new", "new", None)
    }
    ledger = db.session.scalars(sa.select(StatusChange).where(StatusChange.batch_id == row.batch_id)).all()
    assert {(c.old_status, c.new_status, c.cause, c.evidence_id) for c in ledger} == {(None, "new", "import", row.id)}
    assert len(ledger) == 4
    assert len(error_rows(client, row)) == 1 + 6


def test_the_same_file_again_imports_nothing(client: Client, worker: Any, scene: LeadList) -> None:
    import_all(client, worker, S9, list_id=scene.id, scope="campaign")
    again = import_all(client, worker, S9, list_id=scene.id, scope="campaign")
    assert again.result["counts"].get("new", 0) == 0
    assert sum(again.result["counts"].values()) == 10


def test_scope_company_imports_three(client: Client, worker: Any, scene: LeadList) -> None:
    row = import_all(client, worker, S9, list_id=scene.id, scope="company")
    assert row.result["counts"]["new"] == 3
    assert outcomes(row)[4] == ("duplicate_in_company", "same phone as a lead of C")


def test_undo_removes_the_four(client: Client, worker: Any, scene: LeadList) -> None:
    row = import_all(client, worker, S9, list_id=scene.id, scope="campaign")
    assert client.post(f"/imports/{row.id}/undo").status_code == 303
    worker()
    db.session.refresh(row)
    assert (row.stage, row.result["undo"]) == ("undone", {"removed": 4, "restored": 0, "kept": 0})
    assert db.session.scalar(sa.select(sa.func.count(Lead.id))) == 3
    assert client.get(f"/imports/{row.id}").status_code == 200


def test_a_file_of_phones_alone_counts_its_empty_line(client: Client, worker: Any, scene: LeadList) -> None:
    phones = "\n".join(line.partition(",")[0] for line in S9.splitlines()) + "\n"
    row = import_all(client, worker, phones, list_id=scene.id, scope="campaign")
    assert row.result["counts"]["new"] == 4
    assert row.result["counts"]["missing"] == 1
    assert sum(row.result["counts"].values()) == 10
