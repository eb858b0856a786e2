"""Databases for the tests of stores: files of SQLite, and a PostgreSQL server that the tests start themselves."""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL

from loopixmix.store.sqlite import sqlite_url
from tests.worlds.debian import provide_program

PASSWORD = "marked-password"
USER = "loopixmix"
START_S = 60.0
ON_DISK = "/var/tmp"
"""Not where other temporary files are, which is memory on some machines: there, to be durable costs nothing."""
NOBODY = "postgres"
"""As root the server must run as somebody else: as the user that Debian's package makes for it."""

SQLITE_AND_POSTGRES = ("sqlite", pytest.param("postgres", marks=[pytest.mark.long, pytest.mark.needs("postgres")]))
"""What tests of stores are run on."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let nobody read or write the store in the file `path`, as a backup program may, or a debugger."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


class PostgresServer:
    """A server of its own, in a temporary directory, which listens on a socket there and nowhere else."""

    def __init__(self) -> None:
        postgres = provide_program("postgres")
        assert postgres is not None
        self._programs = postgres.resolve().parent
        self.directory = Path(tempfile.mkdtemp(prefix="loopixmix-postgres-", dir=ON_DISK))
        self._data = self.directory / "data"
        self._log = self.directory / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        password = self.directory / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            user = pwd.getpwnam(NOBODY)
            for path in (self.directory, password):
                os.chown(path, user.pw_uid, user.pw_gid)
        made = subprocess.run(
            [
                *self._as_somebody(),
                *(self._programs / "initdb", "--pgdata", self._data, "--username", USER, "--pwfile", password),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"),
            ],
            capture_output=True,
            timeout=START_S,
            check=False,
        )
        assert made.returncode == 0, made.stderr

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            "max_connections": "40",
            "shared_buffers": "32MB",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                # It ends with the tests, also if they are killed.
                [*self._as_somebody(), "--pdeathsig", "INT", self._programs / "postgres", "-D", self._data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until_s = time.monotonic() + START_S
        while True:
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < until_s, self._log.read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End all sessions, write everything down, and end."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=START_S)
            self._process = None

    def remove(self) -> None:
        """Leave nothing behind."""
        self.stop(signal.SIGQUIT)  # without writing down what goes away now
        shutil.rmtree(self.directory)

    def connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """Connect without SQLAlchemy, as an operator does."""
        return psycopg.connect(host=str(self.directory), dbname=database, user=USER, password=PASSWORD, autocommit=True)

    def make_place(self) -> str:
        """Return the address of a place for a store: a new schema, which takes less time than a database."""
        name = f"store{next(self._numbers)}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return self.url(schema=name)

    def url(self, *, schema: str = "public", database: str = "postgres", password: str = PASSWORD) -> str:
        """Return the address of a schema in a database."""
        place = {"host": str(self.directory), "options": f"-csearch_path={schema}"}
        url = URL.create("postgresql+psycopg", username=USER, password=password, database=database, query=place)
        return url.render_as_string(hide_password=False)

    def _as_somebody(self) -> list[str]:
        """Return how to run a program as somebody who may run the server."""
        user = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"] if os.geteuid() == 0 else []
        return ["setpriv", *user]


@functools.cache
def postgres_server() -> PostgresServer:
    """Return the server of this session of tests; it starts with the first test that needs it."""
    server = PostgresServer()
    atexit.register(server.remove)
    server.start()
    return server


def new_database(kind: str, directory: Path) -> str:
    """Return the address of a new store in SQLite (a file in `directory`) or PostgreSQL."""
    return postgres_server().make_place() if kind == "postgres" else sqlite_url(directory / "store.sqlite3")
