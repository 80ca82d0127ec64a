"""The agent's last result taken back: the call open again, the lead as it was and in hand."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.audit import record_event
from webapp.core.clock import db_now, read_now
from webapp.core.db import atomic, db
from webapp.core.states import advance_many
from webapp.dialer.aftermath import settle_leads
from webapp.dialer.claims import LEASE, find_claim_of, release
from webapp.dialer.desk import PROVIDER, DeskRefused
from webapp.dialer.fold import apply_calls
from webapp.dialer.models import CallLog, HopperEntry
from webapp.leads.models import Lead, LeadList
from webapp.leads.states import LEAD

UNDO_FOR = timedelta(minutes=15)


@atomic(retry=3)
def undo_last(*, by: User) -> str:
    """Take the agent's last result back: the call is open again, the lead as it was and in hand. Its token.

    Raises DeskRefused when there is none of the last quarter of an hour, or the lead has moved on.
    """
    call = db.session.scalars(
        sa.select(CallLog)
        .where(CallLog.company_id == by.company_id, CallLog.agent_id == by.id, CallLog.provider == PROVIDER,
               CallLog.ended_at > db_now() - UNDO_FOR, CallLog.call_status != "unknown")
        .order_by(CallLog.ended_at.desc(), CallLog.id.desc())
        .limit(1)
    ).first()  # fmt: skip
    if call is None:
        raise DeskRefused("There is no result of yours in the last 15 minutes.")
    db.session.execute(sa.select(Lead.id).where(Lead.id == call.lead_id).with_for_update())
    db.session.refresh(call)
    if call.ended_at is None:
        raise DeskRefused("It is taken back already.")
    newer = sa.select(CallLog.id).where(CallLog.lead_id == call.lead_id, CallLog.started_at > call.started_at).limit(1)
    held = sa.select(HopperEntry).where(HopperEntry.lead_id == call.lead_id)
    entry = db.session.scalars(held).one_or_none()
    if db.session.scalar(newer) or (entry is not None and entry.status != "ready"):
        raise DeskRefused("The lead was dialed again since, or is in somebody's hand.")
    twin = sa.select(HopperEntry.id).where(
        HopperEntry.company_id == by.company_id, HopperEntry.phone == call.phone, HopperEntry.status != "ready",
        HopperEntry.lead_id != call.lead_id,
    )  # fmt: skip
    if db.session.scalar(twin.limit(1)):
        raise DeskRefused("Their phone is in somebody's hand, for another lead.")
    _put_down(by)
    if entry is not None:
        db.session.delete(entry)
        db.session.flush()
    human = call.human
    _move_back(call, by)
    _reopen(call)
    apply_calls({call.lead_id: (0, -1 if human else 0)})
    settle_leads(by.company_id, [call.lead_id])
    db.session.execute(sa.text("SELECT set_config('rebound.calls_counted', '', true)"))
    now = read_now()
    db.session.add(
        HopperEntry(
            company_id=by.company_id, lead_id=call.lead_id, campaign_id=_campaign_of(call), status="dialing", source="manual",
            phone=call.phone, locked_at=now, locked_by_id=by.id, lease_until=now + LEASE, claim_token=call.provider_call_id,
        )
    )  # fmt: skip
    record_event("desk_undo", "Took the last result back", by=by, subject=call, lead_id=call.lead_id)
    return call.provider_call_id


def _put_down(by: User) -> None:
    """What else the agent has in hand goes back first. Raises DeskRefused while it is being dialed."""
    other = find_claim_of(by)
    if other is None:
        return
    if other.status == "dialing":
        raise DeskRefused("Finish the call in hand first.")
    release(by.company_id, other.claim_token or "")


def _campaign_of(call: CallLog) -> int:
    if call.campaign_id is not None:
        return call.campaign_id
    found = db.session.scalar(
        sa.select(LeadList.dial_campaign_id).join(Lead, Lead.list_id == LeadList.id).where(Lead.id == call.lead_id)
    )
    if found is None:
        raise DeskRefused("The lead belongs to no campaign any more.")
    return found


def _move_back(call: CallLog, by: User) -> None:
    """The status before the call, where the call was the last to change it; what it closed or forbade is open again."""
    last = db.session.execute(
        sa.text(
            "SELECT old_status, new_status, evidence_id FROM status_changes WHERE machine = 'lead' AND subject_id = :lead"
            " ORDER BY id DESC LIMIT 1"
        ),
        {"lead": call.lead_id},
    ).first()
    if call.disposition == "dnc":
        db.session.execute(
            sa.text(
                "UPDATE dnc_entries SET lifted_at = rebound_now(), lifted_by_id = :by, lifted_reason = 'The result was taken back'"
                " WHERE company_id = :company AND lead_id = :lead AND source = 'call' AND lifted_at IS NULL AND created_at >= :since"
            ),
            {"by": by.id, "company": call.company_id, "lead": call.lead_id, "since": call.ended_at},
        )
    if last is None or last.evidence_id != call.id or last.old_status is None:
        return
    t = Lead.__table__.c
    picks = sa.select(t.id, t.company_id, t.status.label("seen"), sa.literal(last.old_status).label("to_status")).where(
        t.id == call.lead_id
    )
    db.session.execute(
        advance_many(picks, machine=LEAD, table=Lead.__table__, by=by.id, cause="undo", batch_id=None,
                     values={"last_status_change": db_now(), "version": t.version + 1})
    ).all()  # fmt: skip
    if last.old_status == "callback":
        db.session.execute(
            sa.text(
                "INSERT INTO callbacks (company_id, lead_id, due_at, agent_id, notes, call_log_id, moved_at, created_at)"
                " SELECT company_id, lead_id, due_at, agent_id, notes, call_log_id, moved_at, created_at FROM callbacks"
                " WHERE lead_id = :lead AND closed_at >= :since ORDER BY closed_at DESC, id DESC LIMIT 1 ON CONFLICT DO NOTHING"
            ),
            {"lead": call.lead_id, "since": call.ended_at},
        )


def _reopen(call: CallLog) -> None:
    db.session.execute(sa.text("SELECT set_config('rebound.calls_counted', 'on', true)"))
    db.session.execute(
        sa.update(CallLog)
        .where(CallLog.id == call.id)
        .values(call_status="dialing", answered_at=None, ended_at=None, duration=None, disposition=None, disposition_at=None,
                callback_at=None, needs_review=False)
    )  # fmt: skip
