"""The do-not-contact list: adding, importing, lifting, and the leads that go with it."""

import io

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_company, make_lead, make_list, make_user, sign_in
from tests.harness.client import Client
from webapp.accounts.models import Company
from webapp.core.audit import AuditEvent, StatusChange
from webapp.dialer.models import Callback
from webapp.leads.models import Lead
from webapp.leads.service import set_status
from webapp.timeline.dnc import parse_lines, parse_value
from webapp.timeline.models import DncEntry

PHONE = "+12125550123"


@pytest.fixture
def company(db: SQLAlchemy) -> Company:
    return make_company()


@pytest.fixture
def signed_in(client: Client, company: Company) -> Client:
    return sign_in(client, make_user(company, role="manager"))


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("(212) 555-0123", "phone", PHONE),
        ("+44 20 7946 0958", "phone", "+442079460958"),
        (" Ana.Ruiz@Example.COM ", "email", "ana.ruiz@example.com"),
        ("@example.com", "domain", "example.com"),
        ("https://www.Example.com/contact", "domain", "example.com"),
    ],
)
def test_a_value_is_read_as_people_write_it(text: str, kind: str, value: str) -> None:
    assert parse_value(text) == (kind, value)


@pytest.mark.parametrize(
    "text", ["", "  ", "Ana", "12", "a@", "@", "\x00", "x" * 400, "call me at 212-555-0123", "555"]
)
def test_what_is_no_phone_email_or_domain_is_refused(text: str) -> None:
    assert parse_value(text) is None


def test_a_pasted_list_is_read_line_by_line() -> None:
    values, refused = parse_lines(
        ["phone,name", "212-555-0123,Ana", "Bob;bob@example.com", "nothing here", "2125550123"], "US"
    )
    assert values == [("phone", PHONE), ("email", "bob@example.com")]
    assert [(number, text) for number, text, _ in refused] == [(4, "nothing here")]


def test_an_empty_list_says_so(signed_in: Client) -> None:
    assert "Nobody is blocked" in signed_in.get("/dnc").text


def test_blocking_a_phone_sets_its_leads_to_do_not_call_and_closes_their_callbacks(
    signed_in: Client, company: Company, db: SQLAlchemy
) -> None:
    lead_list = make_list(company)
    leads = [make_lead(lead_list, phone=PHONE, status=status) for status in ("new", "sale", "callback", "dnc")]
    other = make_lead(lead_list)
    foreign = make_lead(make_list(make_company()), phone=PHONE)
    db.session.add(Callback(company_id=company.id, lead_id=leads[2].id, due_at=sa.func.now()))
    answer = signed_in.post("/dnc/new", data={"value": "212 555 0123", "reason": "Asked by letter"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dnc")
    for row in (*leads, other, foreign):
        db.session.refresh(row)
    assert [lead.status for lead in leads] == ["dnc"] * 4
    assert (other.status, foreign.status) == ("new", "new")
    changes = db.session.scalars(sa.select(StatusChange).where(StatusChange.new_status == "dnc")).all()
    assert {(change.cause, change.reason) for change in changes} == {("user", "Asked by letter")}
    assert len(changes) == 3
    assert db.session.scalar(sa.select(Callback.state)) == "closed"
    page = signed_in.get("/dnc").text
    assert all(text in page for text in ("(212) 555-0123", "Asked by letter"))
    assert "3 leads set to Do Not Call" in signed_in.get("/dnc").text or "3" in page


def test_blocking_the_same_value_twice_is_one_entry(signed_in: Client, db: SQLAlchemy) -> None:
    for _ in range(2):
        assert signed_in.post("/dnc/new", data={"value": PHONE, "reason": "Once"}).status_code == 303
    assert db.session.scalar(sa.select(sa.func.count()).select_from(DncEntry)) == 1


def test_a_value_that_cannot_be_read_is_named_and_kept(signed_in: Client) -> None:
    answer = signed_in.post("/dnc/new", data={"value": "call Ana", "reason": ""})
    assert answer.status_code == 422
    assert "Error:" in answer.text
    assert 'value="call Ana"' in answer.text


def test_many_are_pasted_or_come_as_a_file(signed_in: Client, db: SQLAlchemy) -> None:
    file = (io.BytesIO("phone\n+12125550124\nñandú\n".encode("cp1252")), "dnc.csv")
    answer = signed_in.post(
        "/dnc/import", data={"lines": f"{PHONE}\nexample.com\n{PHONE}", "reason": "Old list", "file": file}
    )
    assert answer.status_code == 200
    assert "3 entries added" in answer.text
    assert "ñandú" in answer.text
    assert sorted(db.session.scalars(sa.select(DncEntry.value))) == [PHONE, "+12125550124", "example.com"]
    assert set(db.session.scalars(sa.select(DncEntry.source))) == {"import"}


def test_nothing_pasted_and_too_much_are_refused(signed_in: Client) -> None:
    assert signed_in.post("/dnc/import", data={"lines": " \n", "reason": "x"}).status_code == 422
    assert signed_in.post("/dnc/import", data={"lines": "example.com\n" * 5001, "reason": "x"}).status_code == 422


@pytest.mark.parametrize(("ticked", "status"), [({"release": "y"}, "new"), ({}, "dnc")])
def test_lifting_permits_and_touches_leads_only_when_asked(
    signed_in: Client, company: Company, db: SQLAlchemy, ticked: dict[str, str], status: str
) -> None:
    lead = make_lead(make_list(company), phone=PHONE)
    signed_in.post("/dnc/new", data={"value": PHONE, "reason": "Asked"})
    entry = db.session.scalars(sa.select(DncEntry)).one()
    assert signed_in.post(f"/dnc/{entry.id}/lift", data=ticked).status_code == 422
    assert "1 lead" in signed_in.get(f"/dnc/{entry.id}/lift").text
    assert signed_in.post(f"/dnc/{entry.id}/lift", data={"reason": "A mistake", **ticked}).status_code == 303
    db.session.refresh(entry)
    db.session.refresh(lead)
    assert (lead.status, entry.lifted_reason) == (status, "A mistake")
    assert "Nobody is blocked" in signed_in.get("/dnc").text
    assert "A mistake" in signed_in.get("/dnc?show=lifted").text
    kinds = db.session.scalars(
        sa.select(AuditEvent.kind).where(AuditEvent.kind.like("dnc%")).order_by(AuditEvent.id)
    ).all()
    assert kinds == ["dnc_added", "dnc_lifted"]
    assert signed_in.post("/dnc/new", data={"value": PHONE, "reason": "Again"}).status_code == 303


def test_a_rep_adds_but_neither_lifts_nor_imports(client: Client, company: Company, db: SQLAlchemy) -> None:
    sign_in(client, make_user(company, role="rep"))
    assert client.post("/dnc/new", data={"value": PHONE, "reason": "Asked"}).status_code == 303
    entry = db.session.scalars(sa.select(DncEntry)).one()
    assert client.post(f"/dnc/{entry.id}/lift", data={"reason": "x"}).status_code == 403
    assert client.get("/dnc/import").status_code == 403


def test_another_companys_entry_is_not_found(signed_in: Client, db: SQLAlchemy) -> None:
    entry = DncEntry(company_id=make_company().id, kind="phone", value=PHONE)
    db.session.add(entry)
    db.session.flush()
    assert signed_in.post(f"/dnc/{entry.id}/lift", data={"reason": "x"}).status_code == 404
    assert PHONE not in signed_in.get("/dnc").text


def test_a_lead_that_a_person_sets_to_do_not_call_puts_its_phone_on_the_list(company: Company, db: SQLAlchemy) -> None:
    user = make_user(company)
    lead: Lead = make_lead(make_list(company), phone=PHONE)
    set_status(lead.id, "dnc", by=user, reason="Asked")
    entry = db.session.scalars(sa.select(DncEntry)).one()
    assert (entry.value, entry.reason, entry.added_by_id) == (PHONE, "Asked", user.id)


@pytest.mark.parametrize(("q", "found"), [("0123", True), ("(212) 555-0123", True), ("example", False), ("\x00", True)])
def test_the_list_is_searched(signed_in: Client, q: str, found: bool) -> None:
    signed_in.post("/dnc/new", data={"value": PHONE, "reason": "Asked"})
    answer = signed_in.get("/dnc", query_string={"q": q})
    assert ("(212) 555-0123</a>" in answer.text) is found
