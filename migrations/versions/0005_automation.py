"""automation projects

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-26 16:00:00

"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade():
    op.execute("SET LOCAL statement_timeout = 0")
    op.add_column("status_changes", sa.Column("notes", sa.Text(), nullable=True))
    op.create_table(
        "host_paces",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("busy_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_visit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("visits_on", sa.Date(), nullable=True),
        sa.Column("visits", sa.Integer(), server_default="0", nullable=False),
        sa.Column("crawl_delay", sa.Float(), nullable=True),
        sa.Column("robots", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("robots_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_host_paces")),
    )
    op.create_table(
        "automation_settings",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_agent", sa.Text(), server_default="", nullable=False),
        sa.Column("daily_per_host", sa.Integer(), server_default="20", nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_automation_settings_company_id")),
        sa.PrimaryKeyConstraint("company_id", name=op.f("pk_automation_settings")),
    )
    op.create_table(
        "form_mappings",
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("contact_url", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "fields", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("learned_by", sa.Text(), server_default="engine", nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.CheckConstraint("learned_by IN ('engine', 'person')", name=op.f("ck_form_mappings_learned_by")),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_form_mappings_company_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_form_mappings_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_mappings")),
        sa.UniqueConstraint("company_id", "host", "version", name=op.f("uq_form_mappings_company_id_host_version")),
    )
    op.create_table(
        "projects",
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("search_location_lat", sa.Numeric(precision=10, scale=8), nullable=True),
        sa.Column("search_location_lng", sa.Numeric(precision=11, scale=8), nullable=True),
        sa.Column("search_postal_code", sa.Text(), server_default="", nullable=False),
        sa.Column("search_place", sa.Text(), server_default="", nullable=False),
        sa.Column("radius_miles", sa.Integer(), server_default="50", nullable=False),
        sa.Column("window_open", sa.Text(), server_default="09:00", nullable=False),
        sa.Column("window_close", sa.Text(), server_default="17:00", nullable=False),
        sa.Column("window_days", sa.ARRAY(sa.Integer()), server_default="{0,1,2,3,4}", nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("host_gap_seconds", sa.Integer(), server_default="60", nullable=False),
        sa.Column("per_minute", sa.Integer(), server_default="20", nullable=False),
        sa.Column("parallel_pages", sa.Integer(), server_default="2", nullable=False),
        sa.Column("dry_run", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("auto_pause", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column(
            "retry", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.Column("is_demo", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.CheckConstraint(
            "radius_miles BETWEEN 1 AND 12500 AND host_gap_seconds BETWEEN 0 AND 86400 AND per_minute BETWEEN 1 AND 120 AND parallel_pages BETWEEN 1 AND 8 AND cardinality(window_days) > 0",
            name=op.f("ck_projects_limits"),
        ),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_projects_company_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_projects_created_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
    )
    op.create_index(op.f("ix_projects_company_id"), "projects", ["company_id"], unique=False)
    op.create_index("uq_projects_name", "projects", ["company_id", sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "contact_requests",
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("company", sa.Text(), server_default="", nullable=False),
        sa.Column("street", sa.Text(), server_default="", nullable=False),
        sa.Column("city", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("postal_code", sa.Text(), server_default="", nullable=False),
        sa.Column("country", sa.Text(), server_default="US", nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("vehicle_year", sa.Text(), server_default="", nullable=False),
        sa.Column("vehicle_make", sa.Text(), server_default="", nullable=False),
        sa.Column("vehicle_model", sa.Text(), server_default="", nullable=False),
        sa.Column("vehicle_trim", sa.Text(), server_default="", nullable=False),
        sa.Column("stock_number", sa.Text(), server_default="", nullable=False),
        sa.Column("vin", sa.Text(), server_default="", nullable=False),
        sa.Column("preferred_contact", sa.Text(), server_default="", nullable=False),
        sa.Column("consents", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.CheckConstraint(
            "preferred_contact IN ('', 'email', 'phone', 'sms')", name=op.f("ck_contact_requests_preferred_contact")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_contact_requests_company_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_contact_requests_created_by_id")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_contact_requests_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_requests")),
        sa.UniqueConstraint("project_id", "version", name=op.f("uq_contact_requests_project_id_version")),
    )
    op.create_index(op.f("ix_contact_requests_company_id"), "contact_requests", ["company_id"], unique=False)
    op.create_table(
        "runs",
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_request_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("retry_failed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("chosen", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("processed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("successful", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("skipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("waiting_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_for", sa.Text(), server_default="", nullable=False),
        sa.Column("started_by_id", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_seconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("form_token", sa.Text(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.CheckConstraint("state IN ('running', 'paused', 'cancelled', 'finished')", name=op.f("ck_runs_state")),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_runs_company_id")),
        sa.ForeignKeyConstraint(
            ["contact_request_id"], ["contact_requests.id"], name=op.f("fk_runs_contact_request_id")
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_runs_project_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["started_by_id"], ["users.id"], name=op.f("fk_runs_started_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(
        "ix_runs_active", "runs", ["state"], unique=False, postgresql_where=sa.text("state IN ('running', 'paused')")
    )
    op.create_index(op.f("ix_runs_company_id"), "runs", ["company_id"], unique=False)
    op.create_index(op.f("ix_runs_project_id"), "runs", ["project_id"], unique=False)
    op.create_index(
        "uq_runs_active",
        "runs",
        ["project_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('running', 'paused')"),
    )
    op.create_table(
        "dealerships",
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("website", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("contact_url", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("city", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("postal_code", sa.Text(), server_default="", nullable=False),
        sa.Column("latitude", sa.Numeric(precision=10, scale=8), nullable=True),
        sa.Column("longitude", sa.Numeric(precision=11, scale=8), nullable=True),
        sa.Column("placed_by", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.CheckConstraint(
            "placed_by IS NULL OR placed_by IN ('own', 'postal_code')", name=op.f("ck_dealerships_placed_by")
        ),
        sa.CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name=op.f("ck_dealerships_place")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_dealerships_company_id")),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_dealerships_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dealerships")),
        sa.UniqueConstraint("lead_id", name=op.f("uq_dealerships_lead_id")),
    )
    op.create_index(op.f("ix_dealerships_company_id"), "dealerships", ["company_id"], unique=False)
    op.create_index("ix_dealerships_host", "dealerships", ["company_id", "host"], unique=False)
    op.create_index(
        "ix_dealerships_name", "dealerships", ["company_id", sa.literal_column("lower(name)"), "id"], unique=False
    )
    op.create_index(
        "ix_dealerships_placed",
        "dealerships",
        ["company_id", "latitude"],
        unique=False,
        postgresql_where=sa.text("latitude IS NOT NULL"),
    )
    op.create_table(
        "run_events",
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("project_dealership_id", sa.BigInteger(), nullable=True),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "payload", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.CheckConstraint(
            "type IN ('automation_started', 'dealership_started', 'dealership_completed', 'automation_completed', 'automation_paused', 'automation_resumed', 'automation_cancelled', 'error_occurred')",
            name=op.f("ck_run_events_type"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_run_events_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_events_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_events")),
    )
    op.create_index("ix_run_events_project", "run_events", ["project_id", "id"], unique=False)
    op.create_index(op.f("ix_run_events_run_id"), "run_events", ["run_id"], unique=False)
    op.create_table(
        "run_lanes",
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_lanes_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_lanes")),
        sa.UniqueConstraint("run_id", "number", name=op.f("uq_run_lanes_run_id_number")),
    )
    op.create_table(
        "run_log",
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("dealership_id", sa.BigInteger(), nullable=True),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True),
        sa.Column("level", sa.Text(), server_default="info", nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column(
            "metadata", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_run_log_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_log_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_log")),
    )
    op.create_index("ix_run_log_project", "run_log", ["project_id", "id"], unique=False)
    op.create_index("ix_run_log_run", "run_log", ["run_id", "id"], unique=False)
    op.create_table(
        "project_dealerships",
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("dealership_id", sa.BigInteger(), nullable=False),
        sa.Column("distance_miles", sa.Numeric(precision=7, scale=2), nullable=True),
        sa.Column("search_location_lat", sa.Numeric(precision=10, scale=8), nullable=True),
        sa.Column("search_location_lng", sa.Numeric(precision=11, scale=8), nullable=True),
        sa.Column("contact_status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("contact_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "retry_counts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("last_attempt_id", sa.BigInteger(), nullable=True),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("submission", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("deferred_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("manual_status_set_by", sa.Text(), nullable=True),
        sa.Column("manual_status_set_by_id", sa.BigInteger(), nullable=True),
        sa.Column("manual_status_set_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("manual_method", sa.Text(), nullable=True),
        sa.Column("manual_contacted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("manual_notes", sa.Text(), nullable=True),
        sa.Column("follow_up_on", sa.Date(), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.CheckConstraint(
            "contact_status IN ('pending', 'in_progress', 'success', 'failed', 'manual_override', 'skipped', 'blocked')",
            name=op.f("ck_project_dealerships_contact_status"),
        ),
        sa.CheckConstraint(
            "manual_method IS NULL OR manual_method IN ('phone', 'email', 'in_person', 'other')",
            name=op.f("ck_project_dealerships_manual_method"),
        ),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_project_dealerships_company_id")),
        sa.ForeignKeyConstraint(
            ["dealership_id"], ["dealerships.id"], name=op.f("fk_project_dealerships_dealership_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["manual_status_set_by_id"], ["users.id"], name=op.f("fk_project_dealerships_manual_status_set_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_project_dealerships_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_dealerships")),
        sa.UniqueConstraint(
            "project_id", "dealership_id", name=op.f("uq_project_dealerships_project_id_dealership_id")
        ),
    )
    op.create_index(
        op.f("ix_project_dealerships_dealership_id"), "project_dealerships", ["dealership_id"], unique=False
    )
    op.create_index(
        "ix_project_dealerships_lease",
        "project_dealerships",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_index(
        "ix_project_dealerships_next",
        "project_dealerships",
        ["project_id", "distance_miles", "id"],
        unique=False,
        postgresql_where=sa.text("contact_status IN ('pending', 'failed', 'blocked')"),
    )
    op.create_index(
        "ix_project_dealerships_status", "project_dealerships", ["project_id", "contact_status", "id"], unique=False
    )
    op.create_table(
        "automation_attempts",
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("project_dealership_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_request_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_number", sa.Integer(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("step", sa.Text(), server_default="starting", nullable=False),
        sa.Column("submit_pressed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_stack_trace", sa.Text(), nullable=True),
        sa.Column("submission", sa.Text(), nullable=True),
        sa.Column(
            "evidence", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("also", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("skip_reason", sa.Text(), nullable=True),
        sa.Column("screenshot_before_path", sa.Text(), nullable=True),
        sa.Column("screenshot_after_path", sa.Text(), nullable=True),
        sa.Column("screenshot_error_path", sa.Text(), nullable=True),
        sa.Column("page_source_path", sa.Text(), nullable=True),
        sa.Column(
            "browser_logs",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "fields", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("automation_strategy", sa.Text(), nullable=True),
        sa.Column("form_mapping_id", sa.BigInteger(), nullable=True),
        sa.Column("form_mapping_version", sa.Text(), nullable=True),
        sa.Column("browser_type", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("page_load_time_ms", sa.Integer(), nullable=True),
        sa.Column("form_fill_time_ms", sa.Integer(), nullable=True),
        sa.Column("submission_time_ms", sa.Integer(), nullable=True),
        sa.Column("contact_url", sa.Text(), nullable=True),
        sa.Column("final_url", sa.Text(), nullable=True),
        sa.Column("retry_after_seconds", sa.Integer(), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("settled_by_id", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("rebound_now()"), nullable=False),
        sa.CheckConstraint(
            "automation_strategy IS NULL OR automation_strategy IN ('saved_mapping', 'standard_form', 'multi_step_form', 'iframe_form')",
            name=op.f("ck_automation_attempts_strategy"),
        ),
        sa.CheckConstraint(
            "error_type IS NULL OR error_type IN ('browser_crash', 'network_error', 'ip_blocked', 'rate_limited', 'bot_detection', 'captcha_detected', 'page_timeout', 'unexpected_redirect', 'form_not_found', 'multiple_forms', 'form_changed', 'field_not_found', 'dropdown_option_missing', 'field_disabled', 'javascript_error', 'submission_failed')",
            name=op.f("ck_automation_attempts_error_type"),
        ),
        sa.CheckConstraint(
            "status IN ('running', 'success', 'failed', 'timeout', 'blocked', 'skipped', 'cancelled')",
            name=op.f("ck_automation_attempts_status"),
        ),
        sa.CheckConstraint(
            "step IN ('starting', 'loading_page', 'filling_form', 'submitting')",
            name=op.f("ck_automation_attempts_step"),
        ),
        sa.CheckConstraint(
            "submission IS NULL OR submission IN ('confirmed', 'rejected', 'unconfirmed', 'not_sent')",
            name=op.f("ck_automation_attempts_submission"),
        ),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_automation_attempts_company_id")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact_attempts.id"], name=op.f("fk_automation_attempts_contact_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["contact_request_id"], ["contact_requests.id"], name=op.f("fk_automation_attempts_contact_request_id")
        ),
        sa.ForeignKeyConstraint(
            ["form_mapping_id"], ["form_mappings.id"], name=op.f("fk_automation_attempts_form_mapping_id")
        ),
        sa.ForeignKeyConstraint(
            ["project_dealership_id"],
            ["project_dealerships.id"],
            name=op.f("fk_automation_attempts_project_dealership_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_automation_attempts_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_automation_attempts_run_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["settled_by_id"], ["users.id"], name=op.f("fk_automation_attempts_settled_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_automation_attempts")),
        sa.UniqueConstraint(
            "project_dealership_id",
            "attempt_number",
            name=op.f("uq_automation_attempts_project_dealership_id_attempt_number"),
        ),
    )
    op.create_index("ix_automation_attempts_project", "automation_attempts", ["project_id", "started_at"], unique=False)
    op.create_index("ix_automation_attempts_request", "automation_attempts", ["contact_request_id"], unique=False)
    op.create_index("ix_automation_attempts_run", "automation_attempts", ["run_id", "id"], unique=False)
    op.create_index(
        "uq_automation_attempts_running",
        "automation_attempts",
        ["project_dealership_id"],
        unique=True,
        postgresql_where=sa.text("status = 'running'"),
    )
    # ### end Alembic commands ###
    op.execute((SQL / "0005_automation.sql").read_text())


def downgrade():
    op.execute("DROP FUNCTION check_contact_status() CASCADE")
    op.execute("DROP FUNCTION miles_between(double precision, double precision, double precision, double precision)")
    op.drop_index(
        "uq_automation_attempts_running",
        table_name="automation_attempts",
        postgresql_where=sa.text("status = 'running'"),
    )
    op.drop_index("ix_automation_attempts_run", table_name="automation_attempts")
    op.drop_index("ix_automation_attempts_request", table_name="automation_attempts")
    op.drop_index("ix_automation_attempts_project", table_name="automation_attempts")
    op.drop_table("automation_attempts")
    op.drop_index("ix_project_dealerships_status", table_name="project_dealerships")
    op.drop_index(
        "ix_project_dealerships_next",
        table_name="project_dealerships",
        postgresql_where=sa.text("contact_status IN ('pending', 'failed', 'blocked')"),
    )
    op.drop_index(
        "ix_project_dealerships_lease",
        table_name="project_dealerships",
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.drop_index(op.f("ix_project_dealerships_dealership_id"), table_name="project_dealerships")
    op.drop_table("project_dealerships")
    op.drop_index("ix_run_log_run", table_name="run_log")
    op.drop_index("ix_run_log_project", table_name="run_log")
    op.drop_table("run_log")
    op.drop_table("run_lanes")
    op.drop_index(op.f("ix_run_events_run_id"), table_name="run_events")
    op.drop_index("ix_run_events_project", table_name="run_events")
    op.drop_table("run_events")
    op.drop_index("ix_dealerships_placed", table_name="dealerships", postgresql_where=sa.text("latitude IS NOT NULL"))
    op.drop_index("ix_dealerships_name", table_name="dealerships")
    op.drop_index("ix_dealerships_host", table_name="dealerships")
    op.drop_index(op.f("ix_dealerships_company_id"), table_name="dealerships")
    op.drop_table("dealerships")
    op.drop_index("uq_runs_active", table_name="runs", postgresql_where=sa.text("state IN ('running', 'paused')"))
    op.drop_index(op.f("ix_runs_project_id"), table_name="runs")
    op.drop_index(op.f("ix_runs_company_id"), table_name="runs")
    op.drop_index("ix_runs_active", table_name="runs", postgresql_where=sa.text("state IN ('running', 'paused')"))
    op.drop_table("runs")
    op.drop_index(op.f("ix_contact_requests_company_id"), table_name="contact_requests")
    op.drop_table("contact_requests")
    op.drop_index("uq_projects_name", table_name="projects")
    op.drop_index(op.f("ix_projects_company_id"), table_name="projects")
    op.drop_table("projects")
    op.drop_table("form_mappings")
    op.drop_table("automation_settings")
    op.drop_table("host_paces")
    # ### end Alembic commands ###
    op.drop_column("status_changes", "notes")
