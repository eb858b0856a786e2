from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.errors import ConfigError
from votes.credentials.folder import AuthorityFacts, AuthorityFolder, write_private

FACTS = AuthorityFacts(name="Credentials", group="ristretto255", salt="00" * 16)


def test_a_new_folder_is_private_and_made_once(tmp_path: Path) -> None:
    place = tmp_path / "authority"
    folder = AuthorityFolder.create(place, FACTS, random.Random(1))
    assert place.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in place.iterdir())
    assert folder.facts() == FACTS
    identity = folder.key().identity
    with pytest.raises(ConfigError, match="never overwritten"):
        AuthorityFolder.create(place, FACTS, random.Random(2))
    assert AuthorityFolder(place).key().identity == identity


def test_another_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder of a credential authority"):
        AuthorityFolder(tmp_path).facts()
    (tmp_path / "authority.json").write_text('{"name":"x"}')
    with pytest.raises(ConfigError, match="missing required field"):
        AuthorityFolder(tmp_path).facts()


def test_a_file_that_could_not_be_finished_is_not_there(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_private(tmp_path / "out.csv", pieces())
    assert list(tmp_path.iterdir()) == []
    write_private(tmp_path / "out.csv", [b"one", b"two"])
    assert (tmp_path / "out.csv").read_bytes() == b"onetwo"
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="never overwritten"):
        write_private(tmp_path / "out.csv", [b""])
    with pytest.raises(Exception, match="cannot be written"):
        write_private(tmp_path / "nowhere" / "out.csv", [b""])
