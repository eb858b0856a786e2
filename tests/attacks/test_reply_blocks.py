"""Reply blocks in the wrong hands: used twice, hoarded, made to go round for ever, aimed at somebody else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.core.content import AnonymousMessage, ReplyBlock, encode_anonymous
from client.core.fragments import FragmentSizes, seal_fragments
from loopixmix.drops import DropReason
from loopixmix.epoch import epoch_at
from loopixmix.requests.single import ReplyStatus, encode_reply, encode_request
from loopixmix.routing.path import deliver_to, service_id
from loopixmix.sphinx import Hop, Reply, Surb, load_arithmetic, make_surb, use_surb
from loopixmix.wire import ItemKind
from tests.worlds.clients.world import QUICK, Person, World
from tests.worlds.networks.towns import Town
from tests.worlds.networks.wires import Wiretap

ALICE, BOB = "alice@home", "bob@away"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.stop()


@pytest.fixture
def world() -> Iterator[World]:
    made = World(seed=4, arithmetic=load_arithmetic())
    yield made
    made.stop()


def test_a_reply_block_copied_a_hundred_times_brings_one_reply(town: Town) -> None:
    """Flooding its maker by one block: every copy has the tag of the first, at the first node already."""
    surb = town.alice.surb(town.p1.identity)
    copies = [use_surb(surb, bytes([n]), sphinx=town.world.packet_format.sphinx) for n in range(100)]
    for start in range(0, len(copies), 20):
        for packet in copies[start : start + 20]:
            town.alice.submit(packet)
        town.settle(5.0)
    assert town.alice.replies() == [b"\0"]
    assert town.p1.drops(DropReason.REPLAY) == 99


def test_a_reply_block_works_in_its_epoch_only(town: Town) -> None:
    """Hoarding: what was kept until its keys are erased is so many random bytes."""
    hoard = [town.alice.surb(town.p1.identity) for _ in range(10)]
    town.silence()
    params = town.world.params
    town.world.run(town.world.model.start_s + params.epoch_length_s + params.grace_s + 1 - town.world.clock.seconds())
    for surb in hoard:
        town.alice.submit(use_surb(surb, b"", sphinx=town.world.packet_format.sphinx))
    town.settle()
    assert town.p1.drops(DropReason.BAD_MAC) == 10
    assert town.alice.replies() == []


def test_blocks_released_all_at_once_change_nothing_on_their_makers_link(world: World) -> None:
    """Hoard within the epoch, then release everything: the maker's provider still answers each pull with one batch."""
    alice, bob = world.person(ALICE), world.person(BOB)
    world.acquaint(alice, bob)
    world.run(alice.client.send(BOB, b"ask me", kind="quiz", idempotency_key="1", anonymous=True))
    assert world.wait_for(lambda: world.run(bob.client.inbox()), 60)
    [question] = world.run(bob.client.inbox())
    tap = Wiretap(world.hub)
    for number in range(8):  # four of the blocks are of this epoch, four of the next
        world.run(bob.client.send(question.reply_to, b"%d" % number, kind="text", idempotency_key=str(number)))
    start_s = world.clock.seconds()
    world.clock.run_for(15)
    home = world.providers["home"].model.id
    times = [each.at_s - start_s for each in tap.from_to(home, alice.keys.identity_key.public)]
    batches = {at_s: times.count(at_s) for at_s in times}
    assert set(batches.values()) == {QUICK.pull_batch}
    assert sorted(message.body for message in world.run(alice.client.inbox())) == [b"0", b"1", b"2", b"3"]


def test_a_reply_aimed_at_another_client_is_nothing_to_it(world: World) -> None:
    """Anybody can make a packet that ends as `Reply` in a mailbox: it opens under no key, and costs one look-up."""
    bob = world.person(BOB)
    away, before = world.providers["away"], world.clock.seconds()
    for _ in range(50):
        away.put(bob.keys.identity_key.public, ItemKind.REPLY, world.rng.randbytes(8), bytes(world.geometry.body_bytes))
    assert world.wait_for(lambda: not away.mailboxes[bob.keys.identity_key.public].items, 60)
    assert world.run(bob.client.inbox()) == []
    assert world.run(bob.client.status()).problem == ""
    assert world.clock.seconds() - before < 30


def looping_surb(town: Town, service: str, reply: bytes) -> Surb:
    """A block whose reply key is the very key with which its first node unwraps: a reply that is foreseen arrives
    there as a packet for a service of the forger's choice. That is all that can be forged in this way."""
    key = town.world.model.document.mix_key(town.p2.identity, epoch_at(town.world.clock.seconds(), 600))
    # The reply's first byte is read as the flag of a content without reply block.
    hops = [Hop(key, deliver_to(service_id(service), reply[1:], None))]
    surb, keys = make_surb(town.p2.identity, hops, sphinx=town.world.packet_format.sphinx, rng=random.Random(1))
    return Surb(surb.first_hop, surb.header, keys.payload_keys[0])


def test_no_service_can_be_made_to_answer_itself_for_ever(town: Town) -> None:
    town.silence()
    town.settle()
    counts = town.p2.service.deliveries.counts
    before = counts.asked
    again = encode_request(bytes(16), b"again", town.world.geometry)
    request = encode_request(bytes(16), again, town.world.geometry)
    surb = looping_surb(town, "echo", encode_reply(ReplyStatus.OK, again, town.world.geometry))
    town.alice.submit(town.alice.packet(service_id("echo"), request, exit=town.p2.identity, surb=surb))
    town.settle(10.0)
    assert counts.asked == before + 2  # once more, and that request has no reply block
    town.settle(60.0)
    assert counts.asked == before + 2


def test_a_block_for_an_epoch_without_keys_does_not_fill_the_queue_of_who_answers(world: World) -> None:
    """Answers by such blocks would wait for their epoch: sooner or later nothing else would fit."""
    bob = world.person(BOB)
    epoch = epoch_at(world.clock.seconds(), QUICK.epoch_length_s)
    for number, ahead in enumerate((0, 3, 4, 2**61)):
        put_anonymous(world, bob, epoch + ahead, number)
    world.clock.run_for(10)
    # The network's documents reach three epochs ahead at the most.
    assert [message.body for message in world.run(bob.client.inbox())] == [b"0", b"1"]


def put_anonymous(world: World, bob: Person, epoch: int, number: int) -> None:
    away = world.providers["away"].model.id
    hops = [Hop(world.providers["away"].model.mix_keys[world.model.epoch].public, Reply(bytes(32), bytes(8)))]
    surb, _ = make_surb(away, hops, sphinx=world.packet_format.sphinx, rng=world.rng)
    message = AnonymousMessage(
        world.rng.randbytes(16), "text", b"%d" % number, bytes(32), (ReplyBlock(epoch, surb.encode()),)
    )
    for fragment in seal_fragments(
        encode_anonymous(message),
        recipient=bob.keys.identity_key.public,
        recipient_key=bob.keys.sealing.public,
        message_key=world.rng.randbytes(32),
        sealer=bob.sealer,
        sizes=FragmentSizes(world.geometry.payload_bytes),
    ):
        world.providers["away"].put(bob.keys.identity_key.public, ItemKind.MESSAGE, bytes(8), fragment)
