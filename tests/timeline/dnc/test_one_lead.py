"""One lead that nobody may contact: for one method or all, blocked by a person, lifted, and met again by imports and calls."""

import pytest
import sqlalchemy as sa
from flask import Flask, render_template_string
from flask_login import login_user
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_lead, make_list, make_user, sign_in
from tests.faults.support import event, send
from tests.harness.client import Client
from tests.harness.workers import JobRunner
from tests.imports.support import bring, check
from tests.timeline.dnc.conftest import PHONE
from webapp.accounts.models import Company
from webapp.core.audit import StatusChange
from webapp.dialer.models import Callback
from webapp.leads.models import Lead
from webapp.leads.service import set_status
from webapp.timeline.dnc import add_entries, block_lead, lift_entry
from webapp.timeline.models import DncEntry


@pytest.fixture
def lead(company: Company) -> Lead:
    made: Lead = make_lead(make_list(company), phone=PHONE, status="qualified", first_name="Ana", last_name="Ruiz")
    return made


def in_force(db: SQLAlchemy) -> list[tuple[str, str | None]]:
    rows = db.session.scalars(sa.select(DncEntry).where(DncEntry.lifted_at.is_(None)).order_by(DncEntry.id))
    return [(row.kind, row.method) for row in rows]


def lead_company(lead: Lead, db: SQLAlchemy) -> Company:
    return db.session.get_one(Company, lead.company_id)


def test_a_lead_is_blocked_for_one_method_and_keeps_its_status(client: Client, lead: Lead, db: SQLAlchemy) -> None:
    sign_in(client, make_user(lead_company(lead, db), role="rep"))
    assert "Nothing blocks this lead" in client.get(f"/leads/{lead.id}/dnc").text
    answer = client.post(f"/leads/{lead.id}/dnc", data={"method": "linkedin", "reason": "Asked there"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/leads/{lead.id}")
    db.session.refresh(lead)
    assert (lead.status, in_force(db)) == ("qualified", [("lead", "linkedin")])
    page = client.get(f"/leads/{lead.id}/dnc").text
    assert all(text in page for text in ("This lead", "Not by: LinkedIn", "Asked there", "Entered"))
    assert "/lift" not in page  # a rep does not lift
    again = client.post(f"/leads/{lead.id}/dnc", data={"method": "linkedin", "reason": "Again"})
    assert again.status_code == 303
    assert len(in_force(db)) == 1


def test_the_part_for_the_leads_page_opens_the_form_as_a_dialog_and_without_scripts_as_a_page(
    app: Flask, company: Company, lead: Lead
) -> None:
    with app.test_request_context():
        login_user(make_user(company, role="manager"))
        part = '{% include "timeline/_lead_dnc.html" %}'
        text = render_template_string(part, lead=lead)
        assert "Nothing blocks this lead" in text
        assert f'href="/leads/{lead.id}/dnc"' in text
        assert 'id="lead-dnc-dialog"' in text
        block_lead(lead.id, None, "Asked", by=make_user(company))
        assert "lead-dnc-dialog" not in render_template_string(part, lead=lead)


def test_a_lead_blocked_for_all_methods_becomes_do_not_call_with_its_phone(
    signed_in: Client, lead: Lead, db: SQLAlchemy
) -> None:
    db.session.add(Callback(company_id=lead.company_id, lead_id=lead.id, due_at=sa.func.now()))
    signed_in.post(f"/leads/{lead.id}/dnc", data={"method": "", "reason": "Asked by letter"})
    db.session.refresh(lead)
    assert (lead.status, in_force(db)) == ("dnc", [("lead", None), ("phone", None)])
    change = db.session.scalars(sa.select(StatusChange).where(StatusChange.machine == "lead")).one()
    assert (change.old_status, change.new_status, change.reason) == ("qualified", "dnc", "Asked by letter")
    assert db.session.scalar(sa.select(Callback.state)) == "closed"
    page = signed_in.get(f"/leads/{lead.id}/dnc").text
    assert all(text in page for text in ("This lead", "Phone (212) 555-0123", "Status Do Not Call", "Lift…"))
    assert "lead-dnc-form" not in page  # nothing is left to block


@pytest.mark.parametrize(
    "sent", [{"method": ""}, {"method": "pigeon", "reason": "x"}, {"reason": " "}, {"reason": "x" * 501}]
)
def test_a_lead_is_not_blocked_without_a_reason_or_by_an_unknown_method(
    signed_in: Client, lead: Lead, db: SQLAlchemy, sent: dict[str, str]
) -> None:
    answer = signed_in.post(f"/leads/{lead.id}/dnc", data=sent)
    assert (answer.status_code, in_force(db)) == (422, [])
    assert "Error:" in answer.text


@pytest.mark.parametrize(("ticked", "status", "left"), [({"release": "y"}, "new", []), ({}, "dnc", [("phone", None)])])
def test_lifting_a_lead_releases_it_and_its_phone_only_when_asked(
    signed_in: Client, lead: Lead, db: SQLAlchemy, ticked: dict[str, str], status: str, left: list[tuple[str, None]]
) -> None:
    signed_in.post(f"/leads/{lead.id}/dnc", data={"reason": "Asked"})
    entry = db.session.scalars(sa.select(DncEntry).where(DncEntry.kind == "lead")).one()
    assert "Set the lead back to New and lift its phone" in signed_in.get(f"/dnc/{entry.id}/lift").text
    signed_in.post(f"/dnc/{entry.id}/lift", data={"reason": "A mistake", **ticked})
    db.session.refresh(lead)
    assert (lead.status, in_force(db)) == (status, left)
    assert "Ana Ruiz" in signed_in.get("/dnc?show=lifted").text


def test_a_lead_stays_blocked_while_anything_else_blocks_it(signed_in: Client, lead: Lead, db: SQLAlchemy) -> None:
    signed_in.post("/dnc/new", data={"value": PHONE, "reason": "The number"})
    signed_in.post(f"/leads/{lead.id}/dnc", data={"reason": "The person"})
    by_kind = {row.kind: row.id for row in db.session.scalars(sa.select(DncEntry))}
    assert 'name="release"' not in signed_in.get(f"/dnc/{by_kind['phone']}/lift").text
    signed_in.post(f"/dnc/{by_kind['phone']}/lift", data={"reason": "x", "release": "y"})
    db.session.refresh(lead)
    assert (lead.status, in_force(db)) == ("dnc", [("lead", None)])
    signed_in.post(f"/dnc/{by_kind['lead']}/lift", data={"reason": "x", "release": "y"})
    db.session.refresh(lead)
    assert (lead.status, in_force(db)) == ("new", [])


def test_a_lead_without_a_phone_that_a_person_sets_to_do_not_call_can_be_lifted(
    company: Company, db: SQLAlchemy
) -> None:
    user = make_user(company)
    lead: Lead = make_lead(make_list(company), phone=None)
    set_status(lead.id, "dnc", by=user, reason="Asked")
    entry = db.session.scalars(sa.select(DncEntry)).one()
    assert (entry.kind, entry.value, entry.source) == ("lead", str(lead.id), "lead")
    assert lift_entry(entry, "A mistake", release_leads=True, by=user) == 1
    db.session.refresh(lead)
    assert lead.status == "new"


def test_an_import_is_refused_the_phone_that_is_blocked_for_everything_and_not_for_one_method(
    signed_in: Client, company: Company, worker: JobRunner
) -> None:
    user = make_user(company)
    add_entries([("phone", PHONE)], "No texts", method="sms", by=user)
    add_entries([("phone", "+12125550124")], "Asked", by=user)
    file = "Phone,Name\n(212) 555-0123,Ann One\n(212) 555-0124,Bob Two\n"
    row = check(signed_in, worker, bring(signed_in, worker, file, list_id=str(make_list(company).id)))
    assert row.checked["counts"] == {"new": 1, "dnc": 1}


def test_lifting_a_block_for_one_method_is_no_answer_to_a_calls_no_that_is_told_late(
    company: Company, db: SQLAlchemy
) -> None:
    user = make_user(company)
    lead: Lead = make_lead(make_list(company), phone=PHONE, status="new")
    set_status(lead.id, "contacted", by=user)
    add_entries([("phone", PHONE)], "No texts", method="sms", by=user)
    entry = db.session.scalars(sa.select(DncEntry)).one()
    lift_entry(entry, "A mistake", release_leads=False, by=user)
    send(company.id, event("1", "A", "ended", 1, call_status="answered", disposition="dnc", lead_id=lead.id))
    db.session.refresh(lead)
    assert (lead.status, in_force(db)) == ("dnc", [("phone", None)])
