"""calling hours where the clocks change

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-26 23:50:00

"""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade():
    op.execute((SQL / "0007_clock_changes.sql").read_text())


def downgrade():
    before = (SQL / "0003_hopper.sql").read_text().partition("ALTER TABLE")[0]
    op.execute(before.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute("DROP FUNCTION window_closes")
