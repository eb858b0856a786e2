"""The tables of what a collector knows of counters: plans, shares, and the totals that were told."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table

from loopixmix.store.schema import Schema
from stats.counters import migrations

metadata = MetaData()

plans = Table(
    "plans",
    metadata,
    Column("plan_id", LargeBinary(32), primary_key=True),
    Column("plan", LargeBinary, nullable=False),
    Column("collector", Integer, nullable=False),
)
"""`collector`: which of the plan's collectors this one is."""

shares = Table(
    "shares",
    metadata,
    Column("plan_id", LargeBinary(32), primary_key=True),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("node", Integer, primary_key=True, autoincrement=False),
    Column("share", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""One share of each node and period, as it came; erased when the total is told."""

totals = Table(
    "totals",
    metadata,
    Column("plan_id", LargeBinary(32), primary_key=True),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("total", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""What was told of a period, once and for all."""

SCHEMA = Schema(
    owner="the counters of a collector",
    head="0001",
    older_versions=frozenset(),
    migrations=Path(migrations.__file__).parent,
    in_memory=metadata,
)
