"""Alerts to the channels outside: the id is the company's."""

from __future__ import annotations

from flask import current_app

from jobs.runtime import job
from webapp.notifications import delivering


@job
def deliver(company_id: int) -> None:
    delivering.perform_deliveries(company_id, current_app.config["SETTINGS"])
