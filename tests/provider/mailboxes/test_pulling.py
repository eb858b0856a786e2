"""Pulls: answered on time by whole batches, whatever the store does, and deleted from afterwards."""

from __future__ import annotations

import pytest
from twisted.logger import LogEvent

from loopixmix.seams import Identity
from loopixmix.wire import Frame, Item, ItemKind, Pull
from provider.mailbox import Mailbox
from provider.mailboxes.pulling import Puller, Pulling
from provider.store import MailStore
from tests.worlds.mailboxes.mailstores import ALICE, BOB, READ_S, WRITE_S, StoreWorld

ANSWER_S = 0.03
BODY_BYTES = 64


class World(StoreWorld):
    """The pulls of Alice."""

    def __init__(self, store: MailStore, *, read_s: float = READ_S) -> None:
        super().__init__(store, read_s=read_s)
        self.sent: list[tuple[float, Identity, Frame]] = []
        self.pulling = Pulling(
            access=self.access, body_bytes=BODY_BYTES, answer_s=ANSWER_S, clock=self.clock, send=self.send
        )
        self.alice = Puller(ALICE, Mailbox(pull_batch=2, lease_pulls=2))

    def send(self, key: Identity, frame: Frame) -> None:
        self.sent.append((self.clock.seconds(), key, frame))

    def pull(self, *acknowledged: int, puller: Puller | None = None) -> list[Item]:
        """Pull once and return the answer."""
        self.sent.clear()
        self.pulling.pull(puller or self.alice, Pull(7, acknowledged))
        self.clock.pump([READ_S] * 100)
        return [frame for _, _, frame in self.sent if isinstance(frame, Item)]

    def texts(self, *acknowledged: int) -> list[bytes]:
        return [item.body.rstrip(b"\0") for item in self.pull(*acknowledged) if item.kind is not ItemKind.DUMMY]


@pytest.fixture
def world(store: MailStore) -> World:
    return World(store)


def test_a_pull_is_answered_by_one_batch_at_its_time(world: World) -> None:
    world.put(b"one")
    world.pulling.pull(world.alice, Pull(7, ()))
    world.clock.advance(ANSWER_S - 0.001)
    assert world.sent == []
    world.clock.advance(0.001)
    assert [(at_s, key) for at_s, key, _ in world.sent] == [(ANSWER_S, ALICE)] * 2
    items = [frame for _, _, frame in world.sent if isinstance(frame, Item)]
    assert [(item.request_id, item.kind, len(item.body)) for item in items] == [
        (7, ItemKind.MESSAGE, BODY_BYTES),
        (7, ItemKind.DUMMY, BODY_BYTES),
    ]
    assert (world.pulling.pulls, world.pulling.items_given) == (1, 1)


def test_what_is_read_too_late_is_given_with_the_next_answer(store: MailStore) -> None:
    world = World(store, read_s=ANSWER_S * 2)
    world.put(b"late")
    world.pulling.pull(world.alice, Pull(1, ()))
    world.clock.advance(ANSWER_S)
    assert [frame.kind for _, _, frame in world.sent if isinstance(frame, Item)] == [ItemKind.DUMMY] * 2
    world.clock.advance(ANSWER_S)
    assert world.texts() == [b"late"]


def test_what_was_acknowledged_is_deleted_after_the_answer_has_left(world: World) -> None:
    world.put(b"one", b"two", b"three")
    first = [item.item_id for item in world.pull()]
    world.sent.clear()
    world.pulling.pull(world.alice, Pull(8, tuple(first)))
    world.clock.pump([ANSWER_S / 2, ANSWER_S / 2])
    assert len(world.sent) == 2
    assert world.bodies() == [b"one", b"two", b"three"]
    world.clock.advance(WRITE_S)
    assert world.bodies() == [b"three"]


def test_a_deletion_that_failed_is_made_good_by_the_next_acknowledgement(world: World) -> None:
    world.put(b"one")
    [number] = [item.item_id for item in world.pull() if item.kind is not ItemKind.DUMMY]
    world.break_store()
    world.pull(number)
    world.mend_store()
    assert world.bodies() == [b"one"]
    world.pull(number)
    assert world.bodies() == []


def test_a_reading_that_failed_is_tried_again(world: World, logged: list[LogEvent]) -> None:
    world.put(b"one")
    world.break_store()
    assert world.texts() == []
    assert "cannot be read" in (world.access.problem or "")
    assert len(logged) == 1
    world.mend_store()
    assert world.texts() == [b"one"]


def test_a_puller_without_an_account_is_found_out(world: World) -> None:
    bob = Puller(BOB, Mailbox(pull_batch=2, lease_pulls=2))
    assert [item.kind for item in world.pull(puller=bob)] == [ItemKind.DUMMY] * 2
    assert bob.registered is False


def test_pulls_are_measured_since_the_last_measurement(world: World) -> None:
    for _ in range(3):
        world.pull()
    world.pulling.measure(10.0)
    assert world.pulling.pulls_per_s == pytest.approx(0.3)
    world.pulling.measure(10.0)
    assert world.pulling.pulls_per_s == 0.0


def test_no_answer_leaves_after_the_end(world: World) -> None:
    world.pulling.pull(world.alice, Pull(1, ()))
    world.pulling.stop()
    world.clock.advance(1.0)
    assert world.sent == []
    assert world.clock.getDelayedCalls() == []
