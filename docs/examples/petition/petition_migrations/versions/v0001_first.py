"""Signatures, and spent tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "signatures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("comment", sa.String(500), nullable=False),
    )
    op.create_table(
        "spent_tokens",
        sa.Column("ends_s", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("token", sa.LargeBinary(32), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table("spent_until", sa.Column("ends_s", sa.BigInteger, primary_key=True, autoincrement=False))
