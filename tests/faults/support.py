"""What the fault tests share: events as a dialer tells them, threads as other processes, and the books."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from tests.recycling.test_conservation import WRONG
from webapp.core.db import db
from webapp.dialer.events import parse_event
from webapp.dialer.models import CallLog
from webapp.dialer.service import Outcome, record_events
from webapp.leads.models import Lead
from webapp.leads.tallies import by_status, get_cells

DAY = datetime(2026, 6, 1, tzinfo=UTC)


def event(event_id: str, call: str, kind: str, minute: float, **facts: Any) -> dict[str, Any]:
    at = (DAY + timedelta(minutes=minute)).isoformat()
    return {"provider": "pbx", "event_id": event_id, "call_id": call, "type": kind, "occurred_at": at, **facts}


def send(company_id: int, *events: dict[str, Any]) -> list[Outcome]:
    return record_events(company_id, [parse_event(e) for e in events])


def reread(row: Any) -> Any:
    db.session.rollback()
    db.session.refresh(row)
    return row


def at_once(app: Flask, calls: Iterable[Callable[[], object]], *, within: float = 60) -> list[BaseException]:
    """Run each call in a thread with a session of its own, all let go together; what they raised."""
    waiting = list(calls)
    gate = threading.Barrier(len(waiting))
    errors: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        with app.app_context():
            gate.wait()
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - told to the test
                errors.append(error)
            finally:
                db.session.remove()

    db.session.rollback()
    threads = [threading.Thread(target=run, args=(call,), daemon=True) for call in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(within)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    return errors


def check_books(company_id: int) -> None:
    """Every lead counted once, in the status its ledger ends with, with the calls its logs hold."""
    db.session.rollback()
    db.session.expire_all()
    real = dict(
        db.session.execute(
            sa.select(Lead.status, sa.func.count()).where(Lead.company_id == company_id).group_by(Lead.status)
        ).all()
    )
    assert by_status(get_cells(company_id)) == real
    assert db.session.execute(sa.text(WRONG), {"c": company_id}).all() == []
    counted = db.session.scalar(sa.select(sa.func.sum(Lead.call_count)).where(Lead.company_id == company_id)) or 0
    assert counted == db.session.scalar(sa.select(sa.func.count(CallLog.id)).where(CallLog.company_id == company_id))
