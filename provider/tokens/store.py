"""The store of a token service: codes and what was issued for them, or tokens that were spent."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table

from loopixmix.store.schema import Schema
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.tokens.spent import SpentTokens

HEAD = "0001"
"""The schema version this code reads and writes: the newest migration."""

STORE_FILE = "tokens.sqlite3"

metadata = MetaData()

codes = Table(
    "codes",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    Column("tokens", Integer, nullable=False),
    Column("last_day", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Codes by their hashes: good for so many tokens of each key, up to a day."""

issued = Table(
    "issued",
    metadata,
    Column("ends_s", BigInteger, primary_key=True, autoincrement=False),
    Column("holder", LargeBinary(32), primary_key=True),
    Column("message", LargeBinary(32), primary_key=True),
    sqlite_with_rowid=False,
)
"""Hashes of blinded messages that were signed, with the hash of key and credential; they end with the key's period."""

SPENT = SpentTokens(metadata)

SCHEMA = Schema(
    owner="a LoopixMix token service",
    head=HEAD,
    older_versions=frozenset(),
    migrations=Path(__file__).parent / "migrations",
    in_memory=metadata,
)


def open_token_store(directory: Path) -> Store:
    """Open or make the store in `directory`; raise `StoreError` if it cannot be used."""
    return Store(SCHEMA, sqlite_url(directory / STORE_FILE))
