"""What the tests of the desk share: a campaign with leads and two agents, and what a page holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from tests.factories import make_campaign, make_company, make_lead, make_list, make_user
from webapp.core.db import db as database
from webapp.dialer import desk
from webapp.leads.models import Lead

NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)  # a Wednesday, noon in New York


class Room:
    def __init__(self, leads: int = 3) -> None:
        self.company = make_company(zone="America/New_York")
        self.campaign = make_campaign(self.company, script="Hello {first_name}, this is {agent} for {business}.")
        self.list = make_list(self.company, dial_campaign_id=self.campaign.id)
        self.leads = [make_lead(self.list, zone="America/New_York", first_name=f"Lead{n}") for n in range(leads)]
        self.ana, self.bob = make_user(self.company, "rep", name="Ana"), make_user(self.company, "rep", name="Bob")

    def take(self, who: Any = None) -> Any:
        return desk.take_next(self.campaign.id, by=who or self.ana)

    def token(self, who: Any = None) -> str:
        held = self.take(who)
        return str(held.token if hasattr(held, "token") else held.claim_token)


def read(lead: Lead) -> Lead:
    database.session.expire_all()
    return database.session.get_one(Lead, lead.id)


def hidden(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert found, name
    return found[1]
