from __future__ import annotations

import random
import stat
from pathlib import Path

import pytest

from client.directory.keys import ClientKeys, create_keys, load_keys
from loopixmix.errors import ConfigError


def test_keys_come_back_and_are_private(tmp_path: Path) -> None:
    made = create_keys(tmp_path, random.Random(1))
    loaded = load_keys(tmp_path)
    assert loaded.identity_key.public == made.identity_key.public
    assert loaded.sealing.public == made.sealing.public
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    create_keys(tmp_path, random.Random(1))
    with pytest.raises(ConfigError, match="never overwritten"):
        create_keys(tmp_path, random.Random(2))


def test_one_seed_makes_the_same_keys() -> None:
    first, second = (ClientKeys.generate(random.Random(3)) for _ in "ab")
    assert first.sealing.public == second.sealing.public
    assert first.identity_key.public == second.identity_key.public


def test_keys_that_are_missing_open_or_broken_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"identity\.key: there is no such file"):
        load_keys(tmp_path)
    create_keys(tmp_path, random.Random(1))
    path = tmp_path / "sealing.key"
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=r"chmod 600"):
        load_keys(tmp_path)
    path.chmod(0o600)
    for content in (b"\xff\xfe", b"zz" * 96, b"00" * 95, b""):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match="192 hexadecimal digits"):
            load_keys(tmp_path)
    path.unlink()
    with pytest.raises(ConfigError, match=r"sealing\.key: there is no such file"):
        load_keys(tmp_path)
    path.mkdir()
    with pytest.raises(ConfigError, match=r"sealing\.key: cannot be read"):
        load_keys(tmp_path)
