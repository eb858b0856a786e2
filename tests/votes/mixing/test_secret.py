"""The seed of a mixer, which can be erased."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from loopixmix.errors import StoreError
from votes.mixing.secret import erase, load_seed, new_seed, seed_name


def test_a_seed_is_kept_in_a_private_file(tmp_path: Path) -> None:
    seed = new_seed(tmp_path / "seed", random.Random(1))
    assert load_seed(tmp_path / "seed") == seed
    assert (tmp_path / "seed").stat().st_mode & 0o777 == 0o600
    assert len(seed) == 32


def test_an_erased_file_is_overwritten_before_it_is_removed(tmp_path: Path) -> None:
    seed = new_seed(tmp_path / "seed", random.Random(1))
    # Another name for the same blocks of the disk shows what became of them.
    os.link(tmp_path / "seed", tmp_path / "blocks")
    erase(tmp_path / "seed")
    assert not (tmp_path / "seed").exists()
    assert (tmp_path / "blocks").read_bytes() == bytes(64)
    assert seed != bytes(32)


def test_what_is_not_there_need_not_be_erased(tmp_path: Path) -> None:
    erase(tmp_path / "seed")
    assert load_seed(tmp_path / "seed") is None


@pytest.mark.parametrize("left", [b"", bytes(64), bytes(32), b"x" * 63])
def test_what_a_killed_erasure_leaves_is_no_seed(left: bytes, tmp_path: Path) -> None:
    (tmp_path / "seed").write_bytes(left)
    assert load_seed(tmp_path / "seed") is None


def test_a_seed_that_was_overwritten_in_part_is_none(tmp_path: Path) -> None:
    new_seed(tmp_path / "seed", random.Random(1))
    content = (tmp_path / "seed").read_bytes()
    for place in (1, 31, 32, 63):
        (tmp_path / "seed").write_bytes(bytes(place) + content[place:])
        assert load_seed(tmp_path / "seed") is None


def test_the_name_of_a_seed_does_not_tell_it() -> None:
    seed = random.Random(1).randbytes(32)
    assert seed_name(seed) != seed_name(seed[::-1])
    assert seed not in seed_name(seed)


def test_what_cannot_be_read_or_erased_is_told(tmp_path: Path) -> None:
    (tmp_path / "seed").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        load_seed(tmp_path / "seed")
    with pytest.raises(StoreError, match="cannot be erased"):
        erase(tmp_path / "seed")
