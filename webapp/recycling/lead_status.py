"""`LeadStatusService`: the four calls of the seed by their names, over the same services as the pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from webapp.core.clock import db_now, read_now
from webapp.core.db import db
from webapp.dialer.models import CallLog, DialCampaign
from webapp.dialer.results import CALL, DISPOSITIONS
from webapp.dialer.rules import LIVE
from webapp.dialer.service import record_events
from webapp.leads.models import Lead, LeadList
from webapp.leads.problems import PROBLEMS
from webapp.leads.states import LEAD
from webapp.recycling.queries import fixable, preview_repair, problem_counts
from webapp.recycling.repair import perform_repair, start_repair


class LeadStatusService:
    """Bound to one company, or to all of them when `company_id` is None (the command line)."""

    def __init__(self, company_id: int | None = None):
        self.company_id = company_id

    def update_lead_from_call_result(
        self, lead_id: int, call_status: str, disposition: str | None = None, increment_dial: bool = True
    ) -> dict[str, Any]:
        """Apply one call's result to a lead. With `increment_dial` it is a new dial and gets its call log;
        without, it completes the lead's latest call.

        Returns lead_id, old_status, new_status, dial_attempts. Raises LookupError for an unknown lead (or no
        call to complete), ValueError for an unknown call status or disposition.
        """
        lead = db.session.get(Lead, lead_id, populate_existing=True)
        if lead is None or self.company_id not in (None, lead.company_id):
            raise LookupError(f"no lead {lead_id}")
        if call_status not in CALL.states or call_status in LIVE[:2]:
            raise ValueError(f"unknown call status {call_status!r}")
        if disposition is not None and disposition not in DISPOSITIONS:
            raise ValueError(f"unknown disposition {disposition!r}")
        old, now = lead.status, read_now()
        event = dict.fromkeys(("started_at", "answered_at", "duration", "campaign_id", "callback_at")) | {
            "provider": "service", "event_id": uuid4().hex, "call_id": uuid4().hex, "lead_id": lead_id, "phone": lead.phone,
            "type": "ended", "call_status": call_status, "disposition": disposition, "occurred_at": now, "ended_at": now,
            "recording": "", "notes": "", "agent": "", "payload": {"lead_id": lead_id, "call_status": call_status},
        }  # fmt: skip
        if not increment_dial:
            latest = db.session.execute(
                sa.select(CallLog.provider, CallLog.provider_call_id)
                .where(CallLog.lead_id == lead_id)
                .order_by(CallLog.started_at.desc(), CallLog.id.desc())
                .limit(1)
            ).first()
            if latest is None:
                raise LookupError(f"lead {lead_id} has no call to complete")
            event |= {"provider": latest.provider, "call_id": latest.provider_call_id}
        record_events(lead.company_id, [event], source="service")
        db.session.refresh(lead)
        return {"lead_id": lead_id, "old_status": old, "new_status": lead.status, "dial_attempts": lead.dial_attempts}

    def find_leads_with_missing_status(self, campaign_id: int | None = None) -> dict[str, Any]:
        """`total_issues`, and the leads of each problem class by its name."""
        counts = dict.fromkeys(PROBLEMS, 0)
        for company_id in self._companies(campaign_id):
            for name, number in problem_counts(company_id, campaign_id=campaign_id).items():
                counts[name] += number
        return {"total_issues": sum(counts.values()), "fixable": fixable(counts), **counts}

    def fix_leads_with_missing_status(self, campaign_id: int | None = None, dry_run: bool = False) -> dict[str, Any]:
        """Repair at once. `leads_checked`, `leads_fixed`, `errors`, `status_distribution` after the fix."""
        totals: dict[str, Any] = {"leads_checked": 0, "leads_fixed": 0, "errors": 0, "status_distribution": {}}
        for company_id in self._companies(campaign_id):
            done = fix_scope(company_id, campaign_id=campaign_id, dry_run=dry_run)
            for key in ("leads_checked", "leads_fixed", "errors"):
                totals[key] += done[key]
            for status, number in done["status_distribution"].items():
                totals["status_distribution"][status] = totals["status_distribution"].get(status, 0) + number
        return totals

    def get_recyclable_leads(self, campaign_id: int, max_attempts: int = 5, hours_since_last: float = 4) -> list[int]:
        """Ids of the campaign's leads in a recyclable status with fewer dials, and the last one long enough ago."""
        campaign = db.session.get(DialCampaign, campaign_id)
        if campaign is None or self.company_id not in (None, campaign.company_id):
            raise LookupError(f"no campaign {campaign_id}")
        statuses = [
            state.name for state in LEAD if state.has("dialable") and state.has("recyclable") and not state.has("fresh")
        ]
        rested = sa.or_(
            Lead.last_dial_attempt.is_(None), Lead.last_dial_attempt <= db_now() - timedelta(hours=hours_since_last)
        )
        open_call = sa.select(CallLog.id).where(CallLog.lead_id == Lead.id, CallLog.is_open).exists()
        return list(
            db.session.scalars(
                sa.select(Lead.id)
                .join(LeadList, LeadList.id == Lead.list_id)
                .where(LeadList.dial_campaign_id == campaign_id, Lead.status.in_(statuses), Lead.dial_attempts < max_attempts,
                       rested, ~open_call)
                .order_by(Lead.id)
            )
        )  # fmt: skip

    def _companies(self, campaign_id: int | None) -> list[int]:
        if campaign_id is not None:
            campaign = db.session.get(DialCampaign, campaign_id)
            if campaign is None or self.company_id not in (None, campaign.company_id):
                raise LookupError(f"no campaign {campaign_id}")
            return [campaign.company_id]
        if self.company_id is not None:
            return [self.company_id]
        return list(db.session.scalars(sa.select(LeadList.company_id).distinct().order_by(LeadList.company_id)))


def fix_scope(
    company_id: int, *, list_id: int | None = None, campaign_id: int | None = None, dry_run: bool = False
) -> dict[str, Any]:
    """One company's repair, at once; the seed's result keys."""
    distribution: dict[str, int] = {}
    if dry_run:
        rows = preview_repair(company_id, list_id=list_id, campaign_id=campaign_id, limit=None)
        fixed = [row for row in rows if not row.in_call]
        for row in fixed:
            distribution[row.to_status] = distribution.get(row.to_status, 0) + 1
        return {"leads_checked": len(rows), "leads_fixed": len(fixed), "errors": 0, "status_distribution": distribution}
    repair = start_repair(company_id, by=None, list_id=list_id, campaign_id=campaign_id, trigger="cli")
    perform_repair(repair.id)
    db.session.refresh(repair)
    for key, number in repair.result.items():
        if key.startswith("to:"):
            distribution[key.removeprefix("to:")] = number
    return {
        "leads_checked": repair.handled, "leads_fixed": repair.done, "errors": int(repair.state == "failed"),
        "status_distribution": distribution,
    }  # fmt: skip


def get_lead_status_service(company_id: int | None = None) -> LeadStatusService:
    return LeadStatusService(company_id)
