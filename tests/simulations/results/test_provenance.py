"""Which code, machine and files a result comes from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from simulations.results.provenance import code, computing, inputs_of, versions
from simulations.scenario import Scenario, ScenarioError, change


def test_the_code_is_told_by_its_sources() -> None:
    found = code()
    assert len(found.fingerprint) == 64
    assert found.fingerprint[:12] in found.text
    assert {"python", "numpy", "msgspec"} <= set(versions())
    for each in (f"sources {found.fingerprint}, ", "native code", f"numpy {versions()['numpy']}", "python 3."):
        assert each in computing()


def test_files_and_engines_of_ones_own_are_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.csv").write_text("0,0.1\n0.1,0\n")
    scenario = change(Scenario(), {"links.model": "matrix", "links.matrix": "own.csv"})
    found = inputs_of([scenario, Scenario()], "tests.worlds.toys:ENGINE")
    assert found["own.csv"] == hashlib.sha256(Path("own.csv").read_bytes()).hexdigest()
    assert list(found) == ["own.csv", "module tests.worlds.toys"]
    assert inputs_of([Scenario()], "vector") == {}
    Path("own.csv").unlink()
    with pytest.raises(ScenarioError, match=r'links\.matrix is "own\.csv": cannot be read'):
        inputs_of([scenario], "vector")
