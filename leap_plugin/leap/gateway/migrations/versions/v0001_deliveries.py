"""Users, deliveries, and pieces that wait for others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "users",
        sa.Column("address", sa.String(254), primary_key=True),
        sa.Column("uuid", sa.String(64), nullable=False),
        sa.Column("certificate", sa.LargeBinary),
    )
    op.create_table(
        "deliveries",
        sa.Column("blob_id", sa.String(32), primary_key=True),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.Column("length_bytes", _NUMBER, nullable=False),
        sa.Column("numbers", sa.String, nullable=False),
        sa.Column("sender", sa.String(254), nullable=False),
        sa.Column("message_id", sa.String(1000), nullable=False),
        sa.Column("arrived_at_s", sa.Float, nullable=False),
        sa.Column("next_at_s", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("problem", sa.String(500), nullable=False),
    )
    turn = ["state", "next_at_s", "address", "arrived_at_s", "length_bytes"]
    op.create_index("deliveries_by_turn", "deliveries", turn)
    op.create_index("deliveries_by_address", "deliveries", ["address", "state"])
    op.create_table(
        "pieces",
        sa.Column("inbox_number", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("sender", sa.String(254), nullable=False),
        sa.Column("mail_id", sa.LargeBinary(16), nullable=False),
        sa.Column("arrived_at_s", sa.Float, nullable=False),
    )
    op.create_index("pieces_by_mail", "pieces", ["sender", "mail_id"])
