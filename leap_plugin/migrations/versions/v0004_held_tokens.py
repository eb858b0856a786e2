"""Tokens that are taken for mails which are not in the queue yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "held_tokens",
        sa.Column(
            "account",
            _NUMBER,
            sa.ForeignKey("accounts.number", ondelete="CASCADE"),
            primary_key=True,
            nullable=False,
        ),
        sa.Column("taken_by", sa.String(64), primary_key=True),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("held_at_s", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
