"""Rows with progress. The row is the work, the outbox and the progress bar; a queue entry only names it.

A job claims its row (lease, fence), writes each chunk together with its progress in one transaction
that names the fence, and so may be killed anywhere and started twice. The sweep gives back what died.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from webapp.core import clock
from webapp.core.db import atomic, can_repeat, db, is_outage
from webapp.core.queue import enqueue, ring
from webapp.core.states import Machine, State

log = structlog.get_logger(__name__)

WORK = Machine(
    "work",
    State("queued", "Waiting", "neutral", to=("running", "cancelled", "failed"), icon="clock"),
    State("running", "Running", "info", to=("queued", "done", "failed", "cancelled", "paused"), icon="loader"),
    State("paused", "Paused", "warn", to=("queued", "cancelled"), icon="pause"),
    State("done", "Done", "ok", to=(), icon="check"),
    State("failed", "Failed", "bad", to=("queued",), icon="x"),
    State("cancelled", "Cancelled", "neutral", to=("queued",), icon="ban"),
    column="state",
)
RESTING = ("done", "failed", "cancelled")
LEASE = timedelta(seconds=60)
MAX_LOST = 5
KINDS: list[type[WorkMixin]] = []


class LeaseLost(Exception):
    """Another worker holds the row now; nothing of this chunk was written."""


class Cancelled(Exception):
    """Somebody asked to cancel; what was committed stays."""


class WorkError(Exception):
    """The work cannot be done; the text is shown to the person who asked."""


class WorkMixin:
    JOB: ClassVar[str]  # name in core.queue.JOBS; a row may override it in `job`
    LEASE: ClassVar[timedelta] = LEASE

    state: Mapped[str] = mapped_column(server_default=WORK.initial, default=WORK.initial)
    job: Mapped[str]
    message: Mapped[str] = mapped_column(server_default="", default="")
    total: Mapped[int | None]
    done: Mapped[int] = mapped_column(server_default="0", default=0)
    failed: Mapped[int] = mapped_column(server_default="0", default=0)
    skipped: Mapped[int] = mapped_column(server_default="0", default=0)
    position: Mapped[int] = mapped_column(server_default="0", default=0)  # checkpoint: the last id dealt with
    fence: Mapped[int] = mapped_column(server_default="0", default=0)
    lost: Mapped[int] = mapped_column(server_default="0", default=0)  # workers that died since the last step
    version: Mapped[int] = mapped_column(server_default="0", default=0)  # moves with every visible change
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]

    @declared_attr
    def requested_by_id(cls) -> Mapped[int | None]:
        return mapped_column(sa.ForeignKey("users.id"))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        KINDS.append(cls)

    @property
    def status(self) -> State:
        return WORK[self.state]

    @property
    def is_resting(self) -> bool:
        return self.state in RESTING

    @property
    def percent(self) -> int | None:
        if self.state == "done":
            return 100
        return min(99, self.handled * 100 // self.total) if self.total else None

    @property
    def handled(self) -> int:
        return self.done + self.failed + self.skipped

    @property
    def seconds(self) -> float:
        if self.started_at is None:
            return 0.0
        return max(0.0, ((self.finished_at or self.heartbeat_at or clock.now()) - self.started_at).total_seconds())

    @property
    def rate(self) -> float | None:
        return self.handled / self.seconds if self.seconds >= 1 and self.handled else None

    @property
    def eta_text(self) -> str | None:
        """Time left in words, only once 10 seconds and 5 items have shown the pace."""
        if self.state != "running" or not self.total or self.seconds < 10 or self.handled < 5 or not self.rate:
            return None
        left = (self.total - self.handled) / self.rate
        if left < 50:
            return "less than a minute"
        minutes = math.ceil(left / 60)
        return f"about {minutes} min" if minutes < 90 else f"about {math.ceil(minutes / 60)} h"


W = TypeVar("W", bound=WorkMixin)


def start_work(row: W, *, job: str | None = None) -> W:
    """Add the row in the transaction in hand and ring for it after the commit."""
    row.job = job or row.job or row.JOB
    db.session.add(row)
    db.session.flush()
    enqueue(row.job, row.id)  # type: ignore[attr-defined]
    return row


@atomic
def claim(kind: type[W], row_id: int) -> W | None:
    """Take the row for this worker; None when it rests, is paused, or another holds a live lease."""
    table = kind.__table__  # type: ignore[attr-defined]
    got = db.session.execute(
        sa.update(table)
        .where(
            table.c.id == row_id,
            sa.or_(
                table.c.state == "queued",
                sa.and_(table.c.state == "running", table.c.lease_until < sa.func.clock_timestamp()),
            ),
        )
        .values(
            state="running",
            fence=table.c.fence + 1,
            version=table.c.version + 1,
            started_at=sa.func.coalesce(table.c.started_at, sa.func.clock_timestamp()),
            heartbeat_at=sa.func.clock_timestamp(),
            lease_until=sa.func.clock_timestamp() + kind.LEASE,
        )
        .returning(table.c.id)
    ).scalar()
    if not got:
        return None
    row = db.session.get_one(kind, row_id, populate_existing=True)
    vars(row)["held_fence"] = row.fence  # after a rollback the column is read anew and would tell a successor's
    return row


def _held(row: WorkMixin) -> int:
    return int(vars(row).get("held_fence", row.fence))


def step(
    row: WorkMixin,
    *,
    done: int = 0,
    failed: int = 0,
    skipped: int = 0,
    position: int | None = None,
    total: int | None = None,
    message: str | None = None,
    **values: Any,
) -> None:
    """Record progress inside the chunk's own transaction and keep the lease.

    Raises LeaseLost when the fence moved, Cancelled when a person asked: the chunk is rolled back.
    """
    table = row.__table__  # type: ignore[attr-defined]
    sets: dict[str, Any] = {
        "done": table.c.done + done, "failed": table.c.failed + failed, "skipped": table.c.skipped + skipped,
        "version": table.c.version + 1, "heartbeat_at": sa.func.clock_timestamp(), "lost": 0,
        "lease_until": sa.func.clock_timestamp() + row.LEASE, **values,
    }  # fmt: skip
    if position is not None:
        sets["position"] = position
    if total is not None:
        sets["total"] = total
    if message is not None:
        sets["message"] = message
    got = db.session.execute(
        sa.update(table)
        .where(table.c.id == row.id, table.c.fence == _held(row), table.c.state == "running")  # type: ignore[attr-defined]
        .values(sets)
        .returning(table.c.cancel_requested_at)
    ).first()
    if got is None:
        raise LeaseLost(f"{table.name} {row.id}")  # type: ignore[attr-defined]
    if got.cancel_requested_at is not None:
        raise Cancelled
    db.session.refresh(row)


@atomic
def keep_alive(row: WorkMixin, **progress: Any) -> None:
    """A `step` of its own, for work between two chunks."""
    step(row, **progress)


@atomic
def rest(row: WorkMixin, state: str, message: str | None = None, *, fence: int | None = None, **values: Any) -> bool:
    """End the claimed row, or put it back into the queue; False when the lease is no longer ours."""
    WORK.check_move("running", state)
    table = row.__table__  # type: ignore[attr-defined]
    sets: dict[str, Any] = {
        "state": state, "version": table.c.version + 1, "heartbeat_at": sa.func.clock_timestamp(),
        "finished_at": None if state == "queued" else sa.func.clock_timestamp(), "lease_until": None, **values,
    }  # fmt: skip
    if message is not None:
        sets["message"] = message
    changed = db.session.execute(
        sa.update(table)
        .where(
            table.c.id == row.id,  # type: ignore[attr-defined]
            table.c.fence == (_held(row) if fence is None else fence),
            table.c.state == "running",
        )
        .values(sets)
    ).rowcount
    db.session.refresh(row)
    return bool(changed)


@contextmanager
def running(kind: type[W], row_id: int) -> Iterator[W | None]:
    """Claim the row, run the body, and end the row as the body ends.

    The body gets None when there is nothing to do. A WorkError ends the row with its text. When the database
    was away, the row goes back into the queue (by the sweep, where the database is away still); any other
    failure ends it with a reference. Both are raised again for the log.
    """
    row = claim(kind, row_id)
    if row is None:
        yield None
        return
    fence = row.fence
    try:
        yield row
    except LeaseLost:
        db.session.rollback()
        log.warning("lease_lost", work=kind.__name__, row_id=row_id)
    except Cancelled:
        db.session.rollback()
        rest(row, "cancelled", "Cancelled. What was finished before stays.", fence=fence)
    except WorkError as error:
        db.session.rollback()
        rest(row, "failed", str(error), fence=fence)
    except Exception as error:
        db.session.rollback()
        if (is_outage(error) or can_repeat(error)) and row.lost + 1 < MAX_LOST:
            rest(row, "queued", fence=fence, lost=row.lost + 1)
            raise
        text = f"Something failed inside ({type(error).__name__}); reference {row.job}-{row_id}"
        rest(row, "failed", text, fence=fence)
        raise
    else:
        if row.state == "running":
            rest(row, "done", fence=fence)


@atomic
def request_cancel(row: WorkMixin) -> None:
    """Ask a running row to stop after the chunk in hand; a waiting one ends at once."""
    table = row.__table__  # type: ignore[attr-defined]
    db.session.execute(
        sa.update(table)
        .where(table.c.id == row.id, table.c.state.in_(("queued", "running", "paused")))  # type: ignore[attr-defined]
        .values(
            cancel_requested_at=sa.func.coalesce(table.c.cancel_requested_at, sa.func.clock_timestamp()),
            version=table.c.version + 1,
            state=sa.case((table.c.state == "running", "running"), else_="cancelled"),
            finished_at=sa.case((table.c.state == "running", None), else_=sa.func.clock_timestamp()),
        )
    )
    db.session.refresh(row)


def sweep(*, queued_for: timedelta = timedelta(seconds=20)) -> int:
    """Give back work whose worker died and ring again for work whose queue entry was lost.

    Returns how many rows were rung for. Work that lost MAX_LOST workers without a step between is failed.
    """
    rung = 0
    for kind in KINDS:
        if "__table__" not in kind.__dict__:
            continue
        for row in _sweep_kind(kind, queued_for):
            rung += ring(row.job, row.id, turn=row.fence)
    return rung


@atomic
def _sweep_kind(kind: type[WorkMixin], queued_for: timedelta) -> list[Any]:
    table = kind.__table__  # type: ignore[attr-defined]
    now = sa.func.clock_timestamp()
    dead = sa.and_(table.c.state == "running", table.c.lease_until < now)
    given_up = db.session.scalars(
        sa.update(table)
        .where(dead, table.c.lost + 1 >= MAX_LOST)
        .values(state="failed", finished_at=now, lease_until=None, version=table.c.version + 1,
                lost=0,
                message=f"Given up: {MAX_LOST} workers died over it. Start it again to go on where it stopped.")
        .returning(table.c.id)
    ).all()  # fmt: skip
    given_back = db.session.execute(
        sa.update(table)
        .where(dead)
        .values(state="queued", lease_until=None, version=table.c.version + 1, lost=table.c.lost + 1)
        .returning(table.c.id, table.c.job, table.c.fence)
    ).all()
    for row_id in given_up:
        log.error("work_given_up", work=kind.__name__, row_id=row_id)
    waiting = sa.and_(
        table.c.state == "queued", sa.func.coalesce(table.c.heartbeat_at, table.c.created_at) < now - queued_for
    )
    unheard = db.session.execute(sa.select(table.c.id, table.c.job, table.c.fence).where(waiting)).all()
    return [*given_back, *(row for row in unheard if row not in given_back)]
