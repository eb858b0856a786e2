"""What each reader has handled, in the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from client.api import TooManyReadersError, UnknownReaderError, Verified
from client.store import SCHEMA, ClientStore, incoming, readers
from client.store.incoming import Arrival
from client.store.readers import MAX_READERS
from loopixmix.store.sqlite import sqlite_url


@pytest.fixture
def connection() -> Iterator[Connection]:
    store = ClientStore(None)
    opened: list[Connection] = []
    store.write(opened.append)
    with opened[0].engine.begin() as connection:
        yield connection
    store.close()


def arrive(connection: Connection, count: int, *, kind: str = "text") -> None:
    for number in range(count):
        arrival = Arrival(
            author=b"",
            message_id=f"{kind}-{number}",
            sender=None,
            verified=Verified.UNKNOWN,
            kind=kind,
            body=b"%d" % number,
            received_at_s=0.0,
        )
        incoming.insert_arrival(connection, arrival)


def open_numbers(connection: Connection, name: str, kind: str = "text") -> list[int]:
    numbers, after = [], 0
    while (message := readers.first_open(connection, name, kind, after=after)) is not None:
        after = message.number
        numbers.append(after)
    return numbers


def settle(connection: Connection, name: str, *numbers: int) -> list[bool]:
    return [readers.settle(connection, name, "text", number, now_s=0.0) for number in numbers]


def rows(connection: Connection) -> list[int]:
    return list(connection.execute(text("SELECT number FROM settled ORDER BY number")).scalars())


def test_each_reader_has_a_place_of_its_own(connection: Connection) -> None:
    arrive(connection, 3)
    readers.begin(connection, "archive", "text", now_s=1.0)
    readers.begin(connection, "alarm", "text", now_s=2.0)
    settle(connection, "archive", 1, 2)
    settle(connection, "", 3)
    assert open_numbers(connection, "archive") == [3]
    assert open_numbers(connection, "alarm") == [1, 2, 3]
    assert open_numbers(connection, "") == [1, 2]


def test_a_message_is_settled_once(connection: Connection) -> None:
    arrive(connection, 3)
    assert settle(connection, "", 2, 2, 1, 1, 2) == [True, False, True, False, False]


def test_what_is_handled_in_order_leaves_one_number(connection: Connection) -> None:
    arrive(connection, 2, kind="other")
    arrive(connection, 4)
    settle(connection, "", 4, 6)
    assert rows(connection) == [4, 6]
    settle(connection, "", 3)
    assert rows(connection) == [6]
    settle(connection, "", 5)
    assert rows(connection) == []
    assert open_numbers(connection, "") == []
    arrive(connection, 1, kind="late")
    assert open_numbers(connection, "", "late") == [7]


def test_a_deleted_message_holds_nothing_up(connection: Connection) -> None:
    arrive(connection, 3)
    incoming.delete_received(connection, 1)
    settle(connection, "", 2)
    assert rows(connection) == []
    assert open_numbers(connection, "") == [3]


def test_one_message_is_looked_at_again_until_it_is_settled(connection: Connection) -> None:
    arrive(connection, 2)
    settle(connection, "", 2)
    assert readers.open_one(connection, "", "text", 2) is None
    again = readers.open_one(connection, "", "text", 1)
    assert again is not None
    assert again.body == b"0"
    assert readers.open_one(connection, "", "other", 1) is None


def test_unread_is_what_no_reader_has_handled(connection: Connection) -> None:
    arrive(connection, 3)
    readers.begin(connection, "archive", "text", now_s=0.0)
    settle(connection, "archive", 1)
    settle(connection, "", 2)
    assert incoming.unread(connection) == 1


def test_named_readers_are_listed_and_removed(connection: Connection) -> None:
    arrive(connection, 3)
    readers.begin(connection, "archive", "text", now_s=1.0)
    readers.begin(connection, "archive", "text", now_s=5.0)
    settle(connection, "archive", 2)
    settle(connection, "", 1)
    [reader] = readers.named(connection)
    assert (reader.name, reader.kind, reader.waiting) == ("archive", "text", 2)
    assert (reader.made_at_s, reader.used_at_s) == (1.0, 5.0)
    assert readers.remove(connection, "archive", "text")
    assert not readers.remove(connection, "archive", "text")
    assert readers.named(connection) == []
    assert rows(connection) == []
    with pytest.raises(UnknownReaderError):
        settle(connection, "archive", 3)


def test_the_named_ones_are_bounded(connection: Connection) -> None:
    for number in range(MAX_READERS):
        readers.begin(connection, f"reader-{number}", "text", now_s=0.0)
    readers.begin(connection, "reader-1", "text", now_s=0.0)
    readers.begin(connection, "", "other", now_s=0.0)
    with pytest.raises(TooManyReadersError, match="64 named readers already: remove one before more begins"):
        readers.begin(connection, "more", "text", now_s=0.0)


def test_what_was_handled_before_there_were_readers_is_not_offered_again(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    config = Config()
    config.set_main_option("script_location", str(SCHEMA.migrations))
    engine = create_engine(sqlite_url(path))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for kind, handled in (("a", 1), ("a", 0), ("a", 1), ("b", 1), ("b", 1), ("c", 0)):
            connection.execute(
                text(
                    "INSERT INTO inbox (author, message_id, verified, kind, body, received_at_s, reply_to, handled) "
                    "VALUES (x'', hex(randomblob(16)), 'unknown', :kind, x'', 0, '', :handled)"
                ),
                {"kind": kind, "handled": handled},
            )
    engine.dispose()
    path.chmod(0o600)
    store = ClientStore(path)
    assert [store.write(lambda c, kind=kind: open_numbers(c, "", kind)) for kind in "abc"] == [[2], [], [6]]
    store.write(lambda c: readers.settle(c, "", "a", 2, now_s=0.0))
    assert store.write(rows) == []
    store.close()
