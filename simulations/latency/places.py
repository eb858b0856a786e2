"""Places: nodes and users as one row of numbers, which is all that a latency model knows of them."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.errors import MisuseError
from simulations.scenario.values import Topology


@dataclass(frozen=True)
class Places:
    """The places of a topology: providers first, then the mixes layer by layer, then users without end.

    For many at once, add to `first_mix(layer)` or `first_user` with numpy.
    """

    topology: Topology

    @property
    def nodes(self) -> int:
        """How many places are nodes; those from here on are users."""
        return self.topology.providers + self.topology.layers * self.topology.mixes_per_layer

    @property
    def first_user(self) -> int:
        """The place of user 0."""
        return self.nodes

    def first_mix(self, layer: int) -> int:
        """Return the place of the first mix of a layer, 1 to `topology.layers`; raise `MisuseError` for others."""
        if not 1 <= layer <= self.topology.layers:
            raise MisuseError(f"there is no layer {layer}: layers are 1 to {self.topology.layers}")
        return self.topology.providers + (layer - 1) * self.topology.mixes_per_layer

    def provider(self, index: int) -> int:
        """Return the place of a provider, from 0; raise `MisuseError` if there is none."""
        _check("provider", index, self.topology.providers)
        return index

    def mix(self, layer: int, index: int) -> int:
        """Return the place of a mix: layer from 1, index from 0; raise `MisuseError` if there is none."""
        _check("mix", index, self.topology.mixes_per_layer)
        return self.first_mix(layer) + index

    def user(self, index: int) -> int:
        """Return the place of a user, from 0."""
        if index < 0:
            raise MisuseError(f"there is no user {index}")
        return self.nodes + index


def _check(noun: str, index: int, count: int) -> None:
    if not 0 <= index < count:
        raise MisuseError(f"there is no {noun} {index}: there are {count}, from 0")
