"""Analysts, their tokens, and what they did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "analysts",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("password", sa.String(200), nullable=False),
        sa.Column("rights", sa.String(60), nullable=False),
        sa.Column("mark", sa.String(16), nullable=False),
        sa.Column("made_at_s", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("secret_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("analyst", sa.String(32), nullable=False),
        sa.Column("mark", sa.String(16), nullable=False),
        sa.Column("label", sa.String(60), nullable=False),
        sa.Column("made_at_s", sa.BigInteger, nullable=False),
        sa.Column("ends_at_s", sa.BigInteger, nullable=False),
    )
    op.create_index("tokens_by_analyst", "tokens", ["analyst"])
    op.create_table(
        "deeds",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at_s", sa.BigInteger, nullable=False),
        sa.Column("analyst", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("amount", sa.String(200), nullable=False),
        sqlite_autoincrement=True,
    )
