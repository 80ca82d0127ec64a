"""What blocks a lead: its own entry, its phone, its email, its domain, its status; and which methods each closes."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_company, make_lead, make_list
from tests.timeline.conftest import Place
from webapp.leads.service import set_status
from webapp.timeline.models import DncEntry
from webapp.timeline.queries.blocks import find_blocks
from webapp.timeline.rules import blocks_method
from webapp.timeline.states import METHODS


def add(db: SQLAlchemy, company: Any, kind: str, value: Any, method: str | None = None, **facts: Any) -> DncEntry:
    entry = DncEntry(company_id=company.id, kind=kind, value=str(value), method=method, **facts)
    db.session.add(entry)
    db.session.flush()
    return entry


def closed(place: Place, lead: Any = None) -> set[str]:
    """The methods by which the lead may not be contacted."""
    lead = lead or place.lead
    blocks = find_blocks(place.company.id, [lead.id]).get(lead.id, [])
    return {method for method in METHODS if any(blocks_method(block, method) for block in blocks)}


def test_a_lead_that_nothing_blocks_is_left_out(place: Place) -> None:
    assert find_blocks(place.company.id, [place.lead.id]) == {}
    assert find_blocks(place.company.id, []) == {}


@pytest.mark.parametrize(
    ("kind", "value", "method", "methods"),
    [
        ("phone", "the lead's", None, {"call", "sms", "whatsapp"}),
        ("phone", "the lead's", "sms", {"sms"}),
        ("phone", "+12125559999", None, set()),
        ("email", "ana@mail.example.com", None, {"email"}),
        ("email", "ANA@mail.example.com", None, set()),  # entries are kept in lower case
        ("domain", "mail.example.com", None, {"email"}),
        ("domain", "example.com", None, {"email"}),
        ("domain", "example.com", "web_form", set()),
        ("domain", "ample.com", None, set()),
        ("domain", "com", None, set()),
        ("domain", "shop.example.org", None, {"web_form"}),
        ("domain", "example.org", None, {"web_form"}),
        ("domain", "example.org", "email", set()),
        ("lead", "the lead's", None, set(METHODS)),
        ("lead", "the lead's", "linkedin", {"linkedin"}),
    ],
)
def test_an_entry_closes_the_methods_that_its_value_serves(
    place: Place, db: SQLAlchemy, kind: str, value: str, method: str | None, methods: set[str]
) -> None:
    lead = make_lead(
        place.list, phone="+12125550177", email="Ana@Mail.example.com", website="https://www.shop.Example.org:8080/contact?x=1"
    )  # fmt: skip
    if value == "the lead's":
        value = {"phone": lead.phone, "lead": lead.id}[kind]
    add(db, place.company, kind, value, method)
    assert closed(place, lead) == methods


@pytest.mark.parametrize(
    "facts",
    [
        {"email": "ana@example.com", "website": "https://example.com"},
        {"email": "ana@example.com", "website": ""},
        {"email": None, "website": "https://www.example.com/"},
        {"email": None, "website": "example.com/contact"},
    ],
)
def test_the_only_host_that_is_known_stands_for_email_and_web_form(
    place: Place, db: SQLAlchemy, facts: dict[str, Any]
) -> None:
    add(db, place.company, "domain", "example.com")
    assert closed(place, make_lead(place.list, **facts)) == {"email", "web_form"}


def test_two_entries_of_one_value_for_two_methods_both_count(place: Place, db: SQLAlchemy) -> None:
    add(db, place.company, "phone", place.lead.phone, "sms")
    add(db, place.company, "phone", place.lead.phone, "whatsapp")
    assert closed(place) == {"sms", "whatsapp"}


def test_the_status_do_not_call_blocks_everything_and_says_who_set_it(place: Place, db: SQLAlchemy) -> None:
    set_status(place.lead.id, "dnc", by=place.alice, reason="Asked by letter")
    db.session.execute(sa.update(DncEntry).values(lifted_at=sa.func.now()))
    [block] = find_blocks(place.company.id, [place.lead.id])[place.lead.id]
    assert (block.kind, block.who, block.reason, block.entry_id) == ("status", "Alice", "Asked by letter", None)
    assert block.at is not None
    assert closed(place) == set(METHODS)


def test_a_block_says_who_added_it_when_and_why_and_stands_before_the_status(place: Place, db: SQLAlchemy) -> None:
    place.lead.status = "dnc"
    entry = add(db, place.company, "phone", place.lead.phone, reason="On the phone", added_by_id=place.bob.id)
    first, last = find_blocks(place.company.id, [place.lead.id])[place.lead.id]
    assert (first.kind, first.value, first.reason, first.who) == ("phone", place.lead.phone, "On the phone", "Bob")
    assert (first.entry_id, first.at) == (entry.id, entry.created_at)
    assert last.kind == "status"


def test_lifted_entries_and_another_companys_block_nobody(place: Place, db: SQLAlchemy) -> None:
    other = make_company()
    add(db, place.company, "email", place.lead.email, lifted_at=sa.func.now())
    for kind, value in (("email", place.lead.email), ("phone", place.lead.phone), ("lead", place.lead.id)):
        add(db, other, kind, value)
    assert closed(place) == set()
    foreign = make_lead(make_list(other), status="dnc")
    assert find_blocks(place.company.id, [foreign.id]) == {}


def test_any_number_of_leads_takes_one_statement(place: Place, db: SQLAlchemy) -> None:
    leads = [make_lead(place.list) for _ in range(5)]
    for lead in leads[:3]:
        add(db, place.company, "phone", lead.phone)
    ids, statements = [lead.id for lead in leads], list[str]()

    def note(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        found = find_blocks(place.company.id, ids)
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)
    assert len(statements) == 1
    assert set(found) == {lead.id for lead in leads[:3]}
