"""allowed hosts, notification channels and their outbox

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-26 15:50:00

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _row():
    return (
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
    )


def _key(table, column, to, ondelete=None):
    return sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def upgrade():
    op.create_table(
        "allowed_hosts",
        *_row(),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("added_by_id", sa.BigInteger(), nullable=True),
        _key("allowed_hosts", "company_id", "companies.id"),
        _key("allowed_hosts", "added_by_id", "users.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allowed_hosts")),
        sa.UniqueConstraint("company_id", "pattern", name=op.f("uq_allowed_hosts_company_id_pattern")),
    )
    op.create_table(
        "notification_channels",
        *_row(),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), server_default="", nullable=False),
        sa.Column("secret", sa.Text(), server_default="", nullable=False),
        sa.Column("alert_kinds", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind IN ('email', 'slack', 'teams', 'webhook')", name=op.f("ck_notification_channels_kind")
        ),
        sa.CheckConstraint("user_id IS NULL OR kind = 'email'", name=op.f("ck_notification_channels_personal")),
        _key("notification_channels", "company_id", "companies.id"),
        _key("notification_channels", "user_id", "users.id"),
        _key("notification_channels", "created_by_id", "users.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_channels")),
    )
    op.create_index(op.f("ix_notification_channels_company_id"), "notification_channels", ["company_id"])
    op.create_index(
        "uq_notification_channels_user_id", "notification_channels", ["user_id"], unique=True,
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )  # fmt: skip
    op.create_table(
        "notification_deliveries",
        *_row(),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("notification_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.Column("give_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'failed')", name=op.f("ck_notification_deliveries_state")
        ),
        _key("notification_deliveries", "company_id", "companies.id"),
        _key("notification_deliveries", "channel_id", "notification_channels.id", "CASCADE"),
        _key("notification_deliveries", "notification_id", "notifications.id", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_deliveries")),
        sa.UniqueConstraint(
            "channel_id", "notification_id", name=op.f("uq_notification_deliveries_channel_id_notification_id")
        ),
    )
    op.create_index("ix_notification_deliveries_notification", "notification_deliveries", ["notification_id"])
    op.create_index(
        "ix_notification_deliveries_due", "notification_deliveries", ["company_id", "next_try_at", "id"],
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
    )  # fmt: skip


def downgrade():
    for table in ("notification_deliveries", "notification_channels", "allowed_hosts"):
        op.drop_table(table)
