"""The queue of outgoing mails."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "outgoing_authors",
        sa.Column(
            "account",
            _NUMBER,
            sa.ForeignKey("accounts.number", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("followed", _NUMBER, nullable=False),
        sa.Column("standing_uid", _NUMBER),
    )
    op.create_table(
        "outgoing_mails",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("account", _NUMBER, sa.ForeignKey("accounts.number", ondelete="CASCADE"), nullable=False),
        sa.Column("queue_id", sa.String(32), nullable=False, unique=True),
        sa.Column("sender", sa.String, nullable=False),
        sa.Column("envelope_id", sa.String, nullable=False),
        sa.Column("returns_all", sa.Boolean, nullable=False),
        sa.Column("anonymous", sa.Boolean, nullable=False),
        sa.Column("from_outbox", sa.Boolean, nullable=False),
        sa.Column("folder", sa.String, nullable=False),
        sa.Column("uid", _NUMBER),
        sa.Column("length_bytes", sa.Integer, nullable=False),
        sa.Column("taken_at_s", sa.Float, nullable=False),
        sa.Column("ended_at_s", sa.Float),
        sa.Index("outgoing_mails_by_end", "account", "ended_at_s"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "outgoing_contents",
        sa.Column(
            "mail",
            _NUMBER,
            sa.ForeignKey("outgoing_mails.number", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("original", sa.LargeBinary, nullable=False),
        sa.Column("canonical", sa.LargeBinary),
    )
    op.create_table(
        "outgoing_recipients",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("mail", _NUMBER, sa.ForeignKey("outgoing_mails.number", ondelete="CASCADE"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("reached_at", sa.String, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("enclosed_to", sa.String, nullable=False),
        sa.Column("token", sa.LargeBinary, nullable=False),
        sa.Column("notify", sa.String, nullable=False),
        sa.Column("original", sa.String, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("told", sa.String, nullable=False),
        sa.Column("problem", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at_s", sa.Float, nullable=False),
        sa.Column("expected_at_s", sa.Float),
        sa.Index("outgoing_recipients_by_mail", "mail"),
        sa.Index("outgoing_recipients_by_state", "state", "next_at_s"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "outgoing_pieces",
        sa.Column(
            "recipient",
            _NUMBER,
            sa.ForeignKey("outgoing_recipients.number", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fragments", sa.Integer, nullable=False),
        sa.Column("tried", sa.Boolean, nullable=False),
        sa.Column("message_id", sa.String(32), unique=True),
        sa.Column("state", sa.String(16)),
        sa.Column("detail", sa.String, nullable=False),
        sa.Column("sent", sa.Integer, nullable=False),
    )
    op.create_table(
        "outgoing_ids",
        sa.Column(
            "account",
            _NUMBER,
            sa.ForeignKey("accounts.number", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("authors", sa.String, primary_key=True),
        sa.Column("left_as", sa.String, nullable=False),
        sa.Column("at_s", sa.Float, nullable=False),
        sa.Index("outgoing_ids_by_what_left", "account", "left_as"),
    )
