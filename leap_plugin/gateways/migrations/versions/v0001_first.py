"""Mails that wait, pieces, ways back, opt-outs, spent tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "waiting",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("arrived_s", sa.Float, nullable=False),
        sa.Column("next_at_s", sa.Float, nullable=False, index=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("told_delay", sa.Boolean, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "taken",
        sa.Column("received", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("forget_at_s", sa.Float, nullable=False, index=True),
    )
    op.create_table(
        "pieces",
        sa.Column("mail", sa.LargeBinary(32), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("received_at_s", sa.Float, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=True,
    )
    op.create_table(
        "ways_back",
        sa.Column("mark", sa.LargeBinary(32), primary_key=True),
        sa.Column("expires_s", sa.Float, nullable=False, index=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "opted_out",
        sa.Column("mark", sa.LargeBinary(16), primary_key=True),
        sa.Column("at_s", sa.Float, nullable=False),
    )
    op.create_table(
        "spent_tokens",
        sa.Column("ends_s", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("token", sa.LargeBinary(32), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table("spent_until", sa.Column("ends_s", sa.BigInteger, primary_key=True, autoincrement=False))
