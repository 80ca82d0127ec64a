"""Leads and lists over the API."""

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.api.keys import Api
from tests.factories import make_call, make_company, make_lead, make_list
from webapp.accounts.models import Company
from webapp.leads.models import LeadList
from webapp.timeline.models import DncEntry


def walk(api: Api, path: str) -> list[int]:
    ids, cursor = [], ""
    while True:
        page = api.get(f"{path}{'&' if '?' in path else '?'}limit=3{cursor}").json
        ids += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return ids
        cursor = f"&cursor={page['next']}"


def test_leads_are_walked_by_cursor_each_once(api: Api, company: Company) -> None:
    lists = [make_list(company), make_list(company)]
    leads = [make_lead(lists[n % 2], status="busy" if n % 3 else "new") for n in range(11)]
    make_lead(make_list(make_company()))
    wanted = [lead.id for lead in sorted(leads, key=lambda lead: (lead.list_id, lead.id))]
    assert walk(api, "/leads") == wanted
    assert walk(api, f"/leads?list_id={lists[1].id}") == [lead.id for lead in leads if lead.list_id == lists[1].id]
    assert walk(api, "/leads?status=busy") == [
        i for i in wanted if i in {lead.id for lead in leads if lead.status == "busy"}
    ]


def test_leads_without_a_status_are_found_as_none(api: Api, company: Company) -> None:
    lead = make_lead(make_list(company), status=sa.null())
    make_lead(make_list(company))
    assert walk(api, "/leads?status=none") == [lead.id]
    assert api.get(f"/leads/{lead.id}").json["status"] is None
    assert api.get(f"/leads/{lead.id}").json["problem"] == "missing_status"


def test_leads_are_found_by_phone_and_email(api: Api, company: Company) -> None:
    lead = make_lead(make_list(company), phone="+12125550123", email="Ana@example.com")
    make_lead(make_list(company))
    assert walk(api, "/leads?phone=%2B12125550123") == [lead.id]
    assert walk(api, "/leads?email=ana@EXAMPLE.com") == [lead.id]
    assert walk(api, "/leads?email=ana@example.com&status=sale") == []
    assert api.get("/leads?phone=212").status_code == 422


def test_one_lead_tells_its_calls_and_its_history(api: Api, company: Company) -> None:
    lead = make_lead(make_list(company))
    make_call(lead, "busy")
    api.call("PATCH", f"/leads/{lead.id}/status", {"status": "qualified", "reason": "Asked for a quote"})
    shown = api.get(f"/leads/{lead.id}").json
    assert (shown["call_count"], shown["status"]) == (1, "qualified")
    change = shown["status_history"][0]
    assert (change["old_status"], change["new_status"], change["cause"], change["reason"]) == (
        "new", "qualified", "user", "Asked for a quote",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "code", "field"),
    [
        ("sale", {"status": "new"}, 422, "reason"),
        ("sale", {"status": "new", "reason": "Cancelled"}, 200, None),
        ("dnc", {"status": "new", "reason": "x"}, 422, "status"),
        ("new", {"status": "nonsense"}, 422, "status"),
        ("new", {}, 422, "status"),
        ("new", {"status": "sale", "seen": "busy"}, 409, None),
        ("new", {"status": "sale", "seen": "new"}, 200, None),
        ("new", {"status": "new"}, 200, None),
    ],
)
def test_a_status_is_set_as_a_person_would(
    api: Api, company: Company, status: str, body: dict[str, str], code: int, field: str | None
) -> None:
    lead = make_lead(make_list(company), status=status)
    answer = api.call("PATCH", f"/leads/{lead.id}/status", body)
    assert answer.status_code == code, answer.text
    if field:
        assert answer.json["errors"][0]["field"] == field


def test_do_not_call_over_the_api_blocks_the_phone(api: Api, company: Company, db: SQLAlchemy) -> None:
    lead = make_lead(make_list(company), phone="+12125550123")
    assert api.call("PATCH", f"/leads/{lead.id}/status", {"status": "dnc"}).status_code == 200
    assert db.session.scalar(sa.select(DncEntry.value)) == "+12125550123"


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({}, "first_name"), ({"business": "x", "phone": "12"}, "phone"), ({"email": "ana@"}, "email"),
        ({"business": "x", "zone": "Mars/Olympus"}, "zone"), ({"business": "x", "zone": "../etc/passwd"}, "zone"),
        ({"business": "x", "website": "javascript:alert(1)"}, "website"), ({"business": "x", "status": "dnc"}, "status"),
        ({"business": "x", "id": 7}, "id"), ({"business": "x", "tags": ["a"] * 51}, "tags"), ({"business": "x", "list_id": 7}, "list_id"),
    ],
)  # fmt: skip
def test_a_new_lead_that_cannot_be_is_refused_by_field(
    api: Api, company: Company, facts: dict[str, object], field: str
) -> None:
    make_list(make_company(), id=7)
    answer = api.post("/leads", {"list_id": make_list(company).id} | facts)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("facts", "zone"),
    [
        ({"phone": "+12125550123"}, "America/New_York"),
        ({"phone": "+12125550123", "postal_code": "60601", "country": "us"}, "America/Chicago"),
        ({"phone": "+12125550123", "zone": "America/Denver"}, "America/Denver"),
        ({"phone": "+18005550123"}, None),
        ({"business": "Acme"}, None),
    ],
)
def test_a_new_lead_without_a_zone_gets_that_of_its_postal_code_or_phone(
    api: Api, company: Company, facts: dict[str, object], zone: str | None
) -> None:
    answer = api.post("/leads", {"list_id": make_list(company).id} | facts)
    assert (answer.status_code, answer.json["zone"]) == (201, zone)


def test_a_list_says_how_many_leads_and_problems_it_has(api: Api, company: Company) -> None:
    lists: list[LeadList] = [make_list(company) for _ in range(5)]
    make_lead(lists[0])
    make_lead(lists[0], status=sa.null())
    make_list(make_company())
    assert walk(api, "/lists") == [row.id for row in lists]
    first = api.get("/lists").json["items"][0]
    assert (first["leads"], first["problems"]) == (2, 1)


def test_the_breakdown_adds_up_to_the_list(api: Api, company: Company) -> None:
    lead_list = make_list(company)
    for status in ("new", "new", "sale", sa.null()):
        make_lead(lead_list, status=status)
    make_call(make_lead(lead_list, status="busy", dial_attempts=2))
    shown = api.get(f"/lists/{lead_list.id}/status-breakdown").json
    rows = {row["status"]: row for row in shown["statuses"]}
    assert shown["total"] == sum(row["leads"] for row in rows.values()) == 5
    assert (rows["new"]["leads"], rows["new"]["share"], rows[None]["label"]) == (2, 0.4, "(none)")
    assert (rows["busy"]["attempts"], rows["busy"]["never_dialed"], rows["new"]["never_dialed"]) == (2, 0, 2)
    assert len(rows) == 17
