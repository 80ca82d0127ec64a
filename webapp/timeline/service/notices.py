"""Warnings and refusals as rows: shown, overridden with a reason, stopped, or overtaken."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.accounts.tokens import hash_token
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.states import advance, advance_many
from webapp.timeline.models import ContactAttempt, GuardNotice
from webapp.timeline.rules import TOKEN_LIFE, Decision, Known, similarity
from webapp.timeline.service.outcomes import Answer, ContactRefused, Draft
from webapp.timeline.states import NOTICE

REASONS = ("They asked for it", "New information for them", "Agreed with the colleague")  # presets of the form
MAX_REASON = 500


def shown_of(known: Known) -> dict[str, Any]:
    return {
        "kind": known.kind, "id": known.id, "lead_id": known.lead_id, "who": known.who, "user_id": known.user_id,
        "method": known.method, "subject": known.subject, "at": known.at.isoformat(), "replied": known.responded,
        "scheduled_for": known.scheduled_for.isoformat() if known.scheduled_for else None,
    }  # fmt: skip


def show_notice(company_id: int, lead_id: int, draft: Draft, decision: Decision, *, by: User | None) -> Answer:
    """Keep what is about to be shown, once a person and newest contact, and mint the token of a warning."""
    percent = similarity(f"{draft.subject}\n{draft.body}", [f"{k.subject}\n{k.body}" for k in decision.contacts[:5]])
    token = secrets.token_urlsafe(24) if decision.verdict == "warned" else None
    state = "warned" if token else "refused"
    t = GuardNotice.__table__.c
    shown = [shown_of(k) for k in decision.contacts[:20]]
    facts: dict[str, Any] = {
        "shown": shown, "similarity": percent, "token_hash": hash_token(token) if token else None,
        "next_allowed_at": decision.allowed_at, "expires_at": db_now() + TOKEN_LIFE if token else None,
    }  # fmt: skip
    again = db.session.execute(
        sa.update(GuardNotice.__table__)
        .where(
            t.company_id == company_id, t.lead_id == lead_id, t.user_id.is_not_distinct_from(by.id if by else None),
            t.method == draft.method, t.code == decision.code, t.state == state, t.newest == decision.newest,
        )
        .values(times=t.times + 1, **facts)
        .returning(t.id)
    ).scalar()  # fmt: skip
    if again is None:
        notice = GuardNotice(
            company_id=company_id, lead_id=lead_id, user_id=by.id if by else None, method=draft.method,
            code=decision.code, state=state, newest=decision.newest, **facts,
        )  # fmt: skip
        db.session.add(notice)
        db.session.flush()
        db.session.refresh(notice)
    else:
        notice = db.session.get_one(GuardNotice, again, populate_existing=True)
    return Answer(decision, notice=notice, token=token, similarity=percent)


def take_token(token: str, lead_id: int, draft: Draft, decision: Decision, *, by: User) -> GuardNotice | None:
    """The open warning of this token when it is theirs, for this lead and method, in time, and nothing newer has come.

    An overtaken warning becomes void. The lead is locked, so a token is taken once.
    """
    notice = db.session.scalars(
        sa.select(GuardNotice).where(
            GuardNotice.token_hash == hash_token(token), GuardNotice.company_id == by.company_id,
            GuardNotice.user_id == by.id, GuardNotice.lead_id == lead_id, GuardNotice.method == draft.method,
            GuardNotice.state == "warned", GuardNotice.expires_at > db_now(),
        ).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()  # fmt: skip
    if notice is None:
        return None
    if decision.verdict != "warned" or notice.newest != decision.newest or notice.code != decision.code:
        if decision.verdict != "allowed":
            advance(notice, "void", machine=NOTICE, by=by.id, cause="contact", values={"settled_at": db_now()})
        return None
    return notice


def settle_overridden(notice: GuardNotice, contact: ContactAttempt, reason: str, *, by: User) -> None:
    advance(
        notice, "overridden", machine=NOTICE, by=by.id, cause="user", reason=reason, evidence_id=contact.id,
        values={"settled_at": db_now(), "reason": reason, "contact_id": contact.id},
    )  # fmt: skip
    record_event(
        "outreach_override", f"Contacted a lead by {contact.method} in spite of a warning", by=by, subject=contact,
        lead_id=contact.lead_id, notice_id=notice.id, code=notice.code, reason=reason, shown=notice.shown,
    )  # fmt: skip


def check_reason(reason: str | None) -> str:
    text = " ".join((reason or "").split())
    if not text:
        raise ContactRefused("Say why you contact them anyway.", "reason")
    if len(text) > MAX_REASON:
        raise ContactRefused(f"A reason has at most {MAX_REASON} characters.", "reason")
    return text


@atomic
def stop(notice_id: int, *, by: User) -> GuardNotice:
    """They read the warning and leave the lead alone. Raises LookupError; a settled warning stays as it is."""
    notice = find_owned(GuardNotice, notice_id, by.company_id, lock=True)
    if notice is None or notice.user_id != by.id:
        raise LookupError("No such warning")
    if notice.state == "warned":
        advance(notice, "stopped", machine=NOTICE, by=by.id, cause="user", values={"settled_at": db_now()})
    return notice


@atomic
def settle_expired() -> int:
    """Warnings that nobody overrode within their ten minutes have done their work. How many."""
    t = GuardNotice.__table__.c
    picks = (
        sa.select(t.id, t.company_id, t.state.label("seen"), sa.literal("stopped").label("to_status"))
        .where(t.state == "warned", t.expires_at <= db_now())
        .order_by(t.id).limit(5_000).with_for_update(skip_locked=True)
    )  # fmt: skip
    moved = advance_many(picks, machine=NOTICE, table=GuardNotice.__table__, by=None, cause="system", batch_id=None,
                         values={"settled_at": db_now()})  # fmt: skip
    return len(db.session.execute(moved).all())
