"""Who has no dials left: one rule for the status report, the dialing report and "Why not?"."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.factories import T0, make_campaign, make_lead, make_list
from webapp.core.db import db as database
from webapp.dialer.eligible import count_reasons
from webapp.dialer.events import parse_event
from webapp.dialer.models import RecycleRule
from webapp.dialer.service import record_events
from webapp.reports.dialing import get_penetration
from webapp.reports.status import get_status_report
from webapp.reports.status_files import write_csv


def ring(lead_list: Any, results: Sequence[str]) -> None:
    """A lead called once a day; "callback" is an answer and a promise for an hour later."""
    lead = make_lead(lead_list, zone="America/New_York")
    for number, result in enumerate(results):
        at = T0 + timedelta(days=number)
        event = {"event_id": f"{lead.id}-{number}", "call_id": f"{lead.id}-{number}", "type": "ended", "lead_id": lead.id,
                 "call_status": result, "started_at": at.isoformat(), "ended_at": at.isoformat()}  # fmt: skip
        if result == "callback":
            event |= {
                "call_status": "answered",
                "disposition": "callback",
                "callback_at": (at + timedelta(hours=1)).isoformat(),
            }
        record_events(lead.company_id, [parse_event(event)])


def told(lead_list: Any) -> dict[str, int]:
    report = get_status_report(lead_list.company_id, lead_list.id)
    found = {row.name: row.exhausted for row in report.breakdown if row.exhausted}
    assert report.exhausted == sum(found.values())
    return found


CALLED = (
    ["no_answer"] * 4, ["no_answer"] * 3, ["busy", "busy"], ["busy", "no_answer", "busy"], ["no_answer", "busy"],
    ["no_answer"] * 8, ["callback", "no_answer", "busy", "busy"], ["callback", "no_answer", "busy"], ["callback"],
    ["answered"], [],
)  # fmt: skip


def test_the_reports_and_why_not_count_the_same_leads_as_out_of_dials(company: Any, set_clock: Any) -> None:
    """By the pass's limit, by the shipped redials, by a rule of the campaign's own, and by a promise that nobody answered."""
    set_clock(T0 + timedelta(days=30))
    campaign = make_campaign(company, dials_per_pass=8)
    database.session.add(
        RecycleRule(company_id=company.id, campaign_id=campaign.id, status="busy", delay_seconds=60, redials=1)
    )
    lead_list = make_list(company, dial_campaign_id=campaign.id)
    for results in CALLED:
        ring(lead_list, results)
    make_lead(lead_list, status="sale")
    assert told(lead_list) == {"no_answer": 2, "busy": 2, "callback": 1}
    assert count_reasons(campaign).counts["exhausted"] == 5
    final = get_status_report(company.id, lead_list.id).ratio("final_gross")
    assert (final.part, final.whole) == (1 + 5, len(CALLED) + 1)
    assert final in get_penetration(company.id, campaign.id)[1]


def test_a_list_without_a_campaign_has_the_shipped_redials(company: Any, set_clock: Any) -> None:
    set_clock(T0 + timedelta(days=30))
    lead_list = make_list(company)
    for results in CALLED:
        ring(lead_list, results)
    assert told(lead_list) == {"no_answer": 2}


def test_a_lead_over_its_limit_and_out_of_redials_counts_once(company: Any, set_clock: Any) -> None:
    set_clock(T0 + timedelta(days=30))
    for limits in ({"lifetime_dials": 4}, {"dials_per_pass": 4}, {"lifetime_dials": 12, "dials_per_pass": 11}):
        lead_list = make_list(company, dial_campaign_id=make_campaign(company, **limits).id)
        for dials in (3, 4, 12):
            ring(lead_list, ["no_answer"] * dials)
        assert told(lead_list) == {"no_answer": 2}


def test_of_too_many_redialed_leads_only_the_limits_count_and_every_rendering_says_so(
    company: Any, ana: Any, set_clock: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    set_clock(T0 + timedelta(days=30))
    campaign = make_campaign(company, dials_per_pass=8)
    lead_list = make_list(company, dial_campaign_id=campaign.id)
    for results in CALLED:
        ring(lead_list, results)
    assert get_status_report(company.id, lead_list.id).redials_read
    assert "redialed" not in ana.get(f"/lists/{lead_list.id}/status-report").text
    for module in ("out_of_dials", "dialing"):
        monkeypatch.setattr(f"webapp.reports.{module}.READ_AT_ONCE", 10)
    report = get_status_report(company.id, lead_list.id)
    assert told(lead_list) == {"no_answer": 1}
    assert not report.redials_read
    final = report.ratio("final_gross")
    assert "at a limit of dials" in final.formula
    assert final in get_penetration(company.id, campaign.id)[1]
    write_csv(report, tmp_path / "report.csv")
    page, csv = ana.get(f"/lists/{lead_list.id}/status-report").text, (tmp_path / "report.csv").read_text("utf-8-sig")
    for text in (page, csv):
        assert report.dials_note in text
        assert final.formula in text
    assert not ana.get(f"/lists/{lead_list.id}/status-report?format=json").json["redials_read"]
