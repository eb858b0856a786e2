"""The tables of a gateway's store."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, MetaData, Table, false

from leap_plugin.gateways import migrations
from loopixmix.store.schema import Schema
from loopixmix.tokens.spent import SpentTokens

metadata = MetaData()

waiting = Table(
    "waiting",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("arrived_s", Float, nullable=False),
    Column("next_at_s", Float, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("told_delay", Boolean, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
"""Mails for the relay. Recipient and mail are sealed."""

taken = Table(
    "taken",
    metadata,
    Column("received", BigInteger, primary_key=True, autoincrement=False),
    Column("forget_at_s", Float, nullable=False, index=True),
)
"""The messages of the client that were dealt with, by their numbers, and when the client may forget each."""

pieces = Table(
    "pieces",
    metadata,
    Column("mail", LargeBinary(32), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("received_at_s", Float, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("paid", Boolean, nullable=False, server_default=false()),
)
"""Pieces of orders that wait for others; `mail` is a digest of sender and mail id.

`paid`: the first piece of an order, whose token was spent when it came.
"""

arrived = Table(
    "arrived",
    metadata,
    Column("name", LargeBinary(32), primary_key=True),
    Column("forget_at_s", Float, nullable=False, index=True),
    sqlite_with_rowid=False,
)
"""Mails from outside that were taken; `name` is a digest of mail and recipient by the gateway's key."""

ways_back = Table(
    "ways_back",
    metadata,
    Column("mark", LargeBinary(32), primary_key=True),
    Column("expires_s", Float, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""Where mail to `reply-WORD` goes; `mark` is a digest of the word, so that the store alone does not tell it."""

opted_out = Table(
    "opted_out",
    metadata,
    Column("mark", LargeBinary(16), primary_key=True),
    Column("at_s", Float, nullable=False),
)
"""Who wants no more mail of this gateway, as marks that name nobody without the gateway's key."""

SPENT = SpentTokens(metadata)

SCHEMA = Schema(
    owner="a mail gateway",
    head="0002",
    older_versions=frozenset({"0001"}),
    migrations=Path(migrations.__file__).parent,
)
