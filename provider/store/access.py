"""The provider's store as its services see it: items join their batches, all else is as with any store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

from twisted.internet.defer import Deferred

from loopixmix.errors import DiskFullError
from loopixmix.seams import Clock, Identity
from loopixmix.store.access import StoreAccess
from loopixmix.store.alarm import StoreAlarm
from loopixmix.store.jobs import read_batch
from loopixmix.store.lanes import ClockLane, ThreadLane
from provider.mailbox import ItemNumber, MailboxRules
from provider.store import MailStore
from provider.store.batches import Deleting, MailWriter, Storing
from provider.store.items import NO_QUOTAS, NewItem, PutOutcome
from provider.store.keeping import Beginning, Keeping
from provider.store.requests import Begun, NewRequest

PAUSE_S = 0.005
"""Under load a commit is followed by a pause, so that more share the next one: each costs a millisecond of work."""

_R = TypeVar("_R")
_WAITING = "mail"


class MailAccess(StoreAccess):
    """Access to a provider's store, made by `threaded_access`.

    Changes and readings have lanes of their own because a reading must not wait for the flush of a disk: a pull is
    answered a few milliseconds after it came.
    """

    def put(self, item: NewItem) -> Deferred[PutOutcome]:
        """Store an item; fires once it is on the disk, fails with `StoreError`."""
        storing = Storing(item)
        self._writing.submit(storing)
        return storing.done.addCallbacks(self._stored, self._failed)

    def delete(self, owner: Identity, numbers: Sequence[ItemNumber]) -> Deferred[None]:
        """Delete items of the account with the identity `owner`; fires when that is on the disk."""
        deleting = Deleting(owner, numbers)
        self._writing.submit(deleting)
        return deleting.done.addErrback(self._failed)

    def begin(self, request: NewRequest) -> Deferred[Begun]:
        """Write down that a request is carried out; fires with what was known of it, fails with `StoreError`."""
        beginning = Beginning(request)
        self._writing.submit(beginning)
        return beginning.done.addErrback(self._failed)

    def keep_answer(self, name: bytes, sealed: bytes) -> Deferred[None]:
        """Keep the sealed answer to a request that was begun; fires once it is on the disk."""
        keeping = Keeping(name, sealed)
        self._writing.submit(keeping)
        return keeping.done.addErrback(self._failed)

    def _wrote(self, result: _R) -> _R:
        # Only an item that was written ends the alarm: on a full disk deletions and readings still succeed.
        return result

    def _stored(self, outcome: PutOutcome) -> PutOutcome:
        self._alarm.wrote()
        return outcome


def threaded_access(
    store: MailStore,
    rules: MailboxRules,
    *,
    call_on_reactor: Callable[..., object],
    quotas: Mapping[Identity, int] = NO_QUOTAS,
    skipping: int = 0,
) -> MailAccess:
    """Return access through two threads; `call_on_reactor` is the reactor's `callFromThread`.

    `quotas`: those of mailboxes that have another one than `rules` says, by the keys of their accounts. `skipping`: so
    many numbers of items are left out in each mailbox. Raises `StoreError` if that cannot be written.
    """
    writer = MailWriter(store, rules, quotas=quotas, skipping=skipping)
    # A full disk must not keep users from the mail that is there. The first item that finds room comes after it.
    with suppress(DiskFullError):
        writer.skip()
    writing = ThreadLane(
        "store writer",
        writer.write,
        call_on_reactor=call_on_reactor,
        pause=partial(threading.Event().wait, PAUSE_S),
    )
    reading = ThreadLane("store reader", partial(read_batch, store), call_on_reactor=call_on_reactor)
    return MailAccess(store, writing=writing, reading=reading, alarm=StoreAlarm(_WAITING, has_room=store.has_room))


def clocked_access(store: MailStore, rules: MailboxRules, *, clock: Clock, write_s: float, read_s: float) -> MailAccess:
    """Return access without threads, for tests and simulations: each batch takes `write_s` or `read_s` on `clock`."""
    writing = ClockLane(MailWriter(store, rules).write, clock=clock, batch_s=write_s)
    reading = ClockLane(partial(read_batch, store), clock=clock, batch_s=read_s)
    return MailAccess(store, writing=writing, reading=reading, alarm=StoreAlarm(_WAITING, has_room=store.has_room))
