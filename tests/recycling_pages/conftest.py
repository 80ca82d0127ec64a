from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_call, make_company, make_lead, make_list, make_user, sign_in
from webapp.core.db import db as database
from webapp.dialer.models import Callback
from webapp.leads.models import Lead


@dataclass
class Place:
    """A company with a list in which each class of problem has one lead, but dialed_but_new has three."""

    company: Any
    manager: Any
    list: Any
    leads: dict[str, list[Lead]]
    client: Any

    def page(self, url: str, status: int = 200, **kwargs: Any) -> str:
        answer = self.client.get(url, **kwargs)
        assert answer.status_code == status, answer.get_data(as_text=True)[:1500]
        return answer.text

    @property
    def recycle(self) -> str:
        return f"/lists/{self.list.id}/recycle"


def set_lead(lead: Lead, **facts: Any) -> Lead:
    database.session.execute(sa.update(Lead).where(Lead.id == lead.id).values(**facts))
    database.session.commit()
    database.session.refresh(lead)
    return lead


def tracked(lead_list: Any, call_status: str, **facts: Any) -> Lead:
    """A lead with one call, counted and told, long enough ago to be free again."""
    lead = make_lead(lead_list, status=facts.pop("status", call_status), **facts)
    call = make_call(lead, call_status)
    return set_lead(lead, dial_attempts=1, last_dial_attempt=call.started_at, last_status_change=call.ended_at)


def hidden(text: str, name: str) -> str:
    """The value of a hidden field of the page."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', text)
    assert found, f"no {name} in {text[:2000]}"
    return found[1]


@pytest.fixture
def place(client: Any) -> Place:
    company = make_company()
    manager = make_user(company, role="manager")
    lead_list = make_list(company, name="Spring dealers")
    dialed = []
    for result in ("no_answer", "busy", "failed"):
        lead = make_lead(lead_list, first_name=f"Dialed{result}", status="new")
        call = make_call(lead, result)
        dialed.append(
            set_lead(lead, status="new", dial_attempts=1, last_dial_attempt=call.started_at, last_status_change=None)
        )
    missing = set_lead(make_lead(lead_list, first_name="Missing"), status=None)
    above = tracked(lead_list, "no_answer", first_name="Above")
    set_lead(above, dial_attempts=5, answered_count=2)
    below = tracked(lead_list, "busy", first_name="Below")
    call = make_call(below, "busy")
    set_lead(below, dial_attempts=1, last_dial_attempt=call.started_at, last_status_change=call.ended_at)
    without_log = make_lead(lead_list, first_name="Logless", status="no_answer", dial_attempts=3)
    untracked = make_lead(lead_list, first_name="Untracked", status="new")
    make_call(untracked, "busy")
    set_lead(untracked, status="busy", dial_attempts=0, last_dial_attempt=None, last_status_change=None)
    says = make_lead(lead_list, first_name="Says", status="callback")
    has = make_lead(lead_list, first_name="Has", status="contacted")
    database.session.add(
        Callback(
            company_id=company.id,
            lead_id=has.id,
            due_at=database.session.scalar(sa.func.rebound_now()) + timedelta(days=1),
        )
    )
    database.session.commit()
    ringing = make_lead(lead_list, first_name="Ringing", status="contacted")
    call = make_call(ringing, "ringing")
    set_lead(ringing, dial_attempts=1, last_dial_attempt=call.started_at)
    return Place(
        company, manager, lead_list,
        {"dialed_but_new": dialed, "missing_status": [missing], "count_mismatch_above": [above], "count_mismatch": [below],
         "count_without_log": [without_log], "calls_without_tracking": [untracked], "callback_mismatch": [says, has],
         "open_call": [ringing]},
        sign_in(client, manager),
    )  # fmt: skip
