from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core.db import Row, company_id_column, db


class Company(Row, db.Model):
    """A customer of the installation. `hours` maps weekday 0-6 (Monday 0) to [open, close] "HH:MM" or null."""

    __tablename__ = "companies"

    name: Mapped[str]
    zone: Mapped[str] = mapped_column(server_default="America/New_York", default="America/New_York")
    country: Mapped[str] = mapped_column(server_default="US", default="US")
    hours: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    demo_loaded_at: Mapped[datetime | None]


class User(Row, db.Model):
    __tablename__ = "users"

    company_id: Mapped[int] = company_id_column()
    email: Mapped[str]
    name: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="rep", default="rep")
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    zone: Mapped[str | None]
    preferences: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    last_seen_at: Mapped[datetime | None]
    deactivated_at: Mapped[datetime | None]

    company: Mapped[Company] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (
        sa.CheckConstraint("role IN ('rep', 'manager', 'admin')", name="role"),
        sa.Index("uq_users_email", sa.text("lower(email)"), unique=True),
    )

    is_authenticated = True
    is_anonymous = False

    @property
    def is_active(self) -> bool:
        return self.deactivated_at is None

    def get_id(self) -> str:
        return str(self.id)

    @property
    def zone_name(self) -> str:
        return self.zone or self.company.zone

    @property
    def shortcuts_off(self) -> bool:
        return bool(self.preferences.get("shortcuts_off"))

    @property
    def compact_rows(self) -> bool:
        return bool(self.preferences.get("compact_rows"))


class AuthSession(Row, db.Model):
    """One signed-in browser. The cookie holds `token`'s plain form, the row its SHA-256."""

    __tablename__ = "auth_sessions"

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    address: Mapped[str | None]
    user_agent: Mapped[str | None]
    last_seen_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class Invitation(Row, db.Model):
    """An invitation, or with `purpose` reset a way to choose a new password. Shown once, stored hashed."""

    __tablename__ = "invitations"

    company_id: Mapped[int] = company_id_column()
    purpose: Mapped[str] = mapped_column(server_default="invite", default="invite")
    email: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="rep", default="rep")
    token_hash: Mapped[str] = mapped_column(unique=True)
    invited_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("purpose IN ('invite', 'reset')", name="purpose"),
        sa.CheckConstraint("role IN ('rep', 'manager', 'admin')", name="role"),
    )


SCOPES = (
    "calls:write", "calls:read", "leads:read", "leads:write", "contacts:read", "contacts:write", "reports:read",
    "hopper:claim", "automation:read", "automation:write",
)  # fmt: skip


class ApiKey(Row, db.Model):
    """Bearer key: `prefix` is shown, `token_hash` is the SHA-256 of the whole key."""

    __tablename__ = "api_keys"

    company_id: Mapped[int] = company_id_column()
    name: Mapped[str]
    prefix: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(server_default="{}")
    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInCounter(Row, db.Model):
    """Failed sign-ins per `subject` ("email:..." or "address:..."), for the growing delay."""

    __tablename__ = "sign_in_counters"

    subject: Mapped[str] = mapped_column(unique=True)
    failures: Mapped[int] = mapped_column(server_default="0")
    last_failure_at: Mapped[datetime | None]
    blocked_until: Mapped[datetime | None]
