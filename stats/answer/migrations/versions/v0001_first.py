"""Surveys, reports on their way, permanent responses, and the privacy budget."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "surveys",
        sa.Column("survey_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("collector", sa.String(64), nullable=False),
        sa.Column("issuer", sa.String(64), nullable=False),
        sa.Column("code", sa.String(128), nullable=False),
        sa.Column("questionnaire", sa.LargeBinary, nullable=False),
        sa.Column("joined_at_s", sa.Float, nullable=False),
    )
    op.create_table(
        "ordered_tokens",
        sa.Column("survey_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("sheet", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("period", sa.SmallInteger, primary_key=True, autoincrement=False),
    )
    op.create_table(
        "reports",
        sa.Column("survey_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("sheet", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("period", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("report_id", sa.LargeBinary(16), nullable=False),
        sa.Column("drawn", sa.LargeBinary, nullable=False),
        sa.Column("attempt", sa.SmallInteger, nullable=False),
        sa.Column("not_before_s", sa.Float, nullable=False),
        sa.Column("deadline_s", sa.Float, nullable=False),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("changed_at_s", sa.Float, nullable=False),
    )
    op.create_table(
        "answers",
        sa.Column("survey_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("sheet", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("period", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("question", sa.String(32), primary_key=True),
        sa.Column("answer", sa.Text, nullable=False),
    )
    op.create_table(
        "repeated",
        sa.Column("survey_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("values", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "responses",
        sa.Column("survey_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("question", sa.String(32), primary_key=True),
        sa.Column("value", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("drawn", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "losses",
        sa.Column("survey_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("period", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("eps", sa.BigInteger, nullable=False),
        sa.Column("eps0", sa.BigInteger, nullable=True),
        sa.Column("again", sa.BigInteger, nullable=False),
        sa.Column("at_s", sa.Float, nullable=False),
    )
    op.create_table(
        "limits",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("eps", sa.BigInteger, nullable=False),
        sa.Column("eps0", sa.BigInteger, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("trusts_collectors", sa.Boolean, nullable=False),
    )
