"""The tables of a board's store."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, MetaData, SmallInteger, Table

from loopixmix.store.schema import Schema
from votes.board import migrations

metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, nullable=False),
    Column("at_s", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""The log. `place`: the index of the entry, from 0. `leaf_hash`: so that the tree is made again without the bodies."""

ballots = Table(
    "ballots",
    metadata,
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("credential", LargeBinary, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("at_s", BigInteger, nullable=False),
    Column("is_first", Boolean, nullable=False),
    Column("is_doubled", Boolean, nullable=False),
    Index("ballots_by_credential", "credential", "counter"),
)
"""What is looked up of the ballots in the log. `is_first`: the first one of its credential.

`is_doubled`: another one of its credential has the same counter, was stored before, and counts instead.
"""

challenges = Table(
    "challenges",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("credential", LargeBinary, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("at_s", BigInteger, nullable=False),
    Index("challenges_by_credential", "credential"),
)
"""Ballots that were challenged, by their digests: they never count. `place`: of the entry that opens it."""

SCHEMA = Schema(
    owner="a board of elections",
    head="0001",
    older_versions=frozenset(),
    migrations=Path(migrations.__file__).parent,
    in_memory=metadata,
)
