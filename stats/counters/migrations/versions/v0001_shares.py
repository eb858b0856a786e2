"""Plans, shares, totals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "plans",
        sa.Column("plan_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("plan", sa.LargeBinary, nullable=False),
        sa.Column("collector", sa.Integer, nullable=False),
    )
    op.create_table(
        "shares",
        sa.Column("plan_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("period", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("node", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("share", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "totals",
        sa.Column("plan_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("period", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("total", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
