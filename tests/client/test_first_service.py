"""The examples of docs/first-service.md and docs/taking-tokens.md: they work, and the pages show what they are."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.hosting.loading.factories import find_factory

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
EXAMPLE = EXAMPLES / "poll"
PAGES = {"poll": "first-service.md", "petition": "taking-tokens.md"}
TESTS = {"poll": 7, "petition": 9}


def blocks() -> Iterator[tuple[str, str]]:
    for example, page in PAGES.items():
        text = (ROOT / "docs" / page).read_text()
        yield from ((example, block) for block in re.findall(r"```(?:python|toml)\n(.*?)```", text, re.DOTALL))


@pytest.mark.parametrize(("example", "block"), list(blocks()))
def test_the_page_shows_the_files_as_they_are(example: str, block: str) -> None:
    sources = sorted([*(EXAMPLES / example).glob("*.py"), *(EXAMPLES / example).glob("*.toml")])
    assert any(block in path.read_text() for path in sources), block


@pytest.mark.parametrize("example", PAGES)
def test_the_tests_of_the_example_pass(example: str) -> None:
    line = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(line, cwd=EXAMPLES / example, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert f"{TESTS[example]} passed" in done.stdout


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


@pytest.mark.parametrize(("example", "word"), [("poll", "result"), ("petition", "read")])
def test_its_program_says_in_one_line_what_is_wrong(example: str, word: str) -> None:
    def told(*words: str) -> str:
        line = [sys.executable, "-B", f"{example}_app.py", *words]
        done = subprocess.run(line, cwd=EXAMPLES / example, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        return done.stderr

    assert told("nowhere", word).startswith("there is no directory nowhere")
    assert told("nowhere", word).count("\n") == 1
    assert f"{example}_app" in told("nowhere")
