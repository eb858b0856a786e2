"""The form of one network's packets, in one value that every part is handed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from loopixmix.params import NetworkParams
from loopixmix.sphinx import Arithmetic, Geometry, Sphinx
from loopixmix.wire import FrameFormat


@dataclass(frozen=True)
class PacketFormat:
    """The packets of one network: how they are wrapped and unwrapped (`sphinx`), and the frames that carry them.

    The frames follow from the lengths of the packets. Two values are equal if a node that uses the one may go on with
    the other: same lengths, same arithmetic.
    """

    sphinx: Sphinx
    # Derived once: sphinx and wire are formats that know nothing of each other, and every part that needed both lengths
    # computed the frames again.
    frames: FrameFormat = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        geometry = self.sphinx.geometry
        object.__setattr__(self, "frames", FrameFormat(geometry.packet_bytes, geometry.body_bytes))

    @classmethod
    def for_network(cls, params: NetworkParams, *, arithmetic: Arithmetic) -> PacketFormat:
        """Return the packets that the parameters in a network document ask for, made and unwrapped by `arithmetic`."""
        return cls(Sphinx(Geometry.for_network(params), arithmetic))

    @cached_property
    def geometry(self) -> Geometry:
        """The lengths of a packet."""
        return self.sphinx.geometry
