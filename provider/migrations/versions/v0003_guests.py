"""Accounts without a name, and how many accounts there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the columns, and count the accounts that are there."""
    op.add_column("accounts", sa.Column("guest_day", sa.Integer, nullable=True))
    op.create_index("guests_by_day", "accounts", ["guest_day"])
    counts = op.create_table(
        "account_counts",
        sa.Column("guests", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("accounts", sa.BigInteger, nullable=False),
    )
    named = op.get_bind().execute(sa.text("SELECT count(*) FROM accounts WHERE name != ''")).scalar_one()
    op.bulk_insert(counts, [{"guests": 0, "accounts": named}, {"guests": 1, "accounts": 0}])
