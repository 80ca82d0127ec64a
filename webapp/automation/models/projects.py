"""What is to be reached: projects, what they say, dealerships, and how far each got."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.automation.models.shapes import EMPTY, Town, one_of
from webapp.automation.states import CONTACT_STATUS, METHODS_BY_HAND
from webapp.core.db import Row, company_id_column, db


class AutomationSettings(db.Model):
    """How this company's automation introduces itself. No row means the defaults."""

    __tablename__ = "automation_settings"

    company_id: Mapped[int] = mapped_column(sa.ForeignKey("companies.id"), primary_key=True, autoincrement=False)
    user_agent: Mapped[str] = mapped_column(server_default="", default="")
    daily_per_host: Mapped[int] = mapped_column(sa.Integer, server_default="20", default=20)


class Project(Row, db.Model):
    """Dealerships around a place, to be reached with one contact request.

    `radius_miles` from the search location; `host_gap_seconds` between two attempts on one host; `per_minute` attempts in all;
    `parallel_pages` lanes that work at once; `window_days` Monday 0; `retry` as `rules.RetryConfig.to_json`.
    """

    __tablename__ = "projects"

    company_id: Mapped[int] = company_id_column()
    name: Mapped[str]
    search_location_lat: Mapped[Decimal | None] = mapped_column(sa.Numeric(10, 8))
    search_location_lng: Mapped[Decimal | None] = mapped_column(sa.Numeric(11, 8))
    search_postal_code: Mapped[str] = mapped_column(server_default="", default="")
    search_place: Mapped[str] = mapped_column(server_default="", default="")
    radius_miles: Mapped[int] = mapped_column(sa.Integer, server_default="50", default=50)
    window_open: Mapped[str] = mapped_column(server_default="09:00", default="09:00")
    window_close: Mapped[str] = mapped_column(server_default="17:00", default="17:00")
    window_days: Mapped[list[int]] = mapped_column(
        sa.ARRAY(sa.Integer), server_default="{0,1,2,3,4}", default=lambda: [0, 1, 2, 3, 4]
    )
    zone: Mapped[str]
    host_gap_seconds: Mapped[int] = mapped_column(sa.Integer, server_default="60", default=60)
    per_minute: Mapped[int] = mapped_column(sa.Integer, server_default="20", default=20)
    parallel_pages: Mapped[int] = mapped_column(sa.Integer, server_default="2", default=2)
    dry_run: Mapped[bool] = mapped_column(server_default=sa.true(), default=True)
    auto_pause: Mapped[bool] = mapped_column(server_default=sa.true(), default=True)
    retry: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY, default=dict)
    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    archived_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(sa.Integer, server_default="1", default=1)
    updated_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())
    is_demo: Mapped[bool] = mapped_column(server_default=sa.false(), default=False)

    __table_args__ = (
        sa.Index("uq_projects_name", "company_id", sa.text("lower(name)"), unique=True),
        sa.CheckConstraint(
            "radius_miles BETWEEN 1 AND 12500 AND host_gap_seconds BETWEEN 0 AND 86400 AND per_minute BETWEEN 1 AND 120"
            " AND parallel_pages BETWEEN 1 AND 8 AND cardinality(window_days) > 0",
            name="limits",
        ),
    )  # fmt: skip


class ContactRequest(Row, Town, db.Model):
    """What is submitted, one version of it: never changed once an attempt has used it (`used_at`), a new version is made instead.

    `consents`: what the sender agrees to, keys of `engine.outcome.CONSENTS`.
    """

    __tablename__ = "contact_requests"

    company_id: Mapped[int] = company_id_column()
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column(sa.Integer, server_default="1", default=1)
    first_name: Mapped[str]
    last_name: Mapped[str]
    email: Mapped[str]
    phone: Mapped[str] = mapped_column(server_default="", default="")
    company: Mapped[str] = mapped_column(server_default="", default="")
    street: Mapped[str] = mapped_column(server_default="", default="")
    country: Mapped[str] = mapped_column(server_default="US", default="US")
    subject: Mapped[str] = mapped_column(server_default="", default="")
    message: Mapped[str]
    vehicle_year: Mapped[str] = mapped_column(server_default="", default="")
    vehicle_make: Mapped[str] = mapped_column(server_default="", default="")
    vehicle_model: Mapped[str] = mapped_column(server_default="", default="")
    vehicle_trim: Mapped[str] = mapped_column(server_default="", default="")
    stock_number: Mapped[str] = mapped_column(server_default="", default="")
    vin: Mapped[str] = mapped_column(server_default="", default="")
    preferred_contact: Mapped[str] = mapped_column(server_default="", default="")
    consents: Mapped[list[str]] = mapped_column(server_default="{}", default=list)
    used_at: Mapped[datetime | None]
    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    __table_args__ = (
        sa.UniqueConstraint("project_id", "version"),
        sa.CheckConstraint("preferred_contact IN ('', 'email', 'phone', 'sms')", name="preferred_contact"),
    )


class Dealership(Row, Town, db.Model):
    """A lead as the automation sees it: a website and a place. `host` is the website's, in lower case without "www.".

    `placed_by`: own (coordinates given), postal_code, or NULL for one that cannot be placed.
    """

    __tablename__ = "dealerships"

    company_id: Mapped[int] = company_id_column()
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("leads.id"), unique=True)
    name: Mapped[str]
    website: Mapped[str]
    host: Mapped[str]
    contact_url: Mapped[str] = mapped_column(server_default="", default="")
    address: Mapped[str] = mapped_column(server_default="", default="")
    latitude: Mapped[Decimal | None] = mapped_column(sa.Numeric(10, 8))
    longitude: Mapped[Decimal | None] = mapped_column(sa.Numeric(11, 8))
    placed_by: Mapped[str | None]
    version: Mapped[int] = mapped_column(sa.Integer, server_default="1", default=1)
    updated_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())

    __table_args__ = (
        sa.CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="place"),
        sa.CheckConstraint("placed_by IS NULL OR placed_by IN ('own', 'postal_code')", name="placed_by"),
        sa.Index("ix_dealerships_host", "company_id", "host"),
        sa.Index("ix_dealerships_name", "company_id", sa.text("lower(name)"), "id"),
        sa.Index("ix_dealerships_placed", "company_id", "latitude", postgresql_where=sa.text("latitude IS NOT NULL")),
    )  # fmt: skip


class ProjectDealership(Row, db.Model):
    """One dealership of a project and how far it got.

    `retry_counts`: failures by type since the tries began anew, for the retry table; `reason`: why it is skipped, deferred or tried
    again, in words. Held by a worker while `lease_until` runs; every later write names `fence`.
    """

    __tablename__ = "project_dealerships"

    company_id: Mapped[int] = company_id_column(index=False)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id", ondelete="CASCADE"))
    dealership_id: Mapped[int] = mapped_column(sa.ForeignKey("dealerships.id", ondelete="CASCADE"), index=True)
    distance_miles: Mapped[Decimal | None] = mapped_column(sa.Numeric(7, 2))
    search_location_lat: Mapped[Decimal | None] = mapped_column(sa.Numeric(10, 8))
    search_location_lng: Mapped[Decimal | None] = mapped_column(sa.Numeric(11, 8))
    contact_status: Mapped[str] = mapped_column(server_default=CONTACT_STATUS.initial, default=CONTACT_STATUS.initial)
    contact_attempts: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    last_attempt_at: Mapped[datetime | None]
    next_retry_at: Mapped[datetime | None]
    retry_counts: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY, default=dict)
    last_attempt_id: Mapped[int | None]
    error_type: Mapped[str | None]
    submission: Mapped[str | None]
    reason: Mapped[str] = mapped_column(server_default="", default="")
    deferred_until: Mapped[datetime | None]
    manual_status_set_by: Mapped[str | None]
    manual_status_set_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    manual_status_set_at: Mapped[datetime | None]
    manual_method: Mapped[str | None]
    manual_contacted_at: Mapped[datetime | None]
    manual_notes: Mapped[str | None]
    follow_up_on: Mapped[date | None]
    run_id: Mapped[int | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(server_default="0", default=0)
    updated_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())

    __table_args__ = (
        sa.UniqueConstraint("project_id", "dealership_id"),
        CONTACT_STATUS.constraint(),
        sa.CheckConstraint(
            f"manual_method IS NULL OR {one_of('manual_method', METHODS_BY_HAND)}", name="manual_method"
        ),
        sa.Index("ix_project_dealerships_next", "project_id", "distance_miles", "id",
                 postgresql_where=sa.text("contact_status IN ('pending', 'failed', 'blocked')")),
        sa.Index("ix_project_dealerships_status", "project_id", "contact_status", "id"),
        sa.Index("ix_project_dealerships_lease", "lease_until", postgresql_where=sa.text("lease_until IS NOT NULL")),
    )  # fmt: skip
