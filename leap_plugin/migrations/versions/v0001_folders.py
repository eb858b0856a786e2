"""Accounts, their folders, and what is in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "accounts",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("address", sa.String, nullable=False, unique=True),
        sa.Column("moment", _NUMBER, nullable=False),
        sa.Column("uid_validity", _NUMBER, nullable=False),
        sa.Column("used_bytes", _NUMBER, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "folders",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("account", _NUMBER, sa.ForeignKey("accounts.number", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("special_use", sa.String(16)),
        sa.Column("subscribed", sa.Boolean, nullable=False),
        sa.Column("uid_validity", _NUMBER, nullable=False),
        sa.Column("uid_next", _NUMBER, nullable=False),
        sa.Column("forgotten", _NUMBER, nullable=False),
        sa.UniqueConstraint("account", "name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "contents",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("account", _NUMBER, sa.ForeignKey("accounts.number", ondelete="CASCADE"), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("header_bytes", sa.Integer, nullable=False),
        sa.Column("beginning", sa.LargeBinary, nullable=False),
        sa.Column("rest", sa.LargeBinary, nullable=False),
        sa.Index("contents_by_account", "account"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "mails",
        sa.Column(
            "folder",
            _NUMBER,
            sa.ForeignKey("folders.number", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("uid", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("content", _NUMBER, sa.ForeignKey("contents.number"), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("arrived_at_s", _NUMBER, nullable=False),
        sa.Column("zone_minutes", sa.Integer, nullable=False),
        sa.Column("flags", sa.String, nullable=False),
        sa.Column("seen", sa.Boolean, nullable=False),
        sa.Column("arrived", _NUMBER, nullable=False),
        sa.Column("changed", _NUMBER, nullable=False),
        sa.Index("mails_by_change", "folder", "changed"),
        sa.Index("mails_by_content", "content"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "expunged",
        sa.Column(
            "folder",
            _NUMBER,
            sa.ForeignKey("folders.number", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("moment", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("uid", _NUMBER, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
