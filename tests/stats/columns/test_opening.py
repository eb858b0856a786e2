from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.errors import ConfigError, StoreError
from stats.columns.opening import open_columns
from tests.worlds.stats.engines import TABLE, columns


def test_duckdb_is_a_file_or_memory(tmp_path: Path) -> None:
    for place, is_there in (("", True), ("memory", False)):
        store = open_columns(place, tmp_path / f"{place}.duckdb")
        store.ensure(TABLE)
        store.append(TABLE, 1, 0, columns((1, 2)))
        assert store.has_batch(TABLE, 1)
        store.close()
        assert (tmp_path / f"{place}.duckdb").exists() == is_there


@pytest.mark.parametrize("place", ["sqlite:///x", "http://127.0.0.1/", "clickhouse://", "clickhouse://h:port/x", "x"])
def test_other_places_are_refused_without_a_password_in_the_message(place: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        open_columns(place, tmp_path / "x.duckdb")


def test_a_server_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        open_columns("clickhouse://somebody:marked-password@127.0.0.1:1/stats", tmp_path / "x.duckdb")
    assert "marked-password" not in str(refused.value)
    assert "127.0.0.1" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_columns("", path)
