"""Messages, the inbox, contacts and reply blocks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _make_outgoing()
    _make_incoming()
    _make_contacts()
    _make_replies()


def _make_outgoing() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("message_id", sa.String(32), nullable=False, unique=True),
        sa.Column("idempotency_key", sa.String(128), unique=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("form", sa.String(16), nullable=False),
        sa.Column("recipient", sa.String, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("length_bytes", sa.Integer, nullable=False),
        sa.Column("mailbox", sa.LargeBinary(32), nullable=False),
        sa.Column("provider", sa.LargeBinary(32), nullable=False),
        sa.Column("fragments", sa.Integer, nullable=False),
        sa.Column("sent", sa.Integer, nullable=False),
        sa.Column("acknowledged", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at_s", sa.Float, nullable=False),
        sa.Column("not_before_s", sa.Float, nullable=False),
        sa.Column("give_up_at_s", sa.Float, nullable=False),
        sa.Column("finished_at_s", sa.Float),
    )
    op.create_index("messages_by_end", "messages", ["finished_at_s"])
    op.create_table(
        "changes",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("message", sa.Integer, sa.ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at_s", sa.Float, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("detail", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("changes_by_message", "changes", ["message"])
    op.create_table(
        "fragments",
        sa.Column(
            "message",
            sa.Integer,
            sa.ForeignKey("messages.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.Integer),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "drafts",
        sa.Column(
            "message",
            sa.Integer,
            sa.ForeignKey("messages.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("sealing_key", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def _make_incoming() -> None:
    op.create_table(
        "incoming",
        sa.Column("head_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("message_key", sa.LargeBinary(32), nullable=False),
        sa.Column("total_bytes", sa.Integer, nullable=False),
        sa.Column("changed_at_s", sa.Float, nullable=False),
    )
    op.create_table(
        "incoming_fragments",
        sa.Column(
            "head_id", sa.LargeBinary(16), sa.ForeignKey("incoming.head_id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "orphans",
        sa.Column("orphan_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("kept_at_s", sa.Float, nullable=False),
        sa.Column("fragment", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "seen",
        sa.Column("fragment_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("expires_at_s", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("seen_by_end", "seen", ["expires_at_s"])
    op.create_table(
        "inbox",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("author", sa.LargeBinary, nullable=False),
        sa.Column("message_id", sa.String(32), nullable=False),
        sa.Column("sender", sa.String),
        sa.Column("verified", sa.Boolean, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("received_at_s", sa.Float, nullable=False),
        sa.Column("reply_to", sa.String, nullable=False),
        sa.Column("handled", sa.Boolean, nullable=False),
        sa.UniqueConstraint("author", "message_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("inbox_by_kind", "inbox", ["handled", "kind", "number"])


def _make_contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("address", sa.String, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("provider", sa.LargeBinary(32), nullable=False),
        sa.Column("identity", sa.LargeBinary(32), nullable=False),
        sa.Column("sealing_key", sa.LargeBinary, nullable=False),
        sa.Column("made_at_s", sa.Integer, nullable=False),
        sa.Column("verified", sa.Boolean, nullable=False),
        sa.Column("changed_card", sa.LargeBinary),
    )
    op.create_index("contacts_by_identity", "contacts", ["identity"])
    op.create_table(
        "facts",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def _make_replies() -> None:
    op.create_table(
        "reply_groups",
        sa.Column("reply_to", sa.String, primary_key=True),
        sa.Column("reply_key", sa.LargeBinary(32), nullable=False),
        sa.Column("next_sequence", sa.Integer, nullable=False),
        sa.Column("expires_at_s", sa.Float, nullable=False),
    )
    op.create_table(
        "reply_blocks",
        sa.Column("reply_to", sa.String, sa.ForeignKey("reply_groups.reply_to", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("surb", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "handed_groups",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("contact", sa.String, nullable=False),
        sa.Column("identity", sa.LargeBinary(32), nullable=False),
        sa.Column("reply_key", sa.LargeBinary(32), nullable=False),
        sa.Column("next_sequence", sa.Integer, nullable=False),
        sa.Column("expires_at_s", sa.Float, nullable=False),
    )
    op.create_table(
        "handed_blocks",
        sa.Column("surb_id", sa.LargeBinary(8), primary_key=True),
        sa.Column("group", sa.Integer, sa.ForeignKey("handed_groups.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("surb_keys", sa.LargeBinary, nullable=False),
    )
    op.create_index("handed_blocks_by_group", "handed_blocks", ["group"])
    op.create_table(
        "reply_fragments",
        sa.Column(
            "group",
            sa.Integer,
            sa.ForeignKey("handed_groups.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("message_id", sa.LargeBinary(16), nullable=False),
        sa.Column("received_at_s", sa.Float, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
