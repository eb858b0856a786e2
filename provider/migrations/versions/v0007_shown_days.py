"""The days that look-ups have shown of names that have no card any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "shown_days",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("day", sa.BigInteger, nullable=False),
        sa.Column("changes", sa.BigInteger, nullable=False),
    )
