"""Tokens that were taken by a key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "taken_tokens",
        sa.Column("idempotency_key", sa.String(128), primary_key=True),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("token", sa.LargeBinary, nullable=False),
        sa.Column("forget_at_s", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
