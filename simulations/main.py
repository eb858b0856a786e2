"""Simulate the network: anonymity, latency and cost.

Each command is a click command in `simulations/commands/`, in the module of its name; none is imported before it is
called, so that `--help` loads no numerics.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint

from loopixmix.main import EntryPointGroup

COMMANDS = ("run", "scenario", "verify", "plan", "plot", "measure")

HELP = """Simulate the network: what anonymity, what latency, at what cost?

`loopixmix simulate scenario` lists the scenarios that come along; `loopixmix simulate run SCENARIO` runs one of them or
a file of yours.
"""


def commands() -> Iterable[EntryPoint]:
    """Return where the commands are."""
    return [EntryPoint(name, f"simulations.commands.{name}:{name}", "simulations.commands") for name in COMMANDS]


simulate = EntryPointGroup("simulate", help=HELP, find=commands)
