"""The nightly check of a company, and its alert."""

from __future__ import annotations

from webapp.core.db import atomic
from webapp.core.text import num
from webapp.notifications.service import notify
from webapp.recycling.night import Night, start_nightly_repair


@atomic
def run_nightly_repair(company_id: int) -> Night:
    """Start the night's repair; over the threshold, the managers get one alert for it."""
    night = start_nightly_repair(company_id)
    if night.alarming:
        notify(
            company_id,
            "problem_leads",
            f"{num(night.found)} problematic leads found tonight",
            body=f"The week's mean is {num(round(night.week_mean))}. They are being repaired; look where they came from.",
            url=f"/repairs/{night.repair_id}",
            level="bad",
            dedupe_key=f"problem_leads:{night.repair_id}",
        )
    return night
