"""A lane of an automation run: the queue entry names it, the rows say what there is to do."""

from __future__ import annotations

from jobs.runtime import job
from webapp.automation.service import lanes


@job
def perform_lane(lane_id: int) -> None:
    lanes.perform_lane(lane_id)
