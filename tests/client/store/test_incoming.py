"""Received messages are kept for as long as the user has set, and the room that they took is given back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from client.store import ClientStore, incoming, readers
from client.store.incoming import Arrival, delete_old, insert_arrival
from client.values import Verified
from loopixmix.store.sealing import StoreKey
from loopixmix.store.transactions import Store

KEPT_S = 1000.0
MEGABYTE = 1024 * 1024
RNG = random.Random(26)


def arrive(store: Store, name: str, *, at_s: float, body: bytes = b"hello", reply_to: str = "") -> int:
    arrival = Arrival(
        author=b"",
        message_id=name,
        sender=None,
        verified=Verified.UNKNOWN,
        kind="text",
        body=body,
        received_at_s=at_s,
        reply_to=reply_to,
    )
    number = store.write(lambda connection: insert_arrival(connection, arrival))
    assert number is not None
    return number


def handle(store: Store, number: int) -> None:
    store.write(lambda connection: readers.settle(connection, "", "text", number, now_s=0.0))


def delete(store: Store, *, now_s: float, most_bytes: int = 1 << 40, limit: int = 100) -> list[str]:
    return store.write(lambda c: delete_old(c, before_s=now_s - KEPT_S, most_bytes=most_bytes, limit=limit))


def there(store: Store) -> list[str]:
    return [m.message_id for m in store.read(lambda c: incoming.received_after(c, after=0, limit=100))]


def test_what_is_older_than_the_user_wants_goes_whether_it_was_handled_or_not() -> None:
    store = ClientStore(None)
    handle(store, arrive(store, "old, handled", at_s=10))
    arrive(store, "old", at_s=20, reply_to="reply:1")
    arrive(store, "young", at_s=900)
    assert delete(store, now_s=1015) == [""]
    assert there(store) == ["old", "young"]
    assert delete(store, now_s=1500) == ["reply:1"]
    assert there(store) == ["young"]
    assert delete(store, now_s=1500) == []


def test_of_too_much_the_oldest_that_were_handled_go() -> None:
    store = ClientStore(None)
    numbers = [arrive(store, f"{number}", at_s=10, body=bytes(MEGABYTE)) for number in range(5)]
    for number in (numbers[1], numbers[2], numbers[4]):
        handle(store, number)
    assert delete(store, now_s=20, most_bytes=5 * MEGABYTE) == []
    delete(store, now_s=20, most_bytes=4 * MEGABYTE)
    assert there(store) == ["0", "2", "3", "4"]
    delete(store, now_s=20, most_bytes=MEGABYTE)
    assert there(store) == ["0", "3"]  # what nobody has handled is not thrown away unread


def test_some_are_deleted_at_a_time() -> None:
    store = ClientStore(None)
    for number in range(5):
        arrive(store, f"{number}", at_s=10)
    assert len(delete(store, now_s=2000, limit=2)) == 2
    assert there(store) == ["2", "3", "4"]


@pytest.mark.parametrize("key", [None, StoreKey(bytes(32))], ids=["plain", "sealed"])
def test_the_room_of_deleted_messages_is_given_back(tmp_path: Path, key: StoreKey | None) -> None:
    path = tmp_path / "client.db"
    store = ClientStore(path, key=key)
    for number in range(8):
        arrive(store, f"{number}", at_s=10, body=RNG.randbytes(MEGABYTE))
    store.empty_log()
    full_bytes = path.stat().st_size
    delete(store, now_s=2000)
    for _ in range(12):
        store.give_back()
    store.empty_log()
    assert full_bytes > 8 * MEGABYTE
    assert path.stat().st_size < MEGABYTE
    store.close()
