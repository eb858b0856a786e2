"""Accounts and the items that wait for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, and the account that takes what is for nobody."""
    accounts = op.create_table(
        "accounts",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("identity", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("card", sa.LargeBinary, nullable=False),
        sa.Column("card_version", sa.BigInteger, nullable=False),
        sa.Column("next_number", sa.BigInteger, nullable=False),
        sa.Column("item_count", sa.BigInteger, nullable=False),
        sa.Column("created_day", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "items",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("account_id", ROW_ID, sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("surb_id", sa.LargeBinary(8), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("stored_day", sa.Integer, nullable=False),
    )
    op.create_index("items_by_number", "items", ["account_id", "number"], unique=True)
    op.create_index("items_by_day", "items", ["stored_day"])
    nobody = {"name": "", "identity": b"", "card": b"", "card_version": 0}
    op.bulk_insert(accounts, [nobody | {"next_number": 1, "item_count": 0, "created_day": 0}])
