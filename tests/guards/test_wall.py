"""The company wall: every route, every method, with another company's ids, and nothing to be seen or moved."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.api.keys import make_key
from tests.factories import (
    make_attempt,
    make_call,
    make_campaign,
    make_company,
    make_contact_request,
    make_dealership,
    make_lead,
    make_list,
    make_project,
    make_project_dealership,
    make_run,
    make_user,
    sign_in,
)
from webapp.accounts.hosts import AllowedHost
from webapp.accounts.models import ApiKey, AuthSession, Invitation
from webapp.automation.models import FormMapping
from webapp.core.clock import now
from webapp.core.db import db as database
from webapp.demo.models import DemoLoad
from webapp.dialer.models import Callback, CallEvent
from webapp.imports.models import Import
from webapp.leads.models import BulkAction, SavedView
from webapp.notifications.models import Channel, Delivery, Notification
from webapp.recycling.models import RecycleBatch, Repair, Undo
from webapp.reports.models import Export
from webapp.timeline.models import ContactAttempt, ContactFile, DncEntry, GuardNotice, LeadMerge

# Routes whose parameter is no row of a company: tokens that are the permission themselves, and development's gallery.
NO_ROW = {"token", "filename", "page", "what", "code", "work_id"}
WORDS = {
    "picture": "before",
    "reason": "protected", "name": "count_without_log", "choice": "open_callback", "action": "status", "kind": "summary",
}  # fmt: skip


def add(row: Any) -> int:
    database.session.add(row)
    database.session.commit()
    return int(row.id)


@pytest.fixture
def theirs(db: Any) -> dict[str, Any]:
    """A row of every kind, all of another company."""
    company = make_company("Theirs")
    user = make_user(company, role="rep")
    lead_list = make_list(company, dial_campaign_id=make_campaign(company).id)
    lead = make_lead(lead_list, dial_attempts=3)
    call = make_call(lead, "unknown", needs_review=True)
    c = company.id
    event = CallEvent(
        company_id=c, provider="x", event_id="x", provider_call_id="x", type="ended", payload={}, outcome="quarantined"
    )
    batch = RecycleBatch(company_id=c, list_id=lead_list.id, statuses=["busy"], target_status="new", reset_dial_count=False,
                         batch_id=uuid4(), job="recycle", state="done", done=1)  # fmt: skip
    repair = Repair(company_id=c, classes=[], batch_id=uuid4(), job="repair", state="done", done=1)
    note, channel = (
        add(Notification(company_id=c, kind="x", title="x")),
        add(Channel(company_id=c, kind="webhook", name="x")),
    )
    delivery = Delivery(company_id=c, channel_id=channel, notification_id=note, state="failed", give_up_at=now())
    contact = add(ContactAttempt(company_id=c, lead_id=lead.id, method="email", direction="outbound"))
    project = make_project(company)
    member = make_project_dealership(project, make_dealership(lead))
    words = make_contact_request(project)
    run = make_run(project, words)
    mapping = FormMapping(
        company_id=c, host="x.example.com", version=1, contact_url="https://x.example.com/", fingerprint="x"
    )
    return {
        "project_id": project.id, "dealership_id": member.dealership_id, "project_dealership_id": member.id, "request_id": words.id,
        "run_id": run.id, "attempt_id": make_attempt(member, run, "failed", error_type="form_not_found").id, "mapping_id": add(mapping),
        "contact_id": contact, "file_id": add(ContactFile(company_id=c, contact_id=contact, filename="x", content_type="x", size=1, sha256="x", storage_key="x")),
        "notice_id": add(GuardNotice(company_id=c, lead_id=lead.id, method="email", code="recent_contact", state="warned")),
        "merge_id": add(LeadMerge(company_id=c, survivor_id=lead.id, gone_id=1, batch_id=uuid4(), fingerprint="", gone={}, kept_before={}, kept_after={}, moved={})),
        "campaign_id": lead_list.dial_campaign_id, "callback_id": add(Callback(company_id=c, lead_id=lead.id, due_at=now())),
        "company": company, "user_id": user.id, "list_id": lead_list.id, "lead_id": lead.id, "call_id": call.id,
        "event_id": add(event), "batch_id": add(batch), "repair_id": add(repair),
        "entry_id": add(DncEntry(company_id=c, kind="phone", value="+12125550199")),
        "undo_id": add(Undo(company_id=c, batch_id=uuid4(), subject="repairs", subject_id=1, job="undo")),
        "bulk_id": add(BulkAction(company_id=c, action="status", params={"to": "busy"}, batch_id=uuid4(), job="bulk", state="done")),
        "export_id": add(Export(company_id=c, kind="leads", format="csv", title="x", job="export", state="failed")),
        "import_id": add(Import(company_id=c, filename="x.csv", storage_key="x", size=1, sha256="x", job="import_check", list_id=lead_list.id)),
        "view_id": add(SavedView(company_id=c, user_id=user.id, name="x", query="", shared=True)),
        "notification_id": note, "channel_id": channel, "delivery_id": add(delivery),
        "host_id": add(AllowedHost(company_id=c, pattern="x.internal")),
        "key_id": add(ApiKey(company_id=c, name="x", prefix="x", token_hash="x", scopes=[])),
        "invitation_id": add(Invitation(company_id=c, email="x@example.com", token_hash="x", expires_at=now() + timedelta(days=1))),
        "session_id": add(AuthSession(user_id=user.id, token_hash="x", expires_at=now() + timedelta(days=1))),
        "row_id": add(DemoLoad(company_id=c, action="load", batch_id=uuid4(), job="demo", state="failed")),
        "table": "repairs",
    }  # fmt: skip


def fingerprint(company_id: int) -> dict[str, str]:
    found = {}
    for table in database.metadata.sorted_tables:
        if "company_id" in table.c and table.name not in ("audit_events",):
            rows = database.session.execute(
                sa.text(f"SELECT t::text FROM {table.name} t WHERE company_id = :c ORDER BY 1"), {"c": company_id}
            ).scalars()
            found[table.name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def addresses(app: Any, theirs: dict[str, Any]) -> list[tuple[str, str]]:
    adapter = app.url_map.bind("localhost")
    found = []
    for rule in app.url_map.iter_rules():
        if not rule.arguments or rule.arguments & NO_ROW:
            continue
        values = {name: theirs.get(name, WORDS.get(name)) for name in rule.arguments}
        assert None not in values.values(), f"{rule.rule}: give the wall test a row for it"
        if not rule.arguments & set(theirs):
            continue
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            found.append((method, adapter.build(rule.endpoint, values)))
    return sorted(found)


def test_every_page_answers_404_for_another_companys_rows_and_moves_none_of_them(
    app: Any, client: Any, theirs: dict[str, Any]
) -> None:
    sign_in(client, make_user(make_company("Ours"), role="admin"))
    before = fingerprint(theirs["company"].id)
    pages = [(method, path) for method, path in addresses(app, theirs) if not path.startswith("/api/")]
    assert len(pages) > 60
    wrong = []
    for method, path in pages:
        for headers in ({}, {"HX-Request": "true"}):
            status = client.open(path, method=method, headers=headers).status_code
            if status != 404:
                wrong.append((method, path, status))
    assert wrong == []
    assert fingerprint(theirs["company"].id) == before


def test_the_api_answers_404_for_another_companys_rows(app: Any, client: Any, theirs: dict[str, Any]) -> None:
    token = make_key(make_company())
    before = fingerprint(theirs["company"].id)
    calls = [(method, path) for method, path in addresses(app, theirs) if path.startswith("/api/")]
    assert calls
    bodies = (
        {"status": "busy"},
        {"classes": ["missing_status"]},
        {"statuses": ["busy"], "target_status": "new"},
        {"responded": True},
        {"newStatus": "skipped"},
        {"method": "email"},
        {},
    )
    for method, path in calls:
        statuses = {
            client.open(
                path,
                method=method,
                json=body if method != "GET" else None,
                headers={"Authorization": f"Bearer {token}"},
            ).status_code
            for body in bodies
        }
        assert 404 in statuses, (method, path, statuses)
        assert statuses <= {404, 422}, (method, path, statuses)
    assert fingerprint(theirs["company"].id) == before


def test_another_companys_ids_in_forms_and_filters_find_nothing(client: Any, theirs: dict[str, Any]) -> None:
    ours = make_company("Ours")
    sign_in(client, make_user(ours, role="admin"))
    mine = make_lead(make_list(ours))
    before = fingerprint(theirs["company"].id)
    other = theirs["lead_id"]
    for query in (f"list={theirs['list_id']}", f"contacted_by={theirs['user_id']}", "free=email", "sort=-contacted"):
        assert f"/leads/{other}" not in client.get(f"/leads?{query}").text
    client.post("/leads/bulk/status/run", data={"ids": [mine.id, other], "to": "busy", "seen": 2, "form_token": "a"})
    client.post(
        "/leads/bulk/contact/run", data={"ids": [mine.id, other], "method": "email", "seen": 2, "form_token": "b"}
    )
    client.post("/leads/export.csv", data={"ids": [mine.id, other]})
    client.post(f"/leads/{mine.id}/edit", data={"owner": theirs["user_id"], "list": theirs["list_id"], "version": 1})
    client.post("/lists/new", data={"name": "n", "campaign": 10**6})
    client.post("/exports", data={"list": theirs["list_id"], "format": "csv"})
    project = make_project(ours)
    own = make_dealership(make_list(ours))
    for data in (
        {"ids": [theirs["dealership_id"], own.id], "project": project.id},
        {"ids": own.id, "project": theirs["project_id"]},
    ):
        client.post("/dealerships/add", data={"confirm": 1, **data})
    client.post(f"/projects/{project.id}/dealerships/add", data={"choice": "list", "list": theirs["list_id"]})
    client.post(
        f"/projects/{project.id}/dealerships/remove", data={"ids": theirs["project_dealership_id"], "confirm": 1}
    )
    client.post(
        "/dealerships/from-leads", data={"query": f"list={theirs['list_id']}", "seen": 1, "project": project.id}
    )
    for place in ({"list_id": theirs["list_id"]}, {"new_list": "n", "project_id": theirs["project_id"]}):
        client.post("/dealerships/new", data={"name": "n", "website": "n.example.com", **place})
    assert client.get(f"/projects/{project.id}/request/{theirs['request_id']}").status_code == 404
    assert fingerprint(theirs["company"].id) == before
    database.session.refresh(mine)
    assert mine.owner_id != theirs["user_id"]
    assert mine.list_id != theirs["list_id"]


def test_without_signing_in_every_page_leads_to_the_login_and_none_answers(
    app: Any, client: Any, theirs: dict[str, Any]
) -> None:
    for method, path in addresses(app, theirs):
        answer = client.open(path, method=method)
        if path.startswith("/api/"):
            assert answer.status_code == 401, (method, path, answer.status_code)
        else:
            assert answer.status_code in (302, 303), (method, path, answer.status_code)
            assert "/login" in answer.headers["Location"], (method, path)
