"""Mixes and providers of a world: the shipped services, with what the world puts in place of processor and disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from twisted.internet.defer import Deferred

from loopixmix.cover.loops import LoopSender
from loopixmix.cover.plan import LoopMaker
from loopixmix.directory import Document
from loopixmix.hop.limits import HopLimits
from loopixmix.hop.service import HopService
from loopixmix.keyring.rotation import KeyRotation
from loopixmix.node.mix import MixService
from loopixmix.node.wiring import make_reception, wire_hop
from loopixmix.observing.observers import Counters
from loopixmix.params import NetworkParams
from loopixmix.routing.packets import PacketFormat
from loopixmix.routing.path import Neighbourhood
from loopixmix.seams import Fact, Identity, Observer, Rng
from loopixmix.tokens.redeeming import FixedKeys
from loopixmix.wire import LinkRole
from provider.accounts import GuestMode, RegistrationMode, RegistrationRules
from provider.agreed_time import AgreedTime
from provider.api import KeyDirectory, ServiceContext, declaration_of
from provider.builtin.echo import EchoService
from provider.builtin.keys import KeysService
from provider.builtin.loop import LoopService
from provider.cards.decoys import SECRET_BYTES, DecoySecret
from provider.config import ProviderRules
from provider.hosting.asker import Hosted
from provider.hosting.asking.local import AskedService, LocalAsker
from provider.mailbox import MailboxRules, day_of
from provider.service import ProviderService
from provider.store import MEMORY_URL, MailStore
from provider.store.access import clocked_access
from provider.wiring import wire_provider
from simulations.scenario.values import Processors
from simulations.world.clock import EventClock
from simulations.world.cores import EndlessUnwrapping, FiniteUnwrapping
from simulations.world.errands import Errands, ErrandService
from simulations.world.links import WireEnd, Wires
from simulations.world.network import NodePlan

# So long a provider's store takes for a batch of new items, on the virtual clock: a flush of a disk.
WRITE_S = 0.02
# The same for a batch of readings. It is less than `ClientRules.answer_s`, so that answers are not late for it.
READ_S = 0.01

Unwrapper: TypeAlias = EndlessUnwrapping | FiniteUnwrapping
S = TypeVar("S", MixService, ProviderService)


class Ears:
    """Passes facts to a node's counters and to other observers."""

    __slots__ = ("_count", "_observers", "counters")

    def __init__(self, counters: Counters) -> None:
        """`counters`: the node's own, which hear every fact first."""
        self.counters = counters
        self._observers: list[Callable[[Fact], None]] = []
        # Bound once: this is called for every fact of every node.
        self._count = counters.observe

    def observe(self, fact: Fact) -> None:
        """Pass one fact on."""
        self._count(fact)
        for observe in self._observers:
            observe(fact)

    def add(self, observer: Observer) -> None:
        """Let another observer hear the node's facts, after its counters and the observers before it."""
        self._observers.append(observer.observe)


@dataclass(frozen=True, kw_only=True)
class NodeSeams:
    """The things that every node of a world is made with. `errands`: the record of requests, if there are any."""

    clock: EventClock
    wires: Wires
    params: NetworkParams
    packet_format: PacketFormat
    processors: Processors
    errands: Errands | None = None

    def unwrapping(self) -> Unwrapper:
        """Return a processor for one node."""
        if self.processors.unwrap_s == 0:
            return EndlessUnwrapping(self.packet_format.sphinx)
        return FiniteUnwrapping(
            self.packet_format.sphinx,
            unwrap_s=self.processors.unwrap_s,
            cores=self.processors.cores,
            clock=self.clock,
        )

    @property
    def limits(self) -> HopLimits:
        """The limits of a node. A batch is as many packets as there are cores: none waits for company."""
        return HopLimits(
            waiting_packets=self.processors.waiting_packets,
            held_packets=self.processors.held_packets,
            batch_packets=self.processors.cores,
        )


class WorldNode(Generic[S]):
    """A node of the world. `place`: see `simulations.latency`; `layer` is none for a provider."""

    def __init__(self, plan: NodePlan, service: S, *, ears: Ears, network: WireEnd, unwrapping: Unwrapper) -> None:
        """Use `make_mix` or `make_provider`."""
        self.identity: Identity = plan.identity
        self.name = plan.name
        self.layer = plan.layer
        self.place = plan.place
        self.service: S = service
        self.ears = ears
        self.counters = ears.counters
        self.network = network
        self.unwrapping = unwrapping
        self._rotation = KeyRotation(plan.keyring, clock=network.wires.clock)

    def prepare(self, document: Document) -> None:
        """Take up the neighbours of the next epoch."""
        self.service.prepare(document)

    def adopt(self, document: Document) -> None:
        """Take up the document of the present epoch."""
        self.service.adopt(document)

    def start(self) -> None:
        """Begin to work."""
        self._rotation.start()
        self.service.start()

    def stop(self) -> Deferred[None] | None:
        """Stop at once; no call is left when the result, if there is one, has fired."""
        self._rotation.stop()
        self.unwrapping.stop()
        stopping: Deferred[None] | None = _stop(self.service)
        self.network.stop()
        return stopping


def _stop(service: MixService | ProviderService) -> Deferred[None] | None:
    if isinstance(service, ProviderService):
        return service.stop()
    service.stop()
    return None


Mix: TypeAlias = WorldNode[MixService]
Provider: TypeAlias = WorldNode[ProviderService]


@dataclass(frozen=True)
class _Parts:
    """The parts that are made for a node of the world in any role."""

    ears: Ears
    network: WireEnd
    unwrapping: Unwrapper
    hop: HopService
    loops: LoopSender


def make_mix(plan: NodePlan, seams: NodeSeams, rng: Rng) -> Mix:
    """Return a mix."""
    parts = _make_parts(plan, seams, rng, LinkRole.MIX)
    service = MixService(hop=parts.hop, loops=parts.loops, network=parts.network)
    return WorldNode(plan, service, ears=parts.ears, network=parts.network, unwrapping=parts.unwrapping)


def make_provider(plan: NodePlan, seams: NodeSeams, rng: Rng, store: MailStore) -> Provider:
    """Return a provider with its mailboxes in `store` (closed with it), open to everybody."""
    parts = _make_parts(plan, seams, rng, LinkRole.PROVIDER)
    mailbox = MailboxRules()
    access = clocked_access(store, mailbox, clock=seams.clock, write_s=WRITE_S, read_s=READ_S)
    service = wire_provider(
        hop=parts.hop,
        loops=parts.loops,
        packet_format=seams.packet_format,
        clock=seams.clock,
        network=parts.network,
        rng=rng,
        observer=parts.ears,
        rules=ProviderRules(
            mailbox=mailbox,
            registration=RegistrationRules(
                mode=RegistrationMode.OPEN,
                rate_per_s=1e6,
                burst=1_000_000,
                guests=GuestMode.OPEN,
                guest_rate_per_s=1e6,
                guest_burst=1_000_000,
            ),
        ),
        access=access,
        decoy_secret=DecoySecret(rng.randbytes(SECRET_BYTES).hex(), day_of(seams.clock.seconds())),
        make_services=lambda keys: _make_services(plan.identity, keys, seams, rng),
        guest_keys=FixedKeys(()),
        agreed=AgreedTime(seams.clock),
    )
    return WorldNode(plan, service, ears=parts.ears, network=parts.network, unwrapping=parts.unwrapping)


def new_mail_store() -> MailStore:
    """Return an empty store of a provider, in memory."""
    return MailStore(MEMORY_URL)


def _make_parts(plan: NodePlan, seams: NodeSeams, rng: Rng, own: LinkRole) -> _Parts:
    ears = Ears(Counters(delay_mean_s=seams.params.delay_mean_s))
    neighbourhood, packets, unwrapping = Neighbourhood(plan.identity), seams.packet_format, seams.unwrapping()
    reception = make_reception(packets.frames, own, neighbourhood, seams.clock)
    network = seams.wires.network(plan.identity, observer=ears, reception=reception)
    hop = wire_hop(
        neighbourhood,
        keyring=plan.keyring,
        frames=packets.frames,
        unwrapping=unwrapping,
        limits=seams.limits,
        clock=seams.clock,
        network=network,
        observer=ears,
    )
    loops = LoopSender(LoopMaker(plan.identity, packets, rng), clock=seams.clock, network=network, observer=ears)
    return _Parts(ears, network, unwrapping, hop, loops)


def _make_services(identity: Identity, keys: KeyDirectory, seams: NodeSeams, rng: Rng) -> list[Hosted]:
    context = ServiceContext(
        provider=identity, directory=Path("/nonexistent"), clock=seams.clock, rng=rng, keys=keys, settings={}
    )
    asked: list[AskedService] = [EchoService(context), KeysService(context)]
    if seams.errands is not None:
        asked.append(ErrandService(seams.errands))
    return [LoopService(context), *(LocalAsker(service, declaration_of(service)) for service in asked)]
