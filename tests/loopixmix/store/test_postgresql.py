"""Stores in PostgreSQL: a server that stops, another program on the store, what a server must be like."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from loopixmix.errors import StoreError
from loopixmix.store.access import StoreAccess, clocked_access
from loopixmix.store.faults import StoreUnavailableError
from loopixmix.store.transactions import Store
from tests.loopixmix.store.test_sqlite import OWNER
from tests.worlds.databases import PASSWORD, PostgresServer, postgres_server
from tests.worlds.polls import POLL, cast, choices

pytestmark = [pytest.mark.long, pytest.mark.needs("postgres")]


@pytest.fixture
def server() -> PostgresServer:
    return postgres_server()


@pytest.fixture
def url(server: PostgresServer) -> str:
    return server.make_place()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(POLL, url, exclusive=True)
    yield opened
    opened.close()


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []

    def keep(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(keep)
    yield lines
    globalLogPublisher.removeObserver(keep)


def vote(access: StoreAccess, number: int) -> list[object]:
    results: list[object] = []
    voting = access.write(lambda connection: cast(connection, number.to_bytes(32), str(number)))
    voting.addCallbacks(results.append, lambda failure: results.append(failure.type))
    return results


def end_sessions(server: PostgresServer) -> None:
    with server.connect("postgres") as operator:
        operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


def test_a_server_that_is_away_is_a_problem_told_once_and_over_when_it_is_back(
    store: Store, server: PostgresServer, logged: list[str]
) -> None:
    clock = Clock()
    access = clocked_access(store, waiting="votes", clock=clock, write_s=0.01, read_s=0.01)
    before = vote(access, 1)
    clock.advance(0.01)
    server.stop()
    lost = [vote(access, number) for number in range(2, 200)]
    clock.advance(0.01)
    again = vote(access, 200)
    clock.advance(0.01)
    assert before == [None]
    assert [*lost, again] == [[StoreUnavailableError]] * 199
    assert access.problem is not None
    assert "\n" not in access.problem
    server.start()
    after = vote(access, 201)
    clock.advance(0.01)
    assert after == [None]
    assert access.problem is None
    assert store.read(choices) == ["1", "201"]
    assert len(logged) == 2
    assert logged[0].startswith("votes waits until the store works again: the store cannot be used just now: ")
    assert logged[1] == "the store works again"
    assert not [line for line in logged if PASSWORD in line]


def test_sessions_that_the_server_has_ended_are_noticed_before_they_are_used(
    store: Store, server: PostgresServer
) -> None:
    store.write(lambda connection: cast(connection, b"1", "tea"))
    assert store.read(choices) == ["tea"]
    end_sessions(server)
    store.write(lambda connection: cast(connection, b"2", "coffee"))
    assert store.read(choices) == ["tea", "coffee"]


def test_a_session_that_ends_in_the_middle_leaves_nothing(store: Store, server: PostgresServer) -> None:
    def cut(connection: Connection) -> None:
        cast(connection, b"1", "tea")
        end_sessions(server)
        cast(connection, b"2", "coffee")

    with pytest.raises(StoreUnavailableError, match="the store cannot be used just now"):
        store.write(cut)
    assert store.read(choices) == []


def test_a_failed_statement_whose_error_was_caught_is_no_silent_loss(store: Store) -> None:
    """The server answers the commit of such a transaction with a rollback, and no error."""

    def vote_twice(connection: Connection) -> None:
        cast(connection, b"1", "tea")
        with pytest.raises(IntegrityError):
            cast(connection, b"1", "coffee")

    with pytest.raises(StoreError, match="nested transaction"):
        store.write(vote_twice)
    assert store.read(choices) == []


def test_a_reading_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError, match="read-only"):
        store.read(lambda connection: cast(connection, b"1", "tea"))


def test_values_that_do_not_fit_are_not_told(store: Store) -> None:
    with pytest.raises(StoreError, match="a value does not fit") as raised:
        store.write(lambda connection: connection.exec_driver_sql("SELECT CAST('marked' AS integer)"))
    assert "marked" not in str(raised.value)


def test_a_second_owner_is_refused_while_there_is_a_first_however_that_ends(url: str) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", OWNER, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"open\n"
        with pytest.raises(StoreUnavailableError, match=rf"is in use by process {first.pid} on ") as raised:
            Store(POLL, url, exclusive=True)
        assert PASSWORD not in str(raised.value)
        beside = Store(POLL, url)  # an operator's command
        beside.write(lambda connection: cast(connection, b"v", "tea"))
        beside.close()
        first.send_signal(signal.SIGKILL)
    second = Store(POLL, url, exclusive=True)
    assert second.read(choices) == ["tea"]
    second.close()
    Store(POLL, url, exclusive=True).close()


def test_an_owner_that_lost_its_session_to_another_cannot_write(url: str, server: PostgresServer) -> None:
    first = Store(POLL, url, exclusive=True)
    end_sessions(server)
    second = Store(POLL, url, exclusive=True)
    with pytest.raises(StoreUnavailableError, match="is in use by"):
        first.write(lambda connection: cast(connection, b"1", "tea"))
    second.write(lambda connection: cast(connection, b"2", "coffee"))
    second.close()
    first.write(lambda connection: cast(connection, b"1", "tea"))
    assert first.read(choices) == ["coffee", "tea"]
    first.close()


def test_stores_in_two_schemas_of_one_database_do_not_concern_each_other(server: PostgresServer) -> None:
    stores = [Store(POLL, server.make_place(), exclusive=True) for _ in range(2)]
    for number, store in enumerate(stores):
        store.write(lambda connection, number=number: cast(connection, b"1", str(number)))
    assert [store.read(choices) for store in stores] == [["0"], ["1"]]
    for store in stores:
        store.close()


def test_a_wrong_password_is_one_line_that_does_not_show_it(server: PostgresServer) -> None:
    with pytest.raises(StoreUnavailableError, match="password authentication failed") as raised:
        Store(POLL, server.url(password="marked-as-wrong"))
    assert "marked" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_confirmed_is_on_the_disk_whatever_the_database_says(server: PostgresServer) -> None:
    with server.connect("postgres") as operator:
        operator.execute("CREATE DATABASE hasty")
        operator.execute("ALTER DATABASE hasty SET synchronous_commit = off")
    store = Store(POLL, server.url(database="hasty"))
    assert store.write(lambda c: c.exec_driver_sql("SHOW synchronous_commit").scalar()) == "on"
    store.close()


def test_a_database_in_another_encoding_is_refused(server: PostgresServer) -> None:
    with server.connect("postgres") as operator:
        operator.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    with pytest.raises(StoreError, match="the database has the encoding LATIN1; UTF8 is needed"):
        Store(POLL, server.url(database="latin"))


def test_a_server_that_does_not_keep_what_it_confirms_is_refused(server: PostgresServer) -> None:
    try:
        with server.connect("postgres") as operator:
            operator.execute("ALTER SYSTEM SET fsync = off")
            operator.execute("SELECT pg_reload_conf()")
        with pytest.raises(StoreError, match="fsync = off"):
            _open_when_reloaded(server)
    finally:
        with server.connect("postgres") as operator:
            operator.execute("ALTER SYSTEM RESET fsync")
            operator.execute("SELECT pg_reload_conf()")


def _open_when_reloaded(server: PostgresServer) -> None:
    url = server.make_place()
    for _ in range(100):
        with server.connect("postgres") as operator:
            row = operator.execute("SHOW fsync").fetchone()
        if row == ("off",):
            break
    Store(POLL, url).close()


def test_who_may_not_make_tables_is_told_so(server: PostgresServer) -> None:
    with server.connect("postgres") as operator:
        operator.execute("CREATE ROLE guest LOGIN PASSWORD 'marked'")
        operator.execute("CREATE SCHEMA closed")
    url = server.url(schema="closed").replace(f"loopixmix:{PASSWORD}", "guest:marked")
    with pytest.raises(StoreError, match=r"permission denied|no schema has been selected") as raised:
        Store(POLL, url)
    assert "marked" not in str(raised.value)


def test_the_server_of_the_tests_ends_with_them() -> None:
    """Otherwise each run that is killed would leave one behind."""
    script = (
        "from tests.worlds.databases import PostgresServer\n"
        "server = PostgresServer(); server.start()\n"
        "print(server.directory, flush=True); input()\n"
    )
    tests = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with tests:
        assert tests.stdout is not None
        directory = Path(tests.stdout.readline().decode().strip())
        running = directory / "data" / "postmaster.pid"
        assert running.exists()
        tests.kill()
    until_s = time.monotonic() + 30
    while running.exists() and time.monotonic() < until_s:
        time.sleep(0.05)
    assert not running.exists()
    shutil.rmtree(directory)
