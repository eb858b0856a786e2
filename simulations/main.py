"""Simulate the network: anonymity, latency and cost.

Each command is a click command in `simulations/commands/`, in the module of its name; none is imported before it is
called, so that `--help` loads no numerics.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint

import click

from loopixmix.main import EntryPointGroup
from loopixmix.sweeps.ending import ended_as_by_ctrl_c

COMMANDS = ("run", "scenario", "verify", "plan", "plot", "measure")

HELP = """Simulate the network: what anonymity, what latency, at what cost?

`loopixmix simulate scenario` lists the scenarios that come along; `loopixmix simulate run SCENARIO` runs one of them or
a file of yours.
"""


def commands() -> Iterable[EntryPoint]:
    """Return where the commands are."""
    return [EntryPoint(name, f"simulations.commands.{name}:{name}", "simulations.commands") for name in COMMANDS]


class SimulateGroup(EntryPointGroup):
    """Commands that take long, and may have processes and temporary files of their own."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; SIGTERM ends it as Ctrl-C does, so that nothing of it is left behind."""
        with ended_as_by_ctrl_c():
            return super().invoke(ctx)


simulate = SimulateGroup("simulate", help=HELP, find=commands)
