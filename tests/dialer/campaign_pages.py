"""A campaign with a list and its manager, and forms read as their pages show them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import sqlalchemy as sa

from tests.factories import make_call, make_campaign, make_company, make_lead, make_list, make_user, sign_in
from tests.harness.client import Client
from webapp.core.db import db as database
from webapp.dialer.models import DialCampaign
from webapp.leads.models import LeadList

NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)  # a Wednesday, noon in New York
NY = "America/New_York"


@dataclass
class Place:
    client: Client
    company: Any
    manager: Any
    campaign: DialCampaign
    list: LeadList

    @property
    def url(self) -> str:
        return f"/campaigns/{self.campaign.id}"

    def lead(self, **facts: Any) -> Any:
        return make_lead(self.list, **{"zone": NY, **facts})

    def dialed(self, status: str, minutes_ago: int) -> Any:
        at = NOON - timedelta(minutes=minutes_ago)
        lead = self.lead(status=status, last_dial_attempt=at, dial_attempts=1, pass_dials=1, dial_result=status)
        make_call(lead, status, started_at=at)
        return lead

    def read(self, path: str = "") -> str:
        return text_of(self.client.get(f"{self.url}{path}"))


def text_of(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def make_place(client: Client, set_clock: Any) -> Place:
    set_clock(NOON)
    company = make_company(zone=NY)
    manager = make_user(company, "manager", name="Mia")
    campaign = make_campaign(company, name="Spring", dials_per_pass=6)
    return Place(
        sign_in(client, manager),
        company,
        manager,
        campaign,
        make_list(company, name="Ohio", dial_campaign_id=campaign.id),
    )


def filled(client: Client, url: str, form: str, **changes: Any) -> dict[str, Any]:
    """The form as its page shows it, with these changes; None leaves the field out."""
    text = client.get(url).text
    text = text[text.index(f'id="{form}"') :]
    text = text[: text.index("</form>")]
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]*>", text):
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "csrf_token" and ('type="checkbox"' not in tag or " checked" in tag):
            sent[name[1]] = unescape(value[1]) if value else ""
    for name, inner in re.findall(r'<select [^>]*name="(\w+)"[^>]*>(.*?)</select>', text, re.S):
        chosen = re.search(r'<option selected value="([^"]*)"', inner)
        sent[name] = chosen[1] if chosen else ""
    for name, inner in re.findall(r'<textarea [^>]*name="(\w+)"[^>]*>([^<]*)</textarea>', text):
        sent[name] = unescape(inner).removeprefix("\r\n").removeprefix("\n")
    return {name: value for name, value in {**sent, **changes}.items() if value is not None}


def count(model: Any) -> int:
    return database.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0
