from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Row, company_id_column, db
from webapp.notifications.states import DELIVERY

LEVELS = ("info", "ok", "warn", "bad")
CHANNEL_KINDS = ("email", "slack", "teams", "webhook")


class Notification(Row, db.Model):
    """One line in the inbox of one user, or of every manager and admin (`user_id` NULL).

    `dedupe_key` is unique per company while given: one alert per subject and kind in a window.
    """

    __tablename__ = "notifications"

    company_id: Mapped[int] = company_id_column(index=False)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    kind: Mapped[str]
    level: Mapped[str] = mapped_column(server_default="info", default="info")
    title: Mapped[str]
    body: Mapped[str] = mapped_column(server_default="", default="")
    url: Mapped[str] = mapped_column(server_default="", default="")
    details: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    dedupe_key: Mapped[str | None]

    __table_args__ = (
        sa.CheckConstraint("level IN ('info', 'ok', 'warn', 'bad')", name="level"),
        sa.Index("ix_notifications_company", "company_id", "id"),
        sa.Index("uq_notifications_dedupe", "company_id", "dedupe_key", unique=True,
                 postgresql_where=sa.text("dedupe_key IS NOT NULL")),
    )  # fmt: skip


class NotificationRead(db.Model):
    __tablename__ = "notification_reads"

    notification_id: Mapped[int] = mapped_column(
        sa.ForeignKey("notifications.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True, autoincrement=False)
    read_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())


class Channel(Row, db.Model):
    """Where alerts go besides the inbox: a company's channel, or with `user_id` that person's own copy by email.

    `target` is an email address or a URL; a Slack or Teams URL is the permission itself, so it is shown by
    `rules.mask_target` only. A personal channel has none: it goes to the account's address of the moment.
    `alert_kinds` NULL takes every kind. `failures` are in a row, since `failing_since`.
    """

    __tablename__ = "notification_channels"

    company_id: Mapped[int] = company_id_column()
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    kind: Mapped[str]
    name: Mapped[str]
    target: Mapped[str] = mapped_column(server_default="", default="")
    secret: Mapped[str] = mapped_column(server_default="", default="")  # signs a webhook's calls
    alert_kinds: Mapped[list[str] | None]
    active: Mapped[bool] = mapped_column(server_default=sa.true(), default=True)
    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    last_success_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    failing_since: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(server_default="", default="")

    __table_args__ = (
        sa.CheckConstraint("kind IN ({})".format(", ".join(f"'{kind}'" for kind in CHANNEL_KINDS)), name="kind"),
        sa.CheckConstraint("user_id IS NULL OR kind = 'email'", name="personal"),
        sa.Index("uq_notification_channels_user_id", "user_id", unique=True,
                 postgresql_where=sa.text("user_id IS NOT NULL")),
    )  # fmt: skip


class Delivery(Row, db.Model):
    """The outbox: one alert for one channel, written with the alert. Whoever holds the lease writes with its fence.

    What has not left by `give_up_at` is no news any more and fails.
    """

    __tablename__ = "notification_deliveries"

    company_id: Mapped[int] = company_id_column(index=False)
    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("notification_channels.id", ondelete="CASCADE"))
    notification_id: Mapped[int] = mapped_column(sa.ForeignKey("notifications.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(server_default=DELIVERY.initial, default=DELIVERY.initial)
    attempts: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    next_try_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())
    give_up_at: Mapped[datetime]
    last_error: Mapped[str] = mapped_column(server_default="", default="")
    fence: Mapped[int] = mapped_column(server_default="0", default=0)
    lease_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]

    __table_args__ = (
        DELIVERY.constraint(),
        sa.UniqueConstraint("channel_id", "notification_id"),
        sa.Index("ix_notification_deliveries_notification", "notification_id"),
        sa.Index("ix_notification_deliveries_due", "company_id", "next_try_at", "id",
                 postgresql_where=sa.text("state IN ('queued', 'sending')")),
    )  # fmt: skip
