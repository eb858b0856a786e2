"""Tokens: to be fetched, and there to be spent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "token_keys",
        sa.Column("issuer", sa.String, primary_key=True),
        sa.Column("purpose", sa.String(32), primary_key=True),
        sa.Column("begins_s", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ends_s", sa.Integer, nullable=False),
        sa.Column("token_key", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "token_orders",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("issuer", sa.String, nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("credential", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("due_at_s", sa.Float, nullable=False),
        sa.Column("token_key", sa.LargeBinary),
        sa.Column("pending", sa.LargeBinary),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tokens",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("begins_s", sa.Integer, nullable=False),
        sa.Column("ends_s", sa.Integer, nullable=False),
        sa.Column("rests_until_s", sa.Float, nullable=False),
        sa.Column("token", sa.LargeBinary, nullable=False, unique=True),
        sqlite_autoincrement=True,
    )
