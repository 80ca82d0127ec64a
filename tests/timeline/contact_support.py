"""A contact logged through the service, and what it leaves on its lead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tests.timeline.conftest import Place
from webapp.core.audit import StatusChange
from webapp.core.db import db
from webapp.leads.models import Lead
from webapp.timeline import service
from webapp.timeline.models import ContactAttempt
from webapp.timeline.service import Draft

Clock = Callable[[datetime], None]
EMAIL = Draft("email", subject="Quick question", body="Hi John, I noticed you're using our competitor's tool at work.")


def read(row: Any) -> Any:
    db.session.rollback()
    db.session.refresh(row)
    return row


def summary(lead: Lead) -> tuple[Any, ...]:
    read(lead)
    return lead.contact_count, lead.last_contacted_at, lead.last_contact_method, lead.last_response_at


def ledger(lead: Lead) -> list[tuple[Any, ...]]:
    rows = db.session.execute(
        sa.select(StatusChange.old_status, StatusChange.new_status, StatusChange.cause, StatusChange.evidence_id)
        .where(StatusChange.machine == "lead", StatusChange.subject_id == lead.id).order_by(StatusChange.id)
    )  # fmt: skip
    return [tuple(row) for row in rows]


def log(place: Place, draft: Draft = EMAIL, **given: Any) -> ContactAttempt:
    answer = service.log_contact(given.pop("lead", place.lead).id, draft, by=given.pop("by", place.alice), **given)
    assert answer.contact is not None, answer.decision
    return answer.contact
