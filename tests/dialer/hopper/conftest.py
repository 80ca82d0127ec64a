"""The floor of the hopper's tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialer.hopper.floor import NOON, NY, Floor
from tests.factories import make_campaign, make_company, make_list, make_user


@pytest.fixture
def floor(db: Any, set_clock: Any) -> Floor:
    set_clock(NOON)
    company = make_company(zone=NY)
    campaign = make_campaign(company)
    lead_list = make_list(company, dial_campaign_id=campaign.id)
    return Floor(company, campaign, lead_list, make_user(company, "rep", name="Ana"))
