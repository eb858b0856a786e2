"""A world for clients: a clock that jumps from event to event, mixes, and providers that can be made to misbehave.

Everything is in memory and from one seed. Packets are unwrapped by the code that nodes use. They are plain unless a
test asks for real ones: most of the time of a test went into cryptography that it did not look at.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.core.sealing import HpkeSealer, Sealer
from client.core.settings import ClientSettings
from client.directory.keys import ClientKeys
from client.link.floors import Acceptance
from client.running.service import ClientService
from client.running.wiring import build_client
from client.store import ClientStore
from loopixmix.cards import SealingKey, encode_card, make_card
from loopixmix.directory import Document, MailOffer, NodeEntry, Role
from loopixmix.drops import DropReason
from loopixmix.epoch import epoch_at
from loopixmix.hop.mixing import Arrived
from loopixmix.keys import IdentityKey
from loopixmix.net.reception import Reception
from loopixmix.params import NetworkParams
from loopixmix.requests.answers import encode_answer
from loopixmix.requests.names import LookUp, Publish, decode_keys_request, verify_publish
from loopixmix.requests.parts import decode_part
from loopixmix.routing.path import Neighbourhood, recipient_of, service_id
from loopixmix.seams import Clock, Fact, Identity
from loopixmix.sphinx import (
    Arithmetic,
    Deliver,
    PacketError,
    Reply,
    Surb,
    decode_surb,
    open_payload,
    use_surb,
)
from loopixmix.store.access import StoreAccess, inline_access
from loopixmix.store.alarm import StoreAlarm
from loopixmix.store.jobs import write_batch
from loopixmix.store.lanes import ClockLane
from loopixmix.store.transactions import Store
from loopixmix.wire import (
    Frame,
    FrameFormat,
    Item,
    ItemKind,
    LinkRole,
    Pull,
    Register,
    Registered,
    RegisterGuest,
    RegisterRefusal,
    RegisterRefused,
    is_packet,
)
from simulations.world.arithmetic import PlainArithmetic
from simulations.world.clock import EventClock
from simulations.world.stores import MemoryStores
from tests.worlds.clients.scripted_hosts import ScriptedHost
from tests.worlds.networks.memory import MemoryHub
from tests.worlds.networks.memory_worlds import MemoryWorld, Recorder
from tests.worlds.networks.models import NOW_S, ModelNode, model_network
from tests.worlds.networks.offers import with_offer

T = TypeVar("T")

QUICK = NetworkParams(
    delay_mean_s=0.1,
    payload_rate_per_s=4.0,
    loop_rate_per_s=0.5,
    drop_rate_per_s=0.5,
    node_loop_rate_per_s=20.0,
    pull_rate_per_s=2.0,
    pull_batch=6,
)
"""Quick for a person, slow enough that a test makes few packets. Mixes' loops are counted on, but not made here."""

SLOW = NetworkParams(
    delay_mean_s=0.1,
    payload_rate_per_s=0.2,
    loop_rate_per_s=0.01,
    drop_rate_per_s=0.01,
    node_loop_rate_per_s=20.0,
    pull_rate_per_s=0.2,
    pull_batch=8,
)
"""For hours and days."""


@dataclass
class Mailbox:
    """One account of a fake provider."""

    name: str
    card: bytes
    version: int = 0
    items: dict[int, tuple[ItemKind, bytes, bytes]] = field(default_factory=dict)
    leased: dict[int, int] = field(default_factory=dict)
    pulls: int = 0


class Facts:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def observe(self, fact: Fact) -> None:
        self.facts.append(fact)


class Node:
    """A mix: the shipped hop, behind wires that lose packets on demand."""

    link_role = LinkRole.MIX

    def __init__(self, world: World, model: ModelNode) -> None:
        self.world = world
        self.model = model
        self.name = model.name
        self.seen: list[tuple[float, Identity, bytes]] = []
        self.recorder = Recorder()
        neighbourhood = Neighbourhood(model.id)
        self.network = world.network(neighbourhood, self.link_role, self.recorder)
        self.keyring = world.keyring(model.id)
        self.hop = world.hop(neighbourhood, keyring=self.keyring, network=self.network, observer=self.recorder)
        self.epoch = -1
        self.hop.start(self.ended)
        self.network.start(self.received)
        world.hub.attach(model.id, self.arrived)

    def stop(self) -> None:
        """Stop; no call is left."""
        self.hop.stop()
        self.network.stop()

    def arrived(self, peer: Identity, frames: Sequence[bytes]) -> None:
        """Take what the wire brings, but for what it loses."""
        self.keep_up()
        if peer in self.world.client_ids:
            self.seen += [(self.world.clock.seconds(), peer, frame) for frame in frames]
        self.network.arrived(peer, [frame for frame in frames if not (is_packet(frame) and self.world.loses())])

    def keep_up(self) -> None:
        """Take up the document of an epoch that has begun."""
        now_s = self.world.clock.seconds()
        epoch = epoch_at(now_s, self.world.params.epoch_length_s)
        if epoch != self.epoch:
            self.epoch = epoch
            self.keyring.advance(now_s)
            self.hop.adopt(self.world.make_document(epochs_later=epoch - self.world.model.epoch))

    def received(self, peer: Identity, packets: Sequence[bytes], frames: Sequence[Frame]) -> None:
        self.hop.take(peer, packets)

    def ended(self, arrived: Arrived) -> DropReason | None:
        """Take a packet whose path ends here: mixes of this world send no loops, so there is none."""
        return None


class ScriptedProvider(Node):
    """A provider that does what a test says: the shipped hop, and mailboxes that the test reads and changes.

    The shipped provider cannot take its place. Tests of clients need a provider that lies: it gives an item again that
    was acknowledged, gives the card of another person, forgets its accounts, spoils or withholds replies, or does not
    answer. The shipped provider cannot be told to do so, and faults at the wires are not enough: most of the lies are
    in frames that are right in form. The shipped provider is in `tests.worlds.networks.providers`.
    """

    link_role = LinkRole.PROVIDER

    def __init__(self, world: World, model: ModelNode) -> None:
        super().__init__(world, model)
        self.mailboxes: dict[Identity, Mailbox] = {}
        self.guests: list[RegisterGuest] = []
        """The wishes of guests that came."""
        self.guest_refusal: RegisterRefusal | None = None
        self.lease_pulls = 8
        self.silent = False
        self.full = False
        self.spoils_replies = False
        self.requests: list[bytes] = []
        """The id of the request of each part that came."""
        self.host: ScriptedHost[Surb] = ScriptedHost(
            clock=world.clock,
            rng=world.rng,
            params=world.params,
            size=world.geometry,
            ask=lambda service, body: world.services[service](self, body),
            send=lambda surb, part: self.reply(surb, encode_answer(part, world.geometry)),
        )
        self.decoys: dict[str, bytes] = {}

    def stop(self) -> None:
        """Stop; no call is left."""
        self.host.stop()
        super().stop()

    def received(self, peer: Identity, packets: Sequence[bytes], frames: Sequence[Frame]) -> None:
        if peer not in self.world.client_ids or peer in self.mailboxes:
            self.hop.take(peer, packets)
        for frame in frames:
            match frame:
                case Pull() as pull if not self.silent:
                    self.answer_pull(peer, pull)
                case Register() as register if not self.silent:
                    self.answer_register(peer, register)
                case RegisterGuest() as guest if not self.silent:
                    self.guests.append(guest)
                    if self.guest_refusal is None:
                        self.mailboxes.setdefault(peer, Mailbox("", b""))
                    refusal = self.guest_refusal
                    answer = Registered() if refusal is None else RegisterRefused(refusal)
                    self.network.send(peer, self.world.format.encode(answer))
                case _:
                    pass

    def ended(self, arrived: Arrived) -> DropReason | None:
        """Take a packet whose path ends here."""
        match arrived.command:
            case Reply(recipient, surb_id):
                body = bytes([arrived.body[0] ^ 1]) + arrived.body[1:] if self.spoils_replies else arrived.body
                self.put(recipient, ItemKind.REPLY, surb_id, body)
            case Deliver() as command:
                try:
                    content = open_payload(arrived.payload_key, arrived.body, sphinx=self.world.packet_format.sphinx)
                except PacketError as error:
                    return error.reason
                self.deliver(recipient_of(command, content), content.payload, content.surb)
        return None

    def put(self, recipient: Identity, kind: ItemKind, surb_id: bytes, body: bytes) -> None:
        mailbox = self.mailboxes.get(recipient)
        if mailbox is not None and not self.full:
            mailbox.items[next(self.world.item_numbers)] = (kind, surb_id, body)

    def deliver(self, recipient: bytes, payload: bytes, surb: Surb | None) -> None:
        if recipient not in self.world.services:
            self.world.delivered += 1
            self.put(recipient, ItemKind.MESSAGE, bytes(8), payload)
            if self.world.double and self.world.rng.random() < self.world.double:
                self.put(recipient, ItemKind.MESSAGE, bytes(8), payload)
        elif recipient != service_id("loop"):
            self.serve(recipient, payload, surb)
            return
        if surb is not None:
            self.reply(surb, b"")

    def reply(self, surb: Surb, payload: bytes) -> None:
        self.hop.inject([use_surb(surb, payload, sphinx=self.world.packet_format.sphinx)])

    def serve(self, service: bytes, payload: bytes, surb: Surb | None) -> None:
        geometry = self.world.geometry
        part = decode_part(payload, geometry)
        self.requests.append(part.head.request_id)
        beside = [decode_surb(block, geometry) for block in part.blocks]
        self.host.take(service, part, [*([surb] if surb is not None else []), *beside])

    def answer_pull(self, peer: Identity, pull: Pull) -> None:
        mailbox = self.mailboxes.get(peer)
        if mailbox is None:
            refused = self.world.format.encode(RegisterRefused(RegisterRefusal.NOT_REGISTERED))
            self.network.send(peer, refused)
            return
        mailbox.pulls += 1
        if pull.acknowledged:
            self.world.on_acknowledged(peer)
        for number in pull.acknowledged:
            mailbox.items.pop(number, None)
            mailbox.leased.pop(number, None)
        free = [
            number
            for number in sorted(mailbox.items)
            if mailbox.pulls - mailbox.leased.get(number, -self.lease_pulls) >= self.lease_pulls
        ]
        given = free[: self.world.params.pull_batch]
        dummy = Item(pull.request_id, 0, ItemKind.DUMMY, bytes(8), bytes(self.world.geometry.body_bytes))
        for number in given:
            mailbox.leased[number] = mailbox.pulls
            kind, surb_id, body = mailbox.items[number]
            padded = body.ljust(self.world.geometry.body_bytes, b"\0")
            self.send_item(peer, Item(pull.request_id, number, kind, surb_id, padded))
        for _ in range(self.world.params.pull_batch - len(given)):
            self.send_item(peer, dummy)

    def send_item(self, peer: Identity, item: Item) -> None:
        self.network.send(peer, self.world.format.encode(item))

    def answer_register(self, peer: Identity, register: Register) -> None:
        answer: Registered | RegisterRefused = Registered()
        taken = {mailbox.name: identity for identity, mailbox in self.mailboxes.items()}
        if self.world.invitation != register.invitation:
            answer = RegisterRefused(RegisterRefusal.BAD_INVITATION)
        elif taken.get(register.name, peer) != peer:
            answer = RegisterRefused(RegisterRefusal.NAME_TAKEN)
        else:
            self.mailboxes.setdefault(peer, Mailbox(register.name, register.card))
        self.network.send(peer, self.world.format.encode(answer))

    def keys(self, body: bytes) -> bytes | None:
        match decode_keys_request(body):
            case LookUp(name):
                cards = {mailbox.name: mailbox.card for mailbox in self.mailboxes.values()}
                return cards.get(name) or self.decoy(name)
            case Publish(name) as publish:
                [(identity, mailbox)] = [entry for entry in self.mailboxes.items() if entry[1].name == name]
                verify_publish(publish, identity)
                mailbox.card, mailbox.version = publish.card, publish.version
                return b""

    def decoy(self, name: str) -> bytes:
        if name not in self.decoys:
            self.decoys[name] = encode_card(
                make_card(
                    IdentityKey.generate(self.world.rng),
                    name=name,
                    provider=self.model.id,
                    sealing_key=SealingKey.generate(self.world.rng).public,
                    now_s=0,
                )
            )
        return self.decoys[name]


class MemoryLink:
    """The link to the provider; a test cuts it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cut = False
        self.lies = False
        self.connected: list[str] = []

    def adopt(self, frames: FrameFormat) -> None:
        pass

    def connect(self, provider: NodeEntry) -> None:
        if provider.name not in self.connected:
            self.connected.append(provider.name)

    def let_read(self, provider: Identity, reads: bool) -> None:
        """Read on: what comes over these wires is taken as it comes."""

    def is_open(self, provider: Identity) -> bool:
        return self.lies or (not self.cut and self.world.hub.is_attached(provider))

    def problem(self, provider: Identity) -> str | None:
        return "connection refused" if self.cut else None


@functools.cache
def _stores() -> MemoryStores:
    # A store of its own for each person took more time than what most tests do with it.
    return MemoryStores()


def ordered_on_clock(store: Store, *, clock: Clock, batch_s: float) -> StoreAccess:
    """Return access as a client has it, which takes `batch_s` on `clock` for all that is asked for meanwhile."""
    lane = ClockLane(functools.partial(write_batch, store), clock=clock, batch_s=batch_s)
    return StoreAccess(store, writing=lane, reading=lane, alarm=StoreAlarm("everything"))


class Person:
    """A client that can be crashed and started again on the same store."""

    def __init__(
        self,
        world: World,
        name: str,
        *,
        path: Path | None = None,
        sealed: bool = False,
        settings: ClientSettings | None = None,
        work_s: float | None = None,
    ) -> None:
        self.world = world
        self.name = name
        self.keys = ClientKeys.generate(world.rng)
        self.sealer: Sealer = HpkeSealer(self.keys.sealing)
        self.settings = settings or ClientSettings()
        self.sealed = sealed
        self.path = path
        self.store = self._open()
        self.work_s = work_s
        self.link = MemoryLink(world)
        self.facts = Facts()
        reception = Reception(world.format, own=LinkRole.CLIENT, role_of=lambda _: LinkRole.PROVIDER)
        self.network = world.hub.network(self.keys.identity_key.public, observer=self.facts, reception=reception)
        world.client_ids.add(self.keys.identity_key.public)
        world.people.append(self)
        self.client = self.start()

    def start(self) -> ClientService:
        self.client = build_client(
            keys=self.keys,
            acceptance=self.world.acceptance,
            settings=self.settings,
            access=self._access(),
            sealer=self.sealer,
            network=self.network,
            link=self.link,
            clock=self.world.clock,
            monotonic=self.world.monotonic,
            rng=self.world.rng,
            arithmetic=self.world.packet_format.sphinx.arithmetic,
            observer=self.facts,
        )
        self.client.start()
        if self.world.document is not None:
            self.client.adopt(self.world.document)
        return self.client

    def _open(self) -> Store:
        if self.path is None:
            return _stores().open()
        return ClientStore(self.path, key=self.keys.store_key if self.sealed else None)

    def _access(self) -> StoreAccess:
        if self.work_s is None:
            return inline_access(self.store)
        return ordered_on_clock(self.store, clock=self.world.clock, batch_s=self.work_s)

    def stop(self) -> None:
        done = Deferred.fromCoroutine(self.client.stop())
        self.world.clock.run_for(30, until=lambda: done.called)
        assert done.called
        self.network.stop()

    def restart(self) -> None:
        """Forget everything that is not in the store."""
        self.stop()
        if self.path is not None:
            self.store.close()
            self.store = self._open()
        self.start()


class World(MemoryWorld):
    """Two providers, `home` and `away`, and two mixes in each layer."""

    def __init__(
        self,
        *,
        params: NetworkParams = QUICK,
        seed: int = 1,
        loss: float = 0.0,
        latency_s: float = 0.002,
        invitation: str = "",
        arithmetic: Arithmetic | None = None,
    ) -> None:
        """Make it from one seed. Packets are plain unless `arithmetic` is real: clients decide the same with both."""
        self.rng = random.Random(seed)
        clock = self.make_clock()
        model = model_network(
            self.rng,
            params=params,
            providers=("home", "away"),
            services=("broken", "echo", "keys", "loop"),
            epoch=epoch_at(clock.seconds(), params.epoch_length_s),
            key_epochs=4,
        )
        hub = MemoryHub(clock=clock, rng=self.rng, latency_s=latency_s, loss=0.0)
        super().__init__(model, clock=clock, hub=hub, arithmetic=arithmetic or PlainArithmetic())
        self.clock: EventClock = clock
        self.format = self.packet_format.frames
        self.loss = loss
        self.double = 0.0
        self.sink = False
        """Whether packets end at the first provider: for tests that only look at what a client sends."""
        self.invitation = invitation
        self.acceptance = Acceptance.ANY
        """Which networks the clients take part in that are made from now on."""
        self.on_acknowledged: Callable[[Identity], None] = lambda peer: None
        """Called at each pull that acknowledges something, before it takes effect."""
        self.lost = self.delivered = 0
        self.item_numbers = itertools.count(1)
        self.client_ids: set[Identity] = set()
        self.people: list[Person] = []
        self.services: dict[bytes, Callable[[ScriptedProvider, bytes], bytes | None]] = {
            service_id("loop"): lambda node, body: b"",
            service_id("echo"): lambda node, body: body,
            service_id("keys"): ScriptedProvider.keys,
            service_id("broken"): lambda node, body: None,
        }
        self.offers: dict[str, MailOffer] = {}
        """What providers offer to mail, by their names."""
        self.document: Document | None = self.make_document()
        mixes = {node.name: Node(self, node) for node in self.model.nodes if node.role is Role.MIX}
        self.providers = {name: ScriptedProvider(self, self.model.node(name)) for name in ("home", "away")}
        self.nodes: dict[str, Node] = {**mixes, **self.providers}

    def loses(self) -> bool:
        """Tell whether the wires lose a packet, and count it."""
        lost = bool(self.loss) and self.rng.random() < self.loss
        self.lost += lost
        return lost or self.sink

    @property
    def replays(self) -> int:
        """How many packets nodes dropped because they had seen them."""
        return sum(node.recorder.drops.count(DropReason.REPLAY) for node in self.nodes.values())

    def make_clock(self) -> EventClock:
        """Return the clock of this world."""
        return EventClock(NOW_S)

    def monotonic(self) -> float:
        """Return the seconds of a clock that nobody sets."""
        return self.clock.seconds()

    def make_document(self, *, epochs_later: int = 0) -> Document:
        """Return the document of a later epoch."""
        length_s = self.params.epoch_length_s
        epoch = self.model.epoch + epochs_later
        document = self.model.document_with(
            epoch=epoch, valid_from_s=epoch * length_s, valid_until_s=(epoch + 2) * length_s
        )
        for provider, offer in self.offers.items():
            document = with_offer(document, provider, offer)
        return document

    def offer(self, provider: str, offer: MailOffer) -> None:
        """Let a provider offer something else to mail from now on, and tell all clients."""
        self.offers[provider] = offer
        self.document = self.make_document()
        for person in self.people:
            if person.client.running:
                person.client.adopt(self.document)

    def person(
        self,
        address: str = "",
        *,
        path: Path | None = None,
        sealed: bool = False,
        settings: ClientSettings | None = None,
        work_s: float | None = None,
    ) -> Person:
        """Return a client, registered under `address` if one is given."""
        name, _, provider = address.partition("@")
        person = Person(self, name or "stranger", path=path, sealed=sealed, settings=settings, work_s=work_s)
        if address:
            assert self.run(person.client.register(name, provider, invitation=self.invitation)) == address
        return person

    def acquaint(self, *people: Person) -> None:
        """Let each have all others as contacts."""
        for one in people:
            for other in people:
                if one is not other:
                    status = self.run(other.client.status())
                    self.run(one.client.add_contact(status.address))

    def run(self, awaitable: Awaitable[T], *, limit_s: float = 3600.0) -> T:
        """Let time pass until `awaitable` is done; return its result or raise its error."""

        async def wait() -> T:
            return await awaitable

        results: list[T | Failure] = []
        Deferred.fromCoroutine(wait()).addBoth(results.append)
        self.clock.run_for(limit_s, until=lambda: bool(results))
        [result] = results
        if isinstance(result, Failure):
            result.raiseException()
        return result

    def wait_for(self, condition: Callable[[], object], limit_s: float) -> bool:
        """Let time pass until `condition`, which may be costly, holds; at most `limit_s`. Tell whether it does."""
        end_s, step_s = self.clock.seconds() + limit_s, max(0.25, limit_s / 1000)
        while not (holds := bool(condition())) and self.clock.seconds() < end_s:
            self.clock.run_for(min(step_s, end_s - self.clock.seconds()))
        return holds

    def stop(self) -> None:
        """Stop everybody, and see that nobody left a call behind."""
        for person in self.people:
            if person.client.running:
                person.stop()
            person.store.close()
        for node in self.nodes.values():
            node.stop()
        assert self.clock.pending == 0, self.clock.getDelayedCalls()
