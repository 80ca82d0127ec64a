"""The ten leads of research S10, and lists of other shapes; `world` is an automation project at work."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.factories import T0, make_campaign, make_company, make_lead, make_list, make_user, sign_in
from tests.reports.automation_world import World, make_world
from webapp.accounts.models import Company, User
from webapp.leads.models import LeadList

S10 = (
    ("new", 0, 0), ("new", 0, 0), ("no_answer", 2, 0), ("no_answer", 1, 0), ("busy", 3, 0), ("not_interested", 1, 1),
    ("sale", 4, 1), ("dnc", 0, 0), (None, 1, 0), ("callback", 2, 1),
)  # fmt: skip


def fill(lead_list: LeadList, rows: Any, **facts: Any) -> None:
    """rows: (status, dials, answered)."""
    for status, dials, answered in rows:
        make_lead(lead_list, status=sa.null() if status is None else status, dial_attempts=dials, pass_dials=dials, answered_count=answered,
                  last_dial_attempt=T0 if dials else None, **facts)  # fmt: skip


@pytest.fixture
def company(db: SQLAlchemy) -> Company:
    return make_company("Northside Motors", country="US")


@pytest.fixture
def manager(company: Company) -> User:
    return make_user(company, role="manager", name="Ana Ruiz")


@pytest.fixture
def ten(company: Company) -> LeadList:
    """S10's list; its campaign allows three dials."""
    campaign = make_campaign(company, name="Autumn calls", lifetime_dials=3)
    lead_list = make_list(company, name="Delhi 80K", dial_campaign_id=campaign.id)
    fill(lead_list, S10)
    return lead_list


@pytest.fixture
def ana(client: Any, manager: User) -> Any:
    """A client that the manager is signed in with."""
    return sign_in(client, manager)


@pytest.fixture
def world(db: SQLAlchemy) -> World:
    return make_world()
