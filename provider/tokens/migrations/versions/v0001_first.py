"""Codes, what was issued for them, and spent tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "codes",
        sa.Column("code_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("tokens", sa.Integer, nullable=False),
        sa.Column("last_day", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "issued",
        sa.Column("ends_s", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("holder", sa.LargeBinary(32), primary_key=True),
        sa.Column("message", sa.LargeBinary(32), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spent_tokens",
        sa.Column("ends_s", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("token", sa.LargeBinary(32), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table("spent_until", sa.Column("ends_s", sa.BigInteger, primary_key=True, autoincrement=False))
