"""A company with a row behind every page: demo data, and one of each kind of work."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import sqlalchemy as sa

from tests.api.keys import Api, make_key
from tests.automation.page_world import make_pages
from tests.factories import (
    make_attempt,
    make_company,
    make_contact_request,
    make_dealership,
    make_lead,
    make_project,
    make_project_dealership,
    make_run,
    make_user,
    sign_in,
)
from tests.harness.client import Client
from tests.harness.workers import JobRunner
from tests.imports.support import bring, check, newest
from webapp.accounts.models import Company, User
from webapp.automation.models import FormMapping
from webapp.automation.states import CONTACT_STATUS
from webapp.core.db import db
from webapp.demo import service as demo
from webapp.demo.models import DemoLoad
from webapp.dialer.filling import fill_hopper
from webapp.dialer.models import Callback, CallEvent, CallLog, DialCampaign
from webapp.imports.models import Import
from webapp.leads import service as leads
from webapp.leads.models import BulkAction, Lead, LeadList, SavedView
from webapp.notifications.models import Channel, Notification
from webapp.notifications.service import notify
from webapp.recycling.models import RecycleBatch, Repair, Undo
from webapp.recycling.repair import start_repair
from webapp.reports.models import Export
from webapp.reports.service import request_export, run_export
from webapp.timeline.files import attach, keep_files
from webapp.timeline.merging import fingerprint, merge
from webapp.timeline.models import ContactFile, DncEntry
from webapp.timeline.service import Draft, log_contact

FILE = "Phone,Name\n(212) 555-0151,Ann One\n(212) 555-0152,Bob Two\n5550105,Gus Seven\n"


@dataclass
class World:
    user: User
    list_id: int
    values: dict[str, Any] = field(default_factory=dict)  # by the name of a route's argument

    @property
    def email(self) -> str:
        return self.user.email


def _hidden(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert found, name
    return found[1]


def _newest(model: Any) -> int:
    found = db.session.scalar(sa.select(sa.func.max(model.id)))
    assert found, model.__name__
    return int(found)


def _import(client: Client, worker: JobRunner, list_id: int) -> None:
    row = check(client, worker, bring(client, worker, FILE, list_id=str(list_id)))
    client.post(f"/imports/{row.id}/confirm")
    worker()
    assert newest().state == "done"


def _recycle(client: Client, worker: JobRunner, list_id: int) -> None:
    text = client.get(f"/lists/{list_id}/recycle/preview?statuses=no_answer&target=new").text
    sent = {name: _hidden(text, name) for name in ("seen", "form_token")}
    client.post(f"/lists/{list_id}/recycle", data={"statuses": "no_answer", "target": "new", **sent})
    client.post(f"/recycle-batches/{_newest(RecycleBatch)}/undo")
    worker()


def _automate(company: Company, lead_list: LeadList) -> dict[str, int]:
    """A project with a dealership in every state, a run that has ended, an attempt that failed, and a form that was learned."""
    project = make_project(company, name="Spring enquiry", search_place="Columbus, OH")
    request = make_contact_request(project)
    rows = [make_project_dealership(project, lead_list, contact_status=state.name) for state in CONTACT_STATUS]
    run = make_run(project, request, state="finished", total=len(rows), processed=1, failed=1, attempts=1)
    row = make_project_dealership(
        project, make_dealership(lead_list, name="City Motors", contact_url="https://city.example.com/contact"), contact_status="failed",
        error_type="form_not_found", reason="Tried again in 5 min", contact_attempts=0,
    )  # fmt: skip
    attempt = make_attempt(row, run, "failed", error_type="form_not_found", error_message="No form on the contact page")
    mapping = FormMapping(
        company_id=company.id, host="city.example.com", version=1, contact_url="https://city.example.com/contact", fingerprint="x",
        attempt_id=attempt.id, fields={"a": {"kind": "email", "selector": "#email", "label": "Email"}},
    )  # fmt: skip
    db.session.add(mapping)
    db.session.commit()
    return {
        "project_id": project.id, "request_id": request.id, "run_id": run.id, "project_dealership_id": row.id,
        "dealership_id": row.dealership_id, "attempt_id": attempt.id, "mapping_id": mapping.id,
    }  # fmt: skip


def _channel(company_id: int) -> int:
    channel = Channel(company_id=company_id, kind="email", name="Office", target="office@example.com")
    db.session.add(channel)
    db.session.commit()
    return channel.id


def make_world(client: Client, worker: JobRunner) -> World:
    """Demo data at 1/50, a repair, a recycling and its undo, a bulk change, an import, an export, an event that waits."""
    user = make_user(make_company("Northside Outreach"), name="Ana Admin", email="ana@example.com")
    company = user.company
    row = demo.start_demo(company, by=user, scale=0.02, ring=False)
    demo.perform(row.id)
    list_id = db.session.scalars(sa.select(LeadList.id).order_by(LeadList.id)).first()
    assert list_id
    sign_in(client, user)
    _import(client, worker, list_id)
    other = db.session.scalars(sa.select(LeadList.id).order_by(LeadList.id.desc())).first()
    start_repair(company.id, by=user, list_id=other)
    worker()
    _recycle(client, worker, list_id)
    ids = tuple(db.session.scalars(sa.select(Lead.id).order_by(Lead.id).limit(3)))
    leads.run_bulk("tag_add", {"tag": "seen"}, leads.Selection(ids), seen=3, by=user, form_token="world")
    export = request_export("status_report", "csv", by=user, params={"list_id": list_id}, subject="A list")
    run_export(export.id)
    Api(client, make_key(company)).post(
        "/calls/events",
        {"provider": "acme", "event_id": "e-1", "call_id": "c-1", "phone": "+12125550199", "type": "ended",
         "call_status": "busy", "started_at": "2026-06-01T14:00:00Z", "ended_at": "2026-06-01T14:00:25Z"},
    )  # fmt: skip
    client.post("/leads/views/new", data={"name": "Busy ones", "query": "status=busy"})
    notify(company.id, "repair", "12 leads were repaired", level="warn", url="/problems")
    db.session.commit()
    campaign_id = db.session.scalar(sa.select(sa.func.min(DialCampaign.id)))
    fill_hopper(company.id, campaign_id)
    waiting = db.session.scalar(sa.select(CallEvent.id).where(CallEvent.outcome == "quarantined"))
    answered = sa.select(sa.func.max(CallLog.id)).where(CallLog.call_status == "answered")
    lead_id = db.session.scalar(sa.select(CallLog.lead_id).where(CallLog.id == answered.scalar_subquery()))
    attempt = log_contact(
        lead_id, Draft("email", subject="Quick question", body="As we said on the phone."), by=user
    ).contact
    assert attempt is not None
    attach(attempt.id, keep_files([("offer.txt", BytesIO(b"An offer"))]), by=user)
    reached = db.session.get_one(Lead, lead_id)
    twin, gone = (
        make_lead(db.session.get_one(LeadList, list_id), email=reached.email, last_name=name)
        for name in ("Twin", "Gone")
    )
    merges = merge(lead_id, [gone.id], {}, fingerprint(company.id, [lead_id, gone.id]), by=user)
    values = {
        "twin_id": twin.id, "merge_id": merges[-1].id,
        "contact_id": attempt.id, "file_id": _newest(ContactFile), "list_id": list_id, "lead_id": lead_id, "call_id": db.session.scalar(answered), "event_id": waiting,
        "entry_id": _newest(DncEntry), "import_id": _newest(Import), "bulk_id": _newest(BulkAction), "view_id": _newest(SavedView),
        "batch_id": _newest(RecycleBatch), "repair_id": _newest(Repair), "undo_id": _newest(Undo), "export_id": _newest(Export),
        "notification_id": _newest(Notification), "row_id": _newest(DemoLoad), "name": "callback_mismatch", "reason": "exhausted", "kind": "errors",
        "campaign_id": campaign_id, **make_pages(company, user), "channel_id": _channel(company.id),
        "callback_id": db.session.scalar(sa.select(sa.func.min(Callback.id)).where(Callback.state == "open")),
        "user_id": db.session.scalar(sa.select(sa.func.min(User.id)).where(User.id != user.id)),
    }  # fmt: skip
    values |= _automate(company, db.session.get_one(LeadList, list_id))
    return World(user, list_id, values)
