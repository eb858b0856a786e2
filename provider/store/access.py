"""The store as services see it: everything returns a Deferred, nothing waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from loopixmix.seams import Clock, Identity
from provider.mailbox import ItemNumber, MailboxRules
from provider.store import MailStore
from provider.store.alarm import StoreAlarm
from provider.store.items import NewItem, PutOutcome
from provider.store.keeping import Beginning, Keeping
from provider.store.lanes import ClockLane, Deleting, Lane, Storing, ThreadLane, Work, read_batch, write_batch
from provider.store.requests import Begun, NewRequest

_R = TypeVar("_R")


class StoreAccess:
    """One lane to write, one to read, and an alarm that hears of every failure.

    Changes and readings have lanes of their own because a reading must not wait for the flush of a disk: a pull is
    answered a few milliseconds after it came.
    """

    def __init__(self, store: MailStore, *, writing: Lane, reading: Lane, alarm: StoreAlarm) -> None:
        """`store`: `stop` closes it. `writing`, `reading`: see `threaded_access`. `alarm`: hears of failures."""
        self._store = store
        self._writing = writing
        self._reading = reading
        self._alarm = alarm

    @property
    def problem(self) -> str | None:
        """Why the store could not be used the last time, in one line; None if it could."""
        return self._alarm.problem

    @property
    def waiting(self) -> int:
        """How many items and other changes are not yet being written."""
        return self._writing.waiting

    @property
    def size_bytes(self) -> int:
        """How much of the disk the store takes."""
        return self._store.size_bytes

    def put(self, item: NewItem) -> Deferred[PutOutcome]:
        """Store an item; fires once it is on the disk, fails with `StoreError`."""
        storing = Storing(item)
        self._writing.submit(storing)
        return storing.done.addCallbacks(self._stored, self._alarm.failed)

    def delete(self, owner: Identity, numbers: Sequence[ItemNumber]) -> Deferred[None]:
        """Delete items of the account with the identity `owner`; fires when that is on the disk."""
        deleting = Deleting(owner, numbers)
        self._writing.submit(deleting)
        return deleting.done.addErrback(self._alarm.failed)

    def begin(self, request: NewRequest) -> Deferred[Begun]:
        """Write down that a request is carried out; fires with what was known of it, fails with `StoreError`."""
        beginning = Beginning(request)
        self._writing.submit(beginning)
        return beginning.done.addErrback(self._alarm.failed)

    def keep_answer(self, name: bytes, sealed: bytes) -> Deferred[None]:
        """Keep the sealed answer to a request that was begun; fires once it is on the disk."""
        keeping = Keeping(name, sealed)
        self._writing.submit(keeping)
        return keeping.done.addErrback(self._alarm.failed)

    def write(self, work: Callable[[Connection], _R]) -> Deferred[_R]:
        """Change something; fires with the result once it is on the disk, fails with `StoreError`."""
        job = Work(work)
        self._writing.submit(job)
        return job.done.addErrback(self._alarm.failed)

    def read(self, work: Callable[[Connection], _R]) -> Deferred[_R]:
        """Read something; fires with the result, fails with `StoreError`."""
        job = Work(work)
        self._reading.submit(job)
        return job.done.addErrback(self._alarm.failed)

    async def stop(self) -> None:
        """Finish all that was asked for, and close the store."""
        await self._writing.stop()
        await self._reading.stop()
        self._store.close()

    def _stored(self, outcome: PutOutcome) -> PutOutcome:
        # Only an item that was written ends the alarm: on a full disk deletions and readings still succeed.
        self._alarm.wrote()
        return outcome


def threaded_access(store: MailStore, rules: MailboxRules, *, call_on_reactor: Callable[..., object]) -> StoreAccess:
    """Return access through two threads; `call_on_reactor` is the reactor's `callFromThread`."""
    writing = ThreadLane("store writer", partial(write_batch, store, rules), call_on_reactor=call_on_reactor)
    reading = ThreadLane("store reader", partial(read_batch, store), call_on_reactor=call_on_reactor)
    return StoreAccess(store, writing=writing, reading=reading, alarm=StoreAlarm())


def clocked_access(
    store: MailStore, rules: MailboxRules, *, clock: Clock, write_s: float, read_s: float
) -> StoreAccess:
    """Return access without threads, for tests and simulations: each batch takes `write_s` or `read_s` on `clock`."""
    writing = ClockLane(partial(write_batch, store, rules), clock=clock, batch_s=write_s)
    reading = ClockLane(partial(read_batch, store), clock=clock, batch_s=read_s)
    return StoreAccess(store, writing=writing, reading=reading, alarm=StoreAlarm())
