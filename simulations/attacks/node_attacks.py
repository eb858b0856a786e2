"""The attacks that need the real nodes: worlds of the shipped services with an adversary at the wires or in mixes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from loopixmix.errors import MisuseError
from loopixmix.sweeps.work import Progress
from simulations.attacks.dropping import attack_dropping
from simulations.attacks.n_minus_one import attack_n_minus_one
from simulations.nodes.limits import refusals
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds

AttackOnNodes: TypeAlias = Callable[[Scenario, Seeds, Progress], dict[str, float]]

ATTACKS_ON_NODES: tuple[AttackOnNodes, ...] = (attack_n_minus_one, attack_dropping)
"""Each builds its own world and returns its figures, none if the scenario does not ask for it."""


def run_attacks_on_nodes(scenario: Scenario, seeds: Seeds, *, progress: Progress) -> dict[str, float]:
    """Return the figures of the attacks on nodes that the scenario asks for, by their names (`attack.KIND.success`).

    Raises `MisuseError` if the scenario contradicts an attack or the deployed code, naming the keys.
    """
    if scenario.attacks.n_minus_one is None and scenario.attacks.dropping is None:
        return {}
    if faults := list(refusals(scenario)):
        raise MisuseError("attacks on nodes run the deployed code, which cannot do this: " + "; ".join(faults))
    figures: dict[str, float] = {}
    for number, attack in enumerate(ATTACKS_ON_NODES):
        figures |= attack(scenario, seeds, partial(_part, number, progress))
    progress(1.0)
    return figures


def _part(number: int, progress: Progress, share: float) -> None:
    progress((number + share) / len(ATTACKS_ON_NODES))
