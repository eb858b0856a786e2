from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from benchmarks.voting import tallies
from votes.shuffle.statement import ShuffleError
from votes.trustees.decryption import DecryptionError

SIZE = 30


@pytest.fixture
def tallied(tmp_path: Path) -> Path:
    tallies.make_list(SIZE, tmp_path)
    tallies.derive_generators(SIZE, tmp_path)
    for mixer in range(tallies.MIXERS):
        tallies.prepare(mixer, SIZE, tmp_path)
    for mixer in range(tallies.MIXERS):
        tallies.mix(mixer, SIZE, tmp_path)
    for trustee in tallies.TRUSTEES:
        tallies.verify_all(trustee, SIZE, tmp_path)
        tallies.decrypt(trustee, SIZE, tmp_path)
    return tmp_path


def test_every_stage_of_a_tally_is_real(tallied: Path) -> None:
    tallies.check_decryptions(SIZE, tallied)
    tallies.count(SIZE, tallied)


@pytest.mark.parametrize(
    ("name", "stage", "error"),
    [
        ("mix-0/proof", partial(tallies.verify_all, 1), ShuffleError),
        ("mix-1/output", partial(tallies.verify_all, 1), ShuffleError),
        ("share-2", tallies.check_decryptions, DecryptionError),
    ],
)
def test_what_is_measured_finds_a_changed_byte(
    tallied: Path, name: str, stage: partial[None], error: type[Exception]
) -> None:
    path = tallied / name
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))
    with pytest.raises(error):
        stage(SIZE, tallied)
