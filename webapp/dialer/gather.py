"""Single events that arrive at the same moment go into one transaction.

Recording one event costs nearly as much as recording ten. So while one thread of this process records,
the others of the same company put theirs on the lane; whoever comes next takes all of them along.
Nobody waits for company: an event that comes alone is recorded at once.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from webapp.dialer.service import MAX_BATCH, Outcome, record_events

log = structlog.get_logger(__name__)
PATIENCE = 0.25  # seconds to wait for the thread in front, which may itself wait for a lead's lock

Record = Callable[..., list[Outcome]]


@dataclass(slots=True, eq=False)  # two deliveries of one event are equal, and still two tickets
class _Ticket:
    event: dict[str, Any]
    outcome: Outcome | None = None
    done: bool = False


@dataclass(slots=True)
class _Lane:
    turn: threading.Lock = field(default_factory=threading.Lock)
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: list[_Ticket] = field(default_factory=list)


class Gatherer:
    def __init__(self, record: Record = record_events) -> None:
        self._record = record
        self._lanes: dict[int, _Lane] = defaultdict(_Lane)

    def record(self, company_id: int, event: dict[str, Any]) -> Outcome:
        """`record_events` of one event, committed when this returns; not for use inside another transaction.

        When a shared transaction fails, each of its events is tried alone: one cannot spoil another's.
        """
        lane, ticket = self._lanes[company_id], _Ticket(event)
        with lane.lock:
            lane.waiting.append(ticket)
        if lane.turn.acquire(timeout=PATIENCE) or self._taken(lane, ticket):
            try:
                if not ticket.done:
                    self._record_all(company_id, lane)
            finally:
                lane.turn.release()
        return ticket.outcome or self._record(company_id, [event], source="api")[0]

    def _taken(self, lane: _Lane, ticket: _Ticket) -> bool:
        """After losing patience: leave the lane, unless the event is under way, then wait for its end."""
        with lane.lock:
            if ticket in lane.waiting:
                lane.waiting.remove(ticket)
                return False
        return lane.turn.acquire()

    def _record_all(self, company_id: int, lane: _Lane) -> None:
        with lane.lock:
            batch, lane.waiting = lane.waiting[:MAX_BATCH], lane.waiting[MAX_BATCH:]
        try:
            outcomes = self._record(company_id, [ticket.event for ticket in batch], source="api")
            for ticket, outcome in zip(batch, outcomes, strict=True):
                ticket.outcome = outcome
        except SQLAlchemyError as error:
            if len(batch) == 1:
                raise
            log.warning("events_go_alone", events=len(batch), error=type(error).__name__)
        finally:
            for ticket in batch:
                ticket.done = True


gatherer = Gatherer()
