"""What we export comes back as it was."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tests.factories import make_lead, make_list
from tests.harness.client import Client
from tests.imports.support import bring, check, confirm, signed_in
from webapp.core.db import db
from webapp.leads.models import Lead

FACTS = (
    "first_name", "last_name", "business", "title", "phone", "extension", "email", "website", "linkedin_url", "city", "state",
    "postal_code", "country", "zone", "source", "tags", "status", "custom", "owner_id",
)  # fmt: skip
ODD = (
    "=1+1", "+1 (212) 555", "-5", "@SUM(A1)", "  =x".strip(), "＝全角", "'quoted'", "''=1", "plain", 'say "hi", ok', "semi;colon", "tab\tinside",
    "line\nbreak", "emoji 😀", "אבג", "Zoë", "a,b", "0123", "1e5", "TRUE", "#hash", "|pipe|", "%s", "\\N", "null-ish", "x" * 400, "=", "+", "@", "-",
)  # fmt: skip


def facts(lead: Lead) -> dict[str, Any]:
    return {name: getattr(lead, name) for name in FACTS}


def test_a_csv_exported_by_us_comes_back_equal(client: Client, worker: Any) -> None:
    user = signed_in(client)
    first = make_list(user.company)
    for n, text in enumerate(ODD):
        one_line = " ".join(text.split())
        make_lead(
            first, phone=f"+1212555{100 + n:04}", first_name=one_line, last_name="Lee", business=one_line, title="Owner", extension="12",
            email=f"lead{n}@example.com", website="https://example.com/a?b=1", linkedin_url="https://www.linkedin.com/in/sample",
            city=one_line, state="NY", postal_code="10001", country="US", zone="America/Chicago", source="Show", tags=["hot", "west coast"],
            status="no_answer", custom={"seats": text, "city": "x"}, owner_id=user.id,
        )  # fmt: skip
    before = {lead.phone: facts(lead) for lead in db.session.scalars(sa.select(Lead))}
    content = client.get("/leads/export.csv").get_data()
    row = bring(client, worker, content, "export.csv", new_list="Back", scope="list")
    assert {field for field in row.columns.values() if field.startswith("custom:")} == {"custom:seats", "custom:city"}
    row = confirm(client, worker, check(client, worker, row))
    assert row.result["counts"] == {"new": len(ODD)}
    back = {lead.phone: facts(lead) for lead in db.session.scalars(sa.select(Lead).where(Lead.list_id == row.list_id))}
    assert back == before
