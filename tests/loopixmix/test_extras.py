"""The table of extras is that of pyproject.toml, and a command that lacks a library names the extra."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import pytest

from loopixmix.extras import EXTRAS, missing_extra
from loopixmix.main import run

ROOT = Path(__file__).parents[2]
OF_OTHERS = ("dev",)
"""Extras for those who work on LoopixMix itself."""

PLAIN_INSTALLATION = """
import sys
from loopixmix.extras import EXTRAS
from loopixmix.main import run

MISSING = {module for modules in EXTRAS.values() for module in modules}

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
for line in sys.stdin.read().splitlines():
    print(line, "->", run(line.split()), file=sys.stderr)
"""

WITHOUT = (
    *("simulate run default", "simulate run default --dry-run", "simulate run small-nodes --engine nodes"),
    *("simulate run default --measure latency_s", "simulate verify", "simulate measure net"),
    *("simulate plan --users 100 --bits 8 --latency 10", "simulate plot sweep x", "simulate plot distribution x"),
    *("simulate plot replicates x", "simulate plot pareto x", "simulate plot overlay x"),
    *("simulate plot loopix-fig4", "simulate plot loopix-fig10", "vote verify x", "stats demo"),
)
"""Commands whose very first step needs a library of an extra."""


def named(text: str) -> str:
    """Return a distribution's name as all tools write it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~;\s]", text)[0]).lower()


def test_the_table_is_that_of_pyproject() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {*EXTRAS, *OF_OTHERS} == set(extras)
    brought_by = packages_distributions()
    for extra, modules in EXTRAS.items():
        wanted = {named(each) for each in extras[extra] if not each.startswith("loopixmix")}
        found = {named(name) for module in modules for name in brought_by[module]}
        assert found & wanted == wanted, extra
        assert len(modules) == len(wanted), extra


def without(module: str, package: str) -> Callable[[], None]:
    """Return a function of `package` that wants a module that is not there."""
    space: dict[str, object] = {"__name__": package, "module": module}
    exec("def callback(): raise ModuleNotFoundError(module, name=module)", space)
    found = space["callback"]
    assert callable(found)
    return found


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("numpy.linalg", "simulations.seeds", "simulate"),
        ("numpy", "stats.account", "stats"),
        ("pyarrow", "simulations", "simulate"),
        ("joblib", "loopixmix.sweeps.local", "simulate"),
        ("distributed", "simulations", "cluster"),
        ("httpx", "example", "asyncio"),
        ("sqlcipher3", "leap_plugin.leap", "gateways"),
    ],
)
def test_a_missing_library_is_one_line_that_names_the_extra(
    module: str, package: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([], command=click.Command("fails", callback=without(module, package))) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"loopixmix: this needs {module.partition('.')[0]}, which is not installed: ")
    assert f"the extra `{extra}` of loopixmix" in error
    assert f"pip install '.[{extra}]'" in error
    assert error.count("\n") == 1


def test_another_missing_module_is_a_defect_and_not_hidden() -> None:
    assert missing_extra(ModuleNotFoundError("no", name="somewhere")) is None
    with pytest.raises(ModuleNotFoundError):
        run([], command=click.Command("fails", callback=without("somewhere", "simulations")))


def test_without_extras_no_command_ends_in_a_traceback() -> None:
    found = subprocess.run(
        [sys.executable, "-c", PLAIN_INSTALLATION],
        input="\n".join(WITHOUT),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    lines = found.stderr.splitlines()
    assert found.returncode == 0, found.stderr
    assert len(lines) == 2 * len(WITHOUT), found.stderr
    for command, error, ending in zip(WITHOUT, lines[::2], lines[1::2], strict=True):
        extra = {"simulate": "simulate", "vote": "votes", "stats": "stats"}[command.split()[0]]
        assert f"the extra `{extra}` of loopixmix" in error, command
        assert ending == f"{command} -> 1"
