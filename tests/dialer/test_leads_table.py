"""The leads behind a number of "Why not?", and their time zone set for many at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.factories import make_campaign, make_company, make_lead, make_list, make_user, sign_in
from webapp.core.db import db as database
from webapp.dialer.campaigns import Rule, recompute, save_rules
from webapp.leads import service as leads
from webapp.leads.filters import LeadFilter
from webapp.leads.models import Lead
from webapp.leads.queries.matching import Scope
from webapp.leads.queries.pages import find_page
from webapp.leads.service import Selection

NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)


def found(user: Any, query: str) -> list[int]:
    return [lead.id for lead in find_page(Scope.of(user), LeadFilter.from_query(query)).leads]


def test_each_number_opens_its_leads_and_none_of_another_company(client: Any, db: Any, set_clock: Any) -> None:
    set_clock(NOON)
    company = make_company()
    boss, campaign = make_user(company, "manager"), make_campaign(company)
    lead_list = make_list(company, dial_campaign_id=campaign.id)
    bare, sold = make_lead(lead_list, zone=None), make_lead(lead_list, zone="America/New_York", status="sale")
    make_lead(make_list(company), zone=None)
    assert found(boss, f"dial={campaign.id}.no_zone") == [bare.id]
    assert found(boss, f"dial={campaign.id}.final&status=sale") == [sold.id]
    assert found(boss, f"dial={campaign.id}.nonsense") == []
    stranger = make_user(make_company(), "manager")
    assert found(stranger, f"dial={campaign.id}.no_zone") == []
    assert LeadFilter.from_query("dial=x.no_zone").notes
    sign_in(client, boss)
    assert "no zone" in client.get(f"/leads?dial={campaign.id}.no_zone").text


def test_a_zone_for_many_is_previewed_followed_by_their_next_time_and_undone(
    client: Any, db: Any, set_clock: Any
) -> None:
    set_clock(NOON)
    company = make_company()
    boss, campaign = make_user(company, "manager"), make_campaign(company)
    lead_list = make_list(company, dial_campaign_id=campaign.id)
    save_rules(campaign.id, {"busy": Rule("busy", timedelta(hours=2), 3, clock="calling")}, by=boss)
    recompute(company.id, campaign.id)
    at = datetime(2026, 6, 10, 13, 30, tzinfo=UTC)  # 9:30 in New York, 6:30 in Los Angeles
    moved = make_lead(lead_list, zone="America/New_York", status="busy", last_dial_attempt=at, next_eligible_at=at)
    same = make_lead(lead_list, zone="America/Los_Angeles")
    selection = Selection((moved.id, same.id))
    params = leads.check_params("zone", {"zone": "America/Los_Angeles"}, boss)
    shown = leads.preview("zone", params, selection, by=boss)
    assert (shown.change, shown.skipped) == (1, {"unchanged": 1})
    row = leads.run_bulk("zone", {"zone": "America/Los_Angeles"}, selection, seen=2, by=boss, form_token="z")
    assert (row.done, row.skipped) == (1, 1)
    database.session.expire_all()
    assert database.session.get(Lead, moved.id).next_eligible_at == datetime(2026, 6, 10, 18, 0, tzinfo=UTC)
    undo = leads.undo_bulk(row.id, by=boss)
    assert (undo.done, undo.skipped) == (1, 0)
    database.session.expire_all()
    assert database.session.get(Lead, moved.id).zone == "America/New_York"
    assert database.session.get(Lead, moved.id).next_eligible_at == datetime(2026, 6, 10, 15, 30, tzinfo=UTC)
    sign_in(client, boss)
    chosen = {"ids": [moved.id], "scope": "selected", "filter": ""}
    assert client.post("/leads/bulk/zone", data=chosen | {"zone": "Mars/Olympus"}).status_code == 422
    assert "Set the time zone of 1 lead" in client.post("/leads/bulk/zone", data=chosen).text
