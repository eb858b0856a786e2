"""The tables of analysts, their programs, and their deeds."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

from loopixmix.store.schema import Schema
from stats.analysts import migrations

metadata = MetaData()

analysts = Table(
    "analysts",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("password", String(200), nullable=False),
    Column("rights", String(60), nullable=False),
    Column("mark", String(16), nullable=False),
    Column("made_at_s", BigInteger, nullable=False),
)
"""`mark`: random, another one with each password: sessions and tokens of before then count no more."""

tokens = Table(
    "tokens",
    metadata,
    Column("secret_hash", LargeBinary(32), primary_key=True),
    Column("analyst", String(32), nullable=False),
    Column("mark", String(16), nullable=False),
    Column("label", String(60), nullable=False),
    Column("made_at_s", BigInteger, nullable=False),
    Column("ends_at_s", BigInteger, nullable=False),
    Index("tokens_by_analyst", "analyst"),
)
"""Bearer tokens of programs, as hashes."""

deeds = Table(
    "deeds",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at_s", BigInteger, nullable=False),
    Column("analyst", String(32), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("amount", String(200), nullable=False),
    sqlite_autoincrement=True,
)
"""What analysts did: exports, spendings. Nothing is ever deleted here."""

SCHEMA = Schema(
    owner="the analysts of a collector",
    head="0001",
    older_versions=frozenset(),
    migrations=Path(migrations.__file__).parent,
    in_memory=metadata,
)
