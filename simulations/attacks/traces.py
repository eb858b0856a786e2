"""The attacks that need traces only: the adversary watches, counts and guesses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from loopixmix.sweeps.work import Progress
from simulations.attacks.corruption import attack_corruption
from simulations.attacks.disclosure import attack_disclosure
from simulations.attacks.fifo import attack_fifo
from simulations.attacks.flow_matching import attack_flow_matching
from simulations.attacks.intersection import attack_intersection
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds

Attack: TypeAlias = Callable[[Scenario, Seeds], dict[str, float]]

ATTACKS: tuple[Attack, ...] = (
    attack_corruption,
    attack_fifo,
    attack_disclosure,
    attack_intersection,
    attack_flow_matching,
)
"""Each returns its figures, none if the scenario does not ask for it."""


def run_attacks(scenario: Scenario, seeds: Seeds, *, progress: Progress) -> dict[str, float]:
    """Return the figures of the attacks on traces that the scenario asks for, by their names (`attack.KIND.success`).

    Draws from the subsystems `attacks` and `corruption` only. Raises `MisuseError` if the scenario contradicts an
    attack, naming the keys.
    """
    figures: dict[str, float] = {}
    for number, attack in enumerate(ATTACKS, start=1):
        figures |= attack(scenario, seeds)
        progress(number / len(ATTACKS))
    return figures
