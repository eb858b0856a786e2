"""The status file is replaced in one step, private, and read back as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.errors import StoreError
from loopixmix.observing.observers import LinkCounts, LoopCounts
from loopixmix.observing.status import NodeStatus, read_status
from loopixmix.process.status import StatusFile

STATUS = NodeStatus(
    name="mix1",
    id="ab" * 32,
    role="mix",
    layer=1,
    pid=4711,
    started_at_s=1_000.0,
    written_at_s=1_001.5,
    epoch=3,
    healthy=False,
    problem="no network document yet",
    engine="reference",
    dropped={"replay": 2},
    loops=LoopCounts(sent=3, returned=2, mean_s=0.6),
    links=LinkCounts(open=1, opened=2, closed=1, refused={"garbage": 1}),
    extra={"threads": 2},
)


def test_a_status_comes_back_as_it_was_written(tmp_path: Path) -> None:
    StatusFile(tmp_path).write(STATUS)
    assert read_status(tmp_path) == STATUS


def test_only_the_owner_may_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    StatusFile(tmp_path).write(STATUS)
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_no_status_is_none(tmp_path: Path) -> None:
    assert read_status(tmp_path) is None


def test_a_removed_status_is_none(tmp_path: Path) -> None:
    file = StatusFile(tmp_path)
    file.write(STATUS)
    file.remove()
    file.remove()
    assert read_status(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"name": 3}', b"\xff"])
def test_a_damaged_status_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "status.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"status\.json is damaged"):
        read_status(tmp_path)


def test_a_directory_that_is_gone_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written: No such file or directory"):
        StatusFile(tmp_path / "gone").write(STATUS)
