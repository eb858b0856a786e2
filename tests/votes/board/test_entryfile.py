from __future__ import annotations

from pathlib import Path
from typing import IO

import pytest

from loopixmix.errors import StoreError
from votes.board.entryfile import EntryFile
from votes.record.entries import Entry, EntryKind

ENTRIES = [Entry(EntryKind.BALLOT, number, b"ballot" * number).encode() for number in range(4)]


class FileOnADisk(EntryFile):
    """A file whose disk is full at first."""

    is_full = True

    def _opened(self) -> IO[bytes]:
        file = super()._opened()
        if not self.is_full:
            return file
        file.close()
        return self.path.open("rb")


def test_entries_stand_one_after_another(tmp_path: Path) -> None:
    file = EntryFile(tmp_path / "entries")
    file.append(ENTRIES[:2])
    file.append(ENTRIES[2:])
    file.close()
    assert (tmp_path / "entries").read_bytes() == b"".join(ENTRIES)
    again = EntryFile(tmp_path / "entries")
    assert again.count == 4
    again.close()


@pytest.mark.parametrize("cut", [1, 10, 18, 20])
def test_what_a_crash_cut_short_is_cut_off(tmp_path: Path, cut: int) -> None:
    (tmp_path / "entries").write_bytes(b"".join(ENTRIES)[:-cut])
    file = EntryFile(tmp_path / "entries")
    assert file.count == 3
    file.append(ENTRIES[3:])
    file.close()
    assert (tmp_path / "entries").read_bytes() == b"".join(ENTRIES)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        EntryFile(tmp_path)


def test_what_a_full_disk_kept_out_is_added_later_and_nothing_before_it(tmp_path: Path) -> None:
    file = EntryFile(tmp_path / "entries")
    assert file.append(ENTRIES[:1])
    file.close()
    full = FileOnADisk(tmp_path / "entries")
    assert full.problem is None
    assert not full.append(ENTRIES[1:2])
    assert "cannot be written" in (full.problem or "")
    full.is_full = False
    assert not full.append(ENTRIES[2:3])
    assert full.reopen()
    assert (full.problem, full.count) == (None, 1)
    assert full.append(ENTRIES[1:])
    full.close()
    assert (tmp_path / "entries").read_bytes() == b"".join(ENTRIES)
