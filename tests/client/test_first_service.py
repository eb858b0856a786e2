"""The poll of docs/first-service.md: it works, and the page shows what it really is."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from provider.hosting.loading.factories import find_factory

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "poll"
PAGE = (ROOT / "docs" / "first-service.md").read_text()
SOURCES = [path.read_text() for path in sorted([*EXAMPLE.glob("*.py"), *EXAMPLE.glob("*.toml")])]


@pytest.mark.parametrize("block", re.findall(r"```(?:python|toml)\n(.*?)```", PAGE, re.DOTALL))
def test_the_page_shows_the_files_as_they_are(block: str) -> None:
    assert any(block in source for source in SOURCES), block


def test_the_tests_of_the_example_pass() -> None:
    line = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(line, cwd=EXAMPLE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout


def test_a_provider_finds_the_service_once_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    [(name, value)] = project["entry-points"]["loopixmix.services"].items()
    installed = tmp_path / "loopixmix_poll-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[loopixmix.services]\n{name} = {value}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLE)
    service = find_factory(name)
    assert getattr(service, "name", None) == "poll"


def test_the_example_is_short() -> None:
    lines = (EXAMPLE / "poll_service.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 30
