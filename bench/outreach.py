"""A company whose contact projects go to the demo's sites, as the measurements of automation need it. Inside an app context."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from demo_sites.server import SITES, SiteServer
from tests.factories import make_company, make_contact_request, make_dealership, make_list, make_project, make_user
from tests.factories import make_project_dealership as add_to
from webapp.accounts.hosts import allow_host
from webapp.automation.models import AutomationSettings, Run
from webapp.automation.service import runs
from webapp.core.db import db
from webapp.timeline.models import OutreachSettings

NEVER = {"max_attempts": 0}
NO_RETRIES = {
    "max_attempts": 0,
    "retry_strategies": dict.fromkeys(("page_timeout", "network_error", "form_not_found", "rate_limited"), NEVER),
}
ENQUIRY = {
    "first_name": "Ana", "last_name": "Ruiz", "email": "ana@example.com", "phone": "+12125550123", "postal_code": "43215",
    "subject": "A question about a car", "message": "Hello, is the Honda Civic still there?", "city": "Columbus", "state": "OH",
    "vehicle_year": "2024", "vehicle_make": "Honda", "vehicle_model": "Civic",
}  # fmt: skip


class Outreach:
    """One company. Another company may contact the same sites anew."""

    def __init__(self, sites: SiteServer) -> None:
        self.sites = sites
        company = make_company()
        self.company_id = company.id
        self.user = make_user(company)
        allow_host(f"*.localhost:{sites.port}", "the demo's sites", by=self.user)
        allow_host(f"*.localhost:{sites.nobody.getsockname()[1]}", "where nobody listens", by=self.user)
        db.session.add(
            AutomationSettings(company_id=company.id, user_agent="Rebound/1.0 (ops@example.com)", daily_per_host=900)
        )
        db.session.add(OutreachSettings(company_id=company.id, quiet_for_campaigns=False))
        db.session.commit()
        self.company, self.list = company, make_list(company)

    def start(self, places: Iterable[tuple[str, str]], **facts: Any) -> Run:
        """A real run over (site, contact URL or ""), unhurried by any pace of its own. Sites have forgotten earlier visits."""
        db.session.execute(sa.text("DELETE FROM host_paces"))
        facts = {
            "dry_run": False, "host_gap_seconds": 0, "per_minute": 120, "parallel_pages": 1, "retry": NO_RETRIES, "auto_pause": False,
            **facts,
        }  # fmt: skip
        project = make_project(self.company, **facts)
        make_contact_request(project, **ENQUIRY)
        for number, (name, contact_url) in enumerate(places):
            website = self.sites.url_of(name, "/")
            dealership = make_dealership(self.list, name=SITES[name].title, website=website, contact_url=contact_url)
            add_to(project, dealership, distance_miles=number)
        return runs.start_run(project.id, by=self.user)
