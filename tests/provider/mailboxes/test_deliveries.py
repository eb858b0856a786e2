"""Packets that end at a provider, one by one: stored, asked, returned, discarded or dropped."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent

from loopixmix.drops import DropReason
from loopixmix.hop.mixing import Arrived
from loopixmix.keys import MixKey
from loopixmix.params import NetworkParams
from loopixmix.requests.single import encode_request
from loopixmix.routing.packets import PacketFormat
from loopixmix.routing.path import deliver_to, service_id
from loopixmix.seams import Identity
from loopixmix.sphinx import (
    Deliver,
    Discard,
    Hop,
    Reply,
    Surb,
    SurbKeys,
    load_arithmetic,
    make_surb,
    open_reply,
    unwrap,
    wrap,
)
from provider.api import Declaration
from provider.hosting.asking.local import LocalAsker
from provider.hosting.host import ServiceHost
from provider.hosting.memory import RequestMemory
from provider.hosting.room import SharedRoom
from provider.hosting.seams import HostingWorld
from provider.mailbox import MailboxRules
from provider.mailboxes import deliveries as deliveries_module
from provider.mailboxes.deliveries import Deliveries
from provider.replies import ReplyBlocks
from provider.store import MailStore
from tests.worlds.mailboxes.mailstores import ALICE, NOBODY, WRITE_S, StoreWorld

PROVIDER = bytes([5]) * 32
FORMAT = PacketFormat.for_network(NetworkParams(), arithmetic=load_arithmetic())
SPHINX = FORMAT.sphinx
FULL = FORMAT.geometry.payload_bytes


class Oracle:
    """Answers when the test wants it to."""

    name = "oracle"

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, Deferred[bytes]]] = []

    async def answer(self, body: bytes) -> bytes:
        answer: Deferred[bytes] = Deferred()
        self.asked.append((body, answer))
        return await answer


class WrittenLoops:
    """The provider's own loops, of which none is under way."""

    def __init__(self) -> None:
        self.came_back: list[bytes] = []

    def returned(self, surb_id: bytes, body: bytes) -> DropReason | None:
        self.came_back.append(surb_id)
        return DropReason.UNKNOWN_REPLY


class WrittenHop:
    """The hop of the provider, of which only the packets that it is given are known."""

    identity = PROVIDER

    def __init__(self) -> None:
        self.injected: list[bytes] = []

    def inject(self, packets: Sequence[bytes]) -> None:
        self.injected += packets


class World(StoreWorld):
    """Deliveries over a real store, with one service."""

    def __init__(self, store: MailStore, rng: random.Random, *, rules: MailboxRules | None = None) -> None:
        super().__init__(store, rules=rules or MailboxRules())
        self.rng = rng
        self.key = MixKey.generate(rng)
        self.oracle = Oracle()
        self.loops = WrittenLoops()
        self.hop = WrittenHop()
        blocks = ReplyBlocks(hop=self.hop, sphinx=SPHINX, drops=self.drops)
        self.host = ServiceHost(
            [LocalAsker(self.oracle, Declaration(at_once=1, queue=1))],
            memory=RequestMemory(self.access),
            world=HostingWorld(
                clock=self.clock,
                rng=rng,
                blocks=blocks,
                drops=self.drops,
                size=FORMAT.geometry,
                assembling=SharedRoom(2**20),
                answering=SharedRoom(2**20),
            ),
        )
        self.deliveries = Deliveries(
            identity=PROVIDER,
            sphinx=SPHINX,
            blocks=blocks,
            access=self.access,
            host=self.host,
            loops=self.loops,
            drops=self.drops,
            clock=self.clock,
        )

    @property
    def injected(self) -> list[bytes]:
        return self.hop.injected

    def surb(self, *, first_hop: Identity = PROVIDER) -> tuple[Surb, SurbKeys]:
        hops = [Hop(self.key.public, Reply(ALICE, b"surb-id8"))]
        return make_surb(first_hop, hops, sphinx=SPHINX, rng=self.rng)

    def send(self, recipient: bytes, payload: bytes, surb: Surb | None = None) -> DropReason | None:
        """Let a packet with a payload for `recipient` end here."""
        return self.end(deliver_to(recipient, payload, surb), payload, surb)

    def end(
        self, command: Deliver | Discard | Reply, payload: bytes = b"", surb: Surb | None = None
    ) -> DropReason | None:
        packet = wrap([Hop(self.key.public, command)], payload, sphinx=SPHINX, rng=self.rng, surb=surb)
        return self.arrive(command, packet)

    def arrive(self, command: Deliver | Discard | Reply, packet: bytes) -> DropReason | None:
        opened = unwrap([self.key.private], packet, sphinx=SPHINX)
        body = opened.packet[-opened.body_bytes :]
        return self.deliveries.arrived(Arrived(command, opened.payload_key, body, opened.replay_tag))

    def answer(self, keys: SurbKeys) -> bytes:
        """Open the one packet that a reply block has made."""
        [packet] = self.injected
        opened = unwrap([self.key.private], packet, sphinx=SPHINX)
        return open_reply(keys, opened.packet[-opened.body_bytes :], sphinx=SPHINX)


@pytest.fixture
def world(store: MailStore, rng: random.Random) -> World:
    return World(store, rng)


def test_a_message_is_acknowledged_once_it_is_on_the_disk(world: World) -> None:
    surb, keys = world.surb()
    assert world.send(ALICE, b"hello".ljust(FULL, b"\0"), surb) is None
    world.clock.advance(WRITE_S * 0.9)
    assert world.injected == []
    world.clock.advance(WRITE_S * 0.2)
    assert world.bodies() == [b"hello"]
    assert world.answer(keys) == b""
    assert world.deliveries.counts.stored == 1


def test_a_message_for_nobody_is_acknowledged_the_same_way(world: World) -> None:
    surb, keys = world.surb()
    assert world.send(NOBODY, bytes(FULL), surb) is None
    world.clock.advance(WRITE_S)
    assert world.answer(keys) == b""
    assert (world.bodies(), world.deliveries.counts.unknown) == ([], 1)


def test_a_message_without_a_reply_block_is_stored(world: World) -> None:
    assert world.send(ALICE, b"hello".ljust(FULL, b"\0")) is None
    world.clock.advance(WRITE_S)
    assert (world.bodies(), world.injected) == ([b"hello"], [])


def test_a_full_mailbox_acknowledges_nothing(store: MailStore, rng: random.Random) -> None:
    world = World(store, rng, rules=MailboxRules(quota_items=1))
    for body in (b"1", b"2"):
        world.send(ALICE, body.ljust(FULL, b"\0"), world.surb()[0])
        world.clock.advance(WRITE_S)
    assert (world.bodies(), len(world.injected)) == ([b"1"], 1)
    assert world.facts.drops == [DropReason.MAILBOX_FULL]
    assert world.deliveries.counts.full == 1


def test_what_cannot_be_written_is_not_acknowledged(world: World, logged: list[LogEvent]) -> None:
    world.break_store()
    world.send(ALICE, bytes(FULL), world.surb()[0])
    world.clock.advance(WRITE_S)
    assert world.injected == []
    assert world.facts.drops == [DropReason.STORE_FAILED]
    assert len(logged) == 1


def test_more_than_can_wait_for_the_disk_is_dropped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries_module, "MAX_WAITING", 2)
    reasons = [world.send(ALICE, bytes(FULL)) for _ in range(3)]
    assert reasons == [None, None, DropReason.OVERLOADED]
    world.clock.advance(WRITE_S)
    assert world.send(ALICE, bytes(FULL)) is None


def test_a_short_payload_and_a_changed_body_are_dropped(world: World) -> None:
    assert world.send(ALICE, b"short") is DropReason.BAD_PAYLOAD
    command = deliver_to(ALICE, bytes(FULL), None)
    packet = bytearray(wrap([Hop(world.key.public, command)], bytes(FULL), sphinx=SPHINX, rng=world.rng))
    packet[-1] ^= 1
    assert world.arrive(command, bytes(packet)) is DropReason.TAGGED_PAYLOAD
    assert world.access.waiting == 0


def test_a_reply_block_of_another_first_hop_is_not_used(world: World) -> None:
    world.send(ALICE, bytes(FULL), world.surb(first_hop=NOBODY)[0])
    world.clock.advance(WRITE_S)
    assert world.injected == []
    assert world.facts.drops == [DropReason.UNKNOWN_NEXT_HOP]


def test_a_reply_is_kept_and_one_for_the_provider_is_a_loop(world: World) -> None:
    assert world.end(Reply(ALICE, b"surb-id8"), b"x") is None
    world.clock.advance(WRITE_S)
    assert len(world.bodies()) == 1
    assert world.end(Reply(PROVIDER, b"loop-id8"), b"x") is DropReason.UNKNOWN_REPLY
    assert world.loops.came_back == [b"loop-id8"]


def test_cover_ends_here(world: World) -> None:
    assert world.end(Discard()) is None
    assert (world.deliveries.counts.discarded, world.access.waiting) == (1, 0)


def test_a_request_is_answered_through_its_reply_block(world: World) -> None:
    surb, keys = world.surb()
    payload = encode_request(bytes(16), b"when?", FORMAT.geometry)
    assert world.send(service_id("oracle"), payload, surb) is None
    [(body, answer)] = world.oracle.asked
    assert (body, world.injected) == (b"when?", [])
    answer.callback(b"soon")
    assert world.answer(keys)[1:] == b"soon"
    assert world.deliveries.counts.asked == 1


def test_a_busy_service_gives_no_answer(world: World) -> None:
    reasons = []
    for number in range(3):
        payload = encode_request(bytes([number]) * 16, b"when?", FORMAT.geometry)
        reasons.append(world.send(service_id("oracle"), payload, world.surb()[0]))
    assert reasons == [None, None, DropReason.OVERLOADED]
    assert len(world.oracle.asked) == 1
