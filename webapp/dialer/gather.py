"""Single events that arrive at the same moment go into one transaction: recording one costs nearly as much as recording ten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from webapp.dialer.lanes import Lanes
from webapp.dialer.service import MAX_BATCH, Outcome, record_events

PATIENCE = 0.25  # seconds to wait for the thread in front, which may itself wait for a lead's lock

Record = Callable[..., list[Outcome]]


class Gatherer(Lanes[int, dict[str, Any], Outcome]):
    """A lane for each company."""

    def __init__(self, record: Record = record_events) -> None:
        super().__init__(lambda company_id, events: record(company_id, events, source="api"), MAX_BATCH)

    def record(self, company_id: int, event: dict[str, Any]) -> Outcome:
        """`record_events` of one event, committed when this returns; not for use inside another transaction.

        When a shared transaction fails, each of its events is tried alone: one cannot spoil another's.
        """
        return self.ask(company_id, event, patience=PATIENCE)


gatherer = Gatherer()
