"""The tables of data sets, and of what was spent on them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from loopixmix.store.schema import Schema
from stats.central import migrations

metadata = MetaData()

data_sets = Table(
    "data_sets",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("terms", Text, nullable=False),
    Column("made_at_s", BigInteger, nullable=False),
)
"""`terms`: JSON. A row is never changed or deleted, so that a name never has a second budget."""

spendings = Table(
    "spendings",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("data_set", String(32), nullable=False),
    Column("at_s", BigInteger, nullable=False),
    Column("analyst", String(32), nullable=False),
    Column("question", Text, nullable=False),
    Column("eps_millionths", BigInteger, nullable=False),
    Column("delta_quadrillionths", BigInteger, nullable=False),
    Index("spendings_by_data_set", "data_set"),
    sqlite_autoincrement=True,
)
"""Nothing is ever deleted here. Whole numbers: sums of fractions would drift."""

SCHEMA = Schema(
    owner="the data sets of a collector",
    head="0001",
    older_versions=frozenset(),
    migrations=Path(migrations.__file__).parent,
    in_memory=metadata,
)
