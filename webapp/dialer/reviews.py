"""Calls that were closed as unknown: whose they are to settle, and those that are done with once somebody looked."""

from __future__ import annotations

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.access import role_at_least
from webapp.core.audit import record_event
from webapp.core.db import atomic, db
from webapp.dialer.desk import PROVIDER
from webapp.dialer.models import CallLog


class NotYours(Exception):
    """It is another agent's call; a manager may settle it."""


class ResultMissing(Exception):
    """A person dialed it and has not said what came of it: only a result settles it."""


def may_settle(call: CallLog, user: User) -> bool:
    """The agent of the call, and managers; a call of nobody is the managers'."""
    return call.agent_id == user.id or role_at_least(user.role, "manager")


def lacks_result(call: CallLog) -> bool:
    return call.needs_review and call.call_status == "unknown"


def may_be_waved(call: CallLog, user: User) -> bool:
    """A look is enough for what a dialer left open; an agent's own dial needs its result."""
    return call.needs_review and may_settle(call, user) and not (call.provider == PROVIDER and lacks_result(call))


@atomic(retry=3)
def mark_reviewed(call: CallLog, *, by: User) -> bool:
    """Take the call off the list; False when somebody did before. Raises NotYours, ResultMissing."""
    if not may_settle(call, by):
        raise NotYours
    db.session.refresh(call, with_for_update=True)
    if not call.needs_review:
        return False
    if not may_be_waved(call, by):
        raise ResultMissing
    db.session.execute(sa.update(CallLog).where(CallLog.id == call.id).values(needs_review=False))
    record_event(
        "call_reviewed", f"Looked at the call {call.provider_call_id}", by=by, subject=call, lead_id=call.lead_id
    )
    return True
