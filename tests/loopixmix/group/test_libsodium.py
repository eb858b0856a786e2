"""What concerns libsodium only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import rbcl

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "ristretto255.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["one_way_map"]["vectors"])
def test_its_one_way_map_is_that_of_the_rfc(vector: dict[str, str]) -> None:
    mapped = rbcl.crypto_core_ristretto255_from_hash(bytes.fromhex(vector["uniform"]))
    assert mapped.hex() == vector["element"]


def test_it_leaves_no_file_behind(tmp_path: Path) -> None:
    program = "from loopixmix.group.ristretto import ristretto255; print(ristretto255('libsodium').engine)"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "libsodium\n"
    assert list(tmp_path.iterdir()) == []
