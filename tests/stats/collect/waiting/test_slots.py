from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest

from loopixmix.errors import StoreError
from stats.collect.survey import CheckedReport, PoolName
from stats.collect.waiting.records import RecordForm
from stats.collect.waiting.slots import LEAST_SLOTS, SlotFile
from tests.worlds.stats.traces import places, shows_order

POOL = PoolName(bytes(32), 0, 0)
FORM = RecordForm(2)


def reports(count: int, seed: int = 1) -> list[CheckedReport]:
    rng = random.Random(seed)
    return [
        CheckedReport(POOL, rng.randbytes(32), rng.randbytes(32), (rng.getrandbits(62), number))
        for number in range(count)
    ]


def opened(path: Path, seed: int = 7) -> SlotFile:
    return SlotFile(path / "a.slots", FORM, rng=random.Random(seed))


def put(file: SlotFile, some: list[CheckedReport], *, together: int = 1) -> None:
    for start in range(0, len(some), together):
        file.put([FORM.encode(report) for report in some[start : start + together]])


def values(file: SlotFile) -> list[tuple[int, int]]:
    return sorted(map(tuple, file.read()[1]["values"].tolist()))


def test_what_is_put_is_there_also_after_a_restart(tmp_path: Path) -> None:
    file = opened(tmp_path)
    some = reports(50)
    put(file, some, together=7)
    for again in (file, opened(tmp_path)):
        assert len(again) == 50
        assert values(again) == sorted(report.values for report in some)
    assert (tmp_path / "a.slots").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("together", [1, 10])
def test_a_file_shows_no_order(tmp_path: Path, together: int) -> None:
    file = opened(tmp_path)
    some = reports(600)
    patterns = [report.once for report in some]
    for end in (100, 300, 600):
        # Before it has grown, and after it has grown once and twice.
        put(file, some[len(file) : end], together=together)
        data = (tmp_path / "a.slots").read_bytes()
        assert {len(here) for here in places(data, patterns[:end])} == {1}
        assert not shows_order(data, patterns[:end])
    assert [path.name for path in tmp_path.iterdir()] == ["a.slots"]


def test_the_test_of_order_finds_one() -> None:
    patterns = [report.once for report in reports(100)]
    assert shows_order(b"".join(patterns), patterns)
    halves = patterns[50:], patterns[:50]
    random.Random(1).shuffle(halves[0])
    random.Random(1).shuffle(halves[1])
    # Also one of two parts, of which the later one stands first.
    assert shows_order(b"".join(halves[0] + halves[1]), patterns)


def test_nothing_is_left_of_what_is_erased(tmp_path: Path) -> None:
    file = opened(tmp_path)
    some = reports(300)
    put(file, some, together=50)
    slots, records = file.read()
    gone = np.arange(0, 300, 3)
    left = {bytes(once) for once in np.delete(records["once"], gone)}
    file.erase(slots[gone])
    data = (tmp_path / "a.slots").read_bytes()
    for report in some:
        assert (report.once in data) == (report.once in left)
        assert (report.digest in data) == (report.once in left)
    assert len(file) == len(opened(tmp_path)) == 200
    put(file, reports(100, 2))
    assert len(opened(tmp_path)) == 300


def test_an_erased_slot_looks_as_if_nothing_was_ever_in_it(tmp_path: Path) -> None:
    file = opened(tmp_path)
    put(file, reports(20))
    file.erase(file.read()[0])
    assert not any((tmp_path / "a.slots").read_bytes())


def test_a_slot_that_was_half_written_is_free(tmp_path: Path) -> None:
    put(opened(tmp_path), reports(1))
    path = tmp_path / "a.slots"
    data = bytearray(path.read_bytes())
    [slot] = opened(tmp_path).read()[0].tolist()
    data[slot * FORM.length + 40] ^= 1
    path.write_bytes(data)
    assert len(opened(tmp_path)) == 0


def test_the_old_blocks_are_overwritten_when_a_file_grows(tmp_path: Path) -> None:
    file = opened(tmp_path)
    some = reports(LEAST_SLOTS // 2)
    put(file, some, together=64)
    old = os.open(tmp_path / "a.slots", os.O_RDONLY)
    assert any(os.pread(old, 10**6, 0))
    put(file, reports(1, 2))
    assert not any(os.pread(old, 10**6, 0))
    os.close(old)
    assert len(opened(tmp_path)) == len(some) + 1


def test_a_file_is_removed_with_all_that_is_in_it(tmp_path: Path) -> None:
    file = opened(tmp_path)
    put(file, reports(3))
    old = os.open(tmp_path / "a.slots", os.O_RDONLY)
    file.remove()
    assert not any(os.pread(old, 10**6, 0))
    os.close(old)
    assert list(tmp_path.iterdir()) == []


class FullDisk(SlotFile):
    """A file whose disk has no room for flushes."""

    def put(self, records: object) -> None:
        os.close(self._descriptor)
        self._descriptor = os.open(self._path, os.O_RDONLY)
        super().put(records)  # type: ignore[arg-type]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    file = FullDisk(tmp_path / "a.slots", FORM, rng=random.Random(1))
    with pytest.raises(StoreError, match="cannot be used"):
        file.put([FORM.encode(reports(1)[0])])
    with pytest.raises(StoreError):
        SlotFile(tmp_path / "none" / "a.slots", FORM, rng=random.Random(1))


def test_slots_are_drawn_evenly(tmp_path: Path) -> None:
    # The slots of 100 reports in each of 40 files: chi-squared over 16 parts of the file, beyond 58 once in 10^6 times.
    counts = np.zeros(16)
    for seed in range(40):
        file = SlotFile(tmp_path / f"{seed}.slots", FORM, rng=random.Random(seed))
        put(file, reports(100), together=100)
        counts += np.bincount(file.read()[0] * 16 // LEAST_SLOTS, minlength=16)
        file.close()
    expected = counts.sum() / 16
    assert ((counts - expected) ** 2 / expected).sum() < 58


def test_what_was_refused_counts_never_also_if_it_could_not_be_erased_at_once(tmp_path: Path) -> None:
    file = opened(tmp_path)
    put(file, reports(3))
    # A disk that takes no writes for a while: neither the reports nor their erasure.
    able = file._descriptor
    file._descriptor = os.open(tmp_path / "a.slots", os.O_RDONLY)
    with pytest.raises(StoreError):
        put(file, reports(5, seed=2), together=5)
    assert len(file) == 3
    os.close(file._descriptor)
    file._descriptor = able
    assert values(file) == sorted(report.values for report in reports(3))
    put(file, reports(5, seed=2), together=5)
    assert len(file) == len(values(file)) == 8
