"""Requests that wait for their answers through restarts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "posted_requests",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("request_id", sa.String(32), nullable=False, unique=True),
        sa.Column("idempotency_key", sa.String(128), nullable=False, unique=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("length_bytes", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at_s", sa.Float, nullable=False),
        sa.Column("leaves_at_s", sa.Float, nullable=False),
        sa.Column("deadline_s", sa.Float, nullable=False),
        sa.Column("attempt", sa.LargeBinary(16)),
        sa.Column("host", sa.LargeBinary(32)),
        sa.Column("last_epoch", sa.Integer),
        sa.Column("answer", sa.LargeBinary),
        sa.Column("problem", sa.String, nullable=False),
        sa.Column("ended_at_s", sa.Float),
        sqlite_autoincrement=True,
    )
    op.create_index("posted_requests_by_state", "posted_requests", ["state", "number"])
    op.create_table(
        "request_ends",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column(
            "request",
            sa.Integer,
            sa.ForeignKey("posted_requests.number", ondelete="CASCADE"),
            nullable=False,
            unique=True,
        ),
        sqlite_autoincrement=True,
    )
