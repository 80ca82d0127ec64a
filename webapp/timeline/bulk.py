"""The same contact logged with many leads at once, as a bulk action of the leads' table: judged, made and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.db import db
from webapp.leads.models import BulkAction
from webapp.leads.service.own import BulkRefused, Codes, OwnAction, own_actions
from webapp.timeline.guard import MOST_AT_ONCE
from webapp.timeline.service.changes import hide
from webapp.timeline.service.contacts import check_draft
from webapp.timeline.service.notices import check_reason
from webapp.timeline.service.outcomes import ContactRefused, Draft
from webapp.timeline.service.reserved import judge_many, log_many
from webapp.timeline.states import METHODS

MOST = 10_000
REASONS = {
    "do_not_contact": "Do not contact",
    "contact_cap": "Contacted so lately that nobody may again yet",
    "recent_contact": "Contacted by this method in the last days: a warning stands",
    "queued_contact": "A message is planned already: a warning stands",
    "quiet_hours": "It is quiet hours where they are",
    "twin": "The same person as another of these leads",
    "done": "Logged already",
}


def _draft(params: dict[str, Any]) -> Draft:
    told = params["contact"]
    return Draft(told["method"], subject=told["subject"], body=told["body"])


def _check(given: dict[str, Any], by: User) -> dict[str, Any]:
    told = {name: str(given.get(name) or "").replace("\r\n", "\n").strip() for name in ("method", "subject", "body", "reason")}  # fmt: skip
    told["subject"] = " ".join(told["subject"].split())
    try:
        check_draft(Draft(told["method"], subject=told["subject"], body=told["body"]))
        anyway = given.get("warned") == "anyway"
        told["reason"] = check_reason(told["reason"]) if anyway else ""
    except ContactRefused as refused:
        raise BulkRefused(str(refused)) from None
    return {"contact": told, "anyway": anyway, "label": f"{METHODS[told['method']].label}: {told['subject'] or 'no subject'}"}  # fmt: skip


def _judge(ids: Sequence[int], params: dict[str, Any], by: User) -> Codes:
    return judge_many(ids, _draft(params), by=by, include_warned=params["anyway"])


def _run(ids: Sequence[int], row: BulkAction, by: User) -> Codes:
    return log_many(
        ids, _draft(row.params), by=by, batch_id=row.batch_id, include_warned=row.params["anyway"],
        reason=row.params["contact"]["reason"],
    )  # fmt: skip


_MADE = sa.text(
    """
    SELECT a.id, a.lead_id, a.hidden_at IS NULL AND a.version = 1 AS untouched FROM contact_attempts a
    WHERE a.company_id = :company AND a.user_id = :user AND a.occurred_at >= :since AND a.source = 'person'
      AND a.source_key LIKE :batch AND a.lead_id > :position
    ORDER BY a.lead_id LIMIT :size
    """
)


def _undo(of: BulkAction, row: BulkAction, position: int, by: User) -> tuple[list[int], set[int]]:
    """Logged by mistake, all of them that nobody has touched since: they stay readable and count no more."""
    made = db.session.execute(
        _MADE,
        {"company": of.company_id, "user": of.requested_by_id, "since": of.created_at, "batch": f"{of.batch_id}:%",
         "position": position, "size": MOST_AT_ONCE},
    ).all()  # fmt: skip
    back = [contact for contact in made if contact.untouched]
    for contact in back:
        hide(contact.id, by=by, reason="The bulk action was undone")
    return [contact.lead_id for contact in made], {contact.lead_id for contact in back}


own_actions["contact"] = OwnAction(
    title="Log a contact with", sentence="Logged a contact with", words=("Will be logged", "Log with", "Logged"), template="timeline/_bulk_fields.html",
    fields=("method", "subject", "body", "warned", "reason"), reasons=REASONS, check=_check, judge=_judge, run=_run, undo=_undo,
    chunk=MOST_AT_ONCE, most=MOST,
)  # fmt: skip
