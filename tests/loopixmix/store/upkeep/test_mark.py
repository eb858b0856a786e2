"""The mark beside a store: what it misses, and what it must not miss."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from loopixmix.store.upkeep.mark import MARK_SUFFIX, Mark, MarkFile, ahead, following

LARGEST = 2**31 - 1


@pytest.fixture
def mark(tmp_path: Path) -> MarkFile:
    return MarkFile(tmp_path / "mail.sqlite3")


def test_a_store_without_a_mark_gets_one_and_has_lost_nothing(mark: MarkFile, tmp_path: Path) -> None:
    assert mark.read() is None
    assert mark.compare(7) == Mark(7, 7)
    assert (tmp_path / f"mail.sqlite3{MARK_SUFFIX}").stat().st_mode & 0o777 == 0o600


def test_changes_that_are_missing_count_as_lost_until_that_was_told(mark: MarkFile) -> None:
    mark.compare(7)
    mark.note(written=12)
    mark.note(moved=8)
    assert mark.compare(9) == Mark(9, 9, lost=3)
    assert mark.compare(10) == Mark(9, 9, lost=3)
    mark.forget_loss()
    assert mark.compare(10) == Mark(9, 9)


def test_a_crash_before_the_mark_was_written_is_no_loss(mark: MarkFile) -> None:
    mark.compare(7)
    assert mark.compare(8).lost == 0


def test_an_older_copy_that_was_put_back_is_no_loss(mark: MarkFile) -> None:
    mark.compare(7)
    mark.note(written=12, moved=12)
    mark.note(written=15)
    assert mark.compare(11) == Mark(11, 11)


def test_numbers_only_go_up(mark: MarkFile) -> None:
    mark.compare(7)
    mark.note(written=12, moved=9)
    mark.note(written=11, moved=8)
    assert mark.read() == Mark(9, 12)


def test_a_damaged_mark_is_none(mark: MarkFile, tmp_path: Path) -> None:
    mark.compare(7)
    file = tmp_path / f"mail.sqlite3{MARK_SUFFIX}"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert mark.read() is None
    assert mark.compare(3) == Mark(3, 3)


def test_numbers_begin_anew_after_the_largest(mark: MarkFile) -> None:
    assert following(LARGEST) == -LARGEST - 1
    assert ahead(following(LARGEST), LARGEST) == 1
    assert ahead(LARGEST, following(LARGEST)) == -1
    mark.compare(LARGEST)
    mark.note(written=following(LARGEST))
    assert mark.compare(LARGEST).lost == 1


def test_two_threads_lose_nothing_of_each_other(mark: MarkFile, monkeypatch: pytest.MonkeyPatch) -> None:
    mark.compare(0)
    both, read = threading.Barrier(2), mark._read

    def slowly() -> Mark | None:
        found = read()
        threading.Event().wait(0.01)  # what has been read grows old
        return found

    def note(**numbers: int) -> None:
        both.wait(10)
        mark.note(**numbers)

    monkeypatch.setattr(mark, "_read", slowly)
    threads = [threading.Thread(target=note, kwargs=numbers) for numbers in ({"written": 5}, {"moved": 5})]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert read() == Mark(5, 5)
