"""Rows for tests, made through the session so that the database's own triggers see them.

Phones are 555-01xx, addresses example.com. Every maker flushes; the caller's fixture cleans up.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from webapp.accounts.models import Company, User
from webapp.automation.models import AutomationAttempt, ContactRequest, Dealership, Project, ProjectDealership, Run
from webapp.core.db import db
from webapp.dialer.models import CallLog, DialCampaign
from webapp.leads.models import Lead, LeadList

_n = itertools.count(1)
PASSWORD = "correct horse battery"
T0 = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def _save(row: Any) -> Any:
    db.session.add(row)
    db.session.commit()
    return row


def make_company(name: str | None = None, **facts: Any) -> Company:
    return _save(Company(name=name or f"Company {next(_n)}", **facts))


def make_user(company: Company | None = None, role: str = "admin", **facts: Any) -> User:
    from webapp.accounts.passwords import hash_password

    n = next(_n)
    company = company or make_company()
    facts.setdefault("email", f"user{n}@example.com")
    facts.setdefault("name", f"User {n}")
    return _save(User(company_id=company.id, role=role, password_hash=hash_password(PASSWORD), **facts))


def make_campaign(company: Company, **facts: Any) -> DialCampaign:
    facts.setdefault("name", f"Campaign {next(_n)}")
    return _save(DialCampaign(company_id=company.id, **facts))


def make_list(company: Company, **facts: Any) -> LeadList:
    facts.setdefault("name", f"List {next(_n)}")
    return _save(LeadList(company_id=company.id, **facts))


def make_lead(lead_list: LeadList, **facts: Any) -> Lead:
    n = next(_n)
    facts.setdefault("first_name", "Lead")
    facts.setdefault("last_name", f"Number{n}")
    facts.setdefault("phone", f"+1212555{n % 10000:04}")
    facts.setdefault("status", "new")
    return _save(Lead(company_id=lead_list.company_id, list_id=lead_list.id, **facts))


def make_call(lead: Lead, call_status: str = "no_answer", **facts: Any) -> CallLog:
    n = next(_n)
    facts.setdefault("provider", "test")
    facts.setdefault("provider_call_id", f"call-{n}")
    facts.setdefault("started_at", T0 + timedelta(seconds=n))
    facts.setdefault("phone", lead.phone)
    if call_status not in ("dialing", "ringing"):
        facts.setdefault("ended_at", facts["started_at"] + timedelta(seconds=30))
    row = _save(CallLog(company_id=lead.company_id, lead_id=lead.id, call_status=call_status, **facts))
    db.session.refresh(lead)
    return row


def make_project(company: Company, **facts: Any) -> Project:
    """Around Columbus, Ohio, open all day and every day; a dry run unless told otherwise."""
    facts.setdefault("name", f"Project {next(_n)}")
    facts.setdefault("zone", "America/New_York")
    facts.setdefault("search_postal_code", "43215")
    facts.setdefault("search_location_lat", 39.9650)
    facts.setdefault("search_location_lng", -83.0005)
    facts.setdefault("window_open", "00:00")
    facts.setdefault("window_close", "00:00")
    facts.setdefault("window_days", [0, 1, 2, 3, 4, 5, 6])
    return _save(Project(company_id=company.id, **facts))


def make_contact_request(project: Project, **facts: Any) -> ContactRequest:
    facts.setdefault("first_name", "Ana")
    facts.setdefault("last_name", "Ruiz")
    facts.setdefault("email", "ana@example.com")
    facts.setdefault("phone", "+12125550123")
    facts.setdefault("postal_code", "43215")
    facts.setdefault("subject", "A question about a car")
    facts.setdefault("message", "Hello, is the blue one still there?")
    facts.setdefault("consents", ["terms", "contact"])
    return _save(ContactRequest(company_id=project.company_id, project_id=project.id, **facts))


def make_dealership(lead: Lead | LeadList, **facts: Any) -> Dealership:
    """Of a lead, or of a new lead in a list; in Columbus, Ohio."""
    n = next(_n)
    facts.setdefault("website", f"https://dealer{n}.example.com/")
    if isinstance(lead, LeadList):
        lead = make_lead(lead, business=facts.get("name", f"Dealer {n}"), website=facts["website"])
    host = facts["website"].split("/")[2].removeprefix("www.")
    facts.setdefault("name", lead.business or f"Dealer {n}")
    facts.setdefault("host", host)
    facts.setdefault("latitude", 39.9612)
    facts.setdefault("longitude", -82.9988)
    facts.setdefault("placed_by", None if facts["latitude"] is None else "own")
    return _save(Dealership(company_id=lead.company_id, lead_id=lead.id, **facts))


def make_project_dealership(project: Project, dealership: Dealership | LeadList, **facts: Any) -> ProjectDealership:
    if isinstance(dealership, LeadList):
        dealership = make_dealership(dealership)
    facts.setdefault("distance_miles", 1.5)
    facts.setdefault("search_location_lat", project.search_location_lat)
    facts.setdefault("search_location_lng", project.search_location_lng)
    return _save(
        ProjectDealership(company_id=project.company_id, project_id=project.id, dealership_id=dealership.id, **facts)
    )


def make_run(project: Project, request: ContactRequest | None = None, **facts: Any) -> Run:
    request = request or make_contact_request(project)
    facts.setdefault("dry_run", True)
    return _save(Run(company_id=project.company_id, project_id=project.id, contact_request_id=request.id, **facts))


def make_attempt(row: ProjectDealership, run: Run, status: str = "success", **facts: Any) -> AutomationAttempt:
    """An attempt that has ended, unless `status` is running. The dealership's own row stays as it is."""
    n = next(_n)
    facts.setdefault("attempt_number", row.contact_attempts + 1)
    facts.setdefault("dry_run", run.dry_run)
    facts.setdefault("started_at", T0 + timedelta(seconds=n))
    if status != "running":
        facts.setdefault("completed_at", facts["started_at"] + timedelta(seconds=12))
        facts.setdefault("duration_seconds", 12)
    attempt = AutomationAttempt(
        company_id=row.company_id, project_id=row.project_id, run_id=run.id, project_dealership_id=row.id,
        contact_request_id=run.contact_request_id, status=status, **facts,
    )  # fmt: skip
    return _save(attempt)


def sign_in(client: Any, user: User) -> Any:
    """Sign `client` in through the real form."""
    answer = client.post("/login", data={"email": user.email, "password": PASSWORD})
    assert answer.status_code == 303, answer.get_data(as_text=True)[:400]
    return client
