"""Rows for tests, made through the session so that the database's own triggers see them.

Phones are 555-01xx, addresses example.com. Every maker flushes; the caller's fixture cleans up.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from webapp.accounts.models import Company, User
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


def sign_in(client: Any, user: User) -> Any:
    """Sign `client` in through the real form."""
    answer = client.post("/login", data={"email": user.email, "password": PASSWORD})
    assert answer.status_code == 303, answer.get_data(as_text=True)[:400]
    return client
