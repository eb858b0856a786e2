"""A network in memory: its clock, its wires, and shipped mixes. Shipped providers for it are in `providers`."""

from __future__ import annotations

import random
from collections.abc import Callable

from twisted.internet.task import Clock

from loopixmix.cover.loops import LoopSender
from loopixmix.cover.plan import LoopMaker
from loopixmix.directory import Document
from loopixmix.drops import RefusalReason
from loopixmix.hop.limits import HopLimits
from loopixmix.hop.unwrapping import Unwrapping
from loopixmix.keyring.keyring import MixKeyring
from loopixmix.keyring.keystore import KeyStore
from loopixmix.node.mix import MixService
from loopixmix.observing.observers import Counters, Fanout
from loopixmix.params import NetworkParams
from loopixmix.routing.path import Neighbourhood
from loopixmix.seams import Identity
from loopixmix.sphinx import load_arithmetic
from loopixmix.wire import LinkRole
from tests.worlds.networks.memory import MemoryHub
from tests.worlds.networks.memory_worlds import LIMITS, MemoryWorld, Recorder
from tests.worlds.networks.models import EPOCH, model_network


class RunningMix:
    """A mix with what it observed."""

    def __init__(
        self, world: MixWorld, identity: Identity, keyring: MixKeyring, unwrapping: Unwrapping | None, limits: HopLimits
    ) -> None:
        self.recorder = Recorder()
        self.counters = Counters(delay_mean_s=world.params.delay_mean_s)
        observer = Fanout([self.recorder, self.counters])
        neighbourhood = Neighbourhood(identity)
        self.network = world.network(neighbourhood, LinkRole.MIX, observer)
        self.identity = identity
        self.keyring = keyring
        hop = world.hop(
            neighbourhood,
            keyring=keyring,
            network=self.network,
            observer=observer,
            unwrapping=unwrapping,
            limits=limits,
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


class MixWorld(MemoryWorld):
    """A network of mixes, with real packets, on a clock that `run` moves; a test starts the nodes that it needs."""

    def __init__(
        self, params: NetworkParams, *, mixes_per_layer: int = 1, providers: int = 1, latency_s: float = 0.0
    ) -> None:
        model = model_network(
            random.Random(7), params=params, mixes_per_layer=mixes_per_layer, providers=providers, epoch=EPOCH
        )
        clock = Clock()
        clock.rightNow = model.start_s + 1.0
        hub = MemoryHub(clock=clock, rng=random.Random(8), latency_s=latency_s, loss=0.0)
        super().__init__(model, clock=clock, hub=hub, arithmetic=load_arithmetic())
        self.clock: Clock = clock

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
        return RunningMix(self, identity, keyring, unwrapping, limits)

    def run(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> None:
        """Go from call to call, as a reactor does, never to a time when nothing is due; stop where `until` holds."""
        end_s = self.clock.seconds() + seconds
        while (calls := self.clock.getDelayedCalls()) and calls[0].getTime() <= end_s:
            if until():
                return
            self.clock.advance(max(0.0, calls[0].getTime() - self.clock.seconds()))
        self.clock.rightNow = max(self.clock.rightNow, end_s)
