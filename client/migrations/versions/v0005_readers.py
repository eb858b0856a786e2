"""Several readers of a kind, each with what it has handled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables; what was handled so far was handled by the reader without a name."""
    op.create_table(
        "readers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("settled_to", sa.Integer, nullable=False),
        sa.Column("made_at_s", sa.Float, nullable=False),
        sa.Column("used_at_s", sa.Float, nullable=False),
        sa.UniqueConstraint("name", "kind"),
    )
    op.create_table(
        "settled",
        sa.Column(
            "reader",
            sa.Integer,
            sa.ForeignKey("readers.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.drop_index("inbox_by_kind")
    op.create_index("inbox_by_kind", "inbox", ["kind", "number"])
    op.create_index("inbox_by_handled", "inbox", ["handled"])
    op.execute(
        "INSERT INTO readers (name, kind, settled_to, made_at_s, used_at_s) "
        "SELECT '', kind, COALESCE(MIN(CASE WHEN NOT handled THEN number END) - 1, MAX(number)), 0, 0 "
        "FROM inbox GROUP BY kind"
    )
    op.execute(
        "INSERT INTO settled (reader, number) SELECT readers.id, inbox.number "
        "FROM inbox JOIN readers ON readers.kind = inbox.kind "
        "WHERE inbox.handled AND inbox.number > readers.settled_to"
    )
