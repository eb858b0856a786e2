"""The store of an issuer: who may have tokens, and what was signed for them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, LargeBinary, MetaData, String, Table

from loopixmix.store.schema import Schema
from stats.issue import migrations

metadata = MetaData()

codes = Table(
    "codes",
    metadata,
    Column("draft_id", LargeBinary(32), primary_key=True),
    Column("code_hash", LargeBinary(32), primary_key=True),
    sqlite_with_rowid=False,
)
"""The codes of each survey, by their hashes."""

addressees = Table(
    "addressees",
    metadata,
    Column("draft_id", LargeBinary(32), primary_key=True),
    Column("address", String(200), primary_key=True),
    Column("fingerprint", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    sqlite_with_rowid=False,
)
"""The list of contacts of a survey, each of which is sent a code."""

signed = Table(
    "signed",
    metadata,
    Column("key_id", LargeBinary(32), primary_key=True),
    Column("holder", LargeBinary(32), primary_key=True),
    Column("message", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)
"""For each key, who had a token: a hash of key and code, and one of the blinded message that was signed.

The primary key is what makes it one token for each person and key: two requests that race cannot both put a row in.
"""

SCHEMA = Schema(
    owner="an issuer of surveys",
    head="0001",
    older_versions=frozenset(),
    migrations=Path(migrations.__file__).parent,
    in_memory=metadata,
)
