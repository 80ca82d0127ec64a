"""The outbox of alerts: rows written in the transaction that writes the alert."""

from __future__ import annotations

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.core.clock import db_now
from webapp.core.db import db
from webapp.core.queue import enqueue
from webapp.notifications.kinds import PERSONAL
from webapp.notifications.models import Channel, Delivery, Notification
from webapp.notifications.rules import STALE


def write_deliveries(note: Notification, *, but: int | None = None) -> int:
    """One row in the outbox for each channel that takes this alert, in the transaction in hand; returns how many.

    A company's channels take what is not one person's own affair; a person's copy takes what that person's inbox
    shows. `but` is a channel that is passed over: the one that the alert is about.
    """
    reader = sa.select(User.id).where(User.company_id == note.company_id, User.deactivated_at.is_(None))
    if note.user_id is None:
        reader = reader.where(User.role.in_(("manager", "admin")))
    else:
        reader = reader.where(User.id == note.user_id)
    shared = sa.false() if note.kind in PERSONAL else Channel.user_id.is_(None)
    source = sa.select(
        sa.literal(note.company_id, sa.BigInteger), Channel.id, sa.literal(note.id, sa.BigInteger), db_now() + STALE
    ).where(
        Channel.company_id == note.company_id, Channel.active, Channel.id.is_distinct_from(but),
        sa.or_(Channel.alert_kinds.is_(None), sa.literal(note.kind) == sa.any_(Channel.alert_kinds)),
        sa.or_(shared, Channel.user_id.in_(reader)),
    )  # fmt: skip
    columns = ["company_id", "channel_id", "notification_id", "give_up_at"]
    written = db.session.execute(sa.insert(Delivery).from_select(columns, source).returning(Delivery.id)).all()
    if written:
        enqueue("deliver", note.company_id, turn=note.id)
    return len(written)
