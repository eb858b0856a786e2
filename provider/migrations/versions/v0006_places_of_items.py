"""Items whose row ids do not tell in which order they came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table anew: the ids of old rows are left in no page of it, and nothing counts them any more."""
    op.create_table(
        "placed_items",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("account_id", ROW_ID, sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("surb_id", sa.LargeBinary(8), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("stored_day", sa.Integer, nullable=False),
    )
    # As `provider.store.items.place_of` makes them.
    op.execute(
        "INSERT INTO placed_items (id, account_id, number, kind, surb_id, body, stored_day) "
        "SELECT account_id * 4294967296 + number % 4294967296, "
        "account_id, number, kind, surb_id, body, stored_day FROM items ORDER BY account_id, number"
    )
    op.drop_table("items")
    op.rename_table("placed_items", "items")
    op.create_index("items_by_number", "items", ["account_id", "number"], unique=True)
    op.create_index("items_by_day", "items", ["stored_day"])
