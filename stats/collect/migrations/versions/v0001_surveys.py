"""Surveys, batches, spent tokens, counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "surveys",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("survey_id", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("questionnaire", sa.LargeBinary, nullable=False),
        sa.Column("closed_s", sa.BigInteger, nullable=True),
        sa.Column("closed_periods", sa.Integer, nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("survey", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sheet", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("period", sa.Integer, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("released_s", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "discards",
        sa.Column("survey", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sheet", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("period", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "spent",
        sa.Column("survey", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("period", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("once", sa.LargeBinary(32), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "refusals",
        sa.Column("survey_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("reason", sa.String(32), primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
