from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.errors import FormatError
from votes.record.canonical import Hex
from votes.record.merkle import EMPTY_ROOT
from votes.watching.progress import NOTHING, Watched, WatchFile

FINGERPRINT = bytes(32)


def test_what_was_watched_comes_back(tmp_path: Path) -> None:
    file = WatchFile(tmp_path, FINGERPRINT)
    assert file.read() == NOTHING
    assert NOTHING.seen.root == EMPTY_ROOT
    watched = Watched(size=12, root=Hex(b"r" * 32), wrong=((9, "its form"), (10, "its proof")), objected=("late",))
    file.write(watched)
    assert file.read() == watched
    assert WatchFile(tmp_path, b"e" * 32).read() == NOTHING
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = WatchFile(tmp_path, FINGERPRINT)
    file.path.write_bytes(b"{}")
    with pytest.raises(FormatError, match="remove it, and all"):
        file.read()
