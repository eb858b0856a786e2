"""What came: pieces of mails, what was dealt with, how to answer, what was lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _account(*, is_key: bool = True) -> sa.Column[int]:
    account = sa.ForeignKey("accounts.number", ondelete="CASCADE")
    return sa.Column("account", _NUMBER, account, primary_key=is_key, nullable=False)


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "incoming_mails",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        _account(is_key=False),
        sa.Column("sender", sa.String, nullable=False),
        sa.Column("mail_id", sa.LargeBinary(16), nullable=False),
        sa.Column("piece_count", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("touched_s", sa.Float, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.UniqueConstraint("account", "sender", "mail_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "incoming_pieces",
        sa.Column("mail", _NUMBER, sa.ForeignKey("incoming_mails.number", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "taken_messages",
        _account(),
        sa.Column("sender", sa.String, primary_key=True),
        sa.Column("message_id", sa.String(32), primary_key=True),
        sa.Column("taken_at_s", sa.Float, nullable=False),
        sa.Index("taken_messages_by_age", "taken_at_s"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reply_ways",
        _account(),
        sa.Column("word", sa.String(16), primary_key=True),
        sa.Column("reply_to", sa.String, nullable=False),
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("message_id", sa.String(32), nullable=False),
        sa.Column("came_at_s", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "incoming_losses",
        _account(),
        sa.Column("reason", sa.String(16), primary_key=True),
        sa.Column("times", _NUMBER, nullable=False),
        sa.Column("last_at_s", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
