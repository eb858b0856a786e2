"""Generators in files: the same as those derived at once, and made again wherever a file is not right."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.group.ristretto import engine_names, ristretto255
from tests.worlds.mixers import Steps
from tests.worlds.shuffles import FINGERPRINT
from votes.mixing.generators import KeptGenerators
from votes.shuffle.generators import DerivedGenerators

COUNT = 10


def kept(
    directory: Path, *, engine: str | None = None, fingerprint: bytes = FINGERPRINT, count: int = COUNT
) -> KeptGenerators:
    return KeptGenerators(directory, ristretto255(engine), fingerprint, count, chunk_rows=4)


def all_of(generators: KeptGenerators) -> bytes:
    assert generators.elements(0, len(generators)).encode() == generators.encodings(0, len(generators))
    return generators.encodings(0, len(generators))


@pytest.mark.parametrize("engine", engine_names())
def test_kept_generators_are_those_derived_at_once(engine: str, tmp_path: Path) -> None:
    derived = DerivedGenerators(ristretto255(engine), FINGERPRINT, COUNT)
    for generators in (kept(tmp_path, engine=engine), kept(tmp_path, engine=engine)):
        assert len(generators) == COUNT
        for first in range(COUNT + 1):
            for count in range(COUNT + 1 - first):
                assert generators.elements(first, count) == derived.elements(first, count)
                assert generators.encodings(first, count) == bytes(derived.encodings(first, count))


@pytest.mark.parametrize(("first", "count"), [(0, 11), (10, 1), (-1, 1), (5, -1)])
def test_no_others_than_those_asked_for_are_there(first: int, count: int, tmp_path: Path) -> None:
    generators = kept(tmp_path)
    derived = DerivedGenerators(ristretto255(), FINGERPRINT, COUNT)
    for refuse in (generators.elements, generators.encodings, derived.elements, derived.encodings):
        with pytest.raises(ValueError, match="there are 10"):
            refuse(first, count)


def test_they_are_derived_once_by_chunks(tmp_path: Path) -> None:
    steps = Steps()
    kept(tmp_path).derive(steps)
    assert steps.seen == ["deriving generators", *(f"deriving generators: {number}" for number in (1, 2, 3))]
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(written) == 3
    kept(tmp_path).derive(steps)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written


def test_generators_differ_and_depend_on_the_election(tmp_path: Path) -> None:
    ours, others = all_of(kept(tmp_path)), all_of(kept(tmp_path, fingerprint=bytes(32)))
    each = {column[place : place + 32] for column in (ours, others) for place in range(0, len(column), 32)}
    assert len(each) == 2 * COUNT


def test_files_of_another_election_engine_or_number_do_not_count(tmp_path: Path) -> None:
    ours = all_of(kept(tmp_path))
    assert all_of(kept(tmp_path, fingerprint=bytes(32))) != ours
    assert all_of(kept(tmp_path, count=9)) == ours[: 9 * 32]
    for engine in engine_names():
        assert all_of(kept(tmp_path, engine=engine)) == ours


@pytest.mark.parametrize("place", [0, 40, -1])
def test_a_damaged_file_is_made_again(place: int, tmp_path: Path) -> None:
    ours = all_of(kept(tmp_path))
    first = min(tmp_path.iterdir())
    whole = first.read_bytes()
    damaged = bytearray(whole)
    damaged[place] ^= 1
    for content in (bytes(damaged), whole[:-1], b""):
        first.write_bytes(content)
        assert all_of(kept(tmp_path)) == ours
        assert first.read_bytes() == whole


def test_a_file_of_another_place_does_not_count(tmp_path: Path) -> None:
    ours = all_of(kept(tmp_path))
    first, second, _ = sorted(tmp_path.iterdir())
    first.write_bytes(second.read_bytes())
    assert all_of(kept(tmp_path)) == ours
