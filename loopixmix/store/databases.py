"""What a store needs of a kind of database: `sqlite.SqliteDatabases` and `postgresql.PostgresDatabases` give it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy import Engine as Database

BUSY_TIMEOUT_S = 10
"""So long a transaction that may write waits for another one of another program to end."""


class Databases(ABC):
    """The same database twice: for transactions that may write, of which there is one at a time, and for readings."""

    def __init__(self, *, place: str, writing: Database, reading: Database) -> None:
        """`place`: where it is, for messages: without a password. `reading`: sees one state in a transaction."""
        self.place = place
        self.writing = writing
        self.reading = reading

    @property
    def in_memory(self) -> bool:
        """Whether it is gone with the process."""
        return False

    @property
    def loss(self) -> str | None:
        """What was lost since the store was used before, in one line; None if it is as it was left."""
        return None

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """Do a transaction that may write; it is on the disk afterwards.

        Raises `StoreUnavailableError` if none can begin, `StoreError` if it cannot be committed as a whole.
        """
        with self.writing.begin() as connection:
            yield connection
            self.check_whole(connection)

    @abstractmethod
    def check(self, connection: Connection) -> None:
        """Raise `StoreError` if the database, which `connection` may write, does not do for a store."""

    @abstractmethod
    def used_bytes(self, connection: Connection) -> int:
        """Return how much of the disk the store takes."""

    def has_room(self) -> bool:
        """Tell whether there is room on its disk, if an error does not tell; true if that cannot be known."""
        return True

    @abstractmethod
    def check_whole(self, connection: Connection) -> None:
        """Raise `StoreError` if the transaction of `connection` cannot be committed as a whole."""

    def empty_log(self) -> None:  # noqa: B027 (most databases see to it themselves)
        """Leave nothing in a log of changes of what was deleted."""

    def give_back(self) -> None:  # noqa: B027 (a server sees to it itself)
        """Give room that is free in the store back to the disk, a part at a time."""

    def close(self) -> None:
        """Close all connections, and let others have the store."""
        self.writing.dispose()
        self.reading.dispose()
