"""A small application's store: a poll, in which everybody votes once. Its migrations stand beside it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, MetaData, String, Table, insert, select

from loopixmix.store.schema import Schema

metadata = MetaData()
votes = Table(
    "votes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("voter", LargeBinary(32), nullable=False, unique=True),
    Column("choice", String(64), nullable=False),
)

FIRST = Schema(owner="a poll", head="0001", older_versions=frozenset(), migrations=Path(__file__).parent / "migrations")
"""The poll as it once was: its column `choice` was called `answer`."""
POLL = Schema(
    owner="a poll", head="0002", older_versions=frozenset({"0001"}), migrations=Path(__file__).parent / "migrations"
)


def cast(connection: Connection, voter: bytes, choice: str) -> None:
    """Take a vote."""
    connection.execute(insert(votes), {"voter": voter, "choice": choice})


def choices(connection: Connection) -> list[str]:
    """Return all votes in the order in which they came."""
    return list(connection.execute(select(votes.c.choice).order_by(votes.c.id)).scalars())
