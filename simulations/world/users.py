"""Users of a world: the shipped client, registered, with contacts, and what its user does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from client.api import ClientStatus, MessageId, ReceivedMessage, TimeEstimate
from client.asking.account import ACCOUNT_FACT, CARD_FACT, PUBLISH_VERSION, PUBLISHED_FACT
from client.core.fragments import FragmentSizes
from client.core.sealing import PlainSealer
from client.core.settings import ClientSettings
from client.directory.keys import ClientKeys
from client.link.floors import Acceptance
from client.link.session import Account
from client.running.service import ClientService
from client.running.wiring import build_client
from client.store import contacts
from client.store.contacts import pin_of
from loopixmix.cards import Card, encode_card, make_card
from loopixmix.directory import Document, NodeEntry
from loopixmix.net.reception import Reception
from loopixmix.observing.observers import Counters
from loopixmix.seams import Identity, Rng
from loopixmix.store.access import inline_access
from loopixmix.wire import FrameFormat, LinkRole
from provider.accounts import RegistrationMode, RegistrationRules
from provider.mailbox import day_of
from provider.store import MailStore
from provider.store.accounts import Application, publish_card, register
from simulations.world.links import WireEnd
from simulations.world.nodes import Ears, NodeSeams, Provider
from simulations.world.stores import MemoryStore

_NUMBER_BITS = 56
_SHORT_CUT = RegistrationRules(mode=RegistrationMode.OPEN, max_accounts=1_000_000_000)
# More than signature, names and encoding add to a body.
_MESSAGE_OVERHEAD_BYTES = 256
NUMBER_BYTES = 8
"""The messages of simulated users begin with their number."""


def shortest_payload_bytes(packets_per_message: int) -> int:
    """Return the least `packets.payload_bytes` at which a message of so many packets can be written."""
    return next(size for size in range(1280, 32_769) if _room(size, packets_per_message) >= NUMBER_BYTES)


def body_bytes_of(payload_bytes: int, packets_per_message: int) -> int:
    """Return the length of a message's body that takes so many packets."""
    return max(NUMBER_BYTES, _room(payload_bytes, packets_per_message))


def _room(payload_bytes: int, packets: int) -> int:
    sizes = FragmentSizes(payload_bytes)
    return sizes.head_data_bytes + (packets - 1) * sizes.body_data_bytes - _MESSAGE_OVERHEAD_BYTES


class UserLink:
    """The user's one link, which is there while the user is online (`client.link.session.ProviderLink`)."""

    def __init__(self, network: WireEnd) -> None:
        """`network`: the user's end of the wire."""
        self.online = False
        self.network = network

    def adopt(self, frames: FrameFormat) -> None:
        """Nothing: a wire carries frames of any size."""

    def connect(self, provider: NodeEntry) -> None:
        """Do nothing: a user that is online is linked."""

    def let_read(self, provider: Identity, reads: bool) -> None:
        """Read on: what comes over these wires is taken as it comes."""

    def is_open(self, provider: Identity) -> bool:
        """Tell whether a frame would go out now."""
        return self.online and self.network.wires.is_attached(provider)

    def problem(self, provider: Identity) -> str | None:  # noqa: ARG002 (there is one)
        """Say why there is no link."""
        return None if self.online else "the user is offline"


@dataclass(frozen=True)
class UserPlan:
    """One user before its client runs.

    `name`: empty for a guest. `place`: see `simulations.latency`; `provider`: where it has its account.
    """

    name: str
    place: int
    provider: Provider
    keys: ClientKeys

    @property
    def identity(self) -> Identity:
        """The user's identity key."""
        return self.keys.identity_key.public

    @property
    def is_guest(self) -> bool:
        """Whether its account has no name."""
        return not self.name

    @property
    def address(self) -> str:
        """The address that others write to; guests have none."""
        return f"{self.name}@{self.provider.name}"


class User:
    """One user of a world and its client; `plan` says who it is."""

    def __init__(
        self, plan: UserPlan, service: ClientService, *, ears: Ears, link: UserLink, store: MemoryStore
    ) -> None:
        """Use `make_user`."""
        self.plan = plan
        self.identity = plan.identity
        self.service = service
        self.ears = ears
        self.counters: Counters = ears.counters
        self.link = link
        self.network = link.network
        self.store = store
        self._enrolling = False

    @property
    def online(self) -> bool:
        """Tell whether the user is linked."""
        return self.link.online

    def go_online(self) -> None:
        """Open the link."""
        self.link.online = True
        self.network.plug()
        self._enrol()

    def go_offline(self) -> None:
        """Close the link: the shipped client stops sending, and what is under way to it on the link is lost."""
        self.link.online = False
        self.network.stop()

    def send(self, to: str, body: bytes, *, kind: str, key: str) -> Deferred[MessageId]:
        """Hand a message over to the client."""
        return Deferred.fromCoroutine(self.service.send(to, body, kind=kind, idempotency_key=key))

    def estimate(self, body_bytes: int, to: str) -> Deferred[TimeEstimate]:
        """Ask the client how long a message would take."""
        return Deferred.fromCoroutine(self.service.estimate(body_bytes, to))

    def ask(self, service: str, body: bytes, *, timeout_s: float) -> Deferred[bytes]:
        """Ask a hosted service by the client."""
        return Deferred.fromCoroutine(self.service.request(service, body, timeout_s=timeout_s))

    def status(self) -> ClientStatus:
        """Return what the client says of itself."""
        found: list[ClientStatus] = []
        Deferred.fromCoroutine(self.service.status()).addCallback(found.append)
        [status] = found
        return status

    def adopt(self, document: Document) -> None:
        """Take up a network document."""
        self.service.adopt(document)

    def start(self) -> None:
        """Begin to work, linked or not."""
        self.service.start()
        if not self.link.online:
            self.network.stop()
        self._enrol()

    def _enrol(self) -> None:
        """Open the account of a guest by its client; that of a user with a name is there from the beginning."""
        if not self.plan.is_guest or self._enrolling or not self.link.online or self.status().registered:
            return
        self._enrolling = True
        opening = Deferred.fromCoroutine(self.service.register_guest(self.plan.provider.name))
        # One that goes offline meanwhile tries again when it is back.
        opening.addBoth(self._enrolled)

    def _enrolled(self, _: object) -> None:
        self._enrolling = False

    def stop(self) -> Deferred[None]:
        """Stop; when the result has fired no call is left."""
        stopping = Deferred.fromCoroutine(self.service.stop())
        self.network.stop()
        self.store.close()
        return stopping


def make_user(plan: UserPlan, seams: NodeSeams, rng: Rng, store: MemoryStore) -> User:
    """Return a user with its client, which does not run yet and keeps everything in `store` (closed with it)."""
    ears = Ears(Counters(delay_mean_s=seams.params.delay_mean_s))
    reception = Reception(seams.packet_format.frames, own=LinkRole.CLIENT, role_of=lambda _: LinkRole.PROVIDER)
    network = seams.wires.network(plan.identity, observer=ears, reception=reception)
    # Only users' ends count what they receive: counting takes time for every frame, and no measure needs it of nodes.
    network.counts = True
    link = UserLink(network)
    service = build_client(
        keys=plan.keys,
        acceptance=Acceptance.ANY,
        settings=ClientSettings(),
        access=inline_access(store),
        sealer=PlainSealer(plan.keys.sealing.public, rng=rng),
        network=network,
        link=link,
        clock=seams.clock,
        monotonic=seams.clock.seconds,
        rng=rng,
        arithmetic=seams.packet_format.sphinx.arithmetic,
        observer=ears,
    )
    return User(plan, service, ears=ears, link=link, store=store)


@dataclass(frozen=True)
class RegisteredUser:
    """A registration that is done: the account, and the card that others look up."""

    account: Account
    card: Card


def register_user(plan: UserPlan, *, now_s: float) -> RegisteredUser:
    """Return the account and the card of a user who has registered with a provider."""
    keys, provider = plan.keys, plan.provider
    card = make_card(
        keys.identity_key, name=plan.name, provider=provider.identity, sealing_key=keys.sealing.public, now_s=now_s
    )
    return RegisteredUser(Account(plan.name, provider.identity, provider.name), card)


def write_accounts(store: MailStore, registrations: Sequence[RegisteredUser], *, rng: Rng, now_s: float) -> None:
    """Write into a provider's store what these users' registrations and publications would.

    A short-cut past links and mixes: the rows are those that the shipped functions write.
    """

    def write(connection: Connection) -> None:
        for each in registrations:
            card = encode_card(each.card)
            application = Application(
                name=each.account.name,
                identity=each.card.identity,
                card=card,
                invitation_hash=b"",
                first_number=1 + rng.getrandbits(_NUMBER_BITS),
                day=day_of(now_s),
            )
            register(connection, application, _SHORT_CUT)
            publish_card(connection, each.account.name, each.card.identity, PUBLISH_VERSION, card, today=day_of(now_s))

    store.write(write)


def write_client(store: MemoryStore, own: RegisteredUser, pinned: Sequence[RegisteredUser]) -> None:
    """Write into a client's store what its registration and its look-ups of contacts would."""

    def write(connection: Connection) -> None:
        contacts.save_fact(connection, ACCOUNT_FACT, msgspec.msgpack.encode(own.account))
        contacts.save_fact(connection, CARD_FACT, encode_card(own.card))
        contacts.save_fact(connection, PUBLISHED_FACT, b"1")
        for each in pinned:
            contacts.save(connection, pin_of(each.account.address, each.card, compared=False))

    store.write(write)


def number_of(message: ReceivedMessage) -> int:
    """Return the number of a simulated user's message."""
    return int.from_bytes(message.body[:NUMBER_BYTES], "big")
