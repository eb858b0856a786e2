"""The tables of a collector's store. No report is in it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, SmallInteger, String, Table

from loopixmix.store.schema import Schema
from stats.collect import migrations

metadata = MetaData()

surveys = Table(
    "surveys",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("survey_id", LargeBinary(32), nullable=False, unique=True),
    Column("questionnaire", LargeBinary, nullable=False),
    Column("closed_s", BigInteger, nullable=True),
    Column("closed_periods", Integer, nullable=False),
)
"""`closed_s`: when the operator closed it, if before its time. `closed_periods`: so many are settled, in order."""

batches = Table(
    "batches",
    metadata,
    Column("survey", Integer, primary_key=True, autoincrement=False),
    Column("sheet", SmallInteger, primary_key=True, autoincrement=False),
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("period", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("released_s", BigInteger, nullable=False),
)
"""The batches that are in the column store."""

discards = Table(
    "discards",
    metadata,
    Column("survey", Integer, primary_key=True, autoincrement=False),
    Column("sheet", SmallInteger, primary_key=True, autoincrement=False),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False),
)
"""How many reports were too few when their period ended."""

spent = Table(
    "spent",
    metadata,
    # The period comes before the token, so that a period is one stretch of the table, and goes as one.
    Column("survey", Integer, primary_key=True, autoincrement=False),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("once", LargeBinary(32), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)
"""The tokens of released reports, and the digest of the report with which each was spent.

`once`: the hash of the token; without tokens the digest itself. Those of waiting reports stand with the reports.
"""

refusals = Table(
    "refusals",
    metadata,
    Column("survey_id", LargeBinary(32), primary_key=True),
    Column("reason", String(32), primary_key=True),
    Column("amount", BigInteger, nullable=False),
)
"""How many reports were refused. `survey_id`: empty if it is not known."""

SCHEMA = Schema(
    owner="a collector of reports",
    head="0001",
    older_versions=frozenset(),
    migrations=Path(migrations.__file__).parent,
    in_memory=metadata,
)
"""The history of the collector's store."""
