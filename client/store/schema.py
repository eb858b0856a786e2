"""The tables of a client's store."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    UniqueConstraint,
    column,
    select,
)
from sqlalchemy import table as table_clause

HEAD = "0006"
"""The schema version this code reads and writes: the newest migration."""

OLDER_VERSIONS: frozenset[str] = frozenset({"0001", "0002", "0003", "0004", "0005"})
"""The versions that migrations lead from to `HEAD`."""

metadata = MetaData()


def newest_number(table: Table) -> Select[int]:
    """Return the query for the last number that an autoincrement table gave, whether or not that row is still there."""
    # Not the greatest number in the table: a reader's place would seem to lie ahead once the newest row is deleted.
    sequence = table_clause("sqlite_sequence", column("name", String), column("seq", Integer))
    return select(sequence.c.seq).where(sequence.c.name == table.name)


messages = Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", String(32), nullable=False, unique=True),
    Column("idempotency_key", String(128), unique=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("form", String(16), nullable=False),
    Column("recipient", String, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("length_bytes", Integer, nullable=False),
    Column("mailbox", LargeBinary(32), nullable=False),
    Column("provider", LargeBinary(32), nullable=False),
    Column("fragments", Integer, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("acknowledged", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("not_before_s", Float, nullable=False),
    Column("give_up_at_s", Float, nullable=False),
    Column("finished_at_s", Float),
    Column("deadline_s", Float),
    Index("messages_by_end", "finished_at_s"),
)
"""Outgoing messages. `mailbox` (an identity key) at `provider` is where the fragments go.

`not_before_s` is the moment, drawn once, at which a message begins to leave; 0 if it leaves at once.
"""

changes = Table(
    "changes",
    metadata,
    # Readers come back with the last number they saw, so no number may ever be given twice.
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("message", Integer, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("at_s", Float, nullable=False),
    Column("state", String(16), nullable=False),
    Column("detail", String, nullable=False),
    Index("changes_by_message", "message"),
    sqlite_autoincrement=True,
)
"""The history of outgoing messages."""

fragments = Table(
    "fragments",
    metadata,
    Column("message", Integer, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer),
    Column("payload", LargeBinary, nullable=False),
)
"""Fragments that are not acknowledged yet; for a reply, whole packets that work in one epoch."""

drafts = Table(
    "drafts",
    metadata,
    Column("message", Integer, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
"""Messages that are sealed when they leave: anonymous ones, those that leave later, and those sent in bulk."""

incoming = Table(
    "incoming",
    metadata,
    Column("head_id", LargeBinary(16), primary_key=True),
    Column("message_key", LargeBinary(32), nullable=False),
    Column("total_bytes", Integer, nullable=False),
    Column("changed_at_s", Float, nullable=False),
)
"""Messages of which some fragments are here."""

incoming_fragments = Table(
    "incoming_fragments",
    metadata,
    Column("head_id", LargeBinary(16), ForeignKey("incoming.head_id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

orphans = Table(
    "orphans",
    metadata,
    Column("orphan_id", LargeBinary(16), primary_key=True),
    Column("kept_at_s", Float, nullable=False),
    Column("fragment", LargeBinary, nullable=False),
)
"""Fragments whose head is not here."""

seen = Table(
    "seen",
    metadata,
    Column("fragment_id", LargeBinary(16), primary_key=True),
    Column("expires_at_s", Float, nullable=False),
    Index("seen_by_end", "expires_at_s"),
    sqlite_with_rowid=False,
)
"""Fragments that were taken once, so that a repetition is not."""

inbox = Table(
    "inbox",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("author", LargeBinary, nullable=False),
    Column("message_id", String(32), nullable=False),
    Column("sender", String),
    Column("verified", String(16), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at_s", Float, nullable=False),
    Column("reply_to", String, nullable=False),
    Column("handled", Boolean, nullable=False),
    UniqueConstraint("author", "message_id"),
    Index("inbox_by_kind", "kind", "number"),
    Index("inbox_by_handled", "handled"),
    sqlite_autoincrement=True,
)
"""Received messages. `author`: the key that signed, nothing for an anonymous sender. `handled`: by any reader."""

readers = Table(
    "readers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("settled_to", Integer, nullable=False),
    Column("made_at_s", Float, nullable=False),
    Column("used_at_s", Float, nullable=False),
    UniqueConstraint("name", "kind"),
)
"""Who handles messages of a kind. `settled_to`: each message up to that number is handled, or deleted."""

settled = Table(
    "settled",
    metadata,
    Column("reader", Integer, ForeignKey("readers.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Messages that a reader handled before an earlier one."""

contacts = Table(
    "contacts",
    metadata,
    Column("address", String, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("provider", LargeBinary(32), nullable=False),
    Column("identity", LargeBinary(32), nullable=False),
    Column("sealing_key", LargeBinary, nullable=False),
    Column("made_at_s", Integer, nullable=False),
    Column("compared", Boolean, nullable=False),
    Column("changed_card", LargeBinary),
    Index("contacts_by_identity", "identity"),
)
"""Contacts with their pinned keys, and the card that brought another key."""

reply_groups = Table(
    "reply_groups",
    metadata,
    Column("reply_to", String, primary_key=True),
    Column("reply_key", LargeBinary(32), nullable=False),
    Column("next_sequence", Integer, nullable=False),
    Column("expires_at_s", Float, nullable=False),
)
"""Anonymous senders who can be answered."""

reply_blocks = Table(
    "reply_blocks",
    metadata,
    Column("reply_to", String, ForeignKey("reply_groups.reply_to", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("surb", LargeBinary, nullable=False),
)
"""The reply blocks they gave us, not used yet."""

handed_groups = Table(
    "handed_groups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("contact", String, nullable=False),
    Column("identity", LargeBinary(32), nullable=False),
    Column("reply_key", LargeBinary(32), nullable=False),
    Column("next_sequence", Integer, nullable=False),
    Column("expires_at_s", Float, nullable=False),
)
"""Anonymous messages of ours that can be answered, and the contacts who can."""

handed_blocks = Table(
    "handed_blocks",
    metadata,
    Column("surb_id", LargeBinary(8), primary_key=True),
    Column("group", Integer, ForeignKey("handed_groups.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("surb_keys", LargeBinary, nullable=False),
    Index("handed_blocks_by_group", "group"),
)
"""The reply blocks we gave out, and the keys that open what comes back by them."""

reply_fragments = Table(
    "reply_fragments",
    metadata,
    Column("group", Integer, ForeignKey("handed_groups.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("total", Integer, nullable=False),
    Column("message_id", LargeBinary(16), nullable=False),
    Column("received_at_s", Float, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""Replies of which some fragments are here, or whose turn has not come."""

facts = Table(
    "facts",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
"""Single values: the account, the newest epoch seen, the packet size."""

token_keys = Table(
    "token_keys",
    metadata,
    Column("issuer", String, primary_key=True),
    Column("purpose", String(32), primary_key=True),
    Column("begins_s", Integer, primary_key=True, autoincrement=False),
    Column("ends_s", Integer, nullable=False),
    Column("token_key", LargeBinary, nullable=False),
)
"""The keys under which tokens were asked for: the first one seen of each issuer, purpose and period."""

token_orders = Table(
    "token_orders",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("issuer", String, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("credential", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("due_at_s", Float, nullable=False),
    Column("token_key", LargeBinary),
    Column("pending", LargeBinary),
    sqlite_autoincrement=True,
)
"""Tokens that are to be fetched. `pending`: blinded messages with their secrets, from the first attempt on."""

tokens = Table(
    "tokens",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("purpose", String(32), nullable=False),
    Column("begins_s", Integer, nullable=False),
    Column("ends_s", Integer, nullable=False),
    Column("rests_until_s", Float, nullable=False),
    Column("token", LargeBinary, nullable=False, unique=True),
    sqlite_autoincrement=True,
)
"""Tokens that can be spent, after they have rested."""

taken_tokens = Table(
    "taken_tokens",
    metadata,
    Column("idempotency_key", String(128), primary_key=True),
    Column("purpose", String(32), nullable=False),
    Column("token", LargeBinary, nullable=False),
    Column("forget_at_s", Float, nullable=False),
    sqlite_with_rowid=False,
)
"""Tokens that were taken by a key, which gets the same one again for a while."""

posted_requests = Table(
    "posted_requests",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("request_id", String(32), nullable=False, unique=True),
    Column("idempotency_key", String(128), nullable=False, unique=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("service", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("length_bytes", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("leaves_at_s", Float, nullable=False),
    Column("deadline_s", Float, nullable=False),
    Column("attempt", LargeBinary(16)),
    Column("host", LargeBinary(32)),
    Column("last_epoch", Integer),
    Column("answer", LargeBinary),
    Column("problem", String, nullable=False),
    Column("ended_at_s", Float),
    Index("posted_requests_by_state", "state", "number"),
    sqlite_autoincrement=True,
)
"""Requests that were posted, with their answers. `attempt`: the id under which `host` knows the request."""

request_ends = Table(
    "request_ends",
    metadata,
    # Readers come back with the last number they saw, so no number may ever be given twice.
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("request", Integer, ForeignKey("posted_requests.number", ondelete="CASCADE"), nullable=False, unique=True),
    sqlite_autoincrement=True,
)
"""The order in which posted requests have ended."""
