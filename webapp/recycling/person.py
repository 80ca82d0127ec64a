"""What a person asks for on the pages: a repair or a recycling as previewed, and the choices on listed leads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import insert

from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.once import keep_answer, take_once
from webapp.core.states import advance_many
from webapp.dialer.aftermath import close_callbacks
from webapp.dialer.models import Callback
from webapp.leads.models import Lead, LeadList
from webapp.leads.problems import PROBLEMS
from webapp.leads.states import LEAD
from webapp.recycling.models import RecycleBatch, Repair
from webapp.recycling.queries import list_ids_of, problem_counts
from webapp.recycling.recycle import preview_recycle, start_recycle
from webapp.recycling.repair import start_repair

LOG_CLASSES = ("count_mismatch_above", "count_without_log")
LOGS_AT_ONCE = 10_000  # leads of one acceptance
DUE = {
    "hour": ("in one hour", timedelta(hours=1)),
    "day": ("tomorrow, this time", timedelta(days=1)),
    "week": ("in one week", timedelta(days=7)),
}
DEFAULT_REASON = "The call logs are right"


class CountMoved(Exception):
    """The facts are no longer those of the preview; `now` is the number."""

    def __init__(self, seen: int, now: int):
        self.seen, self.now = seen, now
        super().__init__(f"{seen} were seen, now there are {now}")


class NotSo(Exception):
    """The lead is no longer as the choice supposes; the text says how it is."""


@atomic
def ask_repair(
    company_id: int, *, classes: tuple[str, ...], seen: int, by: Any, form_token: str, list_id: int | None = None
) -> Repair:
    """The repair that was previewed; a form sent twice gives the first one back. Raises CountMoved."""
    taken = take_once(company_id, "repair", form_token)
    if taken is not None:
        made = find_owned(Repair, int((taken.body or {}).get("id", 0)), company_id)
        if made is not None:
            return made
    counts = problem_counts(company_id, list_id)
    now = sum(counts[name] for name in classes)
    if now != seen:
        raise CountMoved(seen, now)
    repair = start_repair(company_id, by=by, list_id=list_id, classes=classes)
    keep_answer(company_id, "repair", form_token, 201, {"id": repair.id})
    return repair


@atomic
def ask_recycle(
    lead_list: LeadList,
    statuses: list[str],
    target: str,
    *,
    reset_dial_count: bool,
    seen: int,
    by: Any,
    form_token: str,
) -> RecycleBatch:
    """The recycling that was previewed; a form sent twice gives the first one back. Raises CountMoved, CannotRecycle."""
    taken = take_once(lead_list.company_id, "recycle", form_token)
    if taken is not None:
        made = find_owned(RecycleBatch, int((taken.body or {}).get("id", 0)), lead_list.company_id)
        if made is not None:
            return made
    now = preview_recycle(lead_list, statuses, target, reset_dial_count=reset_dial_count).count
    if now != seen:
        raise CountMoved(seen, now)
    batch = start_recycle(lead_list, statuses, target, reset_dial_count=reset_dial_count, by=by)
    keep_answer(lead_list.company_id, "recycle", form_token, 201, {"id": batch.id})
    return batch


_BEFORE = ("dial_attempts", "answered_count", "last_dial_attempt", "dial_result", "pass_dials", "call_count")
_LOGGED = f"""
SELECT l.id, l.company_id, l.status AS seen, l.status AS to_status,
       {", ".join(f"l.{name} AS old_{name}" for name in _BEFORE)},
       h.calls AS new_dial_attempts, h.answered AS new_answered_count, h.last_started AS new_last_dial_attempt,
       h.last_status AS new_dial_result, h.pass_calls AS new_pass_dials
FROM leads l CROSS JOIN LATERAL (
  SELECT count(*)::int AS calls, count(*) FILTER (WHERE human)::int AS answered,
         count(*) FILTER (WHERE started_at > coalesce(l.dials_reset_at, '-infinity'))::int AS pass_calls,
         max(started_at) AS last_started,
         coalesce((array_agg(call_status ORDER BY started_at DESC, id DESC))[1], '') AS last_status
  FROM call_logs WHERE lead_id = l.id
) AS h
WHERE l.id = ANY(CAST(:ids AS bigint[])) AND NOT EXISTS (SELECT 1 FROM call_logs c WHERE c.lead_id = l.id AND c.is_open)
"""
_I, _T, _S = sa.Integer, sa.DateTime(timezone=True), sa.Text
_COLUMNS: dict[str, Any] = {
    "id": sa.BigInteger, "company_id": sa.BigInteger, "seen": _S, "to_status": _S,
    "old_dial_attempts": _I, "old_answered_count": _I, "old_last_dial_attempt": _T, "old_dial_result": _S,
    "old_pass_dials": _I, "old_call_count": _I, "new_dial_attempts": _I, "new_answered_count": _I,
    "new_last_dial_attempt": _T, "new_dial_result": _S, "new_pass_dials": _I,
}  # fmt: skip


@atomic(retry=3)
def accept_logs(
    company_id: int, name: str, *, by: Any, reason: str, list_id: int | None = None, lead_id: int | None = None
) -> tuple[int, UUID]:
    """Set the counters of one class's leads to what their call logs say: of one lead, or of all of them.

    The only way by which a count is lowered, so it names a person and a reason in each lead's ledger.
    Leads in a call are left. Returns how many changed, and the batch that names them.
    """
    if name not in LOG_CLASSES:
        raise LookupError(f"not for {name}")
    query = sa.select(Lead.id).where(
        Lead.list_id.in_(list_ids_of(company_id, list_id=list_id)), Lead.problem.is_not(None), Lead.problem == name
    )
    if lead_id is not None:
        query = query.where(Lead.id == lead_id)
    ids = list(db.session.scalars(query.order_by(Lead.id).limit(LOGS_AT_ONCE).with_for_update()))
    batch = uuid4()
    if not ids:
        return 0, batch
    picks = (
        sa.text(_LOGGED)
        .bindparams(sa.bindparam("ids", ids, pg.ARRAY(sa.BigInteger)))
        .columns(*(sa.column(column, kind) for column, kind in _COLUMNS.items()))
    )
    moved = advance_many(
        picks, machine=LEAD, table=Lead.__table__, by=by.id, cause="user", batch_id=batch, reason=reason,
        values={column.removeprefix("new_"): column for column in _COLUMNS if column.startswith("new_")},
        before=_BEFORE, same_status=True,
    )  # fmt: skip
    changed = len(db.session.execute(moved).all())
    if changed:
        record_event(
            "logs_accepted", f"Set the dial counts of {changed} {'lead' if changed == 1 else 'leads'} to their call logs",
            by=by, batch_id=batch, reason=reason, problem=name, label=PROBLEMS[name].label, url=f"/leads?batch={batch}",
        )  # fmt: skip
    return changed, batch


@atomic(retry=3)
def open_callback(lead_id: int, *, due: str, by: Any) -> Lead:
    """A callback for a lead that says Callback and has none; anyone may take it. Raises LookupError, NotSo."""
    lead = find_owned(Lead, lead_id, by.company_id, lock=True)
    if lead is None or due not in DUE:
        raise LookupError("No such lead")
    if lead.status != "callback":
        raise NotSo(f"{lead.name} is {LEAD[lead.status].label} by now, so no callback was opened.")
    db.session.execute(
        insert(Callback)
        .values(company_id=lead.company_id, lead_id=lead.id, due_at=db_now() + DUE[due][1], agent_id=lead.owner_id)
        .on_conflict_do_nothing(index_elements=["lead_id"], index_where=sa.text("state <> 'closed'"))
    )
    record_event("callback_opened", f"Opened a callback of {lead.name}, due {DUE[due][0]}", by=by, subject=lead)
    return lead


@atomic(retry=3)
def close_callback(lead_id: int, *, by: Any) -> Lead:
    """Close the callback of a lead that does not say Callback. Raises LookupError, NotSo."""
    lead = find_owned(Lead, lead_id, by.company_id, lock=True)
    if lead is None:
        raise LookupError("No such lead")
    if lead.status == "callback":
        raise NotSo(f"{lead.name} says Callback by now, so its callback stays open.")
    if close_callbacks(lead.company_id, [lead.id], by=by.id):
        record_event("callback_closed", f"Closed the callback of {lead.name}", by=by, subject=lead)
    return lead
