"""A campaign with a list and an agent at noon in New York, and what its tests ask of the hopper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tests.factories import make_lead
from webapp.core.db import db as database
from webapp.dialer.claims import claim_next
from webapp.dialer.eligible import count_reasons
from webapp.dialer.events import parse_event
from webapp.dialer.filling import fill_hopper
from webapp.dialer.models import Callback, DialCampaign, HopperEntry
from webapp.dialer.service import record_events
from webapp.leads.models import Lead

NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)  # a Wednesday, noon in New York
NY = "America/New_York"


@dataclass
class Floor:
    company: Any
    campaign: DialCampaign
    list: Any
    agent: Any

    def lead(self, lead_list: Any = None, **facts: Any) -> Lead:
        return make_lead(lead_list or self.list, **{"zone": NY, **facts})

    def fill(self) -> int | None:
        return fill_hopper(self.company.id, self.campaign.id)

    def claim(self, **options: Any) -> Any:
        return claim_next(self.company.id, self.campaign.id, by=self.agent, **options)

    def ready(self) -> list[int]:
        database.session.rollback()
        query = sa.select(HopperEntry.lead_id).where(
            HopperEntry.campaign_id == self.campaign.id, HopperEntry.status == "ready"
        )
        return list(database.session.scalars(query.order_by(HopperEntry.priority.desc(), HopperEntry.id)))

    def why(self) -> dict[str, int]:
        return count_reasons(self.campaign).counts


def promise(lead: Lead, due_at: datetime, agent: Any = None, **facts: Any) -> Callback:
    row = Callback(
        company_id=lead.company_id, lead_id=lead.id, due_at=due_at, agent_id=agent.id if agent else None, **facts
    )
    database.session.add(row)
    database.session.commit()
    return row


def tell(floor: Floor, lead: Lead, call: str, kind: str, **facts: Any) -> None:
    event = {
        "provider": "acme",
        "event_id": f"{call}-{kind}",
        "call_id": call,
        "type": kind,
        "lead_id": lead.id,
    } | facts
    record_events(floor.company.id, [parse_event(event)])
