from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from loopixmix.errors import ConfigError
from votes.credentials.sealing import SealedFile

RNG = random.Random(1)


def test_what_is_sealed_is_read_by_its_key_only(tmp_path: Path) -> None:
    file = SealedFile(tmp_path / "codes")
    assert not file.is_there
    file.write(b"who has what", RNG)
    file.write(b"who has which", RNG)
    assert file.read() == b"who has which"
    for name in ("codes", "codes.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        assert b"who has" not in (tmp_path / name).read_bytes()
    assert file.digest() == hashlib.sha512((tmp_path / "codes").read_bytes()).digest()


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    file = SealedFile(tmp_path / "codes")
    file.write(b"who has which", RNG)
    sealed = (tmp_path / "codes").read_bytes()
    for wrong in (sealed[:-1], bytes([sealed[0] ^ 1]) + sealed[1:], b""):
        (tmp_path / "codes").write_bytes(wrong)
        with pytest.raises(ConfigError, match="was changed"):
            file.read()


def test_an_erased_file_is_gone_with_its_key_and_erasing_again_is_harmless(tmp_path: Path) -> None:
    file = SealedFile(tmp_path / "codes")
    file.write(b"who has which", RNG)
    for _ in range(2):
        file.erase()
        assert list(tmp_path.iterdir()) == []
        assert not file.is_there
        assert file.digest() is None
    with pytest.raises(ConfigError, match="no such file"):
        file.read()


def test_a_copy_of_the_file_does_not_open_without_the_erased_key(tmp_path: Path) -> None:
    file = SealedFile(tmp_path / "codes")
    file.write(b"who has which", RNG)
    copy = (tmp_path / "codes").read_bytes()
    file.erase()
    file.write(b"", RNG)
    (tmp_path / "codes").write_bytes(copy)
    with pytest.raises(ConfigError, match="was changed"):
        file.read()


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = SealedFile(tmp_path / "codes")
    file.write(b"who has which", RNG)
    (tmp_path / "codes.key").chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        file.read()
