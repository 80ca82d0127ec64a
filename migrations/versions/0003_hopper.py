"""hopper, desk and callbacks

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-24 17:40:00

"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade():
    op.execute("SET LOCAL statement_timeout = 0")
    op.execute((SQL / "0003_hopper.sql").read_text())
    op.add_column("dial_campaigns", sa.Column("script", sa.Text(), server_default="", nullable=False))
    op.add_column("dial_campaigns", sa.Column("handover_minutes", sa.Integer(), server_default="30", nullable=False))
    op.add_column("dial_campaigns", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("dial_campaigns", sa.Column("recompute_after", sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        "limits",
        "dial_campaigns",
        "hopper_level BETWEEN 1 AND 1000 AND phone_gap_minutes BETWEEN 0 AND 10080 AND handover_minutes BETWEEN 0 AND 10080"
        " AND dials_per_pass BETWEEN 1 AND 100 AND lifetime_dials BETWEEN 1 AND 1000",
    )
    op.create_check_constraint(
        "lead_order", "dial_campaigns", "lead_order IN ('oldest_first', 'newest_first', 'longest_ago', 'fewest_dials')"
    )
    op.add_column("hopper_entries", sa.Column("agent_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_hopper_entries_agent_id"), "hopper_entries", "users", ["agent_id"], ["id"])
    op.create_index(
        "ix_hopper_entries_ready", "hopper_entries", ["campaign_id", sa.text("priority DESC"), "id"],
        postgresql_where=sa.text("status = 'ready'"),
    )  # fmt: skip
    op.create_index(
        "uq_hopper_entries_phone", "hopper_entries", ["company_id", "phone"], unique=True,
        postgresql_where=sa.text("status <> 'ready'"),
    )  # fmt: skip
    op.create_index(
        "uq_hopper_entries_token", "hopper_entries", ["claim_token"], unique=True,
        postgresql_where=sa.text("claim_token IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "ix_hopper_entries_lease", "hopper_entries", ["lease_until"], postgresql_where=sa.text("status <> 'ready'")
    )
    op.add_column("callbacks", sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_call_logs_agent", "call_logs", ["company_id", "agent_id", "started_at"],
        postgresql_where=sa.text("agent_id IS NOT NULL"),
    )  # fmt: skip


def downgrade():
    op.drop_index("ix_call_logs_agent", "call_logs")
    for name in (
        "ix_hopper_entries_lease",
        "uq_hopper_entries_token",
        "uq_hopper_entries_phone",
        "ix_hopper_entries_ready",
    ):
        op.drop_index(name, "hopper_entries")
    op.drop_column("callbacks", "moved_at")
    op.drop_column("hopper_entries", "agent_id")
    op.drop_constraint(op.f("ck_dial_campaigns_lead_order"), "dial_campaigns")
    op.drop_constraint(op.f("ck_dial_campaigns_limits"), "dial_campaigns")
    for name in ("recompute_after", "version", "handover_minutes", "script"):
        op.drop_column("dial_campaigns", name)
    op.execute("DROP FUNCTION add_calling_time")
    op.execute("DROP FUNCTION calling_now")
