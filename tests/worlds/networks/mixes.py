"""A network in memory: its clock, its wires, and shipped mixes. Shipped providers for it are in `providers`."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from twisted.internet.task import Clock

from loopixmix.cover.loops import LoopSender
from loopixmix.cover.plan import LoopMaker
from loopixmix.directory import Document
from loopixmix.drops import DropReason, RefusalReason
from loopixmix.hop.limits import HopLimits
from loopixmix.hop.unwrapping import InlineUnwrapping, Unwrapping
from loopixmix.keyring.keyring import MixKeyring
from loopixmix.keyring.keystore import KeyStore, MemoryKeyStore
from loopixmix.keys import MixKey
from loopixmix.node.mix import MixService
from loopixmix.node.wiring import make_reception, wire_hop
from loopixmix.observing.observers import Counters, Fanout
from loopixmix.params import NetworkParams
from loopixmix.routing.packets import PacketFormat
from loopixmix.routing.path import Neighbourhood
from loopixmix.seams import Fact, Identity, LinkRefused, Observer, PacketDropped
from loopixmix.sphinx import load_arithmetic
from loopixmix.wire import LinkRole
from tests.worlds.networks.memory import MemoryHub, MemoryNetwork
from tests.worlds.networks.models import EPOCH, model_network

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


class RunningMix:
    """A mix with what it observed."""

    def __init__(
        self, world: MixWorld, identity: Identity, keyring: MixKeyring, unwrapping: Unwrapping, limits: HopLimits
    ) -> None:
        self.recorder = Recorder()
        self.counters = Counters(delay_mean_s=world.params.delay_mean_s)
        observer = Fanout([self.recorder, self.counters])
        neighbourhood = Neighbourhood(identity)
        self.network = world.network(neighbourhood, LinkRole.MIX, observer)
        self.identity = identity
        self.keyring = keyring
        hop = wire_hop(
            neighbourhood,
            keyring=keyring,
            frames=world.packet_format.frames,
            unwrapping=unwrapping,
            limits=limits,
            clock=world.clock,
            network=self.network,
            observer=observer,
        )
        loops = LoopSender(
            LoopMaker(identity, world.packet_format, random.Random(identity)),
            clock=world.clock,
            network=self.network,
            observer=observer,
        )
        self.service = MixService(hop=hop, loops=loops, network=self.network)

    @property
    def refusals(self) -> list[RefusalReason]:
        """Why links were ended."""
        return self.recorder.refusals

    def prepare(self, document: Document) -> None:
        self.service.prepare(document)

    def adopt(self, document: Document) -> None:
        self.service.adopt(document)

    def start(self) -> None:
        self.service.start()

    def stop(self) -> None:
        self.service.stop()
        self.network.stop()


class KnownKeys(random.Random):
    """Makes the keys that the document promises."""

    def __init__(self, keys: Mapping[int, MixKey]) -> None:
        super().__init__(0)
        self._privates = [key.private for _, key in sorted(keys.items())]

    def randbytes(self, n: int) -> bytes:
        return self._privates.pop(0) if self._privates else super().randbytes(n)


class MixWorld:
    """A clock, a hub, a document and the keys behind it."""

    def __init__(
        self, params: NetworkParams, *, mixes_per_layer: int = 1, providers: int = 1, latency_s: float = 0.0
    ) -> None:
        self.params = params
        self.clock = Clock()
        self.model = model_network(
            random.Random(7), params=params, mixes_per_layer=mixes_per_layer, providers=providers, epoch=EPOCH
        )
        self.clock.rightNow = self.model.start_s + 1.0
        self.hub = MemoryHub(clock=self.clock, rng=random.Random(8), latency_s=latency_s, loss=0.0)
        self.packet_format = PacketFormat.for_network(params, arithmetic=load_arithmetic())
        self.geometry = self.packet_format.geometry

    def network(self, neighbourhood: Neighbourhood, own: LinkRole, observer: Observer) -> MemoryNetwork:
        """The links of a mix or provider that stands in `neighbourhood`."""
        reception = make_reception(self.packet_format.frames, own, neighbourhood, self.clock)
        return self.hub.network(neighbourhood.identity, observer=observer, reception=reception)

    def keyring(self, identity: Identity, store: KeyStore | None = None, max_tags: int = 100_000) -> MixKeyring:
        return MixKeyring(
            store or MemoryKeyStore(),
            rng=KnownKeys(self.model.keys[identity]),
            epoch_length_s=self.params.epoch_length_s,
            grace_s=self.params.grace_s,
            max_tags=max_tags,
        ).open(self.clock.seconds())

    def mix(
        self,
        name: str,
        *,
        store: KeyStore | None = None,
        max_tags: int = 100_000,
        unwrapping: Unwrapping | None = None,
        limits: HopLimits = LIMITS,
    ) -> RunningMix:
        identity = self.model.node(name).id
        keyring = self.keyring(identity, store, max_tags)
        return RunningMix(self, identity, keyring, unwrapping or InlineUnwrapping(self.packet_format.sphinx), limits)

    def run(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> None:
        """Go from call to call, as a reactor does, never to a time when nothing is due; stop where `until` holds."""
        end_s = self.clock.seconds() + seconds
        while (calls := self.clock.getDelayedCalls()) and calls[0].getTime() <= end_s:
            if until():
                return
            self.clock.advance(max(0.0, calls[0].getTime() - self.clock.seconds()))
        self.clock.rightNow = max(self.clock.rightNow, end_s)
