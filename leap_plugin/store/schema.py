"""The tables of a mail store, all of them, and its versions."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from loopixmix.store.schema import Schema

metadata = MetaData()
MAIL_STORE = Schema(
    owner="a mail bridge",
    head="0004",
    older_versions=frozenset({"0001", "0002", "0003"}),
    migrations=Path(__file__).parent.parent / "migrations",
    in_memory=metadata,
)
"""`head`: the newest migration. `older_versions`: those from which the migrations lead to it."""

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite gives numbers by itself only to a column that is called INTEGER."""

accounts = Table(
    "accounts",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("address", String, nullable=False, unique=True),
    Column("moment", NUMBER, nullable=False),
    Column("uid_validity", NUMBER, nullable=False),
    Column("used_bytes", NUMBER, nullable=False),
    sqlite_autoincrement=True,
)
"""Mail accounts. `moment`: the number of the last change. `uid_validity`: the last one that a folder got."""

folders = Table(
    "folders",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("account", NUMBER, ForeignKey("accounts.number", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("special_use", String(16)),
    Column("subscribed", Boolean, nullable=False),
    Column("uid_validity", NUMBER, nullable=False),
    Column("uid_next", NUMBER, nullable=False),
    Column("forgotten", NUMBER, nullable=False),
    UniqueConstraint("account", "name"),
    sqlite_autoincrement=True,
)
"""Folders. `forgotten`: of what was expunged up to this moment, not everything is in `expunged` any more."""

contents = Table(
    "contents",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("account", NUMBER, ForeignKey("accounts.number", ondelete="CASCADE"), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("header_bytes", Integer, nullable=False),
    Column("beginning", LargeBinary, nullable=False),
    # Last: SQLite reads a row only as far as it must, so that a header costs nothing of the body.
    Column("rest", LargeBinary, nullable=False),
    Index("contents_by_account", "account"),
    sqlite_autoincrement=True,
)
"""The bytes of mails, cut in two: `beginning` is the header of `header_bytes`, or as much of it as is kept together."""

mails = Table(
    "mails",
    metadata,
    Column("folder", NUMBER, ForeignKey("folders.number", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("uid", NUMBER, primary_key=True, autoincrement=False),
    Column("content", NUMBER, ForeignKey("contents.number"), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("arrived_at_s", NUMBER, nullable=False),
    Column("zone_minutes", Integer, nullable=False),
    Column("flags", String, nullable=False),
    Column("seen", Boolean, nullable=False),
    Column("arrived", NUMBER, nullable=False),
    Column("changed", NUMBER, nullable=False),
    Index("mails_by_change", "folder", "changed"),
    Index("mails_by_content", "content"),
    sqlite_with_rowid=False,
)
"""What is in the folders; copies share their content.

`flags`: ascending, with spaces between. `arrived` and `changed`: the moments of arrival and of the last change, which
are the same until a flag changes.
"""

expunged = Table(
    "expunged",
    metadata,
    Column("folder", NUMBER, ForeignKey("folders.number", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("moment", NUMBER, primary_key=True, autoincrement=False),
    Column("uid", NUMBER, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""The UIDs of mails that are gone, so that every session can tell its client."""

outgoing_authors = Table(
    "outgoing_authors",
    metadata,
    Column("account", NUMBER, ForeignKey("accounts.number", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("followed", NUMBER, nullable=False),
    Column("standing_uid", NUMBER),
)
"""Of each account: `followed`, the number of the last step of its messages that was taken note of; `standing_uid`, the
message in INBOX that tells the states of its mails."""

outgoing_mails = Table(
    "outgoing_mails",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("account", NUMBER, ForeignKey("accounts.number", ondelete="CASCADE"), nullable=False),
    Column("queue_id", String(32), nullable=False, unique=True),
    Column("sender", String, nullable=False),
    Column("envelope_id", String, nullable=False),
    Column("returns_all", Boolean, nullable=False),
    Column("anonymous", Boolean, nullable=False),
    Column("from_outbox", Boolean, nullable=False),
    Column("folder", String, nullable=False),
    Column("uid", NUMBER),
    Column("length_bytes", Integer, nullable=False),
    Column("taken_at_s", Float, nullable=False),
    Column("ended_at_s", Float),
    Index("outgoing_mails_by_end", "account", "ended_at_s"),
    sqlite_autoincrement=True,
)
"""Mails that wait, or were sent a while ago. `folder` and `uid`: the copy in the Outbox; None without one."""

outgoing_contents = Table(
    "outgoing_contents",
    metadata,
    Column(
        "mail", NUMBER, ForeignKey("outgoing_mails.number", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("original", LargeBinary, nullable=False),
    Column("canonical", LargeBinary),
)
"""`original`: as its author wrote it, of a mail that has ended the head only. `canonical`: its anonymous form.

They stand apart: SQLite writes a row anew when any of its columns changes.
"""

outgoing_recipients = Table(
    "outgoing_recipients",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("mail", NUMBER, ForeignKey("outgoing_mails.number", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("address", String, nullable=False),
    Column("reached_at", String, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("enclosed_to", String, nullable=False),
    Column("token", LargeBinary, nullable=False),
    Column("notify", String, nullable=False),
    Column("original", String, nullable=False),
    Column("state", String(16), nullable=False),
    Column("told", String, nullable=False),
    Column("problem", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at_s", Float, nullable=False),
    Column("expected_at_s", Float),
    Index("outgoing_recipients_by_mail", "mail"),
    Index("outgoing_recipients_by_state", "state", "next_at_s"),
    sqlite_autoincrement=True,
)
"""To whom each mail goes. `reached_at`: the address of the network that it is sent to; `told`: the actions that its
author was told of; `problem`: why the last attempt to hand it over failed."""

outgoing_pieces = Table(
    "outgoing_pieces",
    metadata,
    Column(
        "recipient",
        NUMBER,
        ForeignKey("outgoing_recipients.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("fragments", Integer, nullable=False),
    Column("tried", Boolean, nullable=False),
    Column("message_id", String(32), unique=True),
    Column("state", String(16)),
    Column("detail", String, nullable=False),
    Column("sent", Integer, nullable=False),
)
"""The messages of the network that bring a mail to a recipient. `tried`: whether the client may have one already.
`message_id` and `state`: what the client said of it, None before."""

outgoing_ids = Table(
    "outgoing_ids",
    metadata,
    Column("account", NUMBER, ForeignKey("accounts.number", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("authors", String, primary_key=True),
    Column("left_as", String, nullable=False),
    Column("at_s", Float, nullable=False),
    Index("outgoing_ids_by_what_left", "account", "left_as"),
)
"""Which Message-ID left instead of the author's, so that threads hold."""

held_tokens = Table(
    "held_tokens",
    metadata,
    Column("account", NUMBER, ForeignKey("accounts.number", ondelete="CASCADE"), primary_key=True),
    Column("taken_by", String(64), primary_key=True),
    Column("purpose", String(32), nullable=False),
    Column("held_at_s", Float, nullable=False),
    sqlite_with_rowid=False,
)
"""By which keys tokens were taken of the client for mails that are not in the queue yet, from `held_at_s` on."""

incoming_mails = Table(
    "incoming_mails",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("account", NUMBER, ForeignKey("accounts.number", ondelete="CASCADE"), nullable=False),
    Column("sender", String, nullable=False),
    Column("mail_id", LargeBinary(16), nullable=False),
    Column("piece_count", Integer, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("touched_s", Float, nullable=False),
    Column("ended", Boolean, nullable=False),
    UniqueConstraint("account", "sender", "mail_id"),
    sqlite_autoincrement=True,
)
"""Mails in several pieces. `sender` is empty for anonymous ones. `touched_s`: when the last piece came.

`ended`: it is complete, or given up; it is remembered for a while, so that a piece that is repeated begins no new one.
"""

incoming_pieces = Table(
    "incoming_pieces",
    metadata,
    Column("mail", NUMBER, ForeignKey("incoming_mails.number", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)
"""Pieces of mails that are not complete."""

taken_messages = Table(
    "taken_messages",
    metadata,
    Column("account", NUMBER, ForeignKey("accounts.number", ondelete="CASCADE"), primary_key=True),
    Column("sender", String, primary_key=True),
    Column("message_id", String(32), primary_key=True),
    Column("taken_at_s", Float, nullable=False),
    Index("taken_messages_by_age", "taken_at_s"),
    sqlite_with_rowid=False,
)
"""Messages of the network that were dealt with: each is, once, although it may be offered again after a crash."""

reply_ways = Table(
    "reply_ways",
    metadata,
    Column("account", NUMBER, ForeignKey("accounts.number", ondelete="CASCADE"), primary_key=True),
    Column("word", String(16), primary_key=True),
    Column("reply_to", String, nullable=False),
    Column("number", NUMBER, nullable=False),
    Column("message_id", String(32), nullable=False),
    Column("came_at_s", Float, nullable=False),
    sqlite_with_rowid=False,
)
"""How to answer anonymous mails. `number` and `message_id`: of the message, which the client keeps for so long."""

incoming_losses = Table(
    "incoming_losses",
    metadata,
    Column("account", NUMBER, ForeignKey("accounts.number", ondelete="CASCADE"), primary_key=True),
    Column("reason", String(16), primary_key=True),
    Column("times", NUMBER, nullable=False),
    Column("last_at_s", Float, nullable=False),
    sqlite_with_rowid=False,
)
"""How many messages were put aside, and mails given up, for the status."""
