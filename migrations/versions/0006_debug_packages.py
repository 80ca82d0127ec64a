"""exports as a zip: debug packages

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-26 16:10:00

"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _allow(*formats):
    names = ", ".join(f"'{name}'" for name in formats)
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE exports DROP CONSTRAINT ck_exports_format")
    op.execute(f"ALTER TABLE exports ADD CONSTRAINT ck_exports_format CHECK (format IN ({names}))")


def upgrade():
    _allow("csv", "xlsx", "pdf", "json", "zip")


def downgrade():
    op.execute("DELETE FROM exports WHERE format = 'zip'")
    _allow("csv", "xlsx", "pdf", "json")
