"""Engines by name, and the attacks that run beside each. Both are imported when they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol

from loopixmix.errors import MisuseError
from loopixmix.sweeps.work import Progress
from simulations.outcome import Engine
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds

BUILT_IN = {
    "exact": "simulations.exact:ENGINE",
    "vector": "simulations.vector:ENGINE",
    "nodes": "simulations.nodes:ENGINE",
}


def engine_named(name: str) -> Engine:
    """Return an engine: `exact`, `vector`, `nodes`, or one of your own as `MODULE:ATTRIBUTE`.

    Raises `MisuseError` if there is none of that name or it cannot be imported. An engine of your own must be
    importable in every process that runs tasks, on a cluster as well.
    """
    module_name, _, attribute = BUILT_IN.get(name, name).partition(":")
    if not (module_name and attribute):
        allowed = ", ".join(BUILT_IN)
        raise MisuseError(f'no engine is called "{name}" (there are: {allowed}, or MODULE:ATTRIBUTE for your own)')
    try:
        engine: Engine = getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise MisuseError(f'the engine "{name}" cannot be loaded: {error}') from error
    # Looked at here and not when a task runs: a wrong attribute is then refused before anything is done.
    if not (callable(getattr(engine, "run", None)) and callable(getattr(engine, "check", None))):
        raise MisuseError(
            f'the engine "{name}" is no engine: it lacks run() and check() (see simulations.outcome.Engine)'
        )
    return engine


class RunAttacks(Protocol):
    """Runs the attacks that a scenario asks for."""

    def __call__(self, scenario: Scenario, seeds: Seeds, /, *, progress: Progress) -> dict[str, float]:
        """Return their figures, none if there is nothing to attack."""


def attacks_beside(engine: str) -> RunAttacks:
    """Return what runs the attacks that go with an engine.

    Beside `vector` are those on traces, beside `nodes` those on real nodes. Any other engine has none.
    """
    match engine:
        case "vector":
            # Only a task pays for this import: attacks load parts of scipy, which takes as long as a short run.
            from simulations.attacks.traces import run_attacks

            return run_attacks
        case "nodes":
            from simulations.attacks.node_attacks import run_attacks_on_nodes

            return run_attacks_on_nodes
        case _:
            return _no_attacks


def _no_attacks(_scenario: Scenario, _seeds: Seeds, *, progress: Progress) -> dict[str, float]:  # noqa: ARG001
    return {}
