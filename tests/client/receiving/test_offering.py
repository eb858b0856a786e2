"""Programs that share a reader, and readers that share nothing."""

from __future__ import annotations

import random
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from client._fake.inbox import FakeInbox
from client.api import (
    BadRequestError,
    ReceivedMessage,
    TooManyReadersError,
    UnknownMessageError,
    UnknownReaderError,
    Verified,
    WrongStateError,
)
from client.receiving.offering import Offering, Share
from client.store.readers import MAX_READERS
from client.testing import FakeNetwork
from loopixmix.errors import StoreError

T = TypeVar("T")


class SlowInbox(FakeInbox):
    """Writes and reads when it is told to."""

    waiting: list[Deferred[None]] | None = None

    async def settle(self, name: str, kind: str, number: int) -> bool:
        await self._rest()
        return await super().settle(name, kind, number)

    async def open_one(self, name: str, kind: str, number: int) -> ReceivedMessage | None:
        found = await super().open_one(name, kind, number)
        await self._rest()
        return found

    async def first_open(self, name: str, kind: str, *, after: int) -> ReceivedMessage | None:
        found = await super().first_open(name, kind, after=after)
        await self._rest()
        return found

    async def _rest(self) -> None:
        if self.waiting is not None:
            rested: Deferred[None] = Deferred()
            self.waiting.append(rested)
            await rested


class Desk:
    """An inbox, and programs that handle its messages."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.inbox = SlowInbox(FakeNetwork(clock=self.clock, rng=random.Random(1)), lambda: None)
        self.offering = Offering(self.inbox, clock=self.clock)
        self.woken: list[str] = []

    def arrive(self, count: int) -> None:
        for _ in range(count):
            self.inbox.add(message_id="", body=b"", kind="text", sender=None, verified=Verified.UNKNOWN, reply_to="")
        self.offering.wake({"text"})

    def join(self, name: str = "", *, reader: str = "", at_once: int = 16, within_s: float = 60.0) -> Share:
        return self.offering.join(
            "text", reader=reader, at_once=at_once, within_s=within_s, wake=lambda: self.woken.append(name)
        )

    def take(self, share: Share) -> list[int]:
        """Take all that is there."""
        numbers = []
        while (message := done(share.take())) is not None:
            numbers.append(message.number)
        return numbers


def start(awaitable: Awaitable[T]) -> Deferred[T]:
    async def wait() -> T:
        return await awaitable

    return Deferred.fromCoroutine(wait())


def done(awaitable: Awaitable[T]) -> T:
    results: list[T | Failure] = []
    start(awaitable).addBoth(results.append)
    [result] = results
    if isinstance(result, Failure):
        result.raiseException()
    return result  # type: ignore[return-value]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_each_reader_gets_all(desk: Desk) -> None:
    first, second, nameless = desk.join(reader="a"), desk.join(reader="b"), desk.join()
    desk.arrive(3)
    assert [desk.take(share) for share in (first, second, nameless)] == [[1, 2, 3]] * 3


def test_programs_of_one_reader_share_it(desk: Desk) -> None:
    first, second = desk.join(reader="a", at_once=2), desk.join(reader="a", at_once=2)
    desk.arrive(5)
    assert desk.take(first) == [1, 2]
    assert desk.take(second) == [3, 4]
    done(first.handled(1))
    assert desk.take(first) == [5]


def test_at_most_16_are_in_hand(desk: Desk) -> None:
    share = desk.join()
    desk.arrive(20)
    assert desk.take(share) == list(range(1, 17))
    share.failed(3)
    assert desk.take(share) == [17]


def test_a_new_reader_begins_with_the_oldest(desk: Desk) -> None:
    desk.arrive(2)
    first = desk.join(reader="a")
    assert desk.take(first) == [1, 2]
    done(first.handled(1))
    first.leave()
    assert desk.take(desk.join(reader="b")) == [1, 2]
    assert desk.take(desk.join(reader="a")) == [2]


def test_after_the_deadline_another_gets_it_and_only_that_one_settles_it(desk: Desk) -> None:
    slow, other = desk.join("slow", within_s=10.0), desk.join("other")
    desk.arrive(1)
    assert desk.take(slow) == [1]
    assert desk.take(other) == []
    assert other.wait_s() == 10.0
    desk.clock.advance(10.0)
    assert desk.take(other) == [1]
    with pytest.raises(WrongStateError, match=r"^message 1 was not settled within 10 s, and another program has got"):
        done(slow.handled(1))
    done(other.handled(1))
    assert desk.take(slow) == []


def test_alone_it_gets_again_what_it_said_nothing_about(desk: Desk) -> None:
    share = desk.join(within_s=10.0)
    desk.arrive(1)
    assert desk.take(share) == [1]
    desk.clock.advance(10.0)
    assert desk.take(share) == [1]
    done(share.handled(1))
    with pytest.raises(UnknownMessageError):
        done(share.handled(1))


def test_what_failed_comes_again_in_the_same_stream_after_a_pause(desk: Desk) -> None:
    share = desk.join()
    desk.arrive(2)
    assert desk.take(share) == [1, 2]
    assert share.failed(1) == 1.0
    assert desk.take(share) == []
    assert share.wait_s() == 1.0
    desk.clock.advance(1.0)
    assert desk.take(share) == [1]


def test_who_leaves_wakes_the_others_and_gives_back(desk: Desk) -> None:
    first, second = desk.join("first"), desk.join("second")
    desk.arrive(2)
    assert desk.take(first) == [1, 2]
    desk.woken.clear()
    first.leave()
    assert "second" in desk.woken
    assert desk.take(second) == [1, 2]
    assert done(first.take()) is None


def test_who_leaves_while_its_message_is_read_loses_none(desk: Desk) -> None:
    first, second = desk.join(), desk.join()
    desk.arrive(1)
    desk.inbox.waiting = []
    taking = start(first.take())
    also_taking = start(second.take())
    assert len(desk.inbox.waiting) == 1  # one after the other: they would find the same message
    first.leave()
    taking.cancel()
    taking.addErrback(lambda _: None)
    waiting, desk.inbox.waiting = desk.inbox.waiting, None
    for rested in waiting:
        if not rested.called:
            rested.callback(None)
    results: list[ReceivedMessage | None] = []
    also_taking.addCallback(results.append)
    assert [message.number for message in results if message] or desk.take(second) == [1]


def test_a_word_that_is_being_written_keeps_the_message_from_the_others(desk: Desk) -> None:
    first, second = desk.join(within_s=10.0), desk.join()
    desk.arrive(1)
    assert desk.take(first) == [1]
    desk.inbox.waiting = []
    settling = start(first.handled(1))
    [writing] = desk.inbox.waiting
    desk.inbox.waiting = None
    first.leave()
    settling.cancel()  # as when its connection breaks
    settling.addErrback(lambda _: None)
    desk.clock.advance(100.0)
    assert desk.take(second) == []
    newcomer = desk.join()
    assert desk.take(newcomer) == []
    writing.callback(None)
    assert desk.take(second) == []


def test_the_last_to_leave_while_a_word_is_written_leaves_it_known(desk: Desk) -> None:
    first = desk.join()
    desk.arrive(1)
    assert desk.take(first) == [1]
    desk.inbox.waiting = []
    start(first.handled(1))
    [writing] = desk.inbox.waiting
    desk.inbox.waiting = None
    first.leave()
    second = desk.join()
    assert desk.take(second) == []
    writing.callback(None)
    assert desk.take(second) == []


def test_a_word_that_cannot_be_written_does_not_count(desk: Desk) -> None:
    share = desk.join()
    desk.arrive(1)
    assert desk.take(share) == [1]
    desk.inbox.waiting = []
    settling = start(share.handled(1))
    [writing] = desk.inbox.waiting
    desk.inbox.waiting = None
    errors: list[Failure] = []
    settling.addErrback(errors.append)
    writing.errback(StoreError("the disk is full"))
    assert errors[0].check(StoreError)
    assert desk.take(share) == []
    desk.clock.advance(1.0)
    assert desk.take(share) == [1]


def test_what_was_deleted_meanwhile_does_not_come_again(desk: Desk) -> None:
    share = desk.join()
    desk.arrive(2)
    assert desk.take(share) == [1, 2]
    share.failed(1)
    desk.inbox.delete(1)
    desk.clock.advance(1.0)
    assert desk.take(share) == []
    done(share.handled(2))


def test_named_readers_are_listed_and_removed_when_nobody_reads_by_them(desk: Desk) -> None:
    share = desk.join(reader="archive")
    desk.arrive(2)
    assert desk.take(share) == [1, 2]
    done(share.handled(1))
    [reader] = done(desk.offering.readers())
    assert (reader.name, reader.kind, reader.waiting, reader.programs) == ("archive", "text", 1, 1)
    with pytest.raises(WrongStateError, match="a program reads text as archive now: end it first"):
        done(desk.offering.remove("archive", "text"))
    share.leave()
    assert [each.programs for each in done(desk.offering.readers())] == [0]
    done(desk.offering.remove("archive", "text"))
    assert done(desk.offering.readers()) == []
    with pytest.raises(UnknownReaderError):
        done(desk.offering.remove("archive", "text"))
    with pytest.raises(BadRequestError):
        done(desk.offering.remove("", "text"))


def test_there_are_so_many_named_readers(desk: Desk) -> None:
    for number in range(MAX_READERS):
        share = desk.join(reader=f"r{number}")
        done(share.begin())
        share.leave()
    done(desk.join(reader="r0").begin())
    done(desk.join().begin())
    with pytest.raises(TooManyReadersError):
        done(desk.join(reader="more").begin())


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "Text"},
        {"kind": ""},
        {"reader": "A"},
        {"reader": "a/b"},
        {"reader": ".."},
        {"reader": "a" * 65},
        {"at_once": 0},
        {"at_once": 17},
        {"within_s": 0.5},
        {"within_s": 3601.0},
        {"within_s": float("nan")},
    ],
)
def test_arguments_of_the_wrong_form_are_refused(desk: Desk, wrong: dict[str, object]) -> None:
    arguments = {"kind": "text", "reader": "", "at_once": 16, "within_s": 60.0, "wake": lambda: None} | wrong
    with pytest.raises(BadRequestError):
        desk.offering.join(**arguments)  # type: ignore[arg-type]
    assert done(desk.offering.readers()) == []


def test_what_is_read_again_when_its_program_goes_away_comes_to_another(desk: Desk) -> None:
    first, second = desk.join(), desk.join()
    desk.arrive(1)
    assert desk.take(first) == [1]
    first.failed(1)
    desk.clock.advance(1.0)
    desk.inbox.waiting = []
    taking = start(first.take())
    assert len(desk.inbox.waiting) == 1
    desk.inbox.waiting = None
    taking.addErrback(lambda _: None)
    taking.cancel()
    first.leave()
    assert desk.take(second) == [1]
