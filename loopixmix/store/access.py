"""The store as services see it: everything returns a Deferred, nothing waits.

A program opens its store and makes one access to it, with an alarm that names what waits while the store is broken:

    store = Store(SCHEMA, sqlite_url(directory / "poll.sqlite3"))
    access = threaded_access(store, waiting="votes", call_on_reactor=reactor.callFromThread)
    await access.write(lambda connection: connection.execute(insert(votes).values(choice="tea")))
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from loopixmix.errors import LoopixmixError, StoreError
from loopixmix.seams import Clock
from loopixmix.store.alarm import StoreAlarm, already_told
from loopixmix.store.faults import ConstraintError
from loopixmix.store.jobs import Turn, Upkeep, Work, read_batch, write_batch
from loopixmix.store.lanes import ClockLane, InlineLane, Lane, ThreadLane
from loopixmix.store.transactions import Store

_R = TypeVar("_R")


class StoreAccess:
    """One lane to write, one to read, and an alarm that hears of every failure."""

    def __init__(self, store: Store, *, writing: Lane, reading: Lane, alarm: StoreAlarm) -> None:
        """`store`: `stop` closes it. `alarm`: hears of failures.

        `writing`, `reading`: lanes on the store, as `threaded_access` makes them. If they are one, a reading sees every
        change that was asked for before it; if they are two, it does not wait for the flush of a disk.
        """
        self._store = store
        self._writing = writing
        self._reading = reading
        self._alarm = alarm

    @property
    def problem(self) -> str | None:
        """Why the store could not be used the last time, or what it has lost, in one line; None if all is well."""
        return self._alarm.problem or self._store.loss

    @property
    def waiting(self) -> int:
        """How many changes are not yet being written. The caller bounds it: nothing is refused here."""
        return self._writing.waiting

    def write(
        self, work: Callable[[Connection], _R], *, committed: Callable[[_R], object] | None = None
    ) -> Deferred[_R]:
        """Change something; fires with the result once it is on the disk.

        Changes that come together share a transaction. If one of them spoils it, each is done again by itself: so
        `work` must leave nothing behind but what it writes. `committed` is called with the result where the store is
        used, once it is on the disk and before the next transaction begins. Fails with `StoreError`, or with what
        `work` raised.
        """
        job = Work(work, committed=committed)
        self._writing.submit(job)
        return job.done.addCallbacks(self._wrote, self._failed)

    def read(self, work: Callable[[Connection], _R]) -> Deferred[_R]:
        """Read something; fires with the result, fails with `StoreError`."""
        job = Work(work)
        self._reading.submit(job)
        return job.done.addErrback(self._failed)

    def used_bytes(self) -> Deferred[int]:
        """Ask how much of the disk the store takes; fails with `StoreError`."""
        return self.read(self._store.used_bytes)

    def turn(self) -> Deferred[None]:
        """Fire when every change that was asked for before is done, whether or not it worked."""
        turn = Turn()
        self._writing.submit(turn)
        return turn.done

    def empty_log(self) -> Deferred[None]:
        """Leave nothing in the log of changes of what was deleted.

        Until then, deleted rows may stand there, although they are overwritten in the database. Fires when it is done,
        or the alarm has heard why not.
        """
        upkeep = Upkeep(self._store.empty_log)
        self._writing.submit(upkeep)
        return upkeep.done.addErrback(self._failed).addErrback(already_told)

    def give_back(self) -> Deferred[None]:
        """Give a part of the room that is free in the store back to the disk; the alarm hears if that fails."""
        upkeep = Upkeep(self._store.give_back)
        self._writing.submit(upkeep)
        return upkeep.done.addErrback(self._failed).addErrback(already_told)

    async def finish(self) -> None:
        """Finish all that was asked for, and take nothing more; the store stays open."""
        await self._writing.stop()
        if self._reading is not self._writing:
            await self._reading.stop()

    async def stop(self) -> None:
        """Finish all that was asked for, and close the store."""
        await self.finish()
        self._store.close()

    def _wrote(self, result: _R) -> _R:
        self._alarm.wrote()
        return result

    def _failed(self, failure: Failure) -> Failure:
        error = failure.value
        # An error of the program's own, such as a poll that does not exist, says nothing about the store. Neither does
        # a second vote of one person, whom anybody could be.
        is_own = isinstance(error, LoopixmixError) and not isinstance(error, StoreError)
        # Nor does it that nobody waits for the result any more.
        if not is_own and not isinstance(error, ConstraintError | CancelledError):
            self._alarm.failed(failure)
        return failure


def threaded_access(store: Store, *, waiting: str, call_on_reactor: Callable[..., object]) -> StoreAccess:
    """Return access through two threads: a reading does not wait for changes.

    `waiting`: what waits while the store is broken, for the log. `call_on_reactor`: the reactor's `callFromThread`.
    """
    writing = ThreadLane("store writer", partial(write_batch, store), call_on_reactor=call_on_reactor)
    reading = ThreadLane("store reader", partial(read_batch, store), call_on_reactor=call_on_reactor)
    return StoreAccess(store, writing=writing, reading=reading, alarm=StoreAlarm(waiting, has_room=store.has_room))


def ordered_access(store: Store, *, waiting: str, call_on_reactor: Callable[..., object]) -> StoreAccess:
    """Return access through one thread: a reading sees every change that was asked for before it."""
    lane = ThreadLane("store", partial(write_batch, store), call_on_reactor=call_on_reactor)
    return StoreAccess(store, writing=lane, reading=lane, alarm=StoreAlarm(waiting, has_room=store.has_room))


def inline_access(store: Store, *, waiting: str = "everything") -> StoreAccess:
    """Return access without threads, for tests and simulations: everything is done at once."""
    lane = InlineLane(partial(write_batch, store))
    return StoreAccess(store, writing=lane, reading=lane, alarm=StoreAlarm(waiting, has_room=store.has_room))


def clocked_access(
    store: Store, *, waiting: str = "everything", clock: Clock, write_s: float, read_s: float
) -> StoreAccess:
    """Return access without threads, for tests and simulations: each batch takes `write_s` or `read_s` on `clock`."""
    writing = ClockLane(partial(write_batch, store), clock=clock, batch_s=write_s)
    reading = ClockLane(partial(read_batch, store), clock=clock, batch_s=read_s)
    return StoreAccess(store, writing=writing, reading=reading, alarm=StoreAlarm(waiting, has_room=store.has_room))
