"""The CSV of a filter: typed, harmless in a spreadsheet, and taken back by the import unchanged."""

import csv
import io

import pytest
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_company, make_lead, make_list, make_user, sign_in
from webapp.core.audit import AuditEvent
from webapp.imports.cells import strip_guard
from webapp.imports.tables import LEAD_FIELDS
from webapp.leads import export
from webapp.leads.export import COLUMNS, stream_csv
from webapp.leads.filters import LeadFilter

NASTY = (
    "=1+2", "+bob", "-5", "@sum", "\tx", "  =x", "＝x", 'a "quoted" one', "a, b; c", "two\nlines", "O'Hara", "'plain", "محمد", "😀",
    "\\N", "\\.", "NULL", "null", "007", "1e5", "Zoë", "", "%s %(x)s", ":name", "{}",
)  # fmt: skip


def _read(company_id: int, f: LeadFilter | None = None, **kwargs) -> list[dict[str, str]]:
    raw = b"".join(stream_csv(company_id, f or LeadFilter(), **kwargs))
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def test_every_import_field_that_a_lead_has_is_a_column_of_that_name():
    assert set(LEAD_FIELDS) - set(COLUMNS) == {"phone_code", "full_name"}


@pytest.mark.parametrize("text", NASTY)
def test_a_nasty_cell_comes_back_as_it_was_and_starts_no_formula(db: SQLAlchemy, text: str):
    user = make_user()
    make_lead(
        make_list(user.company),
        first_name=text,
        business=text,
        city=text,
        custom={"my field": text, "odd:key '%s": text},
    )
    row = _read(user.company_id)[0]
    for column in ("first_name", "business", "city", "my field", "odd:key '%s"):
        assert strip_guard(row[column]) == text
        assert not row[column].lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "＝"))


def test_phones_numbers_and_times_are_typed_and_bear_no_apostrophe(db: SQLAlchemy):
    user = make_user(email="+odd@example.com")
    lead = make_lead(
        make_list(user.company), phone="+12125550123", dial_attempts=3, owner_id=user.id, tags=["vip", "hot"]
    )
    row = _read(user.company_id)[0]
    assert (row["phone"], row["dial_attempts"], row["lead_id"], row["tags"]) == (
        "+12125550123",
        "3",
        str(lead.id),
        "vip, hot",
    )
    assert row["owner"] == "'+odd@example.com"
    assert row["created_at"].endswith("+00")
    assert row["last_dial_attempt"] == ""


def test_pages_join_without_a_gap_or_a_double(db: SQLAlchemy, monkeypatch):
    monkeypatch.setattr(export, "PAGE", 7)
    monkeypatch.setattr(export, "BLOCK", 64)
    user = make_user()
    lead_list = make_list(user.company)
    ids = [make_lead(lead_list, status="new" if n % 2 else "busy").id for n in range(30)]
    make_lead(make_list(make_company()))
    assert [int(row["lead_id"]) for row in _read(user.company_id)] == ids
    assert [int(row["lead_id"]) for row in _read(user.company_id, LeadFilter(status=("new",)))] == ids[1::2]
    assert [int(row["lead_id"]) for row in _read(user.company_id, ids=ids[:3])] == ids[:3]
    assert [int(row["lead_id"]) for row in _read(user.company_id, LeadFilter(q="lead"))] == ids


def test_an_export_of_a_filter_and_of_chosen_leads_is_written_down(client, db: SQLAlchemy):
    user = make_user(role="manager")
    lead_list = make_list(user.company)
    first, second = make_lead(lead_list, status="busy"), make_lead(lead_list)
    sign_in(client, user)
    answer = client.get("/leads/export.csv?status=busy")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert str(first.phone) in answer.text
    assert str(second.phone) not in answer.text
    chosen = client.post("/leads/export.csv", data={"ids": [second.id], "scope": "selected"})
    assert str(second.phone) in chosen.text
    assert str(first.phone) not in chosen.text
    everything = client.post("/leads/export.csv", data={"scope": "all", "filter": "status=busy", "seen": 1})
    assert str(first.phone) in everything.text
    assert db.session.query(AuditEvent).filter_by(kind="data_export").count() == 3


def test_a_rep_may_not_export(client, db: SQLAlchemy):
    sign_in(client, make_user(role="rep"))
    assert client.get("/leads/export.csv").status_code == 403
    assert client.post("/leads/export.csv").status_code == 403
