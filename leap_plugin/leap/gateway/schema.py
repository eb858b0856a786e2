"""The tables of a LEAP gateway's store, and its versions."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table

from loopixmix.store.schema import Schema

metadata = MetaData()
LEAP_STORE = Schema(
    owner="a LEAP gateway",
    head="0001",
    older_versions=frozenset(),
    migrations=Path(__file__).parent / "migrations",
    in_memory=metadata,
)
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

users = Table(
    "users",
    metadata,
    Column("address", String(254), primary_key=True),
    Column("uuid", String(64), nullable=False),
    Column("certificate", LargeBinary),
)
"""Whom mail is delivered to. `uuid`: of the user's Soledad, which several addresses may share."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("blob_id", String(32), primary_key=True),
    Column("address", String(254), nullable=False),
    Column("state", String(16), nullable=False),
    Column("content", LargeBinary),
    Column("length_bytes", _NUMBER, nullable=False),
    Column("numbers", String, nullable=False),
    Column("sender", String(254), nullable=False),
    Column("message_id", String(1000), nullable=False),
    Column("arrived_at_s", Float, nullable=False),
    Column("next_at_s", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("problem", String(500), nullable=False),
    # With all that is looked for among many: the rows have the contents, and take long to pass.
    Index("deliveries_by_turn", "state", "next_at_s", "address", "arrived_at_s", "length_bytes"),
    Index("deliveries_by_address", "address", "state"),
)
"""Mails, each for one user. `content`: encrypted to the user; there is none while the user has no key, and none when it
was delivered. `numbers`: the messages in the client's inbox that bring it, while they are still needed.
`sender`: who is told of a failure, an address of the network; empty for nobody. `message_id`: of the mail, for that."""

pieces = Table(
    "pieces",
    metadata,
    Column("inbox_number", _NUMBER, primary_key=True, autoincrement=False),
    Column("sender", String(254), nullable=False),
    Column("mail_id", LargeBinary(16), nullable=False),
    Column("arrived_at_s", Float, nullable=False),
    Index("pieces_by_mail", "sender", "mail_id"),
)
"""Pieces of mails that are not whole yet; what they say lies in the client's inbox."""
