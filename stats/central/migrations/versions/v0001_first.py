"""Data sets, and what was spent on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "data_sets",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("made_at_s", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "spendings",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("data_set", sa.String(32), nullable=False),
        sa.Column("at_s", sa.BigInteger, nullable=False),
        sa.Column("analyst", sa.String(32), nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("eps_millionths", sa.BigInteger, nullable=False),
        sa.Column("delta_quadrillionths", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("spendings_by_data_set", "spendings", ["data_set"])
