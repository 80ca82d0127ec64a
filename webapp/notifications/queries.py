from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from webapp.core.access import owned, role_at_least
from webapp.core.db import db
from webapp.notifications.models import Notification, NotificationRead

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
