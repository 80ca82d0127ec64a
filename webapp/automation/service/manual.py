"""What a person does by hand: contacted them, skips them, settles an outcome nobody knew, lets the machine try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.automation.models import AutomationAttempt, Dealership, ProjectDealership, Run
from webapp.automation.queries.runs import find_unsettled
from webapp.automation.service import closing
from webapp.automation.service.counting import is_due, recount
from webapp.automation.service.journal import note, tell
from webapp.automation.service.orphans import close_orphan_of
from webapp.automation.service.runs import RunRefused, ring_lanes, start_run
from webapp.automation.states import ACTIVE_RUN, ATTEMPT, CONTACT_STATUS, METHODS_BY_HAND
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import read_now
from webapp.core.db import LostRace, atomic, db
from webapp.core.states import MoveRefused, advance
from webapp.timeline.service import ContactRefused, Draft, log_contact, settle_contact

ON_TIMELINE = {"phone": "call", "email": "email", "in_person": "other", "other": "other"}
MAX_NOTES = 5_000


class OverrideRefused(ValueError):
    """What was told cannot be: `field` names what is wrong."""

    def __init__(self, text: str, field: str = ""):
        self.field = field
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Override:
    """The seed's ManualOverride. `new_status` manual_override or skipped; method and time only with the first.

    `contacted_by`: who spoke with them, when that is not who says so here.
    """

    new_status: str
    notes: str = ""
    contact_method: str = "phone"
    contacted_at: datetime | None = None
    follow_up_on: date | None = None
    contacted_by: str = ""


@atomic(retry=3)
def override(project_dealership_id: int, given: Override, *, by: User) -> ProjectDealership:
    """Set the status by hand, on the ledger and on the lead's timeline. Raises LookupError, OverrideRefused, MoveRefused, LostRace while
    an attempt is in hand. One whose worker has died is closed first.
    """
    pd = find_owned(ProjectDealership, project_dealership_id, by.company_id)
    if pd is None:
        raise LookupError("No such dealership")
    close_orphan_of(project_dealership_id)
    run = _lock_run_of(pd)
    pd = db.session.get_one(ProjectDealership, pd.id, with_for_update=True, populate_existing=True)
    now = read_now()
    _check(given, now)
    if pd.lease_until is not None and pd.lease_until > now:
        raise LostRace("its attempt is going on: wait until it has ended, or cancel the run")
    CONTACT_STATUS.check_move(pd.contact_status, given.new_status)
    old = pd.contact_status
    values = {
        "manual_status_set_by": by.name, "manual_status_set_by_id": by.id, "manual_status_set_at": now, "manual_notes": given.notes or None,
        "next_retry_at": None, "deferred_until": None, "reason": "", "updated_at": now,
    }  # fmt: skip
    if given.new_status == "manual_override":
        values |= {
            "manual_method": given.contact_method,
            "manual_contacted_at": given.contacted_at or now,
            "follow_up_on": given.follow_up_on,
        }
    reason = METHODS_BY_HAND[given.contact_method] if given.new_status == "manual_override" else "skipped by hand"
    advance(
        pd,
        given.new_status,
        machine=CONTACT_STATUS,
        by=by.id,
        cause="user",
        reason=reason,
        notes=given.notes or None,
        values=values,
    )
    if given.new_status == "manual_override":
        _put_on_timeline(pd, given, now, by=by)
    record_event("manual_override", f"Set a dealership from {old} to {given.new_status}", by=by, subject=pd, old_status=old,
                 new_status=given.new_status, contact_method=given.contact_method, notes=given.notes,
                 contacted_by=given.contacted_by)  # fmt: skip
    note(run or pd, "manual_override", "Manual status override applied", dealership_id=pd.dealership_id, user_id=by.id, old_status=old,
         new_status=given.new_status, contact_method=given.contact_method, notes=given.notes, contacted_by=given.contacted_by)  # fmt: skip
    if run is not None:
        _tell(run, pd, old, by)
    return pd


def _check(given: Override, now: datetime) -> None:
    if given.new_status not in ("manual_override", "skipped"):
        raise OverrideRefused("Choose done by hand, or skip.", "new_status")
    if given.contact_method not in METHODS_BY_HAND:
        raise OverrideRefused("Choose how they were contacted.", "contact_method")
    if given.contacted_at is not None and given.contacted_at > now:
        raise OverrideRefused("This lies in the future.", "contacted_at")
    if given.contacted_at is not None and given.contacted_at.year < 1970:
        raise OverrideRefused("Choose a time after 1970.", "contacted_at")
    if len(given.contacted_by) > 255 or "\x00" in given.contacted_by:
        raise OverrideRefused("A name has at most 255 characters.", "contacted_by")
    if len(given.notes) > MAX_NOTES or "\x00" in given.notes:
        raise OverrideRefused(f"Notes have at most {MAX_NOTES:,} characters.", "notes")


def _put_on_timeline(pd: ProjectDealership, given: Override, now: datetime, *, by: User) -> None:
    """What has happened is recorded whatever the guard says, in the past: a minute ago at the latest."""
    from datetime import timedelta

    at = min(given.contacted_at or now, now - timedelta(minutes=2))
    dealership = db.session.get_one(Dealership, pd.dealership_id)
    draft = Draft(ON_TIMELINE[given.contact_method], subject="Contacted by hand for a project", body=given.notes, occurred_at=at,
                  follow_up_on=given.follow_up_on)  # fmt: skip
    try:
        log_contact(dealership.lead_id, draft, by=by)
    except ContactRefused as error:
        raise OverrideRefused(
            str(error), "follow_up_on" if error.field == "follow_up_on" else "contacted_at"
        ) from error


def _lock_run_of(pd: ProjectDealership) -> Run | None:
    """The project's run that is going on, else the one that tried this dealership last; its row held, before the dealership's."""
    run = _lock_active(pd.project_id)
    if run is None and pd.run_id is not None:
        run = db.session.get(Run, pd.run_id, with_for_update=True, populate_existing=True)
    return run


def _tell(run: Run, pd: ProjectDealership, old: str, by: User, attempt: AutomationAttempt | None = None) -> None:
    """What a person did, as the run's event; the run counts anew, and is over when nothing is left of it."""
    tell(run, "dealership_completed", project_dealership_id=pd.id, attempt_id=attempt.id if attempt else None, oldStatus=old,
         newStatus=pd.contact_status, byHand=by.name)  # fmt: skip
    closing.finish_when_done(run)


@atomic(retry=3)
def settle_unknown(attempt_id: int, *, arrived: bool, by: User, notes: str = "") -> AutomationAttempt:
    """What a person found out about a form whose outcome nobody knew. Arrived: done by hand, sent on the timeline. Not: the machine may
    try again. Raises LookupError, OverrideRefused when it is settled already or something newer has come.
    """
    attempt = find_owned(AutomationAttempt, attempt_id, by.company_id)
    if attempt is None:
        raise LookupError("No such attempt")
    run = db.session.get_one(Run, attempt.run_id, with_for_update=True, populate_existing=True)
    pd = db.session.get_one(
        ProjectDealership, attempt.project_dealership_id, with_for_update=True, populate_existing=True
    )
    attempt = db.session.get_one(AutomationAttempt, attempt_id, with_for_update=True, populate_existing=True)
    if attempt.submission != "unconfirmed" or attempt.settled_by_id is not None:
        raise OverrideRefused("Its outcome is known already.")
    if find_unsettled(pd) is not attempt:
        raise OverrideRefused("Something newer has come since.")
    attempt.settled_by_id = by.id
    if attempt.contact_id is not None:
        settle_contact(attempt.contact_id, by.company_id, "sent" if arrived else "failed", by=by)
    words = "They have it" if arrived else "They have not got it"
    if arrived:
        advance(
            attempt,
            "success",
            machine=ATTEMPT,
            by=by.id,
            cause="user",
            reason=words,
            notes=notes or None,
            values={"submission": "confirmed"},
        )
        advance(pd, "manual_override", machine=CONTACT_STATUS, by=by.id, cause="user", reason=words, notes=notes or None,
                values={"manual_status_set_by": by.name, "manual_status_set_by_id": by.id, "manual_status_set_at": read_now(),
                        "manual_method": "other", "manual_contacted_at": attempt.completed_at, "manual_notes": notes or None,
                        "submission": "confirmed", "error_type": None, "reason": words, "next_retry_at": None})  # fmt: skip
    else:
        attempt.submission = pd.submission = "not_sent"
        pd.reason, pd.next_retry_at = f"{words}: it may be tried again", None
        db.session.flush()
    record_event(
        "outcome_settled",
        f"Settled an unknown outcome: {words.lower()}",
        by=by,
        subject=attempt,
        arrived=arrived,
        notes=notes,
    )
    note(run, "outcome_settled", f"Settled by hand: {words.lower()}", dealership_id=pd.dealership_id, attempt_id=attempt.id, user_id=by.id,
         old_status="failed", new_status=pd.contact_status, arrived=arrived, notes=notes)  # fmt: skip
    _tell(run, pd, "failed", by, attempt)
    return attempt


@atomic(retry=3)
def retry_now(project_dealership_id: int, *, by: User, dry_run: bool = False, form_token: str | None = None) -> Run:
    """One dealership at once: first in the project's run that is going on, else in a run of its own. A dry run is always its own.

    Raises LookupError, RunRefused, MoveRefused.
    """
    pd = find_owned(ProjectDealership, project_dealership_id, by.company_id)
    if pd is None:
        raise LookupError("No such dealership")
    run = _lock_active(pd.project_id)
    if run is not None and form_token and run.form_token == form_token:
        return run
    pd = db.session.get_one(ProjectDealership, pd.id, with_for_update=True, populate_existing=True)
    if not dry_run and pd.contact_status != "pending":
        if not CONTACT_STATUS.can(pd.contact_status, "in_progress"):
            raise MoveRefused(
                CONTACT_STATUS.name, pd.contact_status, "in_progress", CONTACT_STATUS[pd.contact_status].to
            )
        if pd.submission == "unconfirmed":
            raise RunRefused("Something may have been sent: settle what became of it first.")
    if run is not None and not dry_run and not run.dry_run:
        return _put_first(run, pd, by)
    pd.deferred_until = None
    db.session.flush()
    return start_run(
        pd.project_id, by=by, dry_run=dry_run, retry_failed=not dry_run, chosen=[pd.id], form_token=form_token
    )


def _lock_active(project_id: int) -> Run | None:
    """The project's run that is going on, its row held. Before the dealership's: so does every recording."""
    query = sa.select(Run).where(Run.project_id == project_id, Run.state.in_(ACTIVE_RUN))
    return db.session.scalars(query.with_for_update().execution_options(populate_existing=True)).first()


def _put_first(run: Run, pd: ProjectDealership, by: User) -> Run:
    """Due now, with all its tries: the claims take first what a person asked for. Raises RunRefused."""
    if run.chosen is not None and pd.id not in run.chosen:
        run.chosen = sorted({*run.chosen, pd.id})
    pd.run_id, pd.retry_counts, pd.next_retry_at, pd.deferred_until = run.id, {}, read_now(), None
    pd.reason = f"{by.name} asked for it"
    db.session.flush()
    if not is_due(run, pd.id):
        raise RunRefused("The run that is going on has dealt with it already: let it finish, or cancel it first.")
    run.waiting_until, run.waiting_for, run.progress_at = None, "", read_now()
    recount(run)
    record_event("retry_asked", f"Put a dealership first in run {run.id}", by=by, subject=pd, run_id=run.id)
    note(run, "retry_asked", "Put first by hand", dealership_id=pd.dealership_id, user_id=by.id)
    if run.state == "running":
        ring_lanes(run.id)
    return run
