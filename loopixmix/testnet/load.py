"""How busy the nodes are: the processor time of each process, while something goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class NodeLoad:
    """The load of the nodes. `by_node`: each one's share of one core, which is all that a node uses. `cores`: ours."""

    by_node: Mapping[str, float]
    cores: int

    @property
    def busiest(self) -> str:
        """The name of the node with the highest load."""
        return max(self.by_node, key=lambda name: self.by_node[name])

    @property
    def highest(self) -> float:
        """The load of the busiest node: its share of one core."""
        return max(self.by_node.values())

    @property
    def of_machine(self) -> float:
        """The share of all cores that all nodes take together."""
        return sum(self.by_node.values()) / self.cores


class LoadWatch:
    """Measures the load between its beginning and its end."""

    def __init__(self, nodes: Mapping[str, psutil.Process], now_s: Callable[[], float]) -> None:
        """`nodes`: their processes, by name. `now_s`: any clock in seconds."""
        self._nodes = nodes
        self._now_s = now_s
        self._begin_s = now_s()
        self._before = {name: busy_s(process) for name, process in nodes.items()}

    def end(self, cores: int) -> NodeLoad:
        """Return the load since the beginning."""
        over_s = self._now_s() - self._begin_s
        return NodeLoad(
            {name: (busy_s(process) - self._before[name]) / over_s for name, process in self._nodes.items()}, cores
        )


def busy_s(process: psutil.Process) -> float:
    """Return the processor time of a process in seconds, in user mode and in the system; 0 if it is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0
