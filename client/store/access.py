"""The store as the parts of a client see it: everything returns a Deferred, nothing waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from client.store import ClientStore
from client.store.worker import Worker

_R = TypeVar("_R")


class StoreAccess:
    """One store and the one worker that uses it: what is asked for first is done first."""

    def __init__(self, store: ClientStore, worker: Worker) -> None:
        """Give access to `store` by `worker`, which `stop` ends. The store's opener closes it after that."""
        self._store = store
        self._worker = worker

    def write(self, work: Callable[[Connection], _R]) -> Deferred[_R]:
        """Change something; fires with the result once it is on the disk, fails with `StoreError`."""
        return self.use(lambda store: store.write(work))

    def read(self, work: Callable[[Connection], _R]) -> Deferred[_R]:
        """Read something as it is after every change that was asked for before; fails with `StoreError`."""
        # There is one connection, so a read is a transaction like any other. On a second one a caller could read what
        # was there before a change it has asked for.
        return self.use(lambda store: store.write(work))

    def use(self, work: Callable[[ClientStore], _R]) -> Deferred[_R]:
        """Do `work` where the store is; for work that must know whether its own transaction was committed."""
        return self._worker.run(lambda: work(self._store))

    def turn(self) -> Deferred[None]:
        """Fire when everything that was asked for before is done, whether or not it worked."""
        return self._worker.run(lambda: None)

    async def stop(self) -> None:
        """Finish what was asked for; nothing may be asked for afterwards."""
        await self._worker.stop()
