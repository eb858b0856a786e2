"""The breaks of `tests/mutants` can still be tried: each patch fits the code, and the tests that it names exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutants.run import ROOT, Break, BrokenError, all_breaks, apply_patch, chosen, read_break

BREAKS = all_breaks()
ATTACKS = ROOT / "docs" / "attacks.md"
NAMED_TEST = re.compile(r"`(tests/[^`]*::[^`]*)`")
MOST_UNTRIED = 18
"""Tests of the attacks page that no break has been seen to turn red. The number may only shrink."""


def functions_of(statements: list[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement.name


def methods_of(name: str, module: Path) -> Iterator[str]:
    """Yield the methods of a class of `module`, with those of its bases there or in a helper module of the tests."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for statement in tree.body:
        match statement:
            case ast.ClassDef(name=found, body=body, bases=bases) if found == name:
                yield from functions_of(body)
                for base in bases:
                    yield from methods_of(ast.unparse(base), module)
            case ast.ImportFrom(module=str(helper), names=names) if name in {alias.name for alias in names}:
                path = ROOT / f"{helper.replace('.', '/')}.py"
                if path.is_file():
                    yield from methods_of(name, path)


def is_there(test: str) -> bool:
    """Tell whether a test that is named by pytest's node id exists; what it is repeated with is left out."""
    file, *names = test.partition("[")[0].split("::")
    module = ROOT / file
    if not module.is_file():
        return False
    match names:
        case [name]:
            return name in functions_of(ast.parse(module.read_text(encoding="utf-8")).body)
        case [holder, name]:
            return name in methods_of(holder, module)
        case _:
            return False


def test_there_are_twenty_breaks_in_twenty_modules() -> None:
    assert len(BREAKS) >= 20
    assert len({module for each in BREAKS for module in each.modules}) >= 20
    assert len({each.number for each in BREAKS}) == len(BREAKS)


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.name)
def test_a_break_says_what_it_breaks_and_who_finds_it(each: Break) -> None:
    assert each.what.endswith(".")
    assert each.tests


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.name)
def test_a_break_changes_the_code_as_it_is_and_no_test(each: Break) -> None:
    packages = {module.partition("/")[0] for module in each.modules}
    assert packages
    assert packages <= {"loopixmix", "provider", "client", "leap_plugin", "votes", "stats", "simulations"}
    apply_patch(each.path, ROOT, check_only=True)


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.name)
def test_the_tests_that_a_break_names_exist(each: Break) -> None:
    assert [test for test in each.tests if not is_there(test)] == []


def test_the_tests_of_the_attacks_page_that_no_break_turns_red_become_fewer() -> None:
    tried = {test.partition("[")[0] for each in BREAKS for test in each.tests}
    untried = sorted({test for test in NAMED_TEST.findall(ATTACKS.read_text("utf-8")) if test not in tried})
    assert len(untried) <= MOST_UNTRIED, f"a new test of an attack needs a break that turns it red: {untried}"


@pytest.mark.parametrize(
    "test",
    [
        "tests/test_nowhere.py::test_a",
        "tests/test_mutants.py",
        "tests/test_mutants.py::test_nothing",
        "tests/client/running/test_service.py::TestClientService::test_nothing",
    ],
)
def test_a_test_that_is_not_there_is_noticed(test: str) -> None:
    assert not is_there(test)


def test_a_patch_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    patch = tmp_path / "99-wrong.patch"
    old, new = "- There is no such line.\n", "+ There is another.\n"
    patch.write_text(f"diff --git a/README.md b/README.md\n--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n{old}{new}")
    with pytest.raises(BrokenError, match="does not apply"):
        apply_patch(patch, ROOT, check_only=True)
    assert read_break(patch) == Break(patch, "", (), ("README.md",))


def test_breaks_are_chosen_by_their_numbers() -> None:
    assert chosen([]) == BREAKS
    assert [each.number for each in chosen([BREAKS[1].number])] == [BREAKS[1].number]
    with pytest.raises(SystemExit, match="there is no break 00"):
        chosen(["00"])
