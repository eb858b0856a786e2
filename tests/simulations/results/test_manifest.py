"""The manifest of a folder."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from simulations.results.manifest import FolderError, read_manifest
from simulations.scenario import change
from tests.worlds.simulations.results_by_hand import result_by_hand

MANIFEST = result_by_hand({}).manifest


def test_it_reads_back(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(MANIFEST))
    assert read_manifest(tmp_path) == MANIFEST


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "no run was kept there"), (b"{", "is no manifest"), (b'{"format": 9}', "is no manifest")],
)
def test_what_is_none_is_refused(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(FolderError, match=says):
        read_manifest(tmp_path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(MANIFEST, format=2)))
    with pytest.raises(FolderError, match="is of format 2: this version reads 1"):
        read_manifest(tmp_path)


def test_more_replicates_are_the_same_run_and_another_scenario_is_not() -> None:
    more = msgspec.structs.replace(MANIFEST, scenario=change(MANIFEST.scenario, {"run.replicates": 9}), replicates=9)
    other = msgspec.structs.replace(MANIFEST, scenario=change(MANIFEST.scenario, {"seeds.root": 9}))
    assert more.digest == MANIFEST.digest != other.digest
