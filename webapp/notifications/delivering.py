"""Deliveries on their way: claimed one by one, sent with no transaction open, and what came of it recorded.

At least once: a sender that is killed between the answer and the record sends again, under the same id.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
import structlog

from webapp.accounts.hosts import list_allowed
from webapp.accounts.models import Company, User
from webapp.core import clock
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.queue import enqueue, ring
from webapp.notifications import rules
from webapp.notifications.kinds import label_of
from webapp.notifications.models import Channel, Delivery, Notification
from webapp.notifications.rules import Message
from webapp.notifications.senders import Outcome, Target, send
from webapp.notifications.service import notify

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)  # longer than any sender takes
BUDGET = 60.0  # seconds of one job; what is due after it waits for the sweep
ERROR = 500  # characters of a failure that are kept


@dataclass(frozen=True, slots=True)
class Parcel:
    """One claimed delivery, with all that its sender needs and no row."""

    id: int
    fence: int
    attempts: int  # this one included
    company_id: int
    channel_id: int
    target: Target
    message: Message


@atomic
def claim_next(company_id: int, base_url: str) -> Parcel | None:
    """Take the next due delivery for LEASE, or one whose sender died; None when nothing is due."""
    due = sa.or_(
        sa.and_(Delivery.state == "queued", Delivery.next_try_at <= db_now()),
        sa.and_(Delivery.state == "sending", Delivery.lease_until < db_now(), Delivery.attempts < rules.TRIES),
    )
    pick = (
        sa.select(Delivery.id)
        .join(Channel, Channel.id == Delivery.channel_id)
        .outerjoin(User, User.id == Channel.user_id)
        .where(Delivery.company_id == company_id, Delivery.give_up_at > db_now(), Channel.active, due)
        .where(User.deactivated_at.is_(None))
        .order_by(Delivery.next_try_at, Delivery.id)
        .limit(1)
        .with_for_update(of=Delivery, skip_locked=True)
        .scalar_subquery()
    )
    taken = db.session.execute(
        sa.update(Delivery)
        .where(Delivery.id == pick)
        .values(state="sending", fence=Delivery.fence + 1, attempts=Delivery.attempts + 1, lease_until=db_now() + LEASE)
        .returning(Delivery.id, Delivery.fence, Delivery.attempts, Delivery.channel_id, Delivery.notification_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if taken is None:
        return None
    channel = db.session.get_one(Channel, taken.channel_id, populate_existing=True)
    note = db.session.get_one(Notification, taken.notification_id)
    return Parcel(
        taken.id, taken.fence, taken.attempts, company_id, channel.id, target_of(channel), build_message(note, base_url)
    )


def target_of(channel: Channel) -> Target:
    """With the hosts that the company allows at this moment; a personal channel goes to the account's address."""
    address = channel.target
    if channel.user_id is not None:
        address = db.session.get_one(User, channel.user_id, populate_existing=True).email
    return Target(channel.kind, address, channel.secret, list_allowed(channel.company_id))


def build_message(note: Notification, base_url: str) -> Message:
    company = db.session.get_one(Company, note.company_id)
    url = base_url.rstrip("/") + quote(note.url, safe="/?#&=%:@!$'()*+,;~-._") if note.url else ""
    return Message(
        f"alert-{note.id}", note.kind, label_of(note.kind), note.level, note.created_at, note.title, note.body, url, company.name,
        note.details,
    )  # fmt: skip


def perform_deliveries(company_id: int, settings: Any) -> int:
    """Send what is due for this company, one after the other; how many left."""
    began, sent = time.monotonic(), 0
    while time.monotonic() - began < BUDGET:
        parcel = claim_next(company_id, settings.base_url)
        if parcel is None:
            break
        outcome = send(parcel.target, parcel.message, settings)
        if outcome.ok:
            sent += record_sent(parcel)
        else:
            record_failure(parcel, outcome)
    return sent


@atomic
def record_sent(parcel: Parcel) -> bool:
    """False, and nothing written, when another worker took the delivery meanwhile."""
    _lock_channel(parcel.channel_id)
    if not _end(parcel, state="sent", sent_at=db_now(), last_error=""):
        return False
    note_success(parcel.channel_id)
    log.info("alert_sent", channel_id=parcel.channel_id, kind=parcel.message.kind, attempts=parcel.attempts)
    return True


def note_success(channel_id: int) -> None:
    """The channel works: its run of failures ends, and what waited for it is due at once."""
    db.session.execute(
        sa.update(Channel)
        .where(Channel.id == channel_id)
        .values(last_success_at=db_now(), failures=0, failing_since=None, last_error="")
    )
    db.session.execute(
        sa.update(Delivery)
        .where(Delivery.channel_id == channel_id, Delivery.state == "queued")
        .values(next_try_at=db_now())
    )


@atomic
def record_failure(parcel: Parcel, outcome: Outcome) -> bool:
    """Plan the next try or give up, and count it for the channel; the fifth in a row becomes an alert, once.

    What else waits for the channel waits with it, so that a dead one costs one try at a time.
    """
    wait = None if outcome.final else rules.wait_after(parcel.attempts, outcome.retry_after)
    values: dict[str, Any] = (
        {"state": "failed"} if wait is None else {"state": "queued", "next_try_at": db_now() + wait}
    )
    error = outcome.words[:ERROR]
    _lock_channel(parcel.channel_id)
    if not _end(parcel, last_error=error, **values):
        return False
    log.warning(
        "alert_not_sent", channel_id=parcel.channel_id, kind=parcel.message.kind, attempts=parcel.attempts, failure=outcome.code,
        gave_up=wait is None,
    )  # fmt: skip
    if not outcome.final:
        until = db_now() + (wait or rules.WAITS[1])
        db.session.execute(
            sa.update(Delivery)
            .where(Delivery.channel_id == parcel.channel_id, Delivery.state == "queued", Delivery.next_try_at < until)
            .values(next_try_at=until)
        )
    channel = db.session.execute(
        sa.update(Channel)
        .where(Channel.id == parcel.channel_id)
        .values(
            failures=Channel.failures + 1, failing_since=sa.func.coalesce(Channel.failing_since, db_now()), last_error=error
        )
        .returning(Channel.id, Channel.company_id, Channel.user_id, Channel.name, Channel.failures, Channel.failing_since)
        .execution_options(synchronize_session=False)
    ).one()  # fmt: skip
    if channel.failures >= rules.ALARM_AT:
        _tell_failing(channel, error)
    return True


def _tell_failing(channel: Any, error: str) -> None:
    url = "/settings/notifications" if channel.user_id else f"/settings/notifications/{channel.id}"
    notify(
        channel.company_id, "channel_failing", f"Alerts do not get through {channel.name}",
        body=f"{channel.failures} tries in a row have failed. The last answer: {error}", url=url, level="bad",
        user_id=channel.user_id, dedupe_key=f"channel_failing:{channel.id}:{channel.failing_since.timestamp():.0f}",
        details={"channel": channel.name}, but=channel.id,
    )  # fmt: skip


def try_channel(channel: Channel, company: str, settings: Any) -> Outcome:
    """Send a test now and tell the answer; call it with nothing written and not yet committed.

    One that gets through ends the channel's run of failures, and what waits for it leaves. One that does not is told only.
    """
    message = Message(
        f"test-{secrets.token_hex(8)}", "test", "Test", "info", clock.now(), "This is a test", url=settings.base_url, company=company,
        text=f"Alerts that the channel {channel.name} takes will come here.",
    )  # fmt: skip
    outcome = send(_read_target(channel), message, settings)
    if outcome.ok:
        _record_test(channel)
    log.info("channel_tested", channel_id=channel.id, kind=channel.kind, outcome=outcome.code)
    return outcome


@atomic
def _read_target(channel: Channel) -> Target:
    """In a transaction that is over before anything is sent."""
    return target_of(channel)


@atomic
def _record_test(channel: Channel) -> None:
    note_success(channel.id)
    enqueue("deliver", channel.company_id)


def _lock_channel(channel_id: int) -> None:
    """Results of one channel follow one another."""
    db.session.execute(sa.select(Channel.id).where(Channel.id == channel_id).with_for_update(key_share=True))


def _end(parcel: Parcel, **values: Any) -> bool:
    ended = db.session.execute(
        sa.update(Delivery)
        .where(Delivery.id == parcel.id, Delivery.fence == parcel.fence, Delivery.state == "sending")
        .values(lease_until=None, **values)
    )
    return bool(ended.rowcount)  # type: ignore[attr-defined]


def sweep_deliveries() -> int:
    """Each minute: give up what is too old or killed its senders, and ring for the companies with something due."""
    minute = int(clock.now().timestamp()) // 60
    return sum(ring("deliver", company_id, turn=minute) for company_id in settle_deliveries())


@atomic
def settle_deliveries() -> list[int]:
    """The companies that have something due."""
    going = Delivery.state.in_(("queued", "sending"))
    dead = sa.and_(Delivery.state == "sending", Delivery.lease_until < db_now())
    free = sa.or_(Delivery.state == "queued", dead)
    for test, reason in (
        (sa.and_(free, Delivery.give_up_at <= db_now()), "It was a day old and no news any more."),
        (sa.and_(dead, Delivery.attempts >= rules.TRIES), "Its sender died each time; it may have arrived."),
    ):
        db.session.execute(
            sa.update(Delivery).where(test).values(state="failed", lease_until=None, last_error=reason)
            .execution_options(synchronize_session=False)
        )  # fmt: skip
    due = sa.or_(dead, sa.and_(Delivery.state == "queued", Delivery.next_try_at <= db_now()))
    query = (
        sa.select(Delivery.company_id)
        .join(Channel, Channel.id == Delivery.channel_id)
        .outerjoin(User, User.id == Channel.user_id)
        .where(going, due, Channel.active, User.deactivated_at.is_(None))
        .distinct()
    )
    return list(db.session.scalars(query))
