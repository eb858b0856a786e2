"""Attacks on hosted services: their memory is filled, one of them is blocked, reply blocks are misused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from twisted.internet.defer import Deferred

from loopixmix.drops import DropReason
from loopixmix.epoch import epoch_start_s
from loopixmix.requests.answers import AnswerShare, decode_answer
from loopixmix.requests.parts import NO_SHARE, RequestPart, encode_part, request_content, request_head
from loopixmix.routing.path import service_id
from provider.api import Declaration
from provider.hosting.memory import ROW_BYTES
from provider.store import MailStore, sqlite_url
from tests.worlds.mailboxes.hosts import PARAMS, HostWorld, Oracle
from tests.worlds.networks.models import EPOCH
from tests.worlds.networks.towns import Town

BOUND_ROWS = 300


class Short:
    """Answers with nothing, so that each answer takes as little of the bound as can be."""

    def __init__(self, name: str, *, kept_bytes: int) -> None:
        self.name = name
        self.declaration = Declaration(kept_bytes=kept_bytes)
        self.bodies: list[bytes] = []

    async def answer(self, body: bytes) -> bytes:
        self.bodies.append(body)
        return b""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MailStore]:
    opened = MailStore(sqlite_url(tmp_path / "mail.sqlite3"))
    yield opened
    opened.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.stop()


def to_epoch(world: HostWorld, epoch: int) -> None:
    """Go on to the end of the grace after an epoch's begin; what has ended is erased then."""
    world.run(epoch_start_s(epoch, PARAMS.epoch_length_s) + PARAMS.grace_s - world.clock.seconds())
    world.host.erase_ended()
    world.run(1.0)


def flood(world: HostWorld, service: str, last_epoch: int, count: int) -> None:
    for number in range(count):
        world.send_all(world.request(service, b"flood", last_epoch=last_epoch))
        if number % 50 == 49:
            world.run(0.1)
    world.run(0.1)


def is_served(world: HostWorld, service: str, last_epoch: int) -> bool:
    return len(world.said(world.ask(service, b"honest", last_epoch=last_epoch))) == 1


@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_who_fills_what_is_remembered_delays_the_honest_until_the_next_epoch(store: MailStore, ahead: int) -> None:
    """As much as a stranger can, with the last epoch of his choice: most of it is free when the present epoch ends."""
    filled = Short("filled", kept_bytes=BOUND_ROWS * (ROW_BYTES + 17))
    world = HostWorld(store, [filled, Short("other", kept_bytes=2**20)])
    flood(world, "filled", EPOCH + ahead, BOUND_ROWS + 50)
    # The longer his requests stay, the less of the bound they may take.
    assert len(filled.bodies) == pytest.approx(BOUND_ROWS * (3 - ahead) / 3, abs=1)
    assert world.facts.drops.count(DropReason.OVERLOADED) == BOUND_ROWS + 50 - len(filled.bodies)
    assert is_served(world, "filled", EPOCH) == (ahead > 0)
    assert is_served(world, "other", EPOCH)
    to_epoch(world, EPOCH + 1)
    assert is_served(world, "filled", EPOCH + 1)
    assert is_served(world, "filled", EPOCH + 2)
    to_epoch(world, EPOCH + ahead + 1)
    assert all(is_served(world, "filled", EPOCH + ahead + 1 + n) for n in range(3))
    world.stop()


def test_who_fills_it_with_everything_at_once_is_gone_when_the_last_epoch_ends(store: MailStore) -> None:
    filled = Short("filled", kept_bytes=BOUND_ROWS * (ROW_BYTES + 17))
    world = HostWorld(store, [filled])
    for ahead in (2, 1, 0):
        flood(world, "filled", EPOCH + ahead, BOUND_ROWS)
    assert len(filled.bodies) == pytest.approx(BOUND_ROWS, abs=3)
    assert not is_served(world, "filled", EPOCH)
    for passed in (1, 2, 3):
        to_epoch(world, EPOCH + passed)
        assert is_served(world, "filled", EPOCH + passed)
    assert is_served(world, "filled", EPOCH + 5)
    world.stop()


def test_what_is_known_is_answered_while_the_memory_is_full(store: MailStore) -> None:
    filled = Short("filled", kept_bytes=BOUND_ROWS * (ROW_BYTES + 17))
    world = HostWorld(store, [filled])
    honest = world.ask("filled", b"honest")
    flood(world, "filled", EPOCH, BOUND_ROWS)
    world.run(200.0)
    world.host.forget_old()
    honest.blocks.clear()
    world.send_all(honest)
    assert len(world.said(honest)) == 1
    assert filled.bodies.count(b"honest") == 1
    world.stop()


def test_parts_that_nobody_completes_leave_honest_requests_theirs(store: MailStore) -> None:
    """A flood of begun requests pushes out only what was idle for as long as it takes to fill the bound."""
    world = HostWorld(store, [oracle := Oracle()])
    honest = world.request("oracle", bytes(10_000))
    for index in range(honest.head.pieces):
        world.send_all(honest, [index])
        for _ in range(1000):
            world.send_all(world.request("oracle", bytes(100_000)), [0])
        # Complete requests come first, however many begun ones wait.
        world.ask("oracle", b"short %d" % index)
    world.run(0.1)
    assert oracle.bodies == [*(b"short %d" % index for index in range(5)), bytes(10_000), b"short 5"]
    world.stop()


def test_a_service_that_is_blocked_and_flooded_leaves_another_its_share(store: MailStore) -> None:
    blocked = Oracle("blocked", Declaration(timeout_s=1e6))
    world = HostWorld(store, [blocked, Short("other", kept_bytes=2**20)])
    flood(world, "blocked", EPOCH, 3000)
    assert len(blocked.asked) == Declaration().at_once
    for _ in range(10):
        begin_s = world.clock.seconds()
        request = world.request("other", b"honest")
        world.send_all(request)
        world.run(5.0)
        assert len(world.said(request)) == 1
        assert world.clock.seconds() - begin_s < 70.0
    assert len(blocked.asked) == Declaration().at_once
    world.stop()


def parts_of(town: Town, body: bytes, *, epoch: int) -> list[RequestPart]:
    size = town.world.geometry
    content = request_content(bytes(16), body)
    head = request_head(town.alice.rng.randbytes(16), content, last_epoch=epoch, size=size)
    pieces = [
        content[n : n + head.share_bytes].ljust(head.share_bytes, b"\0")
        for n in range(0, len(content), head.share_bytes)
    ]
    return [RequestPart(head, index, piece) for index, piece in enumerate(pieces)]


def answers(town: Town) -> list[AnswerShare]:
    said = [decode_answer(reply, town.world.geometry) for reply in town.alice.replies()]
    assert all(isinstance(part, AnswerShare) for part in said)
    return [part for part in said if isinstance(part, AnswerShare)]


def test_a_block_that_is_given_twice_makes_one_packet(town: Town) -> None:
    """The copy has the replay tag of the first: its share is lost, for whoever gave the block twice."""
    parts = parts_of(town, bytes(6000), epoch=town.world.model.epoch)
    surb = town.alice.surb(town.p2.identity)
    for part in [*parts, msgspec.structs.replace(parts[0], index=NO_SHARE, share=b"", blocks=(surb.encode(),) * 5)]:
        payload = encode_part(part, town.world.geometry)
        packet = town.alice.packet(service_id("echo"), payload, exit=town.p2.identity, surb=surb)
        town.alice.submit(packet)
        town.settle()
    town.world.run(30.0)
    [share] = answers(town)
    assert share.index == 0
    assert town.p2.drops(DropReason.REPLAY) == 2


def test_blocks_of_others_bring_their_makers_nothing_they_can_read(town: Town) -> None:
    """An answer goes where the asker's blocks lead, and is opened by who made them; nobody else has the keys."""
    [part] = parts_of(town, b"hello", epoch=town.world.model.epoch)
    foreign = town.bob.surb(town.p2.identity)
    town.alice.submit(
        town.alice.packet(
            service_id("echo"), encode_part(part, town.world.geometry), exit=town.p2.identity, surb=foreign
        )
    )
    town.settle()
    town.world.run(30.0)
    assert town.alice.replies() == []
    # Bob finds an answer that he did not ask for, as with any reply block that he gave away.
    assert len(town.bob.replies()) == 1


def test_a_service_that_dies_in_the_middle_answers_as_a_failure_only_once_it_is_sure(store: MailStore) -> None:
    dying = Oracle("dying")
    world = HostWorld(store, [dying])
    requests = [world.ask("dying", b"%d" % number) for number in range(3)]
    for _, answer in dying.asked:
        answer.errback(ConnectionError("the service has ended"))
    world.run(0.1)
    assert [len(world.said(request)) for request in requests] == [1, 1, 1]
    assert isinstance(dying.asked[0][1], Deferred)
    for request in requests:
        world.send_all(request)
    world.run(0.1)
    assert len(dying.asked) == 3
    world.stop()
