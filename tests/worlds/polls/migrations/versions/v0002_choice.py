"""An answer is called a choice."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Rename the column."""
    op.alter_column("votes", "answer", new_column_name="choice")
