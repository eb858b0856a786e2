"""Randomness that repeats: one seed for each subsystem of each replicate, none touching another.

`numpy.random.SeedSequence` spawns them (O'Neill's hash of entropy and spawn key), so that changing what one subsystem
draws changes nothing that another one does, and replicates are independent.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator, SeedSequence

from simulations.scenario.values import SeedChoice

Subsystem = Literal["topology", "users", "traffic", "mixing", "links", "corruption", "attacks", "measures", "requests"]
SUBSYSTEMS: tuple[Subsystem, ...] = get_args(Subsystem)

# 256 bits, more than a SeedSequence holds: nothing of it is lost.
_SEED_WORDS = 8


class Seeds:
    """The seeds of one replicate."""

    def __init__(self, choice: SeedChoice, *, replicate: int) -> None:
        """`choice`: the seeds of a scenario; `replicate`: its number, from 0."""
        self.replicate = replicate
        self._choice = choice

    def sequence(self, subsystem: Subsystem) -> SeedSequence:
        """Return the seed of one subsystem; always the same one."""
        own: int | None = getattr(self._choice, subsystem)
        entropy = self._choice.root if own is None else own
        # By its key and not by `spawn`, which counts: it must not matter who asks first.
        return SeedSequence(entropy, spawn_key=(self.replicate, SUBSYSTEMS.index(subsystem)))

    def generator(self, subsystem: Subsystem) -> Generator:
        """Return a numpy generator at its beginning, for engines that draw in bulk."""
        return np.random.default_rng(self.sequence(subsystem))

    def random(self, subsystem: Subsystem) -> Random:
        """Return a `random.Random` at its beginning: what nodes and clients take as `rng`."""
        return _random_of(self.sequence(subsystem))

    def randoms(self, subsystem: Subsystem) -> Iterator[Random]:
        """Yield one independent `random.Random` after the other, for the nodes or users of a world in order."""
        sequence = self.sequence(subsystem)
        while True:
            # One child after the other: the first thousand users are the same whether there are a thousand or a
            # million.
            yield _random_of(sequence.spawn(1)[0])


def _random_of(sequence: SeedSequence) -> Random:
    return Random(int.from_bytes(sequence.generate_state(_SEED_WORDS, np.uint32).tobytes(), "little"))
