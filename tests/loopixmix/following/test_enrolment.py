"""A node keeps itself enrolled, and takes itself out."""

from __future__ import annotations

import random

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from loopixmix.directory import Descriptor, Document
from loopixmix.errors import UnavailableError
from loopixmix.following.authorities import Authorities
from loopixmix.following.enrolment import MISSING_REPEAT_S, Enroller, Enrolment
from loopixmix.following.fetcher import Answer
from loopixmix.keys import MixKey
from tests.worlds.networks.authorities import FakeAuthorities, describer
from tests.worlds.networks.models import NOW_S, model_network

AUTHORITY = "127.0.0.1:9000"


class Bench:
    """One node and its authority."""

    def __init__(self) -> None:
        network = model_network(random.Random(1))
        node = network.node("mix11")
        self.clock = Clock()
        self.clock.advance(NOW_S + 10)
        self.fake = FakeAuthorities(network, self.clock)
        self.broken = self.has_nothing = False
        self._identity, self._network = node.id, network
        self._describe = describer(network, node)
        rng = random.Random(5)
        self.enroller = Enroller(
            Enrolment(node.identity_key, self._described),
            authorities=Authorities(network.trust_root, fetcher=self.fake, rng=rng),
            clock=self.clock,
            rng=rng,
        )
        self.with_us = self.fake.publish(network.epoch)
        self.without_us = self.fake.publish(network.epoch, lambda document: self._without(document, node.id))

    def _described(self, issued_at_ms: int) -> Descriptor:
        if self.has_nothing:
            raise UnavailableError("there are no mix keys to describe: the disk is full")
        told = self._describe(issued_at_ms)
        return msgspec.structs.replace(told, host="a_b") if self.broken else told

    def changed(self, **words: object) -> Document:
        """Publish a document that has other words of this node."""

        def change(document: Document) -> Document:
            nodes = [
                msgspec.structs.replace(node, **words) if node.id == self._identity else node for node in document.nodes
            ]
            return msgspec.structs.replace(document, nodes=tuple(nodes))

        return self.fake.publish(self._network.epoch, change)

    @staticmethod
    def _without(document: Document, identity: bytes) -> Document:
        other = msgspec.structs.replace(document.node(identity), id=b"\x01" * 32, name="mix99")
        nodes = [other if node.id == identity else node for node in document.nodes]
        return msgspec.structs.replace(document, nodes=tuple(sorted(nodes, key=lambda node: node.id)))

    @property
    def issued(self) -> list[int]:
        return [descriptor.issued_at_ms for _, _, descriptor in self.fake.uploads]

    def stop(self) -> None:
        assert self.enroller.stop().called
        assert self.clock.getDelayedCalls() == []


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_uploads_at_once_and_again_until_the_document_has_the_node(bench: Bench) -> None:
    bench.enroller.start()
    assert len(bench.issued) == 1
    assert bench.enroller.problem == "this node is not in the network document yet"
    bench.clock.pump([1.0] * int(MISSING_REPEAT_S + 1))
    assert len(bench.issued) == 2
    bench.enroller.adopt(bench.with_us)
    assert bench.enroller.problem is None
    bench.clock.pump([1.0] * 60)
    assert len(bench.issued) <= 3  # the repetition that was planned before; the next is for the next epoch
    assert bench.issued == sorted(set(bench.issued))
    bench.stop()


def test_a_document_without_the_node_makes_it_upload_at_once(bench: Bench) -> None:
    bench.enroller.start()
    bench.enroller.adopt(bench.with_us)
    bench.enroller.adopt(bench.without_us)
    bench.clock.advance(0)
    assert len(bench.issued) == 2
    bench.stop()


def test_a_document_that_has_expired_has_nobody(bench: Bench) -> None:
    bench.enroller.start()
    bench.enroller.adopt(bench.with_us)
    assert bench.enroller.problem is None
    bench.clock.rightNow = bench.with_us.valid_until_s
    assert bench.enroller.problem == "this node is not in the network document yet"
    bench.stop()


def test_a_refusal_is_told_and_tried_again(bench: Bench) -> None:
    bench.fake.refusal = Answer(403, b"who are you?")
    bench.enroller.start()
    bench.clock.pump([0.5] * 20)
    assert bench.enroller.problem == f"not enrolled: http://{AUTHORITY}: HTTP status 403: who are you?"
    bench.fake.refusal = None
    bench.clock.pump([1.0] * 61)
    assert bench.issued
    bench.enroller.adopt(bench.with_us)
    assert bench.enroller.problem is None
    bench.stop()


def test_after_withdrawing_nothing_puts_the_node_back(bench: Bench) -> None:
    bench.enroller.start()
    assert Deferred.fromCoroutine(bench.enroller.withdraw()).called
    bench.clock.pump([1.0] * 600)
    assert [descriptor.withdrawn for _, _, descriptor in bench.fake.uploads] == [False, True]
    bench.stop()


def test_a_withdrawal_that_one_authority_did_not_hear_failed(bench: Bench) -> None:
    bench.enroller.start()
    bench.fake.down = {AUTHORITY}
    results: list[object] = []
    Deferred.fromCoroutine(bench.enroller.withdraw()).addBoth(results.append)
    [failure] = results
    assert isinstance(failure, Failure)
    assert isinstance(failure.value, UnavailableError)
    assert str(failure.value) == f"not withdrawn: http://{AUTHORITY}: connection refused"
    bench.stop()


def test_a_clock_that_goes_back_makes_no_descriptor_older_than_the_last(bench: Bench) -> None:
    bench.enroller.start()
    bench.clock.rightNow -= 2.0  # as far as an authority lets clocks differ
    bench.enroller.adopt(bench.without_us)
    bench.clock.advance(0)
    first, second = bench.issued
    assert second == first + 1
    bench.stop()


def test_a_node_that_the_document_has_elsewhere_says_so(bench: Bench) -> None:
    bench.enroller.start()
    bench.enroller.adopt(bench.changed(host="10.0.0.9", port=30009))
    problem = bench.enroller.problem or ""
    assert problem.startswith("the network document has this node at 10.0.0.9:30009, and this process is at ")
    assert "another process runs with the same identity" in problem
    bench.enroller.adopt(bench.with_us)
    assert bench.enroller.problem is None
    bench.stop()


def test_a_node_whose_keys_the_document_does_not_have_says_so(bench: Bench) -> None:
    bench.enroller.start()
    other = {epoch: MixKey(bytes([epoch % 251 + 1]) * 32).public for epoch in bench.with_us.epochs}
    bench.enroller.adopt(bench.changed(mix_keys=other))
    problem = bench.enroller.problem or ""
    assert problem.startswith("the network document has other mix keys of this node")
    # So it is after a wrong clock, too, when no other process is to be looked for.
    assert "its clock was wrong, lately (then the document of the next epoch is right)" in problem
    bench.stop()


def test_what_cannot_be_described_is_told_and_does_not_end_it(bench: Bench) -> None:
    bench.broken = True
    bench.enroller.start()
    bench.clock.advance(30)
    assert "'a_b' is neither an IP address nor a host name" in (bench.enroller.problem or "")
    assert (bench.fake.uploads, bench.enroller.is_refused) == ([], False)
    bench.broken = False
    bench.clock.pump([1.0] * 61)
    assert len(bench.fake.uploads) >= 1
    bench.enroller.adopt(bench.with_us)
    assert bench.enroller.problem is None
    bench.stop()


def test_a_document_counts_while_there_is_nothing_to_describe(bench: Bench) -> None:
    bench.has_nothing = True
    # Before it runs: a node with a document on its disk hears of it first, and must start all the same.
    bench.enroller.adopt(bench.with_us)
    assert bench.enroller.problem is None
    bench.enroller.start()
    assert "there are no mix keys to describe: the disk is full" in str(bench.enroller.problem)
    bench.has_nothing = False
    bench.clock.pump([0.5] * 10)
    assert bench.enroller.problem is None
    bench.stop()


def test_a_refused_node_says_by_how_much_its_clock_is_wrong(bench: Bench) -> None:
    bench.fake.refusal = Answer(400, b"no", ahead_s=86_400.0)
    bench.enroller.start()
    assert (bench.enroller.problem or "").endswith(
        "HTTP status 400: no; the clock here is 86400 s ahead of that of the authority: one of the two is wrong"
    )
    bench.fake.refusal = Answer(403, b"no", ahead_s=-3.0)
    bench.clock.advance(30)
    assert (bench.enroller.problem or "").endswith("HTTP status 403: no")
    assert bench.enroller.is_refused
    bench.stop()


@pytest.mark.parametrize(("back_s", "kept"), [(2.0, True), (86_400.0, False)])
def test_after_the_clock_went_back_a_descriptor_is_newer_only_where_that_can_be(
    bench: Bench, back_s: float, kept: bool
) -> None:
    bench.enroller.start()
    [first_ms] = bench.issued
    bench.clock.rightNow -= back_s
    bench.enroller.clock_was_set()
    bench.clock.advance(0)
    assert len(bench.issued) == 2
    assert bench.issued[1] == (first_ms + 1 if kept else first_ms - 1000 * back_s)
    bench.stop()


def test_an_upload_that_a_wrong_clock_planned_is_not_waited_for(bench: Bench) -> None:
    bench.enroller.start()
    bench.enroller.adopt(bench.with_us)
    bench.clock.advance(0)
    before = len(bench.issued)
    bench.clock.pump([1.0] * 31)  # planned for the next epoch from now on
    assert len(bench.issued) <= before + 1
    # Nobody tells of this step, and no timer is moved by it.
    for call in bench.clock.getDelayedCalls():
        call.time -= 3 * 86_400.0
    bench.clock.rightNow -= 3 * 86_400.0
    before = len(bench.issued)
    bench.clock.pump([1.0] * 61)
    assert len(bench.issued) == before + 1
    bench.stop()
