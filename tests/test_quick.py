"""`make quick` finds the tests that concern a change, and lets none begin when its time is up."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.quick import Budget, changed_files, concerning

FILES = {
    "loopixmix/wire/codec.py": "",
    "loopixmix/wire/frames.py": "",
    "tests/loopixmix/wire/test_codec.py": "from loopixmix.wire.codec import decode",
    "tests/loopixmix/wire/test_sizes.py": "from loopixmix.wire import frames",
    "tests/worlds/links.py": "from loopixmix.wire import codec",
    "tests/worlds/towns.py": "from tests.worlds.links import Link",
    "tests/attacks/test_replay.py": "from tests.worlds.towns import Town",
    "tests/integration/test_links.py": "import tests.worlds.links",
    "tests/test_layers.py": "",
    "tests/test_docs.py": "",
    "docs/page.md": "",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("README.txt", []),
        ("docs/page.md", ["tests/test_docs.py"]),
        (
            "loopixmix/wire/codec.py",
            ["tests/loopixmix/wire/test_codec.py", "tests/attacks/test_replay.py", "tests/integration/test_links.py"],
        ),
        (
            "loopixmix/wire/frames.py",  # it has no test of its own
            ["tests/loopixmix/wire/test_codec.py", "tests/loopixmix/wire/test_sizes.py"],
        ),
        ("tests/worlds/towns.py", ["tests/attacks/test_replay.py"]),
        ("tests/attacks/test_replay.py", ["tests/attacks/test_replay.py"]),
    ],
)
def test_a_change_has_its_tests(tree: Path, changed: str, expected: list[str]) -> None:
    assert concerning([changed], tree) == ["tests/test_layers.py", *expected]


def test_what_is_committed_on_a_branch_and_what_is_not_is_changed(tree: Path) -> None:
    def git(*arguments: str) -> None:
        own = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *own, *arguments], cwd=tree, check=True, capture_output=True)

    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "first")
    assert changed_files(tree) == []
    git("checkout", "-b", "work")
    (tree / "docs/page.md").write_text("more")
    git("commit", "-am", "second")
    (tree / "loopixmix/wire/codec.py").write_text("x = 1")
    (tree / "new.py").touch()
    (tree / "loopixmix/wire/frames.py").unlink()
    assert changed_files(tree) == ["docs/page.md", "loopixmix/wire/codec.py", "new.py"]


class ItemOf:
    """As much of a test as the budget looks at."""

    def __init__(self, nodeid: str) -> None:
        self.nodeid = nodeid


def test_no_test_begins_when_the_time_is_up() -> None:
    times_s = iter((100.0, 139.0, 141.0, 142.0))
    budget = Budget(40.0, clock=lambda: next(times_s))
    budget.pytest_runtest_setup(ItemOf("tests/test_a.py::test_one"))  # type: ignore[arg-type]
    for name in ("two", "three"):
        with pytest.raises(pytest.skip.Exception):
            budget.pytest_runtest_setup(ItemOf(f"tests/test_a.py::test_{name}"))  # type: ignore[arg-type]
    assert budget.left_out == {"tests/test_a.py": 2}
