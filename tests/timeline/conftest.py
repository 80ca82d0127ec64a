"""What the timeline's tests share: a company with two reps, a lead, and a clock that moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.factories import make_company, make_lead, make_list, make_user

NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)  # a Wednesday, noon in New York


@dataclass
class Place:
    company: Any
    list: Any
    alice: Any
    bob: Any
    boss: Any
    lead: Any


@pytest.fixture
def place(db: Any) -> Place:
    company = make_company("Northside")
    lead_list = make_list(company)
    alice, bob = make_user(company, "rep", name="Alice"), make_user(company, "rep", name="Bob")
    boss = make_user(company, "manager", name="Boss")
    lead = make_lead(lead_list, email="lead@example.com", zone="America/New_York", owner_id=alice.id)
    return Place(company, lead_list, alice, bob, boss, lead)
