"""All rows of a client's store, in the form in which its owner takes them along; the client may be running."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias
from urllib.parse import quote

import msgspec
from sqlalchemy import Column, Engine, Table, create_engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from client.store.schema import HEAD, facts, metadata
from loopixmix.errors import StoreError
from loopixmix.store.sealing import StoreKey, connect_sealed, is_sealed, sqlcipher

Row: TypeAlias = Mapping[str, object]

TABLES = tuple(sorted(metadata.tables.values(), key=lambda table: table.name))
"""All tables of the store; what is added to it later is exported without further work."""

BODIES = {"inbox": ("body",), "drafts": ("body",), "posted_requests": ("body", "answer")}
"""The columns that hold the content of messages and requests: each becomes a file of its own."""

SECRETS = {
    "handed_blocks": ("surb_keys",),
    "handed_groups": ("reply_key",),
    "incoming": ("message_key",),
    "reply_blocks": ("surb",),
    "reply_groups": ("reply_key",),
    "token_orders": ("credential", "pending"),
    "tokens": ("token",),
}
"""The columns with which others could spend, answer or open something in the owner's place."""

SECRET_FACTS = frozenset({"repetitions"})
"""The single values that are secret likewise: from this one the ids of requests are made."""


class RowKey(msgspec.Struct, frozen=True):
    """The place of one content: a table, a column, and the row's primary key in one word."""

    table: str
    column: str
    row: str

    @property
    def file(self) -> str:
        """Its path in the archive."""
        return f"contents/{self.table}/{self.row}.{self.column}"


class StoreRows:
    """One state of a store, only read: what a running client changes meanwhile is not seen. `with` closes it."""

    def __init__(self, path: Path, key: StoreKey, *, secrets: bool) -> None:
        """Read the store in the file `path`; with `secrets`, also what `SECRETS` names.

        `key`: opens it, if it is sealed. Raises `StoreError` if there is none, or if it is of another version than this
        program.
        """
        self._secrets = secrets
        self._engine = _reading(path, key if is_sealed(path) else None)
        try:
            self._connection = self._engine.connect()
            self._connection.exec_driver_sql("PRAGMA busy_timeout = 10000")
            self._connection.exec_driver_sql("BEGIN")
            version = self._connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except SQLAlchemyError as error:
            self._engine.dispose()
            raise StoreError(f"{path}: cannot be read: {error.__cause__ or error}") from error
        if version != HEAD:
            self.close()
            raise StoreError(
                f"{path}: has the schema {version}, and this program reads {HEAD}: start the client once with this one"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the store."""
        self._engine.dispose()

    def count(self, table: Table) -> int:
        """Return how many rows a table has."""
        return self._connection.execute(select(func.count()).select_from(table)).scalar_one()

    def fact(self, name: str) -> bytes | None:
        """Return a single value."""
        return self._connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar_one_or_none()

    def rows(self, table: Table) -> Iterator[Row]:
        """Yield the rows of a table, oldest first; in place of a content stand its length and its file."""
        bodies, hidden = BODIES.get(table.name, ()), () if self._secrets else SECRETS.get(table.name, ())
        columns = [func.length(each).label(each.name) if each.name in bodies else each for each in table.columns]
        for found in self._connection.execute(select(*columns).order_by(*table.primary_key.columns)):
            row = dict(found._mapping)
            for name in hidden:
                row.pop(name, None)
            if table is facts and not self._secrets and row["name"] in SECRET_FACTS:
                del row["value"]
            for name in bodies:
                if row[name] is not None:
                    row[name] = {"bytes": row[name], "file": RowKey(table.name, name, _word(table, row)).file}
            yield row

    def contents(self, table: Table) -> Iterator[tuple[RowKey, bytes]]:
        """Yield the contents in a table, one at a time: each may have 10 MiB."""
        for name in BODIES.get(table.name, ()):
            column: Column[bytes] = table.columns[name]
            keys = list(table.primary_key.columns)
            for found in self._connection.execute(select(*keys, column).where(column.is_not(None)).order_by(*keys)):
                row = dict(found._mapping)
                yield RowKey(table.name, name, _word(table, row)), row[name]


def _reading(path: Path, key: StoreKey | None) -> Engine:
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    if key is not None:
        return create_engine(
            "sqlite://",
            module=sqlcipher(),
            creator=lambda: connect_sealed(address, key, uri=True),
            poolclass=StaticPool,
        )
    # Transactions begin where we say: otherwise each statement would see a state of its own.
    return create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True, isolation_level=None), poolclass=StaticPool
    )


def _word(table: Table, row: Row) -> str:
    return "-".join(str(row[column.name]) for column in table.primary_key.columns)
