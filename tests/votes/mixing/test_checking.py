"""Verifying a mix from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.errors import StoreError
from tests.worlds.mixers import Steps
from tests.worlds.shuffles import ShuffledList, a_shuffle
from votes.mixing.checking import verify_mix
from votes.shuffle.statement import ShuffleError

SIZE = 5


def verify(mixed: ShuffledList, tmp_path: Path, steps: Steps | None = None) -> None:
    names = ("input", "output", "proof")
    for name, content in zip(names, (mixed.before, mixed.shuffled.output, mixed.shuffled.proof), strict=True):
        if not (tmp_path / name).exists():
            (tmp_path / name).write_bytes(content)
    before, output, proof = (tmp_path / name for name in names)
    verify_mix(mixed.statement, before, output, proof, mixed.generators, progress=steps or Steps(), chunk_rows=2)


@pytest.mark.parametrize("size", [0, 1, SIZE])
def test_a_right_mix_is_accepted(size: int, tmp_path: Path) -> None:
    verify(a_shuffle(size, 1), tmp_path)


@pytest.mark.parametrize("name", ["input", "output", "proof"])
@pytest.mark.parametrize("cut", [b"", b"x"])
def test_a_file_of_another_length_is_refused(name: str, cut: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(cut)
    expected = f"proof for 5 rows of 1 has 1095 bytes, not {len(cut)}" if name == "proof" else "bytes, not 320"
    with pytest.raises(ShuffleError, match=expected):
        verify(a_shuffle(SIZE, 1), tmp_path)


def test_a_wrong_proof_is_refused_and_the_single_checks_are_told(tmp_path: Path) -> None:
    mixed = a_shuffle(SIZE, 1)
    (tmp_path / "output").write_bytes(mixed.before)
    steps = Steps()
    with pytest.raises(ShuffleError, match="wrong equations"):
        verify(mixed, tmp_path, steps)
    assert [step for step in steps.seen if ":" not in step] == [
        "reading the proof",
        "checking all equations together",
        "checking the equations one by one",
    ]
    assert "checking all equations together: 3" in steps.seen


@pytest.mark.parametrize("name", ["input", "output", "proof"])
def test_a_missing_file_is_told(name: str, tmp_path: Path) -> None:
    verify(a_shuffle(SIZE, 1), tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(StoreError, match=f"{name}: cannot be read"):
        verify(a_shuffle(SIZE, 1), tmp_path)
