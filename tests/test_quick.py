"""`make quick` finds the tests that concern a change, and lets none begin when its time is up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.quick import ROOT, Base, Budget, base_of, changed_files, commands_for, concerning, report

FILES = {
    "loopixmix/wire/codec.py": "",
    "loopixmix/wire/frames.py": "",
    "tests/loopixmix/wire/test_codec.py": "from loopixmix.wire.codec import decode",
    "tests/loopixmix/wire/test_sizes.py": "from loopixmix.wire import frames",
    "tests/worlds/links.py": "from loopixmix.wire import codec",
    "tests/worlds/towns.py": "from tests.worlds.links import Link",
    "tests/attacks/test_replay.py": "from tests.worlds.towns import Town",
    "tests/integration/test_links.py": "import tests.worlds.links",
    "tests/native/test_native.py": "from loopixmix import _native",
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
        ("native/src/lib.rs", ["tests/native/test_native.py"]),
        ("tests/worlds/towns.py", ["tests/attacks/test_replay.py"]),
        ("tests/attacks/test_replay.py", ["tests/attacks/test_replay.py"]),
    ],
)
def test_a_change_has_its_tests(tree: Path, changed: str, expected: list[str]) -> None:
    assert concerning([changed], tree) == ["tests/test_layers.py", *expected]


def git(tree: Path, *arguments: str) -> None:
    own = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *own, *arguments], cwd=tree, check=True, capture_output=True)


@pytest.fixture
def repository(tree: Path) -> Path:
    git(tree, "init", "-b", "main")
    git(tree, "add", ".")
    git(tree, "commit", "-m", "first")
    return tree


def test_what_is_committed_on_a_branch_and_what_is_not_is_changed(repository: Path) -> None:
    git(repository, "checkout", "-b", "work")
    base = base_of(repository)
    assert base.name.startswith("main (")
    assert changed_files(repository, base) == []
    (repository / "docs/page.md").write_text("more")
    git(repository, "commit", "-am", "second")
    (repository / "loopixmix/wire/codec.py").write_text("x = 1")
    (repository / "new.py").touch()
    (repository / "loopixmix/wire/frames.py").unlink()
    assert changed_files(repository, base_of(repository)) == [
        "docs/page.md",
        "loopixmix/wire/codec.py",
        "loopixmix/wire/frames.py",
        "new.py",
    ]


def test_on_main_it_is_what_was_not_pushed_that_is_changed(repository: Path) -> None:
    (repository / "docs/page.md").write_text("more")
    assert base_of(repository) == Base("HEAD", "the last commit")
    assert changed_files(repository, base_of(repository)) == ["docs/page.md"]
    git(repository, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(repository, "commit", "-am", "second")
    assert base_of(repository).name.startswith("origin/main (")
    assert changed_files(repository, base_of(repository)) == ["docs/page.md"]


def test_a_copy_that_has_no_branch_main_of_its_own_is_compared_with_the_one_it_came_from(repository: Path) -> None:
    git(repository, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(repository, "branch", "-m", "work")
    assert base_of(repository).name.startswith("origin/main (")


def test_the_first_line_says_what_is_compared() -> None:
    base = Base("0123", "main (0123)")
    assert report([], base).startswith("Compared with main (0123): nothing changed")
    assert report(["a.py"], base) == "Compared with main (0123): 1 file changed: a.py"
    assert report([f"{number}.py" for number in range(12)], base).endswith("8.py, 9.py and 2 more")


def test_each_kind_of_file_has_its_commands(tree: Path) -> None:
    def names(*changed: str) -> list[str]:
        commands = commands_for(changed, tree)
        return [" ".join(part for part in command if part[:1] not in "/-") for command in commands]

    assert names("docs/page.md") == ["mypy"]
    assert names("loopixmix/wire/codec.py", "gone.py") == [
        "mypy",
        "ruff check loopixmix/wire/codec.py",
        "ruff format loopixmix/wire/codec.py",
    ]
    assert names("native/src/lib.rs") == ["mypy", "make native"]


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


RUN_WITH_A_BUDGET = """
import sys, pytest
from tests.quick import Budget
budget = Budget(float(sys.argv[1]))
code = pytest.main(["-q", "one", "two"], plugins=[budget])
print(budget.left_out)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("budget_s", "printed"),
    [("40", ["2 passed", "{}"]), ("-1", ["2 skipped", "{'one/test_one.py': 1, 'two/test_two.py': 1}"])],
)
def test_the_budget_works_in_pytest_if_one_of_two_folders_has_a_conftest(
    tmp_path: Path, budget_s: str, printed: list[str]
) -> None:
    # The hook of a conftest applies to its own folder only. For the other folder, pytest keeps a set of its plugins.
    for name, text in {
        "pytest.ini": "[pytest]",
        "one/conftest.py": "def pytest_runtest_setup(item): pass",
        "one/test_one.py": "def test_one(): pass",
        "two/test_two.py": "def test_two(): pass",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    # A process of its own: pytest inside of pytest would share the plugin that runs a reactor.
    done = subprocess.run(
        [sys.executable, "-c", RUN_WITH_A_BUDGET, budget_s],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert all(words in done.stdout for words in printed), done.stdout
