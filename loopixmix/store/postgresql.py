"""Stores in PostgreSQL, by psycopg: for those who have outgrown one file.

Its transactions are made to behave as those of SQLite: one that may write keeps other writers out from its beginning,
and one that reads sees one state.
"""

from __future__ import annotations

import os
import socket

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from loopixmix.errors import StoreError
from loopixmix.store.databases import BUSY_TIMEOUT_S, Databases
from loopixmix.store.faults import StoreUnavailableError

CONNECT_S = 10
OWNER_WAIT_S = 3
"""So long a program waits for its predecessor to go: one that was killed may have left its last statement running."""
OLDEST_VERSION = 13
"""Older servers are not supported by PostgreSQL itself."""

_WRITING, _OWNING = 0x6C70_6D77, 0x6C70_6D6F
"""The first halves of two advisory locks; the second half is the schema in which the tables are."""
_TAKE_WRITING = f"SELECT pg_advisory_xact_lock({_WRITING}, hashtext(current_schema()))"
_TAKE_OWNING = f"SELECT pg_advisory_lock({_OWNING}, hashtext(current_schema()))"
_FIND_OWNER = """
SELECT coalesce(nullif(application_name, ''), 'session ' || activity.pid)
FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND classid::bigint = %s AND objid::bigint = hashtext(current_schema())::bigint & 4294967295
"""
# A client whose machine is gone must not hold its locks for the two hours that TCP waits by itself.
_SETTINGS = f"""
SET lock_timeout = '{BUSY_TIMEOUT_S}s';
SET tcp_keepalives_idle = 30;
SET tcp_keepalives_interval = 10;
SET tcp_keepalives_count = 3;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
"""
_KEEPALIVES = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}
_SIZE = text("""
SELECT coalesce(sum(pg_total_relation_size(tables.oid)), 0)
FROM pg_class AS tables JOIN pg_namespace AS schemas ON schemas.oid = tables.relnamespace
WHERE schemas.nspname = current_schema() AND tables.relkind = 'r'
""")
_FACTS = text("""
SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('fsync') AS fsync,
       current_setting('server_encoding') AS encoding
""")


class PostgresDatabases(Databases):
    """One connection that writes, and several that read."""

    def __init__(self, url: URL, *, exclusive: bool) -> None:
        """`exclusive`: no other program may have the store so, as long as this one's connection lasts."""
        wanted = {
            "connect_timeout": str(CONNECT_S),
            "application_name": f"process {os.getpid()} on {socket.gethostname()}"[:63],
            **_KEEPALIVES,
        }
        arguments = {name: value for name, value in wanted.items() if name not in url.query}
        # Asked before each use whether it still works: a server that was restarted has closed all connections, and
        # otherwise the first change after that would fail.
        writing = create_engine(
            url,
            connect_args=arguments,
            pool_pre_ping=True,
            pool_size=1,
            max_overflow=0,
            pool_timeout=BUSY_TIMEOUT_S,
        )
        reading = create_engine(url, connect_args=arguments, pool_pre_ping=True)
        super().__init__(
            place=f"PostgreSQL database {url.database or '(unnamed)'} at {_server(url)}",
            writing=writing,
            reading=reading.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True),
        )
        self._exclusive = exclusive
        event.listen(writing, "connect", self._set_up_writing)
        event.listen(writing, "begin", _begin_writing)
        event.listen(reading, "connect", _set_up)

    def check(self, connection: Connection) -> None:
        """Raise `StoreError` if the server is too old, or does not keep what it has confirmed."""
        version, fsync, encoding = connection.execute(_FACTS).one()
        if version < OLDEST_VERSION:
            raise StoreError(f"{self.place}: PostgreSQL {version} is too old; {OLDEST_VERSION} or newer is needed")
        if fsync != "on":
            raise StoreError(f"{self.place}: the server runs with fsync = {fsync} and would lose what it has confirmed")
        if encoding != "UTF8":
            raise StoreError(f"{self.place}: the database has the encoding {encoding}; UTF8 is needed")

    def used_bytes(self, connection: Connection) -> int:
        """Return how much of the server's disk the tables take, with indexes, without the server's log of changes."""
        return int(connection.execute(_SIZE).scalar_one())

    def check_whole(self, connection: Connection) -> None:
        """Raise `StoreError` if a statement has failed, although its error was caught."""
        # The server has given the transaction up by then, and would answer a commit with a silent rollback.
        from psycopg import Connection as Raw
        from psycopg.pq import TransactionStatus

        raw = connection.connection.driver_connection
        if isinstance(raw, Raw) and raw.info.transaction_status == TransactionStatus.INERROR:
            raise StoreError("a statement failed and its transaction went on; try it in a nested transaction")

    def _set_up_writing(self, dbapi_connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        _set_up(dbapi_connection, entry)
        if self._exclusive:
            self._take(dbapi_connection)

    def _take(self, dbapi_connection: DBAPIConnection) -> None:
        """Lock the store for this program; the lock lasts as long as the connection that writes.

        On that one, and no other: a program that has lost the lock cannot write any more.
        """
        from psycopg.errors import LockNotAvailable

        cursor = dbapi_connection.cursor()
        try:
            cursor.execute(f"SET LOCAL lock_timeout = '{OWNER_WAIT_S}s'")
            cursor.execute(_TAKE_OWNING)
            dbapi_connection.commit()
        except LockNotAvailable:
            dbapi_connection.rollback()
            cursor.execute(_FIND_OWNER, (_OWNING,))
            owner = (cursor.fetchone() or ["another program"])[0]
            dbapi_connection.close()
            raise StoreUnavailableError(f"{self.place}: is in use by {owner}") from None


def _server(url: URL) -> str:
    """Name the server without user and password; a password with an unescaped @ stands half in the host."""
    host = url.host or url.query.get("host") or "the local socket"
    port = f":{url.port}" if url.port else ""
    return f"{host if isinstance(host, str) else host[0]}".rpartition("@")[2] + port


def _set_up(dbapi_connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = dbapi_connection.cursor()
    cursor.execute(_SETTINGS)
    cursor.close()
    dbapi_connection.commit()


def _begin_writing(connection: Connection) -> None:
    # PostgreSQL lets many write at once: two that read the same number and write the next one would both succeed.
    connection.exec_driver_sql(_TAKE_WRITING)
