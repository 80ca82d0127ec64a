"""The do-not-contact list: adding, importing, lifting, and the leads that go with it."""

import io
import re

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_company, make_lead, make_list, make_user, sign_in
from tests.harness.client import Client
from tests.timeline.dnc.conftest import PHONE
from webapp.accounts.models import Company
from webapp.core.audit import AuditEvent, StatusChange
from webapp.dialer.models import Callback
from webapp.leads.models import Lead
from webapp.leads.service import set_status
from webapp.timeline.dnc import add_entries, block_lead, parse_lines, parse_value
from webapp.timeline.models import DncEntry


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("(212) 555-0123", "phone", PHONE),
        ("212.555.0123", "phone", PHONE),
        ("www.example.com:8080/about?x=1", "domain", "example.com"),
        ("xn--mnchen-3ya.de", "domain", "münchen.de"),
        ("München.de", "domain", "münchen.de"),
        ("shop.test", "domain", "shop.test"),
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


def test_many_are_pasted_or_come_as_a_file_and_are_shown_before_they_are_blocked(
    signed_in: Client, company: Company, db: SQLAlchemy
) -> None:
    lead = make_lead(make_list(company), phone=PHONE)
    signed_in.post("/dnc/new", data={"value": "example.org", "reason": "Before"})
    file = (io.BytesIO("phone\n+12125550124\nñandú\n".encode("cp1252")), "dnc.csv")
    sent = {"lines": f"{PHONE}\nexample.com\n{PHONE}\nexample.org", "reason": "Old list"}
    text = signed_in.post("/dnc/import", data={**sent, "file": file}).text
    assert "ñandú" in text
    assert "Block 3 contacts" in text
    assert facts(text) >= set({"To be blocked": "2 phones, 1 domain", "Blocked before": "1", "Refused lines": "2",
                           "Leads set to Do Not Call": "1", "Reason": "Old list"}.items())  # fmt: skip
    assert db.session.scalars(sa.select(DncEntry.value)).all() == ["example.org"]
    lines = re.search(r'name="lines" value="([^"]*)"', text)
    assert lines
    answer = signed_in.post("/dnc/import", data={"lines": lines[1], "reason": "Old list", "confirm": "1"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dnc")
    assert "3 entries added, 1 blocked before. 1 lead set to Do Not Call." in signed_in.get("/dnc").text
    rows = {row.value: row.source for row in db.session.scalars(sa.select(DncEntry))}
    assert rows == {PHONE: "import", "+12125550124": "import", "example.com": "import", "example.org": "user"}
    db.session.refresh(lead)
    assert lead.status == "dnc"


def facts(text: str) -> set[tuple[str, str]]:
    """The facts of a page, as (label, value)."""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text)
    return {(label, re.sub(r"<[^>]+>", "", value).strip()) for label, value in found}


def test_a_list_for_one_method_refuses_the_lines_that_method_does_not_use(signed_in: Client, db: SQLAlchemy) -> None:
    sent = {"lines": f"{PHONE}\nbob@example.com\nbob@example.com;{PHONE}9", "method": "sms", "reason": "Old list"}
    text = signed_in.post("/dnc/import", data=sent).text
    assert text.count("is an email address, which SMS does not use") == 2
    signed_in.post("/dnc/import", data={**sent, "confirm": "1"})
    assert [(row.value, row.method) for row in db.session.scalars(sa.select(DncEntry))] == [(PHONE, "sms")]


def test_a_list_without_anything_new_offers_no_button(signed_in: Client) -> None:
    signed_in.post("/dnc/new", data={"value": "example.com", "reason": "Before"})
    text = signed_in.post("/dnc/import", data={"lines": "example.com", "reason": "x"}).text
    assert "Nothing new" in text
    assert 'data-pending="Blocking…"' not in text


def test_nothing_pasted_and_too_much_are_refused(signed_in: Client) -> None:
    assert signed_in.post("/dnc/import", data={"lines": " \n", "reason": "x"}).status_code == 422
    assert signed_in.post("/dnc/import", data={"lines": "example.com\n" * 5001, "reason": "x"}).status_code == 422
    for method in ("pigeon", "SMS"):
        assert signed_in.post("/dnc/import", data={"lines": PHONE, "method": method, "reason": "x"}).status_code == 422


def test_a_number_is_blocked_for_one_method_and_its_leads_keep_their_status(
    signed_in: Client, company: Company, db: SQLAlchemy
) -> None:
    lead = make_lead(make_list(company), phone=PHONE)
    signed_in.post("/dnc/new", data={"value": PHONE, "method": "sms", "reason": "No texts please"})
    db.session.refresh(lead)
    assert lead.status == "new"
    assert db.session.scalars(sa.select(DncEntry.method)).all() == ["sms"]
    refused = signed_in.post("/dnc/new", data={"value": "ana@example.com", "method": "sms", "reason": "x"})
    assert refused.status_code == 422
    assert "This is an email address, which SMS does not use." in refused.text


def test_a_wider_block_is_added_beside_a_narrow_one_and_a_narrow_one_not_beside_a_wider(
    signed_in: Client, db: SQLAlchemy
) -> None:
    for method in ("sms", "", "whatsapp"):
        signed_in.post("/dnc/new", data={"value": PHONE, "method": method, "reason": "x"})
    assert db.session.scalars(sa.select(DncEntry.method).order_by(DncEntry.id)).all() == ["sms", None]


def test_lifting_a_block_for_one_method_leaves_status_and_the_wider_block(
    signed_in: Client, company: Company, db: SQLAlchemy
) -> None:
    lead = make_lead(make_list(company), phone=PHONE)
    for method in ("sms", ""):
        signed_in.post("/dnc/new", data={"value": PHONE, "method": method, "reason": "x"})
    narrow = db.session.scalar(sa.select(DncEntry.id).where(DncEntry.method == "sms"))
    assert 'name="release"' not in signed_in.get(f"/dnc/{narrow}/lift").text
    signed_in.post(f"/dnc/{narrow}/lift", data={"reason": "A mistake", "release": "y"})
    db.session.refresh(lead)
    assert lead.status == "dnc"
    assert db.session.scalars(sa.select(DncEntry.method).where(DncEntry.lifted_at.is_(None))).all() == [None]


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


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"Zoë Ortiz", PHONE, "example.com"}),
        ("method=all", {"Zoë Ortiz", "example.com"}),
        ("method=sms", {PHONE}),
        ("method=pigeon", {"Zoë Ortiz", PHONE, "example.com"}),
        ("kind=lead", {"Zoë Ortiz"}),
        ("kind=phone&method=all", set()),
        ("q=zoë", {"Zoë Ortiz"}),
        ("q=EXAMPLE", {"example.com"}),
    ],
)
def test_the_list_is_filtered_by_kind_method_and_text(
    signed_in: Client, company: Company, query: str, found: set[str]
) -> None:
    user = make_user(company, role="manager")
    lead = make_lead(make_list(company), first_name="Zoë", last_name="Ortiz", phone=None)
    block_lead(lead.id, None, "Asked", by=user)
    add_entries([("phone", PHONE)], "Asked", method="sms", by=user)
    add_entries([("domain", "example.com")], "Asked", by=user)
    rows = re.findall(r'<th scope="row">(.*?)<span class="sub">', signed_in.get(f"/dnc?{query}").text)
    assert {re.sub(r"<[^>]+>", "", row) for row in rows} == {text.replace(PHONE, "(212) 555-0123") for text in found}
