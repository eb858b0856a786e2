"""The structure of the code: who may import whom. Each test lists what offends it.

The layers are those of docs/architecture.md. A module imports its own layer and lower ones; no two modules, and no two
folders that stand side by side, import each other, however indirectly.
"""

from __future__ import annotations

import ast
import functools
from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).parent.parent
APPLICATIONS = ("leap_plugin", "votes", "stats")
PACKAGES = ("loopixmix", "provider", "client", *APPLICATIONS, "simulations")

# The first pattern that fits a module gives its layer.
LAYERS = (
    # Words.
    (0, ("loopixmix", "loopixmix.errors", "loopixmix.params", "loopixmix.epoch", "loopixmix.keys")),
    (0, ("loopixmix.bounds", "loopixmix.wiping", "loopixmix.drops", "loopixmix.extras")),
    (0, ("loopixmix.seams", "loopixmix.group*")),
    (0, ("loopixmix._native", "loopixmix._signing")),
    # The issuer's and redeemer's sides of tokens; before the formats, whose pattern fits them too.
    (
        3,
        (
            "loopixmix.tokens.signing",
            "loopixmix.tokens.spent",
            "loopixmix.tokens.redeeming",
            "loopixmix.tokens.keyfile",
        ),
    ),
    # Formats.
    (1, ("loopixmix.tokens*",)),
    (1, ("loopixmix.sphinx*", "loopixmix.wire*", "loopixmix.directory*", "loopixmix.requests*", "loopixmix.cards")),
    # Decisions.
    (
        2,
        (
            "loopixmix.routing*",
            "loopixmix.cover.poisson",
            "loopixmix.cover.plan",
            "loopixmix.keyring.replay",
            "loopixmix.hop.mixing",
            "loopixmix.hop.limits",
            "loopixmix.hop.overload",
            "loopixmix.hop.waiting",
        ),
    ),
    (2, ("loopixmix.observing.anonymity", "loopixmix.observing.observers")),
    (
        2,
        (
            "provider.mailbox",
            "provider.accounts",
            "provider.api",
            "client.api",
            "client.errors",
            "client.values",
            "client.core*",
            "client.receiving.claims",
        ),
    ),
    # Commands and worlds, which wire all of it; before the services, whose patterns fit them too.
    (
        6,
        (
            "loopixmix.main",
            "loopixmix.commands*",
            "loopixmix.testnet*",
            "leap_plugin.testnet",
            "client.demo*",
            "*.main",
            "provider.serving",
            "simulations*",
            "leap_plugin.gateways.cli",
            "votes.cli*",
            "votes.demo*",
            "stats.cli*",
            "stats.demo*",
        ),
    ),
    # Applications; before the outside, since their stores know their own values.
    (5, tuple(f"{application}*" for application in APPLICATIONS)),
    # The outside.
    (
        3,
        (
            "loopixmix.net*",
            "loopixmix.process*",
            "loopixmix.config",
            "loopixmix.verdict",
            "loopixmix.progress",
            "loopixmix.sweeps*",
            "loopixmix.web*",
        ),
    ),
    (3, ("loopixmix.observing.metrics", "loopixmix.observing.status", "*.store", "*.store.*", "*.migrations*")),
    # Services.
    (4, ("loopixmix.*", "provider.*", "client.*")),
)
MAY_IMPORT = {
    "loopixmix": ("loopixmix",),
    "provider": ("loopixmix", "provider"),
    "client": ("loopixmix", "client"),
    "simulations": PACKAGES,
}
DOORS = (
    *("client.api", "client.remote", "client.remote_asyncio", "client.testing", "provider.api", "provider.serving"),
    *("loopixmix.errors", "loopixmix.params", "loopixmix.tokens", "loopixmix.store", "loopixmix.web"),
    *("loopixmix.verdict", "loopixmix.progress", "loopixmix.sweeps", "loopixmix.process", "loopixmix.config"),
    *("loopixmix.testnet", "loopixmix.seams", "loopixmix.bounds", "loopixmix.extras", "loopixmix.net.sockets"),
)
"""All that an application may import besides itself."""
DOORS_OF = {"votes": ("loopixmix.group",)}
FORMATS = ("loopixmix.sphinx", "loopixmix.wire", "loopixmix.directory")
"""Formats that know nothing of each other."""
MOST_MODULES = 14
PURE_LAYER = 2
PURE_FOLDERS = (
    *(
        "leap_plugin.mail",
        "leap_plugin.bridge.imap",
        "leap_plugin.bridge.smtp",
        "votes.record",
        "votes.ballot",
        "votes.shuffle",
        "votes.tally",
        "votes.verify",
    ),
    *("stats.questionnaire", "stats.randomise", "stats.report", "stats.estimate", "stats.account"),
)
IMPURE_MODULES = ("time", "secrets", "logging", "twisted", "socket", "threading")
CALLED_ALIKE = {
    # Two ends of one thing, each of which calls it by its name.
    "Account": ("client.link.session", "provider.store.accounts"),
    "Client": ("client.api", "provider.clients.client"),
    "Pulling": ("client.streams.pulling", "provider.mailboxes.pulling"),
    "Registration": ("client.link.registration", "provider.clients.registration"),
    # An answer over HTTP, and the frame that brought it.
    "Registered": ("client.http.messages", "loopixmix.wire.frames"),
    # Things that wait to be sent: messages and frames.
    "Outbox": ("client.sending.outbox", "loopixmix.net.links.outbox"),
    # What is outside of a program: its process, or a simulation.
    "World": ("loopixmix.process.program", "simulations.world.world"),
    # Work that is done apart from all other work: without an end, or once.
    "Task": ("loopixmix.process.task", "simulations.sweep.tasks"),
    # The second is an interface of the first, which native code implements too.
    "Propagation": ("simulations.vector.propagation", "simulations.vector.recursion"),
    # A part of a scenario is called as its TOML table; the class in `factory` as Twisted's log is to show it.
    "Links": ("client.link.link", "loopixmix.net.links.factory", "simulations.scenario.values"),
    "Traffic": ("client.streams.traffic", "simulations.scenario.values"),
}
"""Names of classes that stand in several modules, and why they may; a new one needs a reason, or another name."""
IMPURE_CALLS = ("open", "os.urandom", "random.random", "random.SystemRandom", "datetime.now")


@functools.cache
def modules() -> Mapping[str, ast.Module]:
    """Return every module of the packages, by its dotted name; a package stands for its `__init__`."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text())
    return found


def is_package(module: str) -> bool:
    return (ROOT / module.replace(".", "/")).is_dir()


def imports_of(tree: ast.Module) -> Iterator[str]:
    """Yield what a module imports: at its top, inside functions, and for types only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in (*modules(), "loopixmix._native", "loopixmix._signing") else node.module


def own_imports() -> Iterator[tuple[str, str]]:
    """Yield each module with each module of ours that it imports."""
    for module, tree in modules().items():
        for imported in imports_of(tree):
            if is_in(imported, PACKAGES):
                yield module, imported


def is_in(module: str, folders: tuple[str, ...]) -> bool:
    return any(module == folder or module.startswith(f"{folder}.") for folder in folders)


def layer_of(module: str) -> int | None:
    """Return the layer of a module; None for a package that only explains itself."""
    tree = modules().get(module)
    if tree is not None and is_package(module) and len(tree.body) == 1:
        return None
    for layer, patterns in LAYERS:
        if any(fnmatchcase(module, pattern) for pattern in patterns):
            return layer
    raise LookupError(f"{module} is in no layer: add it to LAYERS")


def may_import(module: str, imported: str) -> bool:
    """Tell whether the package of `module` may use `imported`, whatever the layers say."""
    package = module.split(".")[0]
    if package in APPLICATIONS:
        return is_in(imported, (package, *DOORS, *DOORS_OF.get(package, ())))
    return is_in(imported, MAY_IMPORT[package])


def circles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of names that import each other (strongly connected components: Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        path.append(name)
        for other in imports.get(name, ()):
            if other not in index:
                visit(other)
            if other in path:
                low[name] = min(low[name], low[other])
        if low[name] == index[name]:
            place = path.index(name)
            if len(path) - place > 1:
                found.append(sorted(path[place:]))
            del path[place:]

    for name in imports:
        if name not in index:
            visit(name)
    return found


def test_each_module_imports_its_own_layer_and_lower_ones() -> None:
    offenders = [
        f"{module} imports {imported} from a higher layer"
        for module, imported in own_imports()
        if (layer_of(imported) or 0) > (7 if layer_of(module) is None else layer_of(module) or 0)
    ]
    offenders += [
        f"{module} imports {imported}, a format beside it"
        for module, imported in own_imports()
        if is_in(module, FORMATS) and is_in(imported, tuple(f for f in FORMATS if not is_in(module, (f,))))
    ]
    assert offenders == []


def test_packages_use_each_other_by_their_doors() -> None:
    assert [f"{m} imports {imported}" for m, imported in own_imports() if not may_import(m, imported)] == []
    # The applications that are still to come are known already.
    assert may_import("votes.board.service", "client.api")
    assert may_import("votes.shuffle.mixing", "loopixmix.group")
    assert may_import("stats.collect", "loopixmix.store.opening")
    assert not may_import("stats.estimate", "loopixmix.group")
    assert not may_import("votes.board.service", "client.core.content")
    assert not may_import("leap_plugin.bridge", "votes.record")
    assert not may_import("client.api", "stats.report")


def test_the_pure_layers_take_clock_and_randomness_as_arguments() -> None:
    offenders = []
    for module, tree in modules().items():
        layer = layer_of(module)
        if not is_in(module, PURE_FOLDERS) and (layer is None or layer > PURE_LAYER):
            continue
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        impure = {name for name in imports_of(tree) if is_in(name, IMPURE_MODULES)} | (calls & set(IMPURE_CALLS))
        offenders += [f"{module} uses {name}" for name in sorted(impure)]
    assert offenders == []


def test_a_folder_holds_few_modules() -> None:
    counts = Counter(module.rpartition(".")[0] for module in modules() if not is_package(module))
    for package in PACKAGES:
        # The history of a store only grows.
        counts.pop(f"{package}.migrations.versions", None)
    assert [f"{folder} holds {count} modules" for folder, count in counts.items() if count > MOST_MODULES] == []


def test_only_main_modules_touch_the_reactor_and_the_systems_randomness() -> None:
    offenders = []
    for module, tree in modules().items():
        if module.rpartition(".")[2] == "main":
            continue
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        if "twisted.internet.reactor" in {
            f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }:
            offenders.append(f"{module} imports the reactor")
        if calls & {"random.SystemRandom", "SystemRandom"}:
            offenders.append(f"{module} makes a SystemRandom")
    assert offenders == []


def test_nothing_imports_what_imports_it() -> None:
    between_modules: dict[str, set[str]] = {}
    between_folders: dict[str, set[str]] = {}
    for module, imported in own_imports():
        # A package that gives the names of its own modules to others makes no circle with them.
        if not is_package(module) and not is_package(imported):
            between_modules.setdefault(module, set()).add(imported)
        ours, theirs = folders_side_by_side(module, imported)
        if ours != theirs:
            between_folders.setdefault(ours, set()).add(theirs)
    assert circles(between_modules) == []
    assert circles(between_folders) == []


def test_a_class_name_has_one_meaning() -> None:
    defined: dict[str, list[str]] = {}
    for module, tree in modules().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                defined.setdefault(node.name, []).append(module)
    assert {name: tuple(sorted(where)) for name, where in defined.items() if len(where) > 1} == CALLED_ALIKE


def folders_side_by_side(module: str, imported: str) -> tuple[str, str]:
    """Return the two folders below their common one in which both lie; twice the same if there are none."""
    ours = (module if is_package(module) else module.rpartition(".")[0]).split(".")
    theirs = (imported if is_package(imported) else imported.rpartition(".")[0]).split(".")
    for depth, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other:
            return ".".join(ours[: depth + 1]), ".".join(theirs[: depth + 1])
    return "", ""
