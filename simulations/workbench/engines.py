"""Engines by name. Each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from loopixmix.errors import MisuseError
from simulations.outcome import Engine

BUILT_IN = {
    "exact": "simulations.exact:ENGINE",
    "vector": "simulations.vector:ENGINE",
    "nodes": "simulations.nodes:ENGINE",
}
THEORY = "exact"


def engine_named(name: str) -> Engine:
    """Return an engine: `exact`, `vector`, `nodes`, or one of your own as `MODULE:ATTRIBUTE`.

    Raises `MisuseError` where there is none of that name or it cannot be imported. An engine of your own must be
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
    if not (callable(getattr(engine, "run", None)) and callable(getattr(engine, "check", None))):
        raise MisuseError(
            f'the engine "{name}" is no engine: it lacks run() and check() (see simulations.outcome.Engine)'
        )
    return engine
