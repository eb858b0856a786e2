"""The provider's store: accounts, items and invitations in SQLite, or another database later.

What was stored is never lost: a commit reaches the disk before anybody hears of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from loopixmix.errors import StoreError
from provider.store.opening import open_engine, plain_reason, read_only, sqlite_url

__all__ = ["MailStore", "sqlite_url"]

_R = TypeVar("_R")


class MailStore:
    """Transactions on one store. Every thread has its own connection."""

    def __init__(self, url: str) -> None:
        """Open the store at `url`, and migrate it if it is older; raise `StoreError` where it cannot be used."""
        self._engine = open_engine(url)
        self._url = url

    def write(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work` in one transaction, which is on the disk when this returns. Raises `StoreError`."""
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise StoreError(f"the store cannot be written: {plain_reason(error)}") from error

    def read(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work`, which only reads, on one state of the store. Raises `StoreError`."""
        try:
            with self._engine.connect() as connection, read_only(connection).begin():
                return work(connection)
        except SQLAlchemyError as error:
            raise StoreError(f"the store cannot be read: {plain_reason(error)}") from error

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()
