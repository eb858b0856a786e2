"""Giving received messages to programs: each reader gets all, and those that share a reader get each message once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Protocol

import msgspec
from twisted.internet.defer import Deferred, DeferredLock

from client.api import NamedReader, ReceivedMessage, WrongStateError
from client.core.arguments import check_kind, check_named_reader, check_reader, check_share
from client.receiving.claims import Claims, Holder
from loopixmix.process.shield import shielded
from loopixmix.seams import Clock


class MessageShelf(Protocol):
    """The received messages, and what each reader has handled; `name` is empty for the reader without one."""

    async def begin(self, name: str, kind: str) -> None:
        """Note that a reader is in use, and make a named one that is not there; raise `TooManyReadersError`."""

    async def first_open(self, name: str, kind: str, *, after: int) -> ReceivedMessage | None:
        """Return the oldest message of a kind, with a number over `after`, that a reader has not handled."""

    async def open_one(self, name: str, kind: str, number: int) -> ReceivedMessage | None:
        """Return the message of this number, unless the reader has handled it."""

    async def settle(self, name: str, kind: str, number: int) -> bool:
        """Note durably that a reader has handled a message; return whether that is new."""

    async def named(self) -> list[NamedReader]:
        """Return the named readers by name and kind."""

    async def remove(self, name: str, kind: str) -> None:
        """Forget a reader; raise `UnknownReaderError`."""


class Line:
    """What waits for one reader of one kind, and the programs that share it."""

    def __init__(self, name: str, kind: str) -> None:
        """Begin without programs."""
        self.name = name
        self.kind = kind
        self.claims = Claims()
        self.one_at_a_time = DeferredLock()
        """Two programs that look at once would find the same message."""
        self.shares: list[Share] = []

    def wake(self, *, but: Share | None = None) -> None:
        """Let the programs look again."""
        for share in tuple(self.shares):
            if share is not but:
                share.wake()


class Share:
    """One program's part in what a reader handles; `Offering.join` makes it."""

    def __init__(self, line: Line, shelf: MessageShelf, holder: Holder, wake: Callable[[], None], clock: Clock) -> None:
        """Take messages of `line` from `shelf` for `holder`; `wake` is called when it may look again."""
        self.wake = wake
        self._line = line
        self._shelf = shelf
        self._holder = holder
        self._clock = clock
        self._begun = False

    async def begin(self) -> None:
        """Take part; raise `TooManyReadersError` if the reader is new and there is no place for it."""
        if not self._begun:
            await self._shelf.begin(self._line.name, self._line.kind)
            self._begun = True

    async def take(self) -> ReceivedMessage | None:
        """Return a message that is this program's to handle; None if there is none now, or its hand is full."""
        await self.begin()
        line = self._line
        await line.one_at_a_time.acquire()
        try:
            if line.claims.lapse(self._clock.seconds()):
                line.wake(but=self)
            return await self._take_again() or await self._take_new()
        finally:
            line.one_at_a_time.release()

    def wait_s(self) -> float | None:
        """Return after how many seconds to look again without being woken, None if there is no need."""
        return self._line.claims.wait_s(self._clock.seconds())

    async def handled(self, number: int) -> None:
        """Take the word that a message was handled; return once that is on the disk.

        Raises `UnknownMessageError` if it was not given to this program, `WrongStateError` if it took too long and
        another one has got it.
        """
        self._line.claims.begin_settling(self._holder, number, self._clock.seconds())
        # A program that goes away while it is written down must not leave it open whether it was.
        await shielded(Deferred.fromCoroutine(self._settle(number)))

    def failed(self, number: int) -> float:
        """Take the word that a message could not be handled; return in how many seconds it comes again.

        Raises as `handled`.
        """
        with self._changing():
            return self._line.claims.fail(self._holder, number, self._clock.seconds())

    def leave(self) -> None:
        """Give back what is in hand, and take no more."""
        with self._changing():
            self._line.claims.leave(self._holder, self._clock.seconds())
            if self in self._line.shares:
                self._line.shares.remove(self)

    async def _take_again(self) -> ReceivedMessage | None:
        claims = self._line.claims
        while (number := claims.take_back(self._holder, self._clock.seconds())) is not None:
            try:
                message = await self._shelf.open_one(self._line.name, self._line.kind, number)
            except BaseException:  # whatever ends this, also that the program goes away, must not lose the message
                claims.put_back(number, self._clock.seconds())
                raise
            if message is None:
                claims.forget(number)
            elif self._given(message):
                return message
        return None

    async def _take_new(self) -> ReceivedMessage | None:
        claims = self._line.claims
        if not claims.may_take(self._holder):
            return None
        message = await self._shelf.first_open(self._line.name, self._line.kind, after=claims.after)
        return message if message is not None and self._given(message) else None

    def _given(self, message: ReceivedMessage) -> bool:
        now_s = self._clock.seconds()
        if self not in self._line.shares:
            # It left while the message was read.
            self._line.claims.put_back(message.number, now_s)
            return False
        self._line.claims.give(self._holder, message.number, now_s)
        return True

    async def _settle(self, number: int) -> None:
        line, claims = self._line, self._line.claims
        try:
            is_new = await self._shelf.settle(line.name, line.kind, number)
        except BaseException:
            claims.not_settled(number, self._clock.seconds())
            # Not this one: it looks again by itself, after a pause that grows while the disk is full.
            line.wake(but=self)
            raise
        claims.settled(number)
        line.wake()
        if not is_new:
            raise WrongStateError(f"message {number} was settled before")

    @contextmanager
    def _changing(self) -> Iterator[None]:
        yield
        self._line.wake()


class Offering:
    """All readers of a client."""

    def __init__(self, shelf: MessageShelf, *, clock: Clock) -> None:
        """Give out what is on `shelf`; `clock` tells when a program has had a message for too long."""
        self._shelf = shelf
        self._clock = clock
        self._lines: dict[tuple[str, str], Line] = {}

    def join(self, kind: str, *, reader: str, at_once: int, within_s: float, wake: Callable[[], None]) -> Share:
        """Let a program handle messages of `kind` as `reader`; `wake` is called when there may be one for it.

        Raises `BadRequestError` if an argument has the wrong form.
        """
        check_kind(kind)
        check_reader(reader)
        check_share(at_once, within_s)
        self._sweep()
        line = self._lines.setdefault((reader, kind), Line(reader, kind))
        holder = Holder(at_once=at_once, within_s=within_s)
        share = Share(line, self._shelf, holder, wake, self._clock)
        line.claims.join(holder)
        line.shares.append(share)
        return share

    def wake(self, kinds: Collection[str]) -> None:
        """Let the programs look for messages of these kinds."""
        for (_, kind), line in tuple(self._lines.items()):
            if kind in kinds:
                line.wake()

    async def readers(self) -> list[NamedReader]:
        """Return the named readers by name and kind."""
        self._sweep()
        return [
            msgspec.structs.replace(reader, programs=self._programs(reader.name, reader.kind))
            for reader in await self._shelf.named()
        ]

    async def remove(self, name: str, kind: str) -> None:
        """Forget a named reader; raise `UnknownReaderError`, `WrongStateError` while a program reads by its name."""
        check_named_reader(name)
        check_kind(kind)
        if self._programs(name, kind):
            raise WrongStateError(f"a program reads {kind} as {name} now: end it first")
        await self._shelf.remove(name, kind)

    def _programs(self, name: str, kind: str) -> int:
        line = self._lines.get((name, kind))
        return 0 if line is None else line.claims.holders

    def _sweep(self) -> None:
        # Not in `leave`: while it is being written that a message was handled, the line has to be known.
        for key, line in tuple(self._lines.items()):
            if line.claims.at_rest:
                del self._lines[key]
