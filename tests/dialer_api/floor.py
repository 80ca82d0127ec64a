"""A campaign with a list and an agent, and a key to claim its leads with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tests.api.keys import Api
from tests.factories import make_lead
from webapp.core.db import db as database
from webapp.dialer.models import DialCampaign, HopperEntry
from webapp.leads.models import Lead

NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)  # a Wednesday, noon in New York
NY = "America/New_York"
BUSY = {"call_status": "busy"}


@dataclass
class Floor:
    company: Any
    campaign: DialCampaign
    list: Any
    agent: Any
    api: Api

    @property
    def path(self) -> str:
        return f"/campaigns/{self.campaign.id}/hopper/claim"

    def lead(self, **facts: Any) -> Lead:
        return make_lead(self.list, **{"zone": NY, **facts})

    def claim(self, body: Any = None, **headers: str) -> Any:
        answer = self.api.post(self.path, body, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json["claim"]


def at(claim: dict[str, Any], verb: str = "") -> str:
    return f"/hopper/claims/{claim['token']}{verb and f'/{verb}'}"


def entries() -> list[tuple[int, str]]:
    database.session.rollback()
    return [tuple(row) for row in database.session.execute(sa.select(HopperEntry.lead_id, HopperEntry.status))]


def count(model: Any) -> int:
    database.session.rollback()
    return int(database.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0)


def code_of(answer: Any) -> tuple[int, str]:
    assert answer.mimetype == "application/problem+json", answer.text
    return answer.status_code, answer.json["code"]
