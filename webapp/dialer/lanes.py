"""Those who ask for the same at the same moment are served together: one of their threads does it for all of them.

Serving one costs nearly as much as serving ten. While one thread of this process serves, the others put what they ask on its lane;
when it is done, the first of them serves all of those. Nobody waits for company: who comes alone is served at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

log = structlog.get_logger(__name__)
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, eq=False)  # two that ask for the same are equal, and still two tickets
class _Ticket(Generic[T, R]):
    asked: T
    leads: bool = False
    answers: tuple[R, ...] = ()  # the one, once there is one
    called: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class _Lane(Generic[T, R]):
    """There is one while somebody serves it."""

    waiting: list[_Ticket[T, R]] = field(default_factory=list)


class Lanes(Generic[K, T, R]):
    """`serve(key, asked)` gives an answer to each that was asked, in their order, or raises for all of them.

    At most `most` are served at once. `prepare` is what each serving begins with; who comes meanwhile is still taken along.
    """

    def __init__(
        self, serve: Callable[[K, Sequence[T]], Sequence[R]], most: int, *, prepare: Callable[[], object] = lambda: None
    ) -> None:
        self._serve = serve
        self._most = most
        self._prepare = prepare
        self._lock = threading.Lock()
        self._lanes: dict[K, _Lane[T, R]] = {}

    def ask(self, key: K, asked: T, *, patience: float) -> R:
        """Its answer, served with others or alone; raises what `serve` raises for it alone.

        When several cannot be served together each is tried by itself, and so is one whose leader has not come back to the lane
        for `patience` seconds.
        """
        ticket: _Ticket[T, R] = _Ticket(asked)
        with self._lock:
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = _Lane()
                ticket.leads = True
            else:
                lane.waiting.append(ticket)
        if ticket.leads or self._called(lane, ticket, patience):
            self._lead(key, lane, ticket)
        return ticket.answers[0] if ticket.answers else self._serve(key, [asked])[0]

    def _called(self, lane: _Lane[T, R], ticket: _Ticket[T, R], patience: float) -> bool:
        """Whether it is this ticket's turn to lead: else it is served, or has left the lane."""
        if not ticket.called.wait(patience):
            with self._lock:
                if ticket in lane.waiting:
                    lane.waiting.remove(ticket)
                    return False
            ticket.called.wait()  # it is under way
        return ticket.leads

    def _lead(self, key: K, lane: _Lane[T, R], first: _Ticket[T, R]) -> None:
        batch = [first]
        try:
            self._prepare()
            with self._lock:
                batch += lane.waiting[: self._most - 1]
                del lane.waiting[: self._most - 1]
            answers = self._serve(key, [ticket.asked for ticket in batch])
            for ticket, answer in zip(batch, answers, strict=True):
                ticket.answers = (answer,)
        except SQLAlchemyError as error:
            if len(batch) == 1:
                raise
            log.warning("served_alone", asked=len(batch), error=type(error).__name__)
        finally:
            with self._lock:
                if lane.waiting:
                    following = lane.waiting.pop(0)
                    following.leads = True
                    following.called.set()
                else:
                    del self._lanes[key]
            for ticket in batch:
                ticket.called.set()
