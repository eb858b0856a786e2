"""The client's store: one SQLite file with its messages, contacts and keys, private to the user.

What was committed is on the disk before anybody hears of it, so that no crash loses or doubles a message.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from client.store.opening import open_engine, plain_reason
from loopixmix.errors import StoreError

__all__ = ["ClientStore"]

_R = TypeVar("_R")


class ClientStore:
    """Transactions on one store; used by one thread at a time."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the store in the file `path` (None: in memory), migrate it if it is older.

        Raises `StoreError` where it is damaged, newer than this program, or cannot be written.
        """
        self._engine = open_engine(path)

    def write(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work` in one transaction, which is on the disk when this returns. Raises `StoreError`."""
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise StoreError(f"the store cannot be used: {plain_reason(error)}") from error

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()
