"""Invitation codes, and names that are never given again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "invitations",
        sa.Column("code_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("uses_left", sa.Integer, nullable=False),
        sa.Column("last_day", sa.Integer, nullable=False),
    )
    op.create_table("retired_names", sa.Column("name", sa.String(64), primary_key=True))
