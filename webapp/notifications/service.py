from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from webapp.core.access import find_owned
from webapp.core.db import atomic, db
from webapp.core.web import local_path
from webapp.notifications.models import LEVELS, Notification, NotificationRead
from webapp.notifications.outbox import write_deliveries
from webapp.notifications.queries import visible

TITLE = 200


@atomic
def notify(
    company_id: int, kind: str, title: str, *, body: str = "", url: str = "", level: str = "info", user_id: int | None = None,
    dedupe_key: str | None = None, details: dict[str, Any] | None = None, but: int | None = None,
) -> Notification | None:  # fmt: skip
    """Put one line into the inbox of one user, or of every manager and admin. None when `dedupe_key` has been used.

    In the same transaction it goes into the outbox of every channel that takes this kind, except the one that `but` names.
    """
    if level not in LEVELS:
        raise ValueError(f"No such level: {level}")
    if url and local_path(url, "") != url:
        raise ValueError("A notification leads to a page of ours")
    made = db.session.execute(
        insert(Notification)
        .values(
            company_id=company_id, user_id=user_id, kind=kind, level=level, title=_cut(title, TITLE), body=_cut(body, 2_000), url=url,
            details=details or {}, dedupe_key=dedupe_key,
        )
        .on_conflict_do_nothing(
            index_elements=["company_id", "dedupe_key"], index_where=sa.text("dedupe_key IS NOT NULL")
        )
        .returning(Notification.id)
    ).scalar()  # fmt: skip
    note = find_owned(Notification, made, company_id) if made else None
    if note is not None:
        write_deliveries(note, but=but)
    return note


def _cut(text: str, most: int) -> str:
    plain = " ".join(text.replace("\x00", "").split())
    return plain if len(plain) <= most else plain[: most - 1] + "…"


@atomic
def mark_read(notification: Notification, *, by: Any) -> None:
    db.session.execute(
        insert(NotificationRead).values(notification_id=notification.id, user_id=by.id).on_conflict_do_nothing()
    )


@atomic
def mark_unread(notification: Notification, *, by: Any) -> None:
    db.session.execute(
        sa.delete(NotificationRead).where(
            NotificationRead.notification_id == notification.id, NotificationRead.user_id == by.id
        )
    )


@atomic
def mark_all_read(*, by: Any, up_to: int) -> int:
    """Mark what the user has seen, ids up to `up_to`; what came meanwhile stays unread. Returns how many."""
    source = sa.select(Notification.id, sa.literal(by.id, sa.BigInteger)).where(visible(by), Notification.id <= up_to)
    done = db.session.execute(
        insert(NotificationRead)
        .from_select(["notification_id", "user_id"], source)
        .on_conflict_do_nothing()
        .returning(sa.literal(1))
    ).all()
    return len(done)
