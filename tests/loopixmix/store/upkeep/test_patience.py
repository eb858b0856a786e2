from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from loopixmix.errors import MisuseError
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from loopixmix.store.upkeep.patience import in_a_moment, read_soon
from tests.worlds.databases import locked
from tests.worlds.polls import POLL, cast, votes


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(votes)).scalar_one()


def test_a_store_that_is_locked_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "poll.db"
    store = Store(POLL, sqlite_url(path))
    store.write(lambda c: cast(c, bytes(32), "yes"))
    store.close()
    assert read_soon(lambda: Store(POLL, sqlite_url(path)), count) == 1
    with locked(path):
        begun_s = time.monotonic()
        assert read_soon(lambda: Store(POLL, sqlite_url(path)), count) is None
        assert time.monotonic() - begun_s < 3.0
    assert read_soon(lambda: Store(POLL, sqlite_url(path)), count) == 1


def test_an_error_is_the_callers() -> None:
    def refuse() -> None:
        raise MisuseError("no")

    with pytest.raises(MisuseError, match="no"):
        in_a_moment(refuse)
