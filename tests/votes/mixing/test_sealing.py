"""Files that only the holder of a key can read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from loopixmix.errors import StoreError
from votes.mixing.sealing import SealedFiles, remove_files

KEY = bytes(range(32))


@pytest.fixture
def files(tmp_path: Path) -> SealedFiles:
    return SealedFiles(tmp_path / "sealed", KEY, random.Random(1))


def test_what_is_kept_is_found(files: SealedFiles) -> None:
    files.keep("name", b"content")
    files.keep("empty", b"")
    assert (files.find("name"), files.find("empty"), files.find("other")) == (b"content", b"", None)
    files.keep("name", b"other content")
    assert files.find("name") == b"other content"


def test_files_are_private_and_do_not_show_what_is_in_them(files: SealedFiles, tmp_path: Path) -> None:
    files.keep("name", b"a secret")
    path = tmp_path / "sealed" / "name"
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"secret" not in path.read_bytes()


def test_one_content_is_sealed_differently_each_time(files: SealedFiles, tmp_path: Path) -> None:
    sealed = set()
    for _ in range(3):
        files.keep("name", b"content")
        sealed.add((tmp_path / "sealed" / "name").read_bytes()[12:])
    assert len(sealed) == 3


def test_another_key_and_another_name_find_nothing(files: SealedFiles, tmp_path: Path) -> None:
    files.keep("name", b"content")
    assert SealedFiles(tmp_path / "sealed", KEY[::-1], random.Random(1)).find("name") is None
    (tmp_path / "sealed" / "name").rename(tmp_path / "sealed" / "renamed")
    assert files.find("renamed") is None


@pytest.mark.parametrize("length", [0, 5, 12, 20, 34])
def test_a_torn_file_is_not_found(length: int, files: SealedFiles, tmp_path: Path) -> None:
    files.keep("name", b"content")
    path = tmp_path / "sealed" / "name"
    assert len(path.read_bytes()) == 12 + 7 + 16
    path.write_bytes(path.read_bytes()[:length])
    assert files.find("name") is None


def test_what_cannot_be_read_is_told(files: SealedFiles, tmp_path: Path) -> None:
    (tmp_path / "sealed" / "name").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        files.find("name")


def test_all_of_them_are_removed_with_what_a_crash_left(files: SealedFiles, tmp_path: Path) -> None:
    files.keep("name", b"content")
    (tmp_path / "sealed" / ".other.unfinished").write_bytes(b"")
    remove_files(tmp_path / "sealed")
    assert not (tmp_path / "sealed").exists()
    remove_files(tmp_path / "sealed")
