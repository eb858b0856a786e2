"""What the pages name exists: files, functions, tests, and the pages that they link to."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_layers import PACKAGES

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ATTACKS = ROOT / "docs" / "attacks.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PACKAGES = "loopixmix|provider|client|leap_plugin|votes|stats|simulations|tests|docs|native|benchmarks"
_NAMED = re.compile(rf"`((?:{_PACKAGES})/[\w./-]+\.\w+)::([\w.:]+)`")
_FILE = re.compile(rf"`((?:{_PACKAGES})/(?:[\w./-]*\.\w+|[\w./-]*/)?)`")


@functools.cache
def names_in(path: Path) -> frozenset[str]:
    """Return what a Python file defines at its top level, and the members of its classes as `Class.member`."""
    return frozenset(_names(ast.parse(path.read_text(encoding="utf-8")).body))


def _names(statements: list[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name, body=body):
                yield name
                yield from (f"{name}.{member}" for member in _names(body))
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def sections_of(page: Path) -> dict[str, str]:
    """Return the second-level sections of a page by their headings."""
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def where_is_rows() -> list[tuple[str, str]]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## Where is ...")[2].partition("\n\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return [(row[0], row[1]) for row in rows]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        if not linked.exists() or (anchor and anchor not in anchors_of(linked)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_functions_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = [(path, name.replace("::", ".")) for path, name in _NAMED.findall(text)]
    missing = [f"{path}::{name}" for path, name in named if not exists(path, name)]
    missing += [path for path in _FILE.findall(text) if not (ROOT / path).exists()]
    assert missing == []


def exists(path: str, name: str) -> bool:
    return (ROOT / path).is_file() and name in names_in(ROOT / path)


def test_the_readme_says_where_things_are() -> None:
    rows = where_is_rows()
    assert len(rows) >= 10
    assert all(_NAMED.search(where) for _, where in rows)


def test_every_folder_of_the_packages_is_on_the_map() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    folders = {module.parent.relative_to(ROOT) for package in PACKAGES for module in (ROOT / package).rglob("*.py")}
    assert sorted(f"{folder}/" for folder in folders if f"`{folder}/`" not in text) == []


def test_every_rule_of_the_structure_is_explained() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rules = {name for name in names_in(ROOT / "tests" / "test_layers.py") if name.startswith("test_")}
    assert rules - {name for path, name in _NAMED.findall(text) if path == "tests/test_layers.py"} == set()


def test_make_help_and_the_page_list_the_same_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `make ([\w-]+)` \| (.+) \| (.+) \|$", page, flags=re.MULTILINE)
    helped = re.findall(r"^# make ([\w-]+) +(.+) \((.+)\)$", makefile, flags=re.MULTILINE)
    assert helped == [(name, what.replace("`", ""), how_long) for name, what, how_long in rows]
    phony = re.findall(r"^\.PHONY: (.+)$", makefile, flags=re.MULTILINE)
    assert [name for name, _, _ in helped] == phony[0].split()


def test_the_problems_on_the_operators_page_are_those_that_nodes_tell() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    table = page.partition("| problem | what to do |\n|---|---|\n")[2].partition("\n\n")[0]
    problems = [problem for line in table.splitlines() for problem in line.split("|")[1].strip().split("; ")]
    assert len(problems) >= 5
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "loopixmix").rglob("*.py"))
    # Capitals stand for what differs from case to case.
    words = [part for problem in problems for part in re.split(r"\s*\b[A-Z]+\b\s*", problem) if part]
    assert [each for each in words if each not in sources] == []


def test_each_attack_says_what_remains_and_has_tests_that_perform_it() -> None:
    sections = sections_of(ATTACKS)
    assert len(sections) >= 20
    for heading, text in sections.items():
        before, tests_part = text.split("*Tests.*")
        assert "*Who:*" in before, heading
        assert "*Stops it.*" in before, heading
        assert "*Remains.*" in before, heading
        assert [path for path, _ in _NAMED.findall(before)], heading
        tests = [name for path, name in _NAMED.findall(tests_part) if path.startswith("tests/")]
        assert tests, heading
        assert all(name.rpartition(".")[2].startswith("test_") for name in tests), heading


def test_every_attack_that_is_performed_is_on_the_page() -> None:
    text = ATTACKS.read_text(encoding="utf-8")
    cited = {f"{path}::{name}" for path, name in _NAMED.findall(text)}
    performed = {
        f"tests/attacks/{path.name}::{name}"
        for path in (ROOT / "tests" / "attacks").glob("test_*.py")
        for name in names_in(path)
        if name.startswith("test_")
    }
    assert performed - cited == set()


def test_nobody_is_told_to_install_by_a_name_that_anybody_could_register() -> None:
    folders = ("loopixmix", "provider", "client", "leap_plugin", "votes", "stats", "simulations", "benchmarks")
    sources = [*PAGES, ROOT / "bootstrap.sh", ROOT / "Makefile"]
    sources += [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    # Not a path to a wheel, which has more behind the name.
    by_name = re.compile(r"""install\b[^\n`]*[\s'"`]loopixmix(?![-/\w])|\bloopixmix\[\w""")
    told = {path: by_name.findall(path.read_text(encoding="utf-8")) for path in sources}
    assert {path: found for path, found in told.items() if found} == {}
