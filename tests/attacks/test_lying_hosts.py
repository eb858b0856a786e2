"""The provider of a service tries to make those who ask send more, keep more, or show on their links that they ask."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest
from scipy import stats
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.api import MAX_REQUEST_BYTES, RequestTimeoutError
from client.core.asking.asking import MOST_BLOCKS_A_SHARE, MOST_BLOCKS_BESIDE
from client.core.asking.blocks import FORGIVEN_A_SHARE, FORGIVEN_AT_FIRST
from loopixmix.requests.answers import AnswerPart, AnswerShare, SharesMissing, answer_pieces, answer_share_bytes
from loopixmix.requests.coding import MAX_SHARES
from loopixmix.requests.parts import RequestPart
from loopixmix.sphinx import Surb
from loopixmix.wire import is_packet
from tests.worlds.clients.world import QUICK, Person, ScriptedProvider, World
from tests.worlds.networks.wires import Wiretap

PACKETS_PER_S = QUICK.payload_rate_per_s + QUICK.loop_rate_per_s + QUICK.drop_rate_per_s


@pytest.fixture
def world() -> Iterator[World]:
    made = World(seed=3)
    yield made
    made.stop()


@dataclass
class Liar:
    """Answers each block it gets with one and the same lie, or the next of several."""

    node: ScriptedProvider
    lies: list[AnswerPart]
    parts: int = 0

    def take(self, service: bytes, part: RequestPart, blocks: list[Surb]) -> None:
        self.parts += 1
        for block in blocks:
            lie = self.lies.pop(0) if len(self.lies) > 1 else self.lies[0]
            self.node.host.send(block, lie)


class Hoarder:
    """Keeps the blocks it gets, and uses one each two seconds to say that it has none."""

    def __init__(self, world: World, said: AnswerPart) -> None:
        self.world = world
        self.said = said
        self.kept: list[Surb] = []
        self.used = 0
        away = world.providers["away"]
        away.host.take = self.take  # type: ignore[method-assign]
        self.send = away.host.send
        self.next = world.clock.callLater(2.0, self.speak)

    def take(self, service: bytes, part: RequestPart, blocks: list[Surb]) -> None:
        self.kept += blocks

    def speak(self) -> None:
        self.next = self.world.clock.callLater(2.0, self.speak)
        if self.kept:
            self.used += 1
            said = self.said
            if isinstance(said, AnswerShare):
                said = AnswerShare(said.answer_bytes, self.used, 0, 0, said.share)
            self.send(self.kept.pop(0), said)


def lie(world: World, *lies: AnswerPart) -> Liar:
    away = world.providers["away"]
    liar = Liar(away, list(lies))
    away.host.take = liar.take  # type: ignore[method-assign]
    return liar


def ask(person: Person, body: bytes, *, timeout_s: float) -> list[bytes | Failure]:
    results: list[bytes | Failure] = []
    Deferred.fromCoroutine(person.client.request("echo@away", body, timeout_s=timeout_s)).addBoth(results.append)
    return results


def test_a_host_that_always_misses_shares_gets_its_turns_and_no_more(world: World) -> None:
    alice, bob = world.person("alice@home"), world.person("bob@away")
    world.acquaint(alice, bob)
    world.clock.run_for(20)
    liar = lie(world, SharesMissing(frozenset()))
    results = ask(alice, bytes(5000), timeout_s=100)
    before_s, packets = world.clock.seconds(), alice.client._board._traffic.payload_status.sent
    world.run(alice.client.send("bob@away", bytes(60_000), kind="text", idempotency_key="1"))
    # Its 42 fragments share the stream with the request: at 4 packets a second that takes 21 s, and a way.
    assert world.wait_for(lambda: bob.client._board.status(unread=0).unread or len(world.run(bob.client.inbox())), 40)
    world.clock.run_for(100)
    [failure] = results
    assert isinstance(failure, Failure)
    assert isinstance(failure.value, RequestTimeoutError)
    parts = liar.parts
    assert 20 < parts < 400
    world.clock.run_for(60)
    assert liar.parts <= parts
    # All the while the stream kept its rate. H0: a Poisson count; within four standard errors.
    expected = (world.clock.seconds() - before_s) * QUICK.payload_rate_per_s
    sent = alice.client._board._traffic.payload_status.sent - packets
    assert abs(sent - expected) < 4 * expected**0.5


def test_a_host_that_claims_a_million_shares_fills_no_memory(world: World) -> None:
    alice = world.person("alice@home")
    world.clock.run_for(20)
    length = answer_share_bytes(MAX_REQUEST_BYTES, world.geometry)
    rng = random.Random(1)
    lies = [
        AnswerShare(MAX_REQUEST_BYTES, number, 65_535, rng.randrange(MAX_SHARES), rng.randbytes(length))
        for number in (60_000, 1, 65_535, 65_535, 30_000, 2, 59_000, 65_534)
    ]
    lie(world, *lies)
    results = ask(alice, b"x", timeout_s=60)
    exchanges = alice.client._desk.requests._exchanges
    for _ in range(100):
        world.clock.run_for(0.5)
        for exchange in exchanges._under_way:
            assert exchange.asking._shares.in_air <= exchange.asking._blocks.given
            assert len(exchange.blocks) <= exchange.asking._blocks.given < 1500
    world.clock.run_for(20)
    [failure] = results
    assert isinstance(failure, Failure)
    assert failure.check(RequestTimeoutError)
    assert (exchanges._total_under_way, len(exchanges._under_way)) == (0, 0)


@pytest.mark.parametrize("kind", ["shares", "missing"])
def test_a_host_that_says_it_holds_no_blocks_cannot_hoard_them(world: World, kind: str) -> None:
    """Kept, they would be a flood for the client's mailbox at a moment that the host chooses."""
    alice = world.person("alice@home")
    world.clock.run_for(20)
    answer_bytes = 100_000
    share = AnswerShare(answer_bytes, 1, 0, 0, bytes(answer_share_bytes(answer_bytes, world.geometry)))
    hoarder = Hoarder(world, share if kind == "shares" else SharesMissing(frozenset()))
    ask(alice, bytes(5000), timeout_s=250)
    exchanges = alice.client._desk.requests._exchanges
    window, most = exchanges._room, 0
    for _ in range(240):
        world.clock.run_for(1)
        most = max(most, len(hoarder.kept))
    assert hoarder.used > 60
    # What may be under way, what may be lost where one share came, and one beside each part of the request.
    parts, pieces = 3, answer_pieces(answer_bytes, world.geometry)
    if kind == "shares":
        assert most <= window + FORGIVEN_AT_FIRST + FORGIVEN_A_SHARE + parts + 6
    # In all it gets some for each share that there is to send, and those of one part after each silence.
    given = hoarder.used + len(hoarder.kept)
    shares = parts + (pieces if kind == "shares" else 0)
    assert given <= MOST_BLOCKS_BESIDE + MOST_BLOCKS_A_SHARE * shares + 4 * 6
    hoarder.next.cancel()


def test_a_link_shows_nothing_of_a_long_request_and_its_answer(world: World) -> None:
    """The attacker sees Alice's link while she asks nothing, and while she asks something long.

    H0: her packets leave at exponential intervals with the one mean, whatever she asks. Kolmogorov-Smirnov on some 500
    intervals of each time, rejected below 0.001 (false alarm 0.2 %). Seeded.
    """
    alice = world.person("alice@home")
    world.clock.run_for(20)
    home, one = world.providers["home"], alice.keys.identity_key.public
    tap = Wiretap(world.hub)
    intervals: list[list[float]] = []
    for asks in (False, True):
        home.seen.clear()
        if asks:
            results = ask(alice, random.Random(2).randbytes(100_000), timeout_s=300)
        world.clock.run_for(100)
        times_s = [at_s for at_s, peer, frame in home.seen if peer == one and is_packet(frame)]
        intervals.append([later_s - earlier_s for earlier_s, later_s in pairwise(times_s)])
    assert results == [random.Random(2).randbytes(100_000)]
    for each in intervals:
        assert len(each) > 350
        assert stats.kstest(each, stats.expon(scale=1 / PACKETS_PER_S).cdf).pvalue > 0.001
    # What comes back does not even vary: each pull has its answer of one size.
    world.clock.run_for(1)
    assert len(tap.from_to(home.model.id, one)) % QUICK.pull_batch == 0
    assert len({each.size for each in tap.seen}) == 1
