"""The store of a mail bridge as its threads use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from leap_plugin.store.bell import MailBell
from loopixmix.store.commits import SharedCommits
from loopixmix.store.transactions import Store

_R = TypeVar("_R")


class BridgeStore:
    """Reads and writes from any thread; writes that come together share a commit, and a bell rings after each."""

    def __init__(self, store: Store, bell: MailBell) -> None:
        """`store`: of the kind `MAIL_STORE`; closed by whoever opened it. `bell`: rings after each change."""
        self.bell = bell
        self._store = store
        self._commits = SharedCommits(store)

    def read(self, work: Callable[[Connection], _R]) -> _R:
        """Do `work`, which only reads, on one state of the store. Raises what it raises, or `StoreError`."""
        return self._store.read(work)

    def write(self, account: int, work: Callable[[Connection], _R]) -> _R:
        """Do `work`, which changes `account`, in a transaction that is on the disk when this returns; then ring.

        `work` must leave nothing behind but what it writes: it may run again. Raises what it raises, or `StoreError`.
        """
        result = self._commits.write(work)
        self.bell.ring(account)
        return result
