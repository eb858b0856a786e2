"""Following the network document, on a clock that the test moves."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from loopixmix.directory import Descriptor, Document, sign_document
from loopixmix.errors import UnavailableError
from loopixmix.following.authorities import Authorities
from loopixmix.following.cache import DocumentCache
from loopixmix.following.enrolment import Enroller, Enrolment
from loopixmix.following.fetcher import Answer
from loopixmix.following.follower import KEEP_AGAIN_S, DirectoryFollower
from loopixmix.keys import IdentityKey
from loopixmix.process.wallclock import ClockWatch, WallClock
from tests.worlds.networks.authorities import FakeAuthorities, describer
from tests.worlds.networks.models import NOW_S, ModelNetwork, model_network, trust_root_of
from tests.worlds.networks.stepped_reactors import Computer, SteppedReactor

HOUR_S = 3600
AUTHORITY = "127.0.0.1:9000"


@dataclass
class World:
    """One follower, its clock, its authorities and what it was told."""

    cache_path: Path
    network: ModelNetwork
    clock: Clock = field(default_factory=Clock)
    adopted: list[Document] = field(default_factory=list)
    prepared: list[Document] = field(default_factory=list)
    enrolment: Enrolment | None = None
    seed: int = 7

    def __post_init__(self) -> None:
        self.clock.advance(NOW_S + 10)
        self.authorities = FakeAuthorities(self.network, self.clock)
        self.follower = self.new_follower()

    @property
    def epoch(self) -> int:
        return self.network.epoch

    @property
    def epochs_adopted(self) -> list[int]:
        return [document.epoch for document in self.adopted]

    def new_follower(self, adopt: Callable[[Document], None] | None = None) -> DirectoryFollower:
        rng = random.Random(self.seed)
        authorities = Authorities(self.network.trust_root, fetcher=self.authorities, rng=rng)
        return DirectoryFollower(
            authorities,
            cache=DocumentCache(self.cache_path),
            clock=self.clock,
            rng=rng,
            adopt=adopt or self.adopted.append,
            prepare=self.prepared.append,
            enroller=Enroller(self.enrolment, authorities=authorities, clock=self.clock, rng=rng)
            if self.enrolment is not None
            else None,
        )

    def restart(self) -> None:
        self.stop()
        self.adopted.clear()
        self.follower = self.new_follower()
        self.follower.start()

    def run_until(self, offset_s: float, step_s: float = 5.0) -> None:
        """Move on to `offset_s` after the start of the first epoch."""
        while self.clock.seconds() < NOW_S + offset_s:
            self.clock.advance(min(step_s, NOW_S + offset_s - self.clock.seconds()))

    def stop(self) -> None:
        assert Deferred.fromCoroutine(self.follower.stop()).called
        assert self.clock.getDelayedCalls() == []


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "document", model_network(random.Random(1)))


@pytest.fixture
def node_world(tmp_path: Path) -> World:
    network = model_network(random.Random(1))
    node = network.node("mix11")
    return World(tmp_path / "document", network, enrolment=Enrolment(node.identity_key, describer(network, node)))


def result_of(deferred: Deferred[None]) -> list[object]:
    results: list[object] = []
    deferred.addBoth(results.append)
    return results


def test_the_present_document_is_adopted_at_once(world: World) -> None:
    document = world.authorities.publish(world.epoch)
    world.follower.start()
    assert world.adopted == [document]
    assert world.follower.document == document
    assert world.follower.problem is None
    world.stop()


def test_the_first_document_is_waited_for(world: World) -> None:
    world.follower.start()
    waiting = result_of(world.follower.when_document())
    world.run_until(120)
    assert waiting == []
    assert world.follower.document is None
    assert (world.follower.problem or "").startswith("no network document yet: http://127.0.0.1:9000: HTTP status 404")
    document = world.authorities.publish(world.epoch)
    world.run_until(125)
    assert waiting == [document]
    assert result_of(world.follower.when_document()) == [document]
    assert world.follower.problem is None
    world.stop()


def test_the_next_document_is_fetched_before_the_edge_and_adopted_at_it(world: World) -> None:
    world.authorities.publish(world.epoch)
    world.follower.start()
    following = world.authorities.publish(world.epoch + 1)
    world.run_until(HOUR_S - 300)
    assert world.prepared == []
    world.run_until(HOUR_S - 70)
    assert world.prepared == [following]
    world.run_until(HOUR_S - 0.5)
    assert world.epochs_adopted == [world.epoch]
    world.run_until(HOUR_S)
    assert world.epochs_adopted == [world.epoch, world.epoch + 1]
    assert world.follower.problem is None
    world.stop()


def test_clients_fetch_the_next_document_at_different_times(world: World, tmp_path: Path) -> None:
    worlds = [World(tmp_path / f"document{seed}", world.network, seed=seed) for seed in range(20)]
    for one in worlds:
        one.authorities.publish(one.epoch)
        one.authorities.publish(one.epoch + 1)
        one.follower.start()
        one.run_until(HOUR_S - 60)
        one.stop()
    times_s = [one.authorities.gets[-1][0] - NOW_S - HOUR_S for one in worlds]
    assert all(-225.0 <= time_s <= -75.0 for time_s in times_s)
    assert max(times_s) - min(times_s) > 50


def test_many_epochs_are_followed_without_a_gap(world: World) -> None:
    for ahead in range(6):
        world.authorities.publish(world.epoch + ahead)
    world.follower.start()
    world.run_until(5 * HOUR_S + 10, step_s=30)
    assert world.epochs_adopted == [world.epoch + ahead for ahead in range(6)]
    assert len(world.authorities.gets) == 6
    world.stop()


def test_without_a_new_document_the_old_one_holds_until_it_expires(world: World) -> None:
    old = world.authorities.publish(world.epoch)
    world.follower.start()
    world.authorities.down = {AUTHORITY}
    world.run_until(HOUR_S + 60)
    assert world.follower.document == old
    assert world.follower.problem == (
        f"the network document is of epoch {world.epoch} and expires in 3540 s: http://{AUTHORITY}: connection refused"
    )
    world.run_until(2 * HOUR_S)
    assert world.follower.document is None
    assert (world.follower.problem or "").startswith("the network document has expired, or the clock here is wrong: ")
    world.authorities.down = set()
    new = world.authorities.publish(world.epoch + 2)
    world.run_until(2 * HOUR_S + 65)
    assert world.adopted == [old, new]
    assert world.follower.problem is None
    world.stop()


def test_a_late_document_is_adopted_when_it_comes(world: World) -> None:
    world.authorities.publish(world.epoch)
    world.follower.start()
    world.run_until(HOUR_S + 100)
    assert "have no document for epoch" in (world.follower.problem or "")
    late = world.authorities.publish(world.epoch + 1)
    world.run_until(HOUR_S + 165)
    assert world.adopted[-1] == late
    world.stop()


def test_failed_fetches_are_repeated_with_growing_jittered_waits(world: World) -> None:
    world.authorities.down = {AUTHORITY}
    world.follower.start()
    world.run_until(600, step_s=0.05)
    times_s = [at_s for at_s, _ in world.authorities.gets]
    waits_s = [after - before for before, after in pairwise(times_s)]
    assert 12 < len(waits_s) < 60
    assert max(waits_s) <= 60.1
    assert max(waits_s[:3]) < 2.1 < 20 < max(waits_s)
    world.stop()


def test_a_document_of_the_epoch_to_come_waits_for_a_slow_clock(world: World) -> None:
    ahead = world.authorities.publish(world.epoch + 1)
    world.clock.advance(HOUR_S - 30 - 10)
    world.authorities.published[world.epoch] = world.authorities.published[world.epoch + 1]
    world.follower.start()
    assert world.follower.document is None
    assert world.prepared == [ahead]
    world.run_until(HOUR_S)
    assert world.adopted == [ahead]
    world.stop()


def test_an_older_document_is_never_taken_up_again(world: World) -> None:
    old = world.authorities.publish(world.epoch)
    world.authorities.publish(world.epoch + 1)
    world.follower.start()
    world.run_until(HOUR_S + 10)
    world.authorities.published[world.epoch + 2] = world.authorities.published[world.epoch]
    world.authorities.published[world.epoch + 1] = world.authorities.published[world.epoch]
    world.run_until(2 * HOUR_S + 30)
    assert old not in world.adopted[1:]
    assert "older than" in (world.follower.problem or "")
    world.stop()


def test_two_documents_for_one_epoch_are_called_what_they_are(world: World) -> None:
    first = world.authorities.publish(world.epoch)
    world.follower.start()
    world.authorities.publish(
        world.epoch, lambda document: msgspec.structs.replace(document, nodes=document.nodes[::-1][:-1][::-1])
    )
    world.run_until(HOUR_S + 30)
    assert "signed two different documents" in (world.follower.problem or "")
    assert world.follower.document == first
    world.stop()


# Several authorities


def test_authorities_are_asked_in_random_order_until_one_answers(tmp_path: Path) -> None:
    network = model_network(random.Random(1))
    keys = [network.authority, *(IdentityKey.generate(random.Random(n)) for n in range(2))]
    root = trust_root_of(*keys)
    nodes = network.nodes
    network = ModelNetwork(network.params, network.authority, root, nodes, network.epoch)
    asked_first = set()
    for seed in range(12):
        world = World(tmp_path / f"document{seed}", network, seed=seed)
        world.authorities.publish(world.epoch)
        world.authorities.down = {"127.0.0.1:9000", "127.0.0.1:9002"}
        world.follower.start()
        world.run_until(12)
        assert world.epochs_adopted == [world.epoch]
        asked_first.add(len(world.authorities.gets))
        world.stop()
    assert asked_first == {1, 2, 3}


# The cache


def test_a_restart_without_authorities_goes_on_with_the_cached_document(world: World) -> None:
    document = world.authorities.publish(world.epoch)
    world.follower.start()
    world.authorities.down = {AUTHORITY}
    world.restart()
    assert world.adopted == [document]
    assert world.follower.problem is None
    world.stop()


def test_a_restart_between_fetch_and_edge_keeps_both_documents(world: World) -> None:
    documents = [world.authorities.publish(world.epoch), world.authorities.publish(world.epoch + 1)]
    world.follower.start()
    world.run_until(HOUR_S - 60)
    world.authorities.down = {AUTHORITY}
    world.prepared.clear()
    world.restart()
    assert world.adopted == documents[:1]
    # A node must know the neighbours of the next epoch again: those whose clocks are ahead send before its edge.
    assert world.prepared == documents[1:]
    world.run_until(HOUR_S)
    assert world.adopted == documents
    world.stop()


def test_a_restart_after_the_edge_takes_the_document_fetched_before(world: World) -> None:
    documents = [world.authorities.publish(world.epoch), world.authorities.publish(world.epoch + 1)]
    world.follower.start()
    world.run_until(HOUR_S - 60)
    world.stop()
    world.authorities.down = {AUTHORITY}
    world.run_until(HOUR_S + 10)
    world.follower = world.new_follower()
    world.follower.start()
    assert world.follower.document == documents[1]
    world.stop()


def test_an_expired_cached_document_still_guards_against_older_ones(world: World) -> None:
    world.authorities.publish(world.epoch + 3)
    world.clock.advance(3 * HOUR_S)
    world.follower.start()
    assert world.epochs_adopted == [world.epoch + 3]
    world.stop()
    world.clock.advance(2 * HOUR_S)
    world.authorities.published.clear()
    world.authorities.publish(
        world.epoch + 2,
    )
    world.restart()
    assert world.follower.document is None
    assert "has expired, or the clock here is wrong: " in (world.follower.problem or "")
    assert "older than" in (world.follower.problem or "")
    world.stop()


def test_a_cached_document_of_a_far_epoch_waits_until_the_clock_is_right(world: World) -> None:
    world.authorities.publish(world.epoch + 2)
    world.cache_path.write_bytes(world.authorities.published[world.epoch + 2])
    document = world.authorities.publish(world.epoch)
    world.follower.start()
    assert world.adopted == [document]
    assert world.prepared == []
    world.stop()


@pytest.mark.parametrize("content", [b"", b"damaged", None])
def test_a_damaged_or_forged_cache_only_costs_a_fetch(world: World, content: bytes | None) -> None:
    forged = sign_document(world.network.document, IdentityKey.generate(random.Random(9)))
    world.cache_path.write_bytes(forged if content is None else content)
    document = world.authorities.publish(world.epoch)
    world.follower.start()
    assert world.adopted == [document]
    world.stop()


def test_a_cache_that_cannot_be_written_is_a_problem_but_no_obstacle(world: World, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file")
    world.cache_path = tmp_path / "blocked" / "document"
    world.follower = world.new_follower()
    document = world.authorities.publish(world.epoch)
    with pytest.raises(Exception, match="cannot be read: Not a directory"):
        world.follower.start()
    world.cache_path = tmp_path / "missing" / "document"
    world.follower = world.new_follower()
    world.follower.start()
    assert world.adopted == [document]
    assert "cannot be written" in (world.follower.problem or "")
    world.cache_path.parent.mkdir()
    world.clock.advance(KEEP_AGAIN_S)
    assert world.follower.problem is None
    assert DocumentCache(world.cache_path).load() == [world.authorities.published[world.epoch]]
    world.stop()


# Enrolment


def test_a_node_uploads_at_once_and_in_the_first_half_of_each_epoch(node_world: World) -> None:
    world = node_world
    for ahead in range(5):
        world.authorities.publish(world.epoch + ahead)
    world.follower.start()
    world.run_until(4 * HOUR_S, step_s=20)
    offsets_s = [at_s - NOW_S for at_s, _, _ in world.authorities.uploads]
    assert offsets_s[0] == 10
    assert [int(offset_s // HOUR_S) for offset_s in offsets_s] == [0, 1, 2, 3]
    assert all(offset_s % HOUR_S <= HOUR_S / 2 + 20 for offset_s in offsets_s)
    descriptors = [descriptor for _, _, descriptor in world.authorities.uploads]
    issued_ms = [descriptor.issued_at_ms for descriptor in descriptors]
    assert issued_ms == sorted(set(issued_ms))
    assert [min(descriptor.mix_keys) - world.epoch for descriptor in descriptors] == [0, 1, 2, 3]
    assert world.follower.problem is None
    world.stop()


def test_a_node_that_is_missing_from_the_document_uploads_again_at_once(node_world: World) -> None:
    world = node_world
    own_id = world.network.node("mix11").id
    world.authorities.publish(world.epoch)
    world.authorities.publish(
        world.epoch + 1,
        lambda document: msgspec.structs.replace(
            document, nodes=tuple(node for node in document.nodes if node.id != own_id)
        ),
    )
    world.follower.start()
    world.run_until(HOUR_S)
    assert [at_s - NOW_S for at_s, _, _ in world.authorities.uploads] == [10, HOUR_S]
    assert world.follower.problem == "this node is not in the network document yet"
    world.run_until(HOUR_S + 95)
    assert 5 <= len(world.authorities.uploads) <= 9
    world.stop()


def test_a_refusal_of_the_authority_is_a_problem_with_its_reason(node_world: World) -> None:
    world = node_world
    world.authorities.publish(world.epoch)
    world.authorities.refusal = Answer(403, b"this node is not on the list of allowed nodes\nmore")
    world.follower.start()
    assert world.follower.problem == (
        f"not enrolled: http://{AUTHORITY}: HTTP status 403: this node is not on the list of allowed nodes"
    )
    world.authorities.refusal = None
    world.run_until(15)
    assert world.follower.problem is None
    world.stop()


def test_every_authority_gets_the_descriptor(tmp_path: Path) -> None:
    network = model_network(random.Random(1))
    root = trust_root_of(network.authority, IdentityKey.generate(random.Random(2)))
    network = ModelNetwork(network.params, network.authority, root, network.nodes, network.epoch)
    node = network.node("provider1")
    world = World(tmp_path / "document", network, enrolment=Enrolment(node.identity_key, describer(network, node)))
    world.authorities.publish(world.epoch)
    world.authorities.down = {"127.0.0.1:9001"}
    world.follower.start()
    assert [netloc for _, netloc, _ in world.authorities.uploads] == ["127.0.0.1:9000"]
    world.authorities.down = set()
    world.run_until(15)
    assert [netloc for _, netloc, _ in world.authorities.uploads] == ["127.0.0.1:9000", "127.0.0.1:9001"]
    world.stop()


def test_withdrawing_uploads_a_last_descriptor_that_says_so(node_world: World) -> None:
    world = node_world
    world.authorities.publish(world.epoch)
    world.follower.start()
    assert result_of(Deferred.fromCoroutine(world.follower.withdraw())) == [None]
    assert [descriptor.withdrawn for _, _, descriptor in world.authorities.uploads] == [False, True]
    world.run_until(3 * HOUR_S, step_s=60)
    assert len(world.authorities.uploads) == 2
    world.stop()


def test_a_client_has_nothing_to_withdraw(world: World) -> None:
    world.authorities.publish(world.epoch)
    world.follower.start()
    assert result_of(Deferred.fromCoroutine(world.follower.withdraw())) == [None]
    world.run_until(HOUR_S / 2)
    assert world.authorities.uploads == []
    world.stop()


def test_withdrawing_fails_clearly_where_the_authority_is_away(node_world: World) -> None:
    world = node_world
    world.follower.start()
    world.authorities.down = {AUTHORITY}
    [failure] = result_of(Deferred.fromCoroutine(world.follower.withdraw()))
    assert isinstance(failure, Failure)
    assert isinstance(failure.value, UnavailableError)
    assert str(failure.value) == f"not withdrawn: http://{AUTHORITY}: connection refused"
    world.stop()


def test_a_node_that_cannot_describe_itself_says_so(tmp_path: Path) -> None:
    def describe(issued_at_ms: int) -> Descriptor:
        return msgspec.structs.replace(describer(network, node)(issued_at_ms), host="not a host")

    network = model_network(random.Random(1))
    node = network.node("mix11")
    world = World(tmp_path / "document", network, enrolment=Enrolment(node.identity_key, describe))
    world.authorities.publish(world.epoch)
    world.follower.start()
    assert world.follower.problem == (
        "not enrolled: http://127.0.0.1:9000: 'not a host' is neither an IP address nor a host name at which "
        "others could find it"
    )
    world.stop()


# Clocks, sleep


class Sleeper:
    """A node on a computer whose clock is set, or which sleeps; the authority's clock is right."""

    def __init__(self, path: Path) -> None:
        self.computer = Computer(NOW_S + 10)
        self.reactor = SteppedReactor(self.computer)
        clock = WallClock(self.reactor, time_of_day=self.computer.time_of_day, monotonic=self.computer.monotonic)
        self.watch = ClockWatch(clock, monotonic=self.computer.monotonic)
        self.right = Clock()
        self.right.advance(NOW_S + 10)
        self.network = network = model_network(random.Random(1))
        self.authorities = FakeAuthorities(network, self.right)
        node, rng = network.node("mix11"), random.Random(7)
        authorities = Authorities(network.trust_root, fetcher=self.authorities, rng=rng)
        enrolment = Enrolment(node.identity_key, describer(network, node))
        self.adopted: list[Document] = []
        self.follower = DirectoryFollower(
            authorities,
            cache=DocumentCache(path),
            clock=clock,
            rng=rng,
            adopt=self.adopted.append,
            enroller=Enroller(enrolment, authorities=authorities, clock=clock, rng=rng),
        )
        self.authorities.publish(network.epoch)
        self.authorities.publish(network.epoch + 1)
        self.watch.listen(lambda _: self.follower.clock_was_set())
        self.watch.start()
        self.follower.start()

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.right.advance(1.0)
            self.reactor.run_for(1.0, step_s=0.5)

    def sleep(self, seconds: float) -> None:
        self.computer.set_clock(seconds)
        self.right.advance(seconds)

    @property
    def uploads(self) -> list[float]:
        return [at_s for at_s, _, _ in self.authorities.uploads]

    def stop(self) -> None:
        assert Deferred.fromCoroutine(self.follower.stop()).called
        self.watch.stop()
        assert self.reactor.getDelayedCalls() == []


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Sleeper]:
    made = Sleeper(tmp_path / "document")
    yield made
    made.stop()


def test_a_node_that_slept_for_epochs_enrols_and_follows_at_once(sleeper: Sleeper) -> None:
    sleeper.run(30)
    assert sleeper.follower.problem is None
    sleeper.sleep(5 * HOUR_S)
    assert "expired" in (sleeper.follower.problem or "")
    woken_s = sleeper.right.seconds()
    sleeper.run(3)
    assert sleeper.uploads[-1] > woken_s
    sleeper.authorities.publish(sleeper.network.epoch + 5)
    sleeper.run(5)
    assert sleeper.adopted[-1].epoch == sleeper.network.epoch + 5
    assert sleeper.follower.problem is None


def test_a_document_that_was_slept_through_is_never_adopted(sleeper: Sleeper) -> None:
    sleeper.run(HOUR_S - 11)  # the next one is fetched
    sleeper.sleep(5 * HOUR_S)
    sleeper.run(5)
    assert [document.epoch for document in sleeper.adopted] == [sleeper.network.epoch]


@pytest.mark.parametrize("wrong_s", [24 * HOUR_S, -24 * HOUR_S])
def test_a_node_whose_clock_was_wrong_for_a_minute_says_so_and_enrols_again(sleeper: Sleeper, wrong_s: float) -> None:
    sleeper.run(30)
    before = len(sleeper.uploads)
    sleeper.computer.set_clock(wrong_s)
    sleeper.run(90)
    way = "in the future" if wrong_s > 0 else "ago"
    if wrong_s > 0:
        assert f"issued 86400 s {way} by the authority's clock" in (sleeper.follower.problem or "")
    else:
        # The model's authority takes it; ours does not.
        assert "the network document begins in 86" in (sleeper.follower.problem or "")
    sleeper.computer.set_clock(-wrong_s)
    after = len(sleeper.uploads)
    sleeper.run(5)
    assert len(sleeper.uploads) > after
    assert before >= 1
    assert sleeper.follower.problem is None


# The end


def test_stopping_while_an_authority_is_silent_leaves_nothing_behind(node_world: World) -> None:
    world = node_world
    world.authorities.silent = True
    world.follower.start()
    waiting = result_of(world.follower.when_document())
    world.run_until(60)
    world.stop()
    [failure] = waiting
    assert isinstance(failure, Failure)
    assert isinstance(failure.value, CancelledError)


def test_a_callback_that_fails_does_not_stop_the_following(world: World) -> None:
    def fail(document: Document) -> None:
        world.adopted.append(document)
        raise ZeroDivisionError

    world.follower = world.new_follower(adopt=fail)
    world.authorities.publish(world.epoch)
    world.authorities.publish(world.epoch + 1)
    world.follower.start()
    world.run_until(HOUR_S + 1)
    assert world.epochs_adopted == [world.epoch, world.epoch + 1]
    world.stop()
