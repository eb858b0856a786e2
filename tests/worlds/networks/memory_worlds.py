"""What all networks in memory share, whatever their nodes do: the wires, the keys that the document promises, hops."""

from __future__ import annotations

import random
from collections.abc import Mapping

from loopixmix.drops import DropReason, RefusalReason
from loopixmix.hop.limits import HopLimits
from loopixmix.hop.service import HopService
from loopixmix.hop.unwrapping import InlineUnwrapping, Unwrapping
from loopixmix.keyring.keyring import MixKeyring
from loopixmix.keyring.keystore import KeyStore, MemoryKeyStore
from loopixmix.keys import MixKey
from loopixmix.node.wiring import make_reception, wire_hop
from loopixmix.routing.packets import PacketFormat
from loopixmix.routing.path import Neighbourhood
from loopixmix.seams import Clock, Fact, Identity, LinkRefused, Observer, PacketDropped
from loopixmix.sphinx import Arithmetic
from loopixmix.wire import LinkRole
from tests.worlds.networks.memory import MemoryHub, MemoryNetwork
from tests.worlds.networks.models import ModelNetwork

LIMITS = HopLimits()


class Recorder:
    """Keeps every fact."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def observe(self, fact: Fact) -> None:
        self.facts.append(fact)

    def of(self, kind: type[Fact]) -> list[Fact]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    @property
    def drops(self) -> list[DropReason]:
        return [fact.reason for fact in self.facts if isinstance(fact, PacketDropped)]

    @property
    def refusals(self) -> list[RefusalReason]:
        return [fact.reason for fact in self.facts if isinstance(fact, LinkRefused)]


class KnownKeys(random.Random):
    """Makes the keys that the document promises."""

    def __init__(self, keys: Mapping[int, MixKey]) -> None:
        super().__init__(0)
        self._privates = [key.private for _, key in sorted(keys.items())]

    def randbytes(self, n: int) -> bytes:
        return self._privates.pop(0) if self._privates else super().randbytes(n)


class MemoryWorld:
    """A model network with a clock and wires, on which shipped nodes are built."""

    def __init__(self, model: ModelNetwork, *, clock: Clock, hub: MemoryHub, arithmetic: Arithmetic) -> None:
        """`hub`: the wires, on the same clock. `arithmetic`: makes packets real or plain."""
        self.model = model
        self.params = model.params
        self.clock = clock
        self.hub = hub
        self.packet_format = PacketFormat.for_network(model.params, arithmetic=arithmetic)
        self.geometry = self.packet_format.geometry

    def network(self, neighbourhood: Neighbourhood, own: LinkRole, observer: Observer) -> MemoryNetwork:
        """Return the links of a mix or provider that stands in `neighbourhood`."""
        reception = make_reception(self.packet_format.frames, own, neighbourhood, self.clock)
        return self.hub.network(neighbourhood.identity, observer=observer, reception=reception)

    def keyring(self, identity: Identity, store: KeyStore | None = None, max_tags: int = 100_000) -> MixKeyring:
        """Return a ring that makes the keys of the model network, and others when these are used up."""
        return MixKeyring(
            store or MemoryKeyStore(),
            rng=KnownKeys(self.model.keys[identity]),
            epoch_length_s=self.params.epoch_length_s,
            grace_s=self.params.grace_s,
            max_tags=max_tags,
        ).open(self.clock.seconds())

    def hop(
        self,
        neighbourhood: Neighbourhood,
        *,
        keyring: MixKeyring,
        network: MemoryNetwork,
        observer: Observer,
        unwrapping: Unwrapping | None = None,
        limits: HopLimits = LIMITS,
    ) -> HopService:
        """Return the shipped hop; it unwraps at once if no `unwrapping` is given."""
        return wire_hop(
            neighbourhood,
            keyring=keyring,
            frames=self.packet_format.frames,
            unwrapping=unwrapping or InlineUnwrapping(self.packet_format.sphinx),
            limits=limits,
            clock=self.clock,
            network=network,
            observer=observer,
        )
