"""Which pieces were paid for ahead, and which mails from outside were taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("pieces", sa.Column("paid", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "arrived",
        sa.Column("name", sa.LargeBinary(32), primary_key=True),
        sa.Column("forget_at_s", sa.Float, nullable=False, index=True),
        sqlite_with_rowid=False,
    )
