"""Stores of clients in memory."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from client.store import contacts
from loopixmix.errors import StoreError
from simulations.world.stores import MemoryStores


def test_each_store_is_a_database_of_its_own() -> None:
    stores = MemoryStores()
    one, other = stores.open(), stores.open()
    one.write(lambda connection: contacts.save_fact(connection, "name", b"one"))
    assert one.write(lambda connection: contacts.fact(connection, "name")) == b"one"
    assert other.write(lambda connection: contacts.fact(connection, "name")) is None
    one.close()
    other.close()
    stores.close()


def test_what_fails_changes_nothing() -> None:
    stores = MemoryStores()
    store = stores.open()

    def fail(connection: Connection) -> None:
        contacts.save_fact(connection, "name", b"half")
        connection.execute(text("SELECT * FROM nowhere"))

    with pytest.raises(StoreError, match="the store cannot be used"):
        store.write(fail)
    assert store.write(lambda connection: contacts.fact(connection, "name")) is None
    store.close()
    stores.close()
