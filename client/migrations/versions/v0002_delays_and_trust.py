"""Messages that leave later and have a deadline; drafts without keys; how sure it is who wrote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Change the tables, and take over what is in them."""
    op.add_column("messages", sa.Column("deadline_s", sa.Float))
    # So far the moment of queueing stood there for "at once". After a clock was set back that would hold a message up.
    op.execute("UPDATE messages SET not_before_s = 0 WHERE not_before_s = created_at_s")
    # A draft is sealed to the contact's key of the moment in which it leaves.
    op.execute("ALTER TABLE drafts DROP COLUMN sealing_key")
    _tell_three_states()
    op.execute("ALTER TABLE contacts RENAME COLUMN verified TO compared")


def _tell_three_states() -> None:
    op.drop_index("inbox_by_kind")
    op.rename_table("inbox", "inbox_with_flags")
    op.create_table(
        "inbox",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("author", sa.LargeBinary, nullable=False),
        sa.Column("message_id", sa.String(32), nullable=False),
        sa.Column("sender", sa.String),
        sa.Column("verified", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("received_at_s", sa.Float, nullable=False),
        sa.Column("reply_to", sa.String, nullable=False),
        sa.Column("handled", sa.Boolean, nullable=False),
        sa.UniqueConstraint("author", "message_id"),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO inbox SELECT number, author, message_id, sender, "
        "CASE WHEN NOT verified THEN 'unknown' "
        "WHEN EXISTS (SELECT 1 FROM contacts WHERE identity = author AND contacts.verified) THEN 'compared' "
        "ELSE 'pinned' END, "
        "kind, body, received_at_s, reply_to, handled FROM inbox_with_flags"
    )
    op.drop_table("inbox_with_flags")
    op.create_index("inbox_by_kind", "inbox", ["handled", "kind", "number"])
