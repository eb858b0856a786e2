"""Shipped providers in a network in memory, and clients that speak to them by hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from loopixmix.cards import SealingKey, encode_card, make_card
from loopixmix.cover.loops import LoopSender
from loopixmix.cover.plan import LoopMaker
from loopixmix.directory import Document
from loopixmix.drops import DropReason
from loopixmix.keys import IdentityKey
from loopixmix.net.network import AcceptingNetwork
from loopixmix.net.reception import Reception
from loopixmix.observing.observers import Counters, Fanout
from loopixmix.requests.parts import RequestPart, encode_part
from loopixmix.requests.single import ServiceReply, decode_reply, encode_request
from loopixmix.routing.path import Neighbourhood, choose_path, deliver_to, draw_delays_s, hops_for, service_id
from loopixmix.seams import Identity
from loopixmix.sphinx import Discard, Reply, Surb, SurbKeys, make_surb, open_reply, wrap
from loopixmix.tokens.exchange import ISSUER_SERVICE
from loopixmix.tokens.keyfile import KeyFile
from loopixmix.wire import Frame, Item, ItemKind, LinkRole, Pull, Register
from provider.accounts import RegistrationMode, RegistrationRules
from provider.agreed_time import AgreedTime
from provider.api import Setting
from provider.cards.decoys import load_decoy_secret
from provider.clients.allowance import ClientRules
from provider.config import ProviderRules
from provider.hosting.loading.loader import SERVICES_DIRECTORY, ServiceLoader
from provider.mailbox import MailboxRules, day_of
from provider.store import MailStore, sqlite_url
from provider.store.access import clocked_access
from provider.tokens.gate import GUEST_PURPOSE
from provider.tokens.keys import PUBLIC_FILE
from provider.wiring import wire_provider
from tests.worlds.networks.memory_worlds import Recorder
from tests.worlds.networks.mixes import MixWorld

OPEN = RegistrationRules(mode=RegistrationMode.OPEN)
WRITE_S = 0.004


class RunningProvider:
    """A provider with a store in `directory` and what it observed."""

    def __init__(
        self,
        world: MixWorld,
        name: str,
        directory: Path,
        *,
        mailbox: MailboxRules | None = None,
        registration: RegistrationRules = OPEN,
        services: Sequence[str] = ("echo", "keys"),
        settings: Mapping[str, Mapping[str, Setting]] | None = None,
    ) -> None:
        mailbox = mailbox or MailboxRules()
        rng = random.Random(name)
        self.world = world
        self.identity = world.model.node(name).id
        self.recorder = Recorder()
        self.counters = Counters(delay_mean_s=world.params.delay_mean_s)
        observer = Fanout([self.recorder, self.counters])
        neighbourhood = Neighbourhood(self.identity)
        self.network = world.network(neighbourhood, LinkRole.PROVIDER, observer)
        self.keyring = world.keyring(self.identity)
        hop = world.hop(neighbourhood, keyring=self.keyring, network=self.network, observer=observer)
        loops = LoopSender(
            LoopMaker(self.identity, world.packet_format, rng),
            clock=world.clock,
            network=self.network,
            observer=observer,
        )
        self.store = MailStore(sqlite_url(directory / f"{name}.sqlite3"))
        self.service = wire_provider(
            hop=hop,
            loops=loops,
            packet_format=world.packet_format,
            clock=world.clock,
            network=self.network,
            rng=rng,
            observer=observer,
            rules=ProviderRules(mailbox=mailbox, registration=registration, clients=ClientRules(answer_s=0.02)),
            access=clocked_access(self.store, mailbox, clock=world.clock, write_s=WRITE_S, read_s=0.001),
            agreed=AgreedTime(world.clock),
            decoy_secret=load_decoy_secret(directory, rng=rng, today=day_of(world.clock.seconds())),
            guest_keys=KeyFile(directory / SERVICES_DIRECTORY / ISSUER_SERVICE / PUBLIC_FILE, GUEST_PURPOSE),
            make_services=lambda keys: ServiceLoader(
                provider=self.identity,
                directory=directory,
                clock=world.clock,
                rng=rng,
                keys=keys,
                call_on_reactor=None,
            ).load(services, settings or {}, {}),
        )

    def prepare(self, document: Document) -> None:
        self.service.prepare(document)

    def adopt(self, document: Document) -> None:
        self.service.adopt(document)

    def start(self) -> None:
        self.service.start()

    def stop(self) -> None:
        self.service.stop()
        self.network.stop()

    def drops(self, reason: DropReason) -> int:
        return self.recorder.drops.count(reason)


class HasId(Protocol):
    """A provider, in this process or in another."""

    identity: Identity


class HandClient:
    """A client whose every packet and pull is the test's decision."""

    def __init__(
        self,
        world: MixWorld,
        name: str,
        provider: HasId,
        *,
        make_network: Callable[[IdentityKey, Recorder], AcceptingNetwork] | None = None,
    ) -> None:
        self.rng = random.Random(f"client {name}")
        self.world = world
        self.name = name
        self.provider = provider.identity
        self.identity_key = IdentityKey.generate(self.rng)
        self.recorder = Recorder()
        if make_network is None:
            reception = Reception(world.packet_format.frames, own=LinkRole.CLIENT, role_of=lambda _: LinkRole.PROVIDER)
            self.network: AcceptingNetwork = world.hub.network(self.id, observer=self.recorder, reception=reception)
        else:
            self.network = make_network(self.identity_key, self.recorder)
        self.frames: list[Frame] = []
        self.network.start(self._received)
        self.surbs: dict[bytes, SurbKeys] = {}

    @property
    def id(self) -> Identity:
        return self.identity_key.public

    def _received(self, peer: Identity, packets: Sequence[bytes], frames: Sequence[Frame]) -> None:
        assert peer == self.provider
        assert not packets
        self.frames += frames

    def send(self, frame: Frame) -> None:
        self.network.send(self.provider, self.world.packet_format.frames.encode(frame))

    def answer_to(self, frame: Frame, *, wait_s: float = 0.1) -> list[Frame]:
        """Send a frame and return what comes back."""
        self.frames.clear()
        self.send(frame)
        self.world.run(wait_s)
        return list(self.frames)

    def card(
        self, *, name: str | None = None, provider: Identity | None = None, key: IdentityKey | None = None
    ) -> bytes:
        return encode_card(
            make_card(
                key or self.identity_key,
                name=name or self.name,
                provider=provider or self.provider,
                sealing_key=SealingKey.generate(self.rng).public,
                now_s=self.world.clock.seconds(),
            )
        )

    def register(self, *, invitation: str = "", card: bytes | None = None) -> Frame:
        [answer] = self.answer_to(Register(self.name, invitation, self.card() if card is None else card))
        return answer

    def pull(self, acknowledged: Sequence[int] = ()) -> list[Item]:
        items = self.answer_to(Pull(self.rng.getrandbits(64), tuple(acknowledged)))
        assert all(isinstance(item, Item) for item in items)
        return [item for item in items if isinstance(item, Item)]

    def collect(self, *, pulls: int = 3) -> list[Item]:
        """Pull some times and return what was in the mailbox, acknowledged."""
        found: list[Item] = []
        for _ in range(pulls):
            new = [item for item in self.pull([item.item_id for item in found]) if item.kind is not ItemKind.DUMMY]
            found += [item for item in new if item not in found]
            self.world.run(1.0)
        self.pull([item.item_id for item in found])
        return found

    def surb(self, exit: Identity, *, first_hop: Identity | None = None) -> Surb:
        """Return a reply block for whoever is at the provider `exit`."""
        document, params = self.world.model.document, self.world.params
        surb_id = self.rng.randbytes(8)
        path = choose_path(document, entry=exit, exit=self.provider, rng=self.rng)
        delays_s = draw_delays_s(len(path) - 1, params, self.rng)
        start_s = self.world.clock.seconds()
        hops = hops_for(document, path, Reply(self.id, surb_id), delays_s, start_s=start_s)
        surb, keys = make_surb(first_hop or exit, hops, sphinx=self.world.packet_format.sphinx, rng=self.rng)
        self.surbs[surb_id] = keys
        return surb

    def packet(
        self, recipient: bytes, payload: bytes, *, exit: Identity, surb: Surb | None = None, discard: bool = False
    ) -> bytes:
        document, params = self.world.model.document, self.world.params
        path = choose_path(document, entry=self.provider, exit=exit, rng=self.rng)
        delays_s = draw_delays_s(len(path) - 1, params, self.rng)
        final = Discard() if discard else deliver_to(recipient, payload, surb)
        hops = hops_for(document, path, final, delays_s, start_s=self.world.clock.seconds())
        return wrap(hops, payload, sphinx=self.world.packet_format.sphinx, rng=self.rng, surb=surb)

    def submit(self, packet: bytes) -> None:
        self.network.send(self.provider, self.world.packet_format.frames.packet_frame(packet))

    def deliver(self, recipient: bytes, text: bytes, *, exit: Identity, acknowledge: bool = True) -> None:
        """Send a message, padded to a full payload, with a reply block for its acknowledgement."""
        surb = self.surb(exit) if acknowledge else None
        payload = text.ljust(self.world.geometry.payload_bytes, b"\0")
        self.submit(self.packet(recipient, payload, exit=exit, surb=surb))

    def request(self, service: str, body: bytes, *, at: Identity, request_id: bytes | None = None) -> None:
        payload = encode_request(request_id or self.rng.randbytes(16), body, self.world.geometry)
        self.submit(self.packet(service_id(service), payload, exit=at, surb=self.surb(at)))

    def send_part(self, service: str, part: RequestPart, *, at: Identity) -> None:
        """Send a part of a request of version 2, with a reply block of its packet."""
        payload = encode_part(part, self.world.geometry)
        self.submit(self.packet(service_id(service), payload, exit=at, surb=self.surb(at)))

    def replies(self) -> list[bytes]:
        """Collect and open the replies that wait."""
        items = [item for item in self.collect() if item.kind is ItemKind.REPLY]
        return [
            open_reply(self.surbs[item.surb_id], item.body, sphinx=self.world.packet_format.sphinx) for item in items
        ]

    def answers(self) -> list[ServiceReply]:
        return [decode_reply(reply) for reply in self.replies()]
