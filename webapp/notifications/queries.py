from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from webapp.core.access import owned, role_at_least
from webapp.core.db import db
from webapp.notifications.models import Channel, Delivery, Notification, NotificationRead
from webapp.notifications.rules import ALARM_AT

PAGE = 30
COUNT_TO = 100  # the badge needs no more


@dataclass(frozen=True, slots=True)
class Entry:
    note: Notification
    read: bool


def visible(user: Any) -> sa.ColumnElement[bool]:
    """What is addressed to the user: by name, or to every manager and admin."""
    addressed: sa.ColumnElement[bool] = Notification.user_id == user.id
    if role_at_least(user.role, "manager"):
        addressed = sa.or_(addressed, Notification.user_id.is_(None))
    return sa.and_(Notification.company_id == user.company_id, addressed)


def _read_by(user: Any) -> sa.Exists:
    return sa.exists().where(NotificationRead.notification_id == Notification.id, NotificationRead.user_id == user.id)


def unread_count(user: Any) -> int:
    """At most COUNT_TO."""
    some = sa.select(Notification.id).where(visible(user), ~_read_by(user)).limit(COUNT_TO).subquery()
    return db.session.scalars(sa.select(sa.func.count()).select_from(some)).one()


def list_entries(
    user: Any, *, unread: bool = False, before: int | None = None, limit: int = PAGE
) -> tuple[list[Entry], int | None]:
    """The newest first, and the id after which the next page begins."""
    query = (
        sa.select(Notification, _read_by(user)).where(visible(user)).order_by(Notification.id.desc()).limit(limit + 1)
    )
    if unread:
        query = query.where(~_read_by(user))
    if before is not None:
        query = query.where(Notification.id < before)
    rows = [Entry(*row) for row in db.session.execute(query)]
    return rows[:limit], rows[limit - 1].note.id if len(rows) > limit else None


def find_entry(user: Any, notification_id: int) -> Notification | None:
    if not 0 < notification_id < 2**63:
        return None
    return db.session.scalars(
        owned(Notification, user.company_id).where(visible(user), Notification.id == notification_id)
    ).first()


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel and what waits for it."""

    channel: Channel
    waiting: int


def list_channels(company_id: int) -> list[ChannelRow]:
    """The company's own; nobody's personal copy."""
    waiting = (
        sa.select(sa.func.count())
        .where(Delivery.channel_id == Channel.id, Delivery.state.in_(("queued", "sending")))
        .scalar_subquery()
    )
    query = sa.select(Channel, waiting).where(Channel.company_id == company_id, Channel.user_id.is_(None))
    return [ChannelRow(*row) for row in db.session.execute(query.order_by(sa.func.lower(Channel.name), Channel.id))]


def find_channel(company_id: int, channel_id: int, *, lock: bool = False) -> Channel | None:
    """One of the company's own channels."""
    if not 0 < channel_id < 2**63:
        return None
    query = owned(Channel, company_id).where(Channel.id == channel_id, Channel.user_id.is_(None))
    return db.session.scalars(query.with_for_update() if lock else query).one_or_none()


def find_own_copy(user: Any) -> Channel | None:
    return db.session.scalars(owned(Channel, user.company_id).where(Channel.user_id == user.id)).one_or_none()


def list_failing(company_id: int) -> list[Channel]:
    """Active channels of the company whose last five tries or more have all failed: for Today and System."""
    failing = (Channel.user_id.is_(None), Channel.active, Channel.failures >= ALARM_AT)
    return list(db.session.scalars(owned(Channel, company_id).where(*failing).order_by(Channel.failing_since)))


@dataclass(frozen=True, slots=True)
class Sent:
    """One line of a channel's last deliveries."""

    delivery: Delivery
    title: str
    url: str
    raised_at: datetime


def list_deliveries(channel: Channel, *, limit: int = 20) -> list[Sent]:
    query = (
        sa.select(Delivery, Notification.title, Notification.url, Notification.created_at)
        .join(Notification, Notification.id == Delivery.notification_id)
        .where(Delivery.channel_id == channel.id, Delivery.company_id == channel.company_id)
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    return [Sent(*row) for row in db.session.execute(query)]


def find_delivery(company_id: int, channel_id: int, delivery_id: int) -> Delivery | None:
    if find_channel(company_id, channel_id) is None or not 0 < delivery_id < 2**63:
        return None
    query = owned(Delivery, company_id).where(Delivery.id == delivery_id, Delivery.channel_id == channel_id)
    return db.session.scalars(query).one_or_none()
