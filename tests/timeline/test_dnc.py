"""The do-not-contact list: adding, importing, lifting, and the leads that go with it."""

import io
import re

import pytest
import sqlalchemy as sa
from flask import Flask, render_template_string
from flask_login import login_user
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_company, make_lead, make_list, make_user, sign_in
from tests.faults.support import event, send
from tests.harness.client import Client
from tests.harness.workers import JobRunner
from tests.imports.support import bring, check
from webapp.accounts.models import Company
from webapp.core.audit import AuditEvent, StatusChange
from webapp.dialer.models import Callback
from webapp.leads.models import Lead
from webapp.leads.service import set_status
from webapp.timeline.dnc import add_entries, block_lead, lift_entry, parse_lines, parse_value
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


# --- one lead ----------------------------------------------------------------------------------------------


@pytest.fixture
def lead(company: Company) -> Lead:
    made: Lead = make_lead(make_list(company), phone=PHONE, status="qualified", first_name="Ana", last_name="Ruiz")
    return made


def in_force(db: SQLAlchemy) -> list[tuple[str, str | None]]:
    rows = db.session.scalars(sa.select(DncEntry).where(DncEntry.lifted_at.is_(None)).order_by(DncEntry.id))
    return [(row.kind, row.method) for row in rows]


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


def lead_company(lead: Lead, db: SQLAlchemy) -> Company:
    return db.session.get_one(Company, lead.company_id)


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
