"""The part of a client that the daemon's HTTP interface needs beyond `client.api`: its history in durable numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from client.api import Client, MessageProgress, NumberedChange, PostedRequest, ReceivedMessage


class Cursor(msgspec.Struct, frozen=True):
    """How far a reader has come: the numbers of the last received message, state change, and end of a request."""

    received: int = 0
    changes: int = 0
    ended: int = 0

    def is_after(self, other: Cursor) -> bool:
        """Tell whether a reader of `other` has yet to come so far, in one of the three."""
        return self.received > other.received or self.changes > other.changes or self.ended > other.ended


class MessageShare(Protocol):
    """One program's part in what a reader handles."""

    async def begin(self) -> None:
        """Take part; raise `TooManyReadersError` if the reader is new and there is no place for it."""

    async def take(self) -> ReceivedMessage | None:
        """Return a message that is this program's to handle; None if there is none now, or its hand is full."""

    def wait_s(self) -> float | None:
        """Return after how many seconds to look again without being woken, None if there is no need."""

    async def handled(self, number: int) -> None:
        """Take the word that a message was handled; return once that is on the disk.

        Raises `UnknownMessageError` if it was not given to this program, `WrongStateError` if it took too long and
        another one has got it.
        """

    def failed(self, number: int) -> float:
        """Take the word that a message could not be handled; return in how many seconds it comes again.

        Raises as `handled`.
        """

    def leave(self) -> None:
        """Give back what is in hand, and take no more."""


class JournalledClient(Client, Protocol):
    """A client that also tells what happened, so that a reader can come back and miss nothing."""

    def share(self, kind: str, *, reader: str, at_once: int, within_s: float, wake: Callable[[], None]) -> MessageShare:
        """Let a program handle messages of `kind` as `reader`, at most `at_once` at a time, each in `within_s` seconds.

        `wake` is called when there may be one for it. Raises `BadRequestError` if an argument has the wrong form.
        """

    async def state_changes(self, *, after: int, limit: int) -> list[NumberedChange]:
        """Return state changes with a number over `after`, oldest first, at most `limit`."""

    async def progress(self, *, mark: int, limit: int) -> tuple[list[MessageProgress], int]:
        """Return the counts of messages of which fragments left or were acknowledged since `mark`, and the next mark.

        Marks count from 0 and begin anew with the client: a reader of a later run, whose mark is ahead, is told all.
        """

    async def ended_requests(self, *, after: int, limit: int) -> list[PostedRequest]:
        """Return posted requests whose `ended` is over `after`, in the order of their ends, at most `limit`."""

    async def newest(self) -> Cursor:
        """Return the numbers of the newest received message, state change and end of a posted request, 0 for none."""

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback`, which is quick, once there is news; returns how to stop.

        That is news of `inbox`, `state_changes`, `ended_requests` or `status`.
        """


class News:
    """Tells its listeners that the inbox, the state changes or the status have news."""

    # The parts that have news and the client that is asked to tell it both know this one, and not each other.

    def __init__(self) -> None:
        """Begin without listeners."""
        self._listeners: list[Callable[[], None]] = []

    def tell(self) -> None:
        """Tell the listeners."""
        for listener in tuple(self._listeners):
            listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` at news from now on; returns how to stop, which may be called twice."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None
