"""The layers of the design: each module imports its own layer and lower ones only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("loopixmix", "provider", "client", "simulations")

# The first pattern that fits a module gives its layer.
LAYERS = (
    (0, ("loopixmix", "loopixmix.errors", "loopixmix.params", "loopixmix.epoch", "loopixmix.keys")),
    (0, ("loopixmix.seams", "loopixmix._native")),
    (1, ("loopixmix.sphinx*", "loopixmix.wire*", "loopixmix.directory*", "loopixmix.requests")),
    (1, ("loopixmix.cards",)),
    (2, ("loopixmix.path", "loopixmix.cover", "loopixmix.replay", "loopixmix.mixing")),
    (2, ("loopixmix.anonymity", "loopixmix.observers")),
    (2, ("provider", "provider.mailbox", "provider.accounts", "provider.api")),
    (2, ("client", "client.api", "client.journal", "client.core*", "client.sealing")),
    (3, ("loopixmix.net*", "loopixmix.config", "loopixmix.metrics", "loopixmix.log")),
    (3, ("loopixmix.status", "loopixmix.files", "*.store", "*.store.*", "*.migrations*")),
    (
        6,
        ("loopixmix.main", "loopixmix.commands*", "loopixmix.testnet*", "client.demo*", "provider.main", "client.main"),
    ),
    (6, ("simulations*",)),
    (4, ("loopixmix.services*", "provider*", "client*")),
)
MAY_IMPORT = {
    "loopixmix": {"loopixmix"},
    "provider": {"loopixmix", "provider"},
    "client": {"loopixmix", "client"},
    "simulations": {"loopixmix", "provider", "client", "simulations"},
}
FORMAT_SIBLINGS = ("loopixmix.sphinx", "loopixmix.wire", "loopixmix.directory")
PURE_LAYER = 2
IMPURE_MODULES = {"time", "secrets", "logging", "twisted", "socket", "threading"}
IMPURE_CALLS = {"open", "os.urandom", "random.random", "random.SystemRandom", "datetime.now"}


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def layer_of(module: str) -> int:
    for layer, patterns in LAYERS:
        if any(fnmatchcase(module, pattern) for pattern in patterns):
            return layer
    raise LookupError(f"{module} is in no layer: add it to LAYERS")


def imports_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                is_module = (ROOT / name.replace(".", "/")).is_dir() or (
                    ROOT / (name.replace(".", "/") + ".py")
                ).is_file()
                yield name if is_module else node.module


MODULES = dict(modules())


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_its_own_layer_and_lower_ones(module: str) -> None:
    for imported in imports_of(ast.parse(MODULES[module].read_text())):
        package = imported.split(".")[0]
        if package in PACKAGES:
            assert package in MAY_IMPORT[module.split(".")[0]], f"{module} imports {imported}"
            assert layer_of(imported) <= layer_of(module), f"{module} imports {imported} from a higher layer"


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith(FORMAT_SIBLINGS)])
def test_formats_never_import_each_other(module: str) -> None:
    own = next(sibling for sibling in FORMAT_SIBLINGS if module.startswith(sibling))
    for imported in imports_of(ast.parse(MODULES[module].read_text())):
        assert imported.startswith(own) or not imported.startswith(FORMAT_SIBLINGS), f"{module} imports {imported}"


@pytest.mark.parametrize("module", [m for m in MODULES if layer_of(m) <= PURE_LAYER])
def test_the_pure_layers_take_clock_and_randomness_as_arguments(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text())
    impure = {name for name in imports_of(tree) if name.split(".")[0] in IMPURE_MODULES}
    impure |= {
        call
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for call in [ast.unparse(node.func)]
        if call in IMPURE_CALLS
    }
    assert not impure, f"{module} uses {impure}"


@pytest.mark.parametrize("module", [m for m in MODULES if not m.endswith("main")])
def test_only_main_modules_touch_the_reactor_and_the_systems_randomness(module: str) -> None:
    source = MODULES[module].read_text()
    assert "twisted.internet import reactor" not in source
    assert "SystemRandom(" not in ast.unparse(ast.parse(source)).replace("`random.SystemRandom()`", "")


@pytest.mark.parametrize("module", [m for m in MODULES if not m.startswith(("simulations", "loopixmix.sphinx"))])
def test_only_simulations_put_another_sphinx_engine_in_place(module: str) -> None:
    assert "using_engine" not in MODULES[module].read_text()
