"""Tags on disk: all back after a kill at any byte, and damage is never taken for a kill."""

from __future__ import annotations

import os
import random
from itertools import chain
from pathlib import Path

import pytest

from loopixmix.errors import StoreError
from loopixmix.keyring.replay_log import ReplayLog

PUBLIC_KEY = b"K" * 32
TAGS = [random.Random(1).randbytes(16 * 7)[start : start + 16] for start in range(0, 112, 16)]
HEADER_BYTES, RECORD_BYTES = 32, 20


def open_log(path: Path, *, new: bool = False, epoch: int = 9, public_key: bytes = PUBLIC_KEY) -> ReplayLog:
    return ReplayLog(path, epoch=epoch, public_key=public_key, new=new)


def write(path: Path, *batches: list[bytes]) -> None:
    log = open_log(path, new=True)
    for batch in batches:
        log.append(batch)
    log.close()


def read(path: Path) -> list[bytes]:
    log = open_log(path)
    try:
        return list(chain.from_iterable(log.restore()))
    finally:
        log.close()


def test_tags_come_back_in_order(tmp_path: Path) -> None:
    write(tmp_path / "log", TAGS[:3], [], TAGS[3:])
    assert read(tmp_path / "log") == TAGS
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_tags_are_with_the_system_when_append_returns(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", new=True)
    log.append(TAGS[:2])
    assert read(tmp_path / "log") == TAGS[:2]
    log.close()


def test_a_log_goes_on_after_a_restart(tmp_path: Path) -> None:
    write(tmp_path / "log", TAGS[:2])
    log = open_log(tmp_path / "log")
    assert list(chain.from_iterable(log.restore())) == TAGS[:2]
    log.append(TAGS[2:])
    log.close()
    assert read(tmp_path / "log") == TAGS


def test_a_kill_at_any_byte_of_the_last_batch_loses_nothing_before_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, TAGS[:5])
    whole = path.read_bytes()
    for cut in range(HEADER_BYTES, len(whole)):
        path.write_bytes(whole[:cut])
        kept = (cut - HEADER_BYTES) // RECORD_BYTES
        log = open_log(path)
        assert list(chain.from_iterable(log.restore())) == TAGS[:kept]
        log.append([TAGS[6]])
        log.close()
        assert read(path) == [*TAGS[:kept], TAGS[6]]


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, TAGS[:3])
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(StoreError, match="is damaged at byte"):
            read(path)


def test_a_lost_record_in_the_middle_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, TAGS[:3])
    whole = path.read_bytes()
    path.write_bytes(whole[:HEADER_BYTES] + whole[HEADER_BYTES + RECORD_BYTES :])
    with pytest.raises(StoreError, match="byte 32"):
        read(path)


@pytest.mark.parametrize(("epoch", "public_key"), [(8, PUBLIC_KEY), (9, b"L" * 32)])
def test_the_log_of_another_key_is_refused(tmp_path: Path, epoch: int, public_key: bytes) -> None:
    write(tmp_path / "log", TAGS)
    log = open_log(tmp_path / "log", epoch=epoch, public_key=public_key)
    with pytest.raises(StoreError, match="another key"):
        list(log.restore())
    log.close()


def test_a_missing_log_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"missing\): delete it together with"):
        open_log(tmp_path / "log")


def test_a_failed_append_keeps_nothing_and_the_next_one_fits(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = open_log(path, new=True)
    log.append(TAGS[:1])
    descriptor = log._file.fileno()
    spare = os.dup(descriptor)
    read_only = os.open(path, os.O_RDONLY)
    os.dup2(read_only, descriptor)
    with pytest.raises(StoreError, match="cannot be written"):
        log.append(TAGS[1:3])
    os.dup2(spare, descriptor)
    log.append(TAGS[3:])
    log.close()
    os.close(spare)
    os.close(read_only)
    assert read(path) == [TAGS[0], *TAGS[3:]]


def test_many_tags_come_back_in_batches(tmp_path: Path) -> None:
    rng = random.Random(2)
    tags = [rng.randbytes(16) for _ in range(120_000)]
    write(tmp_path / "log", tags)
    log = open_log(tmp_path / "log")
    batches = list(log.restore())
    log.close()
    assert len(batches) > 1
    assert list(chain.from_iterable(batches)) == tags
