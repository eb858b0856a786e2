"""Somebody who sees every wire, but no key, tries to learn from a client's link what its user does.

Disclosure and intersection attacks, acknowledgement confirmation and flow matching all begin here: they need something
on the wires to change when somebody writes, is written to, or waits for an acknowledgement.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from scipy import stats

from client.api import MessageState
from loopixmix.seams import Identity
from loopixmix.sphinx import load_arithmetic
from loopixmix.wire import ItemKind, is_packet
from tests.worlds.clients.world import QUICK, Person, World
from tests.worlds.networks.wires import Seen, Wiretap

ALICE, BOB = "alice@home", "bob@away"
PACKETS_PER_S = QUICK.payload_rate_per_s + QUICK.loop_rate_per_s + QUICK.drop_rate_per_s


@pytest.fixture
def world() -> Iterator[World]:
    made = World(seed=3, arithmetic=load_arithmetic())
    yield made
    made.stop()


def people(world: World) -> tuple[Person, Person]:
    alice, bob = world.person(ALICE), world.person(BOB)
    world.acquaint(alice, bob)
    world.clock.run_for(10)  # cards are published, and nothing waits any more
    return alice, bob


def post(world: World, sender: Person, body: bytes, key: str) -> str:
    return world.run(sender.client.send(BOB, body, kind="text", idempotency_key=key))


def counts(seen: Sequence[Seen], sender: Identity, receiver: Identity, starts_s: Sequence[float]) -> list[int]:
    """Return how many frames went one way in each window."""
    length_s = starts_s[1] - starts_s[0]
    times = [each.at_s for each in seen if (each.sender, each.receiver) == (sender, receiver)]
    return [sum(start_s <= at_s < start_s + length_s for at_s in times) for start_s in starts_s]


def by_chance(counted: Sequence[int], active: Sequence[bool]) -> float:
    """Return how likely the difference of the means is by chance alone: a permutation test."""

    def difference(labels: Sequence[bool]) -> float:
        chosen = [count for count, label in zip(counted, labels, strict=True) if label]
        others = [count for count, label in zip(counted, labels, strict=True) if not label]
        return abs(sum(chosen) / len(chosen) - sum(others) / len(others))

    rng, seen = random.Random(1), difference(active)
    shuffled = [rng.sample(active, len(active)) for _ in range(1000)]
    return sum(difference(labels) >= seen - 1e-9 for labels in shuffled) / len(shuffled)


def test_statistical_disclosure_finds_nothing_on_the_links_of_sender_and_recipient(world: World) -> None:
    """The attacker knows when Alice writes and looks for a link that has more, or fewer, frames then.

    H0: a link's frames do not depend on Alice's writing. Permutation test on 40 windows of 2 s, 20 of them active, four
    directions; rejected below 0.001 each (false alarm 0.4 %). Seeded.
    """
    alice, bob = people(world)
    home, away = world.providers["home"].model.id, world.providers["away"].model.id
    tap = Wiretap(world.hub)
    active = world.rng.sample([True, False] * 20, 40)
    starts_s = []
    for number, writes in enumerate(active):
        starts_s.append(world.clock.seconds())
        if writes:
            post(world, alice, b"x" * 9000, str(number))
        world.clock.run_for(starts_s[0] + 2.0 * (number + 1) - world.clock.seconds())
    one, other = alice.keys.identity_key.public, bob.keys.identity_key.public
    flows = [(one, home), (home, one), (other, away), (away, other)]
    chances = [by_chance(counts(tap.seen, *flow, starts_s), active) for flow in flows]
    assert min(chances) > 0.001, chances
    # The test would notice a frame more for each fragment: there are six in each active window.
    leaky = [count + 6 * writes for count, writes in zip(counts(tap.seen, *flows[0], starts_s), active, strict=True)]
    assert by_chance(leaky, active) <= 0.001
    # Cover is answered like payloads, so that the volume between the nodes does not follow the messages either.
    nodes = {node.model.id for node in world.nodes.values()}
    between = [each.at_s for each in tap.seen if {each.sender, each.receiver} <= nodes]
    volume = [sum(start_s <= at_s < start_s + 2.0 for at_s in between) for start_s in starts_s]
    assert by_chance(volume, active) > 0.001
    # And what the providers send does not even vary: each pull has its answer of one size.
    for provider, client in ((home, one), (away, other)):
        assert len(tap.from_to(provider, client)) % QUICK.pull_batch == 0
    assert len({each.size for each in tap.seen}) == 1
    world.clock.run_for(10)
    assert len(world.run(bob.client.inbox())) == 20  # the messages did arrive


def test_withheld_acknowledgements_draw_no_answer_from_the_sender(world: World) -> None:
    """Acknowledgement confirmation: keep acknowledgements from Alice for a while and look for the re-sends on her link.

    H0: her packets leave at exponential intervals with the one mean before, while and after she sends again;
    Kolmogorov-Smirnov on some 400 intervals, rejected below 0.001. Seeded.
    """
    alice, bob = people(world)
    home, away = world.providers["home"], world.providers["away"]
    home.seen.clear()
    before = world.delivered
    message_id = post(world, alice, random.Random(2).randbytes(60_000), "1")
    put_at_home, put_away = home.put, away.put
    kept: list[bytes] = []
    payloads: Counter[bytes] = Counter()

    def withhold(recipient: Identity, kind: ItemKind, surb_id: bytes, body: bytes) -> None:
        kept.append(surb_id)

    def look(recipient: Identity, kind: ItemKind, surb_id: bytes, body: bytes) -> None:
        payloads[body] += 1
        put_away(recipient, kind, surb_id, body)

    home.put = withhold  # type: ignore[method-assign]  # her own provider is the attacker
    away.put = look  # type: ignore[method-assign]  # and so is the other one
    world.clock.run_for(30)
    home.put = put_at_home  # type: ignore[method-assign]
    world.clock.run_for(40)
    fragments = world.run(alice.client.message(message_id)).fragments
    assert world.delivered - before > fragments  # she did send again
    times = [at_s for at_s, _, frame in home.seen if is_packet(frame)]
    intervals = [later - earlier for earlier, later in pairwise(times)]
    assert stats.kstest(intervals, "expon", args=(0, 1 / PACKETS_PER_S)).pvalue > 0.001
    assert kept
    assert world.run(alice.client.message(message_id)).state is MessageState.STORED
    # What remains: the recipient's provider, and nobody else, sees the same payload twice.
    assert max(payloads.values()) > 1
    assert len(world.run(bob.client.inbox())) == 1


def test_a_message_needs_no_recipient_who_is_online(world: World) -> None:
    """Intersection: who was linked whenever Alice wrote says nothing about whom she wrote to."""
    alice, bob = people(world)
    bob.stop()
    tap = Wiretap(world.hub)
    message_id = post(world, alice, b"while you were out", "1")
    world.clock.run_for(20)
    assert world.run(alice.client.message(message_id)).state is MessageState.STORED
    wire = bob.keys.identity_key.public, world.providers["away"].model.id
    assert tap.between(*wire) == []
    bob.start()
    assert world.wait_for(lambda: world.run(bob.client.inbox()), 30)
    assert len(tap.from_to(*reversed(wire))) % QUICK.pull_batch == 0
