"""The tables of a provider's store.

Times are whole days or epochs, and no table holds the sender of an item or of a question for a card.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
)

from loopixmix.tokens.spent import SpentTokens

HEAD = "0007"
"""The schema version this code reads and writes: the newest migration."""

OLDER_VERSIONS = frozenset({"0001", "0002", "0003", "0004", "0005", "0006"})
"""The versions that migrations lead from to `HEAD`."""

VOID_NAME = ""
"""The account that takes the items for unknown recipients, so that they cost the same. No account's name is empty."""

GUEST_MARK = "~"
"""The beginning of what stands in place of a guest's name, and of no name. The guest's key follows."""

RowId = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

SPENT = SpentTokens(metadata)
"""The tokens that guests have spent."""

accounts = Table(
    "accounts",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("identity", LargeBinary(32), nullable=False, unique=True),
    Column("card", LargeBinary, nullable=False),
    Column("card_version", BigInteger, nullable=False),
    Column("next_number", BigInteger, nullable=False),
    # Kept with the account: to count the items of a mailbox for each new one would read them all.
    Column("item_count", BigInteger, nullable=False),
    Column("created_day", Integer, nullable=False),
    # The last day on which a guest was here, in the guest's own days; nothing for an account that has a name.
    Column("guest_day", Integer, nullable=True),
    Index("guests_by_day", "guest_day"),
    # Without it SQLite would give the id of a removed account again, and a mailbox could not tell that its owner's
    # account was made anew.
    sqlite_autoincrement=True,
)

account_counts = Table(
    "account_counts",
    metadata,
    # 0: accounts with names, 1: guests. Counted when they come and go: to count the rows anew for each new account
    # takes the longer the more there are.
    Column("guests", SmallInteger, primary_key=True, autoincrement=False),
    Column("accounts", BigInteger, nullable=False),
)

items = Table(
    "items",
    metadata,
    # By mailbox, and within it by number (`provider.store.items.place_of`). Ids in the order of arrival would tell
    # whoever gets the store between which items of other mailboxes each one came.
    Column("id", RowId, primary_key=True, autoincrement=False),
    Column("account_id", RowId, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("surb_id", LargeBinary(8), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("stored_day", Integer, nullable=False),
    Index("items_by_number", "account_id", "number", unique=True),
    Index("items_by_day", "stored_day"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    Column("uses_left", Integer, nullable=False),
    Column("last_day", Integer, nullable=False),
)

retired_names = Table("retired_names", metadata, Column("name", String(64), primary_key=True))

shown_days = Table(
    "shown_days",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("day", BigInteger, nullable=False),
    # How often a card of this name was taken away: what is shown next must have other keys, also on the same day.
    Column("changes", BigInteger, nullable=False),
)
"""Names whose cards were taken away: what is shown of them from then on must not be older than the card was."""

requests = Table(
    "requests",
    metadata,
    # Answers are changed soon after their rows were made. By the names, which are random, each would be on a page of
    # its own.
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("name", LargeBinary(32), nullable=False, unique=True),
    Column("service", String(64), nullable=False),
    Column("last_epoch", BigInteger, nullable=False),
    # Sealed; nothing until the service has answered.
    Column("answer", LargeBinary, nullable=True),
    Index("requests_by_epoch", "last_epoch"),
)
"""Requests to hosted services that must not be carried out twice, and their answers."""

# One row: the requests of this epoch and of all before it were erased.
erased_requests = Table("erased_requests", metadata, Column("last_epoch", BigInteger, nullable=False))
