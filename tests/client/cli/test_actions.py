"""What the commands do that is more than one call."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError, Deferred

from client.api import MessageState, OutgoingMessage, ReceivedMessage, Verified
from client.cli.actions import (
    BodyFile,
    MessageFailedError,
    StillOnItsWayError,
    every_received,
    follow_received,
    save_body,
    stored,
)
from loopixmix.errors import StoreError
from tests.worlds.clients.contract import ALICE, BOB, send
from tests.worlds.clients.fakes import FakeWorld


class FakeTime:
    """Time on the clock of a `FakeWorld`."""

    def __init__(self, world: FakeWorld) -> None:
        self._clock = world.clock

    def seconds(self) -> float:
        return self._clock.seconds()

    async def pause(self, seconds: float) -> None:
        paused: Deferred[None] = Deferred()
        self._clock.callLater(seconds, paused.callback, None)
        await paused


@pytest.fixture
def world() -> FakeWorld:
    made = FakeWorld()
    made.run(made.alice.add_contact(BOB))
    made.run(made.bob.add_contact(ALICE))
    return made


def wait(world: FakeWorld, message_id: str, seen: list[OutgoingMessage], *, within_s: float = 60) -> OutgoingMessage:
    return world.run(stored(world.alice, message_id, time=FakeTime(world), within_s=within_s, progress=seen.append))


def test_waiting_ends_when_the_provider_has_it(world: FakeWorld) -> None:
    world.network.lose_next()
    seen: list[OutgoingMessage] = []
    assert wait(world, send(world, b"x", key="1"), seen).state is MessageState.STORED
    assert [m.state for m in seen][:1] == [MessageState.QUEUED]
    assert MessageState.RETRYING in [m.state for m in seen]


def test_waiting_for_a_message_that_fails_is_an_error(world: FakeWorld) -> None:
    world.network.fail_next()
    with pytest.raises(MessageFailedError, match="given up"):
        wait(world, send(world, b"x", key="1"), [])


def test_waiting_has_an_end(world: FakeWorld) -> None:
    world.network.cut()
    with pytest.raises(StillOnItsWayError, match="0 of 1 fragments"):
        wait(world, send(world, b"x", key="1"), [], within_s=5)


def test_the_inbox_is_read_to_its_end_or_limit(world: FakeWorld) -> None:
    for number in range(7):
        send(world, b"%d" % number, key=str(number))
    world.pass_time()
    seen: list[ReceivedMessage] = []
    assert world.run(every_received(world.bob, seen.append, after=0, limit=100, page=3)) == 7
    assert [m.number for m in seen] == [1, 2, 3, 4, 5, 6, 7]
    seen.clear()
    assert world.run(every_received(world.bob, seen.append, after=2, limit=4, page=3)) == 6
    assert [m.number for m in seen] == [3, 4, 5, 6]
    assert world.run(every_received(world.bob, seen.append, after=7, limit=4)) == 7


def test_what_was_shown_is_read(world: FakeWorld) -> None:
    for number in range(3):
        send(world, b"%d" % number, key=str(number))
    world.pass_time()
    assert world.run(every_received(world.bob, lambda message: None, after=1, limit=1)) == 2
    assert world.run(world.bob.status()).unread == 2
    world.run(every_received(world.bob, lambda message: None, after=0, limit=100, page=1))
    assert world.run(world.bob.status()).unread == 0


def test_following_shows_each_message_once(world: FakeWorld) -> None:
    seen: list[ReceivedMessage] = []
    time = FakeTime(world)
    following = Deferred.fromCoroutine(follow_received(world.bob, seen.append, after=0, news=lambda: time.pause(0.5)))
    for number in range(3):
        send(world, b"%d" % number, key=str(number))
        world.pass_time()
    assert [m.body for m in seen] == [b"0", b"1", b"2"]
    following.addErrback(lambda failure: failure.trap(CancelledError) and None)
    following.cancel()


def received(*, kind: str, body: bytes = b"content") -> ReceivedMessage:
    return ReceivedMessage(
        number=12, message_id="ab" * 16, sender=None, verified=Verified.UNKNOWN, kind=kind, body=body, received_at_s=0.0
    )


def test_a_body_is_saved_under_a_name_that_its_sender_cannot_choose(tmp_path: Path) -> None:
    file = save_body(tmp_path / "new", received(kind="../../etc/passwd"))
    assert file == BodyFile(tmp_path / "new" / "000012-______etc_passwd", is_other=False)
    assert file.path.read_bytes() == b"content"


def test_a_file_that_is_there_is_left_as_it_is_and_told_if_it_holds_something_else(tmp_path: Path) -> None:
    first = save_body(tmp_path, received(kind="text"))
    assert save_body(tmp_path, received(kind="text")) == first
    for other in (b"other", b"content and more", b"con", b""):
        assert save_body(tmp_path, received(kind="text", body=other)).is_other
    assert first.path.read_bytes() == b"content"


def test_a_body_that_cannot_be_saved_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="file: cannot be made"):
        save_body(tmp_path / "file", received(kind="text"))
