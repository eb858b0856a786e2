"""Codes, addresses that get one, and what was signed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "codes",
        sa.Column("draft_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("code_hash", sa.LargeBinary(32), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "addressees",
        sa.Column("draft_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("address", sa.String(200), primary_key=True),
        sa.Column("fingerprint", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "signed",
        sa.Column("key_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("holder", sa.LargeBinary(32), primary_key=True),
        sa.Column("message", sa.LargeBinary(32), nullable=False),
        sqlite_with_rowid=False,
    )
