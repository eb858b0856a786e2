"""Requests that must not be carried out twice, and their answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables; nothing was erased yet."""
    op.create_table(
        "requests",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("name", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("last_epoch", sa.BigInteger, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=True),
    )
    op.create_index("requests_by_epoch", "requests", ["last_epoch"])
    erased = op.create_table("erased_requests", sa.Column("last_epoch", sa.BigInteger, nullable=False))
    op.bulk_insert(erased, [{"last_epoch": -1}])
